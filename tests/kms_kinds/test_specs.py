"""Key specs: each is made with each of its usages, shows its algorithms, and says what it is not (kms.md 2.2, 2.5)."""

from __future__ import annotations

import pytest

from app.kernel.shapes import operation_model
from app.services.kms.specs import SPECS, USES
from tests.kms.lab import SOURCE, Lab
from tests.kms_kinds.ring import NOT_HAD, Ring

KINDS = [(spec.name, usage) for spec in SPECS.values() for usage in spec.algorithms]
HAD = [kind for kind in KINDS if kind[0] not in NOT_HAD]
SHOWN = {use.algorithms_member for use in USES.values()}


def test_the_table_has_every_spec_and_algorithm_of_the_model() -> None:
    members = operation_model("kms", "CreateKey").input_shape.members
    assert set(SPECS) == set(members["KeySpec"].enum)
    assert {usage for _, usage in KINDS} == set(members["KeyUsage"].enum)
    for operation, parameter in (
        ("Encrypt", "EncryptionAlgorithm"),
        ("Sign", "SigningAlgorithm"),
        ("GenerateMac", "MacAlgorithm"),
        ("DeriveSharedSecret", "KeyAgreementAlgorithm"),
        ("Encapsulate", "EncapsulationAlgorithm"),
    ):
        wanted = set(operation_model("kms", operation).input_shape.members[parameter].enum)
        member = f"{parameter}s"
        usage = next(usage for usage, use in USES.items() if use.algorithms_member == member)
        assert {name for spec in SPECS.values() for name in spec.algorithms.get(usage, ())} == wanted


def test_what_grants_may_give_is_every_operation_that_can_be_granted() -> None:
    from app.services.kms.specs import _EVERY_KEY, _OF_FAMILY

    wanted = set(operation_model("kms", "CreateGrant").input_shape.members["Operations"].member.enum)
    given = {*_EVERY_KEY, *(name for names in _OF_FAMILY.values() for name in names)}
    assert given | {name for use in USES.values() for name in use.grantable} == wanted


@pytest.mark.parametrize(("spec", "usage"), HAD)
def test_metadata_shows_the_one_list_of_algorithms_that_fits(ring: Ring, spec: str, usage: str) -> None:
    shown = ring.ok("DescribeKey", KeyId=ring.key(spec, usage))["KeyMetadata"]
    assert (shown["KeySpec"], shown["CustomerMasterKeySpec"], shown["KeyUsage"]) == (spec, spec, usage)
    member = USES[usage].algorithms_member
    assert shown[member] == list(SPECS[spec].algorithms[usage])
    assert SHOWN & set(shown) == {member}
    assert ("CurrentKeyMaterialId" in shown) == (spec == "SYMMETRIC_DEFAULT")


def test_metadata_has_the_members_in_the_recorded_order(ring: Ring) -> None:
    """kms.md 2.2 [V S2], an HMAC key."""
    shown = ring.ok("DescribeKey", KeyId=ring.key("HMAC_256", "GENERATE_VERIFY_MAC"))["KeyMetadata"]
    assert list(shown) == [
        "AWSAccountId", "KeyId", "Arn", "CreationDate", "Enabled", "Description", "KeyUsage", "KeyState", "Origin",
        "KeyManager", "CustomerMasterKeySpec", "KeySpec", "MacAlgorithms", "MultiRegion",
    ]  # fmt: skip


def test_the_older_name_of_the_parameter_means_the_same(lab: Lab) -> None:
    made = lab.ok(SOURCE, "CreateKey", CustomerMasterKeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    assert made["KeySpec"] == "ECC_NIST_P256"
    both = {"KeySpec": "ECC_NIST_P256", "CustomerMasterKeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
    assert lab.refused(SOURCE, "CreateKey", **both)[0] == "ValidationException"


@pytest.mark.parametrize("spec", sorted(NOT_HAD))
def test_what_reseal_has_not_it_refuses_in_words(lab: Lab, spec: str) -> None:
    usage = next(iter(SPECS[spec].algorithms))
    assert lab.refused(SOURCE, "CreateKey", KeySpec=spec, KeyUsage=usage) == (
        "UnsupportedOperationException",
        f"reseal does not simulate KeySpec {spec}",
    )


@pytest.mark.parametrize("spec", ["ECC_NIST_EDWARDS25519", "ML_DSA_44", "ML_KEM_768"])
def test_material_that_nobody_was_seen_to_import_is_refused_in_words(lab: Lab, spec: str) -> None:
    """kms.md 2.4 [I]."""
    usage = next(iter(SPECS[spec].algorithms))
    assert lab.refused(SOURCE, "CreateKey", KeySpec=spec, KeyUsage=usage, Origin="EXTERNAL") == (
        "UnsupportedOperationException",
        f"reseal does not simulate Origin EXTERNAL for KeySpec {spec}",
    )


def test_a_seeded_world_repeats_its_keys_but_for_rsa() -> None:
    """design.md 2: all material derives from entropy; RSA pairs draw from the system."""

    def made(spec: str, usage: str) -> bytes:
        lab = Lab.new()
        return lab.ok(SOURCE, "GetPublicKey", KeyId=lab.key(KeySpec=spec, KeyUsage=usage))["PublicKey"]

    for spec, usage in HAD:
        if spec.startswith(("ECC", "ML")):
            assert made(spec, usage) == made(spec, usage)
    assert made("RSA_2048", "SIGN_VERIFY") != made("RSA_2048", "SIGN_VERIFY")


ROTATION = ("EnableKeyRotation", "DisableKeyRotation", "GetKeyRotationStatus", "RotateKeyOnDemand", "ListKeyRotations")


@pytest.mark.parametrize("operation", ROTATION)
@pytest.mark.parametrize(
    ("spec", "usage"), [("HMAC_256", "GENERATE_VERIFY_MAC"), ("ECC_NIST_P256", "SIGN_VERIFY")]
)  # fmt: skip
def test_only_symmetric_encryption_keys_rotate(ring: Ring, operation: str, spec: str, usage: str) -> None:
    """kms.md 1.1 #7, recorded for RotateKeyOnDemand [V S2]: the code, and no text."""
    assert ring.refused(operation, KeyId=ring.key(spec, usage)) == ("UnsupportedOperationException", "")


def test_a_key_that_waits_for_its_material_says_so_before_it_says_that_it_does_not_rotate(lab: Lab) -> None:
    """Recorded with an RSA_4096 key (kms.md 1.1, row RotateKeyOnDemand [V S2])."""
    key = lab.key(KeySpec="RSA_4096", KeyUsage="SIGN_VERIFY", Origin="EXTERNAL")
    assert lab.refused(SOURCE, "RotateKeyOnDemand", KeyId=key) == (
        "KMSInvalidStateException",
        f"{key} is pending import.",
    )


def test_an_alias_stays_with_keys_of_one_kind(lab: Lab) -> None:
    """kms.md 4 [D]; code and text are inferred."""
    signs = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
    first, same = lab.key(**signs), lab.key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    lab.ok(SOURCE, "CreateAlias", AliasName="alias/a", TargetKeyId=first)
    lab.ok(SOURCE, "UpdateAlias", AliasName="alias/a", TargetKeyId=same)
    for other in (lab.key(), lab.key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")):
        refused = lab.refused(SOURCE, "UpdateAlias", AliasName="alias/a", TargetKeyId=other)
        assert refused[0] == "ValidationException"
