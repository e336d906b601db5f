"""Users."""

from __future__ import annotations

from app.kernel.call import Call
from app.kernel.clock import whole_second
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.kernel.records import replace
from app.services.iam import errors, shapes
from app.services.iam.documents import tags_of
from app.services.iam.naming import (
    check_attachable,
    judged,
    names_a_user,
    new_unique_id,
    on,
    on_new,
    on_path,
    pairs,
    the,
    touch,
)
from app.services.iam.paging import PAGING, page, records_after
from app.services.iam.records import AccessKey, Account, User


@operation(
    "iam",
    "CreateUser",
    honours={"UserName", "Path", "PermissionsBoundary", "Tags"},
    checks=judged("iam:CreateUser", on_new(User)),
    answers=(errors.HOLDER_EXISTS, errors.POLICY_NOT_ATTACHABLE, errors.DUPLICATE_TAGS),
)
def create_user(draft: Draft, call: Call) -> Answer:
    name = call["UserName"]
    check_name_is_free(draft, call, name)
    if call["PermissionsBoundary"]:
        check_attachable(draft, call, call["PermissionsBoundary"])
    user = User(
        account=call.account,
        id=name.lower(),
        name=name,
        path=call["Path"] or "/",
        unique_id=new_unique_id(draft, call, "AIDA"),
        created_ms=call.at_ms,
        boundary=call["PermissionsBoundary"] or "",
        tags=pairs(tags_of(call["Tags"])),
    )
    touch(draft, call, draft.put(user))
    return {"User": shapes.user(user)}


def check_name_is_free(draft: Draft, call: Call, name: str) -> None:
    if draft.get(User, call.account, "", name.lower()):
        errors.HOLDER_EXISTS.refuse(noun="User", name=name)


@operation(
    "iam",
    "GetUser",
    honours={"UserName"},
    checks=(names_a_user, *judged("iam:GetUser", on(User))),
    answers=(errors.HOLDER_MISSING, errors.NOT_A_USER),
    reads=True,
)
def get_user(draft: Draft, call: Call) -> Answer:
    """A user; without a name the caller, who may be the root user and must not be a session."""
    if call["UserName"] is None and call.caller.kind == "root":
        return {"User": _root(draft, call)}
    return {"User": shapes.user(the(draft, call, User))}


def _root(draft: Draft, call: Call) -> shapes.Shape:
    account = draft.get(Account, call.account, "", call.account)
    created = whole_second(account.created_ms if account else call.at_ms)
    return {"UserId": call.account, "Arn": call.caller.arn, "CreateDate": created}


@operation(
    "iam",
    "ListUsers",
    honours={"PathPrefix", *PAGING},
    checks=judged("iam:ListUsers", on_path(User)),
    answers=(errors.BAD_MARKER,),
    reads=True,
)
def list_users(draft: Draft, call: Call) -> Answer:
    return page(call, "Users", records_after(draft, call, User, lambda user: shapes.user(user, listed=True)))


@operation(
    "iam",
    "UpdateUser",
    honours={"UserName", "NewUserName", "NewPath"},
    checks=judged("iam:UpdateUser", on(User)),
    answers=(errors.HOLDER_MISSING, errors.HOLDER_EXISTS),
)
def update_user(draft: Draft, call: Call) -> None:
    """Rename or move a user. Its unique id stays, and so does what policies have given to that id."""
    user = the(draft, call, User)
    name = call["NewUserName"] or user.name
    if name.lower() != user.id:
        check_name_is_free(draft, call, name)
        draft.delete(user)
    draft.put(replace(user, id=name.lower(), name=name, path=call["NewPath"] or user.path))


@operation(
    "iam",
    "DeleteUser",
    honours={"UserName"},
    checks=judged("iam:DeleteUser", on(User)),
    answers=(
        errors.HOLDER_MISSING,
        errors.HAS_KEYS,
        errors.HAS_MEMBERS,
        errors.HAS_INLINE,
        errors.HAS_ATTACHED,
    ),
)
def delete_user(draft: Draft, call: Call) -> None:
    """Delete a user who holds nothing any more."""
    user = the(draft, call, User)
    obstacles = (
        (next(draft.scan_index(AccessKey, "user", user.unique_id), None), errors.HAS_KEYS),
        (user.groups, errors.HAS_MEMBERS),
        (user.inline, errors.HAS_INLINE),
        (user.attached, errors.HAS_ATTACHED),
    )
    for obstacle, error in obstacles:
        if obstacle:
            error.refuse()
    draft.delete(user)
