"""Attachments: whose call, whose grant, and what a data key in use outlives (ebs.md 1.7, kms.md 6 and 9)."""

from __future__ import annotations

from typing import Any

import pytest

from app.blocks import map as maps
from app.crypto import cipher
from app.policy.causes import Cause
from app.services.ebs import plane
from app.services.ebs.compute_records import Attachment
from app.services.ebs.records import Volume
from tests.ebs_compute.conftest import Yard
from tests.ebs_compute.machines import ROOT, attach, grantees, grants, launch, root_volume, seen, state
from tests.sharing.accounts import REGION, SOURCE, Hand, allow, block, deny, document


def encrypted_volume(yard: Yard) -> str:
    """Of the yard's snapshot."""
    return yard.hand.make_volume(SnapshotId=yard.snapshot)


def held(yard: Yard, volume: str, instance: str) -> Attachment | None:
    return yard.hand.cloud.world.records.get(Attachment, SOURCE, REGION, f"{volume}/{instance}")


@pytest.mark.row("1.0/constraint-attach", "1.0/grantee-attach", "1.7/grant", "1.7/decrypt")
def test_an_attach_makes_a_grant_as_the_caller_and_decrypts_as_the_instance(yard: Yard) -> None:
    """Steps 1 and 2 of the table, both with the request id of AttachVolume."""
    instance, volume = launch(yard.hand, yard.image), encrypted_volume(yard)
    reply = yard.hand.ask("ec2:AttachVolume", VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    created, decrypted = yard.hand.kms_calls(reply.request_id)[-2:]
    session = f"arn:aws:sts::{SOURCE}:assumed-role/aws:ec2-infrastructure/{instance}"
    assert (created["eventName"], created["userIdentity"]["invokedBy"]) == (
        "CreateGrant",
        "ec2-frontend-api.amazonaws.com",
    )
    assert created["requestParameters"] == {
        "keyId": yard.key,
        "granteePrincipal": session,
        "retiringPrincipal": "ec2.us-east-1.amazonaws.com",
        "operations": ["Decrypt"],
        "constraints": {"encryptionContextSubset": {"aws:ebs:id": volume}},
    }
    assert (decrypted["eventName"], decrypted["requestID"]) == ("Decrypt", reply.request_id)
    assert decrypted["requestParameters"] == {
        "encryptionContext": {"aws:ebs:id": volume},
        "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }


@pytest.mark.row("1.7/decrypt")
def test_cloudtrail_shows_the_instance_as_what_the_decrypting_session_is_for(yard: Yard) -> None:
    """The record of kms.md 9 [V]: principal, issuer, scope."""
    instance = launch(yard.hand, yard.image)
    who = yard.hand.events("Decrypt")[0]["userIdentity"]
    role = f"{SOURCE}:aws:ec2-infrastructure"
    assert who["type"] == "AssumedRole"
    assert who["principalId"] == f"{role}:{instance}"
    assert who["sessionContext"]["sessionIssuer"] == {
        "type": "Role",
        "principalId": role,
        "arn": f"arn:aws:iam::{SOURCE}:role/aws:ec2-infrastructure",
        "accountId": SOURCE,
        "userName": "aws:ec2-infrastructure",
    }
    assert who["invokedBy"] == "AWS Internal"
    assert who["inScopeOf"] == {
        "issuerType": "AWS::EC2::Instance",
        "credentialsIssuedTo": f"arn:aws:ec2:{REGION}:{SOURCE}:instance/{instance}",
    }


@pytest.mark.row("1.2/states")
def test_a_volume_shows_where_it_is_and_is_in_use(yard: Yard) -> None:
    instance, volume = launch(yard.hand, yard.image), yard.hand.make_volume(Size=1)
    assert attach(yard.hand, volume, instance)["State"] == "attaching"
    shown = yard.hand.volume(volume)
    assert shown is not None
    assert (shown["State"], shown["Attachments"][0]["State"]) == ("in-use", "attached")
    assert (shown["Attachments"][0]["InstanceId"], shown["Attachments"][0]["Device"]) == (instance, "/dev/sdf")
    assert shown["Attachments"][0]["DeleteOnTermination"] is False
    assert volume in {each["Ebs"]["VolumeId"] for each in seen(yard.hand, instance)["BlockDeviceMappings"]}
    wanted = [
        {"Name": "attachment.instance-id", "Values": [instance]},
        {"Name": "attachment.device", "Values": ["/dev/sdf"]},
    ]
    found = yard.hand.do("ec2:DescribeVolumes", Filters=wanted)["Volumes"]
    assert [each["VolumeId"] for each in found] == [volume]


@pytest.mark.parametrize(
    "undo",
    [
        pytest.param(lambda hand, key: hand.do("kms:DisableKey", KeyId=key), id="disabled"),
        pytest.param(
            lambda hand, key: hand.do("kms:ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7), id="deleted"
        ),
        pytest.param(
            lambda hand, key: hand.do(
                "kms:PutKeyPolicy",
                KeyId=key,
                Policy=document(allow(hand.root, "kms:ListGrants", "kms:PutKeyPolicy")),
                BypassPolicyLockoutSafetyCheck=True,
            ),
            id="denied",
        ),
    ],
)
@pytest.mark.row("1.7/key-gone", "2/attach")
def test_what_becomes_of_the_key_does_not_reach_an_attached_volume_but_its_next_attach(yard: Yard, undo: Any) -> None:
    """The plaintext data key stays with the attachment: the volume works on, and can not be attached again.

    Method: blocks of the volume are opened with the key that the attachment keeps, after the KMS key is out of reach.
    """
    instance, volume = launch(yard.hand, yard.image), encrypted_volume(yard)
    attach(yard.hand, volume, instance)
    undo(yard.hand, yard.key)
    yard.hand.cloud.advance(10_000)
    assert (yard.hand.volume(volume) or {})["State"] == "in-use"
    assert _guest_reads(yard, volume, instance) == {0: block(0), 7: block(1)}
    assert yard.hand.snapshot(yard.hand.make_snapshot(volume))["State"] == "completed"
    yard.hand.do("ec2:DetachVolume", VolumeId=volume)
    assert (yard.hand.volume(volume) or {})["State"] == "available"
    assert yard.hand.refused("ec2:AttachVolume", VolumeId=volume, InstanceId=instance, Device="/dev/sdf") == (
        "CustomerKeyHasBeenRevoked",
        f"Volume {volume} cannot be attached. The encrypted volume was unable to access the KMS key.",
    )
    assert (yard.hand.volume(volume) or {})["Attachments"] == []


def _guest_reads(yard: Yard, volume_id: str, instance: str) -> dict[int, bytes]:
    world = yard.hand.cloud.world
    attachment, volume = held(yard, volume_id, instance), world.records.get(Volume, SOURCE, REGION, volume_id)
    assert attachment is not None
    assert attachment.data_key is not None
    assert volume is not None
    key = attachment.data_key.reveal()
    found = maps.items(volume.blocks, plane.reader(world), 0)
    return {index: cipher.open_block(key, ref, world.blocks(ref)) for index, ref in found}


def test_a_revoked_grant_does_not_stop_an_attached_volume_either(yard: Yard) -> None:
    """ebs.md 1.7: or revoking the grant. And the detach goes well though there is nothing to retire."""
    instance = launch(yard.hand, yard.image)
    volume = encrypted_volume(yard)
    attach(yard.hand, volume, instance)
    for grant in grants(yard.hand, yard.key):
        yard.hand.do("kms:RevokeGrant", KeyId=yard.key, GrantId=grant["GrantId"])
    assert _guest_reads(yard, volume, instance)[0] == block(0)
    yard.hand.do("ec2:DetachVolume", VolumeId=volume)
    assert (yard.hand.volume(volume) or {})["State"] == "available"


@pytest.mark.row("1.7/retire", "2/attach")
def test_a_detach_retires_the_grant_and_forgets_the_data_key(yard: Yard) -> None:
    """Step 3, by the service; the request id is that of DetachVolume (ST:instances_storage_encryption_handoff [V])."""
    instance, volume = launch(yard.hand, yard.image), encrypted_volume(yard)
    before = grantees(yard.hand, yard.key)
    attach(yard.hand, volume, instance)
    assert len(grantees(yard.hand, yard.key)) == len(before) + 1
    reply = yard.hand.ask("ec2:DetachVolume", VolumeId=volume)
    assert reply.answer is not None
    assert reply.answer["State"] == "detaching"
    assert grantees(yard.hand, yard.key) == before
    assert held(yard, volume, instance) is None
    retired = yard.hand.events("RetireGrant")[0]
    assert retired["userIdentity"] == {"type": "AWSService", "invokedBy": "AWS Internal"}
    assert (retired["requestParameters"], retired["requestID"]) == (None, reply.request_id)


def test_who_attaches_needs_create_grant_and_no_decrypt(yard: Yard) -> None:
    """Measured on RunInstances; AttachVolume makes the same calls. Then the missing right is given."""
    instance, volume = launch(yard.hand, yard.image), encrypted_volume(yard)
    mounter = yard.hand.user("mounter", *allow("ec2:*"))
    request = {"VolumeId": volume, "InstanceId": instance, "Device": "/dev/sdf"}
    assert mounter.refused("ec2:AttachVolume", **request)[0] == "CustomerKeyHasBeenRevoked"
    assert yard.hand.cloud.world.log.refusals().__next__().cause == Cause.IDENTITY_SILENT.name
    yard.hand.let("mounter", *allow("ec2:*"), *allow("kms:CreateGrant"))
    assert mounter.do("ec2:AttachVolume", **request)["State"] == "attaching"


def test_a_refused_attach_leaves_no_grant_behind(yard: Yard) -> None:
    """The key policy denies the instance's session: the grant was made, and is taken back with the rest."""
    instance, volume = launch(yard.hand, yard.image), encrypted_volume(yard)
    before = grantees(yard.hand, yard.key)
    instances = {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{SOURCE}:role/aws:ec2-infrastructure"}}
    policy = document((*allow(yard.hand.root, "kms:*"), *deny("*", "kms:Decrypt", Condition=instances)))
    yard.hand.do("kms:PutKeyPolicy", KeyId=yard.key, Policy=policy)
    request = {"VolumeId": volume, "InstanceId": instance, "Device": "/dev/sdf"}
    assert yard.hand.refused("ec2:AttachVolume", **request)[0] == "CustomerKeyHasBeenRevoked"
    assert grantees(yard.hand, yard.key) == before


# what can not be attached


def ask(hand: Hand, volume: str, instance: str, device: str = "/dev/sdf") -> tuple[str, str]:
    return hand.refused("ec2:AttachVolume", VolumeId=volume, InstanceId=instance, Device=device)


@pytest.mark.row("1.7/in-use")
def test_a_volume_that_is_attached_is_not_attached_again(yard: Yard) -> None:
    one, other = launch(yard.hand, yard.image), launch(yard.hand, yard.image)
    volume = yard.hand.make_volume(Size=1)
    attach(yard.hand, volume, one)
    assert ask(yard.hand, volume, other) == ("VolumeInUse", f"{volume} is already attached to an instance")


def test_a_multi_attach_volume_is_attached_to_several_instances_and_free_after_the_last(yard: Yard) -> None:
    instances = [launch(yard.hand, yard.image) for _ in range(2)]
    volume = yard.hand.make_volume(Size=4, VolumeType="io2", Iops=100, MultiAttachEnabled=True)
    for instance in instances:
        attach(yard.hand, volume, instance)
    assert ask(yard.hand, volume, instances[0], "/dev/sdg")[0] == "VolumeInUse"
    yard.hand.do("ec2:DetachVolume", VolumeId=volume, InstanceId=instances[0])
    assert (yard.hand.volume(volume) or {})["State"] == "in-use"
    yard.hand.do("ec2:DetachVolume", VolumeId=volume, InstanceId=instances[1])
    assert (yard.hand.volume(volume) or {})["State"] == "available"


@pytest.mark.row("1.7/zone")
def test_volume_and_instance_are_in_one_zone(yard: Yard) -> None:
    instance = launch(yard.hand, yard.image, Placement={"AvailabilityZone": "us-east-1b"})
    volume = yard.hand.make_volume(Size=1)
    assert ask(yard.hand, volume, instance) == (
        "InvalidVolume.ZoneMismatch",
        f"The volume '{volume}' is not in the same availability zone as instance '{instance}'",
    )


def test_a_device_is_used_once(yard: Yard) -> None:
    instance = launch(yard.hand, yard.image)
    attach(yard.hand, yard.hand.make_volume(Size=1), instance)
    assert ask(yard.hand, yard.hand.make_volume(Size=1), instance) == (
        "InvalidParameterValue",
        "Invalid value '/dev/sdf' for unixDevice. Attachment point /dev/sdf is already in use",
    )
    assert ask(yard.hand, yard.hand.make_volume(Size=1), instance, "sofa")[1].endswith(
        "sofa is not a valid EBS device name."
    )


@pytest.mark.row("1.7/not-there")
def test_a_volume_or_instance_that_is_not_there_is_not_found(yard: Yard) -> None:
    instance, volume = launch(yard.hand, yard.image), yard.hand.make_volume(Size=1)
    nothing = "0123456789abcdef1"
    assert ask(yard.hand, f"vol-{nothing}", instance)[0] == "InvalidVolume.NotFound"
    assert ask(yard.hand, volume, f"i-{nothing}") == (
        "InvalidInstanceID.NotFound",
        f"The instance ID 'i-{nothing}' does not exist",
    )
    assert ask(yard.hand, volume, "unknown") == ("InvalidInstanceID.Malformed", 'Invalid id: "unknown"')


@pytest.mark.row("1.7/state")
def test_an_instance_that_ended_takes_no_volume(yard: Yard) -> None:
    instance, volume = launch(yard.hand, yard.image), yard.hand.make_volume(Size=1)
    yard.hand.do("ec2:TerminateInstances", InstanceIds=[instance])
    assert ask(yard.hand, volume, instance) == ("IncorrectState", f"Instance '{instance}' is not 'running'.")


def test_a_volume_that_is_nowhere_is_not_detached(yard: Yard) -> None:
    instance, volume = launch(yard.hand, yard.image), yard.hand.make_volume(Size=1)
    assert yard.hand.refused("ec2:DetachVolume", VolumeId=volume) == (
        "IncorrectState",
        f"Volume '{volume}'is in the 'available' state.",
    )
    attach(yard.hand, volume, instance)
    other = launch(yard.hand, yard.image)
    assert yard.hand.refused("ec2:DetachVolume", VolumeId=volume, InstanceId=other)[0] == "InvalidAttachment.NotFound"


def test_the_root_volume_is_detached_from_a_stopped_instance_only(yard: Yard) -> None:
    instance = launch(yard.hand, yard.image)
    root = root_volume(yard.hand, instance)
    assert yard.hand.refused("ec2:DetachVolume", VolumeId=root)[1] == (
        f"Unable to detach root volume '{root}' from instance '{instance}'"
    )
    yard.hand.do("ec2:StopInstances", InstanceIds=[instance])
    yard.hand.do("ec2:DetachVolume", VolumeId=root)
    assert (yard.hand.volume(root) or {})["State"] == "available"


def test_a_volume_in_use_is_not_deleted(yard: Yard) -> None:
    instance = launch(yard.hand, yard.image)
    root = root_volume(yard.hand, instance)
    assert yard.hand.refused("ec2:DeleteVolume", VolumeId=root) == (
        "VolumeInUse",
        f"Volume {root} is currently attached to {instance}",
    )


# stop, start, end


@pytest.mark.row("1.7/retire")
def test_a_stop_retires_the_grants_and_leaves_the_volumes_where_they_are(yard: Yard) -> None:
    """ST:instances_lifecycle: while it is stopped its volumes are `attached` and in use [V]."""
    instance = launch(yard.hand, yard.image)
    root = root_volume(yard.hand, instance)
    yard.hand.do("ec2:StopInstances", InstanceIds=[instance])
    shown = seen(yard.hand, instance)
    assert (shown["State"], shown["StateReason"]["Code"]) == (
        {"Code": 80, "Name": "stopped"},
        "Client.UserInitiatedShutdown",
    )
    assert [each["Ebs"]["Status"] for each in shown["BlockDeviceMappings"]] == ["attached"]
    assert (yard.hand.volume(root) or {})["State"] == "in-use"
    assert grantees(yard.hand, yard.key) == []
    kept = held(yard, root, instance)
    assert kept is not None
    assert kept.data_key is None


def test_a_start_opens_the_volumes_with_the_rights_of_whoever_starts(yard: Yard) -> None:
    """The scheduler's classic: it may start instances, and not make the grant. Then it may."""
    instance = launch(yard.hand, yard.image)
    yard.hand.do("ec2:StopInstances", InstanceIds=[instance])
    scheduler = yard.hand.user("scheduler", *allow("ec2:*"))
    answer = scheduler.do("ec2:StartInstances", InstanceIds=[instance])["StartingInstances"][0]
    assert (answer["PreviousState"]["Name"], answer["CurrentState"]["Name"]) == ("stopped", "pending")
    assert (state(yard.hand, instance), seen(yard.hand, instance)["StateReason"]["Code"]) == (
        "stopped",
        "Client.InvalidKMSKey.InvalidState",
    )
    yard.hand.let("scheduler", *allow("ec2:*"), *allow("kms:CreateGrant"))
    scheduler.do("ec2:StartInstances", InstanceIds=[instance])
    assert state(yard.hand, instance) == "running"
    assert "StateReason" not in seen(yard.hand, instance)
    assert len(grantees(yard.hand, yard.key)) == 1


def test_a_volume_attached_to_a_stopped_instance_is_opened_when_it_starts(yard: Yard) -> None:
    instance, volume = launch(yard.hand, yard.image), encrypted_volume(yard)
    yard.hand.do("ec2:StopInstances", InstanceIds=[instance])
    attach(yard.hand, volume, instance)
    assert grantees(yard.hand, yard.key) == []
    yard.hand.do("ec2:StartInstances", InstanceIds=[instance])
    assert len(grantees(yard.hand, yard.key)) == 2


def test_whether_a_volume_goes_with_the_instance_can_be_changed_while_it_is_attached(yard: Yard) -> None:
    """For the root volume, which goes by itself, and for one attached later, which stays."""
    instance, volume = launch(yard.hand, yard.image), encrypted_volume(yard)
    root = root_volume(yard.hand, instance)
    attach(yard.hand, volume, instance)
    for device, goes in ((ROOT, False), ("/dev/sdf", True)):
        mapping = [{"DeviceName": device, "Ebs": {"DeleteOnTermination": goes}}]
        yard.hand.do("ec2:ModifyInstanceAttribute", InstanceId=instance, BlockDeviceMappings=mapping)
    asked = {"InstanceId": instance, "Attribute": "blockDeviceMapping"}
    shown = yard.hand.do("ec2:DescribeInstanceAttribute", **asked)["BlockDeviceMappings"]
    assert {each["DeviceName"]: each["Ebs"]["DeleteOnTermination"] for each in shown} == {ROOT: False, "/dev/sdf": True}
    yard.hand.do("ec2:TerminateInstances", InstanceIds=[instance])
    assert (yard.hand.volume(root) or {})["State"] == "available"
    assert yard.hand.volume(volume) is None
    assert yard.hand.refused("ec2:ModifyInstanceAttribute", InstanceId=instance, BlockDeviceMappings=mapping) == (
        "InvalidInstanceAttributeValue",
        "No device is currently mapped at /dev/sdf",
    )


def test_the_end_of_an_instance_deletes_the_volumes_that_are_to_go_and_frees_the_others(yard: Yard) -> None:
    instance, volume = launch(yard.hand, yard.image), encrypted_volume(yard)
    root = root_volume(yard.hand, instance)
    attach(yard.hand, volume, instance)
    yard.hand.do("ec2:TerminateInstances", InstanceIds=[instance])
    shown = seen(yard.hand, instance)
    assert (shown["State"]["Name"], shown["BlockDeviceMappings"]) == ("terminated", [])
    assert yard.hand.volume(root) is None
    assert (yard.hand.volume(volume) or {})["State"] == "available"
    assert grantees(yard.hand, yard.key) == []
