"""What a page tells of one run, as plain values for its template; pictures are the only markup among them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from app.policy.explain_text import text as explained_as_text
from app.policy.explain_values import Answer, Explanation, Mending, Row
from app.policy.repair_words import in_one_line
from app.policy.words import Names, cut, says
from workflows.explanation import because, named, sentence, things
from workflows.reports.ended import Finished
from workflows.reports.html_pictures import graphs, machine
from workflows.reports.places import relative
from workflows.reports.text import result
from workflows.transition import Json, Transition

_WORD = {True: ("good", "✓ YES"), False: ("bad", "✗ NO"), None: ("plain", "")}


def run_view(ended: Finished, prefix: str, root: str) -> dict[str, Any]:
    """`prefix` begins every id of this run on the page."""
    report = ended.report
    names, told = Names({id: alias for alias, id in ended.accounts.items()}), dict(ended.explanations())
    made = things(report)
    steps = [
        _step(each, n, made, names, told.get(each.step), f"{prefix}-{each.section}-{each.step}", root)
        for n, each in _numbered(report.transitions)
    ]
    return {
        "prefix": prefix,
        "description": ended.description,
        "facts": _facts(ended),
        "accounts": dict(ended.accounts),
        "wrong": [(moved(wrong.at, root), wrong.text) for wrong in report.wrong],
        "gist": _gist(ended, steps),
        "stopped": ("unsure: " if report.unsure else "") + report.stopped if report.stopped else "",
        "machine": machine(ended, prefix),
        "given": [step for step in steps if step["section"] == "given"],
        "steps": [step for step in steps if step["section"] == "steps"],
        "graphs": graphs(report, prefix),
    }


def _gist(ended: Finished, steps: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The one step to look at first: what was not as expected, else the last refusal. None where all went well."""
    bad = [step for step in steps if step["tone"] == "bad"] or [step for step in steps if step["tone"] == "refused"][
        -1:
    ]
    if not bad:
        return None
    step = bad[0]
    why = step["why"]
    count = sum(each["section"] == step["section"] for each in steps)
    unmet = [one.sentence for one in step["contracts"] if one.holds is False]
    wrong = [text for _, text in step["wrong"]]
    return {
        "id": step["id"], "tone": step["tone"], "number": step["number"], "count": count, "name": step["name"],
        "section": "step" if step["section"] == "steps" else "set-up step",
        "who": f"{step['principal']} {step['call']}".strip(), "result": step["result"],
        "expected": "as the scenario expects" if step["tone"] == "refused" else "",
        "why": step["because"][:1] or wrong[:1] or unmet[:1],
        "unmet": unmet[:1] if step["because"][:1] or wrong[:1] else [],
        "place": why["place"] or why["place_title"] if why else "",
        "repair": [in_one_line(one) for one in ended.repairs.get(step["step"], ())[:1]],
        "more": len(bad) - 1,
    }  # fmt: skip


def _numbered(transitions: tuple[Transition, ...]) -> Iterator[tuple[int, Transition]]:
    """Numbers within the section."""
    count: dict[str, int] = {}
    for each in transitions:
        count[each.section] = count.get(each.section, 0) + 1
        yield count[each.section], each


def _facts(ended: Finished) -> dict[str, str]:
    report = ended.report
    told = {
        "run": report.run, "workflow": report.workflow, "ended": report.state, "seed": ended.seed or "",
        "data": report.data, "took": f"{ended.seconds:.1f} s",
    }  # fmt: skip
    return {name: value for name, value in told.items() if value}


def moved(at: str, root: str) -> str:
    file, line, column = at.rsplit(":", 2)
    return f"{relative(file, root)}:{line}:{column}"


def _step(
    each: Transition, number: int, made: Mapping[str, str], names: Names, why: Explanation | None, id: str, root: str
) -> dict[str, Any]:
    tone, mark, status = _status(each)
    return {
        "id": id,
        "number": number,
        "section": each.section,
        "step": each.step,
        "name": each.name or each.step,
        "principal": each.principal,
        "account": each.account,
        "region": each.region,
        "call": each.call or f"the clock moves on by {each.parameters.get('advance_ms')} ms",
        "result": result(each) if each.call else "",
        "tone": tone,
        "mark": mark,
        "status": status,
        "state": each.state,
        "next": each.next,
        "request_id": each.request_id,
        "parameters": _json(each.parameters),
        "answer": _json(each.error or each.answer),
        "later": _json(each.later) if each.later else "",
        "because": because(each, made) if each.outcome != "OK" else [],
        "wrong": [(moved(wrong.at, root), wrong.text) for wrong in each.wrong],
        "unchecked": each.unchecked,
        "contracts": each.contracts,
        "change": each.change,
        "calls": [_call(call, made, names) for call in each.calls],
        "events": [_event(event, names) for event in each.events],
        "decisions": [_decision(decision, made, names) for decision in each.decisions],
        "why": why_view(why, root) if why else None,
    }


def _json(value: Json) -> str:
    """A policy inside, which is a text of JSON, is shown as what it says."""
    return json.dumps({name: _opened(one) for name, one in value.items()}, indent=2, ensure_ascii=False)


def _opened(value: object) -> object:
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _status(each: Transition) -> tuple[str, str, str]:
    """Tone, mark and words."""
    if each.wrong:
        return "bad", "✗", "not as expected"
    if each.outcome != "OK":
        return "refused", "⊘", "refused, as expected"
    return "good", "✓", "done"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]


# Rows of a step's tables.


def _call(call: Json, made: Mapping[str, str], names: Names) -> dict[str, str]:
    resources = [cut(named(each, made)) for each in call.get("resources", ()) if each]
    return {
        "time": _time(call["at_ms"]),
        "operation": call["operation"],
        "caller": names.who(call["caller"]),
        "via": call.get("via", ""),
        "about": ", ".join(dict.fromkeys(resources)),
        "code": call.get("code", ""),
        "cause": sentence(call["cause"]) if call.get("cause") else "",
    }


def _event(event: Json, names: Names) -> dict[str, str]:
    body: Json = event.get("body") or {}
    who: Json = body.get("userIdentity") or {}
    return {
        "time": _time(event["at_ms"]),
        "account": names.accounts.get(event["account"], event["account"]),
        "name": str(body.get("eventName", event.get("name", ""))),
        "source": str(body.get("eventSource", "")).partition(".")[0],
        "caller": names.who(who["arn"]) if who.get("arn") else str(who.get("invokedBy") or who.get("accountId", "")),
        "error": ": ".join(str(body[key]) for key in ("errorCode", "errorMessage") if body.get(key)),
    }


def _decision(decision: Json, made: Mapping[str, str], names: Names) -> dict[str, str]:
    return {
        "action": decision["action"],
        "caller": names.who(decision["caller"]),
        "resource": named(decision["resource"], made),
        "tone": "good" if decision["allowed"] else "refused",
        "verdict": "✓ allowed" if decision["allowed"] else "⊘ denied",
        "cause": sentence(decision["cause"]) if decision.get("cause") else _decided_by(decision),
    }


def _decided_by(decision: Json) -> str:
    """What allowed it: "importer, UseSourceKey"."""
    body: Json = decision.get("body") or {}
    places: list[Json] = body.get("decidedBy") or []
    told = [", ".join(part for part in (place.get("policy", ""), place.get("sid", "")) if part) for place in places]
    return "; ".join(dict.fromkeys(told))


# An explanation.


def why_view(why: Explanation, root: str) -> dict[str, Any]:
    place = why.pointed
    where = place.where if place else None
    at = (place.begins or place.where.start) if place else None
    file = relative(where.file, root) if where and where.file else ""
    return {
        "code": why.code,
        "title": why.title,
        "start": why.start,
        "chain": [{"operation": hop.operation, "how": hop.how, "callee": hop.callee} for hop in why.chain],
        "rule": why.rule,
        "answers": [_answer(answer, root) for answer in why.answers],
        "place": f"{file}:{at.line}:{at.column}" if file and at else file,
        "place_title": where.title if where else "",
        "rows": [_row(row) for row in place.rows] if place else [],
        "remarks": place.remarks if place else (),
        "looked": ", ".join(one.words for one in why.looked),
        "sure": [str(why.confidence.weakest or ""), *why.confidence.notes],
        "saw": why.saw,
        "unknown": why.unknown,
        "repairs": [_repair(one, n, root) for n, one in enumerate(why.repairs)],
        "text": explained_as_text(why),
    }


def _answer(answer: Answer, root: str) -> dict[str, str]:
    tone, word = _WORD[answer.yes]
    where = answer.where
    line = f":{where.start.line}" if where and where.start else ""
    place = (f"{relative(where.file, root)}{line}" if where.file else where.title) if where else ""
    sid = f'"{where.sid}"' if where and where.sid else ""
    told = ", ".join(part for part in (" ".join(part for part in (place, sid) if part), answer.because) if part)
    return {"side": f"{answer.side} {says(answer.side)}", "tone": tone, "word": word, "because": told}


def _row(row: Row) -> dict[str, Any]:
    """A line in three parts: before the carets, what stands above them, and behind."""
    end = row.caret + row.length
    return {
        "line": row.line or "",
        "before": row.text[: row.caret] if row.length else row.text,
        "marked": row.text[row.caret : end] if row.length else "",
        "behind": row.text[end:] if row.length else "",
        "note": row.note,
        "label": row.label if row.length else "",
    }


def _repair(one: Mending, number: int, root: str) -> dict[str, Any]:
    terraform: Any = one.body.get("terraform", ())
    headline = one.headline.replace("smallest", "another", 1) if number else one.headline
    return {
        "headline": headline[0].upper() + headline[1:],
        "changes": [(relative(place, root), [_changed(line) for line in lines]) for place, lines in one.changes],
        "notes": one.notes,
        "commands": "\n".join(one.commands),
        "terraform": "\n".join(terraform),
    }


def _changed(line: str) -> tuple[str, str]:
    """(tone, line) of `15 - "Action": ...`."""
    sign = line.lstrip(" 0123456789")[:1]
    return {"+": "plus", "-": "minus"}.get(sign, "same"), line
