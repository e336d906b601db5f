"""Laws that hold whatever the policies are, and a second judge that recounts every decision from its trace.

Method: random questions over few names, so that statements often meet; each law changes one thing and compares.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.policy.decide import decide
from app.policy.question import LayerKind, Layers, Question, Rule
from app.policy.trace import to_json

from .build import CALLERS, HERE, KEY, THERE, grant, policy, question
from .checker import judge

EXAMPLES = 10_000 if os.environ.get("RESEAL_SOAK") else 300
law = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])

ACTIONS = ("kms:Decrypt", "kms:Encrypt", "kms:*", "*", "kms:De*", "ec2:*")
RESOURCES = ("*", KEY, f"arn:aws:kms:*:{HERE}:key/*", "arn:aws:kms:*:*:key/${aws:PrincipalTag/key}")
PRINCIPALS = (
    "*",
    {"AWS": HERE},
    {"AWS": THERE},
    *({"AWS": caller.arn} for name, caller in CALLERS.items() if name in ("user", "role", "federated", "foreign-user")),
    *({"AWS": CALLERS[name].issuer_arn} for name in ("role", "foreign-role")),
    {"Service": "ec2.amazonaws.com"},
)
CONDITIONS = (
    {"StringEquals": {"aws:k": "a"}},
    {"StringNotEquals": {"aws:K": ["a", "b"]}},
    {"ForAnyValue:StringLike": {"aws:k": "a*"}},
    {"Null": {"aws:k": "true"}},
    {"StringEqualsIfExists": {"aws:k": "${aws:PrincipalTag/key}"}},
    {"StringSounds": {"aws:k": "a"}},  # unknown: can not be evaluated
)
KEYS = ("aws:k", "aws:PrincipalTag/key")


def statement(
    *, principal: bool = False, effects: tuple[str, ...] = ("Allow",) * 5 + ("Deny",)
) -> st.SearchStrategy[Any]:
    def written(
        effect: str, action: str, resource: str, whom: Any, condition: Any, nots: tuple[bool, bool, bool]
    ) -> Any:
        body = {"Effect": effect, "NotAction" if nots[0] else "Action": [action]}
        body |= {"NotResource" if nots[1] else "Resource": resource}
        body |= {"NotPrincipal" if nots[2] else "Principal": whom} if principal else {}
        return body | ({"Condition": condition} if condition else {})

    rarely = st.integers(0, 7).map(lambda n: n == 0)
    return st.builds(
        written,
        st.sampled_from(effects),
        st.sampled_from(ACTIONS),
        st.sampled_from(RESOURCES),
        st.sampled_from(PRINCIPALS),
        st.none() | st.sampled_from(CONDITIONS),
        st.tuples(rarely, rarely, rarely),
    )


def statements(**how: Any) -> st.SearchStrategy[list[Any]]:
    return st.lists(statement(**how), max_size=3)


GRANTS = st.lists(
    st.builds(
        grant,
        st.sampled_from([caller.arn for caller in CALLERS.values() if caller.arn] + [CALLERS["role"].issuer_arn]),
        st.sampled_from([["Decrypt"], ["Encrypt", "Decrypt"], ["Encrypt"]]),
        st.sampled_from(["", "EncryptionContextEquals", "EncryptionContextSubset"]),
        st.sampled_from([{"a": "1"}, {"A": "1", "b": "2"}]),
    ),
    max_size=2,
)
CASES = st.fixed_dictionaries(
    {
        "caller": st.sampled_from(sorted(CALLERS)),
        "rule": st.sampled_from(["kms-key", "kms-key", "kms-key", "plain", "plain", "trust", "none", "retire"]),
        "identity": statements(),
        "resource": statements(principal=True),
        "grants": st.just([]),
        "encryption_context": st.none() | st.just({"a": "1"}),
        "context": st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["a", "b", "1234abcd", ["a", "b"]])),
        "lenient": st.just(True),
    },
    optional={
        "boundary": statements(),
        "session": statements(),
        "scps": st.lists(statements(), max_size=2),
        "rcps": st.lists(statements(principal=True, effects=("Deny",)), max_size=1),
        "endpoint": statements(principal=True),
    },
)
QUESTIONS = st.builds(lambda case, grants: _with(question(case), grants=tuple(grants)), CASES, GRANTS)
LAYERS = [kind for kind in LayerKind if kind is not LayerKind.GRANT]


def _with(asked: Question, **layers: Any) -> Question:
    return replace(asked, layers=replace(asked.layers, **layers))


def _adding(layers: Layers, kind: LayerKind, written: Any) -> dict[str, Any] | None:
    """One more policy (or statement) in a layer that is there; None where it is not."""
    more = policy(kind, [written], name="more", lenient=True)
    if kind is LayerKind.IDENTITY:
        return {"identity": (*layers.identity, more)}
    if kind is LayerKind.SESSION and layers.session is not None:
        return {"session": (*layers.session, more)}
    if kind is LayerKind.SCP and layers.scps:
        return {"scps": tuple(replace(level, policies=(*level.policies, more)) for level in layers.scps)}
    if kind is LayerKind.RESOURCE and layers.resource is not None:
        document = layers.resource.document
        extended = replace(document, statements=(*document.statements, *more.document.statements))
        return {"resource": replace(layers.resource, document=extended)}
    return None


@law
@given(QUESTIONS)
def test_the_trace_alone_gives_the_same_decision(asked: Question) -> None:
    """Goal: the trace is complete. The second judge reads its JSON and nothing else."""
    decision = decide(asked, trace=True)
    trace = json.loads(json.dumps(to_json(decision, asked)))
    assert judge(trace) == decision.effect.value


@law
@given(QUESTIONS)
def test_the_fast_path_and_the_traced_one_agree(asked: Question) -> None:
    assert replace(decide(asked, trace=True), layers=()) == decide(asked)


@law
@given(QUESTIONS, st.sampled_from(LAYERS), st.data())
def test_one_more_allow_never_takes_away(asked: Question, kind: LayerKind, data: st.DataObject) -> None:
    principal = kind is LayerKind.RESOURCE
    more = _adding(asked.layers, kind, data.draw(statement(principal=principal, effects=("Allow",))))
    if more and decide(asked).allowed:
        assert decide(_with(asked, **more)).allowed


@law
@given(QUESTIONS, st.sampled_from(LAYERS), st.data())
def test_one_more_deny_never_gives(asked: Question, kind: LayerKind, data: st.DataObject) -> None:
    principal = kind is LayerKind.RESOURCE
    more = _adding(asked.layers, kind, data.draw(statement(principal=principal, effects=("Deny",))))
    if more and not decide(asked).allowed:
        assert not decide(_with(asked, **more)).allowed


@law
@given(QUESTIONS)
def test_what_limits_never_gives(asked: Question) -> None:
    """Boundary, session policies, SCPs, RCPs and endpoint policies only take away: without them nothing is lost."""
    if decide(asked).allowed:
        assert decide(_with(asked, boundary=None, session=None, scps=(), rcps=(), endpoint=None)).allowed


@law
@given(QUESTIONS)
def test_a_grant_never_takes_away(asked: Question) -> None:
    if decide(_with(asked, grants=())).allowed:
        assert decide(asked).allowed


@law
@given(CASES)
def test_the_order_of_statements_does_not_matter(case: dict[str, Any]) -> None:
    turned = case | {name: case[name][::-1] for name in ("identity", "resource", "boundary", "session") if name in case}
    before, after = decide(question(case)), decide(question(turned))
    assert (before.effect, before.cause, before.layer) == (after.effect, after.cause, after.layer)


@law
@given(CASES)
def test_the_case_of_condition_keys_and_actions_does_not_matter(case: dict[str, Any]) -> None:
    louder = case | {"context": {key.upper(): value for key, value in case["context"].items()}, "action": "KMS:DECRYPT"}
    if case["rule"] == Rule.RETIRE:
        return
    assert decide(question(louder)).effect is decide(question(case)).effect


@law
@given(CASES)
def test_a_refusal_has_a_cause_and_a_layer_and_an_allow_has_neither(case: dict[str, Any]) -> None:
    decision = decide(question(case))
    assert decision.allowed is (decision.cause is None) is (decision.layer is None)
    across = CALLERS[case["caller"]].account != HERE
    assert decision.on_owner_side is (across and decision.layer in (LayerKind.RESOURCE, LayerKind.RCP))
