"""The one place to look at: which statement, which of its lines, and what to say beside each.

Of a Deny it is the Deny. Of silence it is the statement that came nearest to allowing, because people mend what they
have: the elements that match say so, and the carets stand under those that do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from app.policy import words
from app.policy.explain_trace import Element, Given, Spot, Stated, Trace, nearest
from app.policy.explain_values import Pointed, Position, Row, Where
from app.policy.question import LayerKind, Rule
from app.policy.scan import Array, Mark, Member, Node, Object, scan
from app.policy.trace import Effect, Why

Locate = Callable[[str], str | None]

INDENT: Final = 6  # of the lines shown; what a policy is indented more is taken off
LINES_MAX: Final = 7  # of one element, but for those with something to say
LINES_OF_A_MATCH_MAX: Final = 4
PIECE_MAX: Final = 66  # characters that fit beside a line number in 80


def nowhere(text: str) -> None:
    """Knows no files."""
    del text


def where(trace: Trace, place: Spot, names: words.Names, locate: Locate, mark: Mark | None = None) -> Where:
    """The place in words and, where its text is known, in its file."""
    text = trace.text_of(place)
    return Where(
        kind=words.kind_of(place.layer, trace.rule),
        account=place.account,
        policy=place.policy,
        title=words.title(place, trace.rule, names),
        file=locate(text) if text is not None else None,
        pointer=mark.pointer if mark else "",
        sid=place.sid,
        start=Position(mark.line, mark.column, mark.offset) if mark else None,
        end=position(text, mark.end) if mark and text is not None else None,
    )


def position(text: str, offset: int) -> Position:
    line = text.count("\n", 0, offset) + 1
    return Position(line, offset - (text.rfind("\n", 0, offset) + 1) + 1, offset)


def pointed(trace: Trace, names: words.Names, locate: Locate) -> Pointed:
    if grant := _grant(trace):
        return _at_grant(trace, grant, names, locate)
    statement = statement_pointed_at(trace)
    if statement is None:
        return _unspoken(trace, _refusing(trace), names, locate)
    return _at(trace, statement, names, locate)


def _refusing(trace: Trace) -> LayerKind:
    return trace.layer or LayerKind.IDENTITY


def statement_pointed_at(trace: Trace) -> Stated | None:
    """The statement that denies, that fails by its condition, or that came nearest in the layer that is silent."""
    kind = _refusing(trace)
    decided = next((place for place in trace.decided_by if place.layer is kind), None)
    if decided:
        return trace.at(decided)
    silent = next((layer for layer in trace.of(kind) if not layer.allows), None)
    return nearest(silent.statements) if silent else None


def _grant(trace: Trace) -> Given | None:
    decided = next((place for place in trace.decided_by if place.layer is LayerKind.GRANT), None)
    return next((grant for grant in trace.grants() if decided and grant.place == decided), None)


def _at_grant(trace: Trace, grant: Given, names: words.Names, locate: Locate) -> Pointed:
    assert grant.place is not None
    gives = f"gives {', '.join(grant.operations)} to {names.who(grant.grantee)}"
    if grant.operation_granted and not grant.constraint_holds:
        remarks = (
            gives,
            f"{grant.constraint}: {_pairs(grant.pairs)}",
            f"the request's encryption context: {_pairs((trace.encryption_context or {}).items())}",
        )
    else:
        remarks = (f"{gives}, not {trace.action.partition(':')[2]}",)
    return Pointed(where(trace, grant.place, names, locate), remarks=remarks)


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{key}={value}" for key, value in pairs) or "none"


def _unspoken(trace: Trace, kind: LayerKind, names: words.Names, locate: Locate) -> Pointed:
    """No statement comes near: the policy that should speak is named, or said not to exist."""
    policy = words.policy_of(kind, trace.rule)
    paper = next(iter(trace.papers(kind)), None)
    if paper:
        return Pointed(where(trace, paper.place, names, locate), remarks=("it has no Allow statement that could fit",))
    is_owner = kind is LayerKind.RESOURCE
    if trace.rule is Rule.RETIRE and is_owner:
        return Pointed(Where("grant", trace.resource_account, "", f"no grant names {names.who(trace.principal.arn)}"))
    account = trace.resource_account if is_owner else trace.principal.account
    holder = names.thing(trace.resource) if is_owner else names.who(trace.principal.issuer_arn or trace.principal.arn)
    nothing = Where(words.kind_of(kind, trace.rule), account, "", f"{holder} has no {policy}")
    return Pointed(nothing)


@dataclass(frozen=True, slots=True)
class _Say:
    """Something to say at a mark: with carets where `fails`, else beside the line."""

    mark: Mark
    text: str
    fails: bool


def _at(trace: Trace, statement: Stated, names: words.Names, locate: Locate) -> Pointed:
    text = trace.text_of(statement.place)
    if text is None:
        return Pointed(where(trace, statement.place, names, locate, statement.mark))
    body = _object_at(scan(text), statement.mark.pointer)
    members = {member.name: member for member in body.members}
    says = list(_says(trace, statement, members, names))
    fault = next((say.mark for say in says if say.fails), statement.mark)
    rows = [row for member in body.members if _is_shown(member, statement) for row in _rows(text, member, says)]
    begins = body.members[0].name_mark
    return Pointed(
        where(trace, statement.place, names, locate, fault),
        rows=tuple(_outdented(rows)),
        remarks=tuple(_missing(statement)),
        begins=Position(begins.line, begins.column, begins.offset),
    )


def _says(trace: Trace, statement: Stated, members: dict[str, Member], names: words.Names) -> Iterator[_Say]:
    denies = statement.effect is Effect.DENY
    if denies and "Effect" in members:
        yield _Say(members["Effect"].name_mark, f"denies {trace.action}", fails=True)
    for element in statement.elements:
        mark = _mark(element, members)
        if mark is None:
            continue
        if element.is_matched or (denies and statement.applies):
            told = words.met(element, statement.effect) if element.is_matched else element.why.value
            yield _Say(mark, told, fails=False)
        else:
            yield _Say(mark, words.missed(element, trace, names), fails=True)


def _mark(element: Element, members: dict[str, Member]) -> Mark | None:
    """The name under which the element stands; None for one that is missing."""
    if element.why is Why.ELEMENT_MISSING:
        return None
    if element.element == "Condition" or element.element not in members:
        return element.mark
    return members[element.element].name_mark


def _missing(statement: Stated) -> Iterator[str]:
    for element in statement.missed:
        if element.why is Why.ELEMENT_MISSING:
            yield f"{element.element}: {element.why.value}"


def _object_at(node: Node, pointer: str) -> Object:
    """The statement: the policy's only one, or an item of its list."""
    for step in pointer.split("/")[1:]:
        if isinstance(node, Object):
            node = next(member.value for member in node.members if member.name == step)
        elif isinstance(node, Array):
            node = node.items[int(step)]
    assert isinstance(node, Object)
    return node


def _is_shown(member: Member, statement: Stated) -> bool:
    return member.name != "Effect" or statement.effect is Effect.DENY


# Lines.


def _rows(text: str, member: Member, says: list[_Say]) -> list[Row]:
    rows = [row for start, end in _parts(text, member) for row in _lines(text, start, end, says)]
    most = LINES_MAX if any(row.length for row in rows) else LINES_OF_A_MATCH_MAX
    return rows if len(rows) <= most else _shortened(rows, most)


def _parts(text: str, member: Member) -> list[tuple[int, int]]:
    """The member in one piece; a long condition on one line a piece an operator and a piece a key."""
    start, end = member.name_mark.offset, member.value.mark.end
    operators = member.value.members if member.name == "Condition" and isinstance(member.value, Object) else ()
    if not operators or "\n" in text[start:end] or end - start <= PIECE_MAX:
        return [(start, end)]
    pieces: list[tuple[int, int]] = []
    for operator in operators:
        begin = operator.name_mark.offset if pieces else start
        pieces.append((begin, operator.value.mark.offset + 1))
        keys = operator.value.members if isinstance(operator.value, Object) else ()
        pieces += [(key.name_mark.offset, key.value.mark.end) for key in keys]
    return pieces


def _lines(text: str, start: int, end: int, says: list[_Say]) -> Iterator[Row]:
    """Each line of the piece as it stands in the file; the first without what stands before it."""
    end += text[end : end + 1] == ","
    number, indent = text.count("\n", 0, start) + 1, _indent(text, start)
    for at, line in enumerate(text[start:end].split("\n")):
        shift = len(indent) if at == 0 else 0
        here = [say for say in says if start <= say.mark.offset < start + len(line) + 1]
        yield _said(Row(number + at, indent[:shift] + line.rstrip("\r")), here, start - shift)
        start += len(line) + 1


def _said(row: Row, says: list[_Say], begin: int) -> Row:
    failing = [say for say in says if say.fails]
    note = "; ".join(say.text for say in says if not say.fails)
    if not failing:
        return replace(row, note=note)
    first, label = failing[0].mark, "; ".join(say.text for say in failing)
    return replace(row, note=note, caret=first.offset - begin, length=first.end - first.offset, label=label)


def _indent(text: str, start: int) -> str:
    before = text[text.rfind("\n", 0, start) + 1 : start]
    return before if before.strip() == "" and before else " " * INDENT


def _shortened(rows: list[Row], most: int) -> list[Row]:
    """The first lines, the last, and each that has something to say; "…" for several that are left out."""
    kept: list[Row] = []
    left_out: list[Row] = []
    for at, row in enumerate(rows):
        if at < most - 2 or at == len(rows) - 1 or row.length or row.note:
            kept += [*_left_out(left_out), row]
            left_out = []
        else:
            left_out.append(row)
    return kept


def _left_out(rows: list[Row]) -> list[Row]:
    indent = len(rows[0].text) - len(rows[0].text.lstrip()) if rows else 0
    return [Row(None, " " * indent + "…")] if len(rows) > 1 else rows


def _outdented(rows: list[Row]) -> Iterator[Row]:
    surplus = min((len(row.text) - len(row.text.lstrip()) for row in rows), default=0) - INDENT
    for row in rows:
        yield replace(row, text=row.text[surplus:], caret=row.caret - surplus) if surplus > 0 else row
