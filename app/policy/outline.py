"""Whom a policy allows what, in outline: for those who ask neither for conditions nor for places in the text.

A parse keeps of every value where it stands; a graph of thousands of keys needs none of it. What has the plain form
below is read by msgspec's decoder, in a thirtieth of the time; anything else is parsed. Law: of whatever a lenient
parse takes, the outline is the same whichever way it was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from msgspec import UNSET, DecodeError, Raw, Struct, UnsetType
from msgspec.json import Decoder

from app.policy.document import DocumentKind, parse
from app.policy.principals import EVERYONE
from app.policy.trace import Effect

Texts = str | list[str]
_Kind = Literal["AWS", "Service", "Federated", "CanonicalUser"]


class Allowance(NamedTuple):
    """An Allow that names its principals and actions; a statement that names them by what it leaves out is none."""

    statement: str  # its Sid, or Statement[n]
    principals: tuple[tuple[str, str], ...]  # (AWS, Service, Federated or CanonicalUser; text), as written
    actions: tuple[str, ...]  # `not kms:...` for those of a NotAction


class _Statement(Struct, forbid_unknown_fields=True, frozen=True):
    Effect: Literal["Allow", "Deny"]
    Sid: str = ""
    Principal: Literal["*"] | dict[_Kind, Texts] | UnsetType = UNSET
    NotPrincipal: Literal["*"] | dict[_Kind, Texts] | UnsetType = UNSET
    Action: Texts | UnsetType = UNSET
    NotAction: Texts | UnsetType = UNSET
    Resource: Raw | UnsetType = UNSET
    NotResource: Raw | UnsetType = UNSET
    Condition: Raw | UnsetType = UNSET


class _Policy(Struct, forbid_unknown_fields=True, frozen=True):
    Statement: list[_Statement] | _Statement
    Version: str = ""
    Id: str = ""


_PLAIN: Final = Decoder(_Policy)


def allowances(text: str, kind: DocumentKind) -> Iterator[Allowance]:
    """In the order of the statements. Raises PolicySyntaxError where a lenient parse would, or reads on."""
    try:
        plain = _PLAIN.decode(text)
    except (DecodeError, UnicodeEncodeError):
        return _parsed(text, kind)
    return _read(plain)


def _read(policy: _Policy) -> Iterator[Allowance]:
    statements = policy.Statement if isinstance(policy.Statement, list) else [policy.Statement]
    for index, one in enumerate(statements):
        actions = one.NotAction if one.Action is UNSET else one.Action
        if one.Effect == "Allow" and one.Principal is not UNSET and actions is not UNSET:
            yield Allowance(_name(one.Sid, index), _principals(one.Principal), _actions(actions, one.Action is UNSET))


def _parsed(text: str, kind: DocumentKind) -> Iterator[Allowance]:
    for index, one in enumerate(parse(text, kind, lenient=True).statements):
        principal, action = one.principal, one.action
        if one.effect is Effect.ALLOW and principal and not principal.is_not and action:
            yield Allowance(_name(one.sid, index), principal.written, _actions(action.patterns, action.is_not))


def _name(sid: str, index: int) -> str:
    return sid or f"Statement[{index}]"


def _principals(written: str | dict[_Kind, Texts]) -> tuple[tuple[str, str], ...]:
    if isinstance(written, str):
        return (("AWS", EVERYONE),)
    return tuple((kind, text) for kind, texts in written.items() for text in _listed(texts))


def _actions(patterns: Texts | tuple[str, ...], is_not: bool) -> tuple[str, ...]:
    return tuple(f"not {pattern}" if is_not else pattern for pattern in _listed(patterns))


def _listed(texts: Texts | tuple[str, ...]) -> list[str] | tuple[str, ...]:
    return [texts] if isinstance(texts, str) else texts
