"""Tags of keys: TagResource, UntagResource, ListResourceTags, and the rules for tags wherever they are sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.kernel.call import Call, Pairs
from app.kernel.draft import Draft
from app.kernel.operation import operation
from app.services.kms.checks import KEY_STATE, allowed_on_key
from app.services.kms.errors import TAGS_REPEAT, TAGS_RESERVED, TAGS_TOO_MANY
from app.services.kms.keyref import KEY, key_of
from app.services.kms.paging import page
from app.services.kms.states import PENDING

TAGS_MAX: Final = 50


def tags_sent(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """The tags of a request, in its order; TagException for what no key may carry. The model judges their lengths."""
    sent = list(tags or ())
    names = [tag["TagKey"] for tag in sent]
    if len(set(names)) < len(names):
        TAGS_REPEAT.refuse()
    if any(name.lower().startswith("aws:") for name in names):
        TAGS_RESERVED.refuse()
    return {tag["TagKey"]: tag["TagValue"] for tag in sent}


def merged(old: Pairs, new: Mapping[str, str]) -> Pairs:
    tags = {**dict(old), **new}
    if len(tags) > TAGS_MAX:
        TAGS_TOO_MANY.refuse()
    return tuple(tags.items())


def TAGS(draft: Draft, call: Call) -> None:
    """A check: the tags sent must be tags."""
    draft.frame.memo["tags"] = tags_sent(call["Tags"])


@operation(
    "kms", "TagResource",
    honours=("KeyId", "Tags"),
    checks=(KEY(), TAGS, allowed_on_key("kms:TagResource"), KEY_STATE()),
    answers=(TAGS_REPEAT, TAGS_TOO_MANY, TAGS_RESERVED, PENDING),
)  # fmt: skip
def tag_resource(draft: Draft, call: Call) -> None:
    """Adds tags to a key, or replaces their values."""
    key = key_of(draft)
    draft.change(key, tags=merged(key.tags, draft.frame.memo["tags"]))


@operation(
    "kms", "UntagResource",
    honours=("KeyId", "TagKeys"),
    checks=(KEY(), allowed_on_key("kms:UntagResource"), KEY_STATE()),
    answers=(PENDING,),
)  # fmt: skip
def untag_resource(draft: Draft, call: Call) -> None:
    """Takes tags off a key; names that it does not carry are passed over."""
    key, gone = key_of(draft), set(call["TagKeys"])
    draft.change(key, tags=tuple(tag for tag in key.tags if tag[0] not in gone))


@operation(
    "kms", "ListResourceTags",
    honours=("KeyId", "Limit", "Marker"),
    checks=(KEY(), allowed_on_key("kms:ListResourceTags"), KEY_STATE()),
    reads=True,
)  # fmt: skip
def list_resource_tags(draft: Draft, call: Call) -> dict[str, Any]:
    """The tags of a key, in the order of their names."""
    key = key_of(draft)
    return page(
        draft, call, "Tags", (key.arn,),
        lambda after: (tag for tag in sorted(key.tags) if (tag[0],) > after),
        position=lambda tag: (tag[0],),
        shown=lambda tag: {"TagKey": tag[0], "TagValue": tag[1]},
        default=50, most=50,
    )  # fmt: skip
