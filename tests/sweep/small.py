"""A sweep that costs a few milliseconds a cell: who may encrypt with a key, and in which state."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
SWEEPS = ROOT / "scenarios/sweeps"

FILE = """\
reseal: 1
name: Who may encrypt
accounts: {one: "111111111111"}
strategy:
  matrix:
    state: [Enabled, Disabled]
    iam: [full, none]
    salt: [a, b]
principals:
  one/worker: {user: worker, policies: ["iam-${{ matrix.iam }}.json"]}
given:
  - id: key
    as: one/root
    call: kms:CreateKey
    with: {Description: "${{ matrix.salt }}"}
    save: {ARN: KeyMetadata.Arn}
steps:
  - id: disable
    if: matrix.state == 'Disabled'
    as: one/root
    call: kms:DisableKey
    with: {KeyId: "${{ key.ARN }}"}
  - id: encrypt
    as: one/worker
    call: kms:Encrypt
    with: {KeyId: "${{ key.ARN }}", Plaintext: aGVsbG8=}
verdicts:
  - {when: {iam: none}, then: {fails-at: encrypt, error: AccessDeniedException, why: no-statement}}
  - {when: {state: Disabled}, then: {fails-at: encrypt, error: DisabledException, cause: D501}}
  - {otherwise: true, then: {ends: end}}
"""


def policies() -> dict[str, str]:
    allow = {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*"}
    return {
        "iam-full.json": json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
        "iam-none.json": json.dumps({"Version": "2012-10-17", "Statement": []}),
    }


def write(folder: Path, text: str = FILE, files: Mapping[str, str] | None = None) -> Path:
    """The sweep with what stands beside it; answers its path."""
    for name, content in (policies() | dict(files or {})).items():
        (folder / name).write_text(content, encoding="utf-8")
    path = folder / "s.reseal.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def many(cells: int) -> str:
    """The same with about so many cells."""
    salts = ", ".join(f"s{number}" for number in range(-(-cells // 4)))
    return FILE.replace("salt: [a, b]", f"salt: [{salts}]")


def sampled(name: str, cells: int, folder: Path) -> Path:
    """A sweep that ships, with so many of its cells, in a file somewhere else."""
    text = (SWEEPS / name).read_text(encoding="utf-8")
    text = re.sub(r"strategy:\n", f"strategy:\n  sample: {{random: {cells}}}\n", text.replace("  sample: all\n", ""))
    for beside in ("../sharing/", "fixtures/", "policies/"):
        text = re.sub(rf'(?<=[ "\[]){re.escape(beside)}', f"{SWEEPS / beside}/", text)
        text = text.replace(f"file://{beside}", f"file://{SWEEPS / beside}/")
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
