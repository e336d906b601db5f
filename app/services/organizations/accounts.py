"""Accounts of an organization: made, listed, moved, closed, let go.

CreateAccount answers IN_PROGRESS and the account appears by a job, as in AWS; then it has the role by which the
management account enters it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from app.kernel.authority import Resource, anything
from app.kernel.call import Call, root_of
from app.kernel.draft import Draft
from app.kernel.operation import Answer, job, operation
from app.kernel.records import replace
from app.services.organizations import errors, shapes
from app.services.organizations.paging import PAGING, Listed, page
from app.services.organizations.records import Creation, Node
from app.services.organizations.tree import (
    children,
    defaults,
    managed,
    member_of,
    node,
    the_organization,
)

ROLE_NAME: Final = "OrganizationAccountAccessRole"
CREATION_MS: Final = 20_000  # how long AWS takes, about [I]
_ACCOUNTS: Final = 9 * 10**11

_MANAGEMENT = (errors.NOT_IN_USE, errors.NOT_MANAGEMENT)


@operation(
    "organizations",
    "CreateAccount",
    honours={"Email", "AccountName", "RoleName", "Tags"},
    inert={"IamUserAccessToBilling": "reseal has no billing console"},
    checks=managed("organizations:CreateAccount", anything),
    answers=(*_MANAGEMENT, errors.DUPLICATE_TAGS),
)
def create_account(draft: Draft, call: Call) -> Answer:
    """Ask for a new account; DescribeCreateAccountStatus tells what became of it."""
    creation = Creation(
        account=call.account,
        id=f"car-{draft.new_hash('car', call.account)[:16].hex()}",
        name=call["AccountName"],
        email=call["Email"],
        role_name=call["RoleName"] or ROLE_NAME,
        tags=shapes.tags_of(call["Tags"]),
        requested_ms=call.at_ms,
    )
    draft.put(creation)
    draft.later("organizations_create_account", after_ms=CREATION_MS, id=creation.id)
    return {"CreateAccountStatus": shapes.creation(creation)}


@job("organizations_create_account")
def settle_create_account(draft: Draft, call: Call) -> None:
    """Make the account, or fail: every email address belongs to one account."""
    creation = draft.get(Creation, call.account, "", call["id"])
    if creation is None or creation.state != "IN_PROGRESS":
        return
    if draft.find(Node, "email", creation.email.lower()):
        draft.change(creation, state="FAILED", failure=errors.CONSTRAINED_EMAIL, completed_ms=call.at_ms)
        return
    organization = the_organization(draft, call)
    account = _new_account(draft, call)
    _make_role(draft, call, account, creation.role_name)
    draft.put(
        Node(
            account=call.account,
            id=account,
            organization=organization.id,
            type="ACCOUNT",
            name=creation.name,
            email=creation.email,
            parent=organization.root_id,
            policies=defaults(organization),
            tags=creation.tags,
            joined="CREATED",
            joined_ms=call.at_ms,
        )
    )
    draft.change(creation, state="SUCCEEDED", member=account, completed_ms=call.at_ms)


def _new_account(draft: Draft, call: Call) -> str:
    """12 digits that no other account of any organization has."""
    while True:
        number = int.from_bytes(draft.new_hash("account", call.account)[:8], "big")
        account = f"{10**11 + number % _ACCOUNTS:012d}"
        if member_of(draft.world, account) is None:
            return account


def _make_role(draft: Draft, call: Call, account: str, name: str) -> None:
    """The role that lets the management account in, with AdministratorAccess."""
    principal = {"AWS": f"arn:aws:iam::{call.account}:root"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    everything = {"RoleName": name, "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    calls = (
        ("iam:CreateRole", {"RoleName": name, "AssumeRolePolicyDocument": document}),
        ("iam:AttachRolePolicy", everything),
    )
    for operation_id, parameters in calls:
        if operation_id in draft.services.operations:
            draft.as_caller(operation_id, parameters, root_of(account), invoked_by="organizations.amazonaws.com")


@operation(
    "organizations",
    "DescribeCreateAccountStatus",
    honours={"CreateAccountRequestId"},
    checks=managed("organizations:DescribeCreateAccountStatus", anything),
    answers=(*_MANAGEMENT, errors.STATUS_MISSING),
    reads=True,
)
def describe_create_account_status(draft: Draft, call: Call) -> Answer:
    creation = draft.get(Creation, call.account, "", call["CreateAccountRequestId"])
    return {"CreateAccountStatus": shapes.creation(creation or errors.STATUS_MISSING.refuse())}


@operation(
    "organizations",
    "ListCreateAccountStatus",
    honours={"States", *PAGING},
    checks=managed("organizations:ListCreateAccountStatus", anything),
    answers=(*_MANAGEMENT, errors.BAD_TOKEN),
    reads=True,
)
def list_create_account_status(draft: Draft, call: Call) -> Answer:
    wanted = call["States"] or ("IN_PROGRESS", "SUCCEEDED", "FAILED")

    def items(after: str) -> Iterator[Listed]:
        found = draft.scan(Creation, call.account, after=(call.account, "", after) if after else ())
        return ((one.id, shapes.creation(one)) for one in found if one.state in wanted)

    return page(call, "CreateAccountStatuses", items)


def _accounts_under(draft: Draft, parent: str, after: str) -> Iterator[Listed]:
    return ((one.id, shapes.account(one)) for one in children(draft, parent, "ACCOUNT", after))


@operation(
    "organizations",
    "ListAccounts",
    honours=PAGING,
    checks=managed("organizations:ListAccounts", anything),
    answers=(*_MANAGEMENT, errors.BAD_TOKEN),
    reads=True,
)
def list_accounts(draft: Draft, call: Call) -> Answer:
    def items(after: str) -> Iterator[Listed]:
        found = draft.scan(Node, call.account, after=(call.account, "", after) if after else ())
        return ((one.id, shapes.account(one)) for one in found if one.type == "ACCOUNT")

    return page(call, "Accounts", items)


@operation(
    "organizations",
    "ListAccountsForParent",
    honours={"ParentId", *PAGING},
    checks=managed("organizations:ListAccountsForParent", shapes.on("ParentId")),
    answers=(*_MANAGEMENT, errors.PARENT_MISSING, errors.BAD_TOKEN),
    reads=True,
)
def list_accounts_for_parent(draft: Draft, call: Call) -> Answer:
    parent = node(draft, call, call["ParentId"], errors.PARENT_MISSING, "ROOT", "ORGANIZATIONAL_UNIT")
    return page(call, "Accounts", lambda after: _accounts_under(draft, parent.id, after))


@operation(
    "organizations",
    "DescribeAccount",
    honours={"AccountId"},
    checks=managed("organizations:DescribeAccount", shapes.on("AccountId")),
    answers=(*_MANAGEMENT, errors.ACCOUNT_MISSING),
    reads=True,
)
def describe_account(draft: Draft, call: Call) -> Answer:
    return {"Account": shapes.account(_account(draft, call))}


def _account(draft: Draft, call: Call) -> Node:
    return node(draft, call, call["AccountId"], errors.ACCOUNT_MISSING, "ACCOUNT")


def _moved(draft: Draft, call: Call) -> tuple[Resource, ...]:
    return shapes.on("AccountId", "SourceParentId", "DestinationParentId")(draft, call)


@operation(
    "organizations",
    "MoveAccount",
    honours={"AccountId", "SourceParentId", "DestinationParentId"},
    checks=managed("organizations:MoveAccount", _moved),
    answers=(
        *_MANAGEMENT,
        errors.ACCOUNT_MISSING,
        errors.SOURCE_MISSING,
        errors.DESTINATION_MISSING,
        errors.SAME_PARENT,
    ),
)
def move_account(draft: Draft, call: Call) -> None:
    """Hang an account under another root or unit: from now on the policies of that path bind it."""
    account = _account(draft, call)
    places = ("ROOT", "ORGANIZATIONAL_UNIT")
    source = node(draft, call, call["SourceParentId"], errors.SOURCE_MISSING, *places)
    destination = node(draft, call, call["DestinationParentId"], errors.DESTINATION_MISSING, *places)
    if account.parent == destination.id:
        errors.SAME_PARENT.refuse()
    if account.parent != source.id:
        errors.ACCOUNT_MISSING.refuse()
    draft.put(replace(account, parent=destination.id))


@operation(
    "organizations",
    "RemoveAccountFromOrganization",
    honours={"AccountId"},
    checks=managed("organizations:RemoveAccountFromOrganization", shapes.on("AccountId")),
    answers=(*_MANAGEMENT, errors.ACCOUNT_MISSING, errors.MANAGEMENT_STAYS),
)
def remove_account_from_organization(draft: Draft, call: Call) -> None:
    """Let an account go: no policy of the organization binds it any more."""
    account = _account(draft, call)
    if account.id == call.account:
        errors.MANAGEMENT_STAYS.refuse()
    draft.delete(account)


@operation(
    "organizations",
    "CloseAccount",
    honours={"AccountId"},
    checks=managed("organizations:CloseAccount", shapes.on("AccountId")),
    answers=(*_MANAGEMENT, errors.ACCOUNT_MISSING, errors.ALREADY_CLOSED, errors.MANAGEMENT_OPEN),
)
def close_account(draft: Draft, call: Call) -> None:
    """Mark an account SUSPENDED. Its resources and credentials stay usable here (inferred: rules.py)."""
    account = _account(draft, call)
    if account.id == call.account:
        errors.MANAGEMENT_OPEN.refuse()
    if account.is_closed:
        errors.ALREADY_CLOSED.refuse()
    draft.change(account, is_closed=True)
