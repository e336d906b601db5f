"""An explanation laid out for a terminal: as a good compiler shows an error. Complete without colour.

Lines are at most `width` wide, but for words that are wider: they are names somebody may want to copy.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from app.policy.explain_values import Answer, Explanation, Hop, Pointed, Row, Where
from app.policy.words import says

WIDTH_MIN = 72
SID_MAX = 40
BLOB_MAX = 160  # a word as long as that is an encoded message: nobody reads it


def text(explanation: Explanation, width: int = 80) -> str:
    """Ends without a newline."""
    width = max(width, WIDTH_MIN)
    blocks = (_head, _chain, _rule, _answers, _place, _help, _foot)
    told = ("\n".join(block(explanation, width)) for block in blocks)
    return "\n\n".join(one for one in told if one)


def _head(it: Explanation, width: int) -> Iterator[str]:
    yield from _wrapped(f"error[{it.code}]: ", it.title, width, hang=2)


def _chain(it: Explanation, width: int) -> Iterator[str]:
    """On one line where it fits, else a line a call; what was refused is the last."""
    mark = "^ denied here" if it.answers else "^ refused here"
    hops = [f"--{hop.operation}{_how(hop)}-->  {hop.callee}" for hop in it.chain]
    line = "  ".join((f"  {it.start}", *hops))
    if len(line) <= width:
        yield line
        yield " " * (len(line) - len(hops[-1]) + 2) + mark
        return
    yield f"  {it.start}"
    for depth, hop in enumerate(hops, 2):
        yield from _hop("  " * depth, hop, width)
    yield "  " * (len(hops) + 1) + f"  {mark}"


def _hop(indent: str, hop: str, width: int) -> Iterator[str]:
    """Cut behind the arrow where it is too long."""
    if len(indent) + len(hop) <= width:
        yield indent + hop
        return
    call, _, callee = hop.partition("-->  ")
    yield f"{indent}{call}-->"
    yield f"{indent}    {callee}"


def _how(hop: Hop) -> str:
    return f" ({hop.how})" if hop.how else ""


def _rule(it: Explanation, width: int) -> Iterator[str]:
    yield from _wrapped("  ", it.rule, width, hang=2)


def _answers(it: Explanation, width: int) -> Iterator[str]:
    told = [f"{answer.side} {says(answer.side)}{_WORD[answer.yes]}" for answer in it.answers]
    broad = max((len(one) for one in told), default=0)
    for answer, lead in zip(it.answers, told, strict=True):
        yield from _wrapped(f"  {lead:<{broad}}   ", _because(answer), width, hang=broad + 5)


_WORD = {True: " YES", False: " NO", None: ""}


def _because(answer: Answer) -> str:
    found = answer.where and _reference(answer.where)
    return ", ".join(part for part in (found, answer.because) if part)


def _reference(where: Where) -> str:
    """A statement in short: its file and line, or its policy; and its Sid, or which it is."""
    at = where.start.line if where.start else 0
    place = f"{where.file}:{at}" if where.file else where.title
    sid = where.sid if len(where.sid) <= SID_MAX else where.sid[: SID_MAX - 1] + "…"
    return f'{place}  "{sid}"' if sid else f"{place}, line {at}" if at and not where.file else place


def _place(it: Explanation, width: int) -> Iterator[str]:
    """The place, its lines, and all that was looked at."""
    gutter = _gutter(it.pointed)
    if it.pointed:
        yield from _location(it.pointed, width)
    bar = " " * gutter + " |"
    if it.pointed and (it.pointed.rows or it.pointed.remarks):
        yield bar
        for row in it.pointed.rows:
            yield from _row(row, gutter, width)
        for remark in it.pointed.remarks:
            yield from _wrapped(f"{bar}   ", remark, width, hang=len(bar) + 5)
    is_sure = it.confidence.weakest or it.confidence.notes
    if it.looked or is_sure:
        yield bar
    if it.looked:
        told = f"looked at: {', '.join(one.words for one in it.looked)}"
        yield from _wrapped(f"{' ' * gutter} = ", told, width, hang=gutter + 5)
    if is_sure:
        yield from _wrapped(f"{' ' * gutter} = ", _sure(it), width, hang=gutter + 5)


def _gutter(pointed: Pointed | None) -> int:
    return max((len(str(row.line)) for row in pointed.rows if row.line), default=2) if pointed else 2


def _location(pointed: Pointed, width: int) -> Iterator[str]:
    where, at = pointed.where, pointed.begins or pointed.where.start
    if where.file and at:
        yield from _wrapped("  --> ", f"{where.file}:{at.line}:{at.column}   {where.title}", width, hang=6)
    else:
        place = f", line {at.line}, column {at.column}" if at else ""
        yield from _wrapped("  --> ", f"{where.title}{place}", width, hang=6)


def _row(row: Row, gutter: int, width: int) -> Iterator[str]:
    """A line of the policy, what matched beside it, carets under what did not."""
    lead, bar = f"{row.line or '':>{gutter}} | ", " " * gutter + " | "
    room = width - len(lead)
    shown = row.text if len(row.text) <= room else row.text[: room - 1] + "…"
    if row.note and len(shown) + 5 + len(row.note) <= room:
        yield f"{lead}{shown}     {row.note}"
    else:
        yield f"{lead}{shown}".rstrip()
        if row.note:
            indent = len(row.text) - len(row.text.lstrip())
            yield f"{bar}{' ' * indent}({row.note})"
    if row.length:
        under = bar + " " * row.caret + "^" * row.length + " "
        yield from _wrapped(under, row.label, width, hang=len(bar) + row.caret, head=bar)


def _sure(it: Explanation) -> str:
    known = it.confidence
    parts = [f"{known.decision}" if known.decision else "", f"the words {known.words}" if known.words else ""]
    told = f"how sure of AWS: {', '.join(part for part in parts if part)}"
    return "; ".join((told, *(note.rstrip(".") for note in known.notes)))


def _help(it: Explanation, width: int) -> Iterator[str]:
    """The first repair whole; of the others how many there are."""
    if not it.repairs:
        return
    first, others = it.repairs[0], len(it.repairs) - 1
    yield from _wrapped("help: ", first.headline, width, hang=2)
    for place, lines in first.changes:
        yield f"  --> {place}"
        yield "   |"
        yield from (line if len(line) <= width else line[: width - 1] + "…" for line in lines)
        yield "   |"
    for note in first.notes:
        yield from _wrapped("   note: ", note, width, hang=9)
    yield from (f"   {command}" for command in first.commands)
    if others:
        yield f"   and {others} other repair{'' if others == 1 else 's'}"


def _foot(it: Explanation, width: int) -> Iterator[str]:
    saw = " ".join(word if len(word) < BLOB_MAX else word[:12] + "…" for word in it.saw.split(" "))
    yield from _wrapped("what the caller saw: ", saw, width, hang=2)
    if it.unknown:
        yield from _wrapped("not known: ", "; ".join(it.unknown), width, hang=2)
    yield f"more: reseal explain {it.code}"


def _wrapped(lead: str, words: str, width: int, hang: int, head: str = "") -> list[str]:
    """`head` begins each further line instead of blanks, as far as it goes."""
    further = head + " " * (hang - len(head))
    room = max(width, len(lead) + 24)
    return textwrap.wrap(
        words, room, initial_indent=lead, subsequent_indent=further, break_long_words=False, break_on_hyphens=False,
        replace_whitespace=False, drop_whitespace=True,
    ) or [lead.rstrip()]  # fmt: skip
