"""Operations of retention rules: CreateRule, GetRule, ListRules, UpdateRule, DeleteRule (theory: retention.py)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.kernel.operation import job, operation
from app.services.ebs import retention_errors as errors
from app.services.ebs.feature_records import RetentionRule
from app.services.ebs.retention import (
    any_rule,
    is_of_snapshots,
    it_is_not_locked,
    it_is_there,
    lock_at,
    lock_delay,
    may_tag,
    named,
    new_rule,
    not_too_many,
    one_kind_of_tags,
    only_a_regions_rule_is_locked,
    pairs,
    resource_tags,
    retention_is_valid,
    rule_named,
    shown,
    summary,
)
from app.services.ebs.rules import on

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

AVAILABLE_AFTER_MS = 1_800_000  # lifelike: the first rule may take 30 minutes [D]
PAGE_MAX = 1000
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


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
    checks=(is_of_snapshots, retention_is_valid, on("rbin:CreateRule", new_rule), may_tag, not_too_many),
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
        tags=resource_tags(call["ResourceTags"]),
        excluded=resource_tags(call["ExcludeResourceTags"]),
        own_tags=pairs(call["Tags"]),
        unlock_days=lock_delay(call),
    )
    one_kind_of_tags(rule.tags, rule.excluded)
    if rule.unlock_days:
        only_a_regions_rule_is_locked(rule)
    draft.put(rule)
    draft.later("rule_is_available", after_ms=AVAILABLE_AFTER_MS, rule_id=rule.id)
    own = [{"Key": key, "Value": value} for key, value in rule.own_tags]
    return shown(rule, call.at_ms) | {"Tags": own}


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
    checks=(on("rbin:GetRule", named), it_is_there),
    answers=(errors.DENIED, errors.NO_SUCH_RULE),
    reads=True,
)
def get_rule(draft: Draft, call: Call) -> Answer:
    return shown(rule_named(draft, call), call.at_ms)


@operation(
    "rbin",
    "ListRules",
    honours={"ResourceType", "ResourceTags", "ExcludeResourceTags", "LockState", "MaxResults", "NextToken"},
    checks=(is_of_snapshots, on("rbin:ListRules", any_rule)),
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
        found.append(summary(rule, call.at_ms))
    return {"Rules": found}


def _wanted(draft: Draft, call: Call, after: str) -> Iterator[RetentionRule]:
    tags, excluded = set(resource_tags(call["ResourceTags"])), set(resource_tags(call["ExcludeResourceTags"]))
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
    checks=(is_of_snapshots, retention_is_valid, on("rbin:UpdateRule", named), it_is_there, it_is_not_locked),
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
    rule, changes = rule_named(draft, call), dict[str, Any]()
    if call["RetentionPeriod"]:
        changes["days"] = call["RetentionPeriod"]["RetentionPeriodValue"]
    if call["Description"] is not None:
        changes["description"] = call["Description"]
    for name, field in (("ResourceTags", "tags"), ("ExcludeResourceTags", "excluded")):
        if call[name] is not None:
            changes[field] = resource_tags(call[name])
    rule = draft.change(rule, **changes)
    one_kind_of_tags(rule.tags, rule.excluded)
    return shown(rule, call.at_ms)


@operation(
    "rbin",
    "DeleteRule",
    honours={"Identifier"},
    checks=(on("rbin:DeleteRule", named), it_is_there, it_is_not_locked),
    answers=(errors.DENIED, errors.NO_SUCH_RULE, errors.RULE_LOCKED),
)
def delete_rule(draft: Draft, call: Call) -> Answer:
    """The rule keeps nothing from now on; what it has kept stays in the bin until its date."""
    draft.delete(rule_named(draft, call))
    return {}
