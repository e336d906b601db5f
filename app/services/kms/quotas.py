"""Request quotas: how often an account may call KMS in a Region (kms.md 8.2 [D]). Only where a world has quotas.

So many calls in any second of the world's clock. Nothing is kept for it: what an account called lately stands in its
log and is counted back from there. A call changes no record for it, and a fork goes on where its world stood. Calls
count against the caller's account, also on other accounts' keys; a call that was throttled does not count.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.log import EventEntry
from app.kernel.operation import Operation
from app.services.kms.errors import THROTTLED
from app.services.kms.keyref import parse_key_arn
from app.services.kms.records import Alias, Key

SECOND_MS: Final = 1_000
DEFAULT_PER_SECOND: Final = 5  # every management call without a row of its own, each by itself


@dataclass(frozen=True, slots=True)
class Quota:
    """A row: the calls that share it, and how many of them a second."""

    name: str
    per_second: int
    by_region: Mapping[str, int] = field(default_factory=dict)

    def in_region(self, region: str) -> int:
        return self.by_region.get(region, self.per_second)


_LARGE: Final = (
    "us-east-2", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "eu-central-1", "eu-west-2",
)  # fmt: skip
_LARGEST: Final = ("us-east-1", "us-west-2", "eu-west-1")
_BY_REGION: Final[Mapping[str, int]] = {
    **dict.fromkeys(_LARGE, 20_000),
    **dict.fromkeys(_LARGEST, 100_000),
}
SYMMETRIC: Final = Quota("symmetric", 10_000, _BY_REGION)
ASYMMETRIC: Final = {name: Quota(name, 1_000) for name in ("RSA", "ECC", "ML_DSA")}
ECC_PAIRS: Final = Quota("ECC pairs", 100)
PAIRS: Final = {
    "ECC_NIST_EDWARDS25519": Quota("Ed25519 pairs", 100),
    "RSA_2048": Quota("RSA_2048 pairs", 20),
    "RSA_3072": Quota("RSA_3072 pairs", 4),
    "RSA_4096": Quota("RSA_4096 pairs", 1),
}  # of all other specs: ECC_PAIRS

# operations that use a key of any kind; those of symmetric keys and random bytes only share the first quota too
BY_KEY: Final = frozenset(
    {
        "Encrypt", "Decrypt", "ReEncrypt", "Sign", "Verify", "DeriveSharedSecret", "GenerateMac", "VerifyMac",
        "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateRandom", "Encapsulate", "Decapsulate",
    }
)  # fmt: skip
BY_PAIR: Final = frozenset({"GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"})
PER_SECOND: Final[Mapping[str, int]] = {
    **dict.fromkeys(("DescribeKey", "GetPublicKey", "ListResourceTags"), 2_000),
    **dict.fromkeys(("GetKeyPolicy", "GetKeyRotationStatus"), 1_000),
    **dict.fromkeys(("ListAliases", "ListKeys"), 500),
    **dict.fromkeys(("ListGrants", "ListRetirableGrants", "ListKeyPolicies", "ListKeyRotations"), 100),
    **dict.fromkeys(("CreateGrant", "RetireGrant", "RevokeGrant"), 50),
    **dict.fromkeys(
        (
            "DeleteAlias", "DeleteImportedKeyMaterial", "EnableKeyRotation", "ImportKeyMaterial", "PutKeyPolicy",
            "ScheduleKeyDeletion",
        ),
        15,
    ),
    "TagResource": 10,
    "GetParametersForImport": 1,
}  # fmt: skip


def quota_of(name: str, key_spec: str, pair_spec: str) -> Quota:
    """The quota that a call counts against."""
    if name in BY_PAIR:
        return PAIRS.get(pair_spec, ECC_PAIRS)
    if name in BY_KEY:
        return next((quota for family, quota in ASYMMETRIC.items() if key_spec.startswith(family)), SYMMETRIC)
    return Quota(name, PER_SECOND.get(name, DEFAULT_PER_SECOND))


def WITHIN_QUOTA(draft: Draft, call: Call) -> None:
    """A check, the first of every operation: the account has a call left in this second; ThrottlingException."""
    if not draft.world.rules.quotas or not call.account:
        return
    quota = quota_of(call.name, _spec_of_call(draft, call), call.parameters.get("KeyPairSpec") or "")
    if is_used_up(draft, call, quota):
        THROTTLED.refuse()


def is_used_up(draft: Draft, call: Call, quota: Quota) -> bool:
    """Were as many calls made in the last second as a second has? Stops as soon as it knows."""
    left = quota.in_region(call.region)
    for event in draft.world.log.events(call.account, call.region, call.at_ms - SECOND_MS + 1):
        if _counts(draft, event, quota):
            left -= 1
            if left <= 0:
                return True
    return False


def _counts(draft: Draft, event: EventEntry, quota: Quota) -> bool:
    if event.source != "kms.amazonaws.com" or not event.request_id:
        return False
    if event.name not in BY_KEY | BY_PAIR:
        return event.name == quota.name and _is_own(event)
    pair = json.loads(event.body)["requestParameters"] if event.name in BY_PAIR else None
    spec = _spec_of_event(draft, event) if event.name in BY_KEY else ""
    return quota_of(event.name, spec, (pair or {}).get("keyPairSpec", "")) == quota and _is_own(event)


def _is_own(event: EventEntry) -> bool:
    """The account's own call, and not one that was throttled: an owner's copy of a foreign call is the caller's."""
    return '"errorCode":"ThrottlingException"' not in event.body and '"type":"AWSAccount"' not in event.body


def _spec_of_event(draft: Draft, event: EventEntry) -> str:
    found = (_spec_at(draft, arn) for _, arn in event.resources)
    return next((spec for spec in found if spec), "")


def _spec_at(draft: Draft, arn: str) -> str:
    at = parse_key_arn(arn)
    key = draft.get(Key, at.account, at.region, at.key_id) if at else None
    return key.spec if key else ""


def _spec_of_call(draft: Draft, call: Call) -> str:
    """The spec of the key that the call names, as far as it is there; who may see it is judged later."""
    if call.name not in BY_KEY:
        return ""
    return next((spec for spec in _specs(draft, call) if spec), "")


def _specs(draft: Draft, call: Call) -> Iterator[str]:
    for parameter in ("KeyId", "SourceKeyId", "DestinationKeyId"):
        given = call.parameters.get(parameter) or ""
        name = given.rpartition(":")[2] if given.startswith("arn:") else given
        account = given.split(":")[4] if given.count(":") >= 5 else call.account
        alias = draft.get(Alias, account, call.region, name) if name.startswith("alias/") else None
        key = draft.get(Key, account, call.region, alias.key_id if alias else name.removeprefix("key/"))
        yield key.spec if key else ""


def limited(operations: Mapping[str, Operation]) -> dict[str, Operation]:
    """The operations, each with its quota before all other checks."""
    return {
        id: replace(each, checks=(WITHIN_QUOTA, *each.checks), answers=(*each.answers, THROTTLED))
        for id, each in operations.items()
    }
