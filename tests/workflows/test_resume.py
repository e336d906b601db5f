"""A run that is broken off at any point is taken up again, does no step twice, and ends as if nothing had happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from scenario_runs import HAPPY, run_in_memory

from app.kernel.cloud import Cloud
from app.kernel.operation import Services
from app.kernel.store import MemoryStore
from workflows import report as shown
from workflows.course import account_ids
from workflows.in_process import InProcess
from workflows.journal import FileJournal, Journal, MemoryJournal
from workflows.port import Answer, Can, Port
from workflows.runner import POINTS
from workflows.scenario import Scenario, load
from workflows.session import in_memory_port, runner

STEPS = 8  # of the happy path, set-up included


class Killed(Exception):
    """Stands for the process's end."""


def kill_at(point: str, nth: int) -> Callable[[str], None]:
    """A fault that breaks the run off when it passes `point` for the nth time."""
    left = [nth]

    def fault(here: str) -> None:
        left[0] -= here == point
        if here == point and left[0] == 0:
            raise Killed

    return fault


def on_one_branch(scenario: Scenario, services: Services) -> InProcess:
    """A world in memory whose branch (drawn for every world, and part of every block's name) is always the same."""
    port = in_memory_port(scenario, services)
    world = replace(cloud_of(port).world, branch=bytes(16))
    return InProcess(Cloud.create(services, MemoryStore(), world), account_ids(scenario))


def cloud_of(port: Port) -> Cloud:
    assert isinstance(port, InProcess)
    return port.cloud


def broken_off(scenario: Scenario, services: Services, port: Port, journal: Journal, point: str, nth: int) -> None:
    with pytest.raises(Killed):
        runner(scenario, services, port, journal=journal, fault=kill_at(point, nth)).run()


@pytest.mark.parametrize("nth", range(1, STEPS + 1))
@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_at_any_point_ends_byte_for_byte_like_one_that_was_not(
    point: str, nth: int, happy: Scenario, services: Services
) -> None:
    """Same report, same records, same log. Method: kill, then a new runner and a new port onto the same cloud."""
    undisturbed = on_one_branch(happy, services)
    expected = shown.as_json(run_in_memory(happy, services, undisturbed))
    port, journal = on_one_branch(happy, services), MemoryJournal()
    broken_off(happy, services, port, journal, point, nth)
    again = InProcess(cloud_of(port), account_ids(happy))
    assert shown.as_json(runner(happy, services, again, journal=journal).run()) == expected
    assert cloud_of(again).world == cloud_of(undisturbed).world
    assert list(cloud_of(again).world.log.entries()) == list(cloud_of(undisturbed).world.log.entries())


def test_a_finished_run_is_only_read(happy: Scenario, services: Services) -> None:
    port, journal = in_memory_port(happy, services), MemoryJournal()
    first = runner(happy, services, port, journal=journal).run()
    position = cloud_of(port).world.position
    assert shown.as_json(runner(happy, services, port, journal=journal).run()) == shown.as_json(first)
    assert cloud_of(port).world.position == position


def test_a_journal_in_a_file_survives_a_torn_line(happy: Scenario, services: Services, tmp_path: Path) -> None:
    """A crash in the middle of a write leaves half a line, which was never acknowledged."""
    path = tmp_path / "journal.jsonl"
    port = in_memory_port(happy, services)
    broken_off(happy, services, port, FileJournal(path), "after-effect", 5)
    with path.open("ab") as file:
        file.write(b'{"run": "run", "kind": "rec')
    report = runner(happy, services, InProcess(cloud_of(port), account_ids(happy)), journal=FileJournal(path)).run()
    assert report.ok, shown.as_text(report)
    assert all(json.loads(line)["run"] == "run" for line in path.read_text(encoding="utf-8").splitlines())


def test_no_secret_stands_in_a_journal(happy: Scenario, services: Services, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    runner(happy, services, in_memory_port(happy, services), journal=FileJournal(path)).run()
    text = path.read_text(encoding="utf-8")
    assert "SecretAccessKey" not in text
    assert "SessionToken" not in text


class Forgetful(InProcess):
    """A cloud that remembers no idempotency keys, as AWS does not."""

    can = Can(evidence=True, repeat=False, step_aside=True, be_root=True)

    def call(self, principal: str, operation: str, parameters: dict, region: str, key: str = "") -> Answer:  # type: ignore[override,type-arg]
        return super().call(principal, operation, parameters, region)


PLAIN = """\
reseal: 1
name: One step
accounts: {{one: "111111111111"}}
given:
  - {{id: volume, as: one/root, call: ec2:CreateVolume, with: {{AvailabilityZone: us-east-1a, Size: 1}}}}
steps:
  - id: step
    as: one/root
    call: {call}
    with: {with_}
"""


MOVED = """\
reseal: 1
name: A key is deleted in its time
seed: 7
accounts: {one: "111111111111"}
steps:
  - {id: key, as: one/root, call: kms:CreateKey}
  - {id: later, advance: 8d}
  - {id: delete, as: one/root, call: kms:ScheduleKeyDeletion, with: {KeyId: "${{ key.KeyMetadata.KeyId }}"}}
"""


@pytest.mark.parametrize(
    ("call", "with_", "unsure"),
    [
        ("ec2:CreateSnapshot", '{VolumeId: "${{ volume.VolumeId }}"}', True),
        ("ec2:CreateVolume", "{AvailabilityZone: us-east-1a, Size: 1}", False),
        ("ec2:DescribeVolumes", "{}", False),
        ("ec2:EnableEbsEncryptionByDefault", "{}", False),
    ],
    ids=["makes something new", "has a ClientToken", "only reads", "twice is the same as once"],
)
def test_where_nothing_tells_whether_a_step_happened_the_run_stops_as_unsure(
    call: str, with_: str, unsure: bool, write: Callable[..., Path], services: Services
) -> None:
    """At a cloud without idempotency keys, a step is done again only if that does no harm."""
    scenario = load(write(PLAIN.format(call=call, with_=with_)), services.operations)
    port, journal = Forgetful(cloud_of(in_memory_port(scenario, services)), account_ids(scenario)), MemoryJournal()
    broken_off(scenario, services, port, journal, "after-effect", 2)
    report = runner(scenario, services, port, journal=journal).run()
    assert report.unsure is unsure
    assert report.ok is not unsure
    assert ("nothing tells whether it happened" in report.stopped) is unsure


@pytest.mark.parametrize("point", POINTS)
def test_a_clock_that_was_moved_on_is_not_moved_twice(
    point: str, write: Callable[..., Path], services: Services
) -> None:
    """The journal holds where the clock is to stand, not how far it is to go."""
    scenario = load(write(MOVED), services.operations)
    undisturbed = on_one_branch(scenario, services)
    assert run_in_memory(scenario, services, undisturbed).ok
    port, journal = on_one_branch(scenario, services), MemoryJournal()
    broken_off(scenario, services, port, journal, point, 2)
    assert runner(scenario, services, port, journal=journal).run().ok
    assert cloud_of(port).world == cloud_of(undisturbed).world
    assert cloud_of(port).now_ms() == cloud_of(undisturbed).now_ms()


def test_a_step_may_say_how_it_is_found_again(write: Callable[..., Path], services: Services) -> None:
    text = PLAIN.format(call="ec2:CreateSnapshot", with_='{VolumeId: "${{ volume.VolumeId }}"}') + (
        "    find-again: {call: ec2:DescribeSnapshots, with: {OwnerIds: [self]}, found: 'Snapshots[0]'}\n"
    )
    scenario = load(write(text), services.operations)
    port, journal = Forgetful(cloud_of(in_memory_port(scenario, services)), account_ids(scenario)), MemoryJournal()
    broken_off(scenario, services, port, journal, "after-effect", 2)
    report = runner(scenario, services, port, journal=journal).run()
    assert report.ok, shown.as_text(report)
    found = port.call("one/root", "ec2:DescribeSnapshots", {"OwnerIds": ["self"]}, "us-east-1").value["Snapshots"]
    assert [each["SnapshotId"] for each in found] == [report.transitions[-1].thing]


def test_the_happy_path_is_as_long_as_these_tests_think(services: Services) -> None:
    spec = load(HAPPY, services.operations).spec
    assert len(spec.given) + len(spec.steps) == STEPS
