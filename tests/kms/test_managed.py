"""AWS managed keys: made when EC2 needs one, of use through EC2 only, changed by nobody (kms.md 2.1)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.kernel.authority import OrganizationLayers
from app.kernel.operation import Service
from app.policy.document import DocumentKind, parse
from app.policy.question import LayerKind, Level, Place, Policy
from app.services.kms import KMS
from tests.kms.lab import SOURCE, TARGET, Lab, root_arn

EBS = {"KeyId": "alias/aws/ebs"}


def default_key(lab: Lab) -> str:
    return lab.ok(SOURCE, "DescribeKey", **EBS)["KeyMetadata"]["Arn"]


def test_the_default_key_appears_when_ec2_first_needs_it(lab: Lab) -> None:
    assert lab.refused(SOURCE, "Encrypt", Plaintext=b"x", **EBS) == (
        "NotFoundException",
        f"Alias arn:aws:kms:us-east-1:{SOURCE}:alias/aws/ebs is not found.",
    )
    made = lab.forward(SOURCE, "GenerateDataKeyWithoutPlaintext", NumberOfBytes=64, **EBS)
    assert made.result.error is None
    assert made.again("GenerateDataKeyWithoutPlaintext", NumberOfBytes=64, **EBS)["KeyId"] == made.result["KeyId"]


def test_describe_key_makes_it_too(lab: Lab) -> None:
    """botocore, DescribeKey: KMS associates a predefined alias with an AWS managed key [D]."""
    shown = lab.ok(SOURCE, "DescribeKey", **EBS)["KeyMetadata"]
    assert (shown["KeyManager"], shown["KeyState"]) == ("AWS", "Enabled")
    assert shown["Description"] == "Default key that protects my EBS volumes when no other key is defined"
    assert default_key(lab) == shown["Arn"]
    (alias,) = lab.ok(SOURCE, "ListAliases", KeyId=shown["Arn"])["Aliases"]
    assert alias["AliasName"] == "alias/aws/ebs"
    status = lab.ok(SOURCE, "GetKeyRotationStatus", KeyId=shown["Arn"])
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 365)


def test_its_policy_is_the_real_one(lab: Lab) -> None:
    document = json.loads(lab.ok(SOURCE, "GetKeyPolicy", KeyId=default_key(lab))["Policy"])
    assert document["Id"] == "auto-ebs-2"
    through, metadata = document["Statement"]
    assert through["Sid"] == (
        "Allow access through EBS for all principals in the account that are authorized to use EBS"
    )
    assert through["Principal"] == {"AWS": "*"}
    assert through["Action"] == [
        "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey",
    ]  # fmt: skip
    assert through["Condition"] == {
        "StringEquals": {"kms:CallerAccount": SOURCE, "kms:ViaService": "ec2.us-east-1.amazonaws.com"}
    }
    assert metadata["Principal"] == {"AWS": root_arn(SOURCE)}
    assert metadata["Action"] == ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"]


def test_through_ec2_a_user_needs_no_permission_of_his_own_and_directly_nothing_helps(lab: Lab) -> None:
    user, admin = lab.user(SOURCE, "u"), lab.user(SOURCE, "admin", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    key = default_key(lab)
    asked = {"KeyId": key, "NumberOfBytes": 64}
    assert lab.forward(user, "GenerateDataKeyWithoutPlaintext", **asked).result.error is None
    assert lab.refused(admin, "GenerateDataKeyWithoutPlaintext", **asked) == (
        "AccessDeniedException",
        f"User: {admin.arn} is not authorized to perform: kms:GenerateDataKeyWithoutPlaintext on resource: {key} "
        "because no resource-based policy allows the kms:GenerateDataKeyWithoutPlaintext action",
    )


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("PutKeyPolicy", {"Policy": json.dumps({"Version": "2012-10-17", "Statement": []})}),
        ("DisableKey", {}),
        ("ScheduleKeyDeletion", {}),
        ("TagResource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ("EnableKeyRotation", {}),
        ("UpdateKeyDescription", {"Description": "d"}),
        ("CreateGrant", {"GranteePrincipal": root_arn(TARGET), "Operations": ["Decrypt"]}),
    ],
)
def test_nobody_changes_it(lab: Lab, operation: str, more: dict[str, Any]) -> None:
    code, message = lab.refused(SOURCE, operation, KeyId=default_key(lab), **more)
    assert code == "AccessDeniedException"
    assert message.endswith(f"because no resource-based policy allows the kms:{operation} action")


def test_it_is_of_no_use_to_another_account_even_through_ec2(lab: Lab) -> None:
    key = default_key(lab)
    asked = {"KeyId": key, "GranteePrincipal": "ec2.us-east-1.amazonaws.com", "Operations": ["Decrypt"]}
    forwarded = lab.forward(TARGET, "CreateGrant", **asked)
    assert "on this resource because the resource does not exist in this Region" in forwarded.refusal[1]


def test_it_rotates_every_year(lab: Lab) -> None:
    key = default_key(lab)
    lab.cloud.advance(366 * 86_400_000)
    rotations = lab.ok(SOURCE, "ListKeyRotations", KeyId=key)["Rotations"]
    assert [rotation["RotationType"] for rotation in rotations] == ["AUTOMATIC"]


def test_resource_control_policies_do_not_reach_it() -> None:
    """policy-evaluation.md 4.8. Method: an organization whose RCP denies data keys to everybody."""
    deny = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "kms:Generate*", "Resource": "*"}],
        }
    )
    policy = Policy(Place(LayerKind.RCP, SOURCE, "deny", SOURCE), parse(deny, DocumentKind.RCP))
    layers = OrganizationLayers(rcps=(Level(SOURCE, (policy,)),))
    organization = Service(
        "organization", {}, (), {}, KMS.denied, organization_layers=lambda world, caller, account: layers
    )
    lab = Lab.new(organization)
    forwarded = lab.forward(SOURCE, "GenerateDataKeyWithoutPlaintext", NumberOfBytes=64, **EBS)
    assert forwarded.result.error is None
    own = lab.ok(SOURCE, "CreateKey")["KeyMetadata"]["Arn"]
    refused = lab.refused(SOURCE, "GenerateDataKeyWithoutPlaintext", KeyId=own, NumberOfBytes=64)
    assert refused[1].endswith("with an explicit deny in a resource control policy")
