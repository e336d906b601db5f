"""Refusals as they happen to people, one function each: what was set up, and what was then tried."""

from __future__ import annotations

import json
from collections.abc import Callable

from app.kernel.call import Caller, root_of
from app.policy.explain import Explanation

from .stage import EC2_OWN, OWN, SOURCE, TARGET, Stage, account, allow, deny

Story = Callable[[Stage], Explanation]
USE = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"]
VIA = {"StringEquals": {"kms:ViaService": "ec2.eu-west-1.amazonaws.com"}}


def copy(stage: Stage, who: Caller, snapshot: str, **more: object) -> Explanation:
    reply = stage.call(who, "ec2:CopySnapshot", SourceSnapshotId=snapshot, SourceRegion="eu-west-1", **more)
    return stage.explained(reply.request_id)


def the_key_policy_does_not_know_the_target(stage: Stage) -> Explanation:
    key = stage.key(SOURCE)
    importer = stage.user(TARGET, "importer", EC2_OWN, allow(USE, Sid="UseKeys"))
    return copy(stage, importer, stage.snapshot(key))


def the_key_policy_forgets_one_action(stage: Stage) -> Explanation:
    shared = allow(["kms:Decrypt", "kms:DescribeKey"], Sid="AllowTarget", Principal=account(TARGET), Condition=VIA)
    key = stage.key(SOURCE, OWN, shared)
    importer = stage.user(TARGET, "importer", EC2_OWN, allow(USE, Sid="UseKeys"))
    return copy(stage, importer, stage.snapshot(key))


def a_condition_of_the_key_policy_fails(stage: Stage) -> Explanation:
    via = {"StringEquals": {"kms:ViaService": "rds.eu-west-1.amazonaws.com"}, "Bool": {"aws:SecureTransport": "true"}}
    key = stage.key(SOURCE, OWN, allow(USE, Sid="AllowTarget", Principal=account(TARGET), Condition=via))
    importer = stage.user(TARGET, "importer", EC2_OWN, allow(USE, Sid="UseKeys"))
    return copy(stage, importer, stage.snapshot(key))


def the_importer_has_no_right_to_grant(stage: Stage) -> Explanation:
    key = stage.key(SOURCE, OWN, allow(USE, Sid="AllowTarget", Principal=account(TARGET)))
    own = allow(USE, f"arn:aws:kms:*:{TARGET}:key/*", Sid="UseOwnKeys")
    importer = stage.user(TARGET, "importer", EC2_OWN, own, allow(["kms:Decrypt"], key, Sid="UseSourceKey"))
    return copy(stage, importer, stage.snapshot(key))


def an_identity_policy_denies(stage: Stage) -> Explanation:
    key = stage.key(SOURCE, OWN, allow(USE, Sid="AllowTarget", Principal=account(TARGET)))
    abroad = {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}
    no_grants = deny("kms:CreateGrant", Sid="NoGrants", Condition=abroad)
    importer = stage.user(TARGET, "importer", allow(["ec2:*", "kms:*"], Sid="Everything"), no_grants)
    return copy(stage, importer, stage.snapshot(key))


def a_boundary_does_not_cover_the_key(stage: Stage) -> Explanation:
    key = stage.key(SOURCE)
    reader = stage.user(SOURCE, "reader", allow("kms:*", Sid="Keys"), boundary=(allow("s3:*", Sid="OnlyS3"),))
    return stage.explained(stage.call(reader, "kms:DescribeKey", KeyId=key).request_id)


def the_key_policy_does_not_delegate(stage: Stage) -> Explanation:
    admin = stage.user(SOURCE, "admin")
    key = stage.key(SOURCE, allow("kms:*", Sid="AdminOnly", Principal={"AWS": admin.arn}))
    reader = stage.user(SOURCE, "reader", allow(["kms:DescribeKey", "kms:Decrypt"], Sid="ReadKeys"))
    return stage.explained(stage.call(reader, "kms:DescribeKey", KeyId=key).request_id)


def a_grant_is_for_another_context(stage: Stage) -> Explanation:
    admin = stage.user(SOURCE, "admin", allow("kms:*"))
    key = stage.key(SOURCE, allow("kms:*", Sid="AdminOnly", Principal={"AWS": admin.arn}))
    reader = stage.user(SOURCE, "reader")
    stage.done(
        admin, "kms:CreateGrant", KeyId=key, GranteePrincipal=reader.arn, Operations=["Encrypt", "Decrypt"],
        Constraints={"EncryptionContextEquals": {"department": "finance"}},
    )  # fmt: skip
    asked = stage.call(reader, "kms:Encrypt", KeyId=key, Plaintext=b"x", EncryptionContext={"department": "sales"})
    return stage.explained(asked.request_id)


def a_session_policy_is_too_narrow(stage: Stage) -> Explanation:
    key = stage.key(SOURCE)
    policy = stage.file("session", allow("kms:Describe*", Sid="LookOnly"))
    trust = {"Effect": "Allow", "Principal": account(SOURCE), "Action": "sts:AssumeRole"}
    root = root_of(SOURCE)
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = stage.done(root, "iam:CreateRole", RoleName="worker", AssumeRolePolicyDocument=document)["Role"]
    text = stage.file("worker", allow("kms:*", Sid="Keys"))
    stage.done(root, "iam:PutRolePolicy", RoleName="worker", PolicyName="worker", PolicyDocument=text)
    session = Caller(
        "session", SOURCE, f"arn:aws:sts::{SOURCE}:assumed-role/worker/today", f"{role['RoleId']}:today",
        role_arn=role["Arn"], role_id=role["RoleId"], session_policies=(policy,),
    )  # fmt: skip
    return stage.explained(stage.call(session, "kms:GenerateDataKey", KeyId=key, NumberOfBytes=64).request_id)


def the_target_s_own_key_is_disabled(stage: Stage) -> Explanation:
    key = stage.key(SOURCE, OWN, allow(USE, Sid="AllowTarget", Principal=account(TARGET)))
    own = stage.key(TARGET)
    stage.done(root_of(TARGET), "kms:DisableKey", KeyId=own)
    importer = stage.user(TARGET, "importer", allow(["ec2:*", "kms:*"], Sid="Everything"))
    return copy(stage, importer, stage.snapshot(key), KmsKeyId=own)


def the_source_key_is_disabled(stage: Stage) -> Explanation:
    key = stage.key(SOURCE, OWN, allow(USE, Sid="AllowTarget", Principal=account(TARGET)))
    snapshot = stage.snapshot(key)
    stage.done(root_of(SOURCE), "kms:DisableKey", KeyId=key)
    importer = stage.user(TARGET, "importer", allow(["ec2:*", "kms:*"], Sid="Everything"))
    return copy(stage, importer, snapshot)


def the_snapshot_is_not_shared(stage: Stage) -> Explanation:
    importer = stage.user(TARGET, "importer", allow(["ec2:*", "kms:*"], Sid="Everything"))
    return copy(stage, importer, stage.snapshot(stage.key(SOURCE), share=False))


def the_default_key_can_not_be_shared(stage: Stage) -> Explanation:
    made = stage.snapshot(share=False)
    adding = {"Add": [{"UserId": TARGET}]}
    asked = stage.call(root_of(SOURCE), "ec2:ModifySnapshotAttribute", SnapshotId=made, CreateVolumePermission=adding)
    return stage.explained(asked.request_id)


def a_volume_vanishes(stage: Stage) -> Explanation:
    key = stage.key(SOURCE, OWN, allow("kms:Decrypt", Sid="AllowTarget", Principal=account(TARGET)))
    importer = stage.user(TARGET, "importer", allow(["ec2:*", "kms:*"], Sid="Everything"))
    snapshot = stage.snapshot(key)
    made = stage.call(importer, "ec2:CreateVolume", AvailabilityZone="eu-west-1a", SnapshotId=snapshot)
    assert made.answer is not None
    return stage.explained(made.answer["VolumeId"])


def a_role_does_not_trust_the_caller(stage: Stage) -> Explanation:
    trusted = {"Sid": "OnlyOps", "Effect": "Allow", "Principal": account(SOURCE), "Action": "sts:AssumeRole"}
    trust = stage.file("trust", trusted)
    role = stage.done(root_of(SOURCE), "iam:CreateRole", RoleName="sharer", AssumeRolePolicyDocument=trust)["Role"]
    importer = stage.user(TARGET, "importer", allow("sts:AssumeRole", Sid="Assume"))
    return stage.explained(
        stage.call(importer, "sts:AssumeRole", RoleArn=role["Arn"], RoleSessionName="share").request_id
    )


def a_user_without_any_policy(stage: Stage) -> Explanation:
    nobody = stage.user(TARGET, "nobody")
    return stage.explained(stage.call(nobody, "ec2:CreateVolume", AvailabilityZone="eu-west-1a", Size=1).request_id)


STORIES: tuple[Story, ...] = (
    the_key_policy_does_not_know_the_target,
    the_key_policy_forgets_one_action,
    a_condition_of_the_key_policy_fails,
    the_importer_has_no_right_to_grant,
    an_identity_policy_denies,
    a_boundary_does_not_cover_the_key,
    the_key_policy_does_not_delegate,
    a_grant_is_for_another_context,
    a_session_policy_is_too_narrow,
    the_target_s_own_key_is_disabled,
    the_source_key_is_disabled,
    the_snapshot_is_not_shared,
    the_default_key_can_not_be_shared,
    a_volume_vanishes,
    a_role_does_not_trust_the_caller,
    a_user_without_any_policy,
)
