"""Groups and their members. A group is no principal: it only lends its policies to users."""

from __future__ import annotations

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.kernel.records import replace
from app.services.iam import errors, shapes
from app.services.iam.naming import judged, new_unique_id, on, on_new, on_path, the, touch
from app.services.iam.paging import PAGING, Listed, page, records_after, texts_after
from app.services.iam.records import Group, User

GROUPS_OF_A_USER_MAX = 10  # [D: QUO]


@operation(
    "iam",
    "CreateGroup",
    honours={"GroupName", "Path"},
    checks=judged("iam:CreateGroup", on_new(Group)),
    answers=(errors.HOLDER_EXISTS,),
)
def create_group(draft: Draft, call: Call) -> Answer:
    name = call["GroupName"]
    if draft.get(Group, call.account, "", name.lower()):
        errors.HOLDER_EXISTS.refuse(noun="Group", name=name)
    group = Group(
        account=call.account,
        id=name.lower(),
        name=name,
        path=call["Path"] or "/",
        unique_id=new_unique_id(draft, call, "AGPA"),
        created_ms=call.at_ms,
    )
    touch(draft, call, draft.put(group))
    return {"Group": shapes.group(group)}


@operation(
    "iam",
    "GetGroup",
    honours={"GroupName", *PAGING},
    checks=judged("iam:GetGroup", on(Group)),
    answers=(errors.HOLDER_MISSING, errors.BAD_MARKER),
    reads=True,
)
def get_group(draft: Draft, call: Call) -> Answer:
    """A group and its members."""
    group = the(draft, call, Group)

    def members(after: str) -> list[Listed]:
        begin = (call.account, group.id, after) if after else ()
        found = draft.scan_index(User, "group", call.account, group.id, after=begin)
        return [(user.id, shapes.user(user, listed=True)) for user in found]

    return {"Group": shapes.group(group)} | dict(page(call, "Users", members))


@operation(
    "iam",
    "ListGroups",
    honours={"PathPrefix", *PAGING},
    checks=judged("iam:ListGroups", on_path(Group)),
    answers=(errors.BAD_MARKER,),
    reads=True,
)
def list_groups(draft: Draft, call: Call) -> Answer:
    return page(call, "Groups", records_after(draft, call, Group, shapes.group))


@operation(
    "iam",
    "ListGroupsForUser",
    honours={"UserName", *PAGING},
    checks=judged("iam:ListGroupsForUser", on(User)),
    answers=(errors.HOLDER_MISSING, errors.BAD_MARKER),
    reads=True,
)
def list_groups_for_user(draft: Draft, call: Call) -> Answer:
    user = the(draft, call, User)
    found = ((id, draft.get(Group, call.account, "", id)) for id in user.groups)
    return page(call, "Groups", texts_after([(id, shapes.group(group)) for id, group in found if group]))


@operation(
    "iam",
    "UpdateGroup",
    honours={"GroupName", "NewGroupName", "NewPath"},
    checks=judged("iam:UpdateGroup", on(Group)),
    answers=(errors.HOLDER_MISSING, errors.HOLDER_EXISTS),
)
def update_group(draft: Draft, call: Call) -> None:
    """Rename or move a group; its members stay in it."""
    group = the(draft, call, Group)
    name = call["NewGroupName"] or group.name
    if name.lower() != group.id:
        if draft.get(Group, call.account, "", name.lower()):
            errors.HOLDER_EXISTS.refuse(noun="Group", name=name)
        for user in tuple(draft.scan_index(User, "group", call.account, group.id)):
            groups = {name.lower() if id == group.id else id for id in user.groups}
            draft.change(user, groups=tuple(sorted(groups)))
        draft.delete(group)
    draft.put(replace(group, id=name.lower(), name=name, path=call["NewPath"] or group.path))


@operation(
    "iam",
    "AddUserToGroup",
    honours={"GroupName", "UserName"},
    checks=judged("iam:AddUserToGroup", on(Group)),
    answers=(errors.HOLDER_MISSING, errors.QUOTA),
)
def add_user_to_group(draft: Draft, call: Call) -> None:
    """Add a user; adding one who is in the group already changes nothing."""
    group, user = the(draft, call, Group), the(draft, call, User)
    groups = tuple(sorted({*user.groups, group.id}))
    if len(groups) > GROUPS_OF_A_USER_MAX:
        errors.QUOTA.refuse(quota="GroupsPerUser", limit=GROUPS_OF_A_USER_MAX)
    draft.change(user, groups=groups)


@operation(
    "iam",
    "RemoveUserFromGroup",
    honours={"GroupName", "UserName"},
    checks=judged("iam:RemoveUserFromGroup", on(Group)),
    answers=(errors.HOLDER_MISSING,),
)
def remove_user_from_group(draft: Draft, call: Call) -> None:
    group, user = the(draft, call, Group), the(draft, call, User)
    draft.change(user, groups=tuple(id for id in user.groups if id != group.id))


@operation(
    "iam",
    "DeleteGroup",
    honours={"GroupName"},
    checks=judged("iam:DeleteGroup", on(Group)),
    answers=(errors.HOLDER_MISSING, errors.HAS_MEMBERS, errors.HAS_INLINE, errors.HAS_ATTACHED),
)
def delete_group(draft: Draft, call: Call) -> None:
    """Delete a group without members and policies."""
    group = the(draft, call, Group)
    obstacles = (
        (next(draft.scan_index(User, "group", call.account, group.id), None), errors.HAS_MEMBERS),
        (group.inline, errors.HAS_INLINE),
        (group.attached, errors.HAS_ATTACHED),
    )
    for obstacle, error in obstacles:
        if obstacle:
            error.refuse()
    draft.delete(group)
