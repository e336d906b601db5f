"""All that a workflow's declaration says, as plain data: for `reseal workflow` and for the pages in docs/workflows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from workflows.catalogue import theory
from workflows.machine import OK, SETTLEMENTS, End, Outcome, Row, Settled, State, Step, Workflow
from workflows.verify import DENIED, Operations
from workflows.view import sentence

if TYPE_CHECKING:
    from app.kernel.operation import Operation

FORMAT = 1


def about(workflow: Workflow, operations: Operations) -> dict[str, Any]:
    """Versioned. `rows` say what each outcome means, from the declaration of the operation that gives it."""
    return {
        "reseal": FORMAT,
        "name": workflow.name,
        "title": workflow.title,
        "theory": theory(workflow),
        "start": workflow.start,
        "roles": list(workflow.roles),
        "states": [_state(state) for state in workflow.states],
        "rows": [_row(workflow, row, operations) for row in workflow.next],
    }


def _row(workflow: Workflow, row: Row, operations: Operations) -> dict[str, Any]:
    state, outcome, target = row
    means = meaning(workflow, state, outcome, operations)
    return {"state": state, "outcome": str(outcome), "next": target, "means": means}


def _state(state: State) -> dict[str, Any]:
    if isinstance(state, End):
        return {"name": state.name, "end": True, "ok": state.ok}
    return {
        "name": state.name, "as": state.as_, "call": state.call, "requires": sentence(state.requires),
        "ensures": sentence(state.ensures), "expects": list(state.expects),
    }  # fmt: skip


def meaning(workflow: Workflow, state: str, outcome: Outcome, operations: Operations) -> str:
    """What an outcome of a step stands for: its contract, AWS's texts, or what is seen later."""
    step = workflow.state(state)
    assert isinstance(step, Step)
    if isinstance(outcome, Settled):
        return next(_later(each.message, each.code) for each in SETTLEMENTS if each.name == outcome.name)
    if outcome == OK:
        return sentence(step.ensures)
    operation = operations[step.call]
    return "; ".join(dict.fromkeys(_texts(operation, outcome))) or "a policy denies it"


def _later(message: str, code: str) -> str:
    return f"accepted, then State error: {message}" if message else f"accepted, then gone: {code}"


def _texts(operation: Operation, code: str) -> Iterator[str]:
    """The operation's texts for a code, as far as they are words and not filled in whole."""
    if code == DENIED.get(operation.service):
        yield "a policy denies it"
    for error in operation.answers:
        if error.code == code and not error.message.startswith("{"):
            yield error.message
