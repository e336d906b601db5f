"""Good declarations of workflows made at random from this cloud's own operations, and broken ones made of those.

A breakage knows what it breaks: the row, state, step or role whose finding it must set off, and nothing else. What
follows from it for other states (not reached, no way out) is told by networkx, not by the verifier's own closures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import networkx

from workflows.machine import OK, SETTLEMENTS, UNFORESEEN, End, Row, Settled, State, Step, Workflow
from workflows.verify import DENIED, Operations, row
from workflows.view import View

WORDS = (
    "snapshot", "grant", "share", "copy", "restore", "launch", "revoke", "rotate", "attach", "list", "disable",
    "delete", "audit", "tag", "move", "check",
)  # fmt: skip
ROLES = ("source", "target", "auditor", "organizer")
SETTLEMENT_NAMES = tuple(each.name for each in SETTLEMENTS)


def holds(view: View) -> bool:
    """It holds."""
    return True


def holds_in_silence(view: View) -> bool:
    return True


# --- good ones ---


def good(random: Random, operations: Operations) -> Workflow:
    """A workflow of one to eight steps in a tree, with ways back: it breaks no law.

    Each step but the first is entered by a row of an earlier one, and OK leads on to a later step or an end.
    """
    steps = list(_steps(random, operations))
    slots = [(n, outcome) for n, step in enumerate(steps) for outcome in outcomes(step, operations)]
    random.shuffle(slots)
    targets: dict[tuple[int, Any], str] = {}
    for n in range(1, len(steps)):
        entry = random.choice([slot for slot in slots if slot[0] < n and slot not in targets])
        targets[entry] = steps[n].name
    free = [slot for slot in slots if slot not in targets]
    last = (len(steps) - 1, OK)
    free.remove(last)
    targets[last] = "done"
    ends = [End("done", ok=True)]
    for name, ok in (("refused", False), ("given_up", False), ("done_otherwise", True))[: random.randint(0, 3)]:
        if free:
            targets[free.pop()] = name
            ends.append(End(name, ok))
    for n, outcome in free:
        later = [step.name for step in steps[n + 1 :]] + [end.name for end in ends]
        targets[n, outcome] = random.choice(later if outcome == OK else [step.name for step in steps] + later)
    rows = [(steps[n].name, outcome, target) for (n, outcome), target in targets.items()]
    random.shuffle(rows)
    states: list[State] = [*steps, *ends]
    random.shuffle(states)
    roles = tuple(dict.fromkeys(step.as_ for step in steps))
    return Workflow("made_up", tuple(states), tuple(rows), start=steps[0].name, roles=roles)


def _steps(random: Random, operations: Operations) -> Iterator[Step]:
    usable = [id for id in sorted(operations) if {e.code for e in operations[id].settles} <= set(SETTLEMENT_NAMES)]
    settling = [id for id in usable if operations[id].settles]
    for name in random.sample(WORDS, random.randint(1, 8)):
        call = random.choice(settling if random.random() < 0.3 else usable)
        codes = at_once(call, operations)
        expects = tuple(random.sample(codes, random.randint(0, min(4, len(codes)))))
        yield Step(name, random.choice(ROLES), call, holds, holds, expects)


def at_once(call: str, operations: Operations) -> list[str]:
    operation = operations[call]
    return sorted({each.code for each in operation.answers} | {DENIED.get(operation.service, "AccessDenied")})


def outcomes(step: Step, operations: Operations) -> list[Any]:
    """All that a step's rows must handle."""
    settles = sorted({each.code for each in operations[step.call].settles})
    return [OK, *step.expects, *map(Settled, settles)]


# --- broken ones ---


@dataclass(frozen=True)
class Broken:
    workflow: Workflow
    wheres: frozenset[str]  # of the findings, all of them
    meant: str = ""  # the name that a finding should suggest

    def and_what_follows(self) -> Broken:
        return replace(self, wheres=self.wheres | consequences(self.workflow))


Breakage = Callable[[Random, Workflow, Operations], "Broken | None"]  # None: this one can not be broken so


def consequences(workflow: Workflow) -> frozenset[str]:
    """States that are not reached, or from which no end is, as networkx sees them."""
    graph = networkx.DiGraph([(state, target) for state, _, target in workflow.next])
    graph.add_nodes_from(state.name for state in workflow.states)
    ends = [state.name for state in workflow.states if isinstance(state, End)]
    reached = networkx.descendants(graph, workflow.start) | {workflow.start}
    ending = set(ends).union(*(networkx.ancestors(graph, end) for end in ends))
    return frozenset(f"state {name!r}" for name in set(graph) if name not in reached or name not in ending)


def misspelt(random: Random, name: str) -> str:
    at = random.randrange(1, len(name))
    return name[:at] + name[at - 1] + name[at:]


def with_row(workflow: Workflow, fresh: Row, instead: Row | None = None) -> Workflow:
    rows = tuple(fresh if each is instead else each for each in workflow.next)
    return replace(workflow, next=rows if instead else (*rows, fresh))


def with_step(workflow: Workflow, old: Step, **changes: Any) -> Workflow:
    new = replace(old, **changes)
    return replace(workflow, states=tuple(new if each is old else each for each in workflow.states))


def a_step(random: Random, workflow: Workflow) -> Step:
    return random.choice(list(workflow.steps))


def an_end(random: Random, workflow: Workflow) -> End:
    return random.choice([state for state in workflow.states if isinstance(state, End)])


def without(random: Random, workflow: Workflow, wanted: Callable[[Row], bool]) -> Broken | None:
    """One of the rows that are wanted is left out."""
    rows = [each for each in workflow.next if wanted(each)]
    if not rows:
        return None
    gone = random.choice(rows)
    left = replace(workflow, next=tuple(each for each in workflow.next if each is not gone))
    return Broken(left, frozenset({f"step {gone[0]!r}"})).and_what_follows()


def a_step_that_nothing_leads_to(random: Random, workflow: Workflow, operations: Operations) -> Broken | None:
    others = [step for step in workflow.steps if step.name != workflow.start]
    if not others:
        return None
    lost, end = random.choice(others), an_end(random, workflow)
    rows = tuple((s, o, end.name if t == lost.name and s != lost.name else t) for s, o, t in workflow.next)
    return Broken(replace(workflow, next=rows), frozenset({f"state {lost.name!r}"})).and_what_follows()


def an_end_that_nothing_leads_to(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    lost = End("lost", ok=random.random() < 0.5)
    return Broken(replace(workflow, states=(lost, *workflow.states)), frozenset({"state 'lost'"}))


def a_step_without_a_way_out(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    stuck = a_step(random, workflow)
    rows = tuple((s, o, s if s == stuck.name else t) for s, o, t in workflow.next)
    return Broken(replace(workflow, next=rows), frozenset({f"state {stuck.name!r}"})).and_what_follows()


def a_row_twice(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    state, outcome, _ = random.choice(workflow.next)
    again = (state, outcome, random.choice(workflow.states).name)
    return Broken(with_row(workflow, again), frozenset({row(again)}))


def a_row_that_leaves_an_end(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    leaves = (an_end(random, workflow).name, OK, random.choice(workflow.states).name)
    return Broken(with_row(workflow, leaves), frozenset({row(leaves)}))


def a_row_to_an_unknown_state(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    old = random.choice(workflow.next)
    new = (old[0], old[1], misspelt(random, old[2]))
    return Broken(with_row(workflow, new, old), frozenset({row(new)}), old[2])


def a_row_from_an_unknown_state(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    name = a_step(random, workflow).name
    new = (misspelt(random, name), OK, an_end(random, workflow).name)
    return Broken(with_row(workflow, new), frozenset({row(new)}), name)


def an_unknown_settlement(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    name = random.choice(SETTLEMENT_NAMES)
    new = (a_step(random, workflow).name, Settled(misspelt(random, name)), an_end(random, workflow).name)
    return Broken(with_row(workflow, new), frozenset({row(new)}), name)


def a_settlement_of_another_operation(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    step = a_step(random, workflow)
    own = {each.code for each in operations[step.call].settles}
    other = random.choice([name for name in SETTLEMENT_NAMES if name not in own])
    new = (step.name, Settled(other), an_end(random, workflow).name)
    return Broken(with_row(workflow, new), frozenset({row(new)}))


def an_unknown_operation(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    step = a_step(random, workflow)
    call = step.call[:-1] if step.call[:-1] not in operations else step.call + "ss"
    return Broken(with_step(workflow, step, call=call), frozenset({f"step {step.name!r}"}), step.call)


def an_unknown_role(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    step = a_step(random, workflow)
    idle = {f"role {step.as_!r}"} if [each.as_ for each in workflow.steps].count(step.as_) == 1 else set()
    broken = with_step(workflow, step, as_=misspelt(random, step.as_))
    return Broken(broken, frozenset({f"step {step.name!r}"} | idle), step.as_)


def a_role_that_makes_no_call(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    return Broken(replace(workflow, roles=(*workflow.roles, "bystander")), frozenset({"role 'bystander'"}))


def a_role_twice(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    role = random.choice(workflow.roles)
    return Broken(replace(workflow, roles=(*workflow.roles, role)), frozenset({f"role {role!r}"}))


def no_row_for_ok(random: Random, workflow: Workflow, operations: Operations) -> Broken | None:
    return without(random, workflow, lambda each: each[1] == OK)


def no_row_for_an_expected_error(random: Random, workflow: Workflow, operations: Operations) -> Broken | None:
    return without(random, workflow, lambda each: isinstance(each[1], str) and each[1] != OK)


def no_row_for_a_settlement(random: Random, workflow: Workflow, operations: Operations) -> Broken | None:
    return without(random, workflow, lambda each: isinstance(each[1], Settled))


def an_error_that_the_operation_does_not_declare(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    step = a_step(random, workflow)
    broken = with_step(workflow, step, expects=(*step.expects, "NeverHeardOf"))
    handled = with_row(broken, (step.name, "NeverHeardOf", an_end(random, workflow).name))
    return Broken(handled, frozenset({f"step {step.name!r}"}))


def an_error_expected_twice(random: Random, workflow: Workflow, operations: Operations) -> Broken | None:
    expecting = [step for step in workflow.steps if step.expects]
    if not expecting:
        return None
    step = random.choice(expecting)
    broken = with_step(workflow, step, expects=(*step.expects, step.expects[0]))
    return Broken(broken, frozenset({f"step {step.name!r}"}))


def a_row_for_an_error_that_is_not_expected(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    step = a_step(random, workflow)
    codes = [code for code in at_once(step.call, operations) if code not in step.expects] or ["NeverHeardOf"]
    new = (step.name, random.choice(codes), an_end(random, workflow).name)
    return Broken(with_row(workflow, new), frozenset({row(new)}))


def a_wildcard_for_outcomes(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    new = (a_step(random, workflow).name, "*", an_end(random, workflow).name)
    return Broken(with_row(workflow, new), frozenset({row(new)}))


def a_wildcard_for_states(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    new = ("*", OK, an_end(random, workflow).name)
    return Broken(with_row(workflow, new), frozenset({row(new)}))


def unforeseen_declared(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    states = (*workflow.states, End(UNFORESEEN.name, ok=False))
    return Broken(replace(workflow, states=states), frozenset({"state 'unforeseen'"}))


def a_row_to_unforeseen(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    old = random.choice(workflow.next)
    new = (old[0], old[1], UNFORESEEN.name)
    return Broken(with_row(workflow, new, old), frozenset({row(new)}))


def a_start_that_is_no_step(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    start = an_end(random, workflow).name if random.random() < 0.5 else misspelt(random, workflow.start)
    meant = "" if start in {state.name for state in workflow.states} else workflow.start
    return Broken(replace(workflow, start=start), frozenset({f"start {start!r}"}), meant)


def a_state_twice(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    state = random.choice(workflow.states)
    return Broken(replace(workflow, states=(*workflow.states, state)), frozenset({f"state {state.name!r}"}))


def no_end_that_is_ok(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    states = tuple(replace(each, ok=False) if isinstance(each, End) else each for each in workflow.states)
    return Broken(replace(workflow, states=states), frozenset({f"workflow {workflow.name!r}"}))


def a_contract_without_a_sentence(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    step = a_step(random, workflow)
    broken = with_step(workflow, step, **{random.choice(("requires", "ensures")): holds_in_silence})
    return Broken(broken, frozenset({f"step {step.name!r}"}))


def no_contract(random: Random, workflow: Workflow, operations: Operations) -> Broken:
    step = a_step(random, workflow)
    broken = with_step(workflow, step, **{random.choice(("requires", "ensures")): None})
    return Broken(broken, frozenset({f"step {step.name!r}"}))


BREAKAGES: tuple[Breakage, ...] = (
    a_step_that_nothing_leads_to, an_end_that_nothing_leads_to, a_step_without_a_way_out, a_row_twice,
    a_row_that_leaves_an_end, a_row_to_an_unknown_state, a_row_from_an_unknown_state, an_unknown_settlement,
    a_settlement_of_another_operation, an_unknown_operation, an_unknown_role, a_role_that_makes_no_call, a_role_twice,
    no_row_for_ok, no_row_for_an_expected_error, no_row_for_a_settlement, an_error_that_the_operation_does_not_declare,
    an_error_expected_twice, a_row_for_an_error_that_is_not_expected, a_wildcard_for_outcomes, a_wildcard_for_states,
    unforeseen_declared, a_row_to_unforeseen, a_start_that_is_no_step, a_state_twice, no_end_that_is_ok,
    a_contract_without_a_sentence, no_contract,
)  # fmt: skip


def broken(random: Random, breakage: Breakage, operations: Operations) -> Broken:
    """A good declaration, broken in one way; others are drawn until one can be broken so."""
    while True:
        found = breakage(random, good(random, operations), operations)
        if found is not None:
            return found
