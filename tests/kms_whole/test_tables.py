"""The rest of two tables of kms.md, cell by cell: states that only multi-Region keys reach (1.1), and which operations
work across accounts (1). `tests/kms/test_key_states.py` has the other columns of the first, and how each is called.
"""

from __future__ import annotations

from typing import Any

import pytest

from app.kernel.clock import Clock
from app.kernel.cloud import Cloud, new_world
from app.kernel.shapes import service_model
from app.kernel.store import MemoryStore
from app.services.kms import KMS
from app.services.kms.states import ANSWERS
from tests.kms.lab import ANY_KMS, SERVICES, SOURCE, TARGET, Lab, allow, root_arn
from tests.kms.test_imports import wrapped
from tests.kms.test_key_states import AGREES, CAPSULES, CRYPTO, MACS, PARAMETERS, READS, SIGNS
from tests.kms.wrap import wrap

HERE, THERE = "us-east-1", "eu-west-1"
OK, ORIGIN = 0, 9
TEXTS = {
    3: ("KMSInvalidStateException", "{arn} is pending replica deletion."),
    4: ("KMSInvalidStateException", "{arn} is not pending deletion."),
    ORIGIN: ("UnsupportedOperationException", "{arn} origin is AWS_KMS which is not valid for this operation."),
    14: ("KMSInvalidStateException", "{arn} is creating."),
    15: ("KMSInvalidStateException", "{arn} is updating."),
}
ASYMMETRIC = {
    **dict.fromkeys(("Sign", "Verify", "GetPublicKey"), SIGNS),
    **dict.fromkeys(("GenerateMac", "VerifyMac"), MACS),
    "DeriveSharedSecret": AGREES,
    **dict.fromkeys(("Encapsulate", "Decapsulate"), CAPSULES),
}

# operation -> PendingReplicaDeletion, Creating, Updating; in the reference's own numbers
STATES = ("PendingReplicaDeletion", "Creating", "Updating")
TABLE: dict[str, tuple[int, int, int]] = {
    "CancelKeyDeletion": (OK, 4, 4),
    "CreateAlias": (3, OK, OK),
    "CreateGrant": (3, 14, OK),
    **dict.fromkeys((*CRYPTO, *ASYMMETRIC), (3, 14, OK)),
    **dict.fromkeys((*READS, "DeleteAlias", "PutKeyPolicy", "ListKeyRotations"), (OK, OK, OK)),
    "RetireGrant": (OK, OK, OK),
    "RevokeGrant": (OK, OK, OK),
    "GetKeyRotationStatus": (OK, OK, OK),
    **dict.fromkeys(("DeleteImportedKeyMaterial", "GetParametersForImport", "ImportKeyMaterial"), (ORIGIN,) * 3),
    **dict.fromkeys(("DisableKey", "EnableKey"), (3, 14, 15)),
    **dict.fromkeys(("EnableKeyRotation", "DisableKeyRotation"), (3, 14, OK)),
    "ReplicateKey": (3, 14, 15),
    "UpdatePrimaryRegion": (3, 14, OK),
    "RotateKeyOnDemand": (3, 14, 15),
    "ScheduleKeyDeletion": (3, OK, 15),
    **dict.fromkeys(("TagResource", "UntagResource", "UpdateKeyDescription", "UpdateAlias"), (3, OK, OK)),
}
# a key in creation has no grant yet, and neither signature, MAC, capsule nor alias of its own
NEEDS_BEFORE = ("RetireGrant", "RevokeGrant", "DeleteAlias", "Verify", "VerifyMac", "Decapsulate")
CELLS = [
    (operation, state, number)
    for operation, row in TABLE.items()
    for state, number in zip(STATES, row, strict=True)
    if not (state == "Creating" and operation in NEEDS_BEFORE)
]


class Bench:
    """A multi-Region key, brought into a state; `PARAMETERS` of the other columns' test read it."""

    external = False

    def __init__(self, state: str, operation: str) -> None:
        world = new_world("kms", seed="7", clock=Clock(settle="lifelike"))
        self.lab = lab = Lab(Cloud.create(SERVICES, MemoryStore(), world))
        kind = ASYMMETRIC.get(operation, {})
        self.key = lab.key(MultiRegion=True, **kind)
        self.region = THERE if state == "Creating" else HERE
        if state != "Creating":
            self._replicate()
            self._equip(operation)
        self.peer = lab.ok(SOURCE, "GetPublicKey", KeyId=lab.key(**AGREES))["PublicKey"] if kind == AGREES else b""
        self.blob = b"" if kind else lab.seal(self.key)
        self._enter(state, operation)
        self.key = f"arn:aws:kms:{self.region}:{SOURCE}:key/{self.key.rpartition('/')[2]}"
        self.other = lab.ok(SOURCE, "CreateKey", self.region)["KeyMetadata"]["Arn"]
        lab.ok(SOURCE, "CreateAlias", self.region, AliasName="alias/old", TargetKeyId=self.other)

    def _replicate(self) -> None:
        self.lab.ok(SOURCE, "ReplicateKey", KeyId=self.key, ReplicaRegion=THERE)
        self.lab.cloud.advance(60_000)

    def _equip(self, operation: str) -> None:
        lab, key = self.lab, self.key
        lab.ok(SOURCE, "CreateAlias", AliasName="alias/own", TargetKeyId=key)
        grant = {"GranteePrincipal": root_arn(SOURCE), "Operations": ["DescribeKey"]}
        self.grant = lab.ok(SOURCE, "CreateGrant", KeyId=key, **grant)["GrantId"]
        maker = {"Verify": "Sign", "VerifyMac": "GenerateMac", "Decapsulate": "Encapsulate"}.get(operation)
        self.made = dict(lab.ok(SOURCE, maker, KeyId=key, **PARAMETERS[maker](self))) if maker else {}

    def _enter(self, state: str, operation: str) -> None:
        lab, key = self.lab, self.key
        if state == "PendingReplicaDeletion":
            lab.ok(SOURCE, "ScheduleKeyDeletion", KeyId=key)
        if state == "Creating":
            lab.ok(SOURCE, "ReplicateKey", KeyId=key, ReplicaRegion=THERE)
        if state == "Updating":
            lab.ok(SOURCE, "UpdatePrimaryRegion", KeyId=key, PrimaryRegion=THERE)
            if operation in OF_A_PRIMARY:
                self.region = THERE

    def call(self, operation: str) -> tuple[str, str] | None:
        own: dict[str, dict[str, Any]] = {
            "PutKeyPolicy": {"Policy": self.lab.ok(SOURCE, "GetKeyPolicy", self.region, KeyId=self.key)["Policy"]},
            "ReplicateKey": {"ReplicaRegion": "ap-south-1"},
            "UpdatePrimaryRegion": {"PrimaryRegion": HERE if self.region == THERE else THERE},
        }
        given = {"KeyId": self.key} | (own.get(operation) or PARAMETERS.get(operation, lambda bench: {})(self))
        if operation in ("DeleteAlias", "CreateAlias", "UpdateAlias", "ReEncrypt"):
            del given["KeyId"]
        reply = self.lab.reply(SOURCE, operation, self.region, **given)
        return (reply.error.code, reply.error.message) if reply.error else None


# what only a primary takes is asked of the key that becomes it
OF_A_PRIMARY = (
    "EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand", "ReplicateKey", "UpdatePrimaryRegion",
)  # fmt: skip


@pytest.mark.parametrize(("operation", "state", "number"), CELLS, ids=str)
def test_each_operation_answers_each_state_as_the_table_says(operation: str, state: str, number: int) -> None:
    bench = Bench(state, operation)
    answered = bench.call(operation)
    code, text = TEXTS.get(number, ("", ""))
    assert answered == ((code, text.format(arn=bench.key)) if number else None)


def test_the_columns_have_a_row_for_every_operation_that_checks_a_state() -> None:
    assert set(TABLE) == set(ANSWERS)


@pytest.mark.parametrize(("operation", "creating", "updating"), [
    ("GetParametersForImport", 14, 15), ("ImportKeyMaterial", 14, OK), ("DeleteImportedKeyMaterial", 14, 15),
])  # fmt: skip
def test_imported_material_in_keys_that_are_creating_or_updating(operation: str, creating: int, updating: int) -> None:
    """The cells that only keys of Origin EXTERNAL have."""
    lab = Lab(Cloud.create(SERVICES, MemoryStore(), new_world("kms", seed="7", clock=Clock(settle="lifelike"))))
    never = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    key = lab.key(Origin="EXTERNAL", MultiRegion=True)
    token = wrapped(lab, key, b"m" * 32)
    lab.ok(SOURCE, "ImportKeyMaterial", KeyId=key, **token, **never)
    lab.ok(SOURCE, "ReplicateKey", KeyId=key, ReplicaRegion=THERE)
    more = {
        "GetParametersForImport": {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"},
        "ImportKeyMaterial": {**token, **never},
    }.get(operation, {})
    replica = key.replace(HERE, THERE)
    assert lab.refused(SOURCE, operation, THERE, KeyId=replica, **more) == (
        TEXTS[creating][0], TEXTS[creating][1].format(arn=replica),
    )  # fmt: skip
    lab.cloud.advance(60_000)
    assert lab.ok(SOURCE, "DescribeKey", THERE, KeyId=replica)["KeyMetadata"]["KeyState"] == "PendingImport"
    given = PARAMETERS["GetParametersForImport"](None)
    there = lab.ok(SOURCE, "GetParametersForImport", THERE, KeyId=replica, **given)
    lab.ok(SOURCE, "ImportKeyMaterial", THERE, KeyId=replica, **again(there), **never)
    lab.ok(SOURCE, "UpdatePrimaryRegion", KeyId=key, PrimaryRegion=THERE)
    reply = lab.reply(SOURCE, operation, KeyId=key, **more)
    answered = (reply.error.code, reply.error.message) if reply.error else None
    expected = (TEXTS[15][0], TEXTS[15][1].format(arn=key)) if updating else None
    assert answered == expected


def again(parameters: Any) -> dict[str, bytes]:
    """The same material, wrapped for another token."""
    sealed = wrap(parameters["PublicKey"], "RSAES_OAEP_SHA_256", b"m" * 32)
    return {"ImportToken": parameters["ImportToken"], "EncryptedKeyMaterial": sealed}


# --- across accounts --------------------------------------------------------------------------------------------------

NO, YES = "No", "Yes"
ANYWHERE = "no key is involved"
ACROSS: dict[str, str] = {
    **dict.fromkeys(
        (
            "CancelKeyDeletion", "CreateAlias", "DeleteImportedKeyMaterial", "DisableKey", "DisableKeyRotation",
            "EnableKey", "EnableKeyRotation", "GetKeyLastUsage", "GetKeyPolicy", "GetParametersForImport",
            "ImportKeyMaterial", "ListKeyPolicies", "ListKeyRotations", "ListResourceTags", "PutKeyPolicy",
            "ReplicateKey", "RotateKeyOnDemand", "ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateAlias",
            "UpdateKeyDescription", "UpdatePrimaryRegion",
        ),
        NO,
    ),
    **dict.fromkeys(
        (
            "CreateGrant", "Decrypt", "DeriveSharedSecret", "DescribeKey", "Encrypt", "GenerateDataKey",
            "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext",
            "GenerateMac", "GetKeyRotationStatus", "GetPublicKey", "ListGrants", "ReEncrypt", "RetireGrant",
            "RevokeGrant", "Sign", "Verify", "VerifyMac", "Encapsulate", "Decapsulate",
        ),
        YES,
    ),
    **dict.fromkeys(
        (
            "CreateKey", "ListKeys", "ListAliases", "DeleteAlias", "GenerateRandom", "ListRetirableGrants",
            "ConnectCustomKeyStore", "CreateCustomKeyStore", "DeleteCustomKeyStore", "DescribeCustomKeyStores",
            "DisconnectCustomKeyStore", "UpdateCustomKeyStore",
        ),
        ANYWHERE,
    ),
}  # fmt: skip


def test_the_table_knows_every_operation_of_the_model() -> None:
    """Encapsulate and Decapsulate are newer than the reference's table: inferred, they work like the rest."""
    assert set(ACROSS) == set(service_model("kms").operation_names)


@pytest.mark.parametrize("operation", sorted(name for name, across in ACROSS.items() if across != ANYWHERE))
def test_each_operation_works_across_accounts_or_not(lab: Lab, operation: str) -> None:
    """Goal: with every policy allowing all on both sides, "No" still is No, and the declaration says the same."""
    user = lab.user(TARGET, "u", ANY_KMS)
    bench = Foreign(lab, operation)
    reply = lab.reply(user, operation, **bench.given(operation))
    if ACROSS[operation] == YES:
        assert reply.error is None, reply.error
        assert KMS.operations[f"kms:{operation}"].across_accounts != "never"
        return
    assert reply.error is not None
    assert reply.error.code == "AccessDeniedException"
    assert "on this resource because the resource does not exist in this Region" in reply.error.message
    assert lab.causes()[0] == "NEVER_ACROSS_ACCOUNTS"
    assert KMS.operations[f"kms:{operation}"].across_accounts == "never"


class Foreign:
    """A key of the source account whose policy lets the target account do everything."""

    external = False

    def __init__(self, lab: Lab, operation: str) -> None:
        self.lab, kind = lab, ASYMMETRIC.get(operation, {})
        share = allow("kms:*", root_arn(TARGET))
        self.key = lab.key(share=share, **kind)
        self.other = lab.key(TARGET)
        self.blob = b"" if kind else lab.seal(self.key)
        self.peer = lab.ok(SOURCE, "GetPublicKey", KeyId=lab.key(**AGREES))["PublicKey"] if kind == AGREES else b""
        maker = {"Verify": "Sign", "VerifyMac": "GenerateMac", "Decapsulate": "Encapsulate"}.get(operation)
        self.made = dict(lab.ok(SOURCE, maker, KeyId=self.key, **PARAMETERS[maker](self))) if maker else {}
        grant = {"GranteePrincipal": root_arn(TARGET), "Operations": ["DescribeKey"]}
        self.grant = lab.ok(TARGET, "CreateGrant", KeyId=self.key, **grant)["GrantId"]

    def given(self, operation: str) -> dict[str, Any]:
        if operation == "PutKeyPolicy":
            return {"KeyId": self.key, "Policy": "{}"}
        if operation == "UpdateAlias":
            self.lab.ok(TARGET, "CreateAlias", AliasName="alias/old", TargetKeyId=self.other)
        given = {"KeyId": self.key} | PARAMETERS.get(operation, lambda bench: {})(self)
        if operation in ("CreateAlias", "UpdateAlias", "ReEncrypt"):
            del given["KeyId"]
        return given
