"""One condition: an operator, a key, and the values it is compared with.

Operators and keys are ANDed, the values of one key are ORed, and a negated operator asks that none of them match; so a
negated operator holds where the key is absent, and so does one with IfExists. A set operator compares each of the
request's values by itself. Source: policy-evaluation.md 2.2 (open questions: inferred.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.policy.asked import Asked
from app.policy.match import Test, plain_text
from app.policy.operators import OPERATORS, Operator
from app.policy.question import ContextValue
from app.policy.scan import Mark
from app.policy.trace import ElementTrace, Outcome, Why
from app.policy.variables import Template, is_fixed, render, template

_NAME: Final = re.compile(r"(?:(?P<set>[A-Za-z]+):)?(?P<base>[A-Za-z]+?)(?P<if_exists>IfExists)?", re.IGNORECASE)


class SetOperator(StrEnum):
    NONE = ""
    ALL = "forallvalues"
    ANY = "foranyvalue"


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Condition:
    """An element of a statement: one comparison of one key."""

    comparison: Comparison
    key: str  # as written
    lookup: str  # in lower case
    values: tuple[Template, ...]
    fixed: tuple[Test, ...] | None  # the tests, where no value holds a variable
    mark: Mark

    def outcome(self, asked: Asked) -> Outcome:
        return Outcome.MATCHED if self._holds(asked, asked.value(self.lookup)) else Outcome.NOT_MATCHED

    def _holds(self, asked: Asked, found: ContextValue | None) -> bool:
        how = self.comparison
        if how.operator.asks_for_presence:
            absent = "true" if found is None else "false"
            return any(test(absent) for test in self._tests(asked))
        if found is None:
            return how.holds_when_absent
        if isinstance(found, str):
            return self._one_holds(asked, found)
        match how.set_operator:
            case SetOperator.ALL:
                return all(self._one_holds(asked, value) for value in found)
            case SetOperator.ANY:
                return any(self._one_holds(asked, value) for value in found)
            case SetOperator.NONE:
                return False  # inferred.py, MANY_VALUES_WITHOUT_SET_OPERATOR

    def _one_holds(self, asked: Asked, found: str) -> bool:
        return any(test(found) for test in self._tests(asked)) is not self.comparison.operator.is_negated

    def _tests(self, asked: Asked) -> tuple[Test, ...]:
        return _tests(self.comparison.operator, self.values, asked) if self.fixed is None else self.fixed

    def trace(self, asked: Asked) -> ElementTrace:
        found = asked.value(self.lookup)
        return ElementTrace(
            "Condition",
            self.outcome(asked),
            tuple(_shown(value, asked) for value in self.values),
            () if found is None else (found,) if isinstance(found, str) else found,
            self.mark,
            operator=self.comparison.written,
            key=self.key,
            why=self._why(asked, found),
        )

    def _why(self, asked: Asked, found: ContextValue | None) -> Why:
        how = self.comparison
        if how.operator.asks_for_presence:
            return Why.COMPARED
        if found is None:
            return Why.KEY_ABSENT
        if isinstance(found, tuple) and how.set_operator is SetOperator.NONE:
            return Why.MANY_VALUES
        if any(render(value, asked.value) is None for value in self.values):
            return Why.VARIABLE_ABSENT
        return Why.COMPARED if len(self._tests(asked)) == len(self.values) else Why.VALUE_MALFORMED


def condition(how: Comparison, key: str, values: tuple[str, ...], *, variables: bool, mark: Mark) -> Condition:
    """`variables`: does the policy's version have them; the operator must allow them too."""
    allowed = variables and how.operator.takes_variables
    templates = tuple(template(value, variables=allowed) for value in values)
    fixed = _tests(how.operator, templates, None) if all(map(is_fixed, templates)) else None
    return Condition(how, key, key.lower(), templates, fixed, mark)


def _tests(row: Operator, values: tuple[Template, ...], asked: Asked | None) -> tuple[Test, ...]:
    """A test for each value that can be compared at all; one whose variable has no value matches nothing."""
    patterns = (render(value, asked.value if asked else lambda _: None) for value in values)
    tests = (row.prepare(pattern) for pattern in patterns if pattern is not None)
    return tuple(test for test in tests if test is not None)


def _shown(value: Template, asked: Asked) -> str:
    """The value with its variables filled in; as written where one has no value."""
    pattern = render(value, asked.value)
    if pattern is not None:
        return plain_text(pattern)
    return "".join(part if isinstance(part, str) else f"${{{part.key}}}" for part in value)
