"""A policy document, parsed strictly and once.

What AWS refuses when a policy is saved is refused here, with line and column; what a kind of policy may and must hold
is one row of grammar.py. A lenient parse takes what stands in the world already: what it can not understand is kept as
an element that can not be evaluated. Sources: policy-evaluation.md 1.1, kms.md 5.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from app.policy.grammar import GRAMMAR, DocumentKind
from app.policy.principals import EVERYONE, listed_name
from app.policy.reader import Reader, items_of, object_of, refusal, text_of
from app.policy.scan import Fault, Mark, Member, Node, Object, PolicySyntaxError, Scalar, scan
from app.policy.statement import Statement

__all__ = ["Document", "DocumentKind", "Fault", "Mark", "PolicySyntaxError", "parse", "principals_named"]

VERSIONS: Final = ("2008-10-17", "2012-10-17")
_ELEMENTS: Final = ("Version", "Id", "Statement")


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A parsed policy. Equal only to itself, hence cheap to look up by; the same text parses to the same one."""

    text: str
    kind: DocumentKind
    version: str
    id: str
    statements: tuple[Statement, ...]

    def with_principal_ids(self, pairs: Mapping[str, str]) -> Document:
        """The document as saved: principal ARNs that have a recorded unique id here match by that id alone."""
        return _with_ids(self, tuple(sorted(pairs.items()))) if pairs else self


@lru_cache(maxsize=4096)
def parse(text: str, kind: DocumentKind, *, lenient: bool = False) -> Document:
    """The document of that text. Raises PolicySyntaxError; a lenient parse only where no statement can be made out."""
    body = object_of(scan(text), "a policy")
    members = {member.name: member for member in body.members}
    version = _version(members.get("Version"))
    reader = Reader(GRAMMAR[kind], variables=version == VERSIONS[1], lenient=lenient)
    for member in body.members:
        if member.name not in _ELEMENTS:
            reader.complain(f"a policy has no element {member.name!r}", member.name_mark)
    if "Id" in members and not reader.grammar.id_element:
        reader.complain(f"a {kind} has no Id", members["Id"].name_mark)
    if "Statement" not in members:
        raise refusal("the policy lacks Statement", body.mark)
    statements = reader.statements(members["Statement"].value)
    return Document(text, kind, version, _text(members.get("Id"), "Id"), statements)


def _version(member: Member | None) -> str:
    version = _text(member, "Version") or VERSIONS[0]
    if member is not None and version not in VERSIONS:
        raise refusal(f"Version is {' or '.join(VERSIONS)}, not {version!r}", member.value.mark)
    return version


def _text(member: Member | None, what: str) -> str:
    return "" if member is None else text_of(member.value, what)


def _under_aws(document: Document) -> tuple[str, ...]:
    elements = (one.principal for one in document.statements if one.principal is not None)
    return tuple(text for element in elements for kind, text in element.written if kind == "AWS")


def principals_named(document: Document) -> tuple[str, ...]:
    """Every AWS principal that the document names (ARNs, account ids, unique ids), once, in order; not "*"."""
    return tuple(dict.fromkeys(text for text in _under_aws(document) if text != EVERYONE))


def with_principals(text: str, names: Mapping[str, str]) -> str:
    """The text of a document with other names for principals of accounts; all else stays as it was written."""
    spots = [(one.mark, names[one.text]) for one in _principal_texts(scan(text)) if one.text in names]
    for mark, name in reversed(spots):
        text = f"{text[: mark.offset]}{json.dumps(name)}{text[mark.end :]}"
    return text


def as_of_today(text: str, ids: Iterable[tuple[str, str]], arn_of: Callable[[str], str | None]) -> str:
    """The text with its principals by their ARNs of today, or by their unique ids where they are gone.

    `ids`: (principal as it was written, unique id); `arn_of` a unique id. Source: policy-evaluation.md 3.2 [D].
    """
    now = ((written, arn_of(id) or id) for written, id in ids)
    changed = tuple(pair for pair in now if pair[0] != pair[1])
    return _renamed(text, changed) if changed else text


@lru_cache(maxsize=1024)
def _renamed(text: str, names: tuple[tuple[str, str], ...]) -> str:
    return with_principals(text, dict(names))


def _principal_texts(body: Node) -> Iterator[Scalar]:
    """What stands under "AWS" in the Principal elements, in order."""
    for statement in _under(("Statement",), (body,)):
        for element in _under(("Principal", "NotPrincipal"), (statement,)):
            yield from (one for one in _under(("AWS",), (element,)) if isinstance(one, Scalar))


def _under(names: tuple[str, ...], nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        for member in node.members if isinstance(node, Object) else ():
            if member.name in names:
                yield from items_of(member.value)


def canonical_users(document: Document) -> tuple[str, ...]:
    """Every canonical user id that the document names: a form that S3 and CloudFront take, KMS and IAM do not."""
    elements = (one.principal for one in document.statements if one.principal)
    return tuple(text for element in elements for kind, text in element.written if kind == "CanonicalUser")


@lru_cache(maxsize=4096)
def _with_ids(document: Document, pairs: tuple[tuple[str, str], ...]) -> Document:
    ids = dict(pairs)
    return replace(document, statements=tuple(_resolved(one, ids) for one in document.statements))


def _resolved(statement: Statement, ids: Mapping[str, str]) -> Statement:
    element = statement.principal
    if element is None:
        return statement
    entries = frozenset(listed_name(kind, text, ids) for kind, text in element.written)
    return replace(statement, principal=replace(element, entries=entries))
