"""AWS managed keys of EBS, RDS, S3 and SQS: their policies to the letter, and that nobody edits them (kms.md 2.1)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kms.lab import ANY_KMS, SOURCE, TARGET, Lab, policy, root_arn

CRYPTO = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"]
METADATA = ["kms:Describe*", "kms:Get*", "kms:List*"]
REVOKES = [*METADATA, "kms:RevokeGrant"]
# alias -> policy id, service, name in the Sid, actions of both statements [V S8; the row of SQS is inferred]
ROWS = {
    "ebs": ("auto-ebs-2", "ec2", "EBS", [*CRYPTO, "kms:CreateGrant", "kms:DescribeKey"], REVOKES),
    "rds": (
        "auto-rds-2", "rds", "RDS", [*CRYPTO, "kms:CreateGrant", "kms:ListGrants", "kms:DescribeKey"],
        REVOKES,
    ),
    "s3": ("auto-s3-2", "s3", "S3", [*CRYPTO, "kms:DescribeKey"], METADATA),
    "sqs": ("auto-sqs-1", "sqs", "SQS", [*CRYPTO, "kms:CreateGrant", "kms:DescribeKey"], REVOKES),
}  # fmt: skip
EDITS: dict[str, dict[str, Any]] = {
    "PutKeyPolicy": {"Policy": policy()},
    "TagResource": {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
    "UntagResource": {"TagKeys": ["a"]},
    "UpdateKeyDescription": {"Description": "mine"},
    "DisableKey": {},
    "EnableKey": {},
    "EnableKeyRotation": {},
    "DisableKeyRotation": {},
    "RotateKeyOnDemand": {},
    "ScheduleKeyDeletion": {},
    "CancelKeyDeletion": {},
    "CreateGrant": {"GranteePrincipal": root_arn(SOURCE), "Operations": ["Decrypt"]},
    "Encrypt": {"Plaintext": b"x"},
}


def made(lab: Lab, name: str) -> str:
    return lab.ok(SOURCE, "DescribeKey", KeyId=f"alias/aws/{name}")["KeyMetadata"]["Arn"]


@pytest.mark.parametrize("name", ROWS)
def test_the_policy_to_the_letter(lab: Lab, name: str) -> None:
    id, service, sid, uses, metadata = ROWS[name]
    document = json.loads(lab.ok(SOURCE, "GetKeyPolicy", KeyId=made(lab, name))["Policy"])
    pinned = {"kms:CallerAccount": SOURCE, "kms:ViaService": f"{service}.us-east-1.amazonaws.com"}
    assert document == {
        "Version": "2012-10-17",
        "Id": id,
        "Statement": [
            {
                "Sid": f"Allow access through {sid} for all principals in the account that are authorized to use {sid}",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": uses,
                "Resource": "*",
                "Condition": {"StringEquals": pinned},
            },
            {
                "Sid": "Allow direct access to key metadata to the account",
                "Effect": "Allow",
                "Principal": {"AWS": root_arn(SOURCE)},
                "Action": metadata,
                "Resource": "*",
            },
        ],
    }


@pytest.mark.parametrize("operation", EDITS)
def test_nobody_edits_one_or_uses_it_directly_the_root_user_neither(lab: Lab, operation: str) -> None:
    key, admin = made(lab, "s3"), lab.user(SOURCE, "admin", ANY_KMS)
    for who in (admin, SOURCE):
        code, message = lab.refused(who, operation, KeyId=key, **EDITS[operation])
        assert code == "AccessDeniedException"
        assert message.endswith(f"because no resource-based policy allows the kms:{operation} action")


def test_its_alias_cannot_be_moved_or_deleted(lab: Lab) -> None:
    made(lab, "s3")
    for operation, more in (("DeleteAlias", {}), ("UpdateAlias", {"TargetKeyId": lab.key()})):
        assert lab.refused(SOURCE, operation, AliasName="alias/aws/s3", **more)[0] == "NotAuthorizedException"


def test_each_account_and_region_has_its_own(lab: Lab) -> None:
    keys = {made(lab, "s3"), lab.ok(TARGET, "DescribeKey", KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]}
    keys.add(lab.ok(SOURCE, "DescribeKey", "eu-west-1", KeyId="alias/aws/s3")["KeyMetadata"]["Arn"])
    assert len(keys) == 3


def test_it_is_never_a_multi_region_key(lab: Lab) -> None:
    shown = lab.ok(SOURCE, "DescribeKey", KeyId="alias/aws/rds")["KeyMetadata"]
    assert (shown["MultiRegion"], shown["Origin"], shown["KeySpec"]) == (False, "AWS_KMS", "SYMMETRIC_DEFAULT")
    assert shown["Description"] == "Default key that protects my RDS database volumes when no other key is defined"
