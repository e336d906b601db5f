"""Organizational units, and the tree read from any of its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.services.organizations import errors, shapes
from app.services.organizations.paging import PAGING, Listed, page
from app.services.organizations.records import Node
from app.services.organizations.tree import children, defaults, managed, node, the_organization
from app.services.organizations.whole import short_id

_MANAGEMENT = (errors.NOT_IN_USE, errors.NOT_MANAGEMENT)
_PARENTS: Final = ("ROOT", "ORGANIZATIONAL_UNIT")
_UNIT_LETTERS: Final = 8


def _parent(draft: Draft, call: Call) -> Node:
    return node(draft, call, call["ParentId"], errors.PARENT_MISSING, *_PARENTS)


def _unit(draft: Draft, call: Call) -> Node:
    return node(draft, call, call["OrganizationalUnitId"], errors.UNIT_MISSING, "ORGANIZATIONAL_UNIT")


def _check_name(draft: Draft, parent: str, name: str, but: str = "") -> None:
    """Names are unique under one parent."""
    siblings = children(draft, parent, "ORGANIZATIONAL_UNIT")
    if any(one.name == name and one.id != but for one in siblings):
        errors.UNIT_EXISTS.refuse()


@operation(
    "organizations",
    "CreateOrganizationalUnit",
    honours={"ParentId", "Name", "Tags"},
    checks=managed("organizations:CreateOrganizationalUnit", shapes.on("ParentId")),
    answers=(*_MANAGEMENT, errors.PARENT_MISSING, errors.UNIT_EXISTS, errors.DUPLICATE_TAGS),
)
def create_organizational_unit(draft: Draft, call: Call) -> Answer:
    parent, organization = _parent(draft, call), the_organization(draft, call)
    _check_name(draft, parent.id, call["Name"])
    root = organization.root_id.removeprefix("r-")
    unit = Node(
        account=call.account,
        id=f"ou-{root}-{short_id(draft.new_hash('ou', call.account), _UNIT_LETTERS)}",
        organization=organization.id,
        type="ORGANIZATIONAL_UNIT",
        name=call["Name"],
        parent=parent.id,
        policies=defaults(organization),
        tags=shapes.tags_of(call["Tags"]),
    )
    return {"OrganizationalUnit": shapes.unit(draft.put(unit))}


@operation(
    "organizations",
    "DescribeOrganizationalUnit",
    honours={"OrganizationalUnitId"},
    checks=managed("organizations:DescribeOrganizationalUnit", shapes.on("OrganizationalUnitId")),
    answers=(*_MANAGEMENT, errors.UNIT_MISSING),
    reads=True,
)
def describe_organizational_unit(draft: Draft, call: Call) -> Answer:
    return {"OrganizationalUnit": shapes.unit(_unit(draft, call))}


@operation(
    "organizations",
    "UpdateOrganizationalUnit",
    honours={"OrganizationalUnitId", "Name"},
    checks=managed("organizations:UpdateOrganizationalUnit", shapes.on("OrganizationalUnitId")),
    answers=(*_MANAGEMENT, errors.UNIT_MISSING, errors.UNIT_EXISTS),
)
def update_organizational_unit(draft: Draft, call: Call) -> Answer:
    unit = _unit(draft, call)
    name = call["Name"] or unit.name
    _check_name(draft, unit.parent, name, but=unit.id)
    return {"OrganizationalUnit": shapes.unit(draft.change(unit, name=name))}


@operation(
    "organizations",
    "DeleteOrganizationalUnit",
    honours={"OrganizationalUnitId"},
    checks=managed("organizations:DeleteOrganizationalUnit", shapes.on("OrganizationalUnitId")),
    answers=(*_MANAGEMENT, errors.UNIT_MISSING, errors.UNIT_NOT_EMPTY),
)
def delete_organizational_unit(draft: Draft, call: Call) -> None:
    unit = _unit(draft, call)
    if next(draft.scan_index(Node, "parent", unit.id), None):
        errors.UNIT_NOT_EMPTY.refuse()
    draft.delete(unit)


@operation(
    "organizations",
    "ListOrganizationalUnitsForParent",
    honours={"ParentId", *PAGING},
    checks=managed("organizations:ListOrganizationalUnitsForParent", shapes.on("ParentId")),
    answers=(*_MANAGEMENT, errors.PARENT_MISSING, errors.BAD_TOKEN),
    reads=True,
)
def list_organizational_units_for_parent(draft: Draft, call: Call) -> Answer:
    parent = _parent(draft, call)

    def items(after: str) -> Iterator[Listed]:
        return ((one.id, shapes.unit(one)) for one in children(draft, parent.id, "ORGANIZATIONAL_UNIT", after))

    return page(call, "OrganizationalUnits", items)


@operation(
    "organizations",
    "ListChildren",
    honours={"ParentId", "ChildType", *PAGING},
    checks=managed("organizations:ListChildren", shapes.on("ParentId")),
    answers=(*_MANAGEMENT, errors.PARENT_MISSING, errors.BAD_TOKEN),
    reads=True,
)
def list_children(draft: Draft, call: Call) -> Answer:
    parent, type = _parent(draft, call), call["ChildType"]

    def items(after: str) -> Iterator[Listed]:
        return ((one.id, {"Id": one.id, "Type": one.type}) for one in children(draft, parent.id, type, after))

    return page(call, "Children", items)


@operation(
    "organizations",
    "ListParents",
    honours={"ChildId", *PAGING},
    checks=managed("organizations:ListParents", shapes.on("ChildId")),
    answers=(*_MANAGEMENT, errors.CHILD_MISSING, errors.BAD_TOKEN),
    reads=True,
)
def list_parents(draft: Draft, call: Call) -> Answer:
    """The one parent of a unit or an account."""
    child = node(draft, call, call["ChildId"], errors.CHILD_MISSING, "ORGANIZATIONAL_UNIT", "ACCOUNT")
    parent = node(draft, call, child.parent, errors.CHILD_MISSING)
    shown = {"Id": parent.id, "Type": parent.type}
    return page(call, "Parents", lambda after: [] if after else [(parent.id, shown)])
