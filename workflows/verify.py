"""The laws of a workflow's declaration, checked whenever one is loaded.

1 names are unique, the start is a step, no row names what is not there, and none stands for several (no wildcards)
2 nothing is ambiguous: one row for each (state, outcome), none that leaves an end
3 every state is reached from the start, and from every step an end can be reached; some end is ok
4 every call is an operation of this cloud, made as one of the workflow's roles; each role makes a call
5 every step has both contracts, and each contract is a sentence (its docstring), which is all that a reader sees of it
6 every declared error is handled. Declared are: OK; each code in the step's `expects`, which the operation must
  declare among its errors at once; each settlement of the operation, whether the step speaks of it or not. What is
  neither has no row, and ends in `unforeseen`, the one end that nobody declares.

Each finding names the row (or the state) that breaks the law, as the declaration writes it. The laws are judged on the
rows themselves, which the runner follows and the drawings show. They need two closures and nothing else of a graph:
written out, all laws of the five-step share take 0.1 ms, where importing networkx would take 420 ms of every
`reseal run`. That the closures are networkx's `descendants` and `ancestors` is tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from workflows.machine import OK, SETTLEMENTS, UNFORESEEN, End, Outcome, Row, Settled, Step, Workflow

if TYPE_CHECKING:
    from app.kernel.operation import Operation

Operations = Mapping[str, "Operation"]

# Refusals by policy: each service has one code, which its operations need not list one by one.
DENIED: Mapping[str, str] = {
    "ec2": "UnauthorizedOperation", "iam": "AccessDenied", "sts": "AccessDenied", "kms": "AccessDeniedException",
    "ebs": "AccessDeniedException", "rbin": "AccessDeniedException", "organizations": "AccessDeniedException",
    "cloudtrail": "AccessDeniedException",
}  # fmt: skip


WILDCARD = "*"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken law. `where` is the row or state in the words of the declaration."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class BrokenWorkflow(Exception):
    """A declaration that breaks a law can not be run."""

    def __init__(self, name: str, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(f"workflow {name}: {finding}" for finding in findings))
        self.findings = findings


def verified(workflow: Workflow, operations: Operations) -> Workflow:
    """The workflow itself, if it breaks no law; raises BrokenWorkflow with every finding."""
    found = tuple(findings(workflow, operations))
    if found:
        raise BrokenWorkflow(workflow.name, found)
    return workflow


def findings(workflow: Workflow, operations: Operations) -> Iterator[Finding]:
    """Every broken law, in the order of the laws. Laws about paths are judged only where all names are known."""
    names = list(_names(workflow))
    yield from names
    yield from _ambiguous(workflow)
    if not names:
        yield from _paths(workflow)
    yield from _roles(workflow)
    for step in workflow.steps:
        yield from _calls(workflow, step, operations)
        yield from _contracts(step)
        if step.call in operations:
            yield from _errors(workflow, step, operations[step.call])


def row(row: Row) -> str:
    """A row as the declaration writes it."""
    state, outcome, target = row
    return f"row ({state!r}, {_outcome(outcome)}, {target!r})"


# --- 1 names ---


def _names(workflow: Workflow) -> Iterator[Finding]:
    names = [state.name for state in workflow.states]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Finding(f"state {name!r}", "is declared twice")
    if UNFORESEEN.name in names:
        yield Finding(f"state {UNFORESEEN.name!r}", "is the implicit end of every workflow and can not be declared")
    if not any(step.name == workflow.start for step in workflow.steps):
        yield Finding(f"start {workflow.start!r}", "is not a step" + suggest(workflow.start, names))
    for each in workflow.next:
        yield from _named(each, names)


def _named(each: Row, names: list[str]) -> Iterator[Finding]:
    """What a row names: its two states and its outcome."""
    for name in (each[0], each[2]):
        if name == UNFORESEEN.name:
            yield Finding(row(each), f"{name!r} is where every outcome without a row leads; no row may name it")
        elif name not in names:
            yield Finding(row(each), f"names no state: {name!r}" + suggest(name, names))
    if WILDCARD in (each[0], each[1]):
        yield Finding(row(each), "there are no wildcards: each outcome of each state has a row of its own")
    known = {settlement.name for settlement in SETTLEMENTS}
    if isinstance(each[1], Settled) and each[1].name not in known:
        yield Finding(row(each), f"there is no settlement {each[1].name}" + suggest(each[1].name, known))


def suggest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing where nothing is close."""
    close = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


# --- 2 nothing is ambiguous ---


def _ambiguous(workflow: Workflow) -> Iterator[Finding]:
    ends = {state.name for state in workflow.states if isinstance(state, End)}
    seen: dict[tuple[str, Outcome], Row] = {}
    for each in workflow.next:
        if each[:2] in seen:
            yield Finding(row(each), f"the same state and outcome as {row(seen[each[:2]])}")
        seen.setdefault(each[:2], each)
        if each[0] in ends:
            yield Finding(row(each), f"{each[0]!r} is an end and leads nowhere")


# --- 3 paths ---


def _paths(workflow: Workflow) -> Iterator[Finding]:
    reached = _closure(workflow.start, lambda name: (target for state, _, target in workflow.next if state == name))
    ends = [state.name for state in workflow.states if isinstance(state, End)]
    ending = set[str]().union(
        *(_closure(end, lambda name: (state for state, _, target in workflow.next if target == name)) for end in ends)
    )
    for state in workflow.states:
        if state.name not in reached:
            yield Finding(f"state {state.name!r}", f"is not reached from {workflow.start!r}")
        if state.name not in ending:
            yield Finding(f"state {state.name!r}", "has no way out: no end is reached from it")
    if not any(isinstance(state, End) and state.ok for state in workflow.states):
        yield Finding(f"workflow {workflow.name!r}", "has no end that is ok")


def _closure(start: str, neighbours: Callable[[str], Iterable[str]]) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        fresh = set(neighbours(waiting.pop())) - found
        found |= fresh
        waiting.extend(fresh)
    return found


# --- 4 calls and roles ---


def _roles(workflow: Workflow) -> Iterator[Finding]:
    used = {step.as_ for step in workflow.steps}
    for role in dict.fromkeys(workflow.roles):
        if workflow.roles.count(role) > 1:
            yield Finding(f"role {role!r}", "is declared twice")
        if role not in used:
            yield Finding(f"role {role!r}", "makes no call")


def _calls(workflow: Workflow, step: Step, operations: Operations) -> Iterator[Finding]:
    if step.call not in operations:
        yield Finding(f"step {step.name!r}", f"there is no operation {step.call}" + suggest(step.call, operations))
    if step.as_ not in workflow.roles:
        yield Finding(f"step {step.name!r}", f"nobody is called {step.as_!r}" + suggest(step.as_, workflow.roles))


# --- 5 contracts ---


def _contracts(step: Step) -> Iterator[Finding]:
    for when, contract in (("requires", step.requires), ("ensures", step.ensures)):
        if not callable(contract):
            yield Finding(f"step {step.name!r}", f"has no contract in `{when}`, but {contract!r}")
        elif not (contract.__doc__ or "").strip():
            name = getattr(contract, "__name__", repr(contract))
            yield Finding(f"step {step.name!r}", f"{when} {name}, which has no sentence: give it a docstring")


# --- 6 errors ---


def _errors(workflow: Workflow, step: Step, operation: Operation) -> Iterator[Finding]:
    where, handled = f"step {step.name!r}", workflow.outcomes(step.name)
    if OK not in handled:
        yield Finding(where, "has no row for OK")
    at_once = {error.code for error in operation.answers} | {DENIED.get(operation.service, "AccessDenied")}
    for code in step.expects:
        if code not in at_once:
            yield Finding(where, f"expects {code}, which {step.call} does not declare" + suggest(code, at_once))
        if code not in handled:
            yield Finding(where, f"expects {code} and has no row for it")
    settles = {error.code for error in operation.settles}  # services name them as SETTLEMENTS does
    for name in sorted(settles - {outcome.name for outcome in handled if isinstance(outcome, Settled)}):
        yield Finding(where, f"{step.call} may settle as {name}, and no row handles it")
    for code in sorted({code for code in step.expects if step.expects.count(code) > 1}):
        yield Finding(where, f"expects {code} twice")
    for each in (each for each in workflow.next if each[0] == step.name):
        yield from _undeclared(each, step, settles)


def _undeclared(each: Row, step: Step, settles: set[str]) -> Iterator[Finding]:
    outcome = each[1]
    if isinstance(outcome, Settled):
        if outcome.name not in settles:
            yield Finding(
                row(each), f"{step.call} declares no settlement {outcome.name}" + suggest(outcome.name, settles)
            )
    elif outcome != OK and outcome not in step.expects:
        yield Finding(row(each), f"step {step.name!r} does not expect {outcome}" + suggest(outcome, step.expects))


def _outcome(outcome: Outcome) -> str:
    return f'Settled("{outcome.name}")' if isinstance(outcome, Settled) else ("OK" if outcome == OK else repr(outcome))
