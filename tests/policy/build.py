"""Questions, written short: callers by name, policies as lists of statements."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.policy.document import DocumentKind, parse
from app.policy.question import (
    Grant,
    LayerKind,
    Layers,
    Level,
    Place,
    Policy,
    Principal,
    PrincipalKind,
    Question,
    Rule,
)

HERE, THERE = "111111111111", "222222222222"
KEY = f"arn:aws:kms:us-east-1:{HERE}:key/1234abcd"

KINDS = {
    LayerKind.IDENTITY: DocumentKind.IDENTITY,
    LayerKind.BOUNDARY: DocumentKind.BOUNDARY,
    LayerKind.SESSION: DocumentKind.SESSION,
    LayerKind.RESOURCE: DocumentKind.RESOURCE,
    LayerKind.SCP: DocumentKind.SCP,
    LayerKind.RCP: DocumentKind.RCP,
    LayerKind.ENDPOINT: DocumentKind.ENDPOINT,
}


def user(account: str = HERE, name: str = "dev/ada", unique_id: str = "AIDAADA00001") -> Principal:
    return Principal(PrincipalKind.USER, account, f"arn:aws:iam::{account}:user/{name}", unique_id)


def session(account: str = HERE, role: str = "team/reader", *, unique_id: str = "AROAREADER01") -> Principal:
    name = role.rpartition("/")[2]
    return Principal(
        PrincipalKind.ROLE_SESSION,
        account,
        f"arn:aws:sts::{account}:assumed-role/{name}/s1",
        f"{unique_id}:s1",
        f"arn:aws:iam::{account}:role/{role}",
        unique_id,
        is_service_linked=role.startswith("aws-service-role/"),
    )


def root(account: str = HERE) -> Principal:
    return Principal(PrincipalKind.ROOT, account, f"arn:aws:iam::{account}:root", account)


def federated(account: str = HERE) -> Principal:
    return Principal(
        PrincipalKind.FEDERATED_USER,
        account,
        f"arn:aws:sts::{account}:federated-user/eve",
        f"{account}:eve",
        user(account).arn,
        user(account).unique_id,
    )


CANONICAL = "c0" * 32

CALLERS: Mapping[str, Principal] = {
    "canonical": replace(user(), canonical_id=CANONICAL),
    "user": user(),
    "role": session(),
    "root": root(),
    "federated": federated(),
    "linked": session(role="aws-service-role/ebs.amazonaws.com/AWSServiceRoleForEBS"),
    "service": Principal(PrincipalKind.SERVICE, "", "ec2.amazonaws.com", ""),
    "anonymous": Principal(PrincipalKind.ANONYMOUS, "", "", ""),
    "foreign-user": user(THERE),
    "foreign-role": session(THERE),
    "foreign-root": root(THERE),
}


def text(statements: Sequence[Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def policy(
    kind: LayerKind, statements: Sequence[Any], *, name: str = "p", version: str = "2012-10-17", **how: Any
) -> Policy:
    document_kind = how.pop("document_kind", KINDS[kind])
    document = parse(text(statements, version), document_kind, lenient=how.pop("lenient", False))
    return Policy(Place(kind, HERE, name, "x"), document.with_principal_ids(how.pop("ids", {})))


def layers(written: Mapping[str, Any]) -> Layers:
    """From a case: a list of statements a layer, a list of such lists for SCPs and RCPs (root first)."""
    rule = Rule(written.get("rule", "none"))
    version, ids = written.get("version", "2012-10-17"), written.get("ids", {})
    how = {"version": version, "lenient": written.get("lenient", False)}

    def one(key: str, kind: LayerKind, **more: Any) -> Policy | None:
        return policy(kind, written[key], **how, **more) if key in written else None

    def some(key: str, kind: LayerKind) -> tuple[Level, ...]:
        return tuple(Level(f"l{n}", (policy(kind, level, **how),)) for n, level in enumerate(written.get(key, ())))

    resource_kind = DocumentKind.TRUST if rule is Rule.TRUST else DocumentKind.RESOURCE
    session_policy = one("session", LayerKind.SESSION)
    return Layers(
        identity=(policy(LayerKind.IDENTITY, written["identity"], **how),) if "identity" in written else (),
        boundary=one("boundary", LayerKind.BOUNDARY),
        session=(session_policy,) if session_policy else None,
        scps=some("scps", LayerKind.SCP),
        rcps=some("rcps", LayerKind.RCP),
        endpoint=one("endpoint", LayerKind.ENDPOINT),
        resource=one("resource", LayerKind.RESOURCE, document_kind=resource_kind, ids=ids),
        grants=tuple(grant(**one) for one in written.get("grants", ())),
        rule=rule,
    )


def grant(
    grantee: str, operations: Sequence[str], constraint: str = "", pairs: Mapping[str, str] | None = None
) -> Grant:
    return Grant("g1", grantee, tuple(operations), constraint, tuple((pairs or {}).items()))


def question(case: Mapping[str, Any]) -> Question:
    context = {
        key: tuple(value) if isinstance(value, list) else value for key, value in case.get("context", {}).items()
    }
    return Question(
        principal=CALLERS[case.get("caller", "user")],
        action=case.get("action", "kms:Decrypt"),
        resource=case.get("asked", KEY),
        resource_account=case.get("owner", HERE),
        context=context,
        layers=layers(case),
        encryption_context=case.get("encryption_context"),
    )


FIELDS = frozenset(  # of a case
    {
        *("name", "mark", "source", "caller", "action", "asked", "owner", "context", "encryption_context"),
        *("version", "ids", "lenient", "rule", "identity", "boundary", "session", "scps", "rcps", "endpoint"),
        *("resource", "grants", "expect", "cause", "layer", "on_owner_side", "reason"),
    }
)
