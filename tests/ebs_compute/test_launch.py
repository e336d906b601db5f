"""RunInstances: the KMS calls of a launch, what fails it, and what a shared image gives (ebs.md 1.7, 1.9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.kernel.call import Caller
from app.policy.causes import Cause
from tests.ebs_compute.conftest import Yard
from tests.ebs_compute.machines import (
    ROOT,
    grantees,
    launch,
    open_to,
    register,
    root_volume,
    run,
    seen,
    state,
    under,
    volumes,
)
from tests.sharing.accounts import (
    EVERY_USE,
    NOTHING,
    REGION,
    SOURCE,
    SOURCE_ROOT,
    TARGET,
    Hand,
    Share,
    Statement,
    TwoAccounts,
    allow,
    deny,
    document,
    root,
)

KEY_STATE = {
    "Code": "Client.InvalidKMSKey.InvalidState",
    "Message": "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state",
}


def names(calls: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Each KMS call with who made it, in a word."""
    return [(call["eventName"], _who(call["userIdentity"])) for call in calls]


def _who(identity: dict[str, Any]) -> str:
    if identity["type"] == "AWSService":
        return "service"
    return "instance" if ":aws:ec2-infrastructure:" in identity["principalId"] else "caller"


@pytest.mark.row("1.7/launch-calls", "1.7/grants-left", "1.0/grantee-attach")
def test_a_launch_makes_its_volume_and_opens_it_with_the_request_id_of_the_launch(yard: Yard) -> None:
    """From an unencrypted image under a key: the sequence of ST:instances_storage_encryption_handoff [V]."""
    image = register(yard.hand, yard.hand.write({0: 0}), "plain")
    reply = yard.hand.ask("ec2:RunInstances", **run(image, BlockDeviceMappings=under(yard.key)))
    calls = yard.hand.kms_calls(reply.request_id)
    assert names(calls) == [
        ("GenerateDataKeyWithoutPlaintext", "caller"),
        ("CreateGrant", "caller"),
        ("Decrypt", "service"),
        ("RetireGrant", "service"),
        ("CreateGrant", "caller"),
        ("Decrypt", "instance"),
    ]
    of_caller = [call for call in calls if _who(call["userIdentity"]) != "service"]
    assert {call["requestID"] for call in of_caller} == {reply.request_id}
    grantee = [call["requestParameters"]["granteePrincipal"] for call in calls if call["eventName"] == "CreateGrant"]
    assert reply.answer is not None
    instance = reply.answer["Instances"][0]["InstanceId"]
    session = f"arn:aws:sts::{SOURCE}:assumed-role/aws:ec2-infrastructure/{instance}"
    assert grantee == ["ec2.us-east-1.amazonaws.com", session]
    assert grantees(yard.hand, yard.key) == [session]


def test_an_own_encrypted_image_needs_one_re_encryption_only(yard: Yard) -> None:
    """As CreateVolume from an own snapshot under the same key (ebs.md 1.2)."""
    reply = yard.hand.ask("ec2:RunInstances", **run(yard.image))
    assert names(yard.hand.kms_calls(reply.request_id)) == [
        ("ReEncrypt", "caller"),
        ("CreateGrant", "caller"),
        ("Decrypt", "instance"),
    ]


@pytest.mark.parametrize(
    ("denied", "outcome"),
    [
        ("kms:Decrypt", "running"),
        ("kms:CreateGrant", "terminated"),
        ("kms:GenerateDataKeyWithoutPlaintext", "terminated"),
        ("kms:DescribeKey", "running"),
    ],
)
@pytest.mark.row("1.7/launch-decrypt", "1.7/launch-denied")
def test_a_right_that_the_launcher_lacks_ends_the_instance_or_does_not_matter(
    yard: Yard, denied: str, outcome: str
) -> None:
    """ebs.md 1.7 [V], and casebook 330; DescribeKey as in CreateVolume. The answer is `pending` either way."""
    image = register(yard.hand, yard.hand.write({0: 0}), "plain")
    launcher = yard.hand.user("launcher", *allow("ec2:*", "kms:*"), *deny(denied))
    reply = launcher.ask("ec2:RunInstances", **run(image, BlockDeviceMappings=under(yard.key)))
    assert reply.answer is not None
    first = reply.answer["Instances"][0]
    assert (first["State"], first["BlockDeviceMappings"]) == ({"Code": 0, "Name": "pending"}, [])
    assert state(yard.hand, first["InstanceId"]) == outcome


@pytest.mark.row("1.7/state-reason")
def test_a_failed_launch_says_that_the_key_is_in_a_wrong_state_and_takes_its_volumes_along(yard: Yard) -> None:
    """Misleading, and AWS's; the log knows better: by the instance's id the missing permission is found."""
    launcher = yard.hand.user("launcher", *allow("ec2:*", "kms:*"), *deny("kms:CreateGrant"))
    before = yard.hand.do("ec2:DescribeVolumes")["Volumes"]
    instance = launch(launcher, yard.image)
    shown = seen(yard.hand, instance)
    assert (shown["StateReason"], shown["StateTransitionReason"]) == (KEY_STATE, "Client.InternalError")
    assert shown["BlockDeviceMappings"] == []
    assert yard.hand.do("ec2:DescribeVolumes")["Volumes"] == before
    causes = [getattr(entry, "cause", "") for entry in yard.hand.cloud.world.log.about(instance)]
    assert Cause.IDENTITY_DENIES.name in causes


@pytest.mark.parametrize("disable", [True, False])
def test_a_key_that_is_disabled_fails_the_launch_later(yard: Yard, disable: bool) -> None:
    if disable:
        yard.hand.do("kms:DisableKey", KeyId=yard.key)
    instance = launch(yard.hand, yard.image)
    assert state(yard.hand, instance) == ("terminated" if disable else "running")


@pytest.mark.row("1.7/dry-run")
def test_a_dry_run_does_not_look_at_kms(yard: Yard) -> None:
    launcher = yard.hand.user("launcher", *allow("ec2:*"))
    assert launcher.refused("ec2:RunInstances", **run(yard.image, DryRun=True))[0] == "DryRunOperation"


# the way of an instance, in AWS's time


def test_a_launch_passes_through_pending_with_its_volume_attaching(slow_yard: Yard) -> None:
    hand = slow_yard.hand
    instance = launch(hand, slow_yard.image)
    first = seen(hand, instance)
    assert (first["State"]["Name"], first["BlockDeviceMappings"][0]["Ebs"]["Status"]) == ("pending", "attaching")
    assert hand.refused("ec2:StopInstances", InstanceIds=[instance]) == (
        "IncorrectInstanceState",
        f"Instance '{instance}' cannot be stopped as it has never reached the 'running' state.",
    )
    hand.cloud.advance(10_000)
    assert (state(hand, instance), (hand.volume(root_volume(hand, instance)) or {})["State"]) == ("running", "in-use")


def test_a_failed_launch_passes_through_shutting_down(slow_yard: Yard) -> None:
    hand = slow_yard.hand
    hand.do("kms:DisableKey", KeyId=slow_yard.key)
    instance = launch(hand, slow_yard.image)
    hand.cloud.advance(5_000)
    assert (state(hand, instance), seen(hand, instance)["StateReason"]) == ("shutting-down", KEY_STATE)
    hand.cloud.advance(20_000)
    assert state(hand, instance) == "terminated"


def test_an_instance_that_is_ended_while_it_starts_never_opens_its_volumes(slow_yard: Yard) -> None:
    hand = slow_yard.hand
    instance = launch(hand, slow_yard.image)
    hand.do("ec2:TerminateInstances", InstanceIds=[instance])
    hand.cloud.advance(60_000)
    assert (state(hand, instance), grantees(hand, slow_yard.key)) == ("terminated", [])
    hand.cloud.advance(3_600_000)
    assert hand.refused("ec2:DescribeInstances", InstanceIds=[instance])[0] == "InvalidInstanceID.NotFound"


def test_a_launch_waits_for_all_the_blocks_of_its_volumes(yard: Yard) -> None:
    """More blocks than one commit moves: the instance runs when they are all there."""
    hand = yard.hand
    many = hand.write({index: index % 3 for index in range(70)}, Encrypted=True, KmsKeyArn=yard.key)
    instance = launch(hand, register(hand, many, "large"), BlockDeviceMappings=under(hand.key()))
    copy = hand.make_snapshot(root_volume(hand, instance))
    assert (state(hand, instance), len(hand.read(copy))) == ("running", 70)


# what the volumes are


@pytest.mark.parametrize(
    ("source", "ebs", "default_on", "expected"),
    [
        ("plain", {}, False, "none"),
        ("plain", {}, True, "managed"),
        ("plain", {"Encrypted": True}, False, "managed"),
        ("plain", {"Encrypted": False}, True, "managed"),
        ("encrypted", {}, False, "own"),
        ("encrypted", {"Encrypted": True}, False, "own"),
        ("encrypted", {}, True, "own"),
    ],
)
def test_the_key_of_a_volume_is_chosen_as_by_create_volume(
    yard: Yard, source: str, ebs: dict[str, Any], default_on: bool, expected: str
) -> None:
    """The table of ebs.md 5.1, for a launch."""
    hand = yard.hand
    image = yard.image if source == "encrypted" else register(hand, hand.write({0: 0}), "plain")
    if default_on:
        hand.do("ec2:EnableEbsEncryptionByDefault")
    mappings = [{"DeviceName": ROOT, "Ebs": ebs}] if ebs else []
    volume = hand.volume(root_volume(hand, launch(hand, image, BlockDeviceMappings=mappings))) or {}
    managed = hand.do("kms:DescribeKey", KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"] if expected == "managed" else ""
    assert volume.get("KmsKeyId", "") == {"none": "", "managed": managed, "own": yard.key}[expected]


def test_mappings_change_add_and_take_away_devices(yard: Yard) -> None:
    hand = yard.hand
    mappings = [
        {"DeviceName": ROOT, "Ebs": {"VolumeSize": 3, "VolumeType": "gp3", "DeleteOnTermination": False}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 2}},
    ]
    instance = launch(hand, yard.image, BlockDeviceMappings=mappings)
    first, second = (hand.volume(volumes(hand, instance)[each]) or {} for each in (ROOT, "/dev/sdf"))
    assert (first["Size"], first["VolumeType"], first["Iops"], first["SnapshotId"]) == (3, "gp3", 3000, yard.snapshot)
    assert (second["Size"], second["Encrypted"], second["SnapshotId"]) == (2, False, "")
    assert [each["Attachments"][0]["DeleteOnTermination"] for each in (first, second)] == [False, False]
    bare = launch(hand, yard.image, BlockDeviceMappings=[{"DeviceName": ROOT, "NoDevice": ""}])
    assert volumes(hand, bare) == {}


@pytest.mark.parametrize(
    ("mapping", "error"),
    [
        (
            {"DeviceName": "/dev/sdf", "Ebs": {}},
            ("InvalidBlockDeviceMapping", "Either snapshot ID or volume size must be provided for: /dev/sdf"),
        ),
        ({"DeviceName": ROOT, "Ebs": {"KmsKeyId": "alias/x"}}, ("InvalidParameterDependency", "")),
        ({"DeviceName": ROOT, "Ebs": {"Encrypted": False}}, ("InvalidParameterCombination", "")),
        ({"DeviceName": ROOT, "VirtualName": "ephemeral0"}, ("UnsupportedOperation", "reseal does not simulate")),
        ({"DeviceName": ROOT, "Ebs": {"OutpostArn": "arn:x"}}, ("UnsupportedOperation", "reseal does not simulate")),
        ({"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": "snap-0123456789abcdef1"}}, ("InvalidSnapshot.NotFound", "")),
    ],
)
def test_a_mapping_that_can_not_be_made_is_refused_at_once(
    yard: Yard, mapping: dict[str, Any], error: tuple[str, str]
) -> None:
    code, message = yard.hand.refused("ec2:RunInstances", **run(yard.image, BlockDeviceMappings=[mapping]))
    assert (code, message.startswith(error[1])) == (error[0], True)


@pytest.mark.row("1.2/size-launch")
def test_a_launch_does_not_raise_a_size_to_the_snapshots(yard: Yard) -> None:
    """CreateVolume does (ebs.md 1.2)."""
    large = register(yard.hand, yard.hand.write({0: 0}, size_gib=4), "large")
    mappings = [{"DeviceName": ROOT, "Ebs": {"VolumeSize": 2}}]
    code, message = yard.hand.refused("ec2:RunInstances", **run(large, BlockDeviceMappings=mappings))
    assert code == "InvalidBlockDeviceMapping"
    assert message.startswith("Volume of size 2GB is smaller than snapshot 'snap-")
    assert message.endswith("expect size >= 4GB")


# who may launch


@pytest.mark.row("1.1/run-instances")
def test_a_launch_is_asked_about_all_that_it_uses_and_makes(yard: Yard) -> None:
    """ec2:RunInstances on each; ec2:CreateVolume and others are not asked (ST:instances_lifecycle [V])."""
    own = f"arn:aws:ec2:{REGION}:{SOURCE}"
    arns = [
        f"arn:aws:ec2:{REGION}::image/{yard.image}",
        *(f"{own}:{each}" for each in ("instance/*", "volume/*", "network-interface/*", "subnet/subnet-1")),
    ]
    launcher = yard.hand.user("launcher")
    asked = run(yard.image, SubnetId="subnet-1")
    for missing in arns:
        given = allow("ec2:RunInstances", Resource=[arn for arn in arns if arn != missing])
        yard.hand.let("launcher", *given, *allow("kms:*"), *deny("ec2:CreateVolume"))
        assert f"ec2:RunInstances on resource: {missing} " in launcher.refused("ec2:RunInstances", **asked)[1]
    yard.hand.let("launcher", *allow("ec2:RunInstances", Resource=arns), *allow("kms:*"), *deny("ec2:CreateVolume"))
    assert state(yard.hand, launch(launcher, yard.image, SubnetId="subnet-1")) == "running"


@pytest.mark.parametrize(
    ("key", "right", "wrong"),
    [
        ("ec2:InstanceType", "t3.nano", "t3.micro"),
        ("ec2:AvailabilityZone", "us-east-1a", "us-east-1b"),
        ("ec2:Owner", SOURCE, "amazon"),
        ("ec2:Public", "false", "true"),
        ("ec2:VolumeType", "gp2", "gp3"),
        ("ec2:Encrypted", "true", "false"),
        ("ec2:VolumeSize", "1", "2"),
        ("aws:RequestTag/team", "blue", "red"),
    ],
)
def test_a_condition_sees_what_is_launched(yard: Yard, key: str, right: str, wrong: str) -> None:
    """Where a resource has the key, it has this value; each is refused by another value."""
    launcher = yard.hand.user("launcher")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "blue"}]}]
    asked = run(yard.image, TagSpecifications=tags, DryRun=True)
    for value, code in ((right, "DryRunOperation"), (wrong, "UnauthorizedOperation")):
        condition = {"StringEqualsIfExists": {key: value}}
        yard.hand.let("launcher", *allow("ec2:RunInstances", Condition=condition), *allow("ec2:CreateTags"))
        assert launcher.refused("ec2:RunInstances", **asked)[0] == code, value


def test_tags_on_create_need_their_own_right(yard: Yard) -> None:
    launcher = yard.hand.user("launcher", *allow("ec2:RunInstances"), *allow("kms:*"))
    specs = [{"ResourceType": kind, "Tags": [{"Key": "k", "Value": "v"}]} for kind in ("instance", "volume")]
    asked = run(yard.image, TagSpecifications=specs)
    assert "ec2:CreateTags on resource: " in launcher.refused("ec2:RunInstances", **asked)[1]
    once = {"StringEquals": {"ec2:CreateAction": "RunInstances"}}
    yard.hand.let("launcher", *allow("ec2:RunInstances"), *allow("kms:*"), *allow("ec2:CreateTags", Condition=once))
    instance = launch(launcher, yard.image, TagSpecifications=specs)
    assert seen(yard.hand, instance)["Tags"] == [{"Key": "k", "Value": "v"}]
    assert (yard.hand.volume(root_volume(yard.hand, instance)) or {})["Tags"] == [{"Key": "k", "Value": "v"}]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"MinCount": 0}, "InvalidParameterValue"),
        ({"MinCount": 2, "MaxCount": 1}, "InvalidParameterValue"),
        ({"InstanceType": "huge"}, "InvalidParameterValue"),
        ({"Placement": {"AvailabilityZone": "us-east-1z"}}, "InvalidParameterValue"),
        (
            {"Placement": {"AvailabilityZone": "us-east-1a", "AvailabilityZoneId": "use1-az1"}},
            "InvalidParameterCombination",
        ),
        ({"Placement": {"Tenancy": "dedicated"}}, "UnsupportedOperation"),
        ({"Placement": {"GroupName": "cluster"}}, "UnsupportedOperation"),
        ({"LaunchTemplate": {"LaunchTemplateName": "x"}}, "UnsupportedOperation"),
        ({"IamInstanceProfile": {"Name": "x"}}, "UnsupportedOperation"),
        ({"ImageId": "ami-0123456789abcdef1"}, "InvalidAMIID.NotFound"),
    ],
)
def test_what_can_not_be_launched_is_refused(yard: Yard, asked: dict[str, Any], code: str) -> None:
    assert yard.hand.refused("ec2:RunInstances", **run(yard.image) | asked)[0] == code


def test_the_same_token_launches_once(yard: Yard) -> None:
    asked = run(yard.image, ClientToken="once", MaxCount=2)
    first = yard.hand.do("ec2:RunInstances", **asked)
    assert yard.hand.do("ec2:RunInstances", **asked) == first
    assert yard.hand.refused("ec2:RunInstances", **asked | {"InstanceType": "t3.micro"})[0] == (
        "IdempotentParameterMismatch"
    )
    found = yard.hand.do("ec2:DescribeInstances", Filters=[{"Name": "client-token", "Values": ["once"]}])
    assert len(found["Reservations"]) == 1
    assert [each["AmiLaunchIndex"] for each in first["Instances"]] == [0, 1]


# a shared image


def shared_image(share: Share) -> str:
    """The source's image of its snapshot, which the target may launch; the snapshot itself is not shared."""
    image = register(share.source, share.things.snapshot)
    open_to(share.source, image, TARGET)
    return image


def unshared(accounts: TwoAccounts) -> Share:
    return replace(accounts.share(), is_shared=False)


@pytest.mark.row("1.9/snapshots-not-shared")
def test_a_shared_image_is_launched_without_its_snapshots_being_shared(accounts: TwoAccounts) -> None:
    """ebs.md 1.9. Under the launcher's own key it is independent of the owner's from then on."""
    share = unshared(accounts)
    image = shared_image(share)
    assert share.target.refused("ec2:DescribeSnapshots", SnapshotIds=[share.things.snapshot])[0] == (
        "InvalidSnapshot.NotFound"
    )
    instance = launch(share.target, image, BlockDeviceMappings=under(share.things.target_key))
    assert state(share.target, instance) == "running"
    share.source.do("kms:DisableKey", KeyId=share.things.source_key)
    share.target.do("ec2:StopInstances", InstanceIds=[instance])
    share.target.do("ec2:StartInstances", InstanceIds=[instance])
    assert state(share.target, instance) == "running"


@pytest.mark.row("1.9/snapshots-not-shared")
def test_a_launch_permission_is_no_key(accounts: TwoAccounts) -> None:
    """The classic broken AMI share: the key policy does not name the launcher's account. Then it does."""
    share = replace(unshared(accounts), source_key_policy=NOTHING)
    instance = launch(share.target, shared_image(share), BlockDeviceMappings=under(share.things.target_key))
    assert (state(share.target, instance), seen(share.target, instance)["StateReason"]) == ("terminated", KEY_STATE)
    repaired = unshared(accounts)
    instance = launch(repaired.target, shared_image(repaired), BlockDeviceMappings=under(share.things.target_key))
    assert state(repaired.target, instance) == "running"


def test_an_image_that_is_not_shared_is_not_launched(accounts: TwoAccounts) -> None:
    share = unshared(accounts)
    image = register(share.source, share.things.snapshot)
    assert share.target.refused("ec2:RunInstances", **run(image)) == (
        "AuthFailure",
        f"Not authorized for images: [{image}]",
    )
    assert next(share.cloud.world.log.refusals()).cause == Cause.IMAGE_NOT_SHARED.name
    open_to(share.source, image, TARGET)
    assert share.target.ask("ec2:RunInstances", **run(image)).error is None


MEASURED = {  # what CreateVolume from a shared snapshot needs on source and target key (ebs.md 1.2 [V])
    ("kms:DescribeKey", "source"): "running",
    ("kms:Decrypt", "source"): "running",
    ("kms:CreateGrant", "source"): "running",
    ("kms:ReEncryptFrom", "source"): "terminated",
    ("kms:DescribeKey", "target"): "running",
    ("kms:Decrypt", "target"): "running",
    ("kms:ReEncryptTo", "target"): "terminated",
    ("kms:GenerateDataKeyWithoutPlaintext", "target"): "terminated",
    ("kms:CreateGrant", "target"): "terminated",
}


@pytest.mark.parametrize("where", ["key policy", "identity"])
@pytest.mark.parametrize(("action", "side"), MEASURED, ids=lambda each: each)
@pytest.mark.row("1.9/launch-needs")
def test_each_right_taken_away_alone_does_to_a_launch_what_it_does_to_a_volume(
    accounts: TwoAccounts, action: str, side: str, where: str
) -> None:
    """From a shared image to the launcher's key. Method: all is allowed but one action, in one place."""
    rest: tuple[Statement, ...] = allow(*(each for each in EVERY_USE if each != action))
    policy = allow(f"arn:aws:iam::{TARGET}:root", *(each for each in EVERY_USE if each != action))
    field = f"{side}_key_policy" if where == "key policy" else f"target_iam_on_{side}_key"
    share = replace(unshared(accounts), **{field: policy if where == "key policy" else rest})
    instance = launch(share.target, shared_image(share), BlockDeviceMappings=under(share.things.target_key))
    assert state(share.target, instance) == MEASURED[action, side]


@pytest.mark.row("5/dies-with-key")
def test_a_volume_on_the_owners_key_dies_with_it_at_the_next_start(accounts: TwoAccounts) -> None:
    """Launched under the shared key itself: it runs on when the owner disables the key, and does not start again."""
    share = unshared(accounts)
    instance = launch(share.target, shared_image(share), BlockDeviceMappings=under(share.things.source_key))
    assert (share.target.volume(root_volume(share.target, instance)) or {})["KmsKeyId"] == share.things.source_key
    session = f"arn:aws:sts::{TARGET}:assumed-role/aws:ec2-infrastructure/{instance}"
    assert grantees(share.source, share.things.source_key) == [session]
    share.source.do("kms:DisableKey", KeyId=share.things.source_key)
    assert state(share.target, instance) == "running"
    share.target.do("ec2:StopInstances", InstanceIds=[instance])
    share.target.do("ec2:StartInstances", InstanceIds=[instance])
    assert (state(share.target, instance), seen(share.target, instance)["StateReason"]) == ("stopped", KEY_STATE)
    share.source.do("kms:EnableKey", KeyId=share.things.source_key)
    share.target.do("ec2:StartInstances", InstanceIds=[instance])
    assert state(share.target, instance) == "running"


def test_without_a_key_a_shared_image_goes_under_the_launchers_default_key(accounts: TwoAccounts) -> None:
    share = replace(unshared(accounts), target_iam=allow("ec2:*", "kms:*"))
    instance = launch(share.target, shared_image(share))
    managed = share.target.do("kms:DescribeKey", KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
    assert (share.target.volume(root_volume(share.target, instance)) or {})["KmsKeyId"] == managed


# a role that has no rights on keys: how Auto Scaling launches


SLR_GRANT = (
    "Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext",
    "DescribeKey", "CreateGrant",
)  # fmt: skip


def keyless_role(hand: Hand) -> Hand:
    """A session of Auto Scaling's service-linked role: it may launch and has no permission in KMS."""
    made = hand.do("iam:CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com")["Role"]
    arn = f"arn:aws:sts::{hand.caller.account}:assumed-role/{made['RoleName']}/AutoScaling"
    who = Caller("session", hand.caller.account, arn, f"{made['RoleId']}:AutoScaling", "", made["Arn"], made["RoleId"])
    return replace(hand, caller=who)


@pytest.mark.row("1.9/auto-scaling")
def test_a_key_policy_that_names_the_launching_role_is_enough(yard: Yard) -> None:
    """ebs.md 1.9: else instances die with InvalidKMSKey.InvalidState."""
    scaler = keyless_role(yard.hand)
    instance = launch(scaler, yard.image)
    assert (state(yard.hand, instance), seen(yard.hand, instance)["StateReason"]) == ("terminated", KEY_STATE)
    role = scaler.caller.role_arn
    policy = document((*allow(yard.hand.root, "kms:*"), *allow(role, *EVERY_USE)))
    yard.hand.do("kms:PutKeyPolicy", KeyId=yard.key, Policy=policy)
    assert state(yard.hand, launch(scaler, yard.image)) == "running"


@pytest.mark.row("1.9/auto-scaling")
def test_a_grant_on_another_accounts_key_lets_a_keyless_role_launch_under_it(accounts: TwoAccounts) -> None:
    """Auto Scaling's documented set-up: the target makes a grant on the source's key for its role."""
    share = replace(unshared(accounts), source_key_policy=allow(f"arn:aws:iam::{TARGET}:root", *EVERY_USE))
    target, key = root(share.cloud, TARGET), share.things.source_key
    image, scaler = shared_image(share), keyless_role(target)
    mappings = under(key)
    assert state(target, launch(scaler, image, BlockDeviceMappings=mappings)) == "terminated"
    grant = {"KeyId": key, "GranteePrincipal": scaler.caller.role_arn, "Operations": list(SLR_GRANT)}
    target.do("kms:CreateGrant", **grant)
    assert state(target, launch(scaler, image, BlockDeviceMappings=mappings)) == "running"


def test_a_service_linked_role_is_named_by_grants_and_key_policies_and_assumed_by_nobody(yard: Yard) -> None:
    """Casebook 181, and what a launch by Auto Scaling rests on."""
    hand = yard.hand
    linked = hand.do("iam:CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com")["Role"]
    admin = hand.user("admin", *allow("sts:*", "iam:*"))
    asked = {"RoleArn": linked["Arn"], "RoleSessionName": "try"}
    assert admin.refused("sts:AssumeRole", **asked)[0] == "AccessDenied"
    grant = {"KeyId": yard.key, "GranteePrincipal": linked["Arn"], "Operations": list(SLR_GRANT)}
    hand.do("kms:CreateGrant", **grant)
    assert linked["Arn"] in grantees(hand, yard.key)
    policy = document((*allow(SOURCE_ROOT, "kms:*"), *allow(linked["Arn"], *EVERY_USE)))
    hand.do("kms:PutKeyPolicy", KeyId=yard.key, Policy=policy)


# the trail


def test_the_trail_shows_a_launch_as_ec2_writes_it(yard: Yard) -> None:
    instance = launch(yard.hand, yard.image, BlockDeviceMappings=[{"DeviceName": ROOT, "Ebs": {"VolumeSize": 2}}])
    record = yard.hand.events("RunInstances")[0]
    asked = record["requestParameters"]
    assert asked["instancesSet"] == {"items": [{"imageId": yard.image, "minCount": 1, "maxCount": 1}]}
    assert asked["blockDeviceMapping"] == {"items": [{"deviceName": ROOT, "ebs": {"volumeSize": 2}}]}
    made = record["responseElements"]["instancesSet"]["items"][0]
    assert (made["instanceId"], made["instanceState"]) == (instance, {"code": 0, "name": "pending"})
    yard.hand.do("ec2:StopInstances", InstanceIds=[instance])
    stopped = yard.hand.events("StopInstances")[0]
    assert stopped["requestParameters"] == {"force": False, "instancesSet": {"items": [{"instanceId": instance}]}}
    assert stopped["responseElements"]["instancesSet"]["items"][0]["currentState"] == {"code": 64, "name": "stopping"}


def test_the_owner_of_a_shared_image_sees_that_its_snapshot_was_used(accounts: TwoAccounts) -> None:
    """Inferred from a volume made of a shared snapshot (ebs.md 3.2)."""
    share = unshared(accounts)
    launch(share.target, shared_image(share), BlockDeviceMappings=under(share.things.target_key))
    event = share.source.events("SharedSnapshotVolumeCreated")[0]
    assert event["serviceEventDetails"] == {"snapshotId": share.things.snapshot}
