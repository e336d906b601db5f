"""Retention rules of the recycle bin: the service `rbin` (ebs.md 1.8 [D]).

A rule keeps deleted snapshots of a Region, or those that carry one of its tags, for some days; the longest rule that
matches wins. A rule of a Region can be locked: then nobody changes or deletes it until it is unlocked and the delay of
its unlocking is over. Only rules for snapshots are simulated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.kernel.authority import CALLER, Resource, authorize, tag_context
from app.kernel.clock import moment
from app.kernel.errors import not_simulated
from app.services.ebs import retention_errors as errors
from app.services.ebs.feature_records import RetentionRule, RuleLock

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft

SNAPSHOTS = "EBS_SNAPSHOT"
DAYS_MAX = 365
UNLOCK_DAYS = range(7, 31)
TAGS_MAX, RULES_MAX = 50, 250

Pair = tuple[str, str | None]


# which rule keeps what


def days_for(draft: Draft, account: str, region: str, tags: Mapping[str, str]) -> int:
    """The longest retention, in days, of the rules that match a snapshot with these tags; 0 where none does."""
    rules = draft.scan(RetentionRule, account, region)
    return max((rule.days for rule in rules if rule.is_available and _keeps(rule, tags)), default=0)


def _keeps(rule: RetentionRule, tags: Mapping[str, str]) -> bool:
    wanted = not rule.tags or any(_has(tags, pair) for pair in rule.tags)
    return wanted and not any(_has(tags, pair) for pair in rule.excluded)


def _has(tags: Mapping[str, str], pair: Pair) -> bool:
    key, value = pair
    return key in tags and value in (None, tags[key])


def lock_at(rule: RetentionRule, now_ms: int) -> RuleLock | None:
    """None for a rule that was never locked, as AWS shows none."""
    if not rule.unlock_days:
        return None
    if not rule.unlocks_ms:
        return "locked"
    return "pending_unlock" if now_ms < rule.unlocks_ms else "unlocked"


# resources and checks


def rule_arn(region: str, account: str, id: str) -> str:
    return f"arn:aws:rbin:{region}:{account}:rule/{id}"


def rule_named(draft: Draft, call: Call) -> RetentionRule:
    found = draft.get(RetentionRule, call.account, call.region, call["Identifier"])
    if found is None:
        errors.NO_SUCH_RULE.refuse(id=call["Identifier"])
    return found


def it_is_there(draft: Draft, call: Call) -> None:
    rule_named(draft, call)


def named(draft: Draft, call: Call) -> Resource:
    return resource_of(draft, call, call["Identifier"])


def resource_of(draft: Draft, call: Call, id: str) -> Resource:
    found = draft.get(RetentionRule, call.account, call.region, id)
    context = {f"aws:ResourceTag/{key}": value for key, value in found.own_tags} if found else {}
    context |= {"rbin:Attribute/ResourceType": SNAPSHOTS} if found else {}
    return Resource(rule_arn(call.region, call.account, id), call.account, found, context)


def new_rule(draft: Draft, call: Call) -> Resource:
    context = tag_context(dict(pairs(call["Tags"]))) | {"rbin:Request/ResourceType": call["ResourceType"]}
    return Resource(rule_arn(call.region, call.account, "*"), call.account, context=context)


def may_tag(draft: Draft, call: Call) -> None:
    if call["Tags"]:
        authorize(draft, call, "rbin:TagResource", new_rule(draft, call), CALLER)


def any_rule(draft: Draft, call: Call) -> Resource:
    context = {"rbin:Request/ResourceType": call["ResourceType"]}
    return Resource(rule_arn(call.region, call.account, "*"), call.account, context=context)


def pairs(tags: Iterable[Mapping[str, str]] | None) -> tuple[tuple[str, str], ...]:
    return tuple((tag["Key"], tag.get("Value", "")) for tag in tags or ())


def resource_tags(tags: Sequence[Mapping[str, str]] | None) -> tuple[Pair, ...]:
    return tuple((tag["ResourceTagKey"], tag.get("ResourceTagValue")) for tag in tags or ())


def is_of_snapshots(draft: Draft, call: Call) -> None:
    if call["ResourceType"] not in (None, SNAPSHOTS):
        not_simulated(f"retention rules of {call['ResourceType']}", "ValidationException").refuse()


def retention_is_valid(draft: Draft, call: Call) -> None:
    days = (call["RetentionPeriod"] or {}).get("RetentionPeriodValue")
    if days is not None and not 1 <= days <= DAYS_MAX:
        errors.BAD_PERIOD.refuse(value=days, high=DAYS_MAX)
    for name in ("ResourceTags", "ExcludeResourceTags"):
        if len(call[name] or ()) > TAGS_MAX:
            errors.TOO_MANY_TAGS.refuse(name=name)


def one_kind_of_tags(tags: tuple[Pair, ...], excluded: tuple[Pair, ...]) -> None:
    """Tags to keep make a rule of tags; tags to leave out belong to a rule of the Region."""
    if tags and excluded:
        errors.TAGS_AND_EXCLUDED.refuse()


def lock_delay(call: Call) -> int:
    """The days of LockConfiguration, checked; 0 where there is none."""
    asked = call["LockConfiguration"]
    if not asked:
        return 0
    days = asked["UnlockDelay"]["UnlockDelayValue"]
    if days not in UNLOCK_DAYS:
        errors.BAD_DELAY.refuse(value=days)
    return days


def only_a_regions_rule_is_locked(rule: RetentionRule) -> None:
    if rule.tags:
        errors.TAG_RULE_NOT_LOCKED.refuse()


def it_is_not_locked(draft: Draft, call: Call) -> None:
    if lock_at(rule_named(draft, call), call.at_ms) in ("locked", "pending_unlock"):
        errors.RULE_LOCKED.refuse(id=call["Identifier"])


def not_too_many(draft: Draft, call: Call) -> None:
    if draft.world.rules.quotas and sum(1 for _ in draft.scan(RetentionRule, call.account, call.region)) >= RULES_MAX:
        errors.TOO_MANY_RULES.refuse()


# how they are shown


def summary(rule: RetentionRule, now_ms: int) -> dict[str, Any]:
    lock = lock_at(rule, now_ms)
    return {
        "Identifier": rule.id,
        "Description": rule.description,
        "RetentionPeriod": {"RetentionPeriodValue": rule.days, "RetentionPeriodUnit": "DAYS"},
        "RuleArn": rule_arn(rule.region, rule.account, rule.id),
        **({"LockState": lock} if lock else {}),
    }


def shown(rule: RetentionRule, now_ms: int) -> dict[str, Any]:
    answer = summary(rule, now_ms) | {
        "ResourceType": SNAPSHOTS,
        "ResourceTags": _tag_members(rule.tags),
        "ExcludeResourceTags": _tag_members(rule.excluded),
        "Status": "available" if rule.is_available else "pending",
    }
    if rule.unlock_days:
        answer["LockConfiguration"] = {"UnlockDelay": {"UnlockDelayValue": rule.unlock_days, "UnlockDelayUnit": "DAYS"}}
    return answer | ({"LockEndTime": moment(rule.unlocks_ms)} if rule.unlocks_ms else {})


def _tag_members(pairs: tuple[Pair, ...]) -> list[dict[str, str]]:
    return [
        {"ResourceTagKey": key} | ({"ResourceTagValue": value} if value is not None else {}) for key, value in pairs
    ]
