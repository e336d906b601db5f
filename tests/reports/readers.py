"""Strict small readers of what CI servers read: they refuse whatever their specification does not have.

SARIF: the objects, members and types of sarif-schema-2.1.0 (OASIS) that reseal writes, each closed. JUnit: elements and
attributes of Jenkins' junit-10.xsd, and three more that other readers take. TAP: the grammar of TAP 14.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import jsonschema
import yaml

# SARIF


def closed(required: str, properties: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object", "properties": dict(properties), "required": required.split(), "additionalProperties": False,
    } | more  # fmt: skip


def listed(items: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": dict(items)} | more


TEXT = {"type": "string"}
FROM_1 = {"type": "integer", "minimum": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = closed("text", {"text": TEXT})
REGION = closed("", dict.fromkeys(("startLine", "startColumn", "endLine", "endColumn"), FROM_1), minProperties=1)
ARTIFACT = closed("", {"uri": {"type": "string", "format": "uri-reference"}, "uriBaseId": TEXT})
REPLACEMENT = closed("deletedRegion", {"deletedRegion": REGION, "insertedContent": closed("text", {"text": TEXT})})
CHANGE = closed(
    "artifactLocation replacements",
    {"artifactLocation": ARTIFACT, "replacements": listed(REPLACEMENT, minItems=1)},
)
FIX = closed("artifactChanges", {"description": MESSAGE, "artifactChanges": listed(CHANGE, minItems=1)})
LOCATION = closed(
    "", {"physicalLocation": closed("artifactLocation", {"artifactLocation": ARTIFACT, "region": REGION})}
)
RESULT = closed(
    "message",
    {
        "ruleId": TEXT, "ruleIndex": {"type": "integer", "minimum": -1}, "level": LEVEL, "message": MESSAGE,
        "locations": listed(LOCATION), "partialFingerprints": {"type": "object", "additionalProperties": TEXT},
        "fixes": listed(FIX, uniqueItems=True), "properties": {"type": "object"},
        "suppressions": listed(
            closed("kind", {"kind": {"enum": ["inSource", "external"]}, "justification": TEXT}), uniqueItems=True
        ),
    },
)  # fmt: skip
RULE = closed("id", {"id": TEXT, "name": TEXT, "shortDescription": MESSAGE, "help": MESSAGE})
TOOL = closed("driver", {"driver": closed("name", {"name": TEXT, "rules": listed(RULE, uniqueItems=True)})})
NOTIFICATIONS = listed(closed("message", {"level": LEVEL, "message": MESSAGE}))
INVOCATION = closed(
    "executionSuccessful",
    {"executionSuccessful": {"type": "boolean"}, "toolExecutionNotifications": NOTIFICATIONS},
)
RUN = closed(
    "tool",
    {
        "tool": TOOL, "results": listed(RESULT), "invocations": listed(INVOCATION),
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    },
)  # fmt: skip
SARIF = closed("version runs", {"$schema": TEXT, "version": {"const": "2.1.0"}, "runs": listed(RUN)})


def sarif(log: Any) -> list[dict[str, Any]]:
    """The results; an error for what the schema has not, or a rule that is not there."""
    jsonschema.Draft202012Validator(SARIF, format_checker=jsonschema.FormatChecker()).validate(log)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    assert all(rules[one["ruleIndex"]] == one["ruleId"] for one in run["results"])
    return run["results"]


# JUnit

COUNTS = {"tests", "failures", "errors"}
FAILED = {"failure", "error", "skipped"}
XSD: dict[str, tuple[set[str], set[str], set[str]]] = {  # element -> attributes needed, others, elements inside
    "testsuites": (set(), {"name", "time"} | COUNTS, {"testsuite"}),
    "testsuite": ({"name"} | COUNTS, {"time", "skipped"}, {"testcase"}),
    "testcase": ({"name"}, {"time", "classname"}, FAILED),
    **{name: (set[str](), {"type", "message"}, set[str]()) for name in FAILED},
}
BEYOND: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testcase": (set(), {"file", "line"}, {"properties"}),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
}
SUREFIRE_TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def junit(text: str) -> list[ElementTree.Element]:
    """The cases."""
    root = ElementTree.fromstring(text)
    assert root.tag == "testsuites"
    _element(root)
    for each in (root, *root):
        cases = list(each.iter("testcase"))
        told = {
            name: sum(case.find(tag) is not None for case in cases)
            for name, tag in (("failures", "failure"), ("errors", "error"))
        }
        assert {name: int(str(each.get(name))) for name in told} == told
        assert int(str(each.get("tests"))) == len(cases)
    return list(root.iter("testcase"))


def _element(element: ElementTree.Element) -> None:
    nothing: tuple[set[str], set[str], set[str]] = (set(), set(), set())
    parts = zip(XSD.get(element.tag, nothing), BEYOND.get(element.tag, nothing), strict=True)
    needed, others, inside = (one | other for one, other in parts)
    assert needed <= set(element.keys()) <= needed | others, (element.tag, element.attrib)
    assert SUREFIRE_TIME.fullmatch(element.get("time", "0"))
    for inner in element:
        assert inner.tag in inside, (element.tag, inner.tag)
        _element(inner)


# TAP

POINT = re.compile(r"(?P<not>not )?ok (?P<number>\d+) - (?P<name>(?:[^\\#]|\\[\\#])*?)(?: # SKIP (?P<skip>.*))?")


@dataclass
class Point:
    ok: bool
    name: str
    skip: str | None
    told: dict[str, Any] = field(default_factory=dict[str, Any])


def tap(text: str) -> list[Point]:
    """The test points: version, plan, points in their order, each with at most one YAML block, and nothing else."""
    assert text.endswith("\n")
    lines = text.removesuffix("\n").split("\n")
    assert lines[0] == "TAP version 14"
    plan = re.fullmatch(r"1\.\.(\d+)", lines[1])
    assert plan
    points: list[Point] = []
    rest = iter(lines[2:])
    for line in rest:
        if line == "  ---":
            assert not points[-1].told
            block: list[str] = []
            for inner in rest:
                if inner == "  ...":
                    break
                assert inner.startswith("  "), inner
                block.append(inner[2:])
            else:
                raise AssertionError("a YAML block that does not end")
            points[-1].told = yaml.safe_load("\n".join(block))
            continue
        found = POINT.fullmatch(line)
        assert found, line
        assert int(found["number"]) == len(points) + 1
        points.append(Point(not found["not"], re.sub(r"\\([\\#])", r"\1", found["name"]), found["skip"]))
    assert len(points) == int(plan[1])
    return points
