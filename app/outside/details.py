"""`authorization-details.json`: what `aws iam get-account-authorization-details` prints of an account, as policies.

One file holds every user, group, role and managed policy. What a file of its own would hold (`role-x.json`, its
`.boundary.json` and `.trust.json`) is found in it; the places of the documents are places of this file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from app.outside.papers import Paper, papers_in
from app.outside.reading import Source, items, member, text_at
from app.policy.scan import Node

FILE: Final = "authorization-details.json"
_HOLDER: Final = re.compile(r"(?P<kind>user|role)-(?P<name>.+?)(?P<part>\.boundary|\.trust)?\.json")
_NOUNS: Final = {"user": "User", "role": "Role"}


def is_told(name: str) -> bool:
    """Is this the name of a file for which the details can stand?"""
    return _HOLDER.fullmatch(name) is not None


def papers(source: Source, name: str) -> tuple[Paper, ...] | None:
    """What the file of that name would hold; None where the details do not tell of the user or role."""
    found = _HOLDER.fullmatch(name)
    holder = _named(source.root, _NOUNS[found["kind"]], found["name"]) if found else None
    if found is None or holder is None:
        return None
    noun = _NOUNS[found["kind"]]
    parts = {None: _identity, ".boundary": _boundary, ".trust": _trust}
    return tuple(paper for node in parts[found["part"]](source, holder, noun) for paper in _of(source, node))


def _of(source: Source, node: Node) -> tuple[Paper, ...]:
    return papers_in(Source(source.file, source.text, node))


def _named(root: Node, noun: str, name: str) -> Node | None:
    every = items(member(root, f"{noun}DetailList"))
    return next((one for one in every if text_at(one, f"{noun}Name") == name), None)


def _identity(source: Source, holder: Node, noun: str) -> Iterator[Node]:
    """Inline and attached policies; of a user those of its groups too."""
    yield from _own(source, holder, noun)
    for group in items(member(holder, "GroupList")):
        found = _named(source.root, "Group", getattr(group, "text", ""))
        if found is not None:
            yield from _own(source, found, "Group")


def _own(source: Source, holder: Node, noun: str) -> Iterator[Node]:
    yield from items(member(holder, f"{noun}PolicyList"))
    for attached in items(member(holder, "AttachedManagedPolicies")):
        yield from _managed(source, text_at(attached, "PolicyArn"))


def _boundary(source: Source, holder: Node, noun: str) -> Iterator[Node]:
    bound = member(holder, "PermissionsBoundary")
    yield from _managed(source, text_at(bound, "PermissionsBoundaryArn"))


def _trust(source: Source, holder: Node, noun: str) -> Iterator[Node]:
    if (document := member(holder, "AssumeRolePolicyDocument")) is not None:
        yield document


def _managed(source: Source, arn: str) -> Iterator[Node]:
    return (one for one in items(member(source.root, "Policies")) if arn and text_at(one, "Arn") == arn)
