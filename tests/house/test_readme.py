"""The README is true: the session on its first screen is what the commands print."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def sessions() -> list[tuple[str, str]]:
    """(command, what it prints) of every `$ ` line in a console block."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL):
        parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)[1:]
        found += list(zip(parts[::2], parts[1::2], strict=True))
    return found


@pytest.mark.parametrize(("command", "printed"), sessions())
def test_the_session_on_the_first_screen_is_real(command: str, printed: str) -> None:
    words = shlex.split(command)
    assert words[0] == "reseal"
    reseal = [sys.executable, "-c", "from app.cli import main; main()", *words[1:]]
    ended = subprocess.run(reseal, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert ended.stdout == printed
    assert ended.returncode == 0


def test_the_session_stands_on_the_first_screen() -> None:
    assert README.index("$ reseal run") < 1200


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"^\s+(?:\.venv/bin/)?reseal ([a-z-]+)", README, re.MULTILINE)))
)
def test_every_command_that_is_named_exists(command: str) -> None:
    from typer.main import get_command

    from app import cli

    cli.mount()
    assert command in get_command(cli.app).commands  # type: ignore[attr-defined]
