"""Why a call was refused, told from the log.

    entries of the log -> story (which call, which decision) -> Explanation (a value) -> text, JSON

One cause first, the one place to look at, what both sides say, everything that was looked at, what the caller saw, and
how sure reseal is that AWS does the same. Nothing is asked of the world: it may have changed since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypedDict

from app.policy import words
from app.policy.causes import BY_CODE, Cause
from app.policy.explain_answers import Sides, confidence, looked, mark
from app.policy.explain_log import Called, Story, story
from app.policy.explain_snippet import Locate, nowhere, pointed, statement_pointed_at
from app.policy.explain_text import text
from app.policy.explain_trace import Trace
from app.policy.explain_trace import read as read_trace
from app.policy.explain_values import Confidence, Explanation, Hop, Pointed, Position, Where, WireError

__all__ = ["Explanation", "about_code", "explain", "text", "to_json"]

NO_POLICY: Final = "NotAPolicyMatter"
UNKNOWN: Final = "Unknown"


def explain(
    entries: Iterable[object],
    about: str = "",
    locate: Locate | None = None,
    *,
    accounts: Mapping[str, str] | None = None,
) -> Explanation | None:
    """The last refusal about a request id, resource id or decision id; about anything where `about` is "".

    `entries`: the log's, as structs or plain JSON. `locate` tells the file of a policy's exact text; `accounts` the
    reader's names of account ids. None where nothing was refused. msgspec.ValidationError: an entry is none of ours.
    """
    found = story(entries, about)
    if found is None:
        return None
    names = words.Names(accounts or {})
    body = found.decided.trace if found.decided else {}
    if body:
        return _by_policy(found, read_trace(body), names, locate or nowhere)
    return _by_state(found, names)


def about_code(code: str) -> str | None:
    """What `reseal explain D201` prints; None for a code that is no cause's."""
    cause = BY_CODE.get(code.upper())
    if cause is None:
        return None
    remedy = words.REMEDY.get(cause)
    return "\n".join((f"{cause.code} {cause.name}", f"  {cause.sentence}.", *([f"  {remedy}"] if remedy else ())))


def _by_policy(found: Story, trace: Trace, names: words.Names, locate: Locate) -> Explanation:
    cause = Cause[trace.cause or found.refused.cause]
    answers = Sides(trace, names, locate).answers()
    place = pointed(trace, names, locate)
    has_texts = bool(trace.documents) or not any(layer.statements for layer in trace.layers)
    return Explanation(
        cause=cause,
        decision=trace.decision.value,
        title=f"{trace.action} was denied{_consequence(found, trace.action)}",
        action=trace.action,
        caller=trace.principal.arn,
        resource=trace.resource,
        rule=words.rule_sentence(trace),
        answers=answers,
        pointed=place,
        looked=looked(trace),
        confidence=confidence(trace, statement_pointed_at(trace), answers, found.failed.seen),
        unknown=() if has_texts else ("the log does not hold the text of the policies",),
        **_told(found, names, trace.resource),
    )


def _by_state(found: Story, names: words.Names) -> Explanation:
    """No policy decided, or the log does not hold the decision: the cause's own sentence, and what would help."""
    refused = found.refused
    cause = Cause[refused.cause] if refused.cause else _cause_of(refused)
    is_policy = cause.layer is not None
    resource = _subject(found, cause)
    remedy = words.REMEDY.get(cause, "")
    first = "The log does not hold the decision." if is_policy else "No policy decides this."
    return Explanation(
        cause=cause,
        decision=UNKNOWN if is_policy or not refused.cause else NO_POLICY,
        title=_state_title(found, cause),
        action=refused.operation,
        caller=refused.caller,
        resource=resource,
        rule=f"{first} {remedy}".rstrip(),
        answers=(),
        pointed=_stateful(cause, resource, names),
        looked=(),
        confidence=Confidence(mark(refused.seen), mark(found.failed.seen), _ours(found)),
        unknown=() if refused.cause else ("the log names no cause: this one goes by the error",),
        **_told(found, names, resource),
    )


def _ours(found: Story) -> tuple[str, ...]:
    return ("this refusal is reseal's own: AWS would go on",) if found.failed.seen == "ours" else ()


def _cause_of(refused: Called) -> Cause:
    """Of a request that was refused for its form, before anything was looked up."""
    return Cause.NOT_SIMULATED if refused.message.startswith(words.NOT_SIMULATED) else Cause.PARAMETERS


def _state_title(found: Story, cause: Cause) -> str:
    refused = found.refused
    if refused is found.failed and found.answered is None:
        return f"{refused.operation} was refused: {cause.sentence}"
    return f"{cause.sentence}{_consequence(found, refused.operation)}"


def _subject(found: Story, cause: Cause) -> str:
    """What the cause is about among the things that the refused call names."""
    begins = words.ABOUT.get(cause.name.partition("_")[0], ())
    named = found.refused.resources
    if found.answered and found.refused is found.failed and found.source_id.startswith(begins):
        return found.source_id
    return next((one for one in named if one.startswith(begins)), next(iter(named), ""))


def _stateful(cause: Cause, resource: str, names: words.Names) -> Pointed | None:
    kind = words.STATE_KIND.get(cause.word)
    if not kind or not resource:
        return None
    kind = "key-state" if resource.startswith(words.ABOUT["KEY"]) else kind
    return Pointed(Where(kind, words.account_of(resource), "", f"{names.thing(resource)}: {cause.sentence}"))


# What every explanation tells of the calls.


class _Told(TypedDict):
    request_id: str
    call: str
    start: str
    chain: tuple[Hop, ...]
    saw: str
    wire_error: WireError


def _told(found: Story, names: words.Names, resource: str) -> _Told:
    failed = found.failed
    made = failed.resources[0] if found.answered and failed.resources else ""
    wire = WireError(failed.code, failed.message, later=found.answered is not None, made=made)
    return {
        "request_id": failed.root,
        "call": failed.operation,
        "start": names.who(failed.caller),
        "chain": _chain(found, names, resource),
        "saw": _saw(found, wire),
        "wire_error": wire,
    }


def _chain(found: Story, names: words.Names, resource: str) -> tuple[Hop, ...]:
    failed, refused = found.failed, found.refused
    service, _, name = failed.operation.partition(":")
    if refused is failed:
        return (Hop(name, "", names.thing(resource) if resource not in ("", "*") else service),)
    is_itself = refused.caller != failed.caller
    how = "as itself" if is_itself else f"on behalf of {words.plain_name(failed.caller)}"
    return (
        Hop(name, "", words.FORWARDED_BY.get(service, service)),
        Hop(refused.operation.partition(":")[2], how, names.thing(resource) or refused.operation.partition(":")[0]),
    )


def _consequence(found: Story, action: str) -> str:
    failed = found.failed
    name = failed.operation.partition(":")[2]
    if found.answered:
        later = words.LATER.get(failed.operation, words.LATER_ELSE)[0]
        return ", so " + later.format(source=found.source_id, operation=name)
    if failed.operation == action:
        return ""
    return f", so {name} was refused"


def _saw(found: Story, wire: WireError) -> str:
    if not wire.later:
        return f"{wire.code}: {wire.message}" if wire.message else f"{wire.code}, without a message"
    form = words.LATER.get(found.failed.operation, words.LATER_ELSE)[1]
    return form.format(made=wire.made, message=wire.message, code=wire.code)


# JSON.


def to_json(explanation: Explanation) -> dict[str, object]:
    """Plain JSON values, in the form that `reseal explain --json` and REST answer (ecosystem.md 7.1 and 7.2).

    `repairs` holds what was put there: a repair is shown once it was tried, by whoever has a world to try it in.
    """
    it = explanation
    place = it.pointed.where if it.pointed else None
    return {
        "code": it.code,
        "cause": it.cause.name,
        "title": it.title,
        "call": it.call,
        "action": it.action,
        "caller": it.caller,
        "resource": it.resource,
        "request_id": it.request_id,
        "decision": it.decision,
        "chain": [{"operation": hop.operation, "how": hop.how, "callee": hop.callee} for hop in it.chain],
        "rule": it.rule,
        "answers": [
            {"side": one.side, "yes": one.yes, "because": one.because, "where": one.where and _where(one.where)}
            for one in it.answers
        ],
        "because": _where(place or Where("unknown", "", "", "")),
        "looked_at": [{"kind": one.kind, "count": one.count, "statements": one.statements} for one in it.looked],
        "unknown": list(it.unknown),
        "repairs": [dict(one.body) for one in it.repairs],
        "wire_error": {
            "code": it.wire_error.code,
            "message": it.wire_error.message,
            "later": it.wire_error.later,
            "resource": it.wire_error.made,
        },
        "confidence": it.confidence.weakest,
        "confidence_notes": list(it.confidence.notes),
    }


def _where(place: Where) -> dict[str, object]:
    return {
        "kind": place.kind,
        "account": place.account,
        "policy": place.policy,
        "title": place.title,
        "sid": place.sid,
        "file": place.file,
        "path": place.pointer,
        "line": place.start.line if place.start else None,
        "span": {"start": _position(place.start), "end": _position(place.end)} if place.start and place.end else None,
    }


def _position(position: Position) -> dict[str, int]:
    return {"line": position.line, "column": position.column, "offset": position.offset}
