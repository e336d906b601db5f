"""500 good declarations are accepted; 500 broken ones are refused, each at the very row or state that was broken."""

from __future__ import annotations

import os
from collections import Counter
from random import Random

import pytest
from declarations import BREAKAGES, Breakage, broken, consequences, good

from app.kernel.operation import Services
from workflows.machine import Settled
from workflows.verify import findings, verified

GOOD = 20_000 if os.environ.get("RESEAL_SOAK") else 500
BROKEN_EACH = 500 if os.environ.get("RESEAL_SOAK") else 18  # 28 breakages: 504


def test_good_declarations_of_this_clouds_operations_are_accepted(services: Services) -> None:
    """Trees of one to eight steps with ways back, over all operations whose settlements the table knows."""
    random = Random(8)
    for _ in range(GOOD):
        workflow = good(random, services.operations)
        assert verified(workflow, services.operations) is workflow
        assert consequences(workflow) == frozenset()


def test_good_declarations_are_not_all_alike(services: Services) -> None:
    """What the proof ranges over: every settlement, several roles and ends, and many different operations."""
    random = Random(8)
    workflows = [good(random, services.operations) for _ in range(500)]
    calls = Counter(step.call for workflow in workflows for step in workflow.steps)
    settled = {outcome for workflow in workflows for _, outcome, _ in workflow.next if isinstance(outcome, Settled)}
    assert len(calls) > 150
    assert len(settled) >= 5
    assert {len(list(workflow.steps)) for workflow in workflows} == set(range(1, 9))
    assert {len(workflow.roles) for workflow in workflows} == {1, 2, 3, 4}


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda each: each.__name__)
def test_a_broken_declaration_is_refused_at_what_was_broken_and_nowhere_else(
    breakage: Breakage, services: Services
) -> None:
    """The generator knows which row or state it broke; what follows for other states is told by networkx."""
    random = Random(breakage.__name__)
    for _ in range(BROKEN_EACH):
        case = broken(random, breakage, services.operations)
        found = list(findings(case.workflow, services.operations))
        assert {finding.where for finding in found} == case.wheres
        assert not case.meant or any(f"did you mean '{case.meant}'?" in finding.what for finding in found)
