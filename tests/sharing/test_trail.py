"""What CloudTrail shows of a share, in the caller's account and in the owner's (ebs.md 3.1 and 3.2)."""

from __future__ import annotations

import pytest

from tests.sharing.accounts import SOURCE, TARGET, Share, deny, root

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
TAGS = [{"ResourceType": "snapshot", "Tags": [{"Key": "team", "Value": "b"}]}]


@pytest.mark.row("3.2/call", "3.2/hidden", "3.1/copy")
def test_the_owner_gets_a_reduced_copy_of_the_call_with_the_tags_hidden(share: Share) -> None:
    """Same request id and sharedEventID, another eventID; the caller without its ARN and keys."""
    step = share.copy_to_target(TagSpecifications=TAGS)
    assert step.outcome == "completed"
    mine, theirs = root(share.cloud, TARGET).events("CopySnapshot")[0], share.source.events("CopySnapshot")[0]
    assert mine["requestID"] == theirs["requestID"] == step.reply.request_id
    assert mine["sharedEventID"] == theirs["sharedEventID"]
    assert mine["eventID"] != theirs["eventID"]
    assert (mine["recipientAccountId"], theirs["recipientAccountId"]) == (TARGET, SOURCE)
    assert set(theirs["userIdentity"]) == {"type", "principalId", "accountId"}
    assert (theirs["userIdentity"]["type"], theirs["userIdentity"]["accountId"]) == ("AWSAccount", TARGET)
    assert theirs["requestParameters"]["tagSpecificationSet"] == HIDDEN
    assert theirs["responseElements"]["tagSet"] == HIDDEN
    assert mine["responseElements"]["snapshotId"] == step.id


@pytest.mark.row("3.2/service-events")
def test_the_owner_is_told_that_a_copy_and_a_volume_were_begun(share: Share) -> None:
    assert (share.copy_to_target().outcome, share.volume_in_target().outcome) == ("completed", "available")
    for name in ("SharedSnapshotCopyInitiated", "SharedSnapshotVolumeCreated"):
        (event,) = share.source.events(name)
        assert event["eventType"] == "AwsServiceEvent"
        assert event["serviceEventDetails"]["snapshotId"] == share.things.snapshot
        assert event["userIdentity"]["accountId"] == TARGET
        assert root(share.cloud, TARGET).events(name) == []


@pytest.mark.parametrize("dry", [False, True])
@pytest.mark.row("3.1/errors", "3.2/call", "1.10/prefix")
def test_a_copy_that_is_refused_or_dry_stands_in_both_trails_with_its_code(share: Share, dry: bool) -> None:
    if not dry:
        share.target_now_has(*deny("ec2:CopySnapshot"))
    step = share.copy_to_target(DryRun=dry)
    code = "Client.DryRunOperation" if dry else "Client.UnauthorizedOperation"
    for hand in (root(share.cloud, TARGET), share.source):
        event = hand.events("CopySnapshot")[0]
        assert (event["errorCode"], event["responseElements"]) == (code, None)
        assert event["requestParameters"]["sourceSnapshotId"] == share.things.snapshot
    assert step.error is not None
    assert share.source.events("SharedSnapshotCopyInitiated") == []


def test_who_tries_a_snapshot_that_is_not_shared_leaves_nothing_in_its_owners_trail(share: Share) -> None:
    unshared = share.with_(is_shared=False)
    before = unshared.source.events()
    assert unshared.volume_in_target().error is not None
    assert unshared.copy_to_target().outcome == "error"
    assert unshared.source.events() == before


@pytest.mark.row("3.1/names", "3.1/modify", "3.1/copy")
def test_names_of_parameters_are_ec2s_own(share: Share) -> None:
    """KmsKeyId is masterEncryptionKeyId, AvailabilityZone is zone, sizes are text; there is no `resources`."""
    share.volume_in_target(), share.copy_to_target()
    target = root(share.cloud, TARGET)
    volume, copy = target.events("CreateVolume")[0], target.events("CopySnapshot")[0]
    asked, answered = volume["requestParameters"], volume["responseElements"]
    assert (asked["zone"], asked["masterEncryptionKeyId"]) == ("us-east-1a", share.things.target_key)
    assert (answered["size"], answered["status"], answered["requestId"]) == ("1", "creating", volume["requestID"])
    assert copy["requestParameters"]["masterEncryptionKeyId"] == share.things.target_key
    assert {"resources"} & (volume.keys() | copy.keys()) == set()
    permission = share.source.events("ModifySnapshotAttribute")[0]["requestParameters"]
    assert permission["attributeType"] == "CREATE_VOLUME_PERMISSION"
    assert permission["createVolumePermission"] == {"add": {"items": [{"userId": TARGET}]}}


@pytest.mark.row("3.3/shared")
def test_cross_account_key_use_stands_in_both_trails_under_one_shared_id(share: Share) -> None:
    """The destination key's owner gets its own event, the source key's owner a reduced one, with both keys named."""
    assert share.volume_in_target().outcome == "available"
    mine, theirs = root(share.cloud, TARGET).events("ReEncrypt")[0], share.source.events("ReEncrypt")[0]
    assert mine["sharedEventID"] == theirs["sharedEventID"]
    assert [each["ARN"] for each in mine["resources"]] == [share.things.source_key, share.things.target_key]
    assert [each["accountId"] for each in mine["resources"]] == [SOURCE, TARGET]
    assert theirs["userIdentity"]["type"] == "AWSAccount"
    assert mine["userIdentity"]["invokedBy"] == "ec2-frontend-api.amazonaws.com"
