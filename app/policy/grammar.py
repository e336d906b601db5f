"""What each kind of policy may and must hold: a row each (policy-evaluation.md 1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final


class DocumentKind(StrEnum):
    IDENTITY = "identity policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    RESOURCE = "key policy"
    TRUST = "role trust policy"
    SCP = "service control policy"
    RCP = "resource control policy"
    ENDPOINT = "VPC endpoint policy"


class Presence(Enum):
    FORBIDDEN = "forbidden"
    REQUIRED = "required"
    WANTED = "wanted"  # a statement without it is accepted and dead


@dataclass(frozen=True, slots=True)
class Grammar:
    principal: Presence
    resource: Presence
    action: Presence = Presence.REQUIRED
    not_principal: bool = False
    not_action: bool = True
    id_element: bool = False
    plain_sids: bool = True  # Sids are letters and digits only, and unique
    everyone_only: bool = False  # Principal is "*" and nothing else; Action names services
    never_for_all_values: tuple[str, ...] = ()  # starts of single-valued keys, in lower case
    unseen_keys: frozenset[str] = frozenset()  # absent to policies of this kind, in lower case
    effects: frozenset[str] = frozenset({"Allow", "Deny"})


_HOLDERS: Final = Grammar(Presence.FORBIDDEN, Presence.REQUIRED)  # policies of whoever holds them

GRAMMAR: Final = {
    DocumentKind.IDENTITY: _HOLDERS,
    DocumentKind.BOUNDARY: _HOLDERS,
    DocumentKind.SESSION: _HOLDERS,
    DocumentKind.SCP: _HOLDERS,
    DocumentKind.RESOURCE: Grammar(
        Presence.REQUIRED,
        Presence.WANTED,
        Presence.WANTED,
        not_principal=True,
        id_element=True,
        plain_sids=False,
        never_for_all_values=("kms:encryptioncontext:", "aws:requesttag/"),
        unseen_keys=frozenset({"kms:resourcealiases"}),  # "IAM policies only" [D: kms.md 5.2]
    ),
    DocumentKind.TRUST: Grammar(Presence.REQUIRED, Presence.FORBIDDEN, id_element=True, plain_sids=False),
    DocumentKind.RCP: Grammar(
        Presence.REQUIRED, Presence.REQUIRED, not_action=False, everyone_only=True, effects=frozenset({"Deny"})
    ),
    DocumentKind.ENDPOINT: Grammar(
        Presence.REQUIRED, Presence.REQUIRED, not_principal=True, id_element=True, plain_sids=False
    ),
}
