"""The desks of a server, one for each kind of order."""

from __future__ import annotations

from app.desk import Desk
from app.explorations import Explorations
from app.host import Worlds
from app.runs import Runs
from app.sweeps import Sweeps


class Desks:
    def __init__(self, worlds: Worlds) -> None:
        self.runs = Desk(worlds.store, Runs(worlds))
        self.sweeps = Desk(worlds.store, Sweeps())
        self.explorations = Desk(worlds.store, Explorations())
        self._all = (self.runs, self.sweeps, self.explorations)

    def take_up(self) -> None:
        """Go on with everything that an earlier server left unfinished."""
        for desk in self._all:
            desk.take_up()

    def close(self) -> None:
        """Let go of everything; it is taken up when the server is started again."""
        for desk in self._all:
            desk.close()
