"""GitHub Actions: annotations, which a job's log holds as lines, and a step summary in Markdown.

GitHub shows ten errors, ten warnings and ten notices a step, and takes 1 MiB of summary: the most telling come first,
and what is left out is said. Whatever a scenario says is data here: text that is shown stands between lines that stop
commands, and what stands in a command is escaped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

from workflows.reports.cases import Case, Outcome, case
from workflows.reports.ended import Ended, Finished
from workflows.reports.findings import Finding, Level, findings
from workflows.reports.places import relative
from workflows.reports.text import as_text, clean, not_run

SHOWN_MAX: Final = 10  # annotations of each level
SUMMARY_BYTES_MAX: Final = 1_000_000
SUMMARY_BYTES_MIN: Final = 1_000  # less room holds nothing of use
DETAIL_BYTES_MAX: Final = 20_000  # of one run in the summary
_COMMANDS: Final = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}
_MARKS: Final = {
    Outcome.PASSED: "✅ as expected", Outcome.FAILED: "❌ not as expected", Outcome.ERROR: "⚠️ not run",
    Outcome.SKIPPED: "⏭️ left out",
}  # fmt: skip


def render(ended: Sequence[Ended], root: str = "") -> str:
    """What a step prints: each run in a group of its own, then the annotations."""
    texts = [as_text(one.report, repairs=one.repairs) if isinstance(one, Finished) else not_run(one) for one in ended]
    groups = [group(one, text, root) for one, text in zip(ended, texts, strict=True)]
    return "".join([*groups, annotated(findings(ended), root)])


# The log.


def group(one: Ended, text: str, root: str = "") -> str:
    """What is told of a run, folded."""
    return folded(f"{relative(one.file, root)}: {_MARKS[case(one).outcome]}", text)


def folded(head: str, text: str) -> str:
    """Text under a head. `text` is data: a line of it that looks like a command is none."""
    stop = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()  # no text holds its own digest
    return (
        "\n".join(
            [f"::group::{_data(head)}", f"::stop-commands::{stop}", text.rstrip("\n"), f"::{stop}::", "::endgroup::"]
        )
        + "\n"
    )


def annotated(found: Sequence[Finding], root: str = "") -> str:
    """A command a line, the most telling of each level."""
    return "".join(f"{line}\n" for line in _annotations(found, root))


def _annotations(found: Sequence[Finding], root: str) -> Iterator[str]:
    for level in Level:
        of_level = [one for one in found if one.level is level]
        yield from (annotation(one, root) for one in of_level[:SHOWN_MAX])
        if len(of_level) > SHOWN_MAX:
            yield f"and {len(of_level) - SHOWN_MAX} more of level {_COMMANDS[level]}"


def annotation(one: Finding, root: str) -> str:
    region = one.region
    known = {
        "file": relative(region.file, root), "line": region.line, "endLine": region.end_line, "col": region.column,
        "endColumn": region.end_column, "title": one.title,
    }  # fmt: skip
    if region.end_line > region.line:  # GitHub takes columns within one line only
        known |= {"col": 0, "endColumn": 0}
    told = ",".join(f"{name}={_property(str(value))}" for name, value in known.items() if value)
    return f"::{_COMMANDS[one.level]} {told}::{_data(chr(10).join((one.message, *one.lines)))}"


def _data(text: str) -> str:
    return clean(text.replace("\r\n", "\n")).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# The summary.


def summary(ended: Sequence[Ended], root: str = "", room: int = SUMMARY_BYTES_MAX) -> str:
    """Markdown: the result, what to look at, and a table of the runs. At most `room` bytes."""
    cases = [case(one) for one in ended]
    head = f"## reseal: {_counted(cases)}\n\n"
    parts = [*_failures(ended, root), *_table(cases, root)]
    return head + "".join(fitting(parts, room - len(head.encode())))


def _counted(cases: Sequence[Case]) -> str:
    left_out = sum(one.outcome is Outcome.SKIPPED for one in cases)
    good, ran = sum(one.outcome is Outcome.PASSED for one in cases), len(cases) - left_out
    told = f"{good} as expected" if good == ran else f"{good} of {ran} as expected"
    return told + (f", {left_out} left out" if left_out else "")


def _failures(ended: Sequence[Ended], root: str) -> Iterator[str]:
    """Each finding that is more than a note, then each failing run in full, folded."""
    for one in findings(ended):
        if one.level is not Level.NOTE:
            yield item(one, root)
    for one in ended:
        if not one.ok:
            text = as_text(one.report, repairs=one.repairs) if isinstance(one, Finished) else not_run(one)
            yield details(relative(one.file, root), text)


def item(one: Finding, root: str) -> str:
    """A finding as an item of a list."""
    place = f"{relative(one.region.file, root)}:{one.region.line}"
    return f"- **{markdown(one.title)}** at {code(place)}: {markdown(one.sentences)}\n"


def details(name: str, text: str) -> str:
    """Text that is folded away under a name, cut where it is long."""
    shown = text.encode()[:DETAIL_BYTES_MAX].decode(errors="ignore")
    cut = "" if shown == text else "\n… cut; the whole stands in the log"
    return f"\n<details><summary>{escape(name)}</summary>\n\n<pre>{escape(shown)}{cut}</pre>\n\n</details>\n"


def _table(cases: Sequence[Case], root: str) -> Iterator[str]:
    for number, one in enumerate(cases):
        head = "\n| scenario | result | end | time |\n|---|---|---|---|\n" if number == 0 else ""
        cells = (
            f"{markdown(one.name)}<br>{code(relative(one.file, root))}", _MARKS[one.outcome],
            markdown(one.properties.get("end", "")), f"{one.seconds:.1f} s",
        )  # fmt: skip
        yield f"{head}| {' | '.join(cells)} |\n"


def markdown(words: str) -> str:
    """As plain text: nothing of it is Markdown, HTML or a cell's border."""
    safe = escape(" ".join(clean(words).split()), quote=False)
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]()#+!|~@" else letter for letter in safe)


def code(words: str) -> str:
    return f"<code>{escape(clean(words)).replace('|', '&#124;')}</code>"


def fitting(parts: Iterable[str], room: int) -> Iterator[str]:
    """As many parts as fit, and how many more there are."""
    every, used = list(parts), 0
    for number, part in enumerate(every):
        more = f"\nand {len(every) - number} more, for which there is no room here\n"
        size = len(part.encode())
        is_last = number == len(every) - 1
        if used + size > room - (0 if is_last else len(more.encode())):
            yield more
            return
        used += size
        yield part
