"""GenerateMac and VerifyMac (kms.md 1.2, 2.5)."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from tests.kms.lab import SOURCE, Lab
from tests.kms_kinds.ring import MACING, Ring
from tests.kms_kinds.wrapped import imported

WRONG = ("KMSInvalidMacException", "")
DRY = ("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")


@pytest.mark.parametrize(("spec", "algorithm"), MACING)
def test_a_mac_is_verified_for_every_size_of_message(ring: Ring, spec: str, algorithm: str) -> None:
    key = ring.key(spec, "GENERATE_VERIFY_MAC")
    for size in (1, 63, 64, 4096):
        asked = {"KeyId": key, "Message": b"m" * size, "MacAlgorithm": algorithm}
        made = ring.ok("GenerateMac", **asked)
        assert set(made) == {"Mac", "MacAlgorithm", "KeyId"}
        assert (made["KeyId"], len(made["Mac"]) * 8) == (key, int(algorithm.rpartition("_")[2]))
        assert ring.ok("VerifyMac", **asked, Mac=made["Mac"]) == {
            "KeyId": key,
            "MacValid": True,
            "MacAlgorithm": algorithm,
        }


@pytest.mark.parametrize(("spec", "algorithm"), MACING)
def test_a_wrong_mac_is_an_error_without_text(ring: Ring, spec: str, algorithm: str) -> None:
    """Never `MacValid: false` (1.2 [V S2])."""
    asked = {"KeyId": ring.key(spec, "GENERATE_VERIFY_MAC"), "Message": b"m", "MacAlgorithm": algorithm}
    mac = ring.ok("GenerateMac", **asked)["Mac"]
    assert ring.refused("VerifyMac", **{**asked, "Message": b"some different important message"}, Mac=mac) == WRONG
    assert ring.refused("VerifyMac", **asked, Mac=mac[:-1]) == WRONG
    other = ring.lab.key(KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC")
    assert ring.refused("VerifyMac", **{**asked, "KeyId": other}, Mac=mac) == WRONG


@pytest.mark.parametrize(("spec", "algorithm"), MACING)
def test_a_mac_of_imported_material_is_the_hmac_that_everybody_computes(lab: Lab, spec: str, algorithm: str) -> None:
    bits = int(spec.rpartition("_")[2])
    material, key = bytes(range(bits // 8)), lab.key(KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC", Origin="EXTERNAL")
    imported(lab, key, material)
    made = lab.ok(SOURCE, "GenerateMac", KeyId=key, Message=b"hello", MacAlgorithm=algorithm)["Mac"]
    assert made == hmac.new(material, b"hello", getattr(hashlib, f"sha{bits}")).digest()


@pytest.mark.parametrize("operation", ["GenerateMac", "VerifyMac"])
def test_a_dry_run_makes_no_mac(ring: Ring, operation: str) -> None:
    asked = {"KeyId": ring.key("HMAC_256", "GENERATE_VERIFY_MAC"), "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
    more = {"Mac": ring.ok("GenerateMac", **asked)["Mac"]} if operation == "VerifyMac" else {}
    assert ring.refused(operation, **asked, **more, DryRun=True) == DRY
