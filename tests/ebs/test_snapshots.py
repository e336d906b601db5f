"""CreateSnapshot, DescribeSnapshots, DeleteSnapshot and tags, row by row (ebs.md 1.3 and 1.6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.kernel.cloud import Cloud
from app.kernel.world import Rules
from app.policy.causes import Cause
from app.services.ebs.records import Snapshot, Volume
from tests.sharing.accounts import SOURCE, TARGET, THIRD, Share, block, root

row = pytest.mark.row


@row("1.3/answer")
def test_the_answer_shows_no_progress_and_no_key_and_describe_shows_both(slow: Share) -> None:
    source = slow.source
    answer = source.do("ec2:CreateSnapshot", VolumeId=slow.things.volume)
    assert (answer["State"], answer["Progress"], answer["Encrypted"], "KmsKeyId" in answer) == (
        "pending",
        "",
        True,
        False,
    )
    shown = source.snapshot(answer["SnapshotId"])
    assert (shown["State"], shown["Progress"], shown["KmsKeyId"]) == ("pending", "0%", slow.things.source_key)
    slow.cloud.advance(60_000)
    assert source.snapshot(answer["SnapshotId"])["State"] == "completed"


@row("1.3/keeps-key", "0.10")
@pytest.mark.row("1.3/inherits", "2/create-snapshot")
def test_a_snapshot_keeps_the_volumes_data_key_and_its_context_when_the_volume_is_gone(share: Share) -> None:
    source, id = share.source, share.things.volume
    snapshot = source.make_snapshot(id)
    source.do("ec2:DeleteVolume", VolumeId=id)
    kept = share.cloud.world.records.find(Snapshot, "id", "us-east-1", snapshot)
    assert kept is not None
    assert kept.data_key is not None
    assert kept.data_key.context == {"aws:ebs:id": id}
    assert source.read(snapshot) == {0: block(0), 7: block(1)}
    assert source.volume(source.make_volume(SnapshotId=snapshot)) is not None


@row("1.3/state")
def test_a_volume_that_is_still_being_made_has_no_snapshot(slow: Share) -> None:
    volume = slow.source.make_volume(Size=1)
    text = f"Volume '{volume}' is not in the 'available' or 'in-use' state."
    assert slow.source.refused("ec2:CreateSnapshot", VolumeId=volume) == ("IncorrectState", text)
    slow.cloud.advance(60_000)
    assert slow.source.make_snapshot(volume)


@row("1.3/ascii")
def test_a_description_is_ascii(share: Share) -> None:
    text = "Value (\u00fc) for parameter description is invalid. Character sets beyond ASCII are not supported."
    asked = {"VolumeId": share.things.volume}
    assert share.source.refused("ec2:CreateSnapshot", **asked, Description="\u00fc") == ("InvalidParameterValue", text)
    assert share.source.ask("ec2:CreateSnapshot", **asked, Description="u").error is None


@row("1.3/rate")
def test_a_second_snapshot_within_15_seconds_is_refused_where_a_world_has_quotas(share: Share) -> None:
    """Without quotas it is not. Method: twice at once, then 15 seconds later."""
    source, volume = share.source, share.things.volume
    assert source.make_snapshot(volume) != source.make_snapshot(volume)
    text = (
        "The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or variable sleep "
        "interval between requests."
    )
    strict = with_quotas(share)
    hand = root(strict, SOURCE)
    hand.cloud.advance(15_000)
    hand.make_snapshot(volume)
    assert hand.refused("ec2:CreateSnapshot", VolumeId=volume) == ("SnapshotCreationPerVolumeRateExceeded", text)
    strict.advance(15_000)
    assert hand.make_snapshot(volume)


def with_quotas(share: Share) -> Cloud:
    """A cloud that goes on from this world, with quotas."""
    world = replace(share.cloud.world, name=f"{share.cloud.world.name}-quotas", rules=Rules(quotas=True))
    return Cloud.create(share.cloud.services, share.cloud._store, world)


@row("1.6/not-visible", "1.5/not-owned")
@pytest.mark.row("1.1/attributes")
def test_an_id_that_is_not_visible_is_an_error(share: Share) -> None:
    id = share.things.snapshot
    gone = ("InvalidSnapshot.NotFound", f"The snapshot '{id}' does not exist.")
    for operation, more in (
        ("DescribeSnapshots", {"SnapshotIds": [id]}),
        ("DeleteSnapshot", {"SnapshotId": id}),
        ("DescribeSnapshotAttribute", {"SnapshotId": id, "Attribute": "createVolumePermission"}),
        ("ResetSnapshotAttribute", {"SnapshotId": id, "Attribute": "createVolumePermission"}),
        ("ModifySnapshotAttribute", {"SnapshotId": id, "CreateVolumePermission": {"Add": [{"UserId": THIRD}]}}),
    ):
        assert root(share.cloud, THIRD).refused(f"ec2:{operation}", **more) == gone
        if operation != "DescribeSnapshots":  # what is shared can be seen, and not changed
            assert share.target.refused(f"ec2:{operation}", **more) == gone
    assert share.source.share(id, THIRD).error is None
    assert root(share.cloud, THIRD).snapshot(id)["OwnerId"] == SOURCE


@row("1.6/delete-shared", "1.5/not-owned")
def test_a_shared_snapshot_is_not_the_targets_to_delete(share: Share) -> None:
    reply = share.target.ask("ec2:DeleteSnapshot", SnapshotId=share.things.snapshot)
    assert reply.error is not None
    assert (reply.error.code, reply.error.cause) == ("InvalidSnapshot.NotFound", Cause.SNAPSHOT_NOT_FOUND)
    assert share.source.ask("ec2:DeleteSnapshot", SnapshotId=share.things.snapshot).error is None


@row("1.6/listed")
def test_a_shared_snapshot_is_listed_by_owner_by_whom_it_is_restorable_and_by_id(share: Share) -> None:
    def listed(**asked: object) -> list[str]:
        return [each["SnapshotId"] for each in share.target.do("ec2:DescribeSnapshots", **asked)["Snapshots"]]

    shared, own = share.things.snapshot, share.things.own_snapshot
    assert listed(OwnerIds=[SOURCE]) == [shared]
    assert listed(RestorableByUserIds=["self"]) == [shared]
    assert listed(RestorableByUserIds=[TARGET]) == [shared]
    assert listed(SnapshotIds=[shared]) == [shared]
    assert listed(OwnerIds=["self"]) == [own]
    assert sorted(listed()) == sorted([shared, own])


@row("1.6/seen")
def test_the_target_sees_the_owners_key_and_not_the_owners_tags(share: Share) -> None:
    source, id = share.source, share.things.snapshot
    source.do("ec2:CreateTags", Resources=[id], Tags=[{"Key": "team", "Value": "a"}])
    mine, theirs = source.snapshot(id), share.target.snapshot(id)
    assert (mine["Tags"], "Tags" in theirs) == ([{"Key": "team", "Value": "a"}], False)
    assert theirs["KmsKeyId"] == share.things.source_key
    same = {"SnapshotId", "OwnerId", "VolumeId", "VolumeSize", "StartTime", "State", "Progress", "Description"}
    same |= {"Encrypted", "KmsKeyId", "StorageTier", "FullSnapshotSizeInBytes"}
    assert {name: mine[name] for name in same} == {name: theirs[name] for name in same}


@row("1.6/private-tags", "1.1/tags-seen")
def test_the_target_tags_for_itself_and_its_tags_outlive_the_share(share: Share) -> None:
    """Its own policies see its own tags. Method: tag, look as both, revoke, look, delete."""
    target, id = share.target, share.things.snapshot
    tags = [{"Key": "team", "Value": "b"}]
    target.do("ec2:CreateTags", Resources=[id], Tags=tags)
    assert (target.snapshot(id)["Tags"], "Tags" in share.source.snapshot(id)) == (tags, False)
    share.source.share(id, TARGET, adds=False)
    about = {"Filters": [{"Name": "resource-id", "Values": [id]}]}
    assert [each["Key"] for each in target.do("ec2:DescribeTags", **about)["Tags"]] == ["team"]
    target.do("ec2:DeleteTags", Resources=[id], Tags=tags)
    assert target.do("ec2:DescribeTags", **about)["Tags"] == []


@row("1.1/tags-seen")
def test_a_condition_on_resource_tags_sees_the_callers_own_tags_only(share: Share) -> None:
    from tests.sharing.accounts import allow

    tags = [{"Key": "team", "Value": "a"}]
    tagged = {"StringEquals": {"aws:ResourceTag/team": "a"}}
    snapshots, volumes = "arn:aws:ec2:*::snapshot/*", "arn:aws:ec2:*:*:volume/*"
    share = share.with_(
        target_iam=(
            *allow("ec2:CreateVolume", Resource=volumes),
            *allow("ec2:CreateVolume", Resource=snapshots, Condition=tagged),
            *allow("ec2:CreateTags", "ec2:Describe*"),
        )
    )
    share.source.do("ec2:CreateTags", Resources=[share.things.snapshot], Tags=tags)
    assert share.volume_in_target().outcome == "UnauthorizedOperation"
    share.target.do("ec2:CreateTags", Resources=[share.things.snapshot], Tags=tags)
    assert share.volume_in_target().outcome == "available"


@pytest.mark.row("1.6/delete-touches")
def test_deleting_a_snapshot_touches_no_other_and_no_volume(share: Share) -> None:
    source, volume = share.source, share.things.volume
    first, second = source.make_snapshot(volume), source.make_snapshot(volume)
    source.do("ec2:DeleteSnapshot", SnapshotId=first)
    assert source.read(second) == {0: block(0), 7: block(1)}
    assert share.cloud.world.records.get(Volume, SOURCE, "us-east-1", volume) is not None


@pytest.mark.row("1.6/page")
def test_pages_of_snapshots_hold_each_once_and_a_token_belongs_to_whom_it_was_given(share: Share) -> None:
    """Method: 12 snapshots in pages of 5; the token in other hands, with ids, and spoiled."""
    source = share.source
    made = {source.make_snapshot(share.things.volume) for _ in range(11)} | {share.things.snapshot}
    seen, token = [], None
    while token or not seen:
        asked = {"OwnerIds": ["self"], "MaxResults": 5} | ({"NextToken": token} if token else {})
        answer = source.do("ec2:DescribeSnapshots", **asked)
        seen += [each["SnapshotId"] for each in answer["Snapshots"]]
        token = answer.get("NextToken")
        if token:
            spare = token
    assert made <= set(seen)
    assert len(seen) == len(set(seen))
    assert share.target.refused("ec2:DescribeSnapshots", MaxResults=5, NextToken=spare)[0] == "InvalidParameterValue"
    assert source.refused("ec2:DescribeSnapshots", MaxResults=5, NextToken="x")[0] == "InvalidParameterValue"
    assert source.refused("ec2:DescribeSnapshots", MaxResults=4)[0] == "InvalidParameterValue"
    assert (
        source.refused("ec2:DescribeSnapshots", MaxResults=5, SnapshotIds=[seen[0]])[0] == "InvalidParameterCombination"
    )
