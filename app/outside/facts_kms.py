"""Condition keys of KMS: of the key, its encryption context, grants, and what repeats a parameter (kms.md 5.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from app.outside.event import Incident, Json, dig, text
from app.outside.folder import Folder
from app.outside.pairs import UNTOLD, Pair, texted
from app.outside.targets import Target
from app.policy.question import flag

_CONTEXT: Final = {  # action -> parameter of its encryption context
    "kms:Encrypt": "encryptionContext",
    "kms:Decrypt": "encryptionContext",
    "kms:GenerateDataKey": "encryptionContext",
    "kms:GenerateDataKeyWithoutPlaintext": "encryptionContext",
    "kms:GenerateDataKeyPair": "encryptionContext",
    "kms:GenerateDataKeyPairWithoutPlaintext": "encryptionContext",
    "kms:ReEncryptFrom": "sourceEncryptionContext",
    "kms:ReEncryptTo": "destinationEncryptionContext",
}
_GRANT_KEYS: Final = ("kms:GrantOperations", "kms:GranteePrincipal", "kms:RetiringPrincipal", "kms:GrantConstraintType")
_EBS_ID: Final = "aws:ebs:id"


def kms(incident: Incident, target: Target, folder: Folder) -> Iterator[Pair]:
    action = incident.action
    yield "kms:CallerAccount", incident.principal.account or None
    if incident.via is not None:
        yield "kms:ViaService", f"{incident.via}.{incident.region}.amazonaws.com" if incident.via else None
    is_about_grants = action in ("kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant")
    yield "kms:GrantIsForAWSResource", flag(incident.is_forwarded) if is_about_grants else None
    yield from _of_key(target, folder)
    yield from _of_context(encryption_context(incident))
    yield from _of_grant(incident)
    yield from _of_parameters(incident)


def encryption_context(incident: Incident) -> Json | None:
    """The request's pairs (of CreateGrant: its constraint's), or None where the event does not tell them.

    Through EBS the only key is `aws:ebs:id` (ebs.md 0 [V]); its value is then None.
    """
    sent = incident.parameters
    if incident.action == "kms:CreateGrant" and sent is not None:
        constraints = sent.get("constraints")
        found = constraints if isinstance(constraints, Mapping) else {}
        return next((one for one in found.values() if isinstance(one, Mapping)), {})
    parameter = _CONTEXT.get(incident.action)
    if sent is not None and parameter:
        found = sent.get(parameter)
        return found if isinstance(found, Mapping) else {}
    has_context = parameter is not None or incident.action == "kms:CreateGrant"
    if has_context and incident.via == "ec2":
        return {_EBS_ID: None}
    return None if has_context else {}


def _of_context(pairs: Json | None) -> Iterator[Pair]:
    if pairs is None:
        return
    yield "kms:EncryptionContext:", None  # what is not named below is not in the context
    yield "kms:EncryptionContextKeys", tuple(pairs) or None
    for key, value in pairs.items():
        yield f"kms:EncryptionContext:{key}", UNTOLD if value is None else str(value)


def _of_key(target: Target, folder: Folder) -> Iterator[Pair]:
    meta = folder.key_meta(target.account, target.key_id, target.region) if target.key_id else {}
    rows = (("kms:KeyOrigin", "Origin"), ("kms:KeySpec", "KeySpec"), ("kms:KeyUsage", "KeyUsage"),
            ("kms:CustomerMasterKeySpec", "KeySpec"), ("kms:CustomerMasterKeyUsage", "KeyUsage"),
            ("kms:MultiRegion", "MultiRegion"))  # fmt: skip
    for key, name in rows:
        if name in meta:
            yield key, texted(meta[name])
    if meta.get("MultiRegion") is False:
        yield "kms:MultiRegionKeyType", None
    elif kind := dig(meta, "MultiRegionConfiguration", "MultiRegionKeyType"):
        yield "kms:MultiRegionKeyType", str(kind)
    known = folder.aliases(target.account) if target.key_id else None
    if known is not None:
        names = tuple(str(one.get("AliasName")) for one in known if one.get("TargetKeyId") == target.key_id)
        yield "kms:ResourceAliases", names if 0 < len(names) <= 50 else None


def _of_grant(incident: Incident) -> Iterator[Pair]:
    """Of CreateGrant: from the request; through EBS from what it always sends (ebs.md 1.0 [V])."""
    if incident.action != "kms:CreateGrant":
        yield from ((key, None) for key in _GRANT_KEYS[:3])
        return
    sent = incident.parameters
    if sent is None:
        yield from _ebs_grant(incident)
        return
    operations = sent.get("operations")
    yield "kms:GrantOperations", tuple(map(str, operations)) if isinstance(operations, list) else None
    yield "kms:GranteePrincipal", texted(sent.get("granteePrincipal"))
    yield "kms:RetiringPrincipal", texted(sent.get("retiringPrincipal"))
    kind = next(iter(sent.get("constraints") or {}), "")
    yield "kms:GrantConstraintType", kind[:1].upper() + kind[1:] or None


_EBS_CONSTRAINT: Final = {
    "CopySnapshot": "EncryptionContextEquals",
    "CreateVolume": "EncryptionContextSubset",
    "RunInstances": "EncryptionContextSubset",
    "AttachVolume": "EncryptionContextSubset",
}


def _ebs_grant(incident: Incident) -> Iterator[Pair]:
    if incident.via != "ec2":
        return
    service = f"ec2.{incident.region}.amazonaws.com"
    yield "kms:RetiringPrincipal", service
    for one in incident.siblings:
        name = text(one, "eventName")
        if name in _EBS_CONSTRAINT:
            yield "kms:GrantConstraintType", _EBS_CONSTRAINT[name]
            if name in ("CopySnapshot", "CreateVolume"):
                yield "kms:GranteePrincipal", service
            if name != "CopySnapshot":
                yield "kms:GrantOperations", ("Decrypt",)


_ASKED: Final[tuple[tuple[str, frozenset[str], str, str | None], ...]] = (  # key, its actions, parameter, default
    ("kms:BypassPolicyLockoutSafetyCheck", frozenset({"kms:CreateKey", "kms:PutKeyPolicy"}),
     "bypassPolicyLockoutSafetyCheck", None),
    ("kms:ReplicaRegion", frozenset({"kms:ReplicateKey"}), "replicaRegion", None),
    ("kms:PrimaryRegion", frozenset({"kms:UpdatePrimaryRegion"}), "primaryRegion", None),
    ("kms:SigningAlgorithm", frozenset({"kms:Sign", "kms:Verify"}), "signingAlgorithm", None),
    ("kms:MessageType", frozenset({"kms:Sign", "kms:Verify"}), "messageType", "RAW"),
    ("kms:MacAlgorithm", frozenset({"kms:GenerateMac", "kms:VerifyMac"}), "macAlgorithm", None),
    ("kms:DataKeyPairSpec", frozenset({"kms:GenerateDataKeyPair", "kms:GenerateDataKeyPairWithoutPlaintext"}),
     "keyPairSpec", None),
    ("kms:RotationPeriodInDays", frozenset({"kms:EnableKeyRotation"}), "rotationPeriodInDays", "365"),
    ("kms:ScheduleKeyDeletionPendingWindowInDays", frozenset({"kms:ScheduleKeyDeletion"}), "pendingWindowInDays", "30"),
    ("kms:WrappingAlgorithm", frozenset({"kms:GetParametersForImport"}), "wrappingAlgorithm", None),
    ("kms:WrappingKeySpec", frozenset({"kms:GetParametersForImport"}), "wrappingKeySpec", None),
    ("kms:ExpirationModel", frozenset({"kms:ImportKeyMaterial"}), "expirationModel", "KEY_MATERIAL_EXPIRES"),
    ("kms:EncryptionAlgorithm", frozenset(_CONTEXT), "encryptionAlgorithm", "SYMMETRIC_DEFAULT"),
)  # fmt: skip
_BY_ALIAS: Final = frozenset({*_CONTEXT, "kms:DescribeKey", "kms:GetPublicKey", "kms:Sign", "kms:Verify",
                              "kms:GenerateMac", "kms:VerifyMac"})  # fmt: skip


def _of_parameters(incident: Incident) -> Iterator[Pair]:
    """Keys that repeat a parameter: absent on other actions, not told where the record hides its parameters."""
    action, sent = incident.action, incident.parameters
    for key, actions, parameter, default in _ASKED:
        if action not in actions:
            yield key, None
        elif sent is not None:
            yield key, texted(sent.get(parameter, default))
        elif key == "kms:EncryptionAlgorithm" and incident.via == "ec2":
            yield key, "SYMMETRIC_DEFAULT"
    if action not in _BY_ALIAS:
        yield "kms:RequestAlias", None
    elif sent is not None:
        named = str(sent.get("keyId") or "")
        yield "kms:RequestAlias", f"alias/{named.split('alias/', 1)[1]}" if "alias/" in named else None
    if not action.startswith("kms:ReEncrypt"):
        yield "kms:ReEncryptOnSameKey", None
