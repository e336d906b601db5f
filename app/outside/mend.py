"""Repairs from outside: edits of the files, each tried by asking again with the files edited.

`verified` says that the question was asked again with the edited documents, whole and in every way that fits, and is
then allowed, and so is all else that the call asks as far as the files tell. No world is there to try the call in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from app.outside.states import State
from app.outside.verdict import Judged
from app.outside.ways import GHOST
from app.policy.causes import Cause
from app.policy.decide import decide
from app.policy.explain_values import Mending
from app.policy.question import LayerKind, Place
from app.policy.repair import Repair, candidates, edited
from app.policy.repair_edit import CannotEdit, Edit, apply
from app.policy.repair_words import commands, mending
from app.policy.words import REMEDY, account_of

SHOWN_MAX: Final = 5
WAYS_MAX: Final = 32  # a repair of a case that may be in more ways is offered, but not called verified
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Repaired:
    body: Json
    commands: tuple[str, ...]
    mending: Mending | None = None


def repairs(judged: Judged) -> tuple[Repaired, ...]:
    """Narrowest first; those only whose every edit is of a file that is there, or makes one."""
    whole = next(iter(judged.ways), judged.question)
    found = [_completed(judged, one) for one in candidates(whole, decide(whole, trace=True))]
    return tuple(_repaired(judged, one) for one in found[:SHOWN_MAX] if _is_of_files(judged, one))


def _completed(judged: Judged, repair: Repair) -> Repair:
    """With what the further questions of the call need, the narrowest each."""
    for question in judged.further:
        changed = edited(question, repair.edits)
        if changed is None or (decision := decide(changed, trace=True)).allowed:
            continue
        if more := candidates(changed, decision):
            repair = repair.then(more[0])
    return repair


def _is_allowed(judged: Judged, repair: Repair) -> bool:
    if len(judged.ways) > WAYS_MAX:
        return False
    asked = (*(judged.ways or (judged.question,)), *judged.further)
    return all((changed := edited(one, repair.edits)) is not None and decide(changed).allowed for one in asked)


def _is_of_files(judged: Judged, repair: Repair) -> bool:
    return all(_file(judged, edit.place) is not None and edit.place.policy != GHOST for edit in repair.edits)


def _file(judged: Judged, place: Place) -> str | None:
    """The file of a policy, or of one that is to be made."""
    paper = judged.case.papers.get(place)
    if paper is not None:
        return paper.file
    return judged.case.expected.get(place.layer) if place.layer is LayerKind.IDENTITY else None


def _repaired(judged: Judged, repair: Repair) -> Repaired:
    is_verified = _is_allowed(judged, repair)
    lines = tuple(_commands(judged, repair))
    body = {
        "edits": _edits(judged, repair),
        "size": repair.size,
        "verified": is_verified,
        "side_effects": list(repair.side_effects),
        "says": list(repair.sentences),
        "commands": list(lines),
    }
    return Repaired(body, lines, _mending(judged, repair, is_verified))


def _commands(judged: Judged, repair: Repair) -> list[str]:
    """Of a boundary the file does not tell which managed policy it is."""
    rule = judged.question.layers.rule
    if any(edit.place.layer is LayerKind.BOUNDARY for edit in repair.edits):
        return ["# save the edited document as a new version of the managed policy that is the boundary"]
    return commands(repair, rule, lambda place: _file(judged, place) or "policy.json")


def _mending(judged: Judged, repair: Repair, is_verified: bool) -> Mending:
    papers = judged.case.papers
    labels = {paper.text: paper.label for paper in papers.values()}

    def text_of(place: Place) -> str:
        return papers[place].text if place in papers else ""

    made = mending(repair, judged.question.layers.rule, text_of, labels.get, verified=is_verified)
    return replace(made, commands=tuple(_commands(judged, repair)))


def _edits(judged: Judged, repair: Repair) -> list[Json]:
    """A document that is text inside its file is set whole, once for all its edits."""
    made: list[Json] = []
    embedded: dict[Place, str] = {}
    for edit in repair.edits:
        paper = judged.case.papers.get(edit.place)
        if paper is None or not paper.is_embedded:
            made.append(_edit(judged, edit))
            continue
        try:
            before = embedded.get(edit.place, paper.text.rstrip(" "))
            embedded[edit.place] = apply(before, edit)
        except CannotEdit:
            continue
    for place, text in embedded.items():
        paper = judged.case.papers[place]
        made.append({"file": paper.file, "path": paper.mark.pointer, "set": text})
    return made


def _edit(judged: Judged, edit: Edit) -> Json:
    paper = judged.case.papers.get(edit.place)
    path = paper.pointer_of(edit.path) if paper else edit.path
    value = True if edit.value is None else edit.value
    return {"file": _file(judged, edit.place), "path": path, edit.op.value: value}


# Where no policy decides: a step to take, which nothing here can try.

_STEPS: Final = {
    Cause.KEY_DISABLED: "aws kms enable-key --key-id {resource}  # in account {account}",
    Cause.KEY_PENDING_DELETION: "aws kms cancel-key-deletion --key-id {resource}  # in {account}, then enable it",
    Cause.SNAPSHOT_NOT_SHARED: (
        "aws ec2 modify-snapshot-attribute --snapshot-id {resource} --attribute createVolumePermission "
        "--operation-type add --user-ids ACCOUNT  # in account {account}"
    ),
}


def of_state(state: State) -> tuple[Repaired, ...]:
    """What would help, as a step; it edits no file."""
    says = REMEDY.get(state.cause)
    if not says:
        return ()
    step = _STEPS.get(state.cause, "")
    account = state.account or account_of(state.resource)
    lines = (step.format(resource=state.resource, account=account),) if step and state.resource else ()
    body = {
        "edits": [], "size": 1, "verified": False, "side_effects": [], "says": [says], "commands": list(lines),
    }  # fmt: skip
    return (Repaired(body, lines),)
