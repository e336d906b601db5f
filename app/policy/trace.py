"""What an evaluation looked at: the record that explanations, repairs and tests read.

The record is complete enough to recompute the decision without the policies: each element of each statement says
whether it matched, with the values of both sides; `tests/policy/test_trace.py` does recompute it. Shape and words
follow AWS's own trace (policy-evaluation.md 5.4) and go beyond it: why the rest did not match.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from msgspec import Struct

from app.policy.causes import Cause
from app.policy.principals import Match
from app.policy.question import LayerKind, Layers, Place, Policy, Principal, Question
from app.policy.scan import Mark

TRACES_KEPT: Final = 32768  # remembered of one kind of element; each some hundred bytes


class Effect(StrEnum):
    ALLOW = "Allow"
    DENY = "Deny"


class Outcome(Enum):
    """Of one element of a statement."""

    MATCHED = "matched"
    NOT_MATCHED = "not matched"
    NOT_EVALUABLE = "not evaluable"


class Why(StrEnum):
    """The closed table of reasons that two lists of values do not tell by themselves."""

    COMPARED = ""
    KEY_ABSENT = "the request does not carry this key"
    MANY_VALUES = "a key with many values needs ForAllValues or ForAnyValue (inferred)"
    VARIABLE_ABSENT = "a variable has no value in this request"
    VALUE_MALFORMED = "a value of the policy is not of the operator's type"
    NO_SUCH_OPERATOR = "reseal does not know this operator"
    NO_SUCH_ELEMENT = "reseal does not know this element"
    NOT_A_PRINCIPAL = "reseal does not know this kind of principal"
    ELEMENT_MISSING = "the statement lacks this element, so it has no effect"
    BOUNDARY_BEATS_NOT_PRINCIPAL = "NotPrincipal with Deny denies every principal that has a permissions boundary"


class ElementTrace(Struct, frozen=True):
    """One element compared. `wanted` is the policy's side, variables filled in; `found` the request's."""

    element: str  # Action, NotAction, Resource, NotResource, Principal, NotPrincipal, Condition, or an unknown name
    outcome: Outcome
    wanted: tuple[str, ...]
    found: tuple[str, ...]
    mark: Mark
    operator: str = ""  # of a condition, as written: "ForAnyValue:StringLikeIfExists"
    key: str = ""  # of a condition, as written
    why: Why = Why.COMPARED
    match: Match = Match.NONE  # of a principal element that matched


def statement_place(policy: Place, index: int, sid: str) -> Place:
    """The place of a statement in a policy that stands at `policy`."""
    return Place(policy.layer, policy.account, policy.policy, policy.attached_to, index, sid)


class StatementTrace(Struct, frozen=True):
    policy: Place  # where its policy stands
    index: int
    sid: str
    effect: Effect
    applies: bool
    elements: tuple[ElementTrace, ...]
    mark: Mark

    @property
    def place(self) -> Place:
        return statement_place(self.policy, self.index, self.sid)


class GrantTrace(Struct, frozen=True):
    """One grant looked at; it allows where the grantee matches, the operation is granted and the constraint holds."""

    grant_id: str
    place: Place | None
    grantee: str
    match: Match
    operations: tuple[str, ...]
    operation_granted: bool
    constraint: str
    pairs: tuple[tuple[str, str], ...]
    constraint_holds: bool

    @property
    def allows(self) -> bool:
        return self.match > Match.NONE and self.operation_granted and self.constraint_holds


class LayerTrace(Struct, frozen=True):
    """One layer, or one level of SCPs or RCPs. `is_exempt`: it does not bind this caller, whatever it says."""

    kind: LayerKind
    target: str  # what its policies are attached to
    is_exempt: bool
    statements: tuple[StatementTrace, ...] = ()
    grants: tuple[GrantTrace, ...] = ()

    @property
    def denies(self) -> bool:
        return not self.is_exempt and any(one.applies and one.effect is Effect.DENY for one in self.statements)

    @property
    def allows(self) -> bool:
        return any(one.applies and one.effect is Effect.ALLOW for one in self.statements) or any(
            grant.allows for grant in self.grants
        )


class Verdict(StrEnum):
    ALLOWED = "Allowed"
    EXPLICITLY_DENIED = "ExplicitlyDenied"
    IMPLICITLY_DENIED = "ImplicitlyDenied"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a question.

    `layer` is the one kind of policy that AWS's message names; None when allowed. `on_owner_side` is set only where
    caller and owner are different accounts and the owner's side refused: then KMS tells the caller nothing.
    `decided_by` points at the statements that denied, allowed, or would have allowed but for a condition; it may be
    shorter without a trace (first found), and is empty where nothing speaks. `layers` is empty without a trace.
    """

    allowed: bool
    effect: Verdict
    cause: Cause | None = None
    layer: LayerKind | None = None
    on_owner_side: bool = False
    decided_by: tuple[Place, ...] = ()
    layers: tuple[LayerTrace, ...] = ()

    @property
    def explicit(self) -> bool:
        return self.effect is Verdict.EXPLICITLY_DENIED


_CHECK_TYPES = {  # AWS's names (policy-evaluation.md 5.4); a grant counts as a resource policy
    LayerKind.RCP: "RESOURCE_CONTROL_POLICY",
    LayerKind.SCP: "SERVICE_CONTROL_POLICY",
    LayerKind.ENDPOINT: "VPC_ENDPOINT",
    LayerKind.RESOURCE: "RESOURCE",
    LayerKind.GRANT: "RESOURCE",
    LayerKind.IDENTITY: "PRINCIPAL",
    LayerKind.BOUNDARY: "PERMISSIONS_BOUNDARY",
    LayerKind.SESSION: "SESSION",
}


def to_json(decision: Decision, question: Question) -> dict[str, object]:
    """The decision and all it looked at as plain JSON values; stable, for storage and REST.

    `documents` holds the text of each policy looked at, of a refusal only.
    """
    return {
        "decision": decision.effect.value,
        "cause": decision.cause.name if decision.cause else None,
        "code": decision.cause.code if decision.cause else None,
        "layer": decision.layer.value if decision.layer else None,
        "onOwnerSide": decision.on_owner_side,
        "decidedBy": [_place(place) for place in decision.decided_by],
        "principal": _principal(question.principal),
        "action": question.action,
        "resource": question.resource,
        "resourceAccount": question.resource_account,
        "rule": question.layers.rule.value,
        "context": {key: value if isinstance(value, str) else list(value) for key, value in question.context.items()},
        "encryptionContext": None if question.encryption_context is None else dict(question.encryption_context),
        "layers": [_layer(layer, decision) for layer in decision.layers],
        # The words themselves, so that an explanation can point at them later, when the policy may be another.
        "documents": [] if decision.allowed else [_document(policy) for policy in every_policy(question.layers)],
    }


def every_policy(layers: Layers) -> Iterator[Policy]:
    """Each policy that may speak, layer by layer in the order of LayerKind."""
    for levels in (layers.rcps, layers.scps):
        for level in levels:
            yield from level.policies
    yield from (one for one in (layers.endpoint, layers.resource) if one is not None)
    yield from layers.identity
    yield from () if layers.boundary is None else (layers.boundary,)
    yield from layers.session or ()


def _document(policy: Policy) -> dict[str, object]:
    return {"place": _place(policy.place), "text": policy.document.text}


def _principal(principal: Principal) -> dict[str, object]:
    return {
        "kind": principal.kind.value,
        "account": principal.account,
        "arn": principal.arn,
        "uniqueId": principal.unique_id,
        "issuerArn": principal.issuer_arn,
        "issuerId": principal.issuer_id,
        "isServiceLinked": principal.is_service_linked,
    }


def _place(place: Place) -> dict[str, object]:
    return {
        "layer": place.layer.value,
        "account": place.account,
        "policy": place.policy,
        "attachedTo": place.attached_to,
        "statement": place.statement,
        "sid": place.sid,
    }


def _layer(layer: LayerTrace, decision: Decision) -> dict[str, object]:
    return {
        "kind": layer.kind.value,
        "checkType": _CHECK_TYPES[layer.kind],
        "evaluatedEffect": _evaluated_effect(layer, decision),
        "targetArn": layer.target,
        "isExempt": layer.is_exempt,
        "statements": [_statement(statement) for statement in layer.statements],
        "grants": [_grant(grant) for grant in layer.grants],
    }


def _evaluated_effect(layer: LayerTrace, decision: Decision) -> str:
    """AWS's four words. NO_IMPACT: nothing matched here, and nothing was needed, or the layer does not bind."""
    if layer.denies:
        return "EXPLICIT_DENY"
    if layer.is_exempt or layer.kind is LayerKind.RCP:
        return "NO_IMPACT"
    if layer.allows:
        return "ALLOW"
    return "NO_IMPACT" if decision.allowed else "IMPLICIT_DENY"


def _statement(statement: StatementTrace) -> dict[str, object]:
    return {
        "place": _place(statement.place),
        "effect": statement.effect.value,
        "applies": statement.applies,
        "mark": _mark(statement.mark),
        "elements": [_element(element) for element in statement.elements],
    }


def _element(element: ElementTrace) -> dict[str, object]:
    return {
        "element": element.element,
        "operator": element.operator,
        "key": element.key,
        "outcome": element.outcome.value,
        "wanted": list(element.wanted),
        "found": list(element.found),
        "why": element.why.value,
        "match": element.match.name.lower(),
        "mark": _mark(element.mark),
    }


def _mark(mark: Mark) -> dict[str, object]:
    return {"line": mark.line, "column": mark.column, "offset": mark.offset, "end": mark.end, "pointer": mark.pointer}


def _grant(grant: GrantTrace) -> dict[str, object]:
    return {
        "grantId": grant.grant_id,
        "place": _place(grant.place) if grant.place else None,
        "grantee": grant.grantee,
        "match": grant.match.name.lower(),
        "operations": list(grant.operations),
        "operationGranted": grant.operation_granted,
        "constraint": grant.constraint,
        "pairs": [list(pair) for pair in grant.pairs],
        "constraintHolds": grant.constraint_holds,
        "allows": grant.allows,
    }
