"""Managed policies attached to users, roles and groups, and permissions boundaries of users and roles."""

from __future__ import annotations

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, Handler, operation
from app.services.iam import errors, shapes
from app.services.iam.naming import (
    HOLDERS,
    PRINCIPALS,
    check_attachable,
    guards,
    judged,
    on,
    parameter_of,
    protected,
    the,
)
from app.services.iam.paging import PAGING, page, texts_after
from app.services.iam.records import Holder, Principal

ATTACHED_MAX = 10  # of one user, role or group [D: QUO]


def _attach(kind: type[Holder]) -> Handler:
    name = f"Attach{kind.noun}Policy"

    @operation(
        "iam",
        name,
        honours={parameter_of(kind), "PolicyArn"},
        checks=(*judged(f"iam:{name}", on(kind)), *guards(kind)),
        answers=(errors.HOLDER_MISSING, errors.POLICY_NOT_ATTACHABLE, errors.QUOTA, *protected(kind)),
    )
    def attach(draft: Draft, call: Call) -> None:
        """Attach a managed policy; attaching one that is attached already changes nothing."""
        holder, arn = the(draft, call, kind), call["PolicyArn"]
        check_attachable(draft, call, arn)
        if arn in holder.attached:
            return
        if len(holder.attached) >= ATTACHED_MAX:
            errors.QUOTA.refuse(quota=f"PoliciesPer{kind.noun}", limit=ATTACHED_MAX)
        draft.change(holder, attached=(*holder.attached, arn))

    return attach


def _detach(kind: type[Holder]) -> Handler:
    name = f"Detach{kind.noun}Policy"

    @operation(
        "iam",
        name,
        honours={parameter_of(kind), "PolicyArn"},
        checks=(*judged(f"iam:{name}", on(kind)), *guards(kind)),
        answers=(errors.HOLDER_MISSING, errors.POLICY_MISSING, *protected(kind)),
    )
    def detach(draft: Draft, call: Call) -> None:
        holder, arn = the(draft, call, kind), call["PolicyArn"]
        if arn not in holder.attached:
            errors.POLICY_MISSING.refuse(arn=arn)
        draft.change(holder, attached=tuple(one for one in holder.attached if one != arn))

    return detach


def _list(kind: type[Holder]) -> Handler:
    name = f"ListAttached{kind.noun}Policies"

    @operation(
        "iam",
        name,
        honours={parameter_of(kind), "PathPrefix", *PAGING},
        checks=judged(f"iam:{name}", on(kind)),
        answers=(errors.HOLDER_MISSING, errors.BAD_MARKER),
        reads=True,
    )
    def list_attached(draft: Draft, call: Call) -> Answer:
        holder, prefix = the(draft, call, kind), call["PathPrefix"] or "/"
        found = (arn for arn in holder.attached if arn.partition(":policy")[2].startswith(prefix))
        return page(call, "AttachedPolicies", texts_after((arn, shapes.attached(arn)) for arn in found))

    return list_attached


def _bound(kind: type[Principal]) -> Handler:
    name = f"Put{kind.noun}PermissionsBoundary"

    @operation(
        "iam",
        name,
        honours={parameter_of(kind), "PermissionsBoundary"},
        checks=(*judged(f"iam:{name}", on(kind)), *guards(kind)),
        answers=(errors.HOLDER_MISSING, errors.POLICY_NOT_ATTACHABLE, *protected(kind)),
    )
    def bound(draft: Draft, call: Call) -> None:
        """Bound what identity policies can give; the boundary itself gives nothing."""
        principal = the(draft, call, kind)
        check_attachable(draft, call, call["PermissionsBoundary"])
        draft.change(principal, boundary=call["PermissionsBoundary"])

    return bound


def _unbound(kind: type[Principal]) -> Handler:
    name = f"Delete{kind.noun}PermissionsBoundary"

    @operation(
        "iam",
        name,
        honours={parameter_of(kind)},
        checks=(*judged(f"iam:{name}", on(kind)), *guards(kind)),
        answers=(errors.HOLDER_MISSING, errors.BOUNDARY_MISSING, *protected(kind)),
    )
    def unbound(draft: Draft, call: Call) -> None:
        principal = the(draft, call, kind)
        if not principal.boundary:
            errors.BOUNDARY_MISSING.refuse(noun=kind.noun.lower(), name=principal.name)
        draft.change(principal, boundary="")

    return unbound


attach_user_policy, attach_role_policy, attach_group_policy = map(_attach, HOLDERS)
detach_user_policy, detach_role_policy, detach_group_policy = map(_detach, HOLDERS)
list_attached_user_policies, list_attached_role_policies, list_attached_group_policies = map(_list, HOLDERS)
put_user_permissions_boundary, put_role_permissions_boundary = map(_bound, PRINCIPALS)
delete_user_permissions_boundary, delete_role_permissions_boundary = map(_unbound, PRINCIPALS)
