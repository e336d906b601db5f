"""A repair written into the policy files that a scenario names, with everything else in them kept as it is.

A file may hold references (`${{ accounts.target }}`), filled in before the policy is sent; the edit is made in the file
as it stands, so the references stay, and accounts in what is added are named by them where the file does so, too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from app.policy.question import LayerKind, Place
from app.policy.repair_edit import CannotEdit, Edit, Op, apply
from app.policy.scan import PolicySyntaxError

REFERENCE: Final = "${{ accounts."


class CannotWrite(Exception):
    """No file holds a policy of the repair, or the file is another by now. Nothing was written."""


def write(body: Mapping[str, Any], accounts: Mapping[str, str]) -> list[str]:
    """Make the repair's edits in their files; answers which. `accounts`: alias -> id. All of them, or none."""
    steps = [one["call"] for one in body["steps"]]
    if steps:
        raise CannotWrite(f"it takes calls, not files: {', '.join(steps)}")
    texts = {one["file"]: edited(body, one, accounts) for one in body["documents"]}
    for file, text in texts.items():
        _replace(Path(file), text)
    return list(texts)


def edited(body: Mapping[str, Any], document: Mapping[str, Any], accounts: Mapping[str, str]) -> str:
    """The file of one of the repair's documents, as it is to read."""
    if not document["file"]:
        raise CannotWrite(f"no file is known that holds the {document['name']}")
    try:
        raw = Path(document["file"]).read_text(encoding="utf-8")
        for one in body["edits"]:
            if one["file"] == document["file"]:
                raw = apply(raw, _edit(one, accounts if REFERENCE in raw else {}))
    except (OSError, CannotEdit, PolicySyntaxError) as error:
        raise CannotWrite(f"{document['file']}: {error}") from None
    return raw


def _edit(one: Mapping[str, Any], accounts: Mapping[str, str]) -> Edit:
    op = next(op for op in Op if op.value in one)
    value = None if one[op.value] is True else _named(one[op.value], accounts)
    place = Place(LayerKind.IDENTITY, one["account"], one["policy"], one["attached_to"])  # the file is what counts
    return Edit(place, op, one["path"], value)


def _named(value: Any, accounts: Mapping[str, str]) -> Any:
    """With each account id as the file names it."""
    if isinstance(value, dict):
        return {name: _named(inner, accounts) for name, inner in value.items()}
    if isinstance(value, list):
        return [_named(inner, accounts) for inner in value]
    if isinstance(value, str):
        for alias, id in accounts.items():
            value = value.replace(id, f"{REFERENCE}{alias} }}}}")
    return value


def _replace(path: Path, text: str) -> None:
    """The whole new text, or still the old one."""
    aside = path.with_name(f".{path.name}.new")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, path)
