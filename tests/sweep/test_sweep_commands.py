"""`reseal sweep` and `reseal check` on sweeps: what they print, where, and with which exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from app import cli_check, cli_run, cli_sweep
from tests.sweep import small

SHARE = small.SWEEPS / "keys-and-conditions.reseal.yaml"


@pytest.fixture
def reseal() -> Any:
    app = typer.Typer()
    cli_run.mount(app)
    cli_check.mount(app)
    cli_sweep.mount(app)
    return lambda *arguments: CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)


def test_the_135_cells_of_a_share_come_to_what_their_verdicts_say(reseal: Any) -> None:
    result = reseal("sweep", SHARE, "--workers", 0)
    assert result.exit_code == 0
    assert "135 cells of 162, 27 excluded" in result.stdout
    assert "result    every cell as expected" in result.stdout
    assert "only via differs, in 2 places\n      none or ec2.eu-west-1.amazonaws.com: ends restored" in result.stdout


def test_who_may_restore_comes_to_what_its_verdicts_say(reseal: Any) -> None:
    assert reseal("sweep", small.SWEEPS / "sharing-attributes.reseal.yaml", "--workers", 0).exit_code == 0


def test_json_is_a_line_a_cell_in_order_and_then_a_summary(reseal: Any, tmp_path: Path) -> None:
    result = reseal("sweep", small.write(tmp_path), "--workers", 2, "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line.get("number") for line in lines] == [*range(1, 9), None]
    assert (lines[-1]["result"], lines[-1]["ok"], lines[-1]["counts"][0]) == (
        "summary", True, ["fails at encrypt by no-statement", 4],
    )  # fmt: skip


def test_a_verdict_that_is_wrong_exits_1_at_its_line(reseal: Any, tmp_path: Path) -> None:
    path = small.write(tmp_path, small.FILE.replace("ends: end", "fails-at: encrypt"))
    result = reseal("sweep", path, "--workers", 0)
    assert result.exit_code == 1
    assert f"{path}:30:5" in "".join(result.stdout.split())
    assert "result    2 of 8 cells NOT as expected" in result.stdout


def test_a_sweep_is_told_to_ci_a_case_a_cell(reseal: Any, tmp_path: Path) -> None:
    """The file of a report is asked for before anything runs."""
    from xml.etree import ElementTree

    file = small.ROOT / "scenarios/sweeps/sharing-attributes.reseal.yaml"
    told = reseal("sweep", file, "--junit", tmp_path / "cells.xml", "--tap", tmp_path / "cells.tap")
    assert told.exit_code == 0, told.output
    cases = ElementTree.parse(tmp_path / "cells.xml").getroot().iter("testcase")
    assert sum(1 for _ in cases) == 18
    assert (tmp_path / "cells.tap").read_text(encoding="utf-8").startswith("TAP version 14\n1..18\n")
    assert reseal("sweep", file, "--junit", tmp_path / "nowhere/cells.xml").exit_code == 2


def test_sweeps_in_a_folder_are_left_to_their_own_command(reseal: Any) -> None:
    folder = small.ROOT / "scenarios/sweeps"
    told = reseal("run", folder)
    assert told.exit_code == 5
    assert f"left out: 3 sweeps, which `reseal sweep {folder}` runs" in told.stderr
    assert reseal("run", folder / "sharing-attributes.reseal.yaml").exit_code == 2


def test_an_invalid_sweep_exits_2_and_a_warning_does_not(reseal: Any, tmp_path: Path) -> None:
    good = small.write(tmp_path, small.FILE.replace("salt: [a, b]", "salt: [a]\n    idle: [x]"))
    assert reseal("check", good).exit_code == 0
    assert "s.reseal.yaml:9:5: warning: nothing refers to ${{ matrix.idle }}" in reseal("check", good).stdout
    assert "warning: nothing refers to" in reseal("sweep", good, "--workers", 0).stderr
    bad = small.write(tmp_path, small.FILE.replace("iam: none}", "iam: nine}"))
    for command in ("check", "sweep"):
        result = reseal(command, bad)
        assert result.exit_code == 2
        assert "s.reseal.yaml:28:18: iam has no value 'nine'; did you mean 'none'?" in result.output
    assert json.loads(reseal("check", bad, "--json").stdout)["level"] == "error"


def test_more_cells_than_allowed_exit_2_and_the_limit_can_be_raised(reseal: Any, tmp_path: Path) -> None:
    path = small.write(tmp_path)
    assert "8 cells, and a sweep may have 7" in reseal("sweep", path, "--cells-max", 7).stderr
    assert reseal("sweep", path, "--cells-max", 8, "--workers", 0).exit_code == 0


def test_a_cluster_that_is_not_there_and_a_time_that_is_too_short_exit_3(
    reseal: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.sweep.pool.CONNECT_S", 1)
    path = small.write(tmp_path, small.many(400))
    result = reseal("sweep", path, "--cluster", "tcp://127.0.0.1:9")
    assert (result.exit_code, result.stdout) == (3, "")
    result = reseal("sweep", path, "--workers", 0, "--seconds", 0.01)
    assert result.exit_code == 3
    assert "of 400 cells: it took more than 0.01 s" in result.stdout


def test_a_bug_of_ours_exits_70_and_the_other_cells_are_told(
    reseal: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.sweep import hostile

    monkeypatch.setattr("app.services.all_services", hostile.services)
    path = small.write(tmp_path, small.FILE.replace("[a, b]", f"[a, {hostile.BUG}]"))
    result = reseal("sweep", path, "--workers", 0)
    assert result.exit_code == 70
    assert "met a bug of reseal: RuntimeError: a handler that breaks" in " ".join(result.stdout.split())
    assert "Traceback" not in result.output
    assert "4 of 8 cells NOT as expected" in result.stdout


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_exits_130_and_leaves_no_worker(tmp_path: Path, signum: int) -> None:
    """Method: a process of its own, in a group of its own; interrupted when it has begun to tell results."""
    path = small.write(tmp_path, small.many(1500))
    running = begun("sweep", str(path), "--workers", "2", "--json")
    assert running.stdout is not None
    running.stdout.readline()
    workers = children(running.pid)
    os.kill(running.pid, signum)
    assert running.wait(60) == 130
    running.stdout.close()
    assert len(workers) >= 2
    assert wait_until(lambda: not any(is_there(worker) for worker in workers))


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    running = begun("sweep", str(small.write(tmp_path, small.many(1500))), "--workers", "2", "--json")
    assert running.stdout is not None
    running.stdout.readline()
    workers = children(running.pid)
    running.kill()
    running.wait(30)
    running.stdout.close()
    assert wait_until(lambda: not any(is_there(worker) for worker in workers))


def begun(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from app.cli import main; main()", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=small.ROOT, start_new_session=True
    )


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_there(pid: int) -> bool:
    """A process that still runs; one that has ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(holds: Callable[[], bool]) -> bool:
    for _ in range(200):
        if holds():
            return True
        time.sleep(0.1)
    return False
