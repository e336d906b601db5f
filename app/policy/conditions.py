"""One condition: an operator, a key, and the values it is compared with.

Operators and keys are ANDed, the values of one key are ORed, and a negated operator asks that none of them match; so a
negated operator holds where the key is absent, and so does one with IfExists. A set operator compares each of the
request's values by itself. Source: policy-evaluation.md 2.2 (open questions: inferred.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from app.policy.asked import Asked
from app.policy.match import Test, plain_text
from app.policy.operators import OPERATORS, Operator
from app.policy.question import ContextValue
from app.policy.scan import Mark
from app.policy.trace import TRACES_KEPT, ElementTrace, Outcome, Why
from app.policy.variables import Lookup, Template, is_fixed, no_value, render, template

Tests = tuple[Test, ...]

NO_KEY: Final = ""  # the lookup of a condition whose key its policy is never shown

_NAME: Final = re.compile(r"(?:(?P<set>[A-Za-z]+):)?(?P<base>[A-Za-z]+?)(?P<if_exists>IfExists)?", re.IGNORECASE)


class SetOperator(StrEnum):
    NONE = ""
    ALL = "forallvalues"
    ANY = "foranyvalue"


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What the name of an operator says: `ForAnyValue:StringLikeIfExists`."""

    written: str
    operator: Operator
    set_operator: SetOperator
    if_exists: bool

    @property
    def holds_when_absent(self) -> bool:
        if self.if_exists or self.set_operator is SetOperator.ALL:
            return True
        return self.operator.is_negated and self.set_operator is SetOperator.NONE


def comparison(name: str) -> Comparison | None:
    """The comparison of that name; None where AWS has none, `NullIfExists` included."""
    found = _NAME.fullmatch(name)
    row = OPERATORS.get(found["base"].lower()) if found else None
    if found is None or row is None or (row.asks_for_presence and (found["if_exists"] or found["set"])):
        return None
    try:
        return Comparison(name, row, SetOperator((found["set"] or "").lower()), bool(found["if_exists"]))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """An element of a statement: one comparison of one key."""

    comparison: Comparison
    key: str  # as written
    lookup: str  # in lower case, or NO_KEY
    values: tuple[Template, ...]
    fixed: tuple[Test, ...] | None  # the tests, where no value holds a variable
    mark: Mark

    def outcome(self, asked: Asked) -> Outcome:
        found = asked.value(self.lookup)
        tests = self.tests(asked.value) if self.fixed is None else self.fixed
        return Outcome.MATCHED if self._holds(found, tests) else Outcome.NOT_MATCHED

    def tests(self, lookup: Lookup) -> Tests:
        """Of the values whose variables have values; fewer than values where one does not."""
        return _tests(self.comparison.operator, self.values, lookup)

    def _holds(self, found: ContextValue | None, tests: Tests) -> bool:
        how = self.comparison
        if how.operator.asks_for_presence:
            return _fits("true" if found is None else "false", tests)
        if found is None:
            return how.holds_when_absent
        negated = how.operator.is_negated
        if isinstance(found, str):
            return _fits(found, tests) is not negated
        match how.set_operator:
            case SetOperator.ALL:
                return all(_fits(value, tests) is not negated for value in found)
            case SetOperator.ANY:
                return any(_fits(value, tests) is not negated for value in found)
            case SetOperator.NONE:
                return False  # inferred.py, MANY_VALUES_WITHOUT_SET_OPERATOR

    def trace(self, asked: Asked) -> ElementTrace:
        found = asked.value(self.lookup)
        return _fixed_trace(self, found) if self.fixed is not None else self.traced(found, asked.value)

    def traced(self, found: ContextValue | None, lookup: Lookup) -> ElementTrace:
        tests = self.tests(lookup) if self.fixed is None else self.fixed
        return ElementTrace(
            "Condition",
            Outcome.MATCHED if self._holds(found, tests) else Outcome.NOT_MATCHED,
            tuple(_shown(value, lookup) for value in self.values),
            () if found is None else (found,) if isinstance(found, str) else found,
            self.mark,
            operator=self.comparison.written,
            key=self.key,
            why=self._why(found, tests, lookup),
        )

    def _why(self, found: ContextValue | None, tests: Tests, lookup: Lookup) -> Why:
        how = self.comparison
        if how.operator.asks_for_presence:
            return Why.COMPARED
        if found is None:
            return Why.KEY_ABSENT
        if isinstance(found, tuple) and how.set_operator is SetOperator.NONE:
            return Why.MANY_VALUES
        if any(render(value, lookup) is None for value in self.values):
            return Why.VARIABLE_ABSENT
        return Why.COMPARED if len(tests) == len(self.values) else Why.VALUE_MALFORMED


def _fits(found: str, tests: Tests) -> bool:
    for test in tests:  # noqa: SIM110 (twice as fast as any)
        if test(found):
            return True
    return False


@lru_cache(maxsize=TRACES_KEPT)
def _fixed_trace(condition: Condition, found: ContextValue | None) -> ElementTrace:
    return condition.traced(found, no_value)


def condition(how: Comparison, key: str, values: tuple[str, ...], *, variables: bool, mark: Mark) -> Condition:
    """`variables`: does the policy's version have them; the operator must allow them too."""
    allowed = variables and how.operator.takes_variables
    templates = tuple(template(value, variables=allowed) for value in values)
    fixed = _tests(how.operator, templates, no_value) if all(map(is_fixed, templates)) else None
    return Condition(how, key, key.lower(), templates, fixed, mark)


def _tests(row: Operator, values: tuple[Template, ...], lookup: Lookup) -> Tests:
    """A test for each value that can be compared at all; one whose variable has no value matches nothing."""
    patterns = (render(value, lookup) for value in values)
    tests = (row.prepare(pattern) for pattern in patterns if pattern is not None)
    return tuple(test for test in tests if test is not None)


def _shown(value: Template, lookup: Lookup) -> str:
    """The value with its variables filled in; as written where one has no value."""
    pattern = render(value, lookup)
    if pattern is not None:
        return plain_text(pattern)
    return "".join(part if isinstance(part, str) else f"${{{part.key}}}" for part in value)
