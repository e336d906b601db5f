"""Tags of users, roles and managed policies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.kernel.authority import Resource
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, Handler, operation
from app.services.iam import errors, shapes
from app.services.iam.documents import tags_of
from app.services.iam.naming import customer_policy, judged, on, on_policy, pairs, the
from app.services.iam.paging import PAGING, page, texts_after
from app.services.iam.records import Role, User

TAGS_MAX = 50  # [D: QUO]


@dataclass(frozen=True, slots=True)
class _Tagged:
    """A kind of thing with tags: what its operations are called, the parameter that names it, how it is found."""

    noun: str
    parameter: str
    resource: Callable[[Draft, Call], Resource]
    record: Callable[[Draft, Call], Any]

    @property
    def missing(self) -> errors.AwsError:
        return errors.POLICY_MISSING if self.noun == "Policy" else errors.HOLDER_MISSING


TAGGED = (
    _Tagged("User", "UserName", on(User), lambda draft, call: the(draft, call, User)),
    _Tagged("Role", "RoleName", on(Role), lambda draft, call: the(draft, call, Role)),
    _Tagged("Policy", "PolicyArn", on_policy, lambda draft, call: customer_policy(draft, call, call["PolicyArn"])),
)


def _tag(kind: _Tagged) -> Handler:
    name = f"Tag{kind.noun}"

    @operation(
        "iam",
        name,
        honours={kind.parameter, "Tags"},
        checks=judged(f"iam:{name}", kind.resource),
        answers=(kind.missing, errors.DUPLICATE_TAGS, errors.QUOTA),
    )
    def tag(draft: Draft, call: Call) -> None:
        """Add tags, over those of the same key whatever its case."""
        record, new = kind.record(draft, call), tags_of(call["Tags"])
        folded = {key.lower() for key in new}
        tags = {key: value for key, value in record.tags if key.lower() not in folded} | new
        if len(tags) > TAGS_MAX:
            errors.QUOTA.refuse(quota=f"TagsPer{kind.noun}", limit=TAGS_MAX)
        draft.change(record, tags=pairs(tags))

    return tag


def _untag(kind: _Tagged) -> Handler:
    name = f"Untag{kind.noun}"

    @operation(
        "iam",
        name,
        honours={kind.parameter, "TagKeys"},
        checks=judged(f"iam:{name}", kind.resource),
        answers=(kind.missing,),
    )
    def untag(draft: Draft, call: Call) -> None:
        record, folded = kind.record(draft, call), {key.lower() for key in call["TagKeys"]}
        draft.change(record, tags=tuple(pair for pair in record.tags if pair[0].lower() not in folded))

    return untag


def _list(kind: _Tagged) -> Handler:
    name = f"List{kind.noun}Tags"

    @operation(
        "iam",
        name,
        honours={kind.parameter, *PAGING},
        checks=judged(f"iam:{name}", kind.resource),
        answers=(kind.missing, errors.BAD_MARKER),
        reads=True,
    )
    def list_tags(draft: Draft, call: Call) -> Answer:
        tags = shapes.tag_list(kind.record(draft, call).tags)
        return page(call, "Tags", texts_after((tag["Key"], tag) for tag in tags))

    return list_tags


tag_user, tag_role, tag_policy = map(_tag, TAGGED)
untag_user, untag_role, untag_policy = map(_untag, TAGGED)
list_user_tags, list_role_tags, list_policy_tags = map(_list, TAGGED)
