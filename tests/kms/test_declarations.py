"""The declarations that the coverage page is made from are true (services.md: nothing is silently ignored)."""

from __future__ import annotations

import pytest

from app.kernel.shapes import operation_model
from app.services.kms import KMS
from tests.kms.lab import SOURCE, Lab

OPERATIONS = sorted(KMS.operations)

READING = (
    "Get", "List", "Describe", "Encrypt", "Decrypt", "ReEncrypt", "Generate", "Sign", "Verify", "Derive", "Encapsulate",
    "Decapsulate",
)  # fmt: skip

# What the model has and reseal refuses in words, by operation.
REFUSED = {
    "CreateKey": {"XksKeyId"},
    "Decrypt": {"Recipient"},
    "DeriveSharedSecret": {"Recipient"},
    "GenerateDataKey": {"Recipient"},
    "GenerateDataKeyPair": {"Recipient"},
    "GenerateRandom": {"Recipient"},
    "ListKeys": {"ResourceOwners"},
}


def test_all_operations_are_there() -> None:
    wanted = (
        "CreateKey", "DescribeKey", "ListKeys", "CreateAlias", "UpdateAlias", "DeleteAlias", "ListAliases",
        "GetKeyPolicy", "PutKeyPolicy", "ListKeyPolicies", "Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext", "GenerateRandom", "CreateGrant", "ListGrants", "ListRetirableGrants",
        "RevokeGrant", "RetireGrant", "EnableKey", "DisableKey", "ScheduleKeyDeletion", "CancelKeyDeletion",
        "GetKeyRotationStatus", "EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand",
        "ListKeyRotations", "UpdateKeyDescription", "TagResource", "UntagResource", "ListResourceTags",
        "DescribeCustomKeyStores", "GetParametersForImport", "ImportKeyMaterial", "DeleteImportedKeyMaterial",
        "Sign", "Verify", "GetPublicKey", "GenerateMac", "VerifyMac", "DeriveSharedSecret", "Encapsulate",
        "Decapsulate", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
    )  # fmt: skip
    assert {f"kms:{name}" for name in wanted} <= set(KMS.operations)


@pytest.mark.parametrize("id", OPERATIONS)
def test_each_parameter_of_the_model_is_honoured_or_refused_in_words(id: str) -> None:
    operation = KMS.operations[id]
    model = operation_model("kms", operation.name).input_shape
    members = set(model.members) if model is not None else set()
    assert operation.declared == members - REFUSED.get(operation.name, set())
    assert operation.inert == {} or "CustomKeyStore" in operation.name  # there is none to read them for


@pytest.mark.parametrize("id", OPERATIONS)
def test_each_error_says_where_it_is_known_from(id: str) -> None:
    for error in KMS.operations[id].answers:
        assert error.seen, error


def test_read_only_is_what_cloudtrail_says() -> None:
    reads = {operation.name for operation in KMS.operations.values() if operation.reads}
    names = (id.removeprefix("kms:") for id in OPERATIONS)
    assert reads == {name for name in names if name.startswith(READING)}


def test_an_operation_that_reseal_has_not_is_refused_in_words(lab: Lab) -> None:
    code, message = lab.refused(SOURCE, "TurnKey", KeyId="k")
    assert code == "UnknownOperationException"
    assert message == "reseal does not simulate kms:TurnKey"
