"""A statement and its elements.

Each element answers for itself whether it matches a question, quickly (`outcome`) or with both sides shown (`trace`);
a statement applies when all its elements match. What an element reads is one thing: the action, the resource, the
caller's names, one key. Its trace is a function of that, and remembered by it (bounded). An element that can not be
evaluated (an operator reseal does not know) counts against the caller: it makes a Deny apply and an Allow not
(inferred.py, NOT_EVALUABLE_COUNTS_AGAINST).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol

from app.policy.asked import Asked
from app.policy.match import Pattern, Test, plain_text, resource_test
from app.policy.principals import Match, Names
from app.policy.question import Place
from app.policy.scan import Mark
from app.policy.trace import TRACES_KEPT, Effect, ElementTrace, Outcome, StatementTrace, Why, statement_place
from app.policy.variables import Lookup, Template, no_value, render

Patterns = tuple[Pattern | None, ...]  # None: a variable in it has no value


class Element(Protocol):
    """Anything a statement asks for."""

    def outcome(self, asked: Asked) -> Outcome: ...

    def trace(self, asked: Asked) -> ElementTrace: ...


@dataclass(frozen=True, slots=True, eq=False)
class ActionElement:
    """Action or NotAction. Depends on the action's name alone, so documents may remember its answer."""

    is_not: bool
    patterns: tuple[str, ...]
    tests: tuple[Test, ...]
    mark: Mark

    def names(self, action: str) -> bool:
        """`action` in lower case."""
        for test in self.tests:
            if test(action):
                return not self.is_not
        return self.is_not

    def outcome(self, asked: Asked) -> Outcome:
        return Outcome.MATCHED if self.names(asked.action) else Outcome.NOT_MATCHED

    def trace(self, asked: Asked) -> ElementTrace:
        return _action_trace(self, asked.question.action)


@lru_cache(maxsize=TRACES_KEPT)
def _action_trace(element: ActionElement, action: str) -> ElementTrace:
    outcome = Outcome.MATCHED if element.names(action.lower()) else Outcome.NOT_MATCHED
    name = "NotAction" if element.is_not else "Action"
    return ElementTrace(name, outcome, element.patterns, (action,), element.mark)


@dataclass(frozen=True, slots=True, eq=False)
class ResourceElement:
    """Resource or NotResource. A pattern whose variable has no value matches no resource, and makes a NotResource

    not match at all (inferred.py, NOT_RESOURCE_UNRESOLVED)."""

    is_not: bool
    patterns: tuple[str, ...]  # as written
    templates: tuple[Template, ...]
    fixed: tuple[Test, ...] | None  # the tests, where no pattern holds a variable
    mark: Mark

    def trace(self, asked: Asked) -> ElementTrace:
        if self.fixed is not None:
            return _fixed_resource_trace(self, asked.resource)
        return self.traced(asked.resource, self._patterns(asked.value))

    def traced(self, resource: str, patterns: Patterns) -> ElementTrace:
        wanted = tuple(
            written if pattern is None else plain_text(pattern)
            for written, pattern in zip(self.patterns, patterns, strict=True)
        )
        outcome = self._compare(resource, _tests(patterns) if self.fixed is None else self.fixed)
        why = Why.VARIABLE_ABSENT if None in patterns else Why.COMPARED
        name = "NotResource" if self.is_not else "Resource"
        return ElementTrace(name, outcome, wanted, (resource,), self.mark, why=why)

    def outcome(self, asked: Asked) -> Outcome:
        tests = _tests(self._patterns(asked.value)) if self.fixed is None else self.fixed
        return self._compare(asked.resource, tests)

    def _patterns(self, lookup: Lookup) -> Patterns:
        return tuple(render(pattern, lookup) for pattern in self.templates)

    def _compare(self, resource: str, tests: tuple[Test, ...]) -> Outcome:
        """`tests` are of the patterns whose variables have values."""
        if self.is_not and len(tests) < len(self.templates):
            return Outcome.NOT_MATCHED
        for test in tests:
            if test(resource):
                return Outcome.NOT_MATCHED if self.is_not else Outcome.MATCHED
        return Outcome.MATCHED if self.is_not else Outcome.NOT_MATCHED


def _tests(patterns: Patterns) -> tuple[Test, ...]:
    return tuple(resource_test(pattern) for pattern in patterns if pattern is not None)


@lru_cache(maxsize=TRACES_KEPT)
def _fixed_resource_trace(element: ResourceElement, resource: str) -> ElementTrace:
    return element.traced(resource, tuple(render(pattern, no_value) for pattern in element.templates))


@dataclass(frozen=True, slots=True, eq=False)
class PrincipalElement:
    """Principal or NotPrincipal, and what it matches by: names.

    NotPrincipal exempts whoever is listed by any of his names (inferred.py, NOT_PRINCIPAL_EXEMPTIONS); who is not
    listed it means directly. With Deny it does
    not exempt a principal that has a permissions boundary (policy-evaluation.md 3.3).
    """

    is_not: bool
    written: tuple[tuple[str, str], ...]  # (AWS, Service, Federated or CanonicalUser; text)
    entries: frozenset[str]  # names, see principals.py
    denies: bool
    mark: Mark

    def match(self, asked: Asked) -> Match:
        return self.match_of(asked.names, asked.has_boundary)

    def match_of(self, names: Names, has_boundary: bool) -> Match:
        match = names.match(self.entries)
        if not self.is_not:
            return match
        return Match.DIRECT if match is Match.NONE or (self.denies and has_boundary) else Match.NONE

    def outcome(self, asked: Asked) -> Outcome:
        return Outcome.MATCHED if self.match(asked) else Outcome.NOT_MATCHED

    def trace(self, asked: Asked) -> ElementTrace:
        return _principal_trace(self, asked.names, asked.has_boundary)


@lru_cache(maxsize=TRACES_KEPT)
def _principal_trace(element: PrincipalElement, names: Names, has_boundary: bool) -> ElementTrace:
    match = element.match_of(names, has_boundary)
    overridden = element.is_not and element.denies and has_boundary
    return ElementTrace(
        "NotPrincipal" if element.is_not else "Principal",
        Outcome.MATCHED if match else Outcome.NOT_MATCHED,
        tuple(text for _, text in element.written),
        names.shown,
        element.mark,
        why=Why.BOUNDARY_BEATS_NOT_PRINCIPAL if overridden else Why.COMPARED,
        match=match,
    )


@dataclass(frozen=True, slots=True, eq=False)
class UnfitElement:
    """What stands where an element is missing (the statement is dead) or unknown (it can not be evaluated)."""

    name: str
    why: Why
    mark: Mark
    operator: str = ""

    def outcome(self, asked: Asked) -> Outcome:
        del asked
        return Outcome.NOT_MATCHED if self.why is Why.ELEMENT_MISSING else Outcome.NOT_EVALUABLE

    def trace(self, asked: Asked) -> ElementTrace:
        return ElementTrace(self.name, self.outcome(asked), (), (), self.mark, operator=self.operator, why=self.why)


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """`action` is None where the statement lacks one (a key policy's may): it never applies.

    `others` are the elements besides principal and action; `elements` are all there are, in the order of the trace.
    """

    index: int
    sid: str
    effect: Effect
    principal: PrincipalElement | None
    action: ActionElement | None
    others: tuple[Element, ...]
    mark: Mark
    elements: tuple[Element, ...] = field(init=False)

    def __post_init__(self) -> None:
        there = tuple(one for one in (self.principal, self.action, *self.others) if one is not None)
        object.__setattr__(self, "elements", there)

    def applies(self, asked: Asked) -> bool:
        """Does it apply, its action given to match?"""
        if self.principal is not None and not self.principal.match(asked):
            return False
        for element in self.others:
            outcome = element.outcome(asked)
            if outcome is Outcome.NOT_MATCHED or (outcome is not Outcome.MATCHED and self.effect is Effect.ALLOW):
                return False
        return True

    def match(self, asked: Asked) -> Match:
        """How closely it means the caller, given that it applies; a policy without principals means its holder."""
        return Match.DIRECT if self.principal is None else self.principal.match(asked)

    def at(self, place: Place) -> Place:
        """The place of this statement in a policy that stands at `place`."""
        return statement_place(place, self.index, self.sid)

    def trace(self, asked: Asked, place: Place) -> StatementTrace:
        elements = tuple([one.trace(asked) for one in self.elements])
        applies = is_applying(self.effect, elements)
        return StatementTrace(place, self.index, self.sid, self.effect, applies, elements, self.mark)


_TO_ALLOW: Final = (Outcome.MATCHED,)
_TO_DENY: Final = (Outcome.MATCHED, Outcome.NOT_EVALUABLE)


def is_applying(effect: Effect, elements: tuple[ElementTrace, ...]) -> bool:
    """A statement applies when all its elements match; what can not be evaluated counts against the caller."""
    enough = _TO_ALLOW if effect is Effect.ALLOW else _TO_DENY
    for element in elements:  # noqa: SIM110 (twice as fast as all)
        if element.outcome not in enough:
            return False
    return True
