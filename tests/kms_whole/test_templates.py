"""Key policies to begin with: they can be saved, and let in whom they say (kms.md 5)."""

from __future__ import annotations

import json

import pytest

from app.services.kms import templates
from tests.kms.lab import DAY_MS, SOURCE, TARGET, Lab, root_arn

KMS_ANY = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}


def test_each_template_says_what_it_takes() -> None:
    assert {name: templates.parameters(name) for name in templates.NAMES} == {
        "separated-duties": ("owner", "administrator", "user"),
        "shared-snapshots": ("owner", "target", "region"),
    }
    with pytest.raises(KeyError):
        templates.filled("shared-snapshots", owner=SOURCE)
    with pytest.raises(KeyError):
        templates.text("../records")


def test_administrators_can_not_use_the_key_and_users_can_not_manage_it(lab: Lab) -> None:
    """Not even with IAM policies that allow everything: the key policy delegates recovery only."""
    administrator, user = lab.user(SOURCE, "administrator", KMS_ANY), lab.user(SOURCE, "user", KMS_ANY)
    other = lab.user(SOURCE, "other", KMS_ANY)
    text = templates.filled("separated-duties", owner=SOURCE, administrator=administrator.arn, user=user.arn)
    key = lab.key(Policy=text)
    blob = lab.seal(key, caller=user)
    for nobody in (administrator, other):
        assert lab.refused(nobody, "Decrypt", CiphertextBlob=blob)[0] == "AccessDeniedException"
    assert lab.ok(user, "Decrypt", CiphertextBlob=blob)["Plaintext"] == b"hello"
    lab.ok(administrator, "DisableKey", KeyId=key)
    assert lab.refused(user, "EnableKey", KeyId=key)[0] == "AccessDeniedException"
    grant = {"KeyId": key, "GranteePrincipal": user.arn, "Operations": ["Decrypt"]}
    assert lab.refused(user, "CreateGrant", **grant)[0] == "AccessDeniedException"
    assert lab.refused(other, "DisableKey", KeyId=key)[0] == "AccessDeniedException"
    lab.ok(other, "GetKeyPolicy", KeyId=key)


def test_a_key_in_use_is_not_deleted(lab: Lab) -> None:
    """kms:TrailingDaysWithoutKeyUsage: 30 days since the last use."""
    administrator, user = lab.user(SOURCE, "administrator"), lab.user(SOURCE, "user")
    text = templates.filled("separated-duties", owner=SOURCE, administrator=administrator.arn, user=user.arn)
    key = lab.key(Policy=text)
    lab.cloud.advance(40 * DAY_MS)
    lab.seal(key, caller=user)
    code, message = lab.refused(administrator, "ScheduleKeyDeletion", KeyId=key)
    assert (code, message.endswith("with an explicit deny in a resource-based policy")) == (
        "AccessDeniedException", True,
    )  # fmt: skip
    lab.cloud.advance(30 * DAY_MS)
    lab.ok(administrator, "ScheduleKeyDeletion", KeyId=key)


def test_nobody_locks_the_account_out(lab: Lab) -> None:
    administrator, user = lab.user(SOURCE, "administrator"), lab.user(SOURCE, "user")
    text = templates.filled("separated-duties", owner=SOURCE, administrator=administrator.arn, user=user.arn)
    key = lab.key(Policy=text)
    refused = lab.refused(
        administrator, "PutKeyPolicy", KeyId=key, Policy=text, BypassPolicyLockoutSafetyCheck=True
    )  # fmt: skip
    assert refused[0] == "AccessDeniedException"
    lab.ok(administrator, "PutKeyPolicy", KeyId=key, Policy=text)


def test_the_target_account_uses_a_shared_key_through_ec2_only(lab: Lab) -> None:
    key = lab.key(Policy=templates.filled("shared-snapshots", owner=SOURCE, target=TARGET, region="us-east-1"))
    context = {"aws:ebs:id": "vol-1"}
    blob = lab.seal(key, EncryptionContext=context)
    restorer = lab.user(TARGET, "restorer", KMS_ANY)
    lab.ok(restorer, "DescribeKey", KeyId=key)
    directly = lab.refused(restorer, "Decrypt", CiphertextBlob=blob, EncryptionContext=context)
    assert directly[0] == "AccessDeniedException"
    grant = {"KeyId": key, "GranteePrincipal": root_arn(TARGET), "Operations": ["Decrypt"]}
    assert lab.refused(restorer, "CreateGrant", **grant)[0] == "AccessDeniedException"
    assert lab.forward(restorer, "CreateGrant", **grant).result.error is None
    opened = lab.forward(restorer, "Decrypt", CiphertextBlob=blob, EncryptionContext=context)
    assert opened.result["Plaintext"] == b"hello"
    other = lab.seal(key, EncryptionContext={"app": "1"})
    refused = lab.forward(restorer, "Decrypt", CiphertextBlob=other, EncryptionContext={"app": "1"})
    assert refused.result.error is not None
    assert refused.result.error.code == "AccessDeniedException"


def test_the_console_policy_has_its_four_statements(lab: Lab) -> None:
    """kms.md 5: `key-consolepolicy-3`."""
    admin, user = lab.user(SOURCE, "admin"), lab.user(SOURCE, "user")
    text = templates.console_policy(SOURCE, (admin.arn,), (user.arn, root_arn(TARGET)))
    document = json.loads(text)
    assert document["Id"] == "key-consolepolicy-3"
    assert [each["Sid"] for each in document["Statement"]] == [
        "Enable IAM User Permissions",
        "Allow access for Key Administrators",
        "Allow use of the key",
        "Allow attachment of persistent resources",
    ]
    assert document["Statement"][3]["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    key = lab.key(Policy=text)
    lab.ok(admin, "DisableKey", KeyId=key)
    lab.ok(admin, "EnableKey", KeyId=key)
    lab.seal(key, caller=user)
    assert lab.refused(admin, "Encrypt", KeyId=key, Plaintext=b"x")[0] == "AccessDeniedException"
