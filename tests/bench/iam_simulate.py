"""iam-simulate (npm, AGPL) on the same questions, as a program of its own in a scratch folder: nothing of it is kept.

It is given policies as JavaScript objects and reads them anew for each question, checks them, and answers with an
explanation of every statement: beside it stands our time with reading and trace.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = "@cloud-copilot/iam-simulate"
INSTALL_SECONDS_MAX: Final = 120
RUN_SECONDS_MAX: Final = 300

# Reads questions.json; prints the verdicts and the seconds of each round over all questions.
_PROGRAM: Final = """
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'
const questions = JSON.parse(readFileSync('questions.json', 'utf8'))
const verdicts = [], seconds = []
for (let round = 0; round < 14; round++) {
  const begun = process.hrtime.bigint()
  for (const question of questions) {
    const answer = await runSimulation(question, {})
    if (round === 0) verdicts.push(answer.overallResult ?? 'error: ' + JSON.stringify(answer.errors))
  }
  if (round > 3) seconds.push(Number(process.hrtime.bigint() - begun) / 1e9)
}
console.log(JSON.stringify({ verdicts, seconds }))
"""


class Unavailable(Exception):
    """Why it can not be measured here."""


def measured(bodies: Sequence[Mapping[str, Any]], folder: Path) -> tuple[list[str], list[float]]:
    """Its verdicts, and the seconds of each of ten rounds over all questions. Raises Unavailable."""
    _install(folder)
    (folder / "questions.json").write_text(json.dumps([_in_its_words(body) for body in bodies]))
    (folder / "run.mjs").write_text(_PROGRAM)
    done = _run(["node", "run.mjs"], folder, RUN_SECONDS_MAX)
    answer = json.loads(done)
    return answer["verdicts"], answer["seconds"]


def _install(folder: Path) -> None:
    if not shutil.which("npm") or not shutil.which("node"):
        raise Unavailable("npm or node is not installed")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    _run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE], folder, INSTALL_SECONDS_MAX)


def _run(command: list[str], folder: Path, seconds_max: int) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=seconds_max)
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or ["nothing"]
        raise Unavailable(f"{' '.join(command[:2])} said: {said[0]}") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{' '.join(command[:2])} took more than {seconds_max} s") from None
    return done.stdout


def _in_its_words(body: Mapping[str, Any]) -> dict[str, Any]:
    request = body["request"]
    boundaries = [{"name": "boundary", "policy": one} for one in body["permissionsBoundaries"]]
    optional = {
        "resourcePolicy": body["resourcePolicy"],
        "sessionPolicy": body["sessionPolicy"],
        "permissionBoundaryPolicies": boundaries,
    }
    return {
        "request": {
            "principal": request["principal"],
            "action": request["action"],
            "resource": {"resource": request["resource"], "accountId": request["resourceAccount"]},
            "contextVariables": request["context"],
        },
        "identityPolicies": body["identityPolicies"],
        "serviceControlPolicies": _levels(body["serviceControlPolicies"]),
        "resourceControlPolicies": _levels(body["resourceControlPolicies"]),
        **{name: policies for name, policies in optional.items() if policies},
    }


def _levels(levels: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"orgIdentifier": level["ou"], "policies": _named(level["policies"])} for level in levels]


def _named(policies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": f"p{number}", "policy": one} for number, one in enumerate(policies)]
