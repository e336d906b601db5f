"""The engine and the naive judge answer alike.

Method: numbered questions, the same on every machine, so that a failure names its number and shows the smallest
question that still disagrees. The naive judge was written from the reference alone, without sight of the engine.
Where the reference is open it then took the engine's reading, marked "inferred": of those this is no evidence.
"""

from __future__ import annotations

import json
import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from app.policy.decide import Decision, decide
from app.policy.question import LayerKind, PrincipalKind, Rule

from .bridge import to_engine
from .generate import question, questions
from .naive import ALLOWED, EXPLICIT, IMPLICIT, evaluate
from .plain import Question
from .smallest import smallest

SOAK = bool(os.environ.get("RESEAL_SOAK"))
CASES = 200_000 if SOAK else 5_000
SHARDS = 80 if SOAK else 10  # each a test of its own, for xdist
SAMPLE = 2_500  # of the same questions, for what they cover


def verdict(decision: Decision) -> str:
    return ALLOWED if decision.allowed else EXPLICIT if decision.explicit else IMPLICIT


def disagrees(asked: Question) -> bool:
    return verdict(decide(to_engine(asked))) != evaluate(asked)


def report(number: int | str, asked: Question) -> str:
    """What to look at: both answers and the smallest question that shows the difference."""
    least = smallest(asked, disagrees)
    answers = f"naive: {evaluate(least)}, engine: {verdict(decide(to_engine(least)))}"
    shown = {key: value for key, value in least.items() if value not in (None, {}, "")}
    return f"question {number}, {answers}\n{json.dumps(shown, indent=1)}"


@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_engine_and_the_naive_judge_answer_alike(shard: int) -> None:
    """Two readings of one reference, by two hands, must not differ in any of the questions of this shard."""
    for number in range(shard, CASES, SHARDS):
        asked = question(number)
        if disagrees(asked):
            pytest.fail(report(number, asked))


@settings(max_examples=2_000 if SOAK else 60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(questions())
def test_questions_that_hypothesis_chooses_are_answered_alike(asked: Question) -> None:
    """Hypothesis looks where random numbers seldom go: everything least, everything first, everything again."""
    assert not disagrees(asked), report("of hypothesis", asked)


def test_the_questions_reach_every_layer_rule_caller_and_cause() -> None:
    """Agreement on what is never asked proves nothing. Method: what a sample of the questions hits."""
    seen: Counter[str] = Counter()
    for number in range(SAMPLE):
        asked = to_engine(question(number))
        decision = decide(asked)
        seen.update((verdict(decision), asked.layers.rule, asked.principal.kind, decision.layer or "none"))
        seen[f"cause {decision.cause.name}" if decision.cause else "no cause"] += 1
        seen[f"{asked.layers.rule} {verdict(decision)}"] += 1
    assert 0.3 < seen[ALLOWED] / SAMPLE < 0.6
    assert seen[EXPLICIT] / SAMPLE > 0.1
    refusing = [kind for kind in LayerKind if kind is not LayerKind.GRANT]  # a grant never denies
    few = [name for name in (*refusing, *Rule, *PrincipalKind) if seen[name] < 10]
    assert not few, seen
    assert all(seen[f"{rule} {answer}"] for rule in Rule for answer in (ALLOWED, EXPLICIT, IMPLICIT)), seen
    assert sum(name.startswith("cause ") for name in seen) >= 30, seen
