"""What services tell the graph: typed edges between things, each with what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NodeKind = Literal[
    "account", "principal", "key", "material", "alias", "grant", "data-key", "snapshot", "volume", "image", "service"
]
EdgeKind = Literal[
    "owns",  # account -> thing
    "wraps",  # key material -> data key
    "encrypts",  # data key -> snapshot or volume
    "derived-from",  # volume or snapshot -> the snapshot or volume it was made from
    "shared-with",  # snapshot -> account (createVolumePermission)
    "delegates",  # key -> account: the key policy lets that account's own policies decide
    "allows",  # key -> principal named in the key policy
    "grants",  # grant -> grantee
    "grant-of",  # key -> grant
    "points-to",  # alias -> key
    "material-of",  # key -> material
]


@dataclass(frozen=True, slots=True, order=True)
class Node:
    kind: NodeKind
    id: str  # unique in the graph: an ARN or resource id
    account: str = ""  # owner: the box it is drawn in
    label: str = ""
    state: str = ""  # Enabled, completed, available, ...


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    kind: EdgeKind
    source: str  # Node.id
    target: str  # Node.id
    rests_on: str = ""  # a statement's Sid, a grant id, an attribute
    allows: tuple[str, ...] = ()  # KMS actions, for delegates, allows and grants
