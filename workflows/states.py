"""The states of a run in memory: the world after each step, kept as the value it is, and what the file's names mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows import session
from workflows.expressions import Unresolved
from workflows.in_process import InProcess
from workflows.names import Names
from workflows.scenario import load

if TYPE_CHECKING:
    from app.kernel.cloud import Cloud
    from app.kernel.operation import Services
    from app.kernel.world import World
    from workflows.transition import Report, Transition


@dataclass(frozen=True, slots=True)
class States:
    cloud: Cloud  # of the run
    worlds: Mapping[str, World]  # by step, in order
    names: Names  # as at the end
    report: Report

    def at(self, step: str = "") -> Cloud:
        """The cloud as it was after that step, or at the end, in a store of its own. KeyError, in words."""
        if not self.worlds:
            raise KeyError("the run made no step")
        if step and step not in self.worlds:
            raise KeyError(f"the run has no step {step!r}: {', '.join(self.worlds)}")
        return self.cloud.aside(self.worlds[step or list(self.worlds)[-1]])

    def node(self, name: str) -> str:
        """What a name of the file means: a step's thing, a principal, an account; else the name itself."""
        try:
            return self.names.accounts.get(name) or self.names.node(name)
        except Unresolved:
            return name

    def who(self, name: str) -> str:
        """A principal of the file by its ARN; `account/name` with the account's id."""
        known = self.names.scope.get(f"principals.{name}")
        account, slash, rest = name.partition("/")
        return known["arn"] if known else f"{self.names.accounts.get(account, account)}{slash}{rest}"


def states_of(path: str, services: Services) -> States:
    """Run a scenario file in memory. InvalidFile where it is not valid."""
    scenario = load(path, services.operations)
    port = session.in_memory_port(scenario, services)
    assert isinstance(port, InProcess)
    worlds: dict[str, World] = {}

    def keep(transition: Transition) -> None:
        worlds[transition.step] = port.cloud.world

    runner = session.runner(scenario, services, port, watch=keep)
    report = runner.run()
    return States(port.cloud, worlds, runner.names, report)
