"""Every way in which a case may be: the doubts' ways, times the values that untold condition keys may have.

A `World` is one of them, with the decision in it. Values of an untold key are those that the policies ask for, one that
none asks for, and none at all: policies can not tell more apart. INVARIANT: bounded, whatever the policies say.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from app.outside.case import Case
from app.policy.conditions import Condition, SetOperator
from app.policy.decide import decide
from app.policy.match import plain_text
from app.policy.question import ContextValue, Question
from app.policy.statement import ResourceElement, Statement
from app.policy.trace import Decision, every_policy
from app.policy.variables import Variable, is_fixed, render

WORLDS_MAX: Final = 4096
KEYS_MAX: Final = 8
VALUES_MAX: Final = 4
OTHER: Final = "(not told by the event)"

_Values = tuple[ContextValue | None, ...]


@dataclass(frozen=True, slots=True)
class World:
    """`choices`: which way of each doubt, then which value of each untold key.

    `whole` is the question as AWS was asked it; `question` may be that with layers set aside, to look at one by itself.
    """

    question: Question
    decision: Decision
    choices: tuple[int, ...]
    whole: Question


@dataclass(frozen=True, slots=True)
class Worlds:
    all: tuple[World, ...]
    names: tuple[str, ...]  # of what each choice is about
    keys: tuple[str, ...]  # the untold keys among them, at the end
    left_out: tuple[str, ...] = ()  # untold keys beyond what is tried: taken as absent, and said so


def worlds(case: Case) -> Worlds:
    """In each question the first way of everything comes first."""
    every = dict(_untold(case))
    untold = dict(itertools.islice(every.items(), KEYS_MAX))
    left_out = tuple(
        f"{key}: not tried, there are too many that the event does not tell" for key in every if key not in untold
    )
    while _count(case, untold) > WORLDS_MAX and any(len(values) > 2 for values in untold.values()):
        untold = {key: values[:2] for key, values in untold.items()}
    ranges = [range(len(one.ways)) for one in case.doubts] + [range(len(values)) for values in untold.values()]
    chosen = itertools.islice(itertools.product(*ranges), WORLDS_MAX)
    made = (World(question, decide(question), choices, question) for choices in chosen
            for question in (_question(case, untold, choices),))  # fmt: skip
    names = (*(one.name for one in case.doubts), *(f"{key}: the event does not tell it" for key in untold))
    return Worlds(tuple(made), names, tuple(untold), left_out)


def _count(case: Case, untold: dict[str, _Values]) -> int:
    count = 1
    for one in (*(doubt.ways for doubt in case.doubts), *untold.values()):
        count *= len(one)
    return count


def _question(case: Case, untold: dict[str, _Values], choices: tuple[int, ...]) -> Question:
    layers, context = case.question.layers, dict(case.question.context)
    for doubt, choice in zip(case.doubts, choices, strict=False):
        layers = doubt.ways[choice](layers)
    for (key, values), choice in zip(untold.items(), choices[len(case.doubts) :], strict=True):
        if (value := values[choice]) is not None:
            context[key] = value
    return replace(case.question, layers=layers, context=context)


# Untold keys.


def _untold(case: Case) -> Iterator[tuple[str, _Values]]:
    asked: dict[str, list[Condition | None]] = {}
    spelt: dict[str, str] = {}
    for key, condition in _asked(case):
        if not case.facts.is_told(key):
            asked.setdefault(key.lower(), []).append(condition)
            spelt.setdefault(key.lower(), key)
    for key, conditions in asked.items():
        is_there = key in case.facts.untold
        yield spelt[key], _values([one for one in conditions if one], is_there)


def _asked(case: Case) -> Iterator[tuple[str, Condition | None]]:
    """Keys that a statement about the action asks for, in a condition or as a variable."""
    action = case.question.action.lower()
    for policy in every_policy(case.question.layers):
        for statement in policy.document.statements:
            if statement.action is not None and statement.action.names(action):
                yield from _keys(statement)


def _keys(statement: Statement) -> Iterator[tuple[str, Condition | None]]:
    for element in statement.others:
        templates: Iterable[tuple[str | Variable, ...]] = ()
        if isinstance(element, Condition):
            yield element.key, element
            templates = element.values
        elif isinstance(element, ResourceElement):
            templates = element.templates
        for template in templates:
            yield from ((part.key, None) for part in template if isinstance(part, Variable))


def _values(conditions: list[Condition], is_there: bool) -> _Values:
    """Absent first, then a value that nothing asks for, then those that are asked for."""
    is_many = any(one.comparison.set_operator is not SetOperator.NONE for one in conditions)
    texts = dict.fromkeys(text for one in conditions for text in _texts(one))
    found = [OTHER, *list(texts)[:VALUES_MAX]]
    values: list[ContextValue] = [(text,) for text in found] if is_many else list(found)
    return (*(() if is_there else (None,)), *values)


def _texts(condition: Condition) -> Iterator[str]:
    """Values that meet the condition, and for what is ordered such as lie beyond."""
    name = condition.comparison.operator.name
    if name == "Null":
        return
    if name == "Bool":
        yield from ("true", "false")
    for template in condition.values:
        pattern = render(template, lambda _: None) if is_fixed(template) else None
        if pattern is None:
            continue
        text = plain_text(pattern).replace("*", "x").replace("?", "x")
        yield text.partition("/")[0] if "Ip" in name else text
        if name.startswith("Numeric"):
            yield from ("0", "999999999")
        if name.startswith("Date"):
            yield from ("1970-01-01T00:00:00Z", "9999-01-01T00:00:00Z")
