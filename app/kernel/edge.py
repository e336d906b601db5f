"""What services tell the graph: typed edges between things, each with what it rests on.

A world has as many of these as records, several times over: they are structs that the garbage collector need not
visit (they hold texts alone), made in a tenth of the time of a dataclass. That a thing's account owns it goes without
saying: the graph adds it to every node that names an account.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

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


class Node(Struct, frozen=True, order=True, gc=False):
    kind: NodeKind
    id: str  # unique in the graph: an ARN or resource id
    account: str = ""  # owner: the box it is drawn in
    label: str = ""
    state: str = ""  # Enabled, completed, available, ...


class Edge(Struct, frozen=True, order=True, gc=False):
    kind: EdgeKind
    source: str  # Node.id
    target: str  # Node.id
    rests_on: str = ""  # a statement's Sid, a grant id, an attribute
    allows: tuple[str, ...] = ()  # KMS actions, for delegates, allows and grants
