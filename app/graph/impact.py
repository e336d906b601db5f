"""What an edit takes from whom: by structure, what rests on what it takes away; by trying, who reads no more.

Both are told, because they differ: a copy of the structure's loss may still be read by another way, and who loses a
grant loses reads of things that are as whole as before. An attached volume is told apart: its machine reads on until
it is detached.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app.graph.build import Graph
from app.graph.edits import Edit, Made, made
from app.graph.questions import Finding, becomes_unreadable
from app.graph.readers import WayFound, ways_of
from app.graph.reading import Ready, asked_about, prepared
from app.graph.things import found, held_open
from app.graph.who import Who, later

if TYPE_CHECKING:
    from app.kernel.cloud import Cloud

PAIRS_MAX: Final = 100  # of a principal and a thing, each tried before and after


@dataclass(frozen=True, slots=True)
class Turn:
    """What changes for one principal and one thing: the ways that held before, and those that hold after."""

    who: str
    thing: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    stop: WayFound | None = None  # how the first way that was lost ends now; None where the thing is gone

    @property
    def is_lost(self) -> bool:
        return bool(self.before) and not self.after


@dataclass(frozen=True, slots=True)
class Impact:
    edit: Edit
    made: Made
    unreadable: Finding  # by structure
    turns: tuple[Turn, ...]  # who reads less, or more
    attached: tuple[tuple[str, str], ...]  # (volume, instance) among what is lost: open until it is detached
    evaluated: int  # pairs
    left_out: tuple[str, ...]  # things that were not tried, or not for everybody

    @property
    def lost(self) -> tuple[Turn, ...]:
        return tuple(turn for turn in self.turns if turn.is_lost)


def impact(
    cloud: Cloud, graph: Graph, edit: Edit, *, things: Iterable[str] = (), asked: Iterable[Who] = (),
    limit: int = PAIRS_MAX,
) -> Impact:  # fmt: skip
    """`things`: only these; `asked`: only these principals. CannotEdit where the edit can not be made."""
    after = made(cloud, edit)
    world, who = cloud.world, tuple(asked)
    wanted = [thing for id in things or edit.things if (thing := found(world, id, graph.nodes[id].account))]
    turns, tried, left_out = list[Turn](), 0, list[str]()
    for thing in wanted:
        ready = prepared(cloud, thing)
        every = list(who or asked_about(cloud, ready))
        here = every[: max(0, limit - tried)]
        turns += _turns(cloud, after.cloud, ready, here, edit.leaves)
        tried += len(here)
        if len(here) < len(every):
            left_out.append(thing.id)
    unreadable = becomes_unreadable(graph, edit.gone) if edit.gone else Finding(False)
    volumes = (found(world, id, graph.nodes[id].account) for id in edit.things)
    attached = tuple(held for thing in volumes if thing for held in held_open(world, thing))
    return Impact(edit, after, unreadable, tuple(turns), attached, tried, tuple(left_out))


def _turns(before: Cloud, after: Cloud, was: Ready, asked: list[Who], gone: str) -> Iterator[Turn]:
    thing = was.thing
    left = found(after.world, thing.id, thing.account)
    now = prepared(after, left) if left else None
    for who in asked:
        old = ways_of(before, was, who)
        again = later(after, who) if who.account != gone else None
        new = ways_of(after, now, again) if now and again else ()
        held, holds = _held(old), _held(new)
        if held != holds:
            stopped = next((way for way in new if way.way in held and not way.holds), None)
            yield Turn(who.id, thing.id, held, holds, stopped)


def _held(ways: Iterable[WayFound]) -> tuple[str, ...]:
    return tuple(way.way for way in ways if way.holds)
