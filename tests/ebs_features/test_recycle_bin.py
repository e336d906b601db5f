"""The recycle bin and its retention rules (ebs.md 1.8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.kernel.edge import Edge, Node
from app.services.ebs.edges import edges
from tests.ebs_features.hands import DAY_MS, HOUR_MS, is_listed, pair, plain
from tests.sharing.accounts import REGION, Hand, allow, block

row = pytest.mark.row

DAYS = "DAYS"


def rule(hand: Hand, days: int, **asked: Any) -> Any:
    period = {"RetentionPeriodValue": days, "RetentionPeriodUnit": DAYS}
    return hand.do("rbin:CreateRule", ResourceType="EBS_SNAPSHOT", RetentionPeriod=period, **asked)


def tag(hand: Hand, id: str, key: str, value: str = "") -> None:
    hand.do("ec2:CreateTags", Resources=[id], Tags=[{"Key": key, "Value": value}])


def tagged(key: str, value: str | None = None) -> list[dict[str, str]]:
    return [{"ResourceTagKey": key} | ({"ResourceTagValue": value} if value is not None else {})]


def in_bin(hand: Hand) -> dict[str, Any]:
    return {each["SnapshotId"]: each for each in hand.do("ec2:ListSnapshotsInRecycleBin")["Snapshots"]}


def days_in_bin(hand: Hand, id: str) -> int:
    found = in_bin(hand)[id]
    return (found["RecycleBinExitTime"] - found["RecycleBinEnterTime"]) // timedelta(days=1)


def delete(hand: Hand, id: str) -> None:
    hand.do("ec2:DeleteSnapshot", SnapshotId=id)


def test_without_a_rule_a_deleted_snapshot_is_gone() -> None:
    source, _ = pair()
    snapshot = plain(source)
    delete(source, snapshot)
    assert in_bin(source) == {}


@row("1.8/bin-rule", "1.8/bin-unusable", "1.8/bin-only")
def test_in_the_bin_a_snapshot_is_nowhere_else_and_nobody_can_use_it() -> None:
    source, target = pair()
    rule(source, 7)
    snapshot = plain(source, Description="kept")
    source.share(snapshot, target.caller.account)
    delete(source, snapshot)
    assert (in_bin(source)[snapshot]["Description"], days_in_bin(source, snapshot)) == ("kept", 7)
    assert in_bin(target) == {}
    for hand in (source, target):
        assert not is_listed(hand, snapshot)
        volume = {"AvailabilityZone": f"{REGION}a", "SnapshotId": snapshot}
        assert hand.refused("ec2:CreateVolume", **volume)[0] == "InvalidSnapshot.NotFound"
        assert hand.snapshot(hand.copy(snapshot))["StateMessage"] == "Source snapshot is not found"
        assert hand.refused("ebs:ListSnapshotBlocks", SnapshotId=snapshot)[0] == "ResourceNotFoundException"
        assert hand.refused("ec2:DeleteSnapshot", SnapshotId=snapshot)[0] == "InvalidSnapshot.NotFound"


@row("1.8/bin-restore")
def test_a_snapshot_comes_back_as_it_was() -> None:
    """With its blocks, tags and shares, by way of `recovering`."""
    source, target = pair(settle="lifelike")
    rule(source, 7)
    source.cloud.advance(HOUR_MS)
    snapshot = plain(source)
    tag(source, snapshot, "a", "b")
    source.share(snapshot, target.caller.account)
    delete(source, snapshot)
    answer = source.do("ec2:RestoreSnapshotFromRecycleBin", SnapshotId=snapshot)
    assert (answer["SnapshotId"], answer["State"]) == (snapshot, "recovering")
    source.cloud.advance(HOUR_MS)
    shown = source.snapshot(snapshot)
    assert (shown["State"], shown["Tags"]) == ("completed", [{"Key": "a", "Value": "b"}])
    assert (source.read(snapshot), is_listed(target, snapshot)) == ({0: block(0)}, True)
    assert in_bin(source) == {}
    assert source.refused("ec2:RestoreSnapshotFromRecycleBin", SnapshotId=snapshot)[0] == "InvalidSnapshot.NotFound"


def test_a_snapshot_leaves_the_bin_by_its_date_and_only_so() -> None:
    source, _ = pair()
    rule(source, 7)
    snapshot = plain(source)
    delete(source, snapshot)
    source.cloud.advance(7 * DAY_MS - HOUR_MS)
    assert snapshot in in_bin(source)
    source.cloud.advance(2 * HOUR_MS)
    assert in_bin(source) == {}


def test_deleted_again_a_snapshot_stays_for_its_whole_time() -> None:
    """The end of its first stay is not the end of its second."""
    source, _ = pair()
    rule(source, 7)
    snapshot = plain(source)
    delete(source, snapshot)
    source.cloud.advance(5 * DAY_MS)
    source.do("ec2:RestoreSnapshotFromRecycleBin", SnapshotId=snapshot)
    delete(source, snapshot)
    source.cloud.advance(5 * DAY_MS)
    assert snapshot in in_bin(source)


@row("1.8/bin-longest")
def test_the_longest_rule_that_matches_keeps_it() -> None:
    """Rules of tags match by one of their tags, with a value or with any; rules of the Region leave out by a tag."""
    source, _ = pair()
    rule(source, 3, ExcludeResourceTags=tagged("scratch"))
    rule(source, 30, ResourceTags=tagged("tier", "gold"))
    rule(source, 90, ResourceTags=tagged("legal"))
    wanted = {None: 3, ("tier", "gold"): 30, ("tier", "tin"): 3, ("legal", "any"): 90, ("scratch", ""): 0}
    for pair_of_tag, days in wanted.items():
        snapshot = plain(source)
        if pair_of_tag:
            tag(source, snapshot, *pair_of_tag)
        delete(source, snapshot)
        assert (days_in_bin(source, snapshot) if days else snapshot not in in_bin(source)) == (days or True)


@row("1.8/bin-wait")
def test_a_rule_counts_from_when_it_is_available() -> None:
    source, _ = pair(settle="lifelike")
    made = rule(source, 7)
    assert made["Status"] == "pending"
    early = plain(source)
    delete(source, early)
    source.cloud.advance(HOUR_MS)
    assert source.do("rbin:GetRule", Identifier=made["Identifier"])["Status"] == "available"
    late = plain(source)
    delete(source, late)
    assert list(in_bin(source)) == [late]


@row("1.8/bin-tag", "1.8/bin-only")
def test_the_system_tag_tells_where_it_is_and_the_owner_may_tag_it_there() -> None:
    source, _ = pair()
    rule(source, 7)
    snapshot = plain(source)
    delete(source, snapshot)
    tag(source, snapshot, "a", "b")
    tags = source.do("ec2:DescribeTags", Filters=[{"Name": "resource-id", "Values": [snapshot]}])["Tags"]
    assert {(each["Key"], each["Value"]) for each in tags} == {
        ("aws:recycle-bin:resource-in-bin", "true"),
        ("a", "b"),
    }
    source.do("ec2:DeleteTags", Resources=[snapshot])
    assert len(source.do("ec2:DescribeTags")["Tags"]) == 1, "the system tag is not the owner's to delete"
    source.do("ec2:RestoreSnapshotFromRecycleBin", SnapshotId=snapshot)
    assert "Tags" not in source.snapshot(snapshot)


def test_listing_and_restoring_take_their_own_actions() -> None:
    source, _ = pair()
    rule(source, 7)
    snapshot = plain(source)
    delete(source, snapshot)
    user = source.user("u", *allow("ec2:ListSnapshotsInRecycleBin"))
    assert user.do("ec2:ListSnapshotsInRecycleBin", SnapshotIds=[snapshot])["Snapshots"]
    assert user.refused("ec2:RestoreSnapshotFromRecycleBin", SnapshotId=snapshot)[0] == "UnauthorizedOperation"
    user = source.user("v")
    assert user.refused("ec2:ListSnapshotsInRecycleBin")[0] == "UnauthorizedOperation"


def test_rules_are_made_changed_listed_and_deleted() -> None:
    source, _ = pair()
    made = rule(source, 7, Description="all", Tags=[{"Key": "t", "Value": "1"}])
    id = made["Identifier"]
    assert made["RuleArn"] == f"arn:aws:rbin:{REGION}:111111111111:rule/{id}"
    assert (len(id), made["Tags"]) == (11, [{"Key": "t", "Value": "1"}])
    period = {"RetentionPeriodValue": 9, "RetentionPeriodUnit": DAYS}
    source.do("rbin:UpdateRule", Identifier=id, RetentionPeriod=period)
    found = source.do("rbin:GetRule", Identifier=id)
    assert (found["RetentionPeriod"], found["Description"]) == (period, "all")
    other = rule(source, 1, ResourceTags=tagged("a", "b"))["Identifier"]
    listed = source.do("rbin:ListRules", ResourceType="EBS_SNAPSHOT")["Rules"]
    assert sorted(each["Identifier"] for each in listed) == sorted([id, other])
    first = source.do("rbin:ListRules", ResourceType="EBS_SNAPSHOT", MaxResults=1)
    rest = source.do("rbin:ListRules", ResourceType="EBS_SNAPSHOT", NextToken=first["NextToken"])
    assert [each["Identifier"] for each in (*first["Rules"], *rest["Rules"])] == sorted([id, other])
    by_tag = source.do("rbin:ListRules", ResourceType="EBS_SNAPSHOT", ResourceTags=tagged("a", "b"))["Rules"]
    assert [each["Identifier"] for each in by_tag] == [other]
    source.do("rbin:DeleteRule", Identifier=id)
    assert source.refused("rbin:GetRule", Identifier=id)[0] == "ResourceNotFoundException"


def test_a_locked_rule_stays_until_it_is_unlocked_and_the_delay_is_over() -> None:
    source, _ = pair()
    delay = {"UnlockDelay": {"UnlockDelayValue": 7, "UnlockDelayUnit": DAYS}}
    made = rule(source, 7, LockConfiguration=delay)
    id = made["Identifier"]
    assert made["LockState"] == "locked"
    refused = ("ConflictException", f"The rule {id} is locked.")
    assert source.refused("rbin:DeleteRule", Identifier=id) == refused
    unlocking = source.do("rbin:UnlockRule", Identifier=id)
    assert (unlocking["LockState"], "LockEndTime" in unlocking) == ("pending_unlock", True)
    assert source.refused("rbin:UpdateRule", Identifier=id, Description="x") == refused
    source.cloud.advance(7 * DAY_MS)
    assert source.do("rbin:GetRule", Identifier=id)["LockState"] == "unlocked"
    source.do("rbin:LockRule", Identifier=id, LockConfiguration=delay)
    source.do("rbin:UnlockRule", Identifier=id)
    source.cloud.advance(7 * DAY_MS)
    source.do("rbin:DeleteRule", Identifier=id)


def test_a_rule_of_tags_is_never_locked() -> None:
    source, _ = pair()
    delay = {"UnlockDelay": {"UnlockDelayValue": 7, "UnlockDelayUnit": DAYS}}
    id = rule(source, 7, ResourceTags=tagged("a"))["Identifier"]
    assert source.refused("rbin:LockRule", Identifier=id, LockConfiguration=delay)[0] == "ValidationException"


@pytest.mark.parametrize(("days", "code"), [(0, "ValidationException"), (366, "ValidationException")])
def test_a_period_is_1_to_365_days(days: int, code: str) -> None:
    source, _ = pair()
    period = {"RetentionPeriodValue": days, "RetentionPeriodUnit": DAYS}
    assert source.refused("rbin:CreateRule", ResourceType="EBS_SNAPSHOT", RetentionPeriod=period)[0] == code


def test_rules_take_rbins_own_actions_and_are_tagged_by_their_arn() -> None:
    source, _ = pair()
    made = rule(source, 7)
    user = source.user("u", *allow("rbin:GetRule", Resource=made["RuleArn"]))
    assert user.do("rbin:GetRule", Identifier=made["Identifier"])["Identifier"] == made["Identifier"]
    code, text = user.refused("rbin:DeleteRule", Identifier=made["Identifier"])
    assert (code, f"rbin:DeleteRule on resource: {made['RuleArn']}" in text) == ("AccessDeniedException", True)
    named = {"ResourceArn": made["RuleArn"]}
    source.do("rbin:TagResource", **named, Tags=[{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}])
    source.do("rbin:UntagResource", **named, TagKeys=["a"])
    assert source.do("rbin:ListTagsForResource", **named)["Tags"] == [{"Key": "c", "Value": "d"}]
    assert source.events("CreateRule")[0]["eventSource"] == "rbin.amazonaws.com"


def test_rules_of_other_things_than_snapshots_are_refused_in_words() -> None:
    source, _ = pair()
    period = {"RetentionPeriodValue": 7, "RetentionPeriodUnit": DAYS}
    code, text = source.refused("rbin:CreateRule", ResourceType="EC2_IMAGE", RetentionPeriod=period)
    assert (code, text) == ("ValidationException", "reseal does not simulate retention rules of EC2_IMAGE")


def test_what_time_and_settings_changed_meanwhile_holds_when_it_comes_back() -> None:
    """Method: public, archived and restored for 2 days each go in; all public sharing is blocked, 3 days pass."""
    source, target = pair()
    rule(source, 7)
    public, archived = plain(source), plain(source)
    source.share(public, group="all")
    source.do("ec2:ModifySnapshotTier", SnapshotId=archived)
    source.do("ec2:RestoreSnapshotTier", SnapshotId=archived, TemporaryRestoreDays=2)
    for snapshot in (public, archived):
        delete(source, snapshot)
    source.do("ec2:EnableSnapshotBlockPublicAccess", State="block-all-sharing")
    source.cloud.advance(3 * DAY_MS)
    for snapshot in (public, archived):
        source.do("ec2:RestoreSnapshotFromRecycleBin", SnapshotId=snapshot)
    assert not is_listed(target, public)
    volume = {"AvailabilityZone": f"{REGION}a", "SnapshotId": archived}
    assert source.refused("ec2:CreateVolume", **volume)[0] == "IncorrectState"
    source.do("ec2:DisableSnapshotBlockPublicAccess")
    assert is_listed(target, public)


def test_deleted_on_its_way_to_the_archive_a_snapshot_comes_back_in_its_tier() -> None:
    source, _ = pair(settle="lifelike")
    rule(source, 30)
    source.cloud.advance(HOUR_MS)
    snapshot = plain(source)
    source.do("ec2:ModifySnapshotTier", SnapshotId=snapshot)
    delete(source, snapshot)
    source.do("ec2:RestoreSnapshotFromRecycleBin", SnapshotId=snapshot)
    source.cloud.advance(5 * DAY_MS)
    (found,) = source.do("ec2:DescribeSnapshotTierStatus")["SnapshotTierStatuses"]
    assert (found["StorageTier"], found["LastTieringOperationStatus"]) == ("standard", "archival-failed")


def test_the_graph_still_shows_the_key_that_a_snapshot_in_the_bin_rests_on() -> None:
    source, _ = pair()
    rule(source, 7)
    key = source.key()
    snapshot = source.write({0: 0}, Encrypted=True, KmsKeyArn=key)
    delete(source, snapshot)
    found = list(edges(source.cloud.world))
    assert Node("snapshot", snapshot, "111111111111", state="recoverable") in found
    assert any(isinstance(each, Edge) and (each.kind, each.target) == ("encrypts", snapshot) for each in found)
