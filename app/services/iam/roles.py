"""Roles and their trust policies."""

from __future__ import annotations

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.services.iam import errors, shapes
from app.services.iam.documents import checked_trust, tags_of
from app.services.iam.naming import (
    check_attachable,
    judged,
    modifiable,
    new_unique_id,
    on,
    on_new,
    on_path,
    pairs,
    the,
    touch,
)
from app.services.iam.paging import PAGING, page, records_after
from app.services.iam.records import Role

TRUST_SIZE_MAX = 2048  # characters without white space [D: QUO]

_TRUST_ERRORS = (errors.NO_JSON, errors.SYNTAX, errors.HAS_RESOURCE, errors.UNKNOWN_PRINCIPAL, errors.QUOTA)


@operation(
    "iam",
    "CreateRole",
    honours={
        "RoleName",
        "Path",
        "AssumeRolePolicyDocument",
        "Description",
        "MaxSessionDuration",
        "PermissionsBoundary",
        "Tags",
    },
    checks=judged("iam:CreateRole", on_new(Role)),
    answers=(errors.HOLDER_EXISTS, errors.POLICY_NOT_ATTACHABLE, errors.DUPLICATE_TAGS, *_TRUST_ERRORS),
)
def create_role(draft: Draft, call: Call) -> Answer:
    """Make a role. The principals of its trust policy must exist; their unique ids are recorded."""
    name, trust = call["RoleName"], call["AssumeRolePolicyDocument"]
    if draft.get(Role, call.account, "", name.lower()):
        errors.HOLDER_EXISTS.refuse(noun="Role", name=name)
    if call["PermissionsBoundary"]:
        check_attachable(draft, call, call["PermissionsBoundary"])
    role = Role(
        account=call.account,
        id=name.lower(),
        name=name,
        path=call["Path"] or "/",
        unique_id=new_unique_id(draft, call, "AROA"),
        created_ms=call.at_ms,
        trust=trust,
        trust_ids=checked_trust(draft.world, trust, TRUST_SIZE_MAX),
        description=call["Description"] or "",
        session_seconds_max=call["MaxSessionDuration"] or 3600,
        boundary=call["PermissionsBoundary"] or "",
        tags=pairs(tags_of(call["Tags"])),
    )
    touch(draft, call, draft.put(role))
    return {"Role": shapes.role(draft.world, role)}


@operation(
    "iam",
    "GetRole",
    honours={"RoleName"},
    checks=judged("iam:GetRole", on(Role)),
    answers=(errors.HOLDER_MISSING,),
    reads=True,
)
def get_role(draft: Draft, call: Call) -> Answer:
    return {"Role": shapes.role(draft.world, the(draft, call, Role))}


@operation(
    "iam",
    "ListRoles",
    honours={"PathPrefix", *PAGING},
    checks=judged("iam:ListRoles", on_path(Role)),
    answers=(errors.BAD_MARKER,),
    reads=True,
)
def list_roles(draft: Draft, call: Call) -> Answer:
    show = lambda role: shapes.role(draft.world, role, listed=True)  # noqa: E731
    return page(call, "Roles", records_after(draft, call, Role, show))


@operation(
    "iam",
    "UpdateAssumeRolePolicy",
    honours={"RoleName", "PolicyDocument"},
    checks=(*judged("iam:UpdateAssumeRolePolicy", on(Role)), modifiable),
    answers=(errors.HOLDER_MISSING, errors.PROTECTED, *_TRUST_ERRORS),
)
def update_assume_role_policy(draft: Draft, call: Call) -> None:
    """Replace the trust policy. ARNs are resolved anew: a principal that was made again is trusted from now on."""
    role, trust = the(draft, call, Role), call["PolicyDocument"]
    draft.change(role, trust=trust, trust_ids=checked_trust(draft.world, trust, TRUST_SIZE_MAX))


@operation(
    "iam",
    "UpdateRole",
    honours={"RoleName", "Description", "MaxSessionDuration"},
    checks=(*judged("iam:UpdateRole", on(Role)), modifiable),
    answers=(errors.HOLDER_MISSING, errors.PROTECTED),
)
def update_role(draft: Draft, call: Call) -> Answer:
    role = the(draft, call, Role)
    draft.change(
        role,
        description=role.description if call["Description"] is None else call["Description"],
        session_seconds_max=call["MaxSessionDuration"] or role.session_seconds_max,
    )
    return {}


@operation(
    "iam",
    "UpdateRoleDescription",
    honours={"RoleName", "Description"},
    checks=(*judged("iam:UpdateRoleDescription", on(Role)), modifiable),
    answers=(errors.HOLDER_MISSING, errors.PROTECTED),
)
def update_role_description(draft: Draft, call: Call) -> Answer:
    role = draft.change(the(draft, call, Role), description=call["Description"])
    return {"Role": shapes.role(draft.world, role)}


@operation(
    "iam",
    "DeleteRole",
    honours={"RoleName"},
    checks=(*judged("iam:DeleteRole", on(Role)), modifiable),
    answers=(errors.HOLDER_MISSING, errors.PROTECTED, errors.HAS_INLINE, errors.HAS_ATTACHED),
)
def delete_role(draft: Draft, call: Call) -> None:
    """Delete a role. Its sessions keep their credentials, and lose every permission."""
    role = the(draft, call, Role)
    if role.inline:
        errors.HAS_INLINE.refuse()
    if role.attached:
        errors.HAS_ATTACHED.refuse()
    draft.delete(role)


@operation(
    "iam",
    "ListInstanceProfilesForRole",
    honours={"RoleName", *PAGING},
    checks=judged("iam:ListInstanceProfilesForRole", on(Role)),
    answers=(errors.HOLDER_MISSING,),
    reads=True,
)
def list_instance_profiles_for_role(draft: Draft, call: Call) -> Answer:
    """None: reseal has no instance profiles. Terraform asks before it deletes a role."""
    the(draft, call, Role)
    return page(call, "InstanceProfiles", lambda after: ())
