"""JSON as a policy writer sees it: every value with the line and column where it stands.

The standard decoder forgets places, keeps the last of two equal keys and takes NaN. A policy is read to be pointed at
later, so this scanner keeps a `Mark` for each value and refuses what AWS refuses: repeated keys, NaN, lone surrogates,
nesting beyond 64, anything after the document. INVARIANT: offsets count characters of the text given, lines and
columns count from 1, pointers are JSON pointers (RFC 6901) into that text as it is written.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from enum import Enum
from typing import Final, NoReturn

from msgspec import Struct

DEPTH_MAX: Final = 64

_SPACES: Final = frozenset(" \t\r\n")
_SPACE: Final = re.compile(r"[ \t\r\n]*+")
_PLAIN: Final = re.compile(r'[^"\\\x00-\x1f]*+')
_SIMPLE: Final = re.compile(r'"([^"\\\x00-\x1f\ud800-\udfff]*+)"')  # a text without escapes
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_WORD: Final = re.compile(r"[A-Za-z0-9_.+-]++")
_HEX4: Final = re.compile(r"[0-9A-Fa-f]{4}")
_ESCAPES: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: Final = {"true": True, "false": False, "null": None}


class Fault(Enum):
    """What is wrong, where services have words of their own for it."""

    SYNTAX = "syntax"
    NO_PRINCIPAL = "no principal"  # a statement that needs one names none
    INVALID_PRINCIPAL = "invalid principal"  # a text that can be nobody
    NO_ACTION = "no action"
    NO_RESOURCE = "no resource"
    NO_VENDOR = "no vendor"  # an action without a service
    NO_ARN = "no arn"  # a resource that is neither an ARN nor "*"; `about` is its text
    SID_FORM = "sid form"
    SID_TWICE = "sid twice"


class PolicySyntaxError(ValueError):
    """A document that can not be a policy of its kind. Line and column count from 1."""

    def __init__(self, message: str, line: int, column: int, fault: Fault = Fault.SYNTAX, about: str = "") -> None:
        super().__init__(f"{message} (line {line}, column {column})")
        self.message = message
        self.line = line
        self.column = column
        self.fault = fault
        self.about = about


class Mark(Struct, frozen=True):
    """Where a value stands in its document. `end` is the offset just after it."""

    line: int
    column: int
    offset: int
    end: int
    pointer: str


class Scalar(Struct, frozen=True):
    """Text, a number (kept as it was written), true, false or null."""

    value: str | bool | None
    is_number: bool
    mark: Mark

    @property
    def text(self) -> str:
        """As a policy compares it: booleans in lower case, numbers as written."""
        return self.value if isinstance(self.value, str) else str(self.value).lower()


class Array(Struct, frozen=True):
    items: tuple[Node, ...]
    mark: Mark


class Member(Struct, frozen=True):
    name: str
    name_mark: Mark
    value: Node


class Object(Struct, frozen=True):
    members: tuple[Member, ...]
    mark: Mark


Node = Scalar | Array | Object


def scan(text: str) -> Node:
    """The document's one value. Raises PolicySyntaxError."""
    scanner = _Scanner(text)
    node = scanner.value("", 1)
    scanner.skip_space()
    if scanner.at < len(text):
        scanner.fail("the document ends here, but more text follows")
    return node


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line_starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def value(self, pointer: str, depth: int) -> Node:
        self.skip_space()
        if depth > DEPTH_MAX:
            self.fail(f"values are nested more than {DEPTH_MAX} deep")
        char = self.text[self.at : self.at + 1]
        if char == "{":
            return self.object(pointer, depth)
        if char == "[":
            return self.array(pointer, depth)
        return self.string(pointer) if char == '"' else self.word(pointer)

    def object(self, pointer: str, depth: int) -> Object:
        start, members, seen = self.at, list[Member](), set[str]()
        self.at += 1
        while not self.closes("}", first=not members):
            self.skip_space()
            if not self.text.startswith('"', self.at):
                self.fail_expecting("a name in double quotes")
            begun = self.at
            name = self.characters()
            if name in seen:
                self.fail(f"the key {name!r} stands here twice", begun)
            seen.add(name)
            inner = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            mark = self.mark(begun, inner)
            self.expect(":")
            members.append(Member(name, mark, self.value(inner, depth + 1)))
        return Object(tuple(members), self.mark(start, pointer))

    def array(self, pointer: str, depth: int) -> Array:
        start, items = self.at, list[Node]()
        self.at += 1
        while not self.closes("]", first=not items):
            items.append(self.value(f"{pointer}/{len(items)}", depth + 1))
        return Array(tuple(items), self.mark(start, pointer))

    def string(self, pointer: str) -> Scalar:
        start = self.at
        return Scalar(self.characters(), False, self.mark(start, pointer))

    def characters(self) -> str:
        """The text in double quotes at which the scanner stands, escapes resolved; it then stands behind it."""
        if simple := _SIMPLE.match(self.text, self.at):
            self.at = simple.end()
            return simple[1]
        start, pieces = self.at, list[str]()
        self.at += 1
        while True:
            plain = _PLAIN.match(self.text, self.at)
            assert plain is not None
            pieces.append(plain.group())
            self.at = plain.end()
            char = self.text[self.at : self.at + 1]
            if char == '"':
                break
            if char != "\\":
                self.fail("a text is not closed" if char in ("", "\n", "\r") else "a control character in a text")
            pieces.append(self.escape())
        self.at += 1
        value = "".join(pieces)
        if _SURROGATE.search(value):
            self.fail("half of a surrogate pair in a text", start)
        return value

    def escape(self) -> str:
        """One escape, or the two that make a surrogate pair; the scanner stands on the backslash."""
        letter = self.text[self.at + 1 : self.at + 2]
        if letter in _ESCAPES and letter:
            self.at += 2
            return _ESCAPES[letter]
        if letter != "u":
            self.fail("an unknown escape in a text")
        unit = self.code_unit()
        if 0xD800 <= unit < 0xDC00 and self.text.startswith("\\u", self.at):
            low = self.code_unit()
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
            return chr(unit) + chr(low)
        return chr(unit)

    def code_unit(self) -> int:
        digits = _HEX4.match(self.text, self.at + 2)
        if digits is None:
            self.fail("four hexadecimal digits are expected after \\u")
        self.at = digits.end()
        return int(digits.group(), 16)

    def word(self, pointer: str) -> Scalar:
        start = self.at
        word = _WORD.match(self.text, self.at)
        if word is None:
            self.fail_expecting("a value")
        text, self.at = word.group(), word.end()
        if text in _WORDS:
            return Scalar(_WORDS[text], False, self.mark(start, pointer))
        if _NUMBER.fullmatch(text) is None:
            self.fail(f"{text!r} is no JSON value", start)
        return Scalar(text, True, self.mark(start, pointer))

    def closes(self, bracket: str, *, first: bool) -> bool:
        """Step over the closing bracket, or over the comma before the next entry."""
        self.skip_space()
        if self.text.startswith(bracket, self.at):
            self.at += 1
            return True
        if not first:
            self.expect(",")
        return False

    def expect(self, char: str) -> None:
        self.skip_space()
        if not self.text.startswith(char, self.at):
            self.fail_expecting(repr(char))
        self.at += 1

    def skip_space(self) -> None:
        if self.text[self.at : self.at + 1] not in _SPACES:
            return
        space = _SPACE.match(self.text, self.at)
        assert space is not None
        self.at = space.end()

    def mark(self, start: int, pointer: str) -> Mark:
        line = bisect_right(self.line_starts, start)
        return Mark(line, start - self.line_starts[line - 1] + 1, start, self.at, pointer)

    def fail_expecting(self, what: str) -> NoReturn:
        self.fail(f"{what} is expected here" if self.at < len(self.text) else "the document ends too early")

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        mark = self.mark(self.at if at is None else at, "")
        raise PolicySyntaxError(message, mark.line, mark.column)
