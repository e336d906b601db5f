"""Each KMS action taken away alone, on each key, on each side, for each operation (ebs.md 1.2 and 1.4).

What AWS was measured to need is a table; the sweep says that exactly these break, and that all others have no effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.sharing.accounts import EVERY_USE, TARGET_ROOT, Share, Step, TwoAccounts, allow, deny

KEYS = ("source", "target")


@dataclass(frozen=True)
class Operation:
    """One way to use two keys: `needs` are the pairs (key, action) that AWS uses of the caller's."""

    name: str
    take: Callable[[Share], Step]
    source_key: str  # field of Share: which key stands in the place of the source's
    needs: frozenset[tuple[str, str]]
    sync: frozenset[tuple[str, str]] = frozenset()  # those whose lack is answered at once


def _volume_from_own(share: Share) -> Step:
    return share.volume_in_target(SnapshotId=share.things.own_snapshot)


def _volume_under_the_same_key(share: Share) -> Step:
    return share.volume_in_target(SnapshotId=share.things.own_snapshot, KmsKeyId=share.things.own_key)


def _volume_under_the_shared_key(share: Share) -> Step:
    return share.volume_in_target(KmsKeyId=share.things.source_key)


def needs(**actions: str) -> frozenset[tuple[str, str]]:
    return frozenset((key, f"kms:{action}") for key, words in actions.items() for action in words.split())


NEW_DATA_KEY = "GenerateDataKeyWithoutPlaintext CreateGrant"
OPERATIONS = (
    Operation(
        "copy",
        lambda share: share.copy_to_target(),
        "source",
        needs(source="CreateGrant", target=f"DescribeKey {NEW_DATA_KEY}"),
        sync=needs(target="DescribeKey"),
    ),
    Operation(
        "volume from shared",
        lambda share: share.volume_in_target(),
        "source",
        needs(source="ReEncryptFrom", target=f"ReEncryptTo {NEW_DATA_KEY}"),
    ),
    Operation(
        "volume from shared under its own key",
        _volume_under_the_shared_key,
        "source",
        needs(source=f"ReEncryptFrom ReEncryptTo {NEW_DATA_KEY}"),
    ),
    Operation(
        "volume from own", _volume_from_own, "own", needs(source="ReEncryptFrom", target=f"ReEncryptTo {NEW_DATA_KEY}")
    ),
    Operation(
        "volume from own under the same key",
        _volume_under_the_same_key,
        "own",
        needs(source="ReEncryptFrom ReEncryptTo"),
    ),
)
REMOVED_BY = ("identity policy silent", "identity policy denies", "key policy silent", "key policy denies")


def cases() -> Iterator[tuple[Operation, str, str, str]]:
    for operation in OPERATIONS:
        for key in KEYS:
            for action in EVERY_USE:
                yield from ((operation, key, action, how) for how in REMOVED_BY)


def without(share: Share, key: str, action: str, how: str) -> Share:
    """The share with one action taken away on one key, in one place."""
    others = tuple(each for each in EVERY_USE if each != action)
    return share.with_(
        **{
            "identity policy silent": {f"target_iam_on_{key}_key": allow(*others)},
            "identity policy denies": {f"target_iam_on_{key}_key": (*allow(*EVERY_USE), *deny(action))},
            "key policy silent": {f"{key}_key_policy": allow(TARGET_ROOT, *others)},
            "key policy denies": {f"{key}_key_policy": (*allow(TARGET_ROOT, *EVERY_USE), *deny(TARGET_ROOT, action))},
        }[how]
    )


def expected(operation: Operation, key: str, action: str) -> str:
    is_copy = operation.name == "copy"
    if (key, action) in operation.sync:
        return "AuthFailure"
    if (key, action) in operation.needs:
        return "error" if is_copy else "gone"
    return "completed" if is_copy else "available"


@pytest.mark.row("0.6", "0.7", "1.1/copy", "1.2/one-denial", "1.2/permission-any", "1.4/min", "1.4/both-sides")
def test_each_action_taken_away_alone_breaks_what_aws_was_measured_to_need_and_nothing_else(
    accounts: TwoAccounts,
) -> None:
    """Method: 5 operations x 2 keys x 8 actions x 4 places; each in its own fork; all differences are shown at once."""
    wrong: list[str] = []
    for operation, key, action, how in cases():
        field = operation.source_key if key == "source" else key
        got = operation.take(without(accounts.share(), field, action, how)).outcome
        if got != (want := expected(operation, key, action)):
            wrong.append(f"{operation.name}: {action} on the {key} key, {how}: {got}, not {want}")
    assert wrong == []


@pytest.mark.row("0.6", "0.7", "1.4/both-sides")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_what_was_measured_is_enough(accounts: TwoAccounts, operation: Operation) -> None:
    """Method: on each key and on both sides exactly the actions of the table, and no other."""
    share = accounts.share()
    for key in KEYS:
        field = operation.source_key if key == "source" else key
        actions = [action for of, action in sorted(operation.needs) if of == key]
        policy, identity = (allow(TARGET_ROOT, *actions), allow(*actions)) if actions else ((), ())
        share = share.with_(**{f"{field}_key_policy": policy, f"target_iam_on_{field}_key": identity})
    assert operation.take(share).outcome in ("completed", "available")


@pytest.mark.row("1.1/create-snapshot", "1.3/no-kms", "0.5")
def test_a_snapshot_is_made_with_all_of_kms_denied(accounts: TwoAccounts) -> None:
    """CreateSnapshot asks nothing of KMS. Method: an own volume, then a deny of kms:* for everybody in the account."""
    share = accounts.share()
    volume = _volume_from_own(share)
    assert volume.outcome == "available"
    share.target_now_has(*deny("kms:*"))
    snapshot = share.target.make_snapshot(volume.id)
    assert share.target.snapshot(snapshot)["State"] == "completed"
    assert share.target.kms_calls(snapshot) == []
