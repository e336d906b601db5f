"""What the calls of verbatim.yaml are about: keys, ciphertexts, policies and people, each made when first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.kernel.call import Caller
from tests.kms.lab import ANY_KMS, REGION, SOURCE, TARGET, Lab, allow, policy, root_arn
from tests.kms.test_imports import wrapped

UNKNOWN_ID = "12345678-1234-1234-1234-123456789012"
NEVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}


class Stage:
    def __init__(self) -> None:
        self.lab = Lab.new()
        self.things: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.things:
            self.things[name] = THINGS[name](self)
        return self.things[name]

    def text(self, name: str) -> str:
        """The thing as it stands in a message: of a person the ARN."""
        found = self[name]
        return found.arn if isinstance(found, Caller) else found


def _disabled(it: Stage) -> str:
    key = it.lab.key()
    it.lab.ok(SOURCE, "DisableKey", KeyId=key)
    return key


def _pending(it: Stage, **kind: str) -> str:
    key = it.lab.key(**kind)
    it.lab.ok(SOURCE, "ScheduleKeyDeletion", KeyId=key)
    return key


def _imported(it: Stage) -> str:
    key = it.lab.key(Origin="EXTERNAL")
    it.lab.ok(SOURCE, "ImportKeyMaterial", KeyId=key, **wrapped(it.lab, key, b"m" * 32), **NEVER)
    return key


def _replica(it: Stage) -> str:
    made = it.lab.ok(SOURCE, "ReplicateKey", KeyId=it["mrk"], ReplicaRegion="eu-west-1")
    return made["ReplicaKeyMetadata"]["Arn"]


def _used_up(it: Stage) -> str:
    key = it.lab.key()
    for _ in range(25):
        it.lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key)
    return key


def _alias(it: Stage) -> str:
    it.lab.ok(SOURCE, "CreateAlias", AliasName="alias/app", TargetKeyId=it["key"])
    return f"arn:aws:kms:{REGION}:{SOURCE}:alias/app"


def _closed(it: Stage) -> str:
    """A key whose policy names one user only."""
    owner = it.lab.user(SOURCE, "owner", ANY_KMS)
    return it.lab.ok(owner, "CreateKey", Policy=policy(allow("kms:*", owner.arn)))["KeyMetadata"]["Arn"]


def _denied(it: Stage) -> str:
    return it.lab.key(share={**allow("kms:Encrypt", "*"), "Effect": "Deny"})


def _session(it: Stage, role: str, statement: dict[str, Any]) -> Caller:
    return it.lab.session(SOURCE, role, ANY_KMS, policies=(policy(statement),))


_MAC, _SIGN = {"KeyUsage": "GENERATE_VERIFY_MAC"}, {"KeyUsage": "SIGN_VERIFY"}
_ECC = {"KeySpec": "ECC_NIST_P256"}
THINGS: dict[str, Callable[[Stage], Any]] = {
    "key": lambda it: it.lab.key(),
    "other": lambda it: it.lab.key(),
    "disabled": _disabled,
    "pending": _pending,
    "pending_ecc": lambda it: _pending(it, **_ECC, **_SIGN),
    "external": lambda it: it.lab.key(Origin="EXTERNAL"),
    "imported": _imported,
    "hmac": lambda it: it.lab.key(KeySpec="HMAC_256", **_MAC),
    "hmac224": lambda it: it.lab.key(KeySpec="HMAC_224", **_MAC),
    "ecc": lambda it: it.lab.key(**_ECC, **_SIGN),
    "agree": lambda it: it.lab.key(**_ECC, KeyUsage="KEY_AGREEMENT"),
    "peer": lambda it: it.lab.ok(SOURCE, "GetPublicKey", KeyId=it["agree"])["PublicKey"],
    "rsa": lambda it: it.lab.key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT"),
    "rsa_sign": lambda it: it.lab.key(KeySpec="RSA_2048", **_SIGN),
    "mrk": lambda it: it.lab.key(MultiRegion=True),
    "replica": _replica,
    "used_up": _used_up,
    "tagged": lambda it: it.lab.key(Tags=[{"TagKey": str(number), "TagValue": ""} for number in range(50)]),
    "long_key": lambda it: "k" * 129,
    "long_value": lambda it: "v" * 257,
    "blob": lambda it: it.lab.seal(it["key"]),
    "cut_blob": lambda it: it["blob"][:-1],
    "unknown_id": lambda it: UNKNOWN_ID,
    "unknown": lambda it: f"arn:aws:kms:{REGION}:{SOURCE}:key/{UNKNOWN_ID}",
    "bare": lambda it: UNKNOWN_ID.replace("-", ""),
    "elsewhere": lambda it: it["unknown"].replace(REGION, "us-west-2"),
    "alias": _alias,
    "managed": lambda it: it.lab.ok(SOURCE, "DescribeKey", KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"],
    "closed": _closed,
    "denied": _denied,
    "names_nobody": lambda it: policy(
        allow("kms:*", root_arn(SOURCE)), allow("kms:*", f"arn:aws:iam::{SOURCE}:user/gone")
    ),
    "locks_out": lambda it: policy(allow("kms:Encrypt", root_arn(SOURCE))),
    "admin": lambda it: it.lab.user(SOURCE, "admin", ANY_KMS),
    "nobody": lambda it: it.lab.user(SOURCE, "nobody"),
    "guest": lambda it: it.lab.user(TARGET, "guest", ANY_KMS),
    "creator": lambda it: it.lab.user(SOURCE, "creator", {**ANY_KMS, "Action": "kms:CreateKey"}),
    "key_only": lambda it: it.lab.user(SOURCE, "key-only", {**ANY_KMS, "Resource": it["key"]}),
    "session": lambda it: _session(it, "narrow", {**ANY_KMS, "Action": "kms:Encrypt"}),
    "denied_session": lambda it: _session(it, "none", {**ANY_KMS, "Effect": "Deny"}),
}
