"""Keys: what CreateKey makes, what DescribeKey shows, how a key may be named (kms.md 2.2, 4)."""

from __future__ import annotations

import re

import pytest

from tests.kms.lab import SOURCE, TARGET, Lab, allow, root_arn

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
UNKNOWN = f"arn:aws:kms:us-east-1:{SOURCE}:key/{UNKNOWN_ID}"


def test_a_new_key_shows_its_metadata_in_awss_order(lab: Lab) -> None:
    shown = lab.ok(SOURCE, "CreateKey", Description="d")["KeyMetadata"]
    assert list(shown) == [
        "AWSAccountId", "KeyId", "Arn", "CreationDate", "Enabled", "Description", "KeyUsage", "KeyState", "Origin",
        "KeyManager", "CustomerMasterKeySpec", "KeySpec", "EncryptionAlgorithms", "MultiRegion", "CurrentKeyMaterialId",
    ]  # fmt: skip
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", shown["KeyId"])
    assert re.fullmatch(r"[0-9a-f]{64}", shown["CurrentKeyMaterialId"])
    fixed = {
        "Enabled": True, "Description": "d", "KeyUsage": "ENCRYPT_DECRYPT", "KeyState": "Enabled", "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER", "KeySpec": "SYMMETRIC_DEFAULT", "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
    }  # fmt: skip
    assert fixed.items() <= shown.items()
    assert lab.ok(SOURCE, "DescribeKey", KeyId=shown["KeyId"])["KeyMetadata"] == shown


def test_a_multi_region_key_is_a_primary_without_replicas(lab: Lab) -> None:
    shown = lab.ok(SOURCE, "CreateKey", MultiRegion=True)["KeyMetadata"]
    assert re.fullmatch(r"mrk-[0-9a-f]{32}", shown["KeyId"])
    assert shown["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "PRIMARY",
        "PrimaryKey": {"Arn": shown["Arn"], "Region": "us-east-1"},
        "ReplicaKeys": [],
    }


@pytest.mark.parametrize(
    ("parameters", "code", "message"),
    [
        (
            {"KeySpec": "HMAC_256"},
            "ValidationException",
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
        ),
        (
            {"KeySpec": "RSA_2048", "KeyUsage": "KEY_AGREEMENT"},
            "ValidationException",
            "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048",
        ),
        (
            {"KeyUsage": "SIGN_VERIFY"},
            "ValidationException",
            "KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT",
        ),
        (
            {"KeySpec": "SM2", "KeyUsage": "ENCRYPT_DECRYPT"},
            "UnsupportedOperationException",
            "reseal does not simulate KeySpec SM2",
        ),
        (
            {"Origin": "AWS_CLOUDHSM"},
            "CustomKeyStoreNotFoundException",
            "reseal does not simulate custom key stores",
        ),
        ({"XksKeyId": "x"}, "UnsupportedOperationException", "reseal does not simulate XksKeyId of CreateKey"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_keys_that_can_not_be_made(lab: Lab, parameters: dict[str, str], code: str, message: str) -> None:
    assert lab.refused(SOURCE, "CreateKey", **parameters) == (code, message)


# --- naming a key (section 4) -----------------------------------------------------------------------------------------


def test_a_key_goes_by_id_arn_alias_and_alias_arn(lab: Lab) -> None:
    """Goal: the answer names the key by its ARN, whatever was sent."""
    key = lab.key()
    lab.ok(SOURCE, "CreateAlias", AliasName="alias/app", TargetKeyId=key)
    alias_arn = f"arn:aws:kms:us-east-1:{SOURCE}:alias/app"
    for name in (key, key.rpartition("/")[2], "alias/app", alias_arn):
        assert lab.ok(SOURCE, "Encrypt", KeyId=name, Plaintext=b"x")["KeyId"] == key


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        (UNKNOWN_ID, "NotFoundException", f"Key '{UNKNOWN}' does not exist"),
        (UNKNOWN, "NotFoundException", f"Key '{UNKNOWN}' does not exist"),
        ("fake-key-id", "NotFoundException", "Invalid keyId 'fake-key-id'"),
        (UNKNOWN_ID.replace("-", ""), "NotFoundException", f"Invalid keyId '{UNKNOWN_ID.replace('-', '')}'"),
        ("mrk-fake", "NotFoundException", "Invalid keyId 'mrk-fake'"),
        (UNKNOWN.replace("us-east-1", "us-west-2"), "NotFoundException", "Invalid arn us-west-2"),
        ("arn:aws:s3:::bucket", "InvalidArnException", "Invalid arn arn:aws:s3:::bucket"),
        (
            "alias/none",
            "NotFoundException",
            f"Alias arn:aws:kms:us-east-1:{SOURCE}:alias/none is not found.",
        ),
        (
            f"arn:aws:kms:us-east-1:{SOURCE}:alias/none",
            "NotFoundException",
            f"Alias arn:aws:kms:us-east-1:{SOURCE}:alias/none is not found.",
        ),
    ],
)
def test_what_names_no_key_of_ones_own(lab: Lab, name: str, code: str, message: str) -> None:
    assert lab.refused(SOURCE, "DescribeKey", KeyId=name) == (code, message)


def test_management_takes_no_aliases(lab: Lab) -> None:
    lab.ok(SOURCE, "CreateAlias", AliasName="alias/app", TargetKeyId=lab.key())
    arn = f"arn:aws:kms:us-east-1:{SOURCE}:alias/app"
    grant = {"GranteePrincipal": root_arn(SOURCE), "Operations": ["Decrypt"]}
    assert lab.refused(SOURCE, "CreateGrant", KeyId=arn, **grant) == (
        "InvalidArnException",
        "Key Aliases are not supported for this operation.",
    )
    assert lab.refused(SOURCE, "CreateGrant", KeyId="alias/app", **grant) == (
        "NotFoundException",
        "Invalid keyId 'alias/app'",
    )


def test_an_alias_name_means_the_callers_account_and_an_alias_arn_its_own(lab: Lab) -> None:
    key = lab.key(share=allow("kms:*", root_arn(TARGET)))
    lab.ok(SOURCE, "CreateAlias", AliasName="alias/shared", TargetKeyId=key)
    by_name = lab.refused(TARGET, "DescribeKey", KeyId="alias/shared")
    assert by_name == ("NotFoundException", f"Alias arn:aws:kms:us-east-1:{TARGET}:alias/shared is not found.")
    arn = f"arn:aws:kms:us-east-1:{SOURCE}:alias/shared"
    assert lab.ok(TARGET, "DescribeKey", KeyId=arn)["KeyMetadata"]["Arn"] == key
    assert lab.refused(TARGET, "DescribeKey", KeyId=arn.replace("shared", "none"))[0] == "AccessDeniedException"


def test_a_key_is_of_one_region(lab: Lab) -> None:
    key = lab.key()
    assert lab.refused(SOURCE, "DescribeKey", region="us-west-2", KeyId=key) == (
        "NotFoundException",
        "Invalid arn us-east-1",
    )
    assert lab.ok(SOURCE, "ListKeys", region="us-west-2")["Keys"] == []


# --- aliases ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        (
            "app",
            "ValidationException",
            'Alias must start with the prefix "alias/". Please see '
            "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        ),
        ("alias/aws/mine", "NotAuthorizedException", ""),
        ("alias/a:b", "ValidationException", "alias/a:b contains invalid characters for an alias"),
        (
            "alias/taken",
            "AlreadyExistsException",
            f"An alias with the name arn:aws:kms:us-east-1:{SOURCE}:alias/taken already exists",
        ),
    ],
)
def test_names_that_no_alias_may_have(lab: Lab, name: str, code: str, message: str) -> None:
    key = lab.key()
    lab.ok(SOURCE, "CreateAlias", AliasName="alias/taken", TargetKeyId=key)
    assert lab.refused(SOURCE, "CreateAlias", AliasName=name, TargetKeyId=key) == (code, message)


def test_an_alias_points_to_a_key_and_can_be_moved(lab: Lab) -> None:
    first, second = lab.key(), lab.key()
    lab.ok(SOURCE, "CreateAlias", AliasName="alias/app", TargetKeyId=first)
    assert lab.refused(SOURCE, "CreateAlias", AliasName="alias/b", TargetKeyId="alias/app")[1] == (
        "Aliases must refer to keys. Not aliases"
    )
    lab.ok(SOURCE, "UpdateAlias", AliasName="alias/app", TargetKeyId=second)
    assert lab.ok(SOURCE, "DescribeKey", KeyId="alias/app")["KeyMetadata"]["Arn"] == second
    (entry,) = lab.ok(SOURCE, "ListAliases", KeyId=second)["Aliases"]
    assert entry["TargetKeyId"] == second.rpartition("/")[2]
    lab.ok(SOURCE, "DeleteAlias", AliasName="alias/app")
    gone = lab.refused(SOURCE, "DeleteAlias", AliasName="alias/app")
    assert gone == ("NotFoundException", f"Alias arn:aws:kms:us-east-1:{SOURCE}:alias/app is not found.")


def test_a_key_has_at_most_50_aliases(lab: Lab) -> None:
    key = lab.key()
    for number in range(50):
        lab.ok(SOURCE, "CreateAlias", AliasName=f"alias/{number}", TargetKeyId=key)
    assert lab.refused(SOURCE, "CreateAlias", AliasName="alias/50", TargetKeyId=key)[0] == "LimitExceededException"


def test_an_alias_takes_permission_on_the_alias_and_on_the_key(lab: Lab) -> None:
    key = lab.key()
    only_key = {"Effect": "Allow", "Action": "kms:CreateAlias", "Resource": key}
    only_alias = {**only_key, "Resource": f"arn:aws:kms:us-east-1:{SOURCE}:alias/*"}
    name = {"AliasName": "alias/app", "TargetKeyId": key}
    code, message = lab.refused(lab.user(SOURCE, "a", only_key), "CreateAlias", **name)
    assert code == "AccessDeniedException"
    assert f"kms:CreateAlias on resource: arn:aws:kms:us-east-1:{SOURCE}:alias/app" in message
    code, message = lab.refused(lab.user(SOURCE, "b", only_alias), "CreateAlias", **name)
    assert f"kms:CreateAlias on resource: {key}" in message
    lab.ok(lab.user(SOURCE, "c", only_key, only_alias), "CreateAlias", **name)


# --- lists, tags ------------------------------------------------------------------------------------------------------


def test_lists_come_in_pages_and_a_marker_is_good_for_its_list_only(lab: Lab) -> None:
    keys = sorted(lab.key().rpartition("/")[2] for _ in range(5))
    seen, marker = [], {}
    while True:
        answer = lab.ok(SOURCE, "ListKeys", Limit=2, **marker)
        seen += [entry["KeyId"] for entry in answer["Keys"]]
        assert answer["Truncated"] == ("NextMarker" in answer)
        if not answer["Truncated"]:
            break
        marker = {"Marker": answer["NextMarker"]}
    assert seen == keys
    assert lab.refused(SOURCE, "ListAliases", **marker)[0] == "InvalidMarkerException"
    assert lab.refused(TARGET, "ListKeys", **marker)[0] == "InvalidMarkerException"
    assert lab.refused(SOURCE, "ListKeys", Marker="nonsense")[0] == "InvalidMarkerException"


def test_a_marker_outlives_what_it_pointed_to(lab: Lab) -> None:
    key = lab.key()
    for name in "abcd":
        lab.ok(SOURCE, "CreateAlias", AliasName=f"alias/{name}", TargetKeyId=key)
    first = lab.ok(SOURCE, "ListAliases", KeyId=key, Limit=2)
    lab.ok(SOURCE, "DeleteAlias", AliasName="alias/b")
    rest = lab.ok(SOURCE, "ListAliases", KeyId=key, Limit=2, Marker=first["NextMarker"])
    assert [entry["AliasName"] for entry in rest["Aliases"]] == ["alias/c", "alias/d"]


def test_a_limit_is_bounded_in_the_models_words(lab: Lab) -> None:
    assert lab.refused(SOURCE, "ListAliases", Limit=101) == (
        "ValidationException",
        "1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: "
        "Member must have value less than or equal to 100",
    )


def test_aliases_are_listed_in_order_the_reserved_ones_among_them(lab: Lab) -> None:
    key = lab.key()
    for name in ("alias/a", "alias/b"):
        lab.ok(SOURCE, "CreateAlias", AliasName=name, TargetKeyId=key)
    listed = lab.ok(SOURCE, "ListAliases")["Aliases"]
    names = [entry["AliasName"] for entry in listed]
    assert names == sorted(names)
    unmade = next(entry for entry in listed if entry["AliasName"] == "alias/aws/ebs")
    assert set(unmade) == {"AliasName", "AliasArn"}
    paged = lab.ok(SOURCE, "ListAliases", Limit=3)
    rest = lab.ok(SOURCE, "ListAliases", Limit=50, Marker=paged["NextMarker"])
    assert [entry["AliasName"] for entry in (*paged["Aliases"], *rest["Aliases"])] == names


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ([("a", "1"), ("a", "2")], "Duplicate tag keys"),
        ([("AWS:x", "1")], "Tags beginning with aws: are reserved"),
        ([(str(number), "") for number in range(51)], "Too many tags"),
    ],
)
def test_tags_that_no_key_may_carry(lab: Lab, tags: list[tuple[str, str]], message: str) -> None:
    sent = [{"TagKey": key, "TagValue": value} for key, value in tags]
    assert lab.refused(SOURCE, "CreateKey", Tags=sent) == ("TagException", message)
    assert lab.refused(SOURCE, "TagResource", KeyId=lab.key(), Tags=sent) == ("TagException", message)


def test_a_tag_is_too_long_in_the_models_words(lab: Lab) -> None:
    long = "k" * 129
    code, message = lab.refused(SOURCE, "CreateKey", Tags=[{"TagKey": long, "TagValue": ""}])
    assert (code, message) == (
        "ValidationException",
        f"1 validation error detected: Value '{long}' at 'tags.1.member.tagKey' failed to satisfy constraint: "
        "Member must have length less than or equal to 128",
    )


def test_tags_are_added_replaced_and_taken_off(lab: Lab) -> None:
    key = lab.key(Tags=[{"TagKey": "a", "TagValue": "1"}])
    lab.ok(SOURCE, "TagResource", KeyId=key, Tags=[{"TagKey": "a", "TagValue": "2"}, {"TagKey": "b", "TagValue": ""}])
    lab.ok(SOURCE, "UntagResource", KeyId=key, TagKeys=["b", "none"])
    assert lab.ok(SOURCE, "ListResourceTags", KeyId=key) == {
        "Tags": [{"TagKey": "a", "TagValue": "2"}],
        "Truncated": False,
    }


def test_there_are_no_custom_key_stores(lab: Lab) -> None:
    assert lab.ok(SOURCE, "DescribeCustomKeyStores") == {"CustomKeyStores": [], "Truncated": False}
    refused = lab.refused(SOURCE, "DescribeCustomKeyStores", CustomKeyStoreId="cks-1")
    assert refused[0] == "CustomKeyStoreNotFoundException"
