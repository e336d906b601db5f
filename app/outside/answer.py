"""The answer about an incident: its JSON form (ecosystem.md 7.2, last paragraph) and its text (7.1).

A refusal by policy is told by the same explanation as one inside reseal: the log entries that reseal would have kept
are made from the case, so that both show the same cause, statement and words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from app.outside import mend
from app.outside.case import case_of
from app.outside.chain import failure, is_answered_before_it_is_done
from app.outside.event import Incident, incident_of
from app.outside.folder import Folder
from app.outside.papers import Paper
from app.outside.reading import Source
from app.outside.states import State, state_of, states_of
from app.outside.targets import Target, targets_of
from app.outside.verdict import UNKNOWN, Judged, judge
from app.policy import explain, words
from app.policy.causes import Cause
from app.policy.explain_snippet import statement_pointed_at
from app.policy.explain_trace import read as read_trace
from app.policy.explain_values import Explanation, Sure
from app.policy.question import LayerKind, Place
from app.policy.trace import Verdict, to_json

NO_POLICY: Final = "NotAPolicyMatter"
_KEY_REFUSED: Final = re.compile(r"Not authorized to use key (?P<key>\S+)")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is what `--json` prints; `text` what a terminal shows."""

    body: Json
    text: str


def explained(source: Source, folder: Folder, event_id: str = "") -> Answer:
    """Raises Unreadable for an event file that holds no record."""
    incident = _behind(incident_of(source, event_id))
    if incident.code and not incident.is_denied and (state := state_of(incident, folder)):
        return _of_state(incident, state, folder)
    if is_answered_before_it_is_done(incident) and (found := failure(incident, folder)):
        return _of_state(incident, found, folder) if isinstance(found, State) else _of_policy(found, folder, incident)
    targets, open_end = targets_of(incident, folder)
    if not incident.is_denied and (state := next(states_of(targets, folder), None)) and incident.code:
        return _of_state(incident, state, folder)
    return _of_policy(_chosen(incident, targets, open_end, folder), folder, incident)


def _behind(incident: Incident) -> Incident:
    """EC2's AuthFailure about a key stands for the DescribeKey that it made for the caller (ebs.md 1.4 [V])."""
    found = _KEY_REFUSED.search(incident.message)
    if found is None or incident.service != "ec2":
        return incident
    nested = incident.nested("kms:DescribeKey", via="ec2", parameters={"keyId": found["key"]})
    refused = {**nested.record, "errorCode": "AccessDenied", "errorMessage": incident.message}
    return replace(nested, record=refused, is_supposed=False)


def _chosen(incident: Incident, targets: tuple[Target, ...], open_end: str, folder: Folder) -> Judged:
    """Of several keys that may have been meant, the one whose files show the refusal; else nothing is certain."""
    judged = [judge(case_of(incident, target, folder)) for target in targets]
    certain = [one for one in judged if one.is_certain and one.word != Verdict.ALLOWED.value]
    if len(targets) == 1 or not certain:
        chosen, several = judged[0], len(targets) > 1
    else:
        chosen, several = certain[0], len(certain) > 1
    ends = [open_end] if open_end else []
    if several:
        ends.append(f"it may have been {' or '.join(target.arn for target in targets)}")
        return replace(chosen, word=UNKNOWN, cause=None, unknown=(*ends, *chosen.unknown))
    if open_end and len(targets) > 1:
        ends.append(f"{chosen.case.target.arn} is the one whose files show this refusal")
    return replace(chosen, unknown=(*ends, *chosen.unknown))


# Of a decision by policies.


def _of_policy(judged: Judged, folder: Folder, incident: Incident) -> Answer:
    told = _told(judged, incident)
    repairs = mend.repairs(judged) if judged.is_certain and judged.cause else ()
    body = {
        "code": judged.cause.code if judged.cause else None,
        "call": judged.case.incident.call,
        "action": judged.case.incident.action,
        "caller": incident.caller,
        "resource": judged.case.target.arn or None,
        "decision": judged.word,
        "cause": judged.cause.name if judged.cause else None,
        "because": _because(judged, told),
        "looked_at": _looked(folder),
        "unknown": list(judged.unknown),
        "repairs": [one.body for one in repairs],
        "wire_error": _wire(incident),
        "confidence": _confidence(judged, told),
        "title": _title(judged, told),
    }
    return Answer(body, _text(judged, told, body, repairs, incident))


def _told(judged: Judged, incident: Incident) -> Explanation | None:
    """The explanation that reseal would give inside; None where nothing was refused."""
    decision = judged.decision
    if decision.allowed or decision.cause is None:
        return None
    asked = judged.case.incident
    entry = {
        "type": "decision", "id": "event", "request_id": "event", "root": "event", "action": asked.action,
        "resource": judged.question.resource, "allowed": False, "cause": decision.cause.name,
        "body": to_json(decision, judged.question),
    }  # fmt: skip
    call = {
        "type": "call", "request_id": "event", "root": "event", "operation": asked.call, "caller": incident.caller,
        "code": incident.code or "AccessDenied", "message": incident.message, "cause": decision.cause.name,
    }  # fmt: skip
    return explain.explain([entry, call], "event", _labels(judged).get)


def _labels(judged: Judged) -> dict[str, str]:
    return {paper.text: paper.label for paper in judged.case.papers.values()}


def _because(judged: Judged, told: Explanation | None) -> Json:
    case, layer = judged.case, judged.layer
    if judged.word == Verdict.ALLOWED.value:
        return _allowed_by(judged)
    kind = _kind(judged)
    account = _account(judged)
    if judged.decision.cause in (Cause.GRANT_CONSTRAINT, Cause.GRANT_LACKS_OPERATION):
        place = judged.decision.decided_by[0]
        spot = case.grants.get(place.policy)
        return _place("grant", account, spot.file if spot else None, spot.pointer if spot else "", spot and spot.line)
    paper, pointer, line = _spot(judged, told)
    if paper is not None:
        place = _place(kind, account, paper.file, paper.pointer_of(pointer), paper.line_of(line))
        return place | ({"document_path": pointer, "document_line": line} if paper.is_embedded else {})
    file = case.expected.get(layer) if layer else None
    return _place(kind, account, file if file and not _is_missing(judged, file) else None, "", None)


def _is_missing(judged: Judged, file: str) -> bool:
    return any(doubt.file == file for doubt in judged.case.doubts)


def _place(kind: str, account: str, file: str | None, path: str, line: int | None) -> Json:
    return {"account": account or None, "kind": kind, "file": file, "path": path, "line": line}


def _kind(judged: Judged) -> str:
    if judged.word == UNKNOWN or judged.layer is None:
        return "unknown"
    return words.kind_of(judged.layer, judged.question.layers.rule)


def _account(judged: Judged) -> str:
    """Whose policy it is."""
    is_owners = judged.layer in (LayerKind.RESOURCE, LayerKind.GRANT)
    if judged.layer in (LayerKind.SCP, LayerKind.RCP):
        place = next(iter(judged.decision.decided_by), None)
        return place.account if place and place.account else judged.question.principal.account
    return judged.question.resource_account if is_owners else judged.question.principal.account


def _spot(judged: Judged, told: Explanation | None) -> tuple[Paper | None, str, int | None]:
    """The paper to look at, and pointer and line in it: of a Deny the Deny, of silence what came nearest."""
    if told is None or judged.is_by_text:
        return _paper_of_layer(judged), "", None
    trace = read_trace(to_json(judged.decision, judged.question))
    stated = statement_pointed_at(trace)
    if stated is not None:
        spot = stated.place
        paper = judged.case.papers.get(Place(spot.layer, spot.account, spot.policy, spot.attached_to))
        if paper is not None:
            return paper, stated.mark.pointer, stated.mark.line
    return _paper_of_layer(judged), "", None


def _paper_of_layer(judged: Judged) -> Paper | None:
    """The policy that should have spoken: of the level that is silent, else the first of the layer."""
    silent = {one.target for one in judged.decision.layers if one.kind is judged.layer and not one.allows}
    papers = [(place, paper) for place, paper in judged.case.papers.items() if place.layer is judged.layer]
    of_level = (paper for place, paper in papers if place.attached_to in silent)
    return next(of_level, papers[0][1] if papers else None)


def _allowed_by(judged: Judged) -> Json:
    for place in judged.decision.decided_by:
        paper = judged.case.papers.get(replace(place, statement=None, sid=""))
        kind = words.kind_of(place.layer, judged.question.layers.rule)
        if place.layer is LayerKind.GRANT and (spot := judged.case.grants.get(place.policy)):
            return _place("grant", place.account, spot.file, spot.pointer, spot.line)
        if paper is not None and place.statement is not None:
            policy = next(one for one in _policies(judged) if one.place == replace(place, statement=None, sid=""))
            mark = policy.document.statements[place.statement].mark
            return _place(kind, place.account, paper.file, paper.pointer_of(mark.pointer), paper.line_of(mark.line))
    return _place("unknown", "", None, "", None)


def _policies(judged: Judged) -> Any:
    from app.policy.trace import every_policy

    return every_policy(judged.question.layers)


def _looked(folder: Folder) -> list[Json]:
    return [{"file": one.file, "kind": one.kind, "state": one.state} for one in folder.looked]


def _wire(incident: Incident) -> Json | None:
    return {"code": incident.code, "message": incident.message} if incident.code else None


def _confidence(judged: Judged, told: Explanation | None) -> str | None:
    """Documented rules on files that are all there; inferred where something was taken or only AWS's text tells it."""
    if judged.word == UNKNOWN:
        return None
    if judged.unknown or judged.is_by_text:
        return Sure.INFERRED.value
    return (told.confidence.weakest if told else None) or Sure.DOCUMENTED.value


def _title(judged: Judged, told: Explanation | None) -> str:
    action = judged.case.incident.action
    if judged.word == UNKNOWN:
        return f"why {action} was denied depends on what the files do not tell"
    if judged.word == Verdict.ALLOWED.value:
        return f"{action} is allowed by these files"
    return f"{action} was denied: {judged.cause.sentence}" if judged.cause else f"{action} was denied"


# Of a state.


def _of_state(incident: Incident, state: State, folder: Folder) -> Answer:
    remedies = mend.of_state(state)
    body: Json = {
        "code": state.cause.code,
        "call": incident.call,
        "action": incident.action,
        "caller": incident.caller,
        "resource": state.resource or None,
        "decision": NO_POLICY,
        "cause": state.cause.name,
        "because": _place(state.kind, state.account, state.file, state.pointer, state.line),
        "looked_at": _looked(folder),
        "unknown": list(state.unknown),
        "repairs": [one.body for one in remedies],
        "wire_error": _wire(incident),
        "confidence": (Sure.INFERRED if state.unknown else Sure.DOCUMENTED).value,
        "title": f"{incident.call} failed: {state.cause.sentence}",
    }
    return Answer(body, _plainly(body, remedies))


# Text.


def _text(
    judged: Judged, told: Explanation | None, body: Json, repairs: tuple[mend.Repaired, ...], incident: Incident
) -> str:
    if told is None or judged.cause is None or judged.is_by_text:
        return _plainly(body, repairs)
    saw = f"{incident.code}: {incident.message}" if incident.code else "no error: it failed later"
    shown = replace(told, unknown=judged.unknown, saw=saw, repairs=tuple(one.mending for one in repairs if one.mending))
    return explain.text(shown)


def _plainly(body: Mapping[str, Any], repairs: tuple[mend.Repaired, ...]) -> str:
    """What can be said without a statement to point at."""
    because = body["because"]
    lines = [f"error[{body['code']}]: {body['title']}" if body["code"] else f"{body['decision']}: {body['title']}", ""]
    lines += [f"  caller    {body['caller'] or 'not told'}", f"  resource  {body['resource'] or 'not told'}"]
    if because["file"]:
        lines.append(f"  --> {because['file']}:{because['line'] or 1}   {because['kind']}")
    cause = body["cause"]
    if cause and (remedy := words.REMEDY.get(Cause[cause])):
        lines += ["", f"help: {remedy}"]
    lines += [f"   {command}" for one in repairs for command in one.commands]
    wire = body["wire_error"]
    lines += ["", f"what the caller saw: {wire['code']}: {wire['message']}"] if wire else []
    lines += [f"not known: {one}" for one in body["unknown"]]
    return "\n".join(lines)
