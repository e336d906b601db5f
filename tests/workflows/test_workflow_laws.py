"""The laws of a workflow's declaration: each broken declaration is refused, and the finding names its row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.kernel.operation import Services
from workflows import catalogue
from workflows.drawing import mermaid
from workflows.machine import OK, SOURCE, TARGET, UNFORESEEN, End, Settled, Step, Workflow
from workflows.verify import BrokenWorkflow, findings, verified
from workflows.view import View


def holds(view: View) -> bool:
    """It holds."""
    return True


@dataclass(frozen=True)
class Declared:
    """An operation, as far as the verifier looks at it."""

    service: str = "ec2"
    answers: tuple[Any, ...] = ()
    settles: tuple[Any, ...] = ()


def unsaid(view: View) -> bool:
    return True


def errors(*codes: str) -> tuple[Any, ...]:
    return tuple(SimpleNamespace(code=code) for code in codes)


OPERATIONS: Any = {
    "ec2:Share": Declared(answers=errors("NotPermitted")),
    "ec2:Copy": Declared(answers=errors("Invalid"), settles=errors("KEY_NOT_ACCESSIBLE")),
}
SHARE = Step("share", SOURCE, "ec2:Share", holds, holds, expects=("NotPermitted",))
COPY = Step("copy", TARGET, "ec2:Copy", holds, holds)
STATES = (SHARE, COPY, End("done", ok=True), End("refused", ok=False))
NEXT = (
    ("share", OK, "copy"),
    ("share", "NotPermitted", "refused"),
    ("copy", OK, "done"),
    ("copy", Settled("KEY_NOT_ACCESSIBLE"), "refused"),
)
GOOD = Workflow("sharing", STATES, NEXT, "share")


@dataclass(frozen=True)
class Broken:
    law: str
    workflow: Workflow
    says: str
    operations: Any = field(default_factory=lambda: OPERATIONS)


CASES = (
    Broken("a state is declared twice", replace(GOOD, states=(*STATES, COPY)), "state 'copy': is declared twice"),
    Broken("the start is a step", replace(GOOD, start="shar"), "start 'shar': is not a step; did you mean 'share'?"),
    Broken(
        "unforeseen is no state to declare",
        replace(GOOD, states=(*STATES, End("unforeseen", ok=False))),
        "is the implicit end of every workflow",
    ),
    Broken(
        "a row names an unknown state",
        replace(GOOD, next=(*NEXT, ("copy", "Invalid", "refuse"))),
        "row ('copy', 'Invalid', 'refuse'): names no state: 'refuse'; did you mean 'refused'?",
    ),
    Broken(
        "a row names an unknown settlement",
        replace(GOOD, next=(*NEXT, ("copy", Settled("KEY_NOT_ACCESIBLE"), "refused"))),
        "there is no settlement KEY_NOT_ACCESIBLE; did you mean 'KEY_NOT_ACCESSIBLE'?",
    ),
    Broken(
        "two rows for one state and outcome",
        replace(GOOD, next=(*NEXT, ("copy", OK, "refused"))),
        "row ('copy', OK, 'refused'): the same state and outcome as row ('copy', OK, 'done')",
    ),
    Broken(
        "a row leaves an end", replace(GOOD, next=(*NEXT, ("done", OK, "copy"))), "'done' is an end and leads nowhere"
    ),
    Broken(
        "a state is not reached",
        replace(GOOD, states=(*STATES, End("lost", ok=False))),
        "state 'lost': is not reached from 'share'",
    ),
    Broken(
        "a state has no way out",
        replace(GOOD, next=(NEXT[0], NEXT[1], ("copy", OK, "copy"), ("copy", Settled("KEY_NOT_ACCESSIBLE"), "copy"))),
        "state 'copy': has no way out",
    ),
    Broken(
        "no end is ok",
        replace(GOOD, states=(SHARE, COPY, End("done", ok=False), End("refused", ok=False))),
        "has no end that is ok",
    ),
    Broken(
        "an unknown operation",
        replace(GOOD, states=(SHARE, replace(COPY, call="ec2:Copi"), *STATES[2:])),
        "step 'copy': there is no operation ec2:Copi; did you mean 'ec2:Copy'?",
    ),
    Broken(
        "an unknown role",
        replace(GOOD, states=(SHARE, replace(COPY, as_="taget"), *STATES[2:])),
        "step 'copy': nobody is called 'taget'; did you mean 'target'?",
    ),
    Broken("no row for OK", replace(GOOD, next=(NEXT[1], *NEXT[2:])), "step 'share': has no row for OK"),
    Broken(
        "an expected error has no row",
        replace(GOOD, next=(NEXT[0], *NEXT[2:])),
        "step 'share': expects NotPermitted and has no row for it",
    ),
    Broken(
        "an expected error is not declared by the operation",
        replace(GOOD, states=(SHARE, replace(COPY, expects=("Invalit",)), *STATES[2:])),
        "step 'copy': expects Invalit, which ec2:Copy does not declare; did you mean 'Invalid'?",
    ),
    Broken(
        "a settlement is forgotten",
        replace(GOOD, next=NEXT[:3]),
        "step 'copy': ec2:Copy may settle as KEY_NOT_ACCESSIBLE, and no row handles it",
    ),
    Broken(
        "a settlement that the operation does not declare",
        replace(GOOD, next=(*NEXT, ("share", Settled("VOLUME_VANISHED"), "refused"))),
        "ec2:Share declares no settlement VOLUME_VANISHED",
    ),
    Broken(
        "a row for an error that the step does not expect",
        replace(GOOD, next=(*NEXT, ("copy", "Invalid", "refused"))),
        "row ('copy', 'Invalid', 'refused'): step 'copy' does not expect Invalid",
    ),
    Broken(
        "no row stands for several outcomes",
        replace(GOOD, next=(*NEXT, ("copy", "*", "refused"))),
        "row ('copy', '*', 'refused'): there are no wildcards: each outcome of each state has a row of its own",
    ),
    Broken(
        "no row leads to the end of what no row names",
        replace(GOOD, next=(*NEXT, ("copy", "Invalid", "unforeseen"))),
        "row ('copy', 'Invalid', 'unforeseen'): 'unforeseen' is where every outcome without a row leads",
    ),
    Broken(
        "a contract is a sentence",
        replace(GOOD, states=(replace(SHARE, ensures=unsaid), *STATES[1:])),
        "step 'share': ensures unsaid, which has no sentence: give it a docstring",
    ),
    Broken(
        "a step has both contracts",
        replace(GOOD, states=(replace(SHARE, requires=None), *STATES[1:])),  # type: ignore[arg-type]
        "step 'share': has no contract in `requires`, but None",
    ),
    Broken(
        "every role makes a call",
        replace(GOOD, roles=(SOURCE, TARGET, "organizer")),
        "role 'organizer': makes no call",
    ),
)


@pytest.mark.parametrize("broken", CASES, ids=lambda case: case.law)
def test_a_broken_declaration_is_refused_and_the_finding_names_its_row(broken: Broken) -> None:
    """Every law, broken alone. Method: one change to a good declaration."""
    with pytest.raises(BrokenWorkflow) as refused:
        verified(broken.workflow, broken.operations)
    assert broken.says in str(refused.value)


def test_a_good_declaration_is_itself() -> None:
    assert verified(GOOD, OPERATIONS) is GOOD


def test_the_workflows_that_come_with_reseal_hold_against_its_own_operations(services: Services) -> None:
    """The catalogue is checked against what the services declare, so neither can drift from the other."""
    for name in catalogue.NAMES:
        assert catalogue.load(name, services.operations).name == name


def test_what_no_row_names_ends_unforeseen() -> None:
    assert GOOD.after("copy", "InternalError") is UNFORESEEN
    assert GOOD.after("copy", OK) == End("done", ok=True)


def test_the_drawing_shows_every_row_and_no_other() -> None:
    drawn = [line.strip() for line in mermaid(GOOD).splitlines() if "-->" in line and "[*]" not in line]
    assert drawn == [
        "share --> copy: OK",
        "share --> refused: NotPermitted",
        "copy --> done: OK",
        "copy --> refused: later KEY_NOT_ACCESSIBLE",
    ]


@settings(max_examples=200, deadline=None)
@given(st.sets(st.integers(0, len(NEXT) - 1)), st.lists(st.sampled_from(NEXT), max_size=2))
def test_only_the_whole_set_of_rows_is_accepted(left_out: set[int], doubled: list[Any]) -> None:
    """Leaving out any rows, or writing any twice, is found. Method: random damage to a good declaration."""
    rows = tuple(row for index, row in enumerate(NEXT) if index not in left_out) + tuple(doubled)
    found = list(findings(replace(GOOD, next=rows), OPERATIONS))
    assert bool(found) == (sorted(map(str, rows)) != sorted(map(str, NEXT)))
