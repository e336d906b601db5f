"""`portable: true`: the scenario runs at any AWS endpoint, and what its callers see is the same there.

An endpoint that is not reseal has no clock to move, keeps no evidence, and knows nothing of a seed. So a portable
scenario moves no clock (`advance`), asks for none that stands still (`clock: manual`), and claims something that a
caller can see: if it expects anything at all, then an error, an answer, a settled resource, bytes, or where its
workflow ends. What it expects beside that by evidence is left unchecked elsewhere, and the report says so. A use of ids
that follow from the seed can not be found here; the test of what ships runs portable scenarios under another seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from workflows.yaml_marks import Mistake

if TYPE_CHECKING:
    from workflows.format import ScenarioSpec
    from workflows.scenario import Scenario

SEEN_BY_CALLERS: Final = ("response", "later", "error")


def mistakes(scenario: Scenario) -> Iterator[Mistake]:
    """What makes a scenario that calls itself portable not so, each at its place."""
    spec = scenario.spec
    if not spec.portable:
        return
    if spec.clock == "manual":
        what = "a portable scenario has no `clock: manual`: only reseal has a clock that stands still"
        yield Mistake(scenario.mark("clock"), what)
    for step in (*spec.given, *spec.steps):
        if step.advance is not None:
            what = "a portable scenario has no `advance:`: only reseal has a clock that can be moved"
            yield Mistake(scenario.step_mark(step, "advance"), what)
    if _expects_something(spec) and not _shows_something(spec):
        what = (
            "nothing that this scenario expects is seen by a caller: it would claim nothing where there is no evidence"
        )
        yield Mistake(scenario.mark("portable"), what)


def _expects_something(spec: ScenarioSpec) -> bool:
    return spec.finally_ is not None or any(step.expect for step in (*spec.given, *spec.steps))


def _shows_something(spec: ScenarioSpec) -> bool:
    """Is there an expectation that needs no evidence?"""
    ends = spec.finally_ is not None and (spec.finally_.expect.state or spec.finally_.expect.data)
    expected = (step.expect for step in (*spec.given, *spec.steps) if step.expect)
    return bool(ends) or any(getattr(expect, part) is not None for expect in expected for part in SEEN_BY_CALLERS)
