"""What policies may name: actions of services, condition keys and their types. Data for audit.py.

Actions come from botocore's models, with the permissions that are no operations; keys from policy-evaluation.md 2.3
and 2.4, and kms.md 5.2. Types: s text, a ARN, b bool, d date, n number, i address; `[]` many-valued.
"""

from __future__ import annotations

import difflib
from functools import cache
from typing import Any, Final

# services whose actions are their operations -> permissions that are none, and operations that are no action
_PERMISSIONS: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "kms": (frozenset({"ReEncryptFrom", "ReEncryptTo", "SynchronizeMultiRegionKey"}), frozenset({"ReEncrypt"})),
    "ec2": (frozenset({"PauseVolumeIO", "InjectApiError", "SendSpotInstanceInterruptions"}), frozenset()),
    "ebs": (frozenset(), frozenset()),
    "iam": (frozenset({"PassRole", "GenerateServiceLastAccessedDetails"}), frozenset()),
    "sts": (frozenset({"TagSession", "SetSourceIdentity", "SetContext", "GetServiceBearerToken"}), frozenset()),
    "organizations": (frozenset(), frozenset()),
    "cloudtrail": (frozenset(), frozenset()),
    "secretsmanager": (frozenset(), frozenset()),
}

_GLOBAL: Final = """
CalledVia s[] CalledViaFirst s CalledViaLast s CurrentTime d EpochTime dn Ec2InstanceSourceVpc s
Ec2InstanceSourcePrivateIPv4 i FederatedProvider s MultiFactorAuthAge n MultiFactorAuthPresent b PrincipalAccount s
PrincipalArn a PrincipalIsAWSService b PrincipalServiceName s PrincipalServiceNamesList s[] PrincipalOrgID s
PrincipalOrgPaths s[] PrincipalType s referer s UserAgent s RequestedRegion s TagKeys s[] ResourceAccount s
ResourceOrgID s ResourceOrgPaths s[] SecureTransport b SourceAccount s SourceArn a SourceOrgID s SourceOrgPaths s[]
SourceIdentity s SourceIp i VpcSourceIp i SourceVpc s SourceVpcArn a SourceVpce s VpceAccount s VpceOrgID s
VpceOrgPaths s[] TokenIssueTime d userid s username s AssumedRoot b ChatbotSourceArn a SignInSessionArn a
ViaAWSService b
"""
_KMS: Final = """
BypassPolicyLockoutSafetyCheck b CallerAccount s ViaService s EncryptionContextKeys s[] EncryptionAlgorithm s
GrantIsForAWSResource b GrantOperations s[] GranteePrincipal s RetiringPrincipal s GranteeServicePrincipal s
RetiringServicePrincipal s GrantConstraintSourceArn a GrantConstraintType s KeyOrigin s KeySpec s KeyUsage s
CustomerMasterKeySpec s CustomerMasterKeyUsage s MultiRegion b MultiRegionKeyType s PrimaryRegion s ReplicaRegion s
RequestAlias s ResourceAliases s[] ReEncryptOnSameKey b DataKeyPairSpec s KeyAgreementAlgorithm s MacAlgorithm s
MessageType s SigningAlgorithm s ExpirationModel s ValidTo d WrappingAlgorithm s WrappingKeySpec s
RotationPeriodInDays n ScheduleKeyDeletionPendingWindowInDays n TrailingDaysWithoutKeyUsage n
"""


def _typed(prefix: str, text: str) -> dict[str, str]:
    words = text.split()
    return {f"{prefix}:{name}".lower(): type for name, type in zip(words[::2], words[1::2], strict=True)}


KEYS: Final = _typed("aws", _GLOBAL) | _typed("kms", _KMS)
FAMILIES: Final = {  # keys with a name of the user's after a slash or colon
    "aws:principaltag/": "s", "aws:requesttag/": "s", "aws:resourcetag/": "s", "kms:encryptioncontext:": "s",
    "kms:recipientattestation:": "s",
}  # fmt: skip
CHECKED_PREFIXES: Final = ("aws", "kms")

FAMILY_OF: Final = {  # type -> operators that fit it
    "s": ("string",),
    "a": ("arn", "string"),
    "b": ("bool", "string"),
    "d": ("date",),
    "n": ("numeric",),
    "i": ("ipaddress", "notipaddress"),
}


def type_of(key: str) -> str | None:
    """The type of a condition key; None for one that AWS does not have (among the prefixes that are checked)."""
    key = key.lower()
    if key in KEYS:
        return KEYS[key]
    return next((type for start, type in FAMILIES.items() if key.startswith(start) and len(key) > len(start)), None)


def nearest_key(key: str) -> str | None:
    found = difflib.get_close_matches(key.lower(), KEYS, 1, 0.8)
    return found[0] if found else None


@cache
def actions_of(service: str) -> frozenset[str]:
    """Actions of a service, in lower case; empty for one that is not checked."""
    if service not in _PERMISSIONS:
        return frozenset()
    from botocore.loaders import Loader

    model: Any = Loader().load_service_model(service, "service-2")
    more, less = _PERMISSIONS[service]
    return frozenset(name.lower() for name in (frozenset(model["operations"]) | more) - less)


@cache
def service_names() -> frozenset[str]:
    from botocore.loaders import Loader

    return frozenset(Loader().list_available_services("service-2"))


def misspelt_service(prefix: str) -> str | None:
    """The service that was meant, where the prefix is none and near to one that is checked."""
    if prefix in service_names():
        return None
    found = difflib.get_close_matches(prefix, _PERMISSIONS, 1, 0.6)
    return found[0] if found else None
