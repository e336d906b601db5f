"""The ends of edges: what an id tells of the node that it names, where no service described it.

The first pattern that fits says the kind, else the kind of the edge does. What somebody wrote into a policy, a grant or
an attribute is brought to one form: a root's ARN stands for its account, and everyone is one node.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from app.kernel.edge import Edge, EdgeKind, Node, NodeKind

_KINDS: Final[tuple[tuple[re.Pattern[str], NodeKind], ...]] = (
    (re.compile(r"\d{12}"), "account"),
    (re.compile(r"arn:[\w-]+:(iam|sts)::.*"), "principal"),
    (re.compile(r"arn:[\w-]+:kms:[\w-]*:\d*:key/[\w-]+"), "key"),
    (re.compile(r"arn:[\w-]+:kms:[\w-]*:\d*:alias/.*"), "alias"),
    (re.compile(r"snap-\w+"), "snapshot"),
    (re.compile(r"vol-\w+"), "volume"),
    (re.compile(r"ami-\w+"), "image"),
    (re.compile(r"[\w.-]+\.amazonaws\.com(\.cn)?"), "service"),
)
SOURCES: Final[Mapping[EdgeKind, NodeKind]] = {
    "owns": "account",
    "wraps": "material",
    "encrypts": "data-key",
    "derived-from": "volume",
    "shared-with": "snapshot",
    "delegates": "key",
    "allows": "key",
    "grants": "grant",
    "grant-of": "key",
    "points-to": "alias",
    "material-of": "key",
}
TARGETS: Final[Mapping[EdgeKind, NodeKind]] = {
    "owns": "principal",
    "wraps": "data-key",
    "encrypts": "volume",
    "derived-from": "snapshot",
    "shared-with": "account",
    "delegates": "account",
    "allows": "principal",
    "grants": "principal",
    "grant-of": "grant",
    "points-to": "key",
    "material-of": "material",
}
# The edges whose targets are what somebody wrote: a policy, a grant, an attribute.
AS_WRITTEN: Final[frozenset[EdgeKind]] = frozenset({"delegates", "allows", "grants", "shared-with"})
_ROOT: Final = re.compile(r"arn:[\w-]+:iam::(\d{12}):root")
EVERYONE: Final = "everyone"
_EVERYONE: Final = frozenset({"*", "all"})  # in a policy, in createVolumePermission


def canonical(edge: Edge) -> Edge:
    """A root ARN stands for the account, and whatever a service writes for everyone is one node."""
    root = _ROOT.fullmatch(edge.target)
    target = root[1] if root else EVERYONE if edge.target in _EVERYONE else edge.target
    return edge if target == edge.target else replace(edge, target=target)


@lru_cache(maxsize=4096)
def made_from(id: str, otherwise: NodeKind) -> Node:
    if id == EVERYONE:
        return Node("principal", id)
    found: list[NodeKind] = [kind for pattern, kind in _KINDS if pattern.fullmatch(id)]
    kind = found[0] if found else otherwise
    return Node(kind, id, account=id if kind == "account" else _account_in(id))


def _account_in(id: str) -> str:
    parts = id.split(":")
    return parts[4] if len(parts) > 5 and re.fullmatch(r"\d{12}", parts[4]) else ""
