"""The candidates of one refusal against brute force: no smaller set of the obvious edits allows it, and none is missed.

The obvious edits are listed without a look at the refusal: in every policy, the action into each list of actions, the
resource into each list of resources, the caller into each list of principals, a statement of its own, and each Deny
struck. Every set of up to two of them is tried, as the language itself decides.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.policy.decide import decide
from app.policy.question import LayerKind, Question
from app.policy.repair import Edit, Op, candidates, edited, parts
from app.policy.repair_budget import Budget
from app.policy.repair_others import others
from app.policy.statement import Statement
from app.policy.trace import Effect, every_policy
from tests.policy.build import KEY, question

CASES = 2000 if os.environ.get("RESEAL_SOAK") else 100
MOST, SIZE = 12, 2
OTHER_KEY = KEY.replace("1234abcd", "ffff0000")
CALLER = {"user": "arn:aws:iam::111111111111:user/dev/ada", "foreign-user": "arn:aws:iam::222222222222:user/dev/ada"}
ACCOUNT = {"user": "111111111111", "foreign-user": "222222222222"}

actions = st.lists(
    st.sampled_from(["kms:Decrypt", "kms:Encrypt", "kms:DescribeKey"]), min_size=1, max_size=2, unique=True
)


@st.composite
def statements(draw: st.DrawFn, principals: list[str] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"]))}
    if principals:
        made["Principal"] = {"AWS": [draw(st.sampled_from(principals))]}
    return made | {"Action": draw(actions), "Resource": [draw(st.sampled_from([KEY, OTHER_KEY, "*"]))]}


@st.composite
def cases(draw: st.DrawFn) -> Mapping[str, Any]:
    """A key policy, an identity policy and perhaps a boundary, of up to two statements each."""
    caller = draw(st.sampled_from(["user", "foreign-user"]))
    named = [CALLER[caller], ACCOUNT[caller], "333333333333"]
    case: dict[str, Any] = {"rule": "kms-key", "caller": caller}
    case["resource"] = draw(st.lists(statements(named), min_size=1, max_size=2))
    case["identity"] = draw(st.lists(statements(), min_size=1, max_size=2))
    if draw(st.booleans()):
        case["boundary"] = draw(st.lists(statements(), min_size=1, max_size=1))
    return case


def obvious(put: Question) -> Iterator[Edit]:
    """Without a look at why it is refused."""
    for policy in every_policy(put.layers):
        on_key = policy.place.layer is LayerKind.RESOURCE
        own = {"Effect": "Allow", "Action": put.action, "Resource": "*" if on_key else put.resource}
        if on_key:
            own["Principal"] = {"AWS": put.principal.arn}
        yield Edit(policy.place, Op.ADD, "/Statement", own)
        for index, statement in enumerate(policy.document.statements):
            yield from _of_statement(put, policy.place, f"/Statement/{index}", statement)


def _of_statement(put: Question, place: Any, at: str, statement: Statement) -> Iterator[Edit]:
    if statement.effect is Effect.DENY:
        yield Edit(place, Op.REMOVE, at)
        return
    yield Edit(place, Op.ADD, f"{at}/Action", put.action)
    yield Edit(place, Op.ADD, f"{at}/Resource", put.resource)
    if statement.principal is not None:
        yield Edit(place, Op.ADD, f"{at}/Principal/AWS", put.principal.arn)


def smallest(put: Question) -> int | None:
    """How many of the obvious edits it takes; None where as many as we look for do not do."""
    edits = list(obvious(put))[:MOST]
    for size in range(1, SIZE + 1):
        for chosen in combinations(edits, size):
            changed = edited(put, chosen)
            if changed is not None and decide(changed).allowed:
                return size
    return None


@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(cases())
def test_no_smaller_set_of_edits_is_missed_and_what_is_offered_allows(case: Mapping[str, Any]) -> None:
    put = question(case)
    refused = decide(put, trace=True)
    if refused.allowed:
        return
    found, best = candidates(put, refused), smallest(put)
    for repair in found:
        changed = edited(put, repair.edits)
        assert changed is not None
        assert decide(changed).allowed
    if best is not None:
        assert found
        assert found[0].size <= best


@settings(max_examples=CASES, deadline=None)
@given(cases())
def test_of_the_first_repair_every_edit_is_needed(case: Mapping[str, Any]) -> None:
    put = question(case)
    for repair in candidates(put, decide(put, trace=True))[:1]:
        changed = [edited(put, part.edits) for part in parts(repair)]
        assert not any(one is not None and decide(one).allowed for one in changed)


@settings(max_examples=CASES, deadline=None)
@given(cases(), cases())
def test_a_repair_never_turns_an_allowed_question_into_a_refused_one(case: Mapping[str, Any], other: Any) -> None:
    """Hence `others` counts allowed decisions unasked. Method: another question of the same policies."""
    put = question(case)
    asked = question({**case, "action": other["identity"][0]["Action"][0]})
    for repair in candidates(put, decide(put, trace=True)):
        changed = edited(asked, repair.edits)
        assert changed is not None
        assert decide(changed).allowed >= decide(asked).allowed


def test_only_what_was_asked_of_the_same_text_is_asked_again() -> None:
    """A decision on an older text of the policy says nothing of the edited one."""
    deny = {"Effect": "Deny", "Action": ["kms:Decrypt", "kms:Encrypt"], "Resource": "*"}
    room = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    put = question({"identity": [room, deny]})
    beside = question({"identity": [room, deny], "action": "kms:Encrypt"})
    [policy] = put.layers.identity
    text = policy.document.text
    without = (policy.place, text, text.replace('"Deny"', '"Allow"'))
    found = others([put, beside], 3, put, (without,), Budget())
    assert (found.kept, [action for _, action, _ in found.opened]) == (3, ["kms:Encrypt"])
    older = (policy.place, text + " ", without[2])
    assert others([beside], 0, put, (older,), Budget()).kept == 1
    assert others([beside], 0, put, (without,), Budget(0)).unasked == 1
