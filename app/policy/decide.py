"""May this principal do this on that? AWS's evaluation, as far as it is known.

An explicit Deny in any layer that binds ends the matter. Otherwise the owner's side, by its rule, is *worth* something
to the caller: what allows him directly leaves nothing to ask, what allows him through his role leaves boundary and
session policies, what allows his account leaves all his own policies. Within an account the policies of a plain
resource need not speak at all; across accounts the owner's word is never worth more than the account's, except a
grant's. SCPs and VPC endpoint policies must allow whatever the owner says.
INVARIANT: `decide` reads the question only; with and without a trace it answers the same.
Source: policy-evaluation.md section 4; what is inferred: inferred.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from app.policy.across import KMS_ACROSS_ACCOUNTS
from app.policy.asked import Asked
from app.policy.causes import Cause, refusals
from app.policy.layers import (
    LEVELS,
    Levels,
    allowed,
    closest,
    closest_grant,
    denied,
    exempt_layers,
    failed_condition,
    trace_grant,
    trace_layers,
)
from app.policy.principals import Match
from app.policy.question import LayerKind, Layers, Place, Question, Rule
from app.policy.trace import Decision, Verdict

__all__ = ["Decision", "Verdict", "decide"]


def _consulted(*kinds: LayerKind) -> tuple[tuple[LayerKind, Callable[[Layers], Levels]], ...]:
    """The kinds, each with its way to the policies."""
    return tuple((kind, LEVELS[kind]) for kind in kinds)


# The order in which AWS's message names a layer that denies (inferred.py, ORDER_OF_NAMING).
_DENIES: Final = _consulted(
    LayerKind.SCP, LayerKind.RCP, LayerKind.ENDPOINT,
    LayerKind.BOUNDARY, LayerKind.SESSION, LayerKind.IDENTITY, LayerKind.RESOURCE,
)  # fmt: skip

# What must still allow when the owner's side is worth so much; in the order of naming. RCPs are not among them:
# inferred.py, RCP_ONLY_DENIES.
_ALWAYS: Final = (LayerKind.SCP, LayerKind.ENDPOINT)
_NEEDED: Final = {
    Match.DIRECT: _consulted(*_ALWAYS),
    Match.THROUGH: _consulted(*_ALWAYS, LayerKind.BOUNDARY, LayerKind.SESSION),
    Match.ACCOUNT: _consulted(*_ALWAYS, LayerKind.BOUNDARY, LayerKind.SESSION, LayerKind.IDENTITY),
}


@dataclass(frozen=True, slots=True)
class _Owner:
    """What the owner's side is worth to the caller, and where it says so."""

    worth: Match
    places: tuple[Place, ...]


def decide(question: Question, *, trace: bool = False) -> Decision:
    """The decision; with `trace` also everything looked at, which costs several times as much."""
    asked = Asked(question)
    exempt = exempt_layers(asked)
    decision = _explicit(asked, exempt) or _implicit(asked, exempt)
    return replace(decision, layers=trace_layers(asked, exempt)) if trace else decision


def _explicit(asked: Asked, exempt: frozenset[LayerKind]) -> Decision | None:
    """The refusal of the first layer that denies."""
    layers = asked.question.layers
    for kind, levels_of in _DENIES:
        if exempt and kind in exempt:
            continue
        for _, policies in levels_of(layers):
            if place := denied(policies, asked):
                cause = refusals(kind, layers.rule).denies
                return _refused(asked, Verdict.EXPLICITLY_DENIED, kind, cause, place)
    return None


def _implicit(asked: Asked, exempt: frozenset[LayerKind]) -> Decision:
    """Allowed, if the owner's side and all that it leaves to ask allow; else the refusal of the first that does not."""
    owner = _owner(asked)
    if owner.worth is Match.NONE:
        cause, place = _owner_silence(asked)
        return _refused(asked, Verdict.IMPLICITLY_DENIED, LayerKind.RESOURCE, cause, place)
    layers, places = asked.question.layers, list(owner.places)
    for kind, levels_of in () if layers.rule is Rule.RETIRE else _NEEDED[owner.worth]:
        if exempt and kind in exempt:
            continue
        for _, policies in levels_of(layers):
            place = allowed(policies, asked)
            if place is None:
                return _silent(asked, kind)
            places.append(place)
    return Decision(True, Verdict.ALLOWED, decided_by=tuple(places))


def _owner(asked: Asked) -> _Owner:
    """A rule a case: what the resource's policy and grants are worth to this caller."""
    across, layers = _is_across(asked), asked.question.layers
    if layers.rule is Rule.NONE:
        return _Owner(Match.NONE if across else Match.ACCOUNT, ())
    if layers.rule is Rule.RETIRE:
        places = tuple(grant.place for grant in layers.grants if grant.place)
        return _Owner(Match.DIRECT if layers.grants else Match.NONE, places)
    if _never_across(asked):
        return _Owner(Match.NONE, ())
    match, place = closest(layers.resource, asked)
    if across:
        match = min(match, _most_across(asked))
    elif layers.rule is Rule.PLAIN:
        match = max(match, Match.ACCOUNT)
    granted, grant_place = closest_grant(asked) if layers.grants else (Match.NONE, None)
    if granted > match:  # inferred.py, GRANT_IS_DIRECT and GRANT_ALONE_ACROSS_ACCOUNTS
        match, place = granted, grant_place
    return _Owner(match, (place,) if place else ())


def _most_across(asked: Asked) -> Match:
    """Across accounts both sides must allow; a caller without an account has no side of his own."""
    return Match.ACCOUNT if asked.question.principal.account else Match.DIRECT


def _is_across(asked: Asked) -> bool:
    account = asked.question.principal.account
    return not account or account != asked.question.resource_account


def _never_across(asked: Asked) -> bool:
    """A caller of another account asks for what key policies and grants can not give there."""
    if asked.question.layers.rule is not Rule.KMS_KEY or asked.action in KMS_ACROSS_ACCOUNTS:
        return False
    return bool(asked.question.principal.account) and _is_across(asked)


def _silent(asked: Asked, kind: LayerKind) -> Decision:
    """The refusal of a layer of which nothing, or one level, does not allow."""
    layers = asked.question.layers
    rows = refusals(kind, layers.rule)
    silent = next(policies for _, policies in LEVELS[kind](layers) if not allowed(policies, asked))
    near = failed_condition(silent, asked)
    return _refused(asked, Verdict.IMPLICITLY_DENIED, kind, rows.condition if near else rows.silent, near)


def _owner_silence(asked: Asked) -> tuple[Cause, Place | None]:
    """Why the owner's side is silent: the nearest miss first."""
    layers = asked.question.layers
    rows = refusals(LayerKind.RESOURCE, layers.rule)
    if layers.rule in (Rule.NONE, Rule.RETIRE):
        return rows.silent, None
    if _never_across(asked):
        return Cause.NEVER_ACROSS_ACCOUNTS, None
    if near := failed_condition((layers.resource,) if layers.resource else (), asked):
        return rows.condition, near
    grants = [grant for grant in (trace_grant(one, asked) for one in layers.grants) if grant.match]
    if broken := next((grant for grant in grants if grant.operation_granted), None):
        return Cause.GRANT_CONSTRAINT, broken.place
    if layers.rule is Rule.KMS_KEY and not _is_across(asked) and (place := allowed(layers.identity, asked)):
        return Cause.ACCOUNT_NOT_DELEGATED, place
    return (Cause.GRANT_LACKS_OPERATION, grants[0].place) if grants else (rows.silent, None)


def _refused(asked: Asked, verdict: Verdict, kind: LayerKind, cause: Cause, place: Place | None) -> Decision:
    on_owner_side = kind in (LayerKind.RESOURCE, LayerKind.RCP) and _is_across(asked)
    return Decision(False, verdict, cause, kind, on_owner_side, (place,) if place else ())
