"""Worlds have the same fingerprint exactly where the same can still happen in them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from app.kernel.clock import Clock
from app.services import all_services
from workflows.in_process import InProcess, in_memory

ACCOUNTS = {"one": "111111111111", "other": "222222222222"}
REGION = "eu-west-1"
DAY_MS = 86_400_000
SERVICES = all_services()

Act = Callable[[InProcess], Any]


def call(account: str, operation: str, **parameters: Any) -> Act:
    return lambda port: port.call(f"{account}/root", operation, parameters, REGION)


def later(days: int) -> Act:
    return lambda port: port.advance(days * DAY_MS)


def reached(port: InProcess, *acts: tuple[str, Act]) -> InProcess:
    """The world after the acts, each in a fork of its own label."""
    for label, act in acts:
        port = port.fork(label)
        answer = act(port)
        assert answer is None or answer.error is None, (label, answer)
    return port


@pytest.fixture
def port() -> InProcess:
    """A world with a key, a grant on it, and a snapshot of an encrypted volume, all of account `one`."""
    port = in_memory(SERVICES, ACCOUNTS, "7", Clock())
    port.call("one/root", "kms:CreateKey", {}, REGION)
    volume = {"AvailabilityZone": "eu-west-1a", "Size": 1, "Encrypted": True, "KmsKeyId": key(port)}
    made = port.call("one/root", "ec2:CreateVolume", volume, REGION)
    port.call("one/root", "ec2:CreateSnapshot", {"VolumeId": made.value["VolumeId"]}, REGION)
    return port


def key(port: InProcess, account: str = "one", at: int = 0) -> str:
    keys = port.aside().call(f"{account}/root", "kms:ListKeys", {}, REGION).value["Keys"]
    return str(keys[at]["KeyArn"])


def snapshot(port: InProcess) -> str:
    found = port.aside().call("one/root", "ec2:DescribeSnapshots", {"OwnerIds": ["self"]}, REGION)
    return str(found.value["Snapshots"][0]["SnapshotId"])


def changes(port: InProcess) -> dict[str, Act]:
    arn, snap = key(port), snapshot(port)
    return {
        "disable": call("one", "kms:DisableKey", KeyId=arn),
        "schedule deletion": call("one", "kms:ScheduleKeyDeletion", KeyId=arn, PendingWindowInDays=7),
        "rotate": call("one", "kms:RotateKeyOnDemand", KeyId=arn),
        "describe the key anew": call("one", "kms:UpdateKeyDescription", KeyId=arn, Description="other"),
        "grant": call("one", "kms:CreateGrant", KeyId=arn, GranteePrincipal="arn:aws:iam::222222222222:root",
                      Operations=["Decrypt"]),
        "share": call("one", "ec2:ModifySnapshotAttribute", SnapshotId=snap, Attribute="createVolumePermission",
                      OperationType="add", UserIds=["222222222222"]),
        "tag": call("one", "ec2:CreateTags", Resources=[snap], Tags=[{"Key": "a", "Value": "b"}]),
        "delete": call("one", "ec2:DeleteSnapshot", SnapshotId=snap),
        "another key": call("one", "kms:CreateKey"),
        "a key of the other": call("other", "kms:CreateKey"),
        "encrypt by default": call("one", "ec2:EnableEbsEncryptionByDefault"),
        "a week": later(7),
    }  # fmt: skip


def test_whatever_can_be_changed_changes_it_and_no_two_changes_are_alike(port: InProcess) -> None:
    prints = {name: reached(port, (name, act)).fingerprint() for name, act in changes(port).items()}
    prints["nothing"] = port.fingerprint()
    assert len(set(prints.values())) == len(prints)


def test_reading_and_a_refused_call_change_nothing(port: InProcess) -> None:
    before = port.fingerprint()
    moved = port.fork("x")
    moved.call("one/root", "kms:DescribeKey", {"KeyId": key(port)}, REGION)
    refused = moved.call("other/root", "kms:DisableKey", {"KeyId": key(port)}, REGION)
    assert refused.error is not None
    assert moved.fingerprint() == before


def test_calls_of_different_accounts_commute(port: InProcess) -> None:
    """Ids, key materials and ciphertexts included."""
    mine = [("mine", call("one", "kms:CreateKey")), ("share", changes(port)["share"])]
    volume = call("other", "ec2:CreateVolume", AvailabilityZone="eu-west-1a", Size=1, Encrypted=True)
    theirs = [("theirs", call("other", "kms:CreateKey")), ("volume", volume)]
    orders = [order for order in permutations(mine + theirs) if keeps(order, mine) and keeps(order, theirs)]
    assert len(orders) == 6
    prints = {reached(port, *order).fingerprint() for order in orders}
    assert len(prints) == 1


def keeps(order: Any, track: list[Any]) -> bool:
    return [each for each in order if each in track] == track


def test_a_millisecond_does_not_count_and_a_week_does(port: InProcess) -> None:
    """A deletion scheduled before a week has passed is due; scheduled after it, it is not."""
    schedule = ("schedule", changes(port)["schedule deletion"])
    days = ("days", later(6))
    soon, late = reached(port, schedule, days), reached(port, days, schedule)
    assert soon.fingerprint() != late.fingerprint()
    idle = ("idle", lambda port: port.advance(3))
    assert reached(port, idle, schedule).fingerprint() == reached(port, schedule, idle).fingerprint()


def test_what_is_due_first_counts(port: InProcess) -> None:
    """Jobs run in the order of their moments, though these are a millisecond apart."""
    two = reached(port, ("second", call("one", "kms:CreateKey")))
    first, second = (call("one", "kms:ScheduleKeyDeletion", KeyId=key(two, at=at)) for at in (0, 1))
    assert (
        reached(two, ("a", first), ("b", second)).fingerprint()
        != reached(two, ("b", second), ("a", first)).fingerprint()
    )


def test_secrets_count(port: InProcess) -> None:
    """Two keys that differ in nothing but what was drawn for them. Method: the same call under two labels."""
    make = call("one", "kms:CreateKey")
    assert reached(port, ("a", make)).fingerprint() != reached(port, ("b", make)).fingerprint()
    assert reached(port, ("a", make)).fingerprint() == reached(port, ("a", make)).fingerprint()


def test_a_fork_leaves_what_it_came_from_alone(port: InProcess) -> None:
    before = port.fingerprint()
    for name, act in changes(port).items():
        reached(port, (name, act))
    assert port.fingerprint() == before


def test_what_must_agree_besides_the_world_counts_too(port: InProcess) -> None:
    described = port.call("one/root", "kms:DescribeKey", {"KeyId": key(port)}, REGION).value
    assert port.fingerprint(described) == port.fingerprint(dict(described))
    assert port.fingerprint({**described, "Description": "x"}) != port.fingerprint(described)
