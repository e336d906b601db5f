"""The recounting of every decision (recount.py) is worth something only if it sees what it looks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.kernel import authority
from app.policy.causes import Cause
from app.policy.decide import decide
from app.policy.question import LayerKind
from app.policy.trace import Effect, Verdict
from tests.policy.build import question
from tests.policy_proofs.recount import EVERY, Recount, difference

ALLOWED = question({"identity": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]})
REFUSED = question({"identity": [{"Effect": "Deny", "Action": "kms:*", "Resource": "*"}]})


@pytest.mark.skipif(EVERY == 0, reason="RESEAL_RECOUNT=0")
def test_the_kernel_s_decisions_pass_the_checker() -> None:
    assert isinstance(authority.note, Recount)


@pytest.mark.parametrize("asked", [ALLOWED, REFUSED])
def test_what_the_engine_says_is_borne_out(asked: authority.Question) -> None:
    assert difference(asked, decide(asked)) == ""
    assert difference(asked, decide(asked, trace=True)) == ""


def test_a_verdict_that_the_trace_does_not_bear_out_is_found() -> None:
    """Method: an allowed decision noted for what is denied, with the trace of the denial and without."""
    forged = replace(decide(REFUSED, trace=True), allowed=True, effect=Verdict.ALLOWED, cause=None, layer=None)
    assert "noted Allowed, but the trace tells ExplicitlyDenied" in difference(REFUSED, forged)
    assert "noted Allowed" in difference(REFUSED, replace(forged, layers=()))


def test_a_decision_that_differs_with_its_trace_is_found() -> None:
    noted = replace(decide(REFUSED), cause=Cause.BOUNDARY_DENIES, layer=LayerKind.BOUNDARY)
    assert "differs in cause, layer" in difference(REFUSED, noted)


def test_the_checker_reads_elements_not_conclusions() -> None:
    """Method: the trace calls a statement not applying that by its elements does apply."""
    traced = decide(REFUSED, trace=True)
    (layer,) = traced.layers
    (statement,) = layer.statements
    assert statement.effect is Effect.DENY
    hidden = type(statement)(
        statement.policy, statement.index, statement.sid, Effect.DENY, False, statement.elements, statement.mark
    )
    forged_layer = type(layer)(layer.kind, layer.target, layer.is_exempt, (hidden,))
    forged = replace(traced, layers=(forged_layer,), effect=Verdict.IMPLICITLY_DENIED, cause=Cause.IDENTITY_SILENT)
    assert "the trace tells ExplicitlyDenied" in difference(REFUSED, forged)
