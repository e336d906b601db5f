"""Parameters that do not fit are refused in AWS's words, before the operation sees them."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from app.kernel import shapes
from app.kernel.errors import AwsError

ONE = "1 validation error detected: "
FAILED = "failed to satisfy constraint: "


def text(service: str, name: str, **parameters: Any) -> str:
    error = shapes.validate(service, name, parameters)
    return error.message if error else "fits"


@pytest.mark.parametrize(("number", "bound"), [(0, "greater than or equal to 1"), (1025, "less than or equal to 1024")])
def test_a_number_out_of_range_is_named_with_its_bound(number: int, bound: str) -> None:
    """kms.md 1.2 [V]."""
    says = f"Value '{number}' at 'numberOfBytes' {FAILED}Member must have value {bound}"
    assert text("kms", "GenerateRandom", NumberOfBytes=number) == ONE + says


def test_a_blob_is_never_echoed() -> None:
    """kms.md 1.2 [V]: `Value at 'plaintext'`."""
    says = f"Value at 'plaintext' {FAILED}Member must have length less than or equal to 4096"
    assert text("kms", "Encrypt", KeyId="k", Plaintext=b"x" * 4097) == ONE + says


def test_an_element_of_a_list_is_named_by_its_number() -> None:
    """kms.md 1.2 [V]: `tags.1.member.tagKey`."""
    key = "k" * 129
    says = f"Value '{key}' at 'tags.1.member.tagKey' {FAILED}Member must have length less than or equal to 128"
    assert text("kms", "TagResource", KeyId="k", Tags=[{"TagKey": key, "TagValue": "v"}]) == ONE + says


def test_an_enumeration_lists_its_values() -> None:
    """kms.md 1.2 [V]; the order of the set is arbitrary in AWS."""
    found = text("kms", "GenerateMac", KeyId="k", Message=b"m", MacAlgorithm="INVALID")
    assert found.startswith(f"{ONE}Value 'INVALID' at 'macAlgorithm' {FAILED}Member must satisfy enum value set: [")


def test_all_violations_are_reported_together() -> None:
    found = text("kms", "Encrypt")
    assert found.startswith("2 validation errors detected: Value null at 'keyId' failed")
    assert found.count("; ") == 1


def test_ebs_leaves_to_the_operation_what_it_says_better() -> None:
    """Casebook 295: a negative index is the model's to refuse, a length of 1 and SHA1 are not."""
    put = {"SnapshotId": "snap-1", "BlockData": b"", "DataLength": 1, "Checksum": "c", "ChecksumAlgorithm": "SHA1"}
    assert text("ebs", "PutSnapshotBlock", BlockIndex=9, **put) == "fits"
    says = f"Value '-1' at 'blockIndex' {FAILED}Member must have value greater than or equal to 0"
    assert text("ebs", "PutSnapshotBlock", BlockIndex=-1, **put) == ONE + says


def test_the_query_services_have_their_own_code() -> None:
    error = shapes.validate("sts", "AssumeRole", {"RoleArn": "short", "RoleSessionName": "me"})
    assert error is not None
    assert error.code == "ValidationError"


def test_ec2_judges_types_and_names_only() -> None:
    """What is missing, in range or allowed is each operation's own to check, in its own order."""
    assert shapes.validate("ec2", "CopySnapshot", {}) is None
    assert shapes.validate("ec2", "DescribeSnapshots", {"MaxResults": 1}) is None
    assert text("ec2", "CopySnapshot", Colour="red") == "The parameter Colour is not recognized"
    assert text("ec2", "DescribeSnapshots", Filters=[{"Vals": []}]) == "The parameter Filter.1.Vals is not recognized"
    assert "Filter.1.Value.1" in text("ec2", "DescribeSnapshots", Filters=[{"Values": [1]}])
    assert shapes.missing_parameter("VolumeId") == AwsError(
        "MissingParameter", "The request must contain the parameter VolumeId", seen="ebs.md 1.10 [V]"
    )


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"KeyId": 3}, "NUMBER_VALUE cannot be converted to String"),
        ({"KeyId": {}}, "Start of structure or map found where not expected."),
        ({"KeyId": "k", "GrantTokens": "t"}, "Unexpected field type"),
    ],
)
def test_a_wrong_type_is_a_serialization_exception(parameters: dict[str, Any], says: str) -> None:
    """Inferred from Coral's other services."""
    error = shapes.validate("kms", "DescribeKey", parameters)
    assert error is not None
    assert (error.code, error.message) == ("SerializationException", says)


@pytest.mark.parametrize(
    ("service", "name", "parameters"),
    [
        ("kms", "GenerateRandom", {"NumberOfBytes": True}),
        ("kms", "ImportKeyMaterial", {"KeyId": "k", "ValidTo": "soon"}),
        ("kms", "GenerateRandom", {"NumberOfBytes": 2**31}),
        ("kms", "Encrypt", {"KeyId": "k", "Plaintext": "text"}),
    ],
)
def test_what_only_looks_like_the_type_is_not_it(service: str, name: str, parameters: dict[str, Any]) -> None:
    """True is no number, a text no time and no blob, and an integer has 32 bits."""
    error = shapes.validate(service, name, parameters)
    assert error is not None
    assert error.code == "SerializationException"


def test_a_time_is_a_time() -> None:
    good = {"KeyId": "k", "ImportToken": b"t", "EncryptedKeyMaterial": b"m", "ValidTo": datetime.now(UTC)}
    assert shapes.validate("kms", "ImportKeyMaterial", good) is None


def test_an_unknown_member_of_other_services_is_refused_in_our_words() -> None:
    """AWS drops it in silence; that is how a share breaks without anybody noticing."""
    assert text("kms", "DescribeKey", KeyId="k", Colour="red") == "reseal does not simulate the parameter colour of kms"


def test_sensitive_members_are_known_by_path() -> None:
    assert shapes.sensitive_members("kms", "Encrypt") == {"Plaintext"}
    assert "Plaintext" in shapes.sensitive_members("kms", "Decrypt", "output")
    assert shapes.sensitive_members("sts", "AssumeRole", "output") == {"Credentials.SecretAccessKey"}


def test_a_pattern_never_sees_a_value_of_hostile_length() -> None:
    """Only its length is reported, and at once."""
    found = text("iam", "CreateUser", UserName="a" * 1_000_000)
    assert found.startswith(ONE)
    assert found.endswith("Member must have length less than or equal to 64")


def test_importing_shapes_does_not_load_botocore() -> None:
    """Models come on first use: `reseal --help` must not pay for them."""
    code = "import sys, app.kernel.shapes; sys.exit(any(name.startswith('botocore') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
