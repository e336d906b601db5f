"""A run that is broken off where nothing keeps idempotency keys, as at AWS: no step is ever done twice.

What such an endpoint allows for a step is one of `Again`: it is found again as the step declares, it only reads, it is
the same twice, AWS does it once for a ClientToken, or the run stops as unsure. Here every step of each workflow's happy
scenario is broken off at every point: in process, in forks of a world that forgets keys; and through boto3 against a
reseal server, which the header with the key does not reach.
"""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.kernel.log import CallEntry
from app.kernel.world import World
from app.services import all_services
from tests.crash.killed import SHARE, SOAK, BrokenOff, break_off, happy, nth_time, set_up, undisturbed
from tests.serving.servers import Server, serving
from workflows import catalogue
from workflows.again import Again, again
from workflows.course import account_ids
from workflows.format import StepSpec
from workflows.in_process import InProcess
from workflows.journal import MemoryJournal
from workflows.normal import normal
from workflows.over_boto3 import OverBoto3, client_token
from workflows.port import Answer, Can, Json
from workflows.runner import POINTS
from workflows.session import in_memory_port, runner
from workflows.transition import Report

IN_DOUBT = ("after-intent", "after-effect")  # the journal has an intent and no record
LATER_ANSWERS = (Again.FOUND, Again.TOKEN)
IAM = ("iam.", "iam:", "sts.", "sts:")  # principals are made again each time


def steps(workflow: str) -> list[StepSpec]:
    return [*happy(workflow).spec.given, *happy(workflow).spec.steps]


# in process


class Forgetful(InProcess):
    """A cloud that remembers no idempotency keys and takes ClientTokens, as AWS does."""

    can = Can(evidence=False, repeat=False, step_aside=True, be_root=True)

    def call(self, principal: str, operation: str, parameters: Any, region: str, key: str = "") -> Answer:
        service, _, name = operation.partition(":")
        return super().call(principal, operation, {**client_token(service, name, key), **parameters}, region)


@dataclass(frozen=True)
class Taken:
    """A run that was broken off at a point of a step, and taken up again."""

    step: StepSpec
    point: str
    report: Report
    before: World  # when it was broken off
    after: World


@cache
def taken_up(workflow: str) -> tuple[tuple[Taken, ...], World]:
    """The run taken up from each point; and the world of the run that was never broken off.

    Method: at each point the world is forked and the journal copied, which is what a killed process leaves behind.
    """
    scenario, services = happy(workflow), all_services()
    port, journal, left = forgetful(workflow), MemoryJournal(), []

    def fault(point: str) -> None:
        left.append((point, Forgetful(port.aside().cloud, account_ids(scenario)), copied(journal)))

    assert runner(scenario, services, port, journal=journal, fault=fault).run().ok
    taken = []
    for index, (point, fork, written) in enumerate(left):
        before = fork.cloud.world
        report = runner(scenario, services, fork, journal=written).run()
        taken.append(Taken(steps(workflow)[index // len(POINTS)], point, report, before, fork.cloud.world))
    return tuple(taken), port.cloud.world


def forgetful(workflow: str) -> Forgetful:
    memory = in_memory_port(happy(workflow), all_services())
    assert isinstance(memory, InProcess)
    return Forgetful(memory.cloud, account_ids(happy(workflow)))


def copied(journal: MemoryJournal) -> MemoryJournal:
    copy = MemoryJournal()
    for entry in journal.entries("run"):
        copy.append("run", entry)
    return copy


def done(world: World) -> Counter[str]:
    """How often each operation has succeeded, called by somebody himself."""
    entries = (entry for _, entry in world.log.entries() if isinstance(entry, CallEntry))
    own = (entry.operation for entry in entries if not entry.code and not entry.parent)
    return Counter(name for name in own if not name.startswith(("reseal:", *IAM)))


def things(world: World) -> dict[str, int]:
    """How many records there are of each kind; those of principals are left out."""
    kinds = all_services().kinds
    return {name: world.records.count(kind) for name, kind in kinds.items() if not name.startswith(IAM)}


@pytest.mark.parametrize("workflow", catalogue.NAMES)
def test_a_run_in_doubt_is_taken_up_as_the_step_allows(workflow: str) -> None:
    """Equal to the undisturbed run, or unsure where nothing tells; where nothing is in doubt, always equal."""
    for taken in taken_up(workflow)[0]:
        in_doubt = taken.point in IN_DOUBT and taken.step.advance is None
        if in_doubt and again(taken.step) is Again.UNSURE:
            assert taken.report.unsure
            assert f"step {taken.step.id!r}" in taken.report.stopped
            continue
        if taken.report.unsure:  # its volume vanished, since its key was disabled
            assert (taken.step.id, taken.point) == ("restore-old", "after-effect")
            assert "what it made is gone" in taken.report.stopped
            continue
        assert taken.report.ok, (taken.step.id, taken.point, taken.report)
        found = taken.step.id if taken.point == "after-effect" and again(taken.step) in LATER_ANSWERS else ""
        assert seen(taken.report, found) == without_answer(undisturbed(workflow, evidence=False), found)


def seen(report: Report, found: str) -> Any:
    return without_answer(normal(report, evidence=False), found)


def without_answer(form: Any, step: str) -> Any:
    """A step that was found again has the answer that the look-up gave, not the call's own; and to a ClientToken AWS
    answers the thing as it is by then."""
    transitions = [each | {"answer": None} if each["step"] == step else each for each in form["transitions"]]
    return form | {"transitions": transitions}


@pytest.mark.parametrize("workflow", catalogue.NAMES)
def test_a_run_in_doubt_does_nothing_twice(workflow: str) -> None:
    """As many things of each kind as without a disturbance. Method: records by kind, and the log's successful calls."""
    all_taken, whole = taken_up(workflow)
    for taken in all_taken:
        if taken.report.unsure:
            assert done(taken.after) - done(taken.before) == Counter()
            continue
        assert things(taken.after) == things(whole), (taken.step.id, taken.point)
        if again(taken.step) is Again.FOUND:
            assert done(taken.after)[str(taken.step.call)] == done(whole)[str(taken.step.call)]


def test_a_token_is_never_cut() -> None:
    """AWS takes 64 characters; two steps whose names begin alike must not share a token."""
    tokens = [client_token("ec2", "CreateVolume", f"run/{'s' * 64}{n}/1") for n in (1, 2)]
    assert tokens[0] != tokens[1]
    assert {len(each["ClientToken"]) for each in tokens} == {64}


# through boto3


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("--clock", "manual") as started:
        yield started


def over_boto3(server: Server, workflow: str, world: str) -> OverBoto3:
    return OverBoto3(f"{server.endpoint}/w/{world}", account_ids(happy(workflow)))


def rest(server: Server, path: str, body: Json | None = None) -> Json:
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"{server.endpoint}/api/v1/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def calls(server: Server, world: str, operation: str) -> list[Json]:
    """The successful calls of an operation that somebody made himself, as the server's log has them."""
    found = rest(server, f"worlds/{world}/log?limit=1000")["calls"]
    return [
        each for each in found if each["operation"] == operation and not each.get("code") and not each.get("parent")
    ]


def chosen() -> list[tuple[str, int]]:
    """(workflow, step): of the share all its own; of the others one of each sort, or under RESEAL_SOAK all."""
    found: list[tuple[str, int]] = []
    ways: set[Again] = set()
    for workflow in (SHARE, *(name for name in catalogue.NAMES if name != SHARE)):
        for nth, step in enumerate(steps(workflow), 1):
            fresh = step.advance is None and again(step) not in ways
            if SOAK or fresh or (workflow == SHARE and nth > set_up(workflow)):
                found.append((workflow, nth))
                ways |= {again(step)} if step.advance is None else set()
    return found


@pytest.mark.parametrize(("workflow", "nth"), chosen())
def test_a_run_over_boto3_broken_off_after_a_step_does_not_do_it_twice(
    workflow: str, nth: int, server: Server, tmp_path: Path
) -> None:
    """The worst moment: the step has happened and the journal does not know. Counted in the server's log."""
    scenario, services, step = happy(workflow), all_services(), steps(workflow)[nth - 1]
    if any(each.advance is not None for each in steps(workflow)[:nth]):
        pytest.skip("the clock of such an endpoint can not be moved")
    world = f"{workflow.replace('_', '-')}-{nth}"
    rest(server, "worlds", {"name": world, "clock": "manual", "settle": "instant"})
    journal, fault = MemoryJournal(), nth_time("after-effect", nth, break_off)
    with pytest.raises(BrokenOff):
        runner(scenario, services, over_boto3(server, workflow, world), journal=journal, fault=fault).run()
    made, then = calls(server, world, str(step.call)), []
    fault = nth_time("after-effect", 1, lambda: then.append(calls(server, world, str(step.call))))
    report = runner(scenario, services, over_boto3(server, workflow, world), journal=journal, fault=fault).run()
    if again(step) is Again.UNSURE:
        assert report.unsure
        assert calls(server, world, str(step.call)) == made
        return
    if again(step) is Again.FOUND:
        assert then == [made]
    assert report.stopped == "" or "the clock of this endpoint" in report.stopped
    if not report.stopped:
        assert report.ok, report
        found = step.id if again(step) in LATER_ANSWERS else ""
        assert seen(report, found) == without_answer(undisturbed(workflow, evidence=False), found)
