"""Retention rules of the recycle bin: the service `rbin` (ebs.md 1.8 [D]).

A rule keeps deleted snapshots of a Region, or those that carry one of its tags, for some days; the longest rule that
matches wins. A rule of a Region can be locked: then nobody changes or deletes it until it is unlocked and the delay of
its unlocking is over. Only rules for snapshots are simulated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.kernel.authority import CALLER, Resource, authorize, tag_context
from app.kernel.clock import DAY_MS, moment
from app.kernel.errors import not_simulated
from app.kernel.operation import job, operation
from app.services.ebs import retention_errors as errors
from app.services.ebs.feature_records import RetentionRule, RuleLock
from app.services.ebs.rules import on

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

SNAPSHOTS = "EBS_SNAPSHOT"
AVAILABLE_AFTER_MS = 1_800_000  # lifelike: the first rule may take 30 minutes [D]
DAYS_MAX = 365
UNLOCK_DAYS = range(7, 31)
TAGS_MAX, RULES_MAX = 50, 250
PAGE_MAX = 1000
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

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


def _rule(draft: Draft, call: Call) -> RetentionRule:
    found = draft.get(RetentionRule, call.account, call.region, call["Identifier"])
    if found is None:
        errors.NO_SUCH_RULE.refuse(id=call["Identifier"])
    return found


def _it_is_there(draft: Draft, call: Call) -> None:
    _rule(draft, call)


def _named(draft: Draft, call: Call) -> Resource:
    return _resource(draft, call, call["Identifier"])


def _resource(draft: Draft, call: Call, id: str) -> Resource:
    found = draft.get(RetentionRule, call.account, call.region, id)
    context = {f"aws:ResourceTag/{key}": value for key, value in found.own_tags} if found else {}
    context |= {"rbin:Attribute/ResourceType": SNAPSHOTS} if found else {}
    return Resource(rule_arn(call.region, call.account, id), call.account, found, context)


def _new_rule(draft: Draft, call: Call) -> Resource:
    context = tag_context(dict(_pairs(call["Tags"]))) | {"rbin:Request/ResourceType": call["ResourceType"]}
    return Resource(rule_arn(call.region, call.account, "*"), call.account, context=context)


def _may_tag(draft: Draft, call: Call) -> None:
    if call["Tags"]:
        authorize(draft, call, "rbin:TagResource", _new_rule(draft, call), CALLER)


def _rules(draft: Draft, call: Call) -> Resource:
    context = {"rbin:Request/ResourceType": call["ResourceType"]}
    return Resource(rule_arn(call.region, call.account, "*"), call.account, context=context)


def _pairs(tags: Iterable[Mapping[str, str]] | None) -> tuple[tuple[str, str], ...]:
    return tuple((tag["Key"], tag.get("Value", "")) for tag in tags or ())


def _resource_tags(tags: Sequence[Mapping[str, str]] | None) -> tuple[Pair, ...]:
    return tuple((tag["ResourceTagKey"], tag.get("ResourceTagValue")) for tag in tags or ())


def _is_of_snapshots(draft: Draft, call: Call) -> None:
    if call["ResourceType"] not in (None, SNAPSHOTS):
        not_simulated(f"retention rules of {call['ResourceType']}", "ValidationException").refuse()


def _retention_is_valid(draft: Draft, call: Call) -> None:
    days = (call["RetentionPeriod"] or {}).get("RetentionPeriodValue")
    if days is not None and not 1 <= days <= DAYS_MAX:
        errors.BAD_PERIOD.refuse(value=days, high=DAYS_MAX)
    for name in ("ResourceTags", "ExcludeResourceTags"):
        if len(call[name] or ()) > TAGS_MAX:
            errors.TOO_MANY_TAGS.refuse(name=name)


def _one_kind_of_tags(tags: tuple[Pair, ...], excluded: tuple[Pair, ...]) -> None:
    """Tags to keep make a rule of tags; tags to leave out belong to a rule of the Region."""
    if tags and excluded:
        errors.TAGS_AND_EXCLUDED.refuse()


def _delay(call: Call) -> int:
    """The days of LockConfiguration, checked; 0 where there is none."""
    asked = call["LockConfiguration"]
    if not asked:
        return 0
    days = asked["UnlockDelay"]["UnlockDelayValue"]
    if days not in UNLOCK_DAYS:
        errors.BAD_DELAY.refuse(value=days)
    return days


def _only_a_regions_rule_is_locked(rule: RetentionRule) -> None:
    if rule.tags:
        errors.TAG_RULE_NOT_LOCKED.refuse()


def _it_is_not_locked(draft: Draft, call: Call) -> None:
    if lock_at(_rule(draft, call), call.at_ms) in ("locked", "pending_unlock"):
        errors.RULE_LOCKED.refuse(id=call["Identifier"])


def _not_too_many(draft: Draft, call: Call) -> None:
    if draft.world.rules.quotas and sum(1 for _ in draft.scan(RetentionRule, call.account, call.region)) >= RULES_MAX:
        errors.TOO_MANY_RULES.refuse()


# the operations


@operation(
    "rbin",
    "CreateRule",
    honours={
        "RetentionPeriod",
        "Description",
        "Tags",
        "ResourceType",
        "ResourceTags",
        "ExcludeResourceTags",
        "LockConfiguration",
    },
    checks=(_is_of_snapshots, _retention_is_valid, on("rbin:CreateRule", _new_rule), _may_tag, _not_too_many),
    answers=(
        errors.BAD_PERIOD,
        errors.TOO_MANY_TAGS,
        errors.TAGS_AND_EXCLUDED,
        errors.BAD_DELAY,
        errors.TAG_RULE_NOT_LOCKED,
        errors.TOO_MANY_RULES,
        errors.DENIED,
    ),
)
def create_rule(draft: Draft, call: Call) -> Answer:
    """A rule of the Region, or of tags; it works as soon as it is `available`. Periods in days."""
    rule = RetentionRule(
        account=call.account,
        region=call.region,
        id=_rule_id(draft, call),
        description=call["Description"] or "",
        days=call["RetentionPeriod"]["RetentionPeriodValue"],
        tags=_resource_tags(call["ResourceTags"]),
        excluded=_resource_tags(call["ExcludeResourceTags"]),
        own_tags=_pairs(call["Tags"]),
        unlock_days=_delay(call),
    )
    _one_kind_of_tags(rule.tags, rule.excluded)
    if rule.unlock_days:
        _only_a_regions_rule_is_locked(rule)
    draft.put(rule)
    draft.later("rule_is_available", after_ms=AVAILABLE_AFTER_MS, rule_id=rule.id)
    own = [{"Key": key, "Value": value} for key, value in rule.own_tags]
    return _shown(rule, call.at_ms) | {"Tags": own}


def _rule_id(draft: Draft, call: Call) -> str:
    """Eleven letters and digits."""
    return "".join(_LETTERS[byte % 62] for byte in draft.new_hash("rbin-rule", call.account, call.region)[:11])


@job("rule_is_available")
def rule_is_available(draft: Draft, call: Call) -> None:
    rule = draft.get(RetentionRule, call.account, call.region, call["rule_id"])
    if rule:
        draft.change(rule, is_available=True)


@operation(
    "rbin",
    "GetRule",
    honours={"Identifier"},
    checks=(on("rbin:GetRule", _named), _it_is_there),
    answers=(errors.DENIED, errors.NO_SUCH_RULE),
    reads=True,
)
def get_rule(draft: Draft, call: Call) -> Answer:
    return _shown(_rule(draft, call), call.at_ms)


@operation(
    "rbin",
    "ListRules",
    honours={"ResourceType", "ResourceTags", "ExcludeResourceTags", "LockState", "MaxResults", "NextToken"},
    checks=(_is_of_snapshots, on("rbin:ListRules", _rules)),
    answers=(errors.BAD_PAGE_SIZE, errors.BAD_PAGE_TOKEN, errors.DENIED),
    reads=True,
)
def list_rules(draft: Draft, call: Call) -> Answer:
    """Rules of the Region in the order of their ids; with tags, those that name all of them."""
    after, size = call["NextToken"] or "", call["MaxResults"] or PAGE_MAX
    if not 1 <= size <= PAGE_MAX:
        errors.BAD_PAGE_SIZE.refuse(value=size)
    if after and draft.get(RetentionRule, call.account, call.region, after) is None:
        errors.BAD_PAGE_TOKEN.refuse()
    found = []
    for rule in _wanted(draft, call, after):
        if len(found) == size:
            return {"Rules": found, "NextToken": found[-1]["Identifier"]}
        found.append(_summary(rule, call.at_ms))
    return {"Rules": found}


def _wanted(draft: Draft, call: Call, after: str) -> Iterator[RetentionRule]:
    tags, excluded = set(_resource_tags(call["ResourceTags"])), set(_resource_tags(call["ExcludeResourceTags"]))
    place = (call.account, call.region)
    for rule in draft.scan(RetentionRule, *place, after=(*place, after) if after else ()):
        has_tags = tags <= set(rule.tags) and excluded <= set(rule.excluded)
        if has_tags and call["LockState"] in (None, lock_at(rule, call.at_ms)):
            yield rule


@operation(
    "rbin",
    "UpdateRule",
    honours={
        "Identifier",
        "RetentionPeriod",
        "Description",
        "ResourceType",
        "ResourceTags",
        "ExcludeResourceTags",
    },
    checks=(_is_of_snapshots, _retention_is_valid, on("rbin:UpdateRule", _named), _it_is_there, _it_is_not_locked),
    answers=(
        errors.BAD_PERIOD,
        errors.TOO_MANY_TAGS,
        errors.TAGS_AND_EXCLUDED,
        errors.DENIED,
        errors.NO_SUCH_RULE,
        errors.RULE_LOCKED,
    ),
)
def update_rule(draft: Draft, call: Call) -> Answer:
    """Change what is given. What is in the bin keeps the date that it went in with [D]."""
    rule, changes = _rule(draft, call), dict[str, Any]()
    if call["RetentionPeriod"]:
        changes["days"] = call["RetentionPeriod"]["RetentionPeriodValue"]
    if call["Description"] is not None:
        changes["description"] = call["Description"]
    for name, field in (("ResourceTags", "tags"), ("ExcludeResourceTags", "excluded")):
        if call[name] is not None:
            changes[field] = _resource_tags(call[name])
    rule = draft.change(rule, **changes)
    _one_kind_of_tags(rule.tags, rule.excluded)
    return _shown(rule, call.at_ms)


@operation(
    "rbin",
    "DeleteRule",
    honours={"Identifier"},
    checks=(on("rbin:DeleteRule", _named), _it_is_there, _it_is_not_locked),
    answers=(errors.DENIED, errors.NO_SUCH_RULE, errors.RULE_LOCKED),
)
def delete_rule(draft: Draft, call: Call) -> Answer:
    """The rule keeps nothing from now on; what it has kept stays in the bin until its date."""
    draft.delete(_rule(draft, call))
    return {}


@operation(
    "rbin",
    "LockRule",
    honours={"Identifier", "LockConfiguration"},
    checks=(on("rbin:LockRule", _named), _it_is_there, _it_is_not_locked),
    answers=(errors.DENIED, errors.NO_SUCH_RULE, errors.RULE_LOCKED, errors.BAD_DELAY, errors.TAG_RULE_NOT_LOCKED),
)
def lock_rule(draft: Draft, call: Call) -> Answer:
    """Nobody changes the rule until it is unlocked and the delay, 7 to 30 days, is over."""
    rule, days = _rule(draft, call), _delay(call)
    _only_a_regions_rule_is_locked(rule)
    return _shown(draft.change(rule, unlock_days=days, unlocks_ms=0), call.at_ms)


def _it_is_locked(draft: Draft, call: Call) -> None:
    if lock_at(_rule(draft, call), call.at_ms) != "locked":
        errors.RULE_NOT_LOCKED.refuse(id=call["Identifier"])


@operation(
    "rbin",
    "UnlockRule",
    honours={"Identifier"},
    checks=(on("rbin:UnlockRule", _named), _it_is_there, _it_is_locked),
    answers=(errors.DENIED, errors.NO_SUCH_RULE, errors.RULE_NOT_LOCKED),
)
def unlock_rule(draft: Draft, call: Call) -> Answer:
    """Begin the delay of the unlocking; until its end the rule stays as it is."""
    rule = _rule(draft, call)
    return _shown(draft.change(rule, unlocks_ms=call.at_ms + rule.unlock_days * DAY_MS), call.at_ms)


# how they are shown


def _summary(rule: RetentionRule, now_ms: int) -> dict[str, Any]:
    lock = lock_at(rule, now_ms)
    return {
        "Identifier": rule.id,
        "Description": rule.description,
        "RetentionPeriod": {"RetentionPeriodValue": rule.days, "RetentionPeriodUnit": "DAYS"},
        "RuleArn": rule_arn(rule.region, rule.account, rule.id),
        **({"LockState": lock} if lock else {}),
    }


def _shown(rule: RetentionRule, now_ms: int) -> dict[str, Any]:
    shown = _summary(rule, now_ms) | {
        "ResourceType": SNAPSHOTS,
        "ResourceTags": _tag_members(rule.tags),
        "ExcludeResourceTags": _tag_members(rule.excluded),
        "Status": "available" if rule.is_available else "pending",
    }
    if rule.unlock_days:
        shown["LockConfiguration"] = {"UnlockDelay": {"UnlockDelayValue": rule.unlock_days, "UnlockDelayUnit": "DAYS"}}
    return shown | ({"LockEndTime": moment(rule.unlocks_ms)} if rule.unlocks_ms else {})


def _tag_members(pairs: tuple[Pair, ...]) -> list[dict[str, str]]:
    return [
        {"ResourceTagKey": key} | ({"ResourceTagValue": value} if value is not None else {}) for key, value in pairs
    ]
