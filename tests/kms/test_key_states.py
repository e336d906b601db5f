"""The key-state table of kms.md 1.1, cell by cell, as far as a single-Region key of KMS's or imported material gets.

Written down once more here, in the reference's own numbers, so that the table in the code is held against something.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from app.services.kms import KMS
from app.services.kms.states import ANSWERS
from tests.kms.lab import SOURCE, Lab

STATES = ("Enabled", "Disabled", "PendingDeletion", "PendingImport")
NUMBERS = {
    1: ("DisabledException", "{arn} is disabled."),
    3: ("KMSInvalidStateException", "{arn} is pending {pending}."),
    4: ("KMSInvalidStateException", "{arn} is not pending deletion."),
    5: ("KMSInvalidStateException", "{arn} is pending import."),
    6: ("UnsupportedOperationException", "{arn} origin is EXTERNAL which is not valid for this operation."),
    9: ("UnsupportedOperationException", "{arn} origin is AWS_KMS which is not valid for this operation."),
}
OK = 0
ELSEWHERE = "eu-west-1"
CRYPTO = (
    "Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
)  # fmt: skip
SIGNS = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
MACS = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}
AGREES = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}
REGIONS = {"MultiRegion": True}
CAPSULES = {"KeySpec": "ML_KEM_768", "KeyUsage": "ENCAPSULATE_DECAPSULATE"}
KINDS = {  # operations of other keys than symmetric ones, and the keys that they need
    **dict.fromkeys(("Sign", "Verify", "GetPublicKey"), SIGNS),
    **dict.fromkeys(("GenerateMac", "VerifyMac"), MACS),
    "DeriveSharedSecret": AGREES,
    **dict.fromkeys(("Encapsulate", "Decapsulate"), CAPSULES),
    **dict.fromkeys(("ReplicateKey", "UpdatePrimaryRegion"), REGIONS),
}
READS = (
    "GetKeyLastUsage",
    "DescribeKey",
    "GetKeyPolicy",
    "ListAliases",
    "ListGrants",
    "ListKeyPolicies",
    "ListResourceTags",
)
TABLE: dict[str, tuple[int, int, int, int]] = {
    "CancelKeyDeletion": (4, 4, OK, 4),
    "CreateAlias": (OK, OK, 3, OK),
    "CreateGrant": (OK, 1, 3, 5),
    **dict.fromkeys(CRYPTO, (OK, 1, 3, 5)),
    **dict.fromkeys(KINDS, (OK, 1, 3, 5)),
    **dict.fromkeys(READS, (OK, OK, OK, OK)),
    **dict.fromkeys(
        ("DeleteAlias", "PutKeyPolicy", "RetireGrant", "RevokeGrant", "ListKeyRotations"), (OK, OK, OK, OK)
    ),
    "DeleteImportedKeyMaterial": (9, 9, 9, OK),
    "DisableKey": (OK, OK, 3, 5),
    "EnableKey": (OK, OK, 3, 5),
    "EnableKeyRotation": (OK, 1, 3, 6),
    "DisableKeyRotation": (OK, 1, 3, 6),
    "GetKeyRotationStatus": (OK, OK, OK, 6),
    "GetParametersForImport": (9, 9, 9, OK),
    "ImportKeyMaterial": (9, 9, 9, OK),
    "RotateKeyOnDemand": (OK, 1, 3, 5),
    "ScheduleKeyDeletion": (OK, OK, 3, OK),
    **dict.fromkeys(("TagResource", "UntagResource", "UpdateKeyDescription"), (OK, OK, 3, OK)),
    "UpdateAlias": (OK, OK, 3, OK),
}


class Bench:
    """A key, brought into a state with all that the operations need: an alias, a grant, a ciphertext, another key."""

    def __init__(self, lab: Lab, state: str, operation: str = "") -> None:
        self.lab, self.external, kind = lab, state == "PendingImport", KINDS.get(operation, {})
        self.pending = "replica deletion" if operation == "UpdatePrimaryRegion" else "deletion"
        self.key = lab.key(Origin="EXTERNAL" if self.external else "AWS_KMS", **kind)
        self.peer = lab.ok(SOURCE, "GetPublicKey", KeyId=lab.key(**AGREES))["PublicKey"] if kind == AGREES else b""
        self.other = lab.key()
        lab.ok(SOURCE, "CreateAlias", AliasName="alias/old", TargetKeyId=self.other)
        lab.ok(SOURCE, "CreateAlias", AliasName="alias/own", TargetKeyId=self.key)
        self.blob = b"" if self.external or "KeySpec" in kind else lab.seal(self.key)
        if operation == "UpdatePrimaryRegion" and not self.external:
            lab.ok(SOURCE, "ReplicateKey", KeyId=self.key, ReplicaRegion=ELSEWHERE)
        self.made = {} if self.external else self._made(operation)
        self.grant = "" if self.external else self._grant()
        if state == "Disabled":
            lab.ok(SOURCE, "DisableKey", KeyId=self.key)
        if state == "PendingDeletion":
            lab.ok(SOURCE, "ScheduleKeyDeletion", KeyId=self.key, PendingWindowInDays=7)

    def _made(self, operation: str) -> dict[str, Any]:
        """What an enabled key made, for the operation that takes it: a signature, a MAC, a capsule."""
        maker = {"Verify": "Sign", "VerifyMac": "GenerateMac", "Decapsulate": "Encapsulate"}.get(operation)
        return dict(self.lab.ok(SOURCE, maker, KeyId=self.key, **PARAMETERS[maker](self))) if maker else {}

    def _grant(self) -> str:
        grantee = f"arn:aws:iam::{SOURCE}:root"
        made = self.lab.ok(SOURCE, "CreateGrant", KeyId=self.key, GranteePrincipal=grantee, Operations=["DescribeKey"])
        return made["GrantId"]

    def call(self, operation: str) -> tuple[str, str] | None:
        given = {"KeyId": self.key} | PARAMETERS.get(operation, lambda bench: {})(self)
        if operation in ("DeleteAlias", "CreateAlias", "UpdateAlias", "ReEncrypt"):
            del given["KeyId"]
        reply = self.lab.reply(SOURCE, operation, **given)
        return (reply.error.code, reply.error.message) if reply.error else None


PARAMETERS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "CreateAlias": lambda it: {"AliasName": "alias/new", "TargetKeyId": it.key},
    "UpdateAlias": lambda it: {"AliasName": "alias/old", "TargetKeyId": it.key},
    "DeleteAlias": lambda it: {"AliasName": "alias/own"},
    "CreateGrant": lambda it: {"GranteePrincipal": f"arn:aws:iam::{SOURCE}:root", "Operations": ["Decrypt"]},
    "RevokeGrant": lambda it: {"GrantId": it.grant},
    "RetireGrant": lambda it: {"GrantId": it.grant},
    "Encrypt": lambda it: {"Plaintext": b"x"},
    "Decrypt": lambda it: {"CiphertextBlob": it.blob},
    "ReEncrypt": lambda it: {"CiphertextBlob": it.blob, "DestinationKeyId": it.other},
    "GenerateDataKey": lambda it: {"KeySpec": "AES_256"},
    "GenerateDataKeyWithoutPlaintext": lambda it: {"NumberOfBytes": 64},
    **dict.fromkeys(
        ("GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"), lambda it: {"KeyPairSpec": "ECC_NIST_P256"}
    ),
    "Sign": lambda it: {"Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"},
    "Verify": lambda it: {
        "Message": b"m",
        "SigningAlgorithm": "ECDSA_SHA_256",
        "Signature": it.made.get("Signature", b"s"),
    },
    "GenerateMac": lambda it: {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256"},
    "VerifyMac": lambda it: {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256", "Mac": it.made.get("Mac", b"m")},
    "DeriveSharedSecret": lambda it: {"KeyAgreementAlgorithm": "ECDH", "PublicKey": it.peer},
    "Encapsulate": lambda it: {"EncapsulationAlgorithm": "ML_KEM"},
    "Decapsulate": lambda it: {
        "EncapsulationAlgorithm": "ML_KEM",
        "SharedSecretCiphertextBlob": it.made["SharedSecretCiphertextBlob"],
    },
    "ReplicateKey": lambda it: {"ReplicaRegion": ELSEWHERE},
    "UpdatePrimaryRegion": lambda it: {"PrimaryRegion": ELSEWHERE},
    "PutKeyPolicy": lambda it: {"Policy": it.lab.ok(SOURCE, "GetKeyPolicy", KeyId=it.key)["Policy"]},
    "GetParametersForImport": lambda it: {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"},
    "ImportKeyMaterial": lambda it: import_of(it),
    "TagResource": lambda it: {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
    "UntagResource": lambda it: {"TagKeys": ["a"]},
    "UpdateKeyDescription": lambda it: {"Description": "d"},
}


def import_of(bench: Bench) -> dict[str, Any]:
    never = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    if not bench.external:
        return {"ImportToken": b"x", "EncryptedKeyMaterial": b"x", **never}
    from tests.kms.test_imports import wrapped  # the one place that knows how material is wrapped

    return {**wrapped(bench.lab, bench.key, b"m" * 32), **never}


CELLS = [
    (operation, state, number) for operation, row in TABLE.items() for state, number in zip(STATES, row, strict=True)
]
IMPOSSIBLE = {
    (operation, "PendingImport")
    for operation in ("Decrypt", "ReEncrypt", "RevokeGrant", "RetireGrant", "Encapsulate", "Decapsulate")
}


@pytest.mark.parametrize(
    ("operation", "state", "number"), [cell for cell in CELLS if cell[:2] not in IMPOSSIBLE], ids=str
)
def test_each_operation_answers_each_state_as_the_table_says(lab: Lab, operation: str, state: str, number: int) -> None:
    """Goal: every cell that a key can be brought into. A key that never had material has no ciphertext and no grant.

    ML-KEM keys take no imported material here.
    """
    bench = Bench(lab, state, operation)
    answered = bench.call(operation)
    code, text = NUMBERS.get(number, ("", ""))
    expected = None if number == OK else (code, text.format(arn=bench.key, pending=bench.pending))
    assert answered == expected


def test_the_table_in_the_code_has_a_row_for_every_operation_that_checks_a_state() -> None:
    assert set(TABLE) == set(ANSWERS)
    assert {f"kms:{name}" for name in ANSWERS} <= set(KMS.operations)


def test_authorization_comes_before_the_state(lab: Lab) -> None:
    """Whoever may not use a key does not learn that it is disabled (kms.md 1.1 [I])."""
    key, nobody = lab.key(), lab.user(SOURCE, "nobody")
    lab.ok(SOURCE, "DisableKey", KeyId=key)
    assert lab.refused(nobody, "Encrypt", KeyId=key, Plaintext=b"x")[0] == "AccessDeniedException"
    assert lab.refused(SOURCE, "Encrypt", KeyId=key, Plaintext=b"x") == ("DisabledException", f"{key} is disabled.")
    assert lab.causes()[0] == "KEY_DISABLED"


def test_a_key_taken_back_from_deletion_is_disabled(lab: Lab) -> None:
    key = lab.key()
    scheduled = lab.ok(SOURCE, "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    assert (scheduled["KeyId"], scheduled["KeyState"], scheduled["PendingWindowInDays"]) == (key, "PendingDeletion", 7)
    assert isinstance(scheduled["DeletionDate"], datetime.datetime)
    assert lab.ok(SOURCE, "CancelKeyDeletion", KeyId=key) == {"KeyId": key}
    assert lab.state(key) == "Disabled"


@pytest.mark.parametrize("days", [1, 6, 31, 365])
def test_the_window_is_7_to_30_days(lab: Lab, days: int) -> None:
    code, message = lab.refused(SOURCE, "ScheduleKeyDeletion", KeyId=lab.key(), PendingWindowInDays=days)
    assert code == "ValidationException"
    assert "'pendingWindowInDays' failed to satisfy constraint: Member must have value" in message


def test_at_the_end_of_the_window_the_key_is_gone_with_all_that_belongs_to_it(lab: Lab) -> None:
    """Goal: the deletion happens on its date, not before, also where everything else settles at once."""
    bench, day = Bench(lab, "PendingDeletion"), 86_400_000
    lab.cloud.advance(7 * day - 60_000)
    assert lab.state(bench.key) == "PendingDeletion"
    lab.cloud.advance(60_000)
    key_id = bench.key.rpartition("/")[2]
    assert lab.refused(SOURCE, "DescribeKey", KeyId=key_id) == (
        "NotFoundException",
        f"Key '{bench.key}' does not exist",
    )
    aliases = lab.ok(SOURCE, "ListAliases")["Aliases"]
    assert "alias/own" not in [alias["AliasName"] for alias in aliases]
    event = lab.events(SOURCE, "DeleteKey")[0]
    assert (event["eventType"], event["userIdentity"]["invokedBy"]) == ("AwsServiceEvent", "AWS Internal")
    assert event["resources"][0]["ARN"] == bench.key
    code, message = lab.refused(SOURCE, "Decrypt", CiphertextBlob=bench.blob)
    assert code == "AccessDeniedException"
    assert (
        "on the resource associated with this ciphertext because the resource does not exist in this Region" in message
    )


def test_a_deletion_that_was_cancelled_does_not_happen(lab: Lab) -> None:
    key = lab.key()
    lab.ok(SOURCE, "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    lab.ok(SOURCE, "CancelKeyDeletion", KeyId=key)
    lab.ok(SOURCE, "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=30)
    lab.cloud.advance(8 * 86_400_000)
    assert lab.state(key) == "PendingDeletion"
