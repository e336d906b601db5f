"""Files from outside, read as hostile: bounded, strict JSON with places, and nothing outside of the folder.

A value is kept with the line where it stands, so that an answer can point into the file. Limits of reliability.md 2.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.policy.scan import Array, Node, Object, PolicySyntaxError, Scalar, scan

BYTES_MAX: Final = 8 * 1024 * 1024
_INTEGER_DIGITS_MAX: Final = 18


class Unreadable(ValueError):
    """A file that is there and can not be used. `line` and `column` count from 1; 0 where there is no place."""

    def __init__(self, file: str, message: str, line: int = 0, column: int = 0) -> None:
        place = f"{file}:{line}:{column}" if line else file
        super().__init__(f"{place}: {message}")
        self.file, self.message, self.line, self.column = file, message, line, column


@dataclass(frozen=True, slots=True)
class Source:
    """A file and what stands in it. `file` is the name that answers use."""

    file: str
    text: str
    root: Node


def read(path: Path, file: str) -> Source:
    """Raises Unreadable, and FileNotFoundError where there is none."""
    if not path.is_file():  # no device, no pipe
        raise FileNotFoundError(file) if not path.exists() else Unreadable(file, "is no regular file")
    if path.stat().st_size > BYTES_MAX:
        raise Unreadable(file, f"is larger than {BYTES_MAX // 1024 // 1024} MiB")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(file, f"is not UTF-8 (byte {error.start})") from None
    except OSError as error:
        raise Unreadable(file, error.strerror or "can not be read") from None
    return source_of(text, file)


def source_of(text: str, file: str) -> Source:
    try:
        return Source(file, text, scan(text))
    except PolicySyntaxError as error:
        raise Unreadable(file, error.message, error.line, error.column) from None


def plain(node: Node | None) -> Any:
    """The value without its places; numbers as int where they are whole and short, else as they are written."""
    if isinstance(node, Object):
        return {member.name: plain(member.value) for member in node.members}
    if isinstance(node, Array):
        return [plain(item) for item in node.items]
    if not isinstance(node, Scalar):
        return None
    if node.is_number and node.text.lstrip("-").isdigit() and len(node.text) <= _INTEGER_DIGITS_MAX:
        return int(node.text)
    return node.value


def member(node: Node | None, name: str) -> Node | None:
    members = node.members if isinstance(node, Object) else ()
    return next((one.value for one in members if one.name == name), None)


def items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Array) else ()


def text_at(node: Node | None, name: str) -> str:
    """The text under that name; "" where there is none, or another kind of value."""
    found = member(node, name)
    return found.text if isinstance(found, Scalar) and isinstance(found.value, str) else ""
