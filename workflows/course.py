"""The course of a run: what is known at a point of it. It grows with each step, performed or read from the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from workflows import principals
from workflows.machine import State, Step, Workflow
from workflows.names import Names

if TYPE_CHECKING:
    from app.graph.build import Graph
    from workflows.format import StepSpec
    from workflows.scenario import Scenario

Json = dict[str, Any]


def account_ids(scenario: Scenario) -> dict[str, str]:
    """alias -> id; what the file leaves open follows from its name, so that it is the same in every run."""
    return {alias: id or made_up(scenario.spec.name, alias) for alias, id in scenario.spec.accounts.items()}


def made_up(name: str, alias: str) -> str:
    """The id of an account that a scenario only names."""
    number = int.from_bytes(hashlib.sha256(f"{name}/{alias}".encode()).digest()[:8], "big")
    return str(10**11 + number % (9 * 10**11))


@dataclass
class Course:
    scenario: Scenario
    workflow: Workflow | None
    accounts: Mapping[str, str]  # alias -> id
    scope: Json  # what references may name
    state: State | None = None  # of the workflow; None without one
    graph: Graph | None = None  # of keys, after the last step
    things: dict[str, str] = field(default_factory=dict[str, str])  # step -> id of the main thing it made
    made: dict[str, StepSpec] = field(
        default_factory=dict[str, "StepSpec"]
    )  # step id -> its declaration, of the steps passed
    results: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])  # state -> answer
    roles: dict[str, str] = field(default_factory=dict[str, str])  # role of the workflow -> alias that plays it
    callers: dict[str, tuple[str, ...]] = field(
        default_factory=dict[str, tuple[str, ...]]
    )  # principal whom a step signed in -> its ARNs

    @property
    def names(self) -> Names:
        callers = {
            name: principals.callers(self.accounts[name.partition("/")[0]], spec)
            for name, spec in self.scenario.spec.principals.items()
            if spec.signed_in_by is None
        } | self.callers
        return Names(self.scope, self.accounts, callers, self.things)

    def step_state(self, step: StepSpec) -> Step | None:
        """The workflow's state that a step carries out; None for what happens aside."""
        return self.state if isinstance(self.state, Step) and not step.aside and step.advance is None else None

    def passed(self, step: StepSpec, value: Mapping[str, Any], later: Json, saved: Json, thing: str) -> None:
        """A step has been performed: its results can be referred to from now on."""
        self.scope[step.id] = {**value, **saved, "later": later}
        self.made[step.id] = step
        if thing:
            self.things[step.id] = thing

    def branched(self) -> Course:
        """A copy that goes on by itself."""
        return replace(
            self, scope=dict(self.scope), things=dict(self.things), made=dict(self.made), results=dict(self.results),
            callers=dict(self.callers),
        )  # fmt: skip

    def onto(self, other: Course) -> None:
        """Bring another course, of a scenario with the same steps up to here, to the point where this one is."""
        spec = other.scenario.spec
        steps = {step.id: step for step in (*spec.given, *spec.steps)}
        other.scope |= {id: self.scope[id] for id in self.made}
        other.made = {id: steps[id] for id in self.made}
        other.things, other.results, other.callers = dict(self.things), dict(self.results), dict(self.callers)
        other.state, other.graph = self.state, self.graph


def begun(scenario: Scenario, workflow: Workflow | None) -> Course:
    """The course before the first step."""
    accounts = account_ids(scenario)
    scope: Json = {"accounts": dict(accounts), "region": scenario.spec.region}
    for alias, id in accounts.items():
        scope[f"principals.{alias}/root"] = {"arn": f"arn:aws:iam::{id}:root"}
    for name, spec in scenario.spec.principals.items():
        if spec.signed_in_by is not None:  # its ARN is known when it has signed in, and it is not referred to
            continue
        scope[f"principals.{name}"] = {"arn": principals.arn(accounts[name.partition("/")[0]], spec)}
    course = Course(scenario, workflow, accounts, scope, workflow.state(workflow.start) if workflow else None)
    course.roles = _roles(course)
    return course


def _roles(course: Course) -> dict[str, str]:
    """Which account plays which role: that of the principal who makes the role's first call."""
    roles: dict[str, str] = {}
    state = course.state
    for step in course.scenario.spec.steps:
        if not isinstance(state, Step):
            break
        if not step.aside and step.advance is None:
            roles.setdefault(state.as_, str(step.as_).partition("/")[0])
            state = course.workflow.after(state.name, "OK") if course.workflow else None
    left = [alias for alias in course.accounts if alias not in roles.values()]
    for role in course.workflow.roles if course.workflow else ():
        if role not in roles and left:
            roles[role] = left.pop(0)
    return roles
