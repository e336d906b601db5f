"""A path played again: for what it can tell, and as a scenario file that `reseal run` plays."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from workflows.course import account_ids
from workflows.enact import Enactor
from workflows.explore.search import Node
from workflows.explore.tracks import MINUTE_MS, Plan
from workflows.machine import OK, SETTLEMENTS, Settled
from workflows.scenario_text import scenario_text
from workflows.yaml_marks import plain

if TYPE_CHECKING:
    from workflows.course import Course
    from workflows.format import StepSpec
    from workflows.machine import Outcome
    from workflows.port import Forking
    from workflows.transition import Transition

_KEPT: Final = ("seed", "clock", "region")
_OF_A_STEP: Final = ("with", "region", "data", "save")


def replayed(plan: Plan, port: Forking, course: Course, path: Sequence[Node]) -> Iterator[Transition]:
    """The calls of a path once more, with the evidence that the search does not keep."""
    course = course.branched()
    for node in path:
        step = node.step
        assert step is not None
        judge = plan.judges.get(step.id)
        port, course.state = port.fork(step.id), judge.state if judge else None
        actor = Enactor(port, course, "explore", in_order=False)
        transition, value = actor.enact(step, "steps", actor.intended(step, "steps"))
        if judge and transition.outcome == OK:
            course.results[judge.state.name] = value
        yield transition


def as_scenario(plan: Plan, path: Sequence[Node], name: str, description: str) -> str:
    """YAML: the same set-up, the calls in the order of the path, each expected to come to what it came to.

    It follows no workflow, since its order is none of the workflow's; policies stand in it, so it needs no other file.
    """
    tree = plain(plan.scenario.tree)
    head: dict[str, Any] = {"reseal": 1, "name": name, "description": description}
    head |= {key: tree[key] for key in _KEPT if tree.get(key) is not None}
    head["accounts"] = account_ids(plan.scenario)
    if tree.get("principals"):
        head["principals"] = {key: _principal(spec) for key, spec in tree["principals"].items()}
    head["given"] = tree.get("given") or []
    head["steps"] = [_step(node) for node in path]
    return scenario_text(head)


def write(folder: Path, stem: str, text: str) -> Path:
    """OSError where it can not be written."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}.reseal.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _principal(spec: Mapping[str, Any]) -> dict[str, Any]:
    """With its policies as documents: a text would be taken for a file's name."""
    found = dict(spec)
    if found.get("policies"):
        found["policies"] = [_document(each) for each in found["policies"]]
    for key in ("trust", "boundary", "session-policy"):
        if key in found:
            found[key] = _document(found[key])
    return found


def _document(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _step(node: Node) -> dict[str, Any]:
    step = node.step
    assert step is not None
    if step.advance is not None:
        return {"id": step.id, "advance": f"{step.advance // MINUTE_MS}m"}
    written: dict[str, Any] = {"id": step.id, **({"name": step.name} if step.name else {})}
    written |= {"as": step.as_, "call": step.call} | _parts(step)
    if expected := _expected(node.outcome):
        written["expect"] = expected
    elif step.wait:
        written["wait"] = step.wait
    return written


def _parts(step: StepSpec) -> dict[str, Any]:
    plain = step.model_dump(by_alias=True, include={"with_", "region", "data", "save"}, exclude_none=True)
    return {key: plain[key] for key in _OF_A_STEP if plain.get(key)}


def _expected(outcome: Outcome) -> dict[str, Any]:
    """What makes a run come to the same outcome, or fail."""
    if isinstance(outcome, Settled):
        row = next((each for each in SETTLEMENTS if each.name == outcome.name), None)
        if row is None:
            return {"later": {"State": "error"}}
        if row.reason:
            return {"later": {"StateReason": {"Code": row.reason}}}
        return {"later": {"Error": row.code} if row.code else {"State": "error", "StateMessage": row.message}}
    return {} if outcome == OK else {"error": outcome}
