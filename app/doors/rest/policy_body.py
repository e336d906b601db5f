"""The body of /api/v1/policy/evaluate: what may stand in it, and where its policies stand.

A policy is an object or JSON text. An object is read from the body as it was sent, not from what a JSON reader made of
it: so a repeated key is an error, and a mistake is pointed at with the body's own line and column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from fastapi import HTTPException
from pydantic import BaseModel, ConfigDict, Field

from app.policy.document import Document, DocumentKind, PolicySyntaxError, parse
from app.policy.question import Place, Policy
from app.policy.scan import Array, Node, Object, scan

Written = dict[str, Any] | str  # a policy: an object, or its JSON text
Path = tuple[str | int, ...]  # where it stands in the body


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


Plain = str | bool | int | float


class Asked(Strict):
    """May this principal do this on that? `resourceAccount`: as in the resource's ARN, else the principal's own."""

    principal: str = Field(description="an ARN, an account id, a service such as ec2.amazonaws.com, or *")
    action: str = Field(pattern=r"^[A-Za-z0-9-]+:[A-Za-z0-9]+$")
    resource: str = Field(min_length=1, description="an ARN, or * for an action without resources")
    resourceAccount: str | None = Field(default=None, pattern=r"^\d{12}$")
    context: dict[str, Plain | list[Plain]] = Field(default_factory=dict)


class Named(Strict):
    name: str
    policy: Written


class OrganizationLevel(Strict):
    """The policies of the root, an OU or an account; levels go from the root to the account, and each must allow."""

    ou: str
    policies: list[Written] = Field(description="policies, or {name, policy}")


class GivenGrant(Strict):
    grantId: str
    granteePrincipal: str
    operations: list[str]
    constraints: dict[Literal["EncryptionContextEquals", "EncryptionContextSubset"], dict[str, str]] | None = None


class Evaluation(Strict):
    request: Asked
    identityPolicies: list[Named] = Field(default_factory=list)
    resourcePolicy: Written | None = None
    permissionsBoundaries: list[Written] = Field(default_factory=list)
    sessionPolicy: Written | None = None
    serviceControlPolicies: list[OrganizationLevel] = Field(default_factory=list)
    resourceControlPolicies: list[Written] = Field(
        default_factory=list, description="policies, {name, policy}, or levels as of SCPs"
    )
    grants: list[GivenGrant] = Field(default_factory=list)


# policies and where they stand


@dataclass
class Texts:
    """The body as it was sent, to read policies from and to point at."""

    raw: bytes

    @cached_property
    def text(self) -> str:
        return self.raw.decode("utf-8-sig")

    @cached_property
    def tree(self) -> Node:
        try:
            return scan(self.text)
        except PolicySyntaxError as error:  # a repeated key, say, which other readers of JSON pass over
            raise HTTPException(400, f"the body: {error}") from None

    def policy(self, written: Written, path: Path, kind: DocumentKind, place: Place) -> Policy:
        if isinstance(written, dict) and written.keys() == {"name", "policy"}:
            place = Place(place.layer, place.account, str(written["name"]), place.attached_to)
            return self.policy(as_written(written["policy"], (*path, "policy")), (*path, "policy"), kind, place)
        return Policy(place, self._document(written, path, kind))

    def _document(self, written: Written, path: Path, kind: DocumentKind) -> Document:
        text, line, column = (written, 1, 1) if isinstance(written, str) else self._slice(path)
        try:
            return parse(text, kind, lenient=kind is DocumentKind.RCP and _is_full_access(text))
        except PolicySyntaxError as error:
            column = error.column + (column - 1 if error.line == 1 else 0)
            line = line + error.line - 1
            raise HTTPException(400, f"{dotted(path)}: {error.message} (line {line}, column {column})") from None

    def _slice(self, path: Path) -> tuple[str, int, int]:
        """An object's own text, and its place in the body."""
        mark = _node(self.tree, path).mark
        return self.text[mark.offset : mark.end], mark.line, mark.column


def as_written(value: Any, path: Path) -> Written:
    if isinstance(value, dict | str):
        return value
    raise HTTPException(422, f"{dotted(path)}: a policy is an object or its JSON text")


def _node(node: Node, path: Path) -> Node:
    for step in path:
        if isinstance(node, Object):
            node = next(member.value for member in node.members if member.name == step)
        elif isinstance(node, Array) and isinstance(step, int):
            node = node.items[step]
    return node


def dotted(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _is_full_access(text: str) -> bool:
    """RCPFullAWSAccess, the one RCP that allows: AWS attaches it everywhere, and customers can not write it."""
    return re.fullmatch(_FULL_ACCESS, re.sub(r"\s", "", text)) is not None


_FULL_ACCESS: Final = (
    r'\{"Version":"2012-10-17","Statement":\[?\{(?:"Sid":"\w*",)?"Effect":"Allow","Principal":"\*","Action":"\*",'
    r'"Resource":"\*"\}\]?\}'
)
