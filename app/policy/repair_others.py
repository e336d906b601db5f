"""What else a repair changes: the other refused questions of a log, asked again with the policies edited.

Only what was refused has to be asked. Every edit of repair.py lets more through (a name added to an Allow, a condition
dropped, a Deny narrowed), and by the laws of the language that never turns an allowed question into a refused one
(tests/policy/test_laws.py): those stay as they are, and are counted as checked by that law.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.policy.decide import decide
from app.policy.document import parse
from app.policy.question import Layers, Place, Policy, Question
from app.policy.repair_budget import Budget
from app.policy.trace import every_policy

Change = tuple[Place, str, str]  # a policy, its text before, its text after
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Others:
    """`kept`: decisions that stay; `opened`: (who, action, resource) that were refused, and would be allowed now."""

    kept: int = 0
    opened: tuple[tuple[str, str, str], ...] = ()
    unasked: int = 0  # the search had reached its bound

    @property
    def sentences(self) -> tuple[str, ...]:
        """What else is let through, and what was not looked at; nothing where all stays the same."""
        named = [f"{who} may then do {action} on {resource}, too" for who, action, resource in self.opened[:MOST_NAMED]]
        further = len(self.opened) - MOST_NAMED
        if further > 0:
            named.append(f"{further} further refusal{'' if further == 1 else 's'} would be allowed, too")
        if self.unasked:
            named.append(f"{self.unasked} older decisions were not asked again")
        return tuple(named)


def others(
    refused: Iterable[Question], allowed: int, repaired: Question | None, changes: tuple[Change, ...],
    budget: Budget,
) -> Others:  # fmt: skip
    """`refused`: newest first; `repaired`: the question that the repair is for, which is not another's."""
    kept, opened, unasked = allowed, dict[tuple[str, str, str], None](), 0
    characters = sum(len(now) for _, _, now in changes)
    for question in refused:
        if repaired is not None and _asked(question) == _asked(repaired):
            continue
        if not any(_same(policy, place, old) for policy in every_policy(question.layers) for place, old, _ in changes):
            kept += 1
        elif not budget.lasts:
            unasked += 1
        else:
            budget.ask(characters)
            if decide(replace(question, layers=_edited(question.layers, changes))).allowed:
                opened[_asked(question)] = None
            else:
                kept += 1
    return Others(kept, tuple(opened), unasked)


def _asked(question: Question) -> tuple[str, str, str]:
    principal = question.principal
    return principal.issuer_arn or principal.arn, question.action, question.resource


def _edited(layers: Layers, changes: tuple[Change, ...]) -> Layers:
    """With each policy that read as before reading as after; asked of another text, it is another policy."""

    def one(policy: Policy) -> Policy:
        text = next((new for place, old, new in changes if _same(policy, place, old)), None)
        return policy if text is None else replace(policy, document=parse(text, policy.document.kind, lenient=True))

    return layers.each(one)


def _same(policy: Policy, place: Place, text: str) -> bool:
    """The same policy with the same text. A managed policy is the same one wherever it is attached."""
    mine = policy.place
    is_managed = mine.policy.startswith("arn:") and mine.policy == place.policy
    return (is_managed or mine == place) and policy.document.text == text
