"""A row of the EBS reference, as the lists of rows hold it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    id: str  # section/name; a test names it: @pytest.mark.row("1.2/zone-unknown")
    mark: str  # V: verbatim from AWS, O: observed and reported, D: documented, I: inferred
    sentence: str
    reason: str = ""  # why no test executes it


def rows(section: str, *rows: tuple[str, ...]) -> tuple[Row, ...]:
    """(name, mark, sentence) or (name, mark, sentence, reason) each."""
    return tuple(Row(f"{section}/{row[0]}", *row[1:]) for row in rows)
