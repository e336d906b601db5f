"""Policy documents in files, however AWS's commands print them.

A document stands bare, as the value of a wrapper (`PolicyDocument`, `Document`, `Content`), as text inside one
(`get-key-policy`), or under its name among others. All of them are found by one walk. INVARIANT: a document's text
begins with blanks for everything that stands before it in its file, so that its marks are places of the file; a
document that is text inside the file has places of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote

from app.outside.reading import Source, member, text_at
from app.policy.scan import Array, Mark, Node, Object, PolicySyntaxError, Scalar, scan

_WRAPPERS: Final = frozenset(
    {"Policy", "PolicyDocument", "Document", "PolicyVersion", "AssumeRolePolicyDocument", "Content", "Role"}
)
_NOT_A_LINE_END: Final = re.compile(r"[^\n]")


@dataclass(frozen=True, slots=True)
class Paper:
    """A policy document and where it stands. `mark` is that of the value that holds it, in the file."""

    source: Source
    name: str  # of the policy, where the file tells one
    text: str
    mark: Mark
    is_embedded: bool

    @property
    def file(self) -> str:
        return self.source.file

    @property
    def label(self) -> str:
        """The file, and where in it the document stands."""
        return f"{self.file}#{self.mark.pointer}" if self.mark.pointer else self.file

    def pointer_of(self, inner: str) -> str:
        """The pointer into the file of a place in the document; of an embedded one, that of the text."""
        return self.mark.pointer if self.is_embedded else self.mark.pointer + inner

    def line_of(self, inner_line: int | None) -> int:
        return self.mark.line if self.is_embedded or inner_line is None else inner_line

    def told_apart(self, nth: int) -> Paper:
        """The same with its own number of blanks behind, so that no two papers have the same text."""
        return replace(self, text=self.text + " " * nth)


def papers_in(source: Source) -> tuple[Paper, ...]:
    """Every policy document of the file, in order."""
    return tuple(_found(source, source.root, ""))


def _found(source: Source, node: Node, name: str) -> Iterator[Paper]:
    if isinstance(node, Array):
        for item in node.items:
            yield from _found(source, item, name)
    elif isinstance(node, Object):
        yield from _in_object(source, node, name)
    elif isinstance(node.value, str) and not node.is_number:
        yield from _embedded(source, node, name)


def _in_object(source: Source, node: Object, name: str) -> Iterator[Paper]:
    if member(node, "Statement") is not None:
        before = _NOT_A_LINE_END.sub(" ", source.text[: node.mark.offset])
        yield Paper(source, name, before + source.text[node.mark.offset : node.mark.end], node.mark, False)
        return
    default = member(node, "IsDefaultVersion")
    if isinstance(default, Scalar) and default.value is False:
        return
    own = text_at(node, "PolicyName") or name
    for one in node.members:
        yield from _found(source, one.value, own if one.name in _WRAPPERS else one.name)


def _embedded(source: Source, node: Scalar, name: str) -> Iterator[Paper]:
    """A document as text; IAM's API writes it percent-encoded."""
    text = unquote(node.text) if node.text.startswith("%7B") else node.text
    if not text.lstrip().startswith("{"):
        return
    try:
        is_policy = member(scan(text), "Statement") is not None
    except PolicySyntaxError:
        is_policy = '"Statement"' in text  # broken, and then said to be
    if is_policy:
        yield Paper(source, name, text, node.mark, True)
