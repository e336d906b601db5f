"""Locks of retention rules: LockRule, UnlockRule. Only a rule of a whole Region can be locked (ebs.md 1.8 [D])."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.kernel.clock import DAY_MS
from app.kernel.operation import operation
from app.services.ebs import retention_errors as errors
from app.services.ebs.retention import (
    it_is_not_locked,
    it_is_there,
    lock_at,
    lock_delay,
    named,
    only_a_regions_rule_is_locked,
    rule_named,
    shown,
)
from app.services.ebs.rules import on

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer


@operation(
    "rbin",
    "LockRule",
    honours={"Identifier", "LockConfiguration"},
    checks=(on("rbin:LockRule", named), it_is_there, it_is_not_locked),
    answers=(errors.DENIED, errors.NO_SUCH_RULE, errors.RULE_LOCKED, errors.BAD_DELAY, errors.TAG_RULE_NOT_LOCKED),
)
def lock_rule(draft: Draft, call: Call) -> Answer:
    """Nobody changes the rule until it is unlocked and the delay, 7 to 30 days, is over."""
    rule, days = rule_named(draft, call), lock_delay(call)
    only_a_regions_rule_is_locked(rule)
    return shown(draft.change(rule, unlock_days=days, unlocks_ms=0), call.at_ms)


def _it_is_locked(draft: Draft, call: Call) -> None:
    if lock_at(rule_named(draft, call), call.at_ms) != "locked":
        errors.RULE_NOT_LOCKED.refuse(id=call["Identifier"])


@operation(
    "rbin",
    "UnlockRule",
    honours={"Identifier"},
    checks=(on("rbin:UnlockRule", named), it_is_there, _it_is_locked),
    answers=(errors.DENIED, errors.NO_SUCH_RULE, errors.RULE_NOT_LOCKED),
)
def unlock_rule(draft: Draft, call: Call) -> Answer:
    """Begin the delay of the unlocking; until its end the rule stays as it is."""
    rule = rule_named(draft, call)
    return shown(draft.change(rule, unlocks_ms=call.at_ms + rule.unlock_days * DAY_MS), call.at_ms)
