"""What one layer says to a question: does it deny, does it allow, would it but for a condition.

Answers are the deciding statement's place, so the first found is enough; `trace_layers` looks at everything instead.
A document's statements are sorted by action once and remembered (bounded), as policies are asked about few actions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from app.policy.asked import Asked
from app.policy.document import Document
from app.policy.principals import Match, grantee_match
from app.policy.question import Grant, LayerKind, Layers, Level, Place, Policy, PrincipalKind, Rule
from app.policy.statement import Statement
from app.policy.trace import Effect, GrantTrace, LayerTrace, Outcome, StatementTrace

Statements = tuple[Statement, ...]

_NO_ACCOUNT: Final = frozenset({LayerKind.SCP, LayerKind.IDENTITY, LayerKind.BOUNDARY, LayerKind.SESSION})
_EXEMPT: Final = {  # layers that do not bind a kind of caller (4.8; for root: inferred.py, ROOT_SESSION_POLICY)
    PrincipalKind.ROOT: frozenset({LayerKind.IDENTITY, LayerKind.BOUNDARY}),
    PrincipalKind.SERVICE: _NO_ACCOUNT,
    PrincipalKind.ANONYMOUS: _NO_ACCOUNT,
}
_NOTHING: Final[frozenset[LayerKind]] = frozenset()
_ORGANIZATION: Final = frozenset({LayerKind.SCP, LayerKind.RCP})
_OWNER: Final = frozenset({LayerKind.RESOURCE, LayerKind.RCP})
_NOT_IN_RCPS: Final = "kms:retiregrant"  # "not valid in an RCP", even under a star, whoever retires (4.7)
_UNCONSTRAINED: Final = frozenset({"DescribeKey", "RetireGrant"})  # constraints are ignored (policy-evaluation.md 4.7)


def exempt_layers(asked: Asked) -> frozenset[LayerKind]:
    """The layers that do not bind, whatever they say."""
    principal = asked.question.principal
    exempt = _EXEMPT.get(principal.kind, _NOTHING)
    if principal.is_service_linked:
        exempt |= _ORGANIZATION
    if asked.question.layers.rule is Rule.RETIRE:  # inferred.py, RETIRE_IS_DECIDED_BY_GRANT
        exempt |= _OWNER
    if asked.action == _NOT_IN_RCPS:
        exempt |= {LayerKind.RCP}
    return exempt


# Where the policies of a kind stand: (what they are attached to, where that is not the caller or the resource; the
# policies) for each level that must allow. All but SCPs and RCPs have one level; none: the layer does not exist.
Levels = Sequence[tuple[str, tuple[Policy, ...]]]
LEVELS: Final[Mapping[LayerKind, Callable[[Layers], Levels]]] = {
    LayerKind.RCP: lambda layers: [(level.target, level.policies) for level in layers.rcps],
    LayerKind.SCP: lambda layers: [(level.target, level.policies) for level in layers.scps],
    LayerKind.ENDPOINT: lambda layers: _single(layers.endpoint),
    LayerKind.RESOURCE: lambda layers: _single(layers.resource),
    LayerKind.GRANT: lambda layers: (),
    LayerKind.IDENTITY: lambda layers: (("", layers.identity),),
    LayerKind.BOUNDARY: lambda layers: _single(layers.boundary),
    LayerKind.SESSION: lambda layers: () if layers.session is None else (("", layers.session),),
}


def _single(policy: Policy | None) -> Levels:
    return () if policy is None else (("", (policy,)),)


def levels(layers: Layers, kind: LayerKind) -> tuple[Level, ...]:
    """A layer as the levels that must each allow."""
    return tuple(Level(target, policies) for target, policies in LEVELS[kind](layers))


@lru_cache(maxsize=16384)
def _about(document: Document, action: str) -> tuple[Statements, Statements]:
    """(denies, allows) among the document's statements that name the action, in lower case."""
    about = [one for one in document.statements if one.action is not None and one.action.names(action)]
    return (
        tuple(one for one in about if one.effect is Effect.DENY),
        tuple(one for one in about if one.effect is Effect.ALLOW),
    )


def denied(policies: Iterable[Policy], asked: Asked) -> Place | None:
    """The statement that denies."""
    for policy in policies:
        for statement in _about(policy.document, asked.action)[0]:
            if statement.applies(asked):
                return statement.at(policy.place)
    return None


def allowed(policies: Iterable[Policy], asked: Asked) -> Place | None:
    """The statement that allows, to whomever in the caller's person or account."""
    for policy in policies:
        for statement in _about(policy.document, asked.action)[1]:
            if statement.applies(asked):
                return statement.at(policy.place)
    return None


def closest(policy: Policy | None, asked: Asked) -> tuple[Match, Place | None]:
    """The closest way in which the resource's policy allows the caller, and the statement that does."""
    best, place = Match.NONE, None
    if policy is None:
        return best, place
    for statement in _about(policy.document, asked.action)[1]:
        match = statement.match(asked)
        if match > best and statement.applies(asked):
            best, place = match, statement.at(policy.place)
    return best, place


def failed_condition(policies: Iterable[Policy], asked: Asked) -> Place | None:
    """The statement that would allow, were it not for its conditions."""
    for policy in policies:
        for statement in _about(policy.document, asked.action)[1]:
            trace = statement.trace(asked, policy.place)
            failing = [one.element for one in trace.elements if one.outcome is not Outcome.MATCHED]
            if failing and set(failing) == {"Condition"}:
                return trace.place
    return None


# Grants: more Allows on the owner's side, never a Deny.


def closest_grant(asked: Asked) -> tuple[Match, Place | None]:
    """The closest way in which a grant allows the caller, and the grant that does."""
    traces = [trace_grant(grant, asked) for grant in asked.question.layers.grants]
    best = max((trace for trace in traces if trace.allows), key=lambda trace: trace.match, default=None)
    return (Match.NONE, None) if best is None else (best.match, best.place)


def trace_grant(grant: Grant, asked: Asked) -> GrantTrace:
    operation = asked.question.action.partition(":")[2]
    return GrantTrace(
        grant.grant_id,
        grant.place,
        grant.grantee,
        grantee_match(asked.question.principal, grant.grantee, grant.grantee_id),
        grant.operations,
        operation in grant.operations,
        grant.constraint,
        grant.pairs,
        # Without an encryption context, an empty one: inferred.py, GRANT_CONTEXT_ABSENT
        operation in _UNCONSTRAINED or _constraint_holds(grant, asked.question.encryption_context or {}),
    )


def _constraint_holds(grant: Grant, context: Mapping[str, str]) -> bool:
    """Keys are compared without regard to case, values with it (kms.md 5.2)."""
    wanted, found = _folded(grant.pairs), _folded(context.items())
    match grant.constraint:
        case "":
            return True
        case "EncryptionContextEquals":
            return wanted == found
        case "EncryptionContextSubset":
            return set(wanted) <= set(found)
        case unknown:
            raise ValueError(f"a grant with a constraint that KMS does not have: {unknown!r}")


def _folded(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted((key.lower(), value) for key, value in pairs)


# The whole record, for explanations.


def trace_layers(asked: Asked, exempt: frozenset[LayerKind]) -> tuple[LayerTrace, ...]:
    """Everything there is to see, in the order in which AWS lists its checks: every statement, exempt layers too."""
    layers = asked.question.layers
    traced = list[LayerTrace]()
    for kind, levels_of in LEVELS.items():
        is_exempt = bool(exempt) and kind in exempt
        if kind is LayerKind.GRANT and layers.grants:
            grants = tuple(trace_grant(grant, asked) for grant in layers.grants)
            traced.append(LayerTrace(kind, asked.resource, is_exempt, grants=grants))
        for target, policies in levels_of(layers):
            statements = _trace_statements(policies, asked)
            traced.append(LayerTrace(kind, target or _attached_to(kind, asked), is_exempt, statements))
    return tuple(traced)


def _trace_statements(policies: Iterable[Policy], asked: Asked) -> tuple[StatementTrace, ...]:
    return tuple([one.trace(asked, policy.place) for policy in policies for one in policy.document.statements])


def _attached_to(kind: LayerKind, asked: Asked) -> str:
    return asked.resource if kind is LayerKind.RESOURCE else asked.question.principal.arn
