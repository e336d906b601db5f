"""Condition keys of KMS: one table, a row each, with the actions that supply it (kms.md 5.2).

The encryption context is both: values of condition keys, and what the constraints of grants are compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final

from app.kernel.authority import Asked, tag_context
from app.kernel.call import Call
from app.kernel.clock import iso, milliseconds
from app.kernel.draft import Draft
from app.policy.question import ContextValue
from app.services.kms.records import Alias, Grant, Key
from app.services.kms.usage import days_without_usage

# --- encryption context -----------------------------------------------------------------------------------------------

# action -> the parameter that holds its encryption context
_CONTEXT_PARAMETER: Final = {
    "kms:Encrypt": "EncryptionContext",
    "kms:Decrypt": "EncryptionContext",
    "kms:GenerateDataKey": "EncryptionContext",
    "kms:GenerateDataKeyWithoutPlaintext": "EncryptionContext",
    "kms:GenerateDataKeyPair": "EncryptionContext",
    "kms:GenerateDataKeyPairWithoutPlaintext": "EncryptionContext",
    "kms:ReEncryptFrom": "SourceEncryptionContext",
    "kms:ReEncryptTo": "DestinationEncryptionContext",
}
_ENCRYPTS: Final = frozenset(_CONTEXT_PARAMETER)
_SIGNS: Final = frozenset({"kms:Sign", "kms:Verify"})
_MACS: Final = frozenset({"kms:GenerateMac", "kms:VerifyMac"})
_AGREES: Final = frozenset({"kms:DeriveSharedSecret"})
_ENCAPSULATES: Final = frozenset({"kms:Encapsulate", "kms:Decapsulate"})
_DATA_KEY_PAIRS: Final = frozenset({"kms:GenerateDataKeyPair", "kms:GenerateDataKeyPairWithoutPlaintext"})
_CRYPTO: Final = _ENCRYPTS | _SIGNS | _MACS | _AGREES | _ENCAPSULATES


def constraint_sent(call: Call) -> tuple[str, Mapping[str, str]]:
    """The constraint of a CreateGrant: its kind, "" for none, and its pairs."""
    constraints = call.parameters.get("Constraints") or {}
    for kind in ("EncryptionContextEquals", "EncryptionContextSubset"):
        if constraints.get(kind):
            return kind, constraints[kind]
    return "", {}


def encryption_context(call: Call, action: str) -> Mapping[str, str] | None:
    """What constraints and condition keys compare; None for an action without one. CreateGrant: its constraint."""
    if action == "kms:CreateGrant":
        return constraint_sent(call)[1]
    parameter = _CONTEXT_PARAMETER.get(action)
    return (call.parameters.get(parameter) or {}) if parameter else None


# --- condition keys (kms.md 5.2) --------------------------------------------------------------------------------------

ValueOf = Callable[[Draft, Asked], ContextValue | None]


def _flag(value: Any) -> str | None:
    return None if value is None else str(value).lower()


def _sent(parameter: str, default: Any = None) -> ValueOf:
    def value(draft: Draft, asked: Asked) -> ContextValue | None:
        found = asked.call.parameters.get(parameter, default)
        return _flag(found) if isinstance(found, bool) else None if found is None else str(found)

    return value


def _of_key(value_of: Callable[[Key], ContextValue | None]) -> ValueOf:
    def value(draft: Draft, asked: Asked) -> ContextValue | None:
        key = asked.resource.record
        return value_of(key) if isinstance(key, Key) else None

    return value


def _via(draft: Draft, asked: Asked) -> ContextValue | None:
    via = asked.call.via
    return f"{via.service}.{asked.call.region}.amazonaws.com" if via else None


def _grant_operations(draft: Draft, asked: Asked) -> ContextValue | None:
    return tuple(asked.call.parameters.get("Operations") or ())


def _valid_to(draft: Draft, asked: Asked) -> ContextValue | None:
    sent = asked.call.parameters.get("ValidTo")
    return iso(milliseconds(sent)) if sent else None


def _source_arn(draft: Draft, asked: Asked) -> ContextValue | None:
    return (asked.call.parameters.get("Constraints") or {}).get("SourceArn")


def _constraint_type(draft: Draft, asked: Asked) -> ContextValue | None:
    grant = asked.resource.record
    return (grant.constraint if isinstance(grant, Grant) else constraint_sent(asked.call)[0]) or None


_KEY_PARAMETER: Final = {"kms:ReEncryptFrom": "SourceKeyId", "kms:ReEncryptTo": "DestinationKeyId"}


def _request_alias(draft: Draft, asked: Asked) -> ContextValue | None:
    """The alias as it was typed; of an alias ARN its name."""
    given = asked.call.parameters.get(_KEY_PARAMETER.get(asked.action, "KeyId")) or ""
    _, found, name = given.rpartition("alias/") if not given.startswith("alias/") else ("", "alias/", given[6:])
    return found + name if found else None


def _resource_aliases(draft: Draft, asked: Asked) -> ContextValue | None:
    """No effect for a key of more than 50 aliases."""
    key = asked.resource.record
    if not isinstance(key, Key):
        return None
    names = tuple(alias.id for alias in islice(draft.scan_index(Alias, "key", key.account, key.region, key.id), 51))
    return names if 0 < len(names) <= 50 else None


def _same_key(draft: Draft, asked: Asked) -> ContextValue | None:
    memo = draft.frame.memo
    return _flag(memo["SourceKeyId"].arn == memo["DestinationKeyId"].arn)


def _for_aws_resource(draft: Draft, asked: Asked) -> ContextValue | None:
    return _flag(asked.call.via is not None and asked.call.via.for_aws_resource)


def _algorithm(draft: Draft, asked: Asked) -> ContextValue | None:
    side = {"kms:ReEncryptFrom": "SourceE", "kms:ReEncryptTo": "DestinationE"}.get(asked.action, "E")
    return asked.call.parameters.get(f"{side}ncryptionAlgorithm") or "SYMMETRIC_DEFAULT"


def _spec_sent(draft: Draft, asked: Asked) -> ContextValue | None:
    """Of a key to be made; the older parameter says the same."""
    sent = asked.call.parameters
    return sent.get("KeySpec") or sent.get("CustomerMasterKeySpec") or "SYMMETRIC_DEFAULT"


def _type(key: Key) -> ContextValue | None:
    return ("REPLICA" if key.is_replica else "PRIMARY") if key.multi_region else None


def _type_to_be(draft: Draft, asked: Asked) -> ContextValue | None:
    """Of a key that CreateKey makes; of a replica ReplicateKey says it."""
    return "PRIMARY" if asked.call.parameters.get("MultiRegion") else None


def _days_unused(draft: Draft, asked: Asked) -> ContextValue | None:
    key = asked.resource.record
    return str(days_without_usage(draft, key)) if isinstance(key, Key) else None


_CREATE: Final = frozenset({"kms:CreateKey"})
_GRANT: Final = frozenset({"kms:CreateGrant"})
_RE_ENCRYPT: Final = frozenset({"kms:ReEncryptFrom", "kms:ReEncryptTo"})
_SCHEDULE: Final = frozenset({"kms:ScheduleKeyDeletion"})
_STOPS: Final = _SCHEDULE | {"kms:DisableKey"}
_EVERY: Final = None

# key, the actions that supply it (None: all), its value; None where AWS does not supply it
CONDITION_KEYS: Final[tuple[tuple[str, frozenset[str] | None, ValueOf], ...]] = (
    ("kms:CallerAccount", _EVERY, lambda draft, asked: asked.call.account or None),
    ("kms:ViaService", _EVERY, _via),
    ("kms:KeyOrigin", _EVERY, _of_key(lambda key: key.origin)),
    ("kms:KeySpec", _EVERY, _of_key(lambda key: key.spec)),
    ("kms:KeyUsage", _EVERY, _of_key(lambda key: key.usage)),
    ("kms:CustomerMasterKeySpec", _EVERY, _of_key(lambda key: key.spec)),
    ("kms:CustomerMasterKeyUsage", _EVERY, _of_key(lambda key: key.usage)),
    ("kms:MultiRegion", _EVERY, _of_key(lambda key: _flag(key.multi_region))),
    ("kms:MultiRegionKeyType", _EVERY, _of_key(_type)),
    ("kms:ResourceAliases", _EVERY, _resource_aliases),
    ("kms:KeyOrigin", _CREATE, _sent("Origin", "AWS_KMS")),
    ("kms:KeySpec", _CREATE, _spec_sent),
    ("kms:KeyUsage", _CREATE, _sent("KeyUsage", "ENCRYPT_DECRYPT")),
    ("kms:CustomerMasterKeySpec", _CREATE, _spec_sent),
    ("kms:CustomerMasterKeyUsage", _CREATE, _sent("KeyUsage", "ENCRYPT_DECRYPT")),
    ("kms:MultiRegion", _CREATE, _sent("MultiRegion", False)),
    ("kms:MultiRegionKeyType", _CREATE, _type_to_be),
    ("kms:ReplicaRegion", frozenset({"kms:ReplicateKey"}), _sent("ReplicaRegion")),
    ("kms:PrimaryRegion", frozenset({"kms:UpdatePrimaryRegion"}), _sent("PrimaryRegion")),
    ("kms:TrailingDaysWithoutKeyUsage", _STOPS, _days_unused),
    ("kms:BypassPolicyLockoutSafetyCheck", _CREATE | {"kms:PutKeyPolicy"}, _sent("BypassPolicyLockoutSafetyCheck")),
    ("kms:RequestAlias", _CRYPTO | {"kms:DescribeKey", "kms:GetPublicKey"}, _request_alias),
    ("kms:EncryptionAlgorithm", _ENCRYPTS, _algorithm),
    ("kms:SigningAlgorithm", _SIGNS, _sent("SigningAlgorithm")),
    ("kms:MessageType", _SIGNS, _sent("MessageType", "RAW")),
    ("kms:MacAlgorithm", _MACS, _sent("MacAlgorithm")),
    ("kms:KeyAgreementAlgorithm", _AGREES, _sent("KeyAgreementAlgorithm")),
    ("kms:EncapsulationAlgorithm", _ENCAPSULATES, _sent("EncapsulationAlgorithm")),
    ("kms:DataKeyPairSpec", _DATA_KEY_PAIRS, _sent("KeyPairSpec")),
    ("kms:ReEncryptOnSameKey", _RE_ENCRYPT, _same_key),
    ("kms:GrantIsForAWSResource", _GRANT | {"kms:ListGrants", "kms:RevokeGrant"}, _for_aws_resource),
    ("kms:GrantOperations", _GRANT, _grant_operations),
    ("kms:GranteePrincipal", _GRANT, _sent("GranteePrincipal")),
    ("kms:RetiringPrincipal", _GRANT, _sent("RetiringPrincipal")),
    ("kms:GranteeServicePrincipal", _GRANT, _sent("GranteeServicePrincipal")),
    ("kms:RetiringServicePrincipal", _GRANT, _sent("RetiringServicePrincipal")),
    ("kms:GrantConstraintSourceArn", _GRANT, _source_arn),
    ("kms:GrantConstraintType", _GRANT | {"kms:RetireGrant"}, _constraint_type),
    ("kms:RotationPeriodInDays", frozenset({"kms:EnableKeyRotation"}), _sent("RotationPeriodInDays", 365)),
    ("kms:ScheduleKeyDeletionPendingWindowInDays", _SCHEDULE, _sent("PendingWindowInDays", 30)),
    ("kms:WrappingAlgorithm", frozenset({"kms:GetParametersForImport"}), _sent("WrappingAlgorithm")),
    ("kms:WrappingKeySpec", frozenset({"kms:GetParametersForImport"}), _sent("WrappingKeySpec")),
    ("kms:ValidTo", frozenset({"kms:ImportKeyMaterial"}), _valid_to),
    ("kms:ExpirationModel", frozenset({"kms:ImportKeyMaterial"}), _sent("ExpirationModel", "KEY_MATERIAL_EXPIRES")),
)  # fmt: skip


def context(draft: Draft, asked: Asked) -> dict[str, ContextValue]:
    """The condition keys of a KMS action."""
    found: dict[str, ContextValue] = {}
    for name, actions, value_of in CONDITION_KEYS:
        if actions is None or asked.action in actions:
            value = value_of(draft, asked)
            if value is not None:
                found[name] = value
    return found | _encryption_context_keys(asked) | _tag_keys(asked)


def _encryption_context_keys(asked: Asked) -> dict[str, ContextValue]:
    pairs = encryption_context(asked.call, asked.action)
    if not pairs:
        return {}
    return {f"kms:EncryptionContext:{key}": value for key, value in pairs.items()} | {
        "kms:EncryptionContextKeys": tuple(pairs)
    }


def _tag_keys(asked: Asked) -> dict[str, ContextValue]:
    key, parameters = asked.resource.record, asked.call.parameters
    found = dict[str, ContextValue]()
    if isinstance(key, Key):
        found |= {f"aws:ResourceTag/{tag}": value for tag, value in key.tags}
    if parameters.get("Tags"):
        found |= tag_context({tag["TagKey"]: tag["TagValue"] for tag in parameters["Tags"]})
    if parameters.get("TagKeys"):
        found["aws:TagKeys"] = tuple(parameters["TagKeys"])
    return found
