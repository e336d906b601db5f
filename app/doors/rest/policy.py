"""POST /api/v1/policy/evaluate: one question to the policy engine, with every policy that may speak in the body.

    who asks -> by which rule the owner's side counts -> the policies as layers -> decide, with the whole trace

No world is read or changed. Policies stand in the body as objects or as JSON text; what is malformed is refused with
the line and column where it stands: of the body for an object, of the text for a text. Condition keys that follow from
principal and resource (aws:PrincipalArn, aws:PrincipalAccount, aws:username, aws:ResourceAccount, ...) are there unless
`context` gives them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request

from app.doors.rest.policy_body import Asked, Evaluation, Path, Plain, Texts, Written, as_written, dotted
from app.doors.rest.policy_principals import context_of, principal
from app.policy.decide import decide
from app.policy.document import DocumentKind
from app.policy.match import arn_parts
from app.policy.principals import Match, grantee_match
from app.policy.question import (
    ContextValue,
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
from app.policy.trace import to_json


def policy_router() -> APIRouter:
    router = APIRouter(tags=["policies"])

    @router.post("/policy/evaluate")
    async def evaluate(body: Evaluation, request: Request) -> dict[str, Any]:
        """Allowed, ExplicitlyDenied or ImplicitlyDenied, and everything that was looked at."""
        question = _question(body, Texts(await request.body()))
        decision = decide(question, trace=True)
        return {"decision": decision.effect.value, "trace": to_json(decision, question)}

    return router


# rules

_TRUSTED: Final = frozenset(
    f"sts:{name}"
    for name in ("assumerole", "assumerolewithsaml", "assumerolewithwebidentity", "tagsession", "setsourceidentity")
)
_ROLE: Final = re.compile(r"arn:[a-z0-9-]+:iam::\d{12}:role/.+")
_KEY: Final = re.compile(r"arn:[a-z0-9-]+:kms:[a-z0-9-]+:\d{12}:key/.+")
_WITHOUT_POLICY: Final = ("ec2", "ebs")  # volumes and snapshots have no policy of their own


def _rule(body: Evaluation) -> Rule:
    """How the owner's side combines with the caller's; refuses policies and grants where there can be none."""
    asked = body.request
    action = asked.action.lower()
    service = action.partition(":")[0]
    is_key = bool(_KEY.fullmatch(asked.resource)) or (service == "kms" and bool(body.resourcePolicy or body.grants))
    if body.grants and not is_key:
        raise HTTPException(422, "grants: only KMS keys have grants")
    if action == "kms:retiregrant" and is_key:
        return Rule.RETIRE
    if is_key:
        return Rule.KMS_KEY
    if action in _TRUSTED and _ROLE.fullmatch(asked.resource):
        return Rule.TRUST
    if service in _WITHOUT_POLICY and body.resourcePolicy:
        raise HTTPException(422, f"resourcePolicy: resources of {service} have no policy of their own")
    return Rule.NONE if service in (*_WITHOUT_POLICY, "kms") else Rule.PLAIN


# the question


def _question(body: Evaluation, texts: Texts) -> Question:
    asked = body.request
    caller = _caller(asked)
    account = asked.resourceAccount or _account_of(asked.resource) or caller.account
    context = _context(asked, caller, account)
    rule = _rule(body)
    return Question(
        principal=caller,
        action=asked.action,
        resource=asked.resource,
        resource_account=account,
        context=context,
        layers=_layers(body, texts, caller, account, rule),
        encryption_context=_encryption_context(context) if rule is Rule.KMS_KEY else None,
    )


def _caller(asked: Asked) -> Principal:
    try:
        return principal(asked.principal)
    except ValueError as error:
        raise HTTPException(422, f"request.principal: {error}") from None


def _account_of(resource: str) -> str:
    parts = arn_parts(resource)
    return parts[4] if parts and parts[4].isdigit() else ""


def _context(asked: Asked, caller: Principal, account: str) -> dict[str, ContextValue]:
    given: dict[str, ContextValue] = {}
    seen = set[str]()
    for key, value in asked.context.items():
        if key.lower() in seen:
            raise HTTPException(422, f"request.context: {key} is given twice; keys ignore case")
        seen.add(key.lower())
        given[key] = tuple(map(_text, value)) if isinstance(value, list) else _text(value)
    derived = context_of(caller) | ({"aws:ResourceAccount": account} if account else {})
    return {key: value for key, value in derived.items() if key.lower() not in seen} | given


def _text(value: Plain) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _encryption_context(context: Mapping[str, ContextValue]) -> dict[str, str]:
    """What the condition keys tell of it; grants are compared with it."""
    prefix = "kms:encryptioncontext:"
    pairs = ((key[len(prefix) :], value) for key, value in context.items() if key.lower().startswith(prefix))
    return {key: value for key, value in pairs if isinstance(value, str)}


def _layers(body: Evaluation, texts: Texts, caller: Principal, account: str, rule: Rule) -> Layers:
    own = caller.account
    name = body.request.resource

    def one(layer: LayerKind, kind: DocumentKind, written: Written | None, *path: str | int) -> Policy | None:
        owner, holder = (account, name) if layer is LayerKind.RESOURCE else (own, caller.issuer_arn or caller.arn)
        place = Place(layer, owner, dotted(path), holder)
        return None if written is None else texts.policy(written, path, kind, place)

    if len(body.permissionsBoundaries) > 1:
        raise HTTPException(422, "permissionsBoundaries: a principal has at most one")
    resource_kind = DocumentKind.TRUST if rule is Rule.TRUST else DocumentKind.RESOURCE
    resource = one(LayerKind.RESOURCE, resource_kind, body.resourcePolicy, "resourcePolicy")
    session = one(LayerKind.SESSION, DocumentKind.SESSION, body.sessionPolicy, "sessionPolicy")
    boundary = next(iter(body.permissionsBoundaries), None)
    layers = Layers(
        identity=tuple(_identity(body, texts, caller)),
        boundary=one(LayerKind.BOUNDARY, DocumentKind.BOUNDARY, boundary, "permissionsBoundaries", 0),
        session=(session,) if session else None,
        scps=tuple(_scps(body, texts, own)),
        rcps=tuple(_rcps(body, texts, account)),
        resource=resource,
        grants=tuple(_grants(body, account)),
        rule=rule,
    )
    return _retiring(layers, caller) if rule is Rule.RETIRE else layers


def _identity(body: Evaluation, texts: Texts, caller: Principal) -> Iterator[Policy]:
    holder = caller.issuer_arn or caller.arn
    for n, named in enumerate(body.identityPolicies):
        place = Place(LayerKind.IDENTITY, caller.account, named.name, holder)
        yield texts.policy(named.policy, ("identityPolicies", n, "policy"), DocumentKind.IDENTITY, place)


def _scps(body: Evaluation, texts: Texts, account: str) -> Iterator[Level]:
    for n, level in enumerate(body.serviceControlPolicies):
        path = ("serviceControlPolicies", n, "policies")
        yield Level(level.ou, tuple(_level(texts, level.policies, path, LayerKind.SCP, account, level.ou)))


def _rcps(body: Evaluation, texts: Texts, account: str) -> Iterator[Level]:
    """Levels as of SCPs, or policies that stand together at one level."""
    loose: list[Policy] = []
    for n, written in enumerate(body.resourceControlPolicies):
        path: Path = ("resourceControlPolicies", n)
        if isinstance(written, dict) and written.keys() == {"ou", "policies"}:
            policies = [as_written(one, (*path, "policies")) for one in written["policies"]]
            inner = _level(texts, policies, (*path, "policies"), LayerKind.RCP, account, str(written["ou"]))
            yield Level(str(written["ou"]), tuple(inner))
        else:
            place = Place(LayerKind.RCP, account, dotted(path), account)
            loose.append(texts.policy(written, path, DocumentKind.RCP, place))
    if loose:
        yield Level(account, tuple(loose))


def _level(
    texts: Texts, policies: list[Written], path: Path, layer: LayerKind, account: str, target: str
) -> Iterator[Policy]:
    kind = DocumentKind.SCP if layer is LayerKind.SCP else DocumentKind.RCP
    for n, written in enumerate(policies):
        place = Place(layer, account, dotted((*path, n)), target)
        yield texts.policy(written, (*path, n), kind, place)


def _grants(body: Evaluation, account: str) -> Iterator[Grant]:
    for given in body.grants:
        if given.constraints is not None and len(given.constraints) > 1:
            raise HTTPException(422, "grants: a grant has one constraint at most")
        constraint, pairs = next(iter((given.constraints or {}).items()), ("", {}))
        place = Place(LayerKind.GRANT, account, given.grantId, body.request.resource)
        operations = tuple(given.operations)
        yield Grant(given.grantId, given.granteePrincipal, operations, constraint, tuple(pairs.items()), place=place)


def _retiring(layers: Layers, caller: Principal) -> Layers:
    """KMS judges a retirement by the closest grant that lets its grantee retire it, and by no key policy.

    Who is grantee by his account only needs an Allow of his own (policy-evaluation.md 4.7).
    """
    parties = [
        (grantee_match(caller, grant.grantee, ""), grant)
        for grant in layers.grants
        if "RetireGrant" in grant.operations
    ]
    match, party = max(parties, key=lambda one: one[0], default=(Match.NONE, None))
    by_account = match is Match.ACCOUNT and caller.kind is not PrincipalKind.ROOT
    rule = Rule.KMS_KEY if by_account else Rule.RETIRE
    return replace(layers, resource=None, grants=(party,) if party and match else (), rule=rule)
