"""What AWS's error text tells: who was refused what, by which kind of policy, and how.

The text names one kind of policy, also where several refuse. It is evidence: what it names did refuse.
Forms: policy-evaluation.md 5, kms.md 7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from app.policy.question import LayerKind
from app.policy.trace import Verdict

MESSAGE_MAX: Final = 4096  # characters looked at; CloudTrail cuts at 1,024
_SUBJECT: Final = re.compile(
    r"(?:User:\s+)?(?P<user>\S+) is not authorized to perform:? (?P<action>[a-z0-9-]+:\w+)", re.IGNORECASE
)
_RESOURCE: Final = re.compile(r"on resource:? \"?(?P<resource>(?:arn:[^\s\"]+|\*))")
_DENIES: Final = re.compile(r"with an explicit deny in (?:an?|the) (?P<policy>[A-Za-z -]+?)s?(?: policy| boundary)")
_SILENT: Final = re.compile(r"because no (?P<policy>[A-Za-z -]+?)s?(?: policy| policies| boundary) allows?")
_HIDDEN: Final = re.compile(r"resource does not exist in this Region, no resource-based policies allow|"
                            r"does not exist, does not exist in this region, or you are not allowed")  # fmt: skip

_LAYERS: Final = {
    "service control": LayerKind.SCP,
    "resource control": LayerKind.RCP,
    "permission": LayerKind.BOUNDARY,
    "permissions": LayerKind.BOUNDARY,
    "session": LayerKind.SESSION,
    "sessions": LayerKind.SESSION,
    "identity-based": LayerKind.IDENTITY,
    "resource-based": LayerKind.RESOURCE,
    "vpc endpoint": LayerKind.ENDPOINT,
    "role trust": LayerKind.RESOURCE,
}


@dataclass(frozen=True, slots=True)
class Said:
    """`is_hidden`: the owner's side refused, and AWS does not say why."""

    user: str = ""
    action: str = ""
    resource: str = ""
    layer: LayerKind | None = None
    effect: Verdict | None = None
    is_hidden: bool = False
    by_ciphertext: bool = False


def said(message: str) -> Said:
    message = message[:MESSAGE_MAX]
    subject, resource = _SUBJECT.search(message), _RESOURCE.search(message)
    layer, effect = _layer(message)
    return Said(
        user=subject["user"].strip('"') if subject else "",
        action=subject["action"] if subject else "",
        resource=resource["resource"].rstrip(".,") if resource else "",
        layer=layer,
        effect=effect,
        is_hidden=bool(_HIDDEN.search(message)),
        by_ciphertext="associated with this ciphertext" in message,
    )


def _layer(message: str) -> tuple[LayerKind | None, Verdict | None]:
    for pattern, effect in ((_DENIES, Verdict.EXPLICITLY_DENIED), (_SILENT, Verdict.IMPLICITLY_DENIED)):
        found = pattern.search(message)
        layer = _LAYERS.get(found["policy"].lower()) if found else None
        if layer:
            return layer, effect
    return (None, Verdict.EXPLICITLY_DENIED) if "with an explicit deny" in message else (None, None)
