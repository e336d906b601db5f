"""A question as plain data: what JSON could carry, so that the naive judge shares no type with the engine it checks."""

from __future__ import annotations

from typing import Any, TypedDict

Document = dict[str, Any]  # what json.loads makes of a policy; its statements are dicts too
Statement = dict[str, Any]
Value = str | list[str]


class Caller(TypedDict):
    """Section 3.1; `kind` is the value of app.policy.question.PrincipalKind."""

    kind: str
    account: str
    arn: str
    unique_id: str
    issuer_arn: str
    issuer_id: str
    is_service_linked: bool


class Grant(TypedDict):
    """Section 4.7. `grantee_id` is "" where the grantee is no user or role, or its id was not recorded."""

    grantee: str
    grantee_id: str
    operations: list[str]
    constraint: str
    pairs: dict[str, str]


class Question(TypedDict):
    """Section 4.1. A layer that does not exist for the caller is None; of SCPs and RCPs each level is a list."""

    caller: Caller
    action: str
    resource: str
    resource_account: str
    context: dict[str, Value]
    encryption_context: dict[str, str] | None
    rule: str
    identity: list[Document]
    boundary: Document | None
    session: list[Document] | None
    scps: list[list[Document]]
    rcps: list[list[Document]]
    endpoint: Document | None
    resource_policy: Document | None
    saved_ids: dict[str, str]  # of the resource policy, 3.2: the ARNs of users and roles that were resolved when saved
    grants: list[Grant]
