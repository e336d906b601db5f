"""A repair written into the policy files that a scenario names, with everything else in them kept as it is.

What is edited is the file as it stands, with the references that are filled in before the policy is sent.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.policy.repair_edit import CannotEdit, repaired
from app.policy.scan import PolicySyntaxError


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
        return repaired(Path(document["file"]).read_text(encoding="utf-8"), body, document["file"], accounts)
    except (OSError, CannotEdit, PolicySyntaxError) as error:
        raise CannotWrite(f"{document['file']}: {error}") from None


def _replace(path: Path, text: str) -> None:
    """The whole new text, or still the old one."""
    aside = path.with_name(f".{path.name}.new")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, path)
