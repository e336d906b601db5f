"""The verdict of a case: of all the ways it may be, those that fit what AWS did and said.

A refusal that is known to have happened rules ways out, and the layer that AWS's text names rules out more. What the
remaining ways agree on is the verdict; where they do not agree it is Unknown, and says on what it depends. Where no way
fits, the files are not the whole story: AWS's text is then believed, and the answer says that the files do not show it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from app.outside.case import Case
from app.outside.event import WOULD_WORK
from app.outside.said import Said
from app.outside.ways import GHOST
from app.outside.worlds import World, Worlds, worlds
from app.policy.causes import Cause, refusals
from app.policy.decide import decide
from app.policy.document import DocumentKind, parse
from app.policy.question import LayerKind, Layers, Place, Policy, Question, Rule
from app.policy.statement import Statement
from app.policy.trace import Decision, Verdict, every_policy

UNKNOWN: Final = "Unknown"
Group = tuple[Verdict, LayerKind | None, Cause | None]


@dataclass(frozen=True, slots=True)
class Judged:
    """`decision` is traced, and that of the way shown; `cause` and `word` are the verdict's.

    `is_by_text`: the files do not show the refusal, AWS's text alone tells it. `ways`: the whole question in each way
    that fits, the one shown first; `further`: what else has to be allowed for the call to succeed.
    """

    case: Case
    word: str  # Allowed, ExplicitlyDenied, ImplicitlyDenied, Unknown
    cause: Cause | None
    layer: LayerKind | None
    question: Question
    decision: Decision
    unknown: tuple[str, ...]
    is_by_text: bool = False
    ways: tuple[Question, ...] = ()
    further: tuple[Question, ...] = ()

    @property
    def is_certain(self) -> bool:
        return self.word != UNKNOWN and not self.is_by_text


def judge(case: Case) -> Judged:
    found = worlds(case)
    fitting = _fitting(case, found)
    if not fitting:
        return _by_text(case, found)
    chosen = _agreed(fitting, case.incident.said)
    if chosen is None:
        return _undecided(case, found, fitting)
    decision = decide(chosen.question, trace=True)
    if chosen.decision.allowed and case.incident.is_denied:
        return _judged(case, chosen.question, decision, Verdict.ALLOWED.value, None, ())
    unknown = (*_mattering(found, fitting, chosen), *_rested_on(case, found, chosen), *found.left_out)
    judged = _judged(case, chosen.question, decision, decision.effect.value, decision.cause, unknown)
    return replace(judged, ways=(chosen.whole, *(one.whole for one in fitting if one is not chosen)))


def _judged(
    case: Case, question: Question, decision: Decision, word: str, cause: Cause | None, unknown: Iterable[str]
) -> Judged:
    return Judged(case, word, cause, decision.layer, question, decision, _told(case, unknown))


def _told(case: Case, unknown: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*unknown, *case.gaps)))


# Which ways fit.


def _fitting(case: Case, found: Worlds) -> list[World]:
    incident = case.incident
    if incident.is_supposed:
        return list(found.all)
    if not incident.is_denied:
        happened = not incident.code or incident.code in WOULD_WORK
        allowed = [one for one in found.all if one.decision.allowed] if happened else []
        return allowed or list(found.all)
    fitting = [fit for one in found.all if (fit := _as_told(one, incident.said))]
    fitting = [one for one in fitting if one.decision.effect is incident.said.effect] or fitting
    if fitting or incident.said.layer or incident.said.is_hidden:
        return fitting
    return list(found.all) if all(one.decision.allowed for one in found.all) else []


def _as_told(world: World, told: Said) -> World | None:
    """The way as it fits the refusal: as it is, or the named layer taken by itself where another refuses as well."""
    if world.decision.allowed:
        return None
    if _agrees(world.decision, world.question, told):
        return world
    if told.layer is None or told.is_hidden:
        return None
    alone = only(world.question, told.layer)
    decision = decide(alone)
    return replace(world, question=alone, decision=decision) if _agrees(decision, alone, told) else None


def _agrees(decision: Decision, question: Question, told: Said) -> bool:
    if decision.allowed:
        return False
    if told.is_hidden:
        return decision.on_owner_side or (_is_across(question) and decision.layer is LayerKind.RESOURCE)
    if told.layer is None:
        return told.effect is None or decision.effect is told.effect
    if decision.layer is not told.layer:
        return False
    # AWS notes that the explicit wording of an SCP may stand for a missing Allow too (policy-evaluation.md 5.1 [D])
    return decision.effect is told.effect or told.layer is LayerKind.SCP


def _is_across(question: Question) -> bool:
    account = question.principal.account
    return not account or account != question.resource_account


def only(question: Question, kind: LayerKind) -> Question:
    """The question with every other layer made to allow."""
    layers, keeps = question.layers, {kind}
    if kind is LayerKind.RESOURCE:
        keeps |= {LayerKind.IDENTITY, LayerKind.GRANT}
    opened = Layers(
        identity=layers.identity if LayerKind.IDENTITY in keeps else (_open(LayerKind.IDENTITY),),
        boundary=layers.boundary if LayerKind.BOUNDARY in keeps else None,
        session=layers.session if LayerKind.SESSION in keeps else None,
        scps=layers.scps if LayerKind.SCP in keeps else (),
        rcps=layers.rcps if LayerKind.RCP in keeps else (),
        endpoint=layers.endpoint if LayerKind.ENDPOINT in keeps else None,
        resource=layers.resource if LayerKind.RESOURCE in keeps else _owner(question),
        grants=layers.grants if LayerKind.GRANT in keeps else (),
        rule=layers.rule,
    )
    return replace(question, layers=opened)


_ALLOW: Final = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def _open(kind: LayerKind) -> Policy:
    text = json.dumps({"Statement": [_ALLOW]})
    return Policy(Place(kind, "", GHOST, ""), parse(text, DocumentKind.IDENTITY, lenient=True))


def _owner(question: Question) -> Policy | None:
    if question.layers.rule in (Rule.NONE, Rule.RETIRE):
        return None
    account = question.principal.account
    text = json.dumps({"Statement": [{**_ALLOW, "Principal": {"AWS": account} if account else "*"}]})
    return Policy(Place(LayerKind.RESOURCE, "", GHOST, ""), parse(text, DocumentKind.RESOURCE, lenient=True))


# What they agree on.


def _group(world: World) -> Group:
    return world.decision.effect, world.decision.layer, world.decision.cause


def _agreed(fitting: list[World], told: Said) -> World | None:
    """The first way, where all have its effect and layer (and its cause, unless AWS's text names the layer)."""
    groups = {_group(one) for one in fitting}
    if len(groups) == 1:
        return fitting[0]
    sides = {group[:2] for group in groups}
    return fitting[0] if len(sides) == 1 and (told.layer or told.is_hidden) else None


def _undecided(case: Case, found: Worlds, fitting: list[World]) -> Judged:
    """Shown is the first way; the verdict names none."""
    question = fitting[0].question
    decision = decide(question, trace=True)
    unknown = (*_differing(found, fitting), *found.left_out)
    return Judged(case, UNKNOWN, None, decision.layer, question, decision, _told(case, unknown))


def _mattering(found: Worlds, fitting: list[World], chosen: World) -> list[str]:
    """Choices by which the fitting ways differ although they agree on the verdict's layer."""
    return _differing(found, fitting) if {_group(one) for one in fitting} != {_group(chosen)} else []


def _differing(found: Worlds, fitting: list[World]) -> list[str]:
    """What the verdict depends on: choices of which a single change leads to another group."""
    by_choices = {one.choices: _group(one) for one in fitting}
    names = list[str]()
    for nth, name in enumerate(found.names):
        seen: dict[tuple[int, ...], Group] = {}
        for choices, group in by_choices.items():
            rest = choices[:nth] + choices[nth + 1 :]
            if seen.setdefault(rest, group) != group:
                names.append(name)
                break
    return names or [name for nth, name in enumerate(found.names) if len({key[nth] for key in by_choices}) > 1]


def _rested_on(case: Case, found: Worlds, chosen: World) -> list[str]:
    """What is not told and yet decided: a policy that is not given, an untold key of the deciding statement."""
    decision, layer = chosen.decision, chosen.decision.layer
    files = [one.name for one in case.doubts if one.layer is layer and _is_ghostly(chosen.question.layers, layer)]
    files += [one.name for one in case.doubts if any(place.policy == GHOST and place.layer is one.layer
                                                     for place in decision.decided_by)]  # fmt: skip
    statement = _deciding(chosen)
    if statement is None:
        return files
    asked = {getattr(one, "lookup", "") for one in statement.others}
    names = found.names[len(case.doubts) :]
    return files + [name for key, name in zip(found.keys, names, strict=True) if key.lower() in asked]


def _is_ghostly(layers: Layers, kind: LayerKind | None) -> bool:
    match kind:
        case LayerKind.RESOURCE:
            found = (layers.resource,)
        case LayerKind.IDENTITY:
            found = layers.identity
        case LayerKind.BOUNDARY:
            found = (layers.boundary,)
        case LayerKind.SESSION:
            found = layers.session or ()
        case LayerKind.ENDPOINT:
            found = (layers.endpoint,)
        case LayerKind.SCP | LayerKind.RCP:
            levels = layers.scps if kind is LayerKind.SCP else layers.rcps
            found = tuple(policy for level in levels for policy in level.policies)
        case _:
            found = ()
    return any(one is not None and one.place.policy == GHOST for one in found)


def _deciding(world: World) -> Statement | None:
    place = next(iter(world.decision.decided_by), None)
    if place is None or place.statement is None:
        return None
    whole = replace(place, statement=None, sid="")
    policy = next((one for one in every_policy(world.question.layers) if one.place == whole), None)
    return policy.document.statements[place.statement] if policy else None


# No way fits: AWS's text alone.


def _by_text(case: Case, found: Worlds) -> Judged:
    told, first = case.incident.said, found.all[0]
    decision = decide(first.question, trace=True)
    differ = f"the files do not show this refusal: they are of another time, or not all ({_as_files_say(decision)})"
    if told.layer is None or told.is_hidden or told.effect is None:
        return Judged(
            case, UNKNOWN, None, decision.layer, first.question, decision,
            _told(case, (differ, *_differing(found, list(found.all)))), is_by_text=True,
        )  # fmt: skip
    row = refusals(told.layer, first.question.layers.rule)
    cause = row.denies if told.effect is Verdict.EXPLICITLY_DENIED else row.silent
    shown = Decision(False, told.effect, cause, told.layer, layers=decision.layers)
    return Judged(
        case, told.effect.value, cause, told.layer, first.question, shown, _told(case, (differ,)), is_by_text=True
    )


def _as_files_say(decision: Decision) -> str:
    return (
        "by them it is allowed" if decision.allowed else f"by them {decision.cause.sentence if decision.cause else ''}"
    )
