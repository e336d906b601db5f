"""SARIF 2.1.0: refusals that a policy file causes, with the replacements that mend them, and what was not as expected.

GitHub shows what it is given up to limits of its own (25,000 results a run, 10 MB compressed); the most telling results
stand first, and what is left out is said. A refusal that the scenario expects is suppressed in the source: the scenario
says that it is to be so.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final
from urllib.parse import quote

from app.policy.causes import BY_CODE
from app.policy.words import REMEDY
from workflows.reports.ended import Ended
from workflows.reports.findings import LEFT_OUT, OWN_RULES, Change, Finding, Fix, Level, Region, findings
from workflows.reports.places import relative
from workflows.reports.text import clean

RESULTS_MAX: Final = 25_000
COMPRESSED_BYTES_MAX: Final = 10_000_000
SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT: Final = "%SRCROOT%"
_LEVELS: Final = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "note"}

Json = dict[str, Any]


def render(ended: Sequence[Ended], root: str = "") -> str:
    """One SARIF run for all. Paths are relative to `root`, which SARIF calls %SRCROOT%."""
    return of_findings(findings(ended), root)


def of_findings(every: Sequence[Finding], root: str = "") -> str:
    """A result each, the most telling first; what was not run is a notification of the tool, as nothing is wrong."""
    found = [one for one in every if one.rule != LEFT_OUT]
    notes = [_note("note", f"{one.region.file}: {one.message}") for one in every if one.rule == LEFT_OUT]
    results = [_result(one, root) for one in found[:RESULTS_MAX]]
    while True:
        told = json.dumps(_log(found, results, notes), ensure_ascii=False, indent=1) + "\n"
        if len(zlib.compress(told.encode(), 6)) <= COMPRESSED_BYTES_MAX:
            return told
        results = results[: len(results) // 2]


def _note(level: str, text: str) -> Json:
    return {"level": level, "message": {"text": clean(text)}}


def _log(found: Sequence[Finding], results: list[Json], notes: Sequence[Json]) -> Json:
    rules = sorted({one.rule for one in found[: len(results)]})
    for each in results:
        each["ruleIndex"] = rules.index(each["ruleId"])
    driver = {"name": "reseal", "rules": [_rule(one) for one in rules]}
    left_out = len(found) - len(results)
    text = f"{left_out} more results are left out: GitHub takes {RESULTS_MAX} a run and 10 MB compressed"
    notes = [*([_note("warning", text)] if left_out else []), *notes]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
                "results": results,
            }
        ],
    }


def _rule(code: str) -> Json:
    name, sentence, remedy = _about(code)
    return {
        "id": code,
        "name": name,
        "shortDescription": {"text": f"{sentence[0].upper()}{sentence[1:]}."},
        "help": {"text": " ".join((f"{sentence[0].upper()}{sentence[1:]}.", remedy)).rstrip()},
    }


def _about(code: str) -> tuple[str, str, str]:
    """Name, sentence and what to do, of a cause or of a rule of ours."""
    if code in OWN_RULES:
        return *OWN_RULES[code], ""
    cause = BY_CODE[code]
    name = "".join(word.capitalize() for word in cause.name.split("_"))
    return name, cause.sentence, REMEDY.get(cause, f"reseal explain {code}")


def _result(one: Finding, root: str) -> Json:
    told: Json = {
        "ruleId": one.rule,
        "level": _LEVELS[one.level],
        "message": {"text": clean(one.sentences)},
        "locations": [{"physicalLocation": _location(one.region, root)}],
        "partialFingerprints": {"reseal/v1": _fingerprint(one, root)},
        "properties": {"scenario": relative(one.scenario, root), "step": one.step},
    }
    if one.fixes:
        told["fixes"] = [_fix(each, root) for each in one.fixes]
    if one.expected:
        told["suppressions"] = [{"kind": "inSource", "justification": "the scenario expects this refusal"}]
    return told


def _fingerprint(one: Finding, root: str) -> str:
    """Of what stays when lines move: the rule, both files, the step, and what it is anchored to."""
    known = (one.rule, relative(one.region.file, root), one.anchor, relative(one.scenario, root), one.step)
    return hashlib.sha256("\0".join(known).encode("utf-8", "replace")).hexdigest()[:32]


def _location(region: Region, root: str) -> Json:
    return {"artifactLocation": _artifact(region.file, root), "region": _region(region)}


def _artifact(file: str, root: str) -> Json:
    path = relative(file, root)
    is_below = not path.startswith(("/", ".."))
    return {"uri": quote(clean(path))} | ({"uriBaseId": ROOT} if is_below else {})


def _region(region: Region) -> Json:
    told = {
        "startLine": region.line, "startColumn": region.column, "endLine": region.end_line,
        "endColumn": region.end_column,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value}


def _fix(fix: Fix, root: str) -> Json:
    changes = [_artifact_change(file, members, root) for file, members in _by_file(fix.changes)]
    return {"description": {"text": clean(fix.words)}, "artifactChanges": changes}


def _by_file(changes: Iterable[Change]) -> Iterable[tuple[str, list[Change]]]:
    return [(file, list(members)) for file, members in groupby(changes, key=lambda one: one.region.file)]


def _artifact_change(file: str, changes: Sequence[Change], root: str) -> Json:
    return {"artifactLocation": _artifact(file, root), "replacements": [replacement(each) for each in changes]}


def replacement(change: Change) -> Json:
    return {"deletedRegion": _region(change.region), "insertedContent": {"text": change.text}}
