"""Inline policies of users, roles and groups: four operations, the same for all three."""

from __future__ import annotations

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, Handler, operation
from app.policy.document import DocumentKind
from app.services.iam import errors
from app.services.iam.documents import checked, size
from app.services.iam.naming import HOLDERS, guards, judged, on, pairs, parameter_of, protected, the
from app.services.iam.paging import PAGING, page, texts_after
from app.services.iam.records import Holder

SIZE_MAX = {"User": 2048, "Role": 10_240, "Group": 5120}  # of all inline policies, without white space [D: QUO]


def _put(kind: type[Holder]) -> Handler:
    name = f"Put{kind.noun}Policy"

    @operation(
        "iam",
        name,
        honours={parameter_of(kind), "PolicyName", "PolicyDocument"},
        checks=(*judged(f"iam:{name}", on(kind)), *guards(kind)),
        answers=(
            errors.HOLDER_MISSING,
            *errors.MALFORMED,
            errors.OLD_VERSION,
            errors.INLINE_TOO_LARGE,
            *protected(kind),
        ),
    )
    def put(draft: Draft, call: Call) -> None:
        """Write an inline policy, over one of the same name."""
        holder, text = the(draft, call, kind), call["PolicyDocument"]
        checked(text, DocumentKind.IDENTITY)
        inline = pairs(dict(holder.inline) | {call["PolicyName"]: text})
        limit = SIZE_MAX[kind.noun]
        if sum(size(document) for _, document in inline) > limit:
            errors.INLINE_TOO_LARGE.refuse(limit=limit, noun=kind.noun.lower(), name=holder.name)
        draft.change(holder, inline=inline)

    return put


def _document(holder: Holder, name: str) -> str:
    document = dict(holder.inline).get(name)
    if document is None:
        errors.INLINE_MISSING.refuse(noun=holder.noun.lower(), name=name)
    return document


def _get(kind: type[Holder]) -> Handler:
    name = f"Get{kind.noun}Policy"

    @operation(
        "iam",
        name,
        honours={parameter_of(kind), "PolicyName"},
        checks=judged(f"iam:{name}", on(kind)),
        answers=(errors.HOLDER_MISSING, errors.INLINE_MISSING),
        reads=True,
    )
    def get(draft: Draft, call: Call) -> Answer:
        holder = the(draft, call, kind)
        document = _document(holder, call["PolicyName"])
        return {parameter_of(kind): holder.name, "PolicyName": call["PolicyName"], "PolicyDocument": document}

    return get


def _list(kind: type[Holder]) -> Handler:
    name = f"List{kind.noun}Policies"

    @operation(
        "iam",
        name,
        honours={parameter_of(kind), *PAGING},
        checks=judged(f"iam:{name}", on(kind)),
        answers=(errors.HOLDER_MISSING, errors.BAD_MARKER),
        reads=True,
    )
    def list_names(draft: Draft, call: Call) -> Answer:
        holder = the(draft, call, kind)
        return page(call, "PolicyNames", texts_after((name, name) for name, _ in holder.inline))

    return list_names


def _delete(kind: type[Holder]) -> Handler:
    name = f"Delete{kind.noun}Policy"

    @operation(
        "iam",
        name,
        honours={parameter_of(kind), "PolicyName"},
        checks=(*judged(f"iam:{name}", on(kind)), *guards(kind)),
        answers=(
            errors.HOLDER_MISSING,
            errors.INLINE_MISSING,
            *protected(kind),
        ),
    )
    def delete(draft: Draft, call: Call) -> None:
        holder = the(draft, call, kind)
        _document(holder, call["PolicyName"])
        draft.change(holder, inline=tuple(pair for pair in holder.inline if pair[0] != call["PolicyName"]))

    return delete


put_user_policy, put_role_policy, put_group_policy = map(_put, HOLDERS)
get_user_policy, get_role_policy, get_group_policy = map(_get, HOLDERS)
list_user_policies, list_role_policies, list_group_policies = map(_list, HOLDERS)
delete_user_policy, delete_role_policy, delete_group_policy = map(_delete, HOLDERS)
