"""Tags of retention rules: TagResource, UntagResource, ListTagsForResource. A rule is named by its ARN here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.kernel.authority import Resource, tag_context
from app.kernel.operation import operation
from app.services.ebs import retention_errors as errors
from app.services.ebs.feature_records import RetentionRule
from app.services.ebs.retention import TAGS_MAX, pairs, resource_of, rule_arn
from app.services.ebs.rules import on

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer


def _id(call: Call) -> str:
    """Of the caller's account and Region: an ARN of another place names no rule here."""
    prefix = rule_arn(call.region, call.account, "")
    return call["ResourceArn"].removeprefix(prefix) if call["ResourceArn"].startswith(prefix) else ""


def _named(draft: Draft, call: Call) -> Resource:
    return resource_of(draft, call, _id(call))


def _to_be_tagged(draft: Draft, call: Call) -> Resource:
    found = _named(draft, call)
    asked = tag_context(dict(pairs(call["Tags"])))
    return Resource(found.arn, found.account, found.record, {**found.context, **asked})


def _to_be_untagged(draft: Draft, call: Call) -> Resource:
    found = _named(draft, call)
    return Resource(found.arn, found.account, found.record, {**found.context, "aws:TagKeys": tuple(call["TagKeys"])})


def _rule(draft: Draft, call: Call) -> RetentionRule:
    found = draft.get(RetentionRule, call.account, call.region, _id(call))
    if found is None:
        errors.NO_SUCH_RULE.refuse(id=_id(call) or call["ResourceArn"])
    return found


@operation(
    "rbin",
    "TagResource",
    honours={"ResourceArn", "Tags"},
    checks=(on("rbin:TagResource", _to_be_tagged),),
    answers=(errors.DENIED, errors.NO_SUCH_RULE, errors.TOO_MANY_TAGS),
)
def tag_rule(draft: Draft, call: Call) -> Answer:
    """Add tags to a rule, or overwrite those of the same key."""
    rule = _rule(draft, call)
    tags = dict(rule.own_tags) | dict(pairs(call["Tags"]))
    if len(tags) > TAGS_MAX:
        errors.TOO_MANY_TAGS.refuse(name="Tags")
    draft.change(rule, own_tags=tuple(tags.items()))
    return {}


@operation(
    "rbin",
    "UntagResource",
    honours={"ResourceArn", "TagKeys"},
    checks=(on("rbin:UntagResource", _to_be_untagged),),
    answers=(errors.DENIED, errors.NO_SUCH_RULE),
)
def untag_rule(draft: Draft, call: Call) -> Answer:
    """Take tags of these keys away; those that are not there change nothing."""
    rule = _rule(draft, call)
    draft.change(rule, own_tags=tuple(pair for pair in rule.own_tags if pair[0] not in call["TagKeys"]))
    return {}


@operation(
    "rbin",
    "ListTagsForResource",
    honours={"ResourceArn"},
    checks=(on("rbin:ListTagsForResource", _named),),
    answers=(errors.DENIED, errors.NO_SUCH_RULE),
    reads=True,
)
def list_tags(draft: Draft, call: Call) -> Answer:
    return {"Tags": [{"Key": key, "Value": value} for key, value in _rule(draft, call).own_tags]}
