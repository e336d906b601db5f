"""A refused decision, read back from the log.

Explanations are made long after the call, from the JSON of `trace.to_json` alone: the world may have changed since.
These are the same values as in trace.py, in the shape in which they are stored; what one may ask of them stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from app.policy.principals import Match
from app.policy.question import LayerKind, PrincipalKind, Rule
from app.policy.scan import Mark
from app.policy.trace import Effect, Outcome, Verdict, Why


class _Stored(msgspec.Struct, frozen=True, rename="camel"):
    """JSON members in lower camel case."""


class Spot(_Stored, frozen=True):
    """trace.Place: where a policy, and in it a statement, stands."""

    layer: LayerKind
    account: str
    policy: str
    attached_to: str
    statement: int | None = None
    sid: str = ""

    @property
    def whole(self) -> Spot:
        """The policy, without the statement."""
        return msgspec.structs.replace(self, statement=None, sid="")


class Element(_Stored, frozen=True):
    element: str
    operator: str
    key: str
    outcome: Outcome
    wanted: tuple[str, ...]
    found: tuple[str, ...]
    why: Why
    match: str
    mark: Mark

    @property
    def is_matched(self) -> bool:
        return self.outcome is Outcome.MATCHED

    @property
    def closeness(self) -> Match:
        return Match[self.match.upper()]


class Stated(_Stored, frozen=True):
    """One statement looked at."""

    place: Spot
    effect: Effect
    applies: bool
    mark: Mark
    elements: tuple[Element, ...]

    @property
    def closeness(self) -> Match:
        """How closely it means the caller; a policy without principals means its holder."""
        named = [one.closeness for one in self.elements if one.element.endswith("Principal")]
        return max(named, default=Match.DIRECT)

    @property
    def missed(self) -> tuple[Element, ...]:
        return tuple(one for one in self.elements if not one.is_matched)


class Given(_Stored, frozen=True):
    """One grant looked at."""

    grant_id: str
    place: Spot | None
    grantee: str
    match: str
    operations: tuple[str, ...]
    operation_granted: bool
    constraint: str
    pairs: tuple[tuple[str, str], ...]
    constraint_holds: bool
    allows: bool


class Layer(_Stored, frozen=True):
    kind: LayerKind
    target_arn: str
    is_exempt: bool
    statements: tuple[Stated, ...]
    grants: tuple[Given, ...]

    def speaks(self, effect: Effect) -> Iterator[Stated]:
        """The statements that apply, to that effect."""
        return (one for one in self.statements if one.applies and one.effect is effect)

    @property
    def allows(self) -> bool:
        return any(self.speaks(Effect.ALLOW)) or any(grant.allows for grant in self.grants)


class Asker(_Stored, frozen=True):
    kind: PrincipalKind
    account: str
    arn: str
    issuer_arn: str = ""


class Paper(_Stored, frozen=True):
    place: Spot
    text: str


class Trace(_Stored, frozen=True):
    """A refused decision and everything it looked at."""

    decision: Verdict
    cause: str | None
    layer: LayerKind | None
    on_owner_side: bool
    decided_by: tuple[Spot, ...]
    principal: Asker
    action: str
    resource: str
    resource_account: str
    rule: Rule
    encryption_context: dict[str, str] | None
    layers: tuple[Layer, ...]
    documents: tuple[Paper, ...] = ()

    @property
    def is_across(self) -> bool:
        return not self.principal.account or self.principal.account != self.resource_account

    def of(self, *kinds: LayerKind) -> tuple[Layer, ...]:
        """The layers of these kinds that bind the caller, in the order of `kinds`."""
        return tuple(one for kind in kinds for one in self.layers if one.kind is kind and not one.is_exempt)

    def exempts(self, kind: LayerKind) -> bool:
        return any(one.kind is kind and one.is_exempt for one in self.layers)

    def statements(self, *kinds: LayerKind) -> Iterator[Stated]:
        return (one for layer in self.of(*kinds) for one in layer.statements)

    def speaking(self, effect: Effect, *kinds: LayerKind) -> Stated | None:
        """The first statement that applies to that effect."""
        return next((one for layer in self.of(*kinds) for one in layer.speaks(effect)), None)

    def grants(self) -> tuple[Given, ...]:
        return tuple(grant for layer in self.layers for grant in layer.grants)

    def papers(self, kind: LayerKind) -> tuple[Paper, ...]:
        return tuple(one for one in self.documents if one.place.layer is kind)

    def text_of(self, place: Spot) -> str | None:
        """The policy as it read then; None where the log does not hold it."""
        return next((one.text for one in self.documents if one.place == place.whole), None)

    def at(self, place: Spot) -> Stated | None:
        return next((one for layer in self.layers for one in layer.statements if one.place == place), None)


# A statement is the nearer to allowing the less of it fails. Farthest from what was meant is one for another principal,
# or of another service.
_FARTHER: Final = {"Condition": 1, "Action": 2, "Resource": 3, "Principal": 5}
_OTHER_SERVICE: Final = 5


def nearest(statements: Iterable[Stated]) -> Stated | None:
    """Of the statements that allow, but not this: the one that came nearest."""
    allowing = [one for one in statements if one.effect is Effect.ALLOW and not one.applies]
    return min(allowing, key=_distance, default=None)


def _distance(statement: Stated) -> int:
    return sum(_farther(one) for one in statement.missed)


def _farther(element: Element) -> int:
    if element.element == "Action":
        services = {action.partition(":")[0].lower() for action in element.wanted}
        if services.isdisjoint(action.partition(":")[0].lower() for action in element.found):
            return _OTHER_SERVICE
    return _FARTHER.get(element.element.removeprefix("Not"), 1)


def read(body: dict[str, Any]) -> Trace:
    """Raises msgspec.ValidationError for what is no trace of `trace.to_json`."""
    return msgspec.convert(body, Trace)
