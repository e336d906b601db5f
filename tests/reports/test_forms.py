"""JUnit, TAP, SARIF, GitHub's commands, JSON: what each tells, and that nothing a scenario says breaks out of it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from tests.reports.conftest import HOSTILE, POLICY, POLICY_COLUMN, POLICY_LINE
from workflows.reports import (
    FORMATS,
    MEDIA_TYPES,
    Case,
    Ended,
    Finished,
    NotRun,
    Reason,
    github,
    junit,
    render,
    sarif,
    tap,
)
from workflows.reports.cases import Outcome
from workflows.reports.findings import findings
from workflows.yaml_marks import Mark, Mistake

INVALID = NotRun("bad.reseal.yaml", Reason.INVALID, "not valid", (Mistake(Mark("bad.reseal.yaml", 4, 2), "unknown"),))
UNREACHABLE = NotRun("far.reseal.yaml", Reason.UNREACHABLE, "nothing answers")


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_takes_every_end_of_a_run_and_gives_the_same_bytes_twice(
    form: str, happy: Finished, expected: Finished, broken: Finished, hostile: Finished
) -> None:
    ended = [happy, expected, broken, hostile, INVALID, UNREACHABLE]
    assert render(form, ended) == render(form, ended)
    assert render(form, ended).encode().decode()
    assert form in MEDIA_TYPES


# JUnit


def suites(ended: list[Ended], root: str = "") -> ElementTree.Element:
    return ElementTree.fromstring(render("junit", ended, root))


def test_junit_has_a_suite_a_file_and_a_case_a_run(happy: Finished, broken: Finished, repository: Path) -> None:
    found = suites([happy, broken, INVALID, UNREACHABLE], str(repository))
    assert [suite.get("name") for suite in found][1:] == ["share.reseal.yaml", "bad.reseal.yaml", "far.reseal.yaml"]
    assert [len(suite.findall("testcase")) for suite in found] == [1, 1, 1, 1]
    assert {name: found.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "4", "failures": "1", "errors": "2",
    }  # fmt: skip


def test_junit_says_where_a_failing_run_failed_and_which_run_it_was(broken: Finished, repository: Path) -> None:
    (case,) = suites([broken], str(repository)).iter("testcase")
    failure = case.find("failure")
    assert failure is not None
    assert re.match(r".*share\.reseal\.yaml:\d+:\d+: ", str(failure.get("message")))
    assert "error[D201]: kms:CreateGrant was denied" in str(failure.text)
    assert {each.get("name"): each.get("value") for each in case.iter("property")} == {
        "run": "run", "seed": "7", "workflow": "snapshot_sharing", "end": "refused",
    }  # fmt: skip
    assert int(str(case.get("line"))) > 1


def test_junit_follows_the_schema_that_ci_servers_read(happy: Finished, broken: Finished, hostile: Finished) -> None:
    """Method: element order and attributes of Jenkins' junit-10.xsd, as far as we write them."""
    found = suites([happy, broken, hostile, INVALID])
    assert found.tag == "testsuites"
    for suite in found:
        assert (suite.tag, set(suite.keys())) == (
            "testsuite", {"name", "tests", "failures", "errors", "skipped", "time"},
        )  # fmt: skip
        assert int(str(suite.get("tests"))) == len(suite)
        for case in suite:
            assert (case.tag, {"name", "classname", "time"} <= set(case.keys())) == ("testcase", True)
            assert re.fullmatch(r"\d+\.\d{3}", str(case.get("time")))
            assert [each.tag for each in case] in (
                ["properties"], ["properties", "failure"], ["properties", "error"], ["error"],
            )  # fmt: skip
            assert all(set(each.keys()) == {"message", "type"} for each in case if each.tag in ("failure", "error"))


def test_junit_groups_the_cells_of_a_sweep_under_their_file() -> None:
    cells = [Case("a", "x=1"), Case("a", "x=2", Outcome.FAILED, message="no"), Case("b", "x=1")]
    found = ElementTree.fromstring(junit.of_cases(cells))
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in found] == [
        ("a", "2", "1"), ("b", "1", "0"),
    ]  # fmt: skip


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x1b", "\ud800", "￾", "\x85"])
def test_characters_that_a_file_can_not_hold_are_replaced(character: str) -> None:
    case = Case("f", f"a{character}b", Outcome.FAILED, message=f"m{character}", detail=f"d{character}")
    found = ElementTree.fromstring(junit.of_cases([case]).encode())
    assert next(found.iter("testcase")).get("name") == "a�b"
    assert tap.of_cases([case]).encode()


# TAP


def blocks(text: str) -> list[dict[str, Any]]:
    return [yaml.safe_load(block) for block in re.findall(r"(?ms)^  ---\n(.*?)^  \.\.\.$", text)]


def test_tap_has_a_plan_and_a_point_a_run_with_yaml_under_it(happy: Finished, broken: Finished) -> None:
    text = render("tap", [happy, broken])
    assert text.startswith("TAP version 14\n1..2\nok 1 - Share an encrypted snapshot")
    assert "\nnot ok 2 - Share an encrypted snapshot" in text
    good, bad = blocks(text)
    assert good["end"] == "restored"
    assert bad["severity"] == "fail"
    assert "error[D201]" in bad["detail"]


def test_tap_keeps_a_name_on_its_line_and_out_of_directives() -> None:
    text = tap.of_cases([Case("f", "one\nok 7 # SKIP \\")])
    assert "ok 1 - one ok 7 \\# SKIP \\\\\n" in text


# SARIF


def result_of(ended: list[Ended], root: str = "") -> list[dict[str, Any]]:
    return json.loads(render("sarif", ended, root))["runs"][0]["results"]


def test_sarif_points_at_the_element_of_the_policy_and_at_the_step(broken: Finished, repository: Path) -> None:
    first, *others = result_of([broken], str(repository))
    assert (first["ruleId"], first["level"]) == ("D201", "error")
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": POLICY, "uriBaseId": "%SRCROOT%"}
    assert (place["region"]["startLine"], place["region"]["startColumn"]) == (POLICY_LINE, POLICY_COLUMN)
    assert {one["ruleId"] for one in others} == {"unmet-expectation"}


def test_a_fix_applied_to_the_file_gives_the_edited_policy(broken: Finished, repository: Path) -> None:
    """Method: each fix is applied as SARIF says; then the share runs to its end."""
    import shutil

    from tests.reports.conftest import finished

    fixes = result_of([broken], str(repository))[0]["fixes"]
    assert fixes
    for number, fix in enumerate(fixes):
        mended = repository.parent / f"mended-{repository.name}-{number}"
        shutil.copytree(repository, mended)
        for change in fix["artifactChanges"]:
            path = mended / change["artifactLocation"]["uri"]
            path.write_text(applied(path.read_text(), change["replacements"]), encoding="utf-8")
        assert "${{ accounts.target }}" in (mended / POLICY).read_text()
        assert finished(mended / "share.reseal.yaml").report.state == "restored", fix["description"]


def applied(text: str, replacements: list[dict[str, Any]]) -> str:
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    for each in reversed(replacements):
        region = each["deletedRegion"]
        start = starts[region["startLine"] - 1] + region["startColumn"] - 1
        end = starts[region["endLine"] - 1] + region["endColumn"] - 1
        text = text[:start] + each["insertedContent"]["text"] + text[end:]
    return text


def test_a_refusal_that_the_scenario_expects_is_a_note_that_is_suppressed(expected: Finished) -> None:
    (one,) = result_of([expected])
    assert (one["ruleId"], one["level"]) == ("D101", "note")
    assert one["suppressions"] == [{"kind": "inSource", "justification": "the scenario expects this refusal"}]


def test_fingerprints_stay_when_lines_move(broken: Finished, repository: Path) -> None:
    import shutil

    from tests.reports.conftest import finished

    moved = repository.parent / f"moved-{repository.name}"
    shutil.copytree(repository, moved)
    for name in (POLICY, "share.reseal.yaml"):
        path = moved / name
        path.write_text("\n\n" + path.read_text(), encoding="utf-8")
    before, after = result_of([broken], str(repository)), result_of([finished(moved / "share.reseal.yaml")], str(moved))
    assert [one["partialFingerprints"] for one in before] == [one["partialFingerprints"] for one in after]
    assert len({one["partialFingerprints"]["reseal/v1"] for one in before}) == len(before)


def test_sarif_has_the_form_of_its_schema(broken: Finished, expected: Finished, hostile: Finished) -> None:
    """Method: required members, types and cross references of sarif-schema-2.1.0, as far as we write them."""
    log = json.loads(render("sarif", [broken, expected, hostile, INVALID, UNREACHABLE]))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [sorted(rule) for rule in rules] == [["help", "id", "name", "shortDescription"]] * len(rules)
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
        assert one["level"] in ("error", "warning", "note")
        assert isinstance(one["message"]["text"], str)
        for place in one["locations"]:
            region = place["physicalLocation"]["region"]
            assert all(isinstance(value, int) and value >= 1 for value in region.values())
            assert re.fullmatch(r"[\w./%~-]+", place["physicalLocation"]["artifactLocation"]["uri"])
        for fix in one.get("fixes", ()):
            assert all(change["replacements"] for change in fix["artifactChanges"])


def test_sarif_leaves_out_the_least_telling_and_says_so(
    broken: Finished, expected: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sarif, "RESULTS_MAX", 1)
    (run,) = json.loads(render("sarif", [expected, broken]))["runs"]
    assert [one["level"] for one in run["results"]] == ["error"]
    (notice,) = run["invocations"][0]["toolExecutionNotifications"]
    assert "more results are left out" in notice["message"]["text"]


def test_sarif_stays_below_what_github_takes_compressed(broken: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "COMPRESSED_BYTES_MAX", 3_000)
    import zlib

    text = render("sarif", [broken] * 200)
    assert len(zlib.compress(text.encode())) <= 3_000
    assert "more results are left out" in text


# GitHub


def commands(text: str) -> list[str]:
    """Lines that a runner obeys: those that are not between stop-commands and its token."""
    obeyed, token = [], ""
    for line in text.splitlines():
        if token:
            token = "" if line == f"::{token}::" else token
        elif found := re.fullmatch(r"::stop-commands::(\w+)", line):
            token = found[1]
        elif line.lstrip().startswith("::"):
            obeyed.append(line)
    assert not token
    return obeyed


def test_a_refusal_is_annotated_at_the_policy_and_its_consequence_at_the_step(
    broken: Finished, repository: Path
) -> None:
    errors = [line for line in commands(render("github", [broken], str(repository))) if line.startswith("::error")]
    policy, *others = errors
    assert policy.startswith(
        f"::error file={POLICY},line={POLICY_LINE},endLine={POLICY_LINE},col={POLICY_COLUMN},endColumn=15,"
        "title=kms%3ACreateGrant is denied [D201]::"
    )
    assert others
    assert all(line.startswith("::error file=share.reseal.yaml,line=") for line in others)


def test_a_refusal_that_is_expected_is_a_notice_at_most(expected: Finished) -> None:
    found = [line.split()[0] for line in commands(render("github", [expected])) if "file=" in line]
    assert found == ["::notice"]


def test_the_last_refusal_is_a_warning_where_only_the_end_is_not_as_expected(tmp_path: Path) -> None:
    """The steps went as their scenario says; it ends elsewhere, most likely by that refusal."""
    from tests.reports.conftest import SILENT, finished

    path = tmp_path / "s.reseal.yaml"
    path.write_text(
        f"reseal: 1\nname: x\nextends: {os.path.relpath(SILENT, tmp_path)}\n"
        "finally: {expect: {graph: {path: {from: copy.SnapshotId, to: target-key}}}}\n",
        encoding="utf-8",
    )
    found = [line for line in commands(render("github", [finished(path)])) if "file=" in line]
    assert [line.split()[0] for line in found] == ["::error", "::warning"]
    assert found[0].startswith(f"::error file={path},line=4,")
    assert "%0Akms:CreateGrant was denied" in found[0]


def test_what_a_scenario_says_is_no_command(hostile: Finished) -> None:
    """Method: lines outside of stopped regions are ours, and hold no raw line break, colon or comma of its words."""
    found = commands(render("github", [hostile]))
    assert {re.match(r"::(\w+)", line)[1] for line in found} <= {"group", "endgroup", "error", "notice"}  # type: ignore[index]
    assert "%25" in "".join(found)
    for line in found:
        properties = re.match(r"::(?:error|notice) (.*?)::", line)
        assert properties is None or all("=" in one for one in properties[1].split(","))


def test_ten_annotations_of_a_level_are_shown_and_the_rest_counted(broken: Finished) -> None:
    text = github.annotated(findings([broken] * 12))
    assert text.count("::error ") == 10
    assert re.search(r"^and \d+ more of level error$", text, re.MULTILINE)
    assert all(POLICY in line for line in text.splitlines() if line.startswith("::error "))


def test_the_summary_is_plain_text_in_markdown_within_its_room(hostile: Finished, broken: Finished) -> None:
    whole = github.summary([broken, hostile])
    assert whole.startswith("## reseal: 0 of 2 as expected\n")
    assert "<script>" not in whole
    assert "<img" not in whole
    for room in (2_000, 5_000, 20_000):
        cut = github.summary([broken, hostile] * 40, room=room)
        assert len(cut.encode()) <= room
        assert re.search(r"and \d+ more, for which there is no room here\n$", cut)


# JSON


def test_the_json_form_tells_each_run_whole(happy: Finished, broken: Finished) -> None:
    told = [json.loads(line) for line in render("json", [happy, broken, INVALID]).splitlines()]
    assert [(one["reseal"], one["kind"], one["ok"]) for one in told] == [
        (1, "run", True), (1, "run", False), (1, "not-run", False),
    ]  # fmt: skip
    assert told[1]["explanations"][0]["repairs"]
    assert told[2]["mistakes"] == [{"file": "bad.reseal.yaml", "line": 4, "column": 2, "message": "unknown"}]


def test_text_holds_nothing_that_a_terminal_would_obey(hostile: Finished) -> None:
    assert "\x1b" not in render("text", [hostile])
    assert HOSTILE[:20] in render("text", [hostile])
