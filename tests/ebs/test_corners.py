"""Corners that captures of live accounts show and that no row of the reference spells out (ebs.md section 9)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sharing.accounts import REGION, TARGET, Share, allow, block, deny, root

VALUE = "InvalidParameterValue"


def test_an_empty_source_is_no_id_and_an_empty_region_no_region(share: Share) -> None:
    """Both are there, unlike ones that are left out. ST:copy_controls."""
    unknown = {"SourceRegion": REGION, "SourceSnapshotId": "snap-0fedcba9876543210"}
    target = share.target
    assert target.refused("ec2:CopySnapshot", **unknown | {"SourceSnapshotId": ""})[0] == VALUE
    no_region = ("InvalidRegion", " is not a valid region name.")
    assert target.refused("ec2:CopySnapshot", **unknown | {"SourceRegion": ""}) == no_region


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], "Duplicate tag key 'a' specified."),
        ([{"Key": "", "Value": "1"}], "Tag key must have a value"),
        ([{"Key": "aws:a", "Value": "1"}], "Tag keys starting with 'aws:' are reserved for internal use"),
    ],
)
def test_tags_that_can_not_be_are_refused_before_the_dry_run(share: Share, tags: Any, text: str) -> None:
    """With the direct APIs under their own code. ST:volume_controls."""
    asked = {"SourceRegion": REGION, "SourceSnapshotId": share.things.snapshot, "DryRun": True}
    specified = [{"ResourceType": "snapshot", "Tags": tags}]
    assert share.target.refused("ec2:CopySnapshot", TagSpecifications=specified, **asked) == (VALUE, text)
    reply = share.source.ask("ebs:StartSnapshot", VolumeSize=1, Tags=tags)
    assert reply.error is not None
    assert reply.error.code == "ValidationException"
    if tags[0]["Key"]:  # an empty one is refused by the shape
        assert dict(reply.error.members)["Reason"] == "INVALID_TAG"


def test_tags_on_what_is_no_longer_shared_can_be_removed_and_not_added(share: Share) -> None:
    """ST:sharing_data_tags_settled."""
    target, id = root(share.cloud, TARGET), share.things.snapshot
    target.do("ec2:CreateTags", Resources=[id], Tags=[{"Key": "mine", "Value": "1"}])
    share.source.do("ec2:ResetSnapshotAttribute", SnapshotId=id, Attribute="createVolumePermission")
    gone = ("InvalidSnapshot.NotFound", f"The snapshot '{id}' does not exist.")
    assert target.refused("ec2:CreateTags", Resources=[id], Tags=[{"Key": "more", "Value": "1"}]) == gone
    assert [each["Key"] for each in target.do("ec2:DescribeTags")["Tags"] if each["ResourceId"] == id] == ["mine"]
    target.do("ec2:DeleteTags", Resources=[id], Tags=[{"Key": "mine"}])
    assert not [each for each in target.do("ec2:DescribeTags")["Tags"] if each["ResourceId"] == id]


def test_resetting_asks_for_permission_before_it_looks_at_the_id(share: Share) -> None:
    """What is no id is asked about as snapshot/*; the attribute is looked at before both. ST:sharing_controls."""
    owner = root(share.cloud, TARGET)
    asked = {"SnapshotId": "bad", "Attribute": "createVolumePermission"}
    malformed = ("InvalidSnapshotID.Malformed", "The snapshot ID 'bad' is malformed")
    assert owner.refused("ec2:ResetSnapshotAttribute", **asked) == malformed
    assert owner.refused("ec2:ResetSnapshotAttribute", DryRun=True, **asked)[0] == "DryRunOperation"
    owner.let("restorer", *allow("ec2:*", "ebs:*", "kms:*"), *deny("ec2:ResetSnapshotAttribute"))
    code, text = share.target.refused("ec2:ResetSnapshotAttribute", **asked)
    assert code == "UnauthorizedOperation"
    assert f"on resource: arn:aws:ec2:{REGION}::snapshot/* with an explicit deny" in text
    invalid = share.target.refused("ec2:ResetSnapshotAttribute", SnapshotId="bad", Attribute="x")
    assert invalid == ("InvalidRequest", "The request received was invalid.")


def test_every_snapshot_has_a_transfer_type_and_only_tagged_ones_have_tags(share: Share) -> None:
    plain = share.source.snapshot(share.source.write({0: 0}))
    assert (plain["TransferType"], "Tags" in plain) == ("standard", False)


def test_the_direct_apis_say_what_is_wrong_in_their_own_words(share: Share) -> None:
    """ST:blocks."""
    source = share.source
    id = source.write({0: 0})
    detected = "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: Member must "
    for size, bound in ((99, "greater than or equal to 100"), (10_001, "less than or equal to 10000")):
        refused = source.refused("ebs:ListSnapshotBlocks", SnapshotId=id, MaxResults=size)
        assert refused == ("ValidationException", detected.format(size, "maxResults") + f"have value {bound}")
    refused = source.refused("ebs:ListSnapshotBlocks", SnapshotId=id, NextToken="invalid")
    assert refused == ("ValidationException", "The pagination token invalid is invalid.")
    refused = source.refused("ebs:ListChangedBlocks", SecondSnapshotId=id)
    assert refused == ("ValidationException", "First snapshot should not be empty or null")
    started = source.do("ebs:StartSnapshot", VolumeSize=1)["SnapshotId"]
    put: dict[str, Any] = {"SnapshotId": started, "BlockIndex": 0, "DataLength": 5, "ChecksumAlgorithm": "SHA256"}
    short = source.refused("ebs:PutSnapshotBlock", BlockData=b"short", Checksum="AAAA", **put)
    assert short == ("ValidationException", "Failed to read block data")
    no_text = source.refused("ebs:PutSnapshotBlock", BlockData=block(0), Checksum="not-base64!", **put)
    pattern = "satisfy regular expression pattern: ^[A-Za-z0-9+/=]+$"
    assert no_text == ("ValidationException", detected.format("not-base64!", "checksum") + pattern)
    assert source.refused("ebs:StartSnapshot", VolumeSize=65_537)[0] == "ValidationException"


def test_the_record_of_a_reset_names_the_attribute_by_its_kind(share: Share) -> None:
    """And nothing of one that there is not. ST:sharing_controls, its CloudTrail."""
    source, id = share.source, share.things.snapshot
    source.do("ec2:ResetSnapshotAttribute", SnapshotId=id, Attribute="createVolumePermission")
    source.refused("ec2:ResetSnapshotAttribute", SnapshotId=id, Attribute="x")
    named = [{"AttributeKey": "EventName", "AttributeValue": "ResetSnapshotAttribute"}]
    events = source.do("cloudtrail:LookupEvents", LookupAttributes=named)["Events"]
    shown = [json.loads(each["CloudTrailEvent"])["requestParameters"] for each in events]
    assert shown == [None, {"snapshotId": id, "attributeType": "CREATE_VOLUME_PERMISSION"}]
