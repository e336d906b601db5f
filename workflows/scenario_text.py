"""The text of a scenario file that reseal writes: sections as blocks, and a mapping on one line where it fits."""

# pyright: basic

from __future__ import annotations

import json
import re
from typing import Any, ClassVar, Final

import yaml

from workflows.port import Json

LINE: Final = 110
COMMENT: Final = "#"  # key of a step under which stands what is written above it


class _Flow(dict[str, Any]):
    """A mapping written on one line where it fits."""


def _on_a_line(value: Json) -> Json:
    """As a flow mapping where that fits on a line; else a line an entry, each fitting if it can."""
    if len(json.dumps(value)) < LINE - 20:
        return _Flow(value)
    return {key: _on_a_line(inner) if isinstance(inner, dict) else inner for key, inner in value.items()}


def _flow(dumper: yaml.SafeDumper, value: _Flow) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=True)


class _Dumper(yaml.SafeDumper):
    yaml_representers: ClassVar[dict[Any, Any]] = {**yaml.SafeDumper.yaml_representers, _Flow: _flow}

    def choose_scalar_style(self) -> str:
        """Double quotes where some are needed, as in the scenarios that people write."""
        style = super().choose_scalar_style()
        return '"' if style == "'" else style

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def scenario_text(whole: Json, first_line: str = "") -> str:
    """YAML; `first_line`: the question that the file answers, as a comment, and what else is to be said above all."""
    shown: Json = {**whole, "accounts": _Flow(whole["accounts"])}
    for section in ("given", "steps"):
        if section in shown:
            shown[section] = [
                {
                    key: _on_a_line(value) if isinstance(value, dict) else value
                    for key, value in step.items()
                    if key != COMMENT
                }
                for step in shown[section]
            ]
    if "principals" in shown:
        shown["principals"] = {name: _on_a_line(spec) for name, spec in shown["principals"].items()}
    body = yaml.dump(shown, Dumper=_Dumper, sort_keys=False, width=LINE, allow_unicode=True)
    body = _commented(body, whole)
    head = "".join(f"# {line}\n" for line in first_line.splitlines())
    return head + re.sub(r"^(accounts|principals|given|steps):", r"\n\g<0>", body, flags=re.MULTILINE)


def _commented(body: str, whole: Json) -> str:
    """With each step's comment on a line above it."""
    comments = {
        step["id"]: step[COMMENT]
        for section in ("given", "steps")
        for step in whole.get(section) or ()
        if COMMENT in step
    }
    lines: list[str] = []
    for line in body.splitlines():
        if comment := comments.get(line.removeprefix("  - id: ")):
            lines.append(f"  # {comment}")
        lines.append(line)
    return "\n".join(lines) + "\n"
