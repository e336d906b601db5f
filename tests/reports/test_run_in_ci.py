"""`reseal run` where nobody watches: forms, files, exit codes, GitHub Actions, and runs that are broken off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.reports.conftest import HAPPY, POLICY, POLICY_LINE, SILENT
from tests.serving.servers import Server, start
from workflows import session

Reseal = Callable[..., Any]


# as a new user: one step of a job


@pytest.fixture
def in_actions(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reseal: Reseal) -> Path:
    """In the checkout of a job of GitHub Actions; answers the step's summary."""
    summary = tmp_path / "summary.md"
    monkeypatch.chdir(repository)
    for name, value in {
        "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": repository, "GITHUB_STEP_SUMMARY": summary,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(value))
    return summary


def test_one_step_gives_exit_code_junit_annotation_on_the_policy_and_summary(
    reseal: Reseal, in_actions: Path, tmp_path: Path
) -> None:
    result = reseal("run", ".", "--junit", tmp_path / "junit.xml")
    assert result.exit_code == 1
    assert f"\n::error file={POLICY},line={POLICY_LINE}," in result.stdout
    assert ElementTree.parse(tmp_path / "junit.xml").getroot().get("failures") == "1"
    assert in_actions.read_text().startswith("## reseal: 0 of 1 as expected")
    assert result.stderr.splitlines() == [result.stderr.strip()]


def test_paths_are_told_from_the_checkout_wherever_the_step_runs(
    reseal: Reseal, in_actions: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository / "policies")
    assert f"\n::error file={POLICY},line={POLICY_LINE}," in reseal("run", "..").stdout


def test_a_summary_that_is_full_is_not_added_to(reseal: Reseal, in_actions: Path) -> None:
    in_actions.write_text("x" * 999_500, encoding="utf-8")
    assert reseal("run", HAPPY).exit_code == 0
    assert len(in_actions.read_text()) == 999_500


def test_a_format_that_is_named_is_kept_under_actions(reseal: Reseal, in_actions: Path) -> None:
    assert "::" not in reseal("run", HAPPY, "--format", "text").stdout.replace("Encrypt::", "")
    assert not in_actions.exists()


# forms and files


def test_all_reports_are_written_in_one_run(reseal: Reseal, tmp_path: Path) -> None:
    names = {"--junit": "j.xml", "--sarif": "s.sarif", "--html": "r.html", "--tap": "r.tap"}
    result = reseal("run", HAPPY, *(part for flag, name in names.items() for part in (flag, tmp_path / name)))
    assert result.exit_code == 0
    assert "ended     restored" in result.stdout
    begins = ('<?xml version="1.0"', "{", "<!doctype html>", "TAP version 14")
    for name, begin in zip(names.values(), begins, strict=True):
        assert (tmp_path / name).read_text().startswith(begin)


def test_a_report_that_can_not_be_written_is_said_before_anything_runs(reseal: Reseal, tmp_path: Path) -> None:
    result = reseal("run", HAPPY, "--junit", tmp_path / "nowhere/j.xml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--junit: can not write" in result.stderr


def test_tap_and_json_are_all_that_stands_on_stdout(reseal: Reseal) -> None:
    assert reseal("run", HAPPY, SILENT, "--format", "tap").stdout.splitlines()[:2] == ["TAP version 14", "1..2"]
    lines = reseal("run", HAPPY, SILENT, "--format", "json").stdout.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["run", "run"]


def test_json_lines_tell_each_step_as_it_ends(reseal: Reseal) -> None:
    lines = [json.loads(line) for line in reseal("run", SILENT, "--json").stdout.splitlines()]
    kinds = [line["kind"] for line in lines]
    assert kinds == ["begin", *["step"] * (len(kinds) - 2), "end"]
    assert {line["reseal"] for line in lines} == {1}
    assert [line["step"] for line in lines if line["kind"] == "step"][-1] == "copy"
    assert lines[-1]["steps"] == len(kinds) - 2
    assert lines[-1]["explanations"][0]["cause"] == "IDENTITY_SILENT"
    assert "transitions" not in lines[-1]


def test_options_that_contradict_each_other_are_refused(reseal: Reseal, tmp_path: Path) -> None:
    for options in (
        ("--json", "--format", "json"),
        ("--brief", "--format", "tap"),
        ("--run", "x", "--journal", tmp_path / "j"),
        ("--run", "x", "--endpoint", "http://127.0.0.1:9"),
        ("--profile", "source"),
        ("--profile", "source/root="),
    ):
        result = reseal("run", HAPPY, *options)
        assert (result.exit_code, result.stdout) == (2, ""), options
        assert result.stderr.startswith("reseal: "), options


def test_progress_is_a_line_a_step_where_several_files_run_and_none_in_ci(
    reseal: Reseal, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = reseal("run", HAPPY, SILENT, "--format", "json").stderr
    assert "happy-path.reseal.yaml   4 snapshot     ok     200, completed" in told
    assert "copy         ok     200, then error: Given key ID is not accessible" in told
    monkeypatch.setenv("CI", "true")
    assert len(reseal("run", HAPPY, SILENT, "--format", "json").stderr.splitlines()) == 3


# several files


@pytest.fixture
def several(repository: Path, tmp_path: Path) -> dict[int, Path]:
    """A file for each exit code that a file may have."""
    invalid = tmp_path / "invalid.reseal.yaml"
    invalid.write_text("reseal: 1\nname: x\naccounts: [one]\nstep: []\n", encoding="utf-8")
    return {0: HAPPY, 1: repository / "share.reseal.yaml", 2: invalid}


@pytest.mark.parametrize(("codes", "exit_code"), [([0, 1], 1), ([1, 2, 0], 2), ([0], 0)])
def test_the_exit_code_of_several_is_the_highest(
    reseal: Reseal, several: dict[int, Path], codes: list[int], exit_code: int
) -> None:
    result = reseal("run", *(several[code] for code in codes))
    assert result.exit_code == exit_code
    if len(codes) > 1:
        good = codes.count(0)
        assert f"{len(codes)} files: {good} as expected, {len(codes) - good} NOT as expected" in result.stderr


def test_a_file_that_is_not_valid_is_reported_like_one_that_failed(
    reseal: Reseal, several: dict[int, Path], tmp_path: Path
) -> None:
    result = reseal("run", several[2], several[0], "--junit", tmp_path / "j.xml", "--format", "github")
    assert result.exit_code == 2
    assert f"::error file={several[2]},line=4,col=1,title=The file is not valid::unknown key 'step'" in result.stdout
    assert ElementTree.parse(tmp_path / "j.xml").getroot().get("errors") == "1"
    assert f"{several[2]}:4:1: unknown key 'step'" in result.stderr


def test_fail_fast_stops_behind_the_first_that_fails(reseal: Reseal, several: dict[int, Path]) -> None:
    result = reseal("run", several[0], several[1], several[2], "--fail-fast", "--format", "json")
    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 2)
    assert "1 more file not run" in result.stderr


def test_a_bug_of_ours_ends_that_file_alone(
    reseal: Reseal, several: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = session.open_port

    def breaks(scenario: Any, *others: Any) -> Any:
        if scenario.path == str(several[1]):
            raise ZeroDivisionError("oops")
        return whole(scenario, *others)

    monkeypatch.setattr(session, "open_port", breaks)
    monkeypatch.delenv("RESEAL_TRACEBACK", raising=False)
    result = reseal("run", several[1], several[0], "--format", "json")
    assert result.exit_code == 70
    assert "a bug of ours: ZeroDivisionError: oops (RESEAL_TRACEBACK=1 shows where)" in result.stderr
    assert [json.loads(line)["kind"] for line in result.stdout.splitlines()] == ["not-run", "run"]


# broken off, and taken up again


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = start("--clock", "manual")
    yield running
    running.stop()


def interrupted(*options: str) -> tuple[int, list[dict[str, Any]], str]:
    """A run that gets Ctrl-C behind its first step: exit code, JSON lines, stderr."""
    command = [sys.executable, "-c", "from app.cli import main; main()", "run", str(HAPPY), "--json", *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(json.loads(line))
        if lines[-1]["kind"] == "step" and len(lines) == 2:
            process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    stderr = process.stderr.read()
    return process.wait(), lines, stderr


def test_ctrl_c_ends_with_130_and_says_how_the_run_is_taken_up_again(
    reseal: Reseal, server: Server, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.jsonl"
    code, lines, told = interrupted("--endpoint", server.endpoint, "--journal", str(journal))
    assert (code, lines[-1]["kind"], lines[-1]["reason"]) == (130, "not-run", "interrupted")
    assert "Traceback" not in told
    words = told.split()
    run = words[words.index("--run") + 1]
    assert f"take it up again with --journal {journal} --run {run}" in told

    again = reseal(
        "run", HAPPY, "--endpoint", server.endpoint, "--journal", journal, "--run", run, "--json", "--junit",
        tmp_path / "j.xml",
    )  # fmt: skip
    assert again.exit_code == 0
    steps = [json.loads(line) for line in again.stdout.splitlines()]
    known = [line["from_journal"] for line in steps if line["kind"] == "step"]
    assert known == sorted(known, reverse=True)
    assert (known[0], known[-1], len(known)) == (True, False, 8)
    (value,) = [each.get("value") for each in ElementTree.parse(tmp_path / "j.xml").iter("property")][:1]
    assert value == run


def test_ctrl_c_says_that_a_world_in_memory_is_gone(tmp_path: Path) -> None:
    code, _, told = interrupted("--journal", str(tmp_path / "j"))
    assert code == 130
    assert "its world was in memory and is gone: begin it anew" in told


# profiles


@pytest.fixture
def profiles(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's own tools are configured for the server, with a profile for each account's root."""
    config = tmp_path / "config"
    accounts = {"src": "111122223333", "dst": "444455556666", "other": "999988887777"}
    config.write_text(
        "".join(
            f"[profile {name}]\naws_access_key_id = {id}\naws_secret_access_key = root\n"
            for name, id in accounts.items()
        ),
        encoding="utf-8",
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)


CAST = ("--profile", "source/root=src", "--profile", "target/root=dst")


def test_profiles_play_principals_wherever_awss_tools_go(reseal: Reseal, profiles: None) -> None:
    result = reseal("run", HAPPY, *CAST, "--endpoint", "aws")
    assert result.exit_code == 0, result.stdout
    assert "data      volume and restore are the same, block by block" in result.stdout
    assert result.stderr.startswith("in AWS itself: what the runs make there is real")


@pytest.mark.parametrize(
    ("options", "exit_code", "words"),
    [
        (("--endpoint", "aws"), 2, "nobody plays source/root, target/root"),
        (CAST[:2], 2, "nobody plays target/root"),
        (
            (*CAST[:2], "--profile", "target/root=other"),
            2,
            "in account 999988887777, and the scenario's target",
        ),
        ((*CAST[:2], "--profile", "target/root=nobody"), 3, "The config profile (nobody) could not be found"),
        ((*CAST, "--profile", "target/importer=dst"), 2, "and the scenario's target/importer is arn:aws:iam::4444"),
        ((*CAST, "--profile", "target/impoter=dst"), 2, "the scenario has no principal target/impoter; it has source"),
    ],
)
def test_a_cast_that_does_not_fit_is_refused_before_anything_is_done(
    reseal: Reseal, profiles: None, options: tuple[str, ...], exit_code: int, words: str
) -> None:
    result = reseal("run", HAPPY, *options)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert words in result.stderr


def test_a_reseal_server_takes_no_profiles(reseal: Reseal, server: Server) -> None:
    result = reseal("run", HAPPY, *CAST, "--endpoint", server.endpoint)
    assert result.exit_code == 2
    assert "a reseal server makes the principals itself" in result.stderr
