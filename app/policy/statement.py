"""A statement and its elements.

Each element answers for itself whether it matches a question, quickly (`outcome`) or with both sides shown (`trace`);
a statement applies when all its elements match. An element that can not be evaluated (an operator reseal does not
know) counts against the caller: it makes a Deny apply and an Allow not (inferred.py, NOT_EVALUABLE_COUNTS_AGAINST).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from app.policy.asked import Asked
from app.policy.match import Test, plain_text, resource_test
from app.policy.principals import Match
from app.policy.question import Place
from app.policy.scan import Mark
from app.policy.trace import Effect, ElementTrace, Outcome, StatementTrace, Why
from app.policy.variables import Template, render


class Element(Protocol):
    """Anything a statement asks for."""

    def outcome(self, asked: Asked) -> Outcome: ...

    def trace(self, asked: Asked) -> ElementTrace: ...


@dataclass(frozen=True, slots=True)
class ActionElement:
    """Action or NotAction. Depends on the action's name alone, so documents may remember its answer."""

    is_not: bool
    patterns: tuple[str, ...]
    tests: tuple[Test, ...]
    mark: Mark

    def names(self, action: str) -> bool:
        """`action` in lower case."""
        return any(test(action) for test in self.tests) is not self.is_not

    def outcome(self, asked: Asked) -> Outcome:
        return Outcome.MATCHED if self.names(asked.action) else Outcome.NOT_MATCHED

    def trace(self, asked: Asked) -> ElementTrace:
        name = "NotAction" if self.is_not else "Action"
        return ElementTrace(name, self.outcome(asked), self.patterns, (asked.question.action,), self.mark)


@dataclass(frozen=True, slots=True)
class ResourceElement:
    """Resource or NotResource. A pattern whose variable has no value matches no resource, and makes a NotResource

    not match at all (inferred.py, NOT_RESOURCE_UNRESOLVED)."""

    is_not: bool
    patterns: tuple[str, ...]  # as written
    templates: tuple[Template, ...]
    fixed: tuple[Test, ...] | None  # the tests, where no pattern holds a variable
    mark: Mark

    def outcome(self, asked: Asked) -> Outcome:
        tests = self._tests(asked) if self.fixed is None else self.fixed
        if self.is_not and len(tests) < len(self.templates):
            return Outcome.NOT_MATCHED
        resource = asked.resource
        for test in tests:
            if test(resource):
                return Outcome.NOT_MATCHED if self.is_not else Outcome.MATCHED
        return Outcome.MATCHED if self.is_not else Outcome.NOT_MATCHED

    def _tests(self, asked: Asked) -> tuple[Test, ...]:
        rendered = (render(pattern, asked.value) for pattern in self.templates)
        return tuple(resource_test(pattern) for pattern in rendered if pattern is not None)

    def trace(self, asked: Asked) -> ElementTrace:
        rendered = tuple(render(pattern, asked.value) for pattern in self.templates)
        wanted = tuple(
            written if pattern is None else plain_text(pattern)
            for written, pattern in zip(self.patterns, rendered, strict=True)
        )
        why = Why.VARIABLE_ABSENT if None in rendered else Why.COMPARED
        name = "NotResource" if self.is_not else "Resource"
        return ElementTrace(name, self.outcome(asked), wanted, (asked.resource,), self.mark, why=why)


@dataclass(frozen=True, slots=True)
class PrincipalElement:
    """Principal or NotPrincipal, and what it matches by: names.

    NotPrincipal exempts whoever is listed by any of his names (inferred.py, NOT_PRINCIPAL_EXEMPTIONS); who is not
    listed it means directly. With Deny it does
    not exempt a principal that has a permissions boundary (policy-evaluation.md 3.3).
    """

    is_not: bool
    written: tuple[tuple[str, str], ...]  # (AWS, Service or Federated; text)
    entries: frozenset[str]  # names, see principals.py
    denies: bool
    mark: Mark

    def match(self, asked: Asked) -> Match:
        match = asked.names.match(self.entries)
        if not self.is_not:
            return match
        return Match.DIRECT if match is Match.NONE or self._overridden(asked) else Match.NONE

    def _overridden(self, asked: Asked) -> bool:
        return self.denies and asked.has_boundary

    def outcome(self, asked: Asked) -> Outcome:
        return Outcome.MATCHED if self.match(asked) else Outcome.NOT_MATCHED

    def trace(self, asked: Asked) -> ElementTrace:
        principal = asked.question.principal
        overridden = self.is_not and self._overridden(asked)
        return ElementTrace(
            "NotPrincipal" if self.is_not else "Principal",
            self.outcome(asked),
            tuple(text for _, text in self.written),
            tuple(name for name in (principal.arn, principal.issuer_arn, principal.account) if name),
            self.mark,
            why=Why.BOUNDARY_BEATS_NOT_PRINCIPAL if overridden else Why.COMPARED,
            match=self.match(asked),
        )


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Statement:
    """`action` is None where the statement lacks one (a key policy's may): it never applies.

    `others` are the elements besides principal and action, in the order of the trace.
    """

    index: int
    sid: str
    effect: Effect
    principal: PrincipalElement | None
    action: ActionElement | None
    others: tuple[Element, ...]
    mark: Mark

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

    def elements(self) -> tuple[Element, ...]:
        return tuple(element for element in (self.principal, self.action, *self.others) if element is not None)

    def at(self, place: Place) -> Place:
        """The place of this statement in a policy that stands at `place`."""
        return Place(place.layer, place.account, place.policy, place.attached_to, self.index, self.sid)

    def trace(self, asked: Asked, place: Place) -> StatementTrace:
        elements = tuple(element.trace(asked) for element in self.elements())
        return StatementTrace(self.at(place), self.effect, is_applying(self.effect, elements), elements, self.mark)


def is_applying(effect: Effect, elements: tuple[ElementTrace, ...]) -> bool:
    """A statement applies when all its elements match; what can not be evaluated counts against the caller."""
    enough = {Outcome.MATCHED} if effect is Effect.ALLOW else {Outcome.MATCHED, Outcome.NOT_EVALUABLE}
    return all(element.outcome in enough for element in elements)
