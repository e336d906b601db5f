"""Codes, statuses and texts of refusals, at once and passed on from KMS (ebs.md 1.10 to 1.12)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.kernel.cloud import Cloud
from tests.ebs_compute.test_image_sharing import organized
from tests.ebs_features.hands import details
from tests.sharing.accounts import REGION, SOURCE, TARGET, ZONE, Hand, Share, allow, checksum, deny, document, root

row = pytest.mark.row
MISSING, NO_VOLUME = "snap-0abcdef0123456789", "vol-0abcdef0123456789"
VOLUME = {"AvailabilityZone": ZONE, "Size": 1}
EVERYTHING = allow("ec2:*", "ebs:*", "kms:*")
ATTRIBUTE = {"Attribute": "createVolumePermission"}


@pytest.mark.parametrize(
    ("operation", "asked", "code", "status"),
    [
        pytest.param(
            "DescribeSnapshots",
            {"SnapshotIds": [MISSING]},
            "InvalidSnapshot.NotFound",
            400,
            marks=row("1.10/snapshot-not-found"),
        ),
        pytest.param(
            "DeleteSnapshot",
            {"SnapshotId": "snap-x"},
            "InvalidSnapshotID.Malformed",
            400,
            marks=row("1.10/snapshot-malformed"),
        ),
        pytest.param(
            "DeleteVolume",
            {"VolumeId": NO_VOLUME},
            "InvalidVolume.NotFound",
            400,
            marks=row("1.10/volume-not-found"),
        ),
        pytest.param(
            "CreateVolume",
            {**VOLUME, "KmsKeyId": "alias/x"},
            "InvalidParameterDependency",
            400,
            marks=row("1.10/combination"),
        ),
        pytest.param(
            "CreateVolume",
            {"AvailabilityZone": ZONE, "SnapshotId": "{snapshot}", "Encrypted": False},
            "InvalidParameterCombination",
            400,
            marks=row("1.10/combination"),
        ),
        pytest.param(
            "ModifySnapshotAttribute",
            {"SnapshotId": "{snapshot}", "CreateVolumePermission": {"Add": [{"Group": "all"}]}},
            "OperationNotPermitted",
            400,
            marks=row("1.10/not-permitted"),
        ),
        pytest.param("CreateVolume", {**VOLUME, "DryRun": True}, "DryRunOperation", 412, marks=row("1.10/dry-run")),
        pytest.param(
            "CreateVolume", {"AvailabilityZone": "x", "Size": 1}, "InvalidZone.NotFound", 400, marks=row("1.10/others")
        ),
        pytest.param("CreateVolume", {"Size": 1}, "MissingParameter", 400, marks=row("1.10/others")),
        pytest.param(
            "CopySnapshot",
            {"SourceRegion": "x", "SourceSnapshotId": MISSING},
            "InvalidRegion",
            400,
            marks=row("1.10/others"),
        ),
    ],
)
def test_a_code_has_its_http_status(
    share: Share, operation: str, asked: dict[str, Any], code: str, status: int
) -> None:
    """Method: `{snapshot}` stands for the source's own."""
    id = share.things.snapshot
    filled = {name: id if value == "{snapshot}" else value for name, value in asked.items()}
    error = share.source.ask(f"ec2:{operation}", **filled).error
    assert error is not None
    assert (error.code, error.status) == (code, status)


@row("1.10/unauthorized", "1.10/auth-failure")
def test_what_is_not_allowed_is_a_403(share: Share) -> None:
    nobody = share.with_(target_iam=())
    copy = share.with_(target_iam_on_target_key=()).copy_to_target()
    errors = (nobody.target.ask("ec2:CreateVolume", **VOLUME).error, copy.reply.error)
    assert [(each.code, each.status) for each in errors if each] == [
        ("UnauthorizedOperation", 403),
        ("AuthFailure", 403),
    ]


@row("1.10/incorrect-state", "1.10/token")
def test_a_wrong_state_and_a_token_used_twice_are_400s(slow: Share) -> None:
    pending = slow.source.make_snapshot(slow.things.volume)
    slow.source.do("ec2:CreateVolume", **VOLUME, ClientToken="t")
    asked = ({"AvailabilityZone": ZONE, "SnapshotId": pending}, {**VOLUME, "Size": 2, "ClientToken": "t"})
    errors = [slow.source.ask("ec2:CreateVolume", **each).error for each in asked]
    assert [(each.code, each.status) for each in errors if each] == [
        ("IncorrectState", 400),
        ("IdempotentParameterMismatch", 400),
    ]


@row("1.10/reset-malformed", "1.10/no-prefix")
def test_an_id_that_is_none_is_refused_in_three_ways(share: Share) -> None:
    source = share.source
    malformed = source.refused("ec2:ResetSnapshotAttribute", SnapshotId="snap-x", **ATTRIBUTE)
    assert malformed == ("InvalidSnapshotID.Malformed", "The snapshot ID 'snap-x' is malformed")
    prefixless = source.refused("ec2:DeleteSnapshot", SnapshotId="x")
    text = "Value (x) for parameter snapshotId is invalid. Expected: 'snap-...'."
    assert prefixless == ("InvalidParameterValue", text)


# UnauthorizedOperation


BEGINS = "You are not authorized to perform this operation. User: {user} is not authorized to perform: {action} on "
MESSAGE = "Encoded authorization failure message: "
ON_VOLUME = f"resource: arn:aws:ec2:{REGION}:{TARGET}:volume/*"
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}'


def session(hand: Hand, *policies: str) -> Hand:
    """A session of a role that may do all, with these session policies."""
    role = hand.do("iam:CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]
    hand.do("iam:PutRolePolicy", RoleName="r", PolicyName="p", PolicyDocument=document(EVERYTHING))
    arn, id = f"arn:aws:sts::{TARGET}:assumed-role/r/s", f"{role['RoleId']}:s"
    caller = replace_fields(hand, kind="session", arn=arn, unique_id=id, role_arn=role["Arn"], role_id=role["RoleId"])
    return replace(hand, caller=replace_fields(caller, session_policies=policies).caller)


def replace_fields(hand: Hand, **changes: Any) -> Hand:
    fields = {name: getattr(hand.caller, name) for name in hand.caller.__struct_fields__}
    return replace(hand, caller=type(hand.caller)(**fields | changes))


def bounded(share: Share, *statements: Any) -> Hand:
    owner = root(share.cloud, TARGET)
    policy = owner.do("iam:CreatePolicy", PolicyName="bound", PolicyDocument=document(statements))["Policy"]["Arn"]
    owner.do("iam:PutUserPermissionsBoundary", UserName="restorer", PermissionsBoundary=policy)
    return share.target


@pytest.mark.parametrize(
    ("who", "ending"),
    [
        (
            lambda share: share.with_(target_iam=allow("ebs:*")).target,
            "because no identity-based policy allows the ec2:CreateVolume action",
        ),
        (
            lambda share: share.with_(target_iam=(*allow("ec2:*"), *deny("ec2:CreateVolume"))).target,
            "with an explicit deny in an identity-based policy",
        ),
        (
            lambda share: session(root(share.cloud, TARGET), document(allow("ebs:*"))),
            "because no session policy allows the ec2:CreateVolume action",
        ),
        (
            lambda share: session(root(share.cloud, TARGET), document((*EVERYTHING, *deny("ec2:CreateVolume")))),
            "with an explicit deny in a session policy",
        ),
        (
            lambda share: bounded(share, *EVERYTHING, *deny("ec2:CreateVolume")),
            "with an explicit deny in a permissions boundary",
        ),
    ],
    ids=["identity silent", "identity denies", "session silent", "session denies", "boundary denies"],
)
@row("1.11/text", "1.11/endings")
def test_a_refusal_names_who_what_where_and_why_and_ends_in_the_encoded_message(
    share: Share, who: Any, ending: str
) -> None:
    hand = who(share)
    code, message = hand.refused("ec2:CreateVolume", **VOLUME)
    text, _, encoded = message.partition(f". {MESSAGE}")
    begins = BEGINS.format(user=hand.caller.arn, action="ec2:CreateVolume") + ON_VOLUME
    assert (code, text.startswith(begins)) == ("UnauthorizedOperation", True)
    assert text.removeprefix(begins).strip().startswith(ending)
    assert encoded
    assert set(encoded) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")


@pytest.mark.parametrize(
    ("kind", "statements", "operation"),
    [
        ("service control policy", deny("ec2:CreateVolume"), "ec2:CreateVolume"),
        ("resource control policy", deny("*", "kms:ListKeyPolicies"), "kms:ListKeyPolicies"),
    ],
)
@row("1.11/endings")
def test_a_deny_of_the_organization_is_named(cloud: Cloud, kind: str, statements: Any, operation: str) -> None:
    """Resource control policies cover KMS, and not EC2. Method: a user of a member, all allowed but by its root."""
    boss, member, _, _ = organized(root(cloud, SOURCE))
    type, top = kind.replace(" ", "_").upper(), boss.do("organizations:ListRoots")["Roots"][0]["Id"]
    boss.do("organizations:EnablePolicyType", RootId=top, PolicyType=type)
    asked = {"Name": "no", "Description": "", "Type": type, "Content": document(statements)}
    made = boss.do("organizations:CreatePolicy", **asked)["Policy"]["PolicySummary"]["Id"]
    boss.do("organizations:AttachPolicy", PolicyId=made, TargetId=top)
    user = member.user("user", *EVERYTHING)
    parameters = VOLUME if operation.startswith("ec2") else {"KeyId": member.key()}
    assert f"with an explicit deny in a {kind}" in user.refused(operation, **parameters)[1]


@row("1.11/cut")
def test_the_trail_has_the_message_cut(share: Share) -> None:
    """Method: a request with a long tag, which the encoded message holds."""
    nobody = share.with_(target_iam=())
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "k", "Value": checksum(b"long") * 5}]}]
    message = nobody.target.refused("ec2:CreateVolume", **VOLUME, TagSpecifications=tags)[1]
    event = root(nobody.cloud, TARGET).events("CreateVolume")[0]
    assert event["errorCode"] == "Client.UnauthorizedOperation"
    assert event["errorMessage"].endswith("...")
    assert message.startswith(event["errorMessage"].removesuffix("..."))


# what KMS said, as EventBridge passes it on


def cause(share: Share) -> str:
    """Of a volume that could not be made; the share may keep its key (`KmsKeyId` of the source)."""
    (failed,) = [each for each in details(share.target, "createVolume") if each["result"] == "failed"]
    return failed["cause"].partition("is not authorized to perform: ")[2] or failed["cause"]


@row("1.12/own-key")
def test_a_key_of_ones_own_is_named_in_kmss_text(share: Share) -> None:
    key = share.things.target_key
    for statements, ending in (
        ((*allow("kms:*"), *deny("kms:CreateGrant")), "with an explicit deny in an identity-based policy"),
        (allow("kms:Re*", "kms:Gen*"), "because no identity-based policy allows the kms:CreateGrant action"),
    ):
        broken = share.with_(target_iam_on_target_key=statements)
        assert broken.volume_in_target().outcome == "gone"
        assert cause(broken) == f"kms:CreateGrant on resource: {key} {ending}"


@row("1.12/other-account")
def test_a_key_of_another_account_is_not_named(share: Share) -> None:
    """Method: a volume that stays on the owner's key."""
    broken = share.with_(target_iam_on_source_key=(*allow("kms:*"), *deny("kms:CreateGrant")))
    assert broken.volume_in_target(KmsKeyId=share.things.source_key).outcome == "gone"
    assert cause(broken) == "kms:CreateGrant on this resource with an explicit deny in an identity-based policy"


ON_CIPHERTEXT = "kms:ReEncryptFrom on the resource associated with this ciphertext "


@row("1.12/ciphertext", "1.12/ciphertext-silent")
def test_a_key_that_only_a_ciphertext_names_stays_hidden(share: Share) -> None:
    denied = share.with_(target_iam_on_source_key=(*allow("kms:*"), *deny("kms:ReEncryptFrom")))
    silent = share.with_(source_key_policy=())
    assert (denied.volume_in_target().outcome, silent.volume_in_target().outcome) == ("gone", "gone")
    assert cause(denied) == ON_CIPHERTEXT + "with an explicit deny in an identity-based policy"
    assert cause(silent) == ON_CIPHERTEXT + (
        "because the resource does not exist in this Region, no resource-based policies allow access, "
        "or a resource-based policy explicitly denies access"
    )


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        pytest.param("DisableKey", "{key} is disabled.", marks=row("1.12/disabled")),
        pytest.param("ScheduleKeyDeletion", "{key} is pending deletion.", marks=row("1.12/pending")),
    ],
)
def test_a_key_that_is_not_enabled_is_named_with_its_state(share: Share, operation: str, text: str) -> None:
    share.source.do(f"kms:{operation}", KeyId=share.things.source_key)
    assert share.volume_in_target().outcome == "gone"
    assert cause(share) == text.format(key=share.things.source_key)
