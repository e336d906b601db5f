"""Every command and option says what it is for, and the guide knows each command."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import typer
from sources import ROOT

from app import cli
from app.settings import Settings


def commands() -> dict[str, Any]:
    """Commands as the console script has them."""
    cli.mount()
    return typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]


def options() -> Iterator[tuple[str, Any]]:
    for command, declared in commands().items():
        for option in declared.params:
            if option.name not in ("help", "install_completion", "show_completion"):
                yield command, option


def test_every_command_says_what_it_does() -> None:
    assert [name for name, command in commands().items() if not command.help] == []


def test_every_option_says_what_it_sets() -> None:
    assert [f"{command} {option.name}" for command, option in options() if not getattr(option, "help", "")] == []


def test_the_guide_knows_every_command() -> None:
    """Method: `reseal NAME` in docs/index.md."""
    guide = (ROOT / "docs/index.md").read_text()
    assert [name for name in commands() if f"`reseal {name}" not in guide] == []


def test_exit_codes_are_the_documented_ones() -> None:
    """Scripts rely on them. Method: the table in docs/index.md."""
    guide = (ROOT / "docs/index.md").read_text()
    assert [code for code in cli.Exit if f"| {code.value} |" not in guide] == []


def test_every_setting_is_an_option_of_serve() -> None:
    """Each setting stands once. Method: fields of `Settings`; `exposed` is said by `--i-know-it-is-open`."""
    names = {option.name for option in commands()["serve"].params}
    assert {field.name for field in dataclasses.fields(Settings)} - {"exposed"} - names == set()
