"""Block public access for snapshots (ebs.md 1.8)."""

from __future__ import annotations

import pytest

from app.policy.causes import Cause
from tests.ebs_features.hands import is_listed, pair, plain
from tests.sharing.accounts import Hand

row = pytest.mark.row

BLOCKED = ("OperationNotPermitted", "Public sharing of snapshots is blocked for this account.")


def block(hand: Hand, state: str) -> None:
    assert hand.do("ec2:EnableSnapshotBlockPublicAccess", State=state) == {"State": state}


def state(hand: Hand) -> dict:
    return dict(hand.do("ec2:GetSnapshotBlockPublicAccessState"))


@row("1.8/public-states")
def test_an_account_begins_unblocked_and_says_that_it_manages_this_itself() -> None:
    source, target = pair()
    assert state(source) == {"State": "unblocked", "ManagedBy": "account"}
    block(source, "block-all-sharing")
    assert state(source)["State"] == "block-all-sharing"
    assert state(target)["State"] == "unblocked", "it is of an account"
    assert state(Hand(source.cloud, source.caller, "eu-west-1"))["State"] == "unblocked", "and of a Region"
    assert source.do("ec2:DisableSnapshotBlockPublicAccess") == {"State": "unblocked"}


@row("1.8/public-invalid")
def test_to_enable_unblocked_is_no_block() -> None:
    source, _ = pair()
    assert source.refused("ec2:EnableSnapshotBlockPublicAccess", State="unblocked")[0] == "InvalidParameterValue"


@row("1.8/public-private")
def test_both_blocks_refuse_new_public_sharing_and_neither_private_sharing() -> None:
    source, target = pair()
    snapshot = plain(source)
    for each in ("block-new-sharing", "block-all-sharing"):
        block(source, each)
        reply = source.share(snapshot, group="all")
        assert reply.error is not None
        assert (reply.error.code, reply.error.message, reply.error.cause) == (*BLOCKED, Cause.PUBLIC_SHARING_BLOCKED)
    assert source.share(snapshot, target.caller.account).error is None
    assert is_listed(target, snapshot)
    source.do("ec2:DisableSnapshotBlockPublicAccess")
    assert source.share(snapshot, group="all").error is None


def test_block_new_leaves_public_what_is_public() -> None:
    source, target = pair()
    snapshot = plain(source)
    source.share(snapshot, group="all")
    block(source, "block-new-sharing")
    assert is_listed(target, snapshot, RestorableByUserIds=["all"])


@row("1.8/public-all")
def test_block_all_hides_what_is_public_and_the_attribute_still_says_all() -> None:
    """Nobody sees or uses it until the block is lifted; whom it is shared with by name is untouched."""
    source, target = pair()
    snapshot, named = plain(source), plain(source)
    source.share(snapshot, group="all")
    source.share(named, target.caller.account, group="all")
    block(source, "block-all-sharing")
    assert not is_listed(target, snapshot)
    assert is_listed(target, named)
    assert target.refused("ec2:DescribeSnapshots", SnapshotIds=[snapshot])[0] == "InvalidSnapshot.NotFound"
    volume = {"AvailabilityZone": "us-east-1a", "SnapshotId": snapshot}
    assert target.refused("ec2:CreateVolume", **volume) == ("InvalidSnapshot.NotFound", "Snapshot does not exist")
    assert target.snapshot(target.copy(snapshot))["StateMessage"] == "Source snapshot is not found"
    asked = {"SnapshotId": snapshot, "Attribute": "createVolumePermission"}
    assert source.do("ec2:DescribeSnapshotAttribute", **asked)["CreateVolumePermissions"] == [{"Group": "all"}]
    block(source, "block-new-sharing")
    assert target.ask("ec2:CreateVolume", **volume).error is None


def test_what_was_taken_back_while_it_was_hidden_stays_private() -> None:
    source, target = pair()
    snapshot = plain(source)
    source.share(snapshot, group="all")
    block(source, "block-all-sharing")
    assert source.share(snapshot, group="all", adds=False).error is None
    source.do("ec2:DisableSnapshotBlockPublicAccess")
    assert not is_listed(target, snapshot)
    assert source.share(snapshot, group="all").error is None
    assert is_listed(target, snapshot)


def test_each_needs_its_own_action_and_dry_run_changes_nothing() -> None:
    source, _ = pair()
    user = source.user("u")
    for name, asked in (("Enable", {"State": "block-all-sharing"}), ("Disable", {})):
        assert user.refused(f"ec2:{name}SnapshotBlockPublicAccess", **asked)[0] == "UnauthorizedOperation"
    dry = source.refused("ec2:EnableSnapshotBlockPublicAccess", State="block-all-sharing", DryRun=True)
    assert dry[0] == "DryRunOperation"
    assert state(source)["State"] == "unblocked"
