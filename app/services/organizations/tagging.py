"""Tags of roots, units, accounts and policies."""

from __future__ import annotations

from typing import Any, Final

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.services.organizations import errors, shapes
from app.services.organizations.records import Node, PolicyRecord
from app.services.organizations.tree import managed

_ANSWERS: Final = (errors.NOT_IN_USE, errors.NOT_MANAGEMENT, errors.BAD_TAG_TARGET)


def _tagged(draft: Draft, call: Call) -> Any:
    """The node or policy that ResourceId names."""
    found = draft.get(Node, call.account, "", call["ResourceId"])
    found = found or draft.get(PolicyRecord, call.account, "", call["ResourceId"])
    return found or errors.BAD_TAG_TARGET.refuse()


@operation(
    "organizations",
    "TagResource",
    honours={"ResourceId", "Tags"},
    checks=managed("organizations:TagResource", shapes.on("ResourceId")),
    answers=(*_ANSWERS, errors.DUPLICATE_TAGS),
)
def tag_resource(draft: Draft, call: Call) -> None:
    record = _tagged(draft, call)
    draft.change(record, tags=tuple(sorted({**dict(record.tags), **dict(shapes.tags_of(call["Tags"]))}.items())))


@operation(
    "organizations",
    "UntagResource",
    honours={"ResourceId", "TagKeys"},
    checks=managed("organizations:UntagResource", shapes.on("ResourceId")),
    answers=_ANSWERS,
)
def untag_resource(draft: Draft, call: Call) -> None:
    record = _tagged(draft, call)
    draft.change(record, tags=tuple(pair for pair in record.tags if pair[0] not in call["TagKeys"]))


@operation(
    "organizations",
    "ListTagsForResource",
    honours={"ResourceId"},
    inert={"NextToken": "all tags fit into the first page"},
    checks=managed("organizations:ListTagsForResource", shapes.on("ResourceId")),
    answers=_ANSWERS,
    reads=True,
)
def list_tags_for_resource(draft: Draft, call: Call) -> Answer:
    """All tags in one page: a resource has 50 at most."""
    return {"Tags": shapes.tag_list(_tagged(draft, call).tags)}
