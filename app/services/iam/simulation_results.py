"""What a simulation answers, read from the trace of the one policy engine.

AWS shows the statements that carry the decision and no others: the Allows of an allow, the Denies of an explicit deny,
nothing of an implicit one; SCPs never (policy-evaluation.md 5.5). The positions are those of AWS's reader: a statement
begins where the token before it ended, so a second one begins at the end of the first (known: public captures).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from app.policy.conditions import Condition
from app.policy.decide import Decision, decide
from app.policy.document import Document
from app.policy.question import LayerKind, Layers, Place, Policy, Question, Rule
from app.policy.statement import ResourceElement
from app.policy.trace import Effect, LayerTrace, Verdict, every_policy
from app.policy.variables import Template, Variable
from app.services.iam.simulation_inputs import Asking, is_kms, is_trust

_DECISIONS: Final = {
    Verdict.ALLOWED: "allowed",
    Verdict.EXPLICITLY_DENIED: "explicitDeny",
    Verdict.IMPLICITLY_DENIED: "implicitDeny",
}
_SHOWN: Final = {  # layers whose statements are shown, in AWS's words
    LayerKind.IDENTITY: "IAM Policy",
    LayerKind.RESOURCE: "Resource Policy",
    LayerKind.BOUNDARY: "Permissions Boundary Policy",
}
_STRICTEST: Final = ("explicitDeny", "implicitDeny", "allowed")

Shape = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """One action on one resource."""

    resource: str
    decision: str
    statements: tuple[Shape, ...]
    missing: tuple[str, ...]
    by_boundary: bool | None  # None: there is none
    by_organizations: bool | None
    details: Mapping[str, str] | None  # of a simulation across accounts


# asking


def question(asking: Asking, action: str, resource: str) -> Question:
    """The question that the engine is asked; what no ResourcePolicy speaks about is the caller's side alone."""
    policy = None if is_trust(action) else asking.resource_policy
    given = {key.lower() for key in asking.given}
    defaults = {key: value for key, value in asking.defaults.items() if key.lower() not in given}
    rule = Rule.NONE if policy is None else Rule.KMS_KEY if is_kms(action) else Rule.PLAIN
    return Question(
        principal=asking.principal,
        action=action,
        resource=resource,
        resource_account=_owner(asking, resource) if policy else asking.principal.account,
        context={**defaults, **asking.given},
        layers=replace(asking.layers, resource=policy, rule=rule),
        encryption_context=None,
    )


def _owner(asking: Asking, resource: str) -> str:
    return asking.owner or resource.split(":", 5)[4] or asking.principal.account


def result(asking: Asking, action: str, resource: str) -> Result:
    asked = question(asking, action, resource)
    decision = decide(asked, trace=True)
    layers = asked.layers
    by_organizations = _by_organizations(asking, decision)
    is_across = layers.resource is not None and asked.resource_account != asked.principal.account
    is_shown = by_organizations is not False  # an SCP that denies ends the simulation
    silent = decision.effect is Verdict.IMPLICITLY_DENIED
    return Result(
        resource,
        _DECISIONS[decision.effect],
        tuple(_matched(decision, layers)) if is_shown else (),
        tuple(_missing(asking, layers)) if is_shown and silent else (),
        _allows(decision, LayerKind.BOUNDARY) if is_shown and layers.boundary else None,
        by_organizations,
        _details(decision, layers) if is_across and is_shown else None,
    )


def _by_organizations(asking: Asking, decision: Decision) -> bool | None:
    if asking.layers.scps and not asking.principal.is_service_linked:
        return _allows(decision, LayerKind.SCP)
    return True if asking.in_organization else None


def _of(decision: Decision, kind: LayerKind) -> list[LayerTrace]:
    return [layer for layer in decision.layers if layer.kind is kind]


def _allows(decision: Decision, kind: LayerKind) -> bool:
    return all(layer.allows and not layer.denies for layer in _of(decision, kind))


def _details(decision: Decision, layers: Layers) -> dict[str, str]:
    """Each kind of policy by itself."""
    kinds = (kind for kind in _SHOWN if kind is not LayerKind.BOUNDARY or layers.boundary)
    return {_SHOWN[kind]: _alone(_of(decision, kind)) for kind in kinds}


def _alone(layers: Iterable[LayerTrace]) -> str:
    found = ["explicitDeny" if layer.denies else "allowed" if layer.allows else "implicitDeny" for layer in layers]
    return min(found, key=_STRICTEST.index, default="implicitDeny")


# statements


def _matched(decision: Decision, layers: Layers) -> Iterator[Shape]:
    """The statements that carry the decision. Of a boundary only those that deny."""
    if decision.effect is Verdict.IMPLICITLY_DENIED:
        return
    effect = Effect.DENY if decision.explicit else Effect.ALLOW
    texts = {policy.place: policy for policy in every_policy(layers)}
    for layer in decision.layers:
        if layer.kind not in _SHOWN or (layer.kind is LayerKind.BOUNDARY and effect is Effect.ALLOW):
            continue
        for statement in layer.statements:
            if statement.applies and statement.effect is effect:
                yield _shape(texts[replace(statement.place, statement=None, sid="")], statement.place)


def _shape(policy: Policy, place: Place) -> Shape:
    assert place.statement is not None
    start, end = span(policy.document, place.statement)
    return {
        "SourcePolicyId": source_id(place),
        "SourcePolicyType": _SHOWN[place.layer],
        "StartPosition": _position(policy.document.text, start),
        "EndPosition": _position(policy.document.text, end),
    }


def source_id(place: Place) -> str:
    """A managed policy by its name, an inline one with its holder (`user_ada_Read`), one of the request by number."""
    if place.policy.startswith("arn:"):
        return place.policy.rpartition("/")[2]
    if not place.attached_to:
        return place.policy
    kind, _, path = place.attached_to.rpartition(":")[2].partition("/")
    return f"{kind}_{path.rpartition('/')[2]}_{place.policy}"


def span(document: Document, index: int) -> tuple[int, int]:
    """Offsets of a statement as AWS's reader counts them: from the end of the token before it to its own end.

    The only statement, written without a list, begins after its own brace (known: the CLI's example).
    """
    mark = document.statements[index].mark
    if index:
        return document.statements[index - 1].mark.end, mark.end
    before = document.text[: mark.offset].rstrip()
    return (len(before) if before.endswith("[") else mark.offset + 1), mark.end


def _position(text: str, offset: int) -> dict[str, int]:
    line_start = text.rfind("\n", 0, offset) + 1
    return {"Line": text.count("\n", 0, offset) + 1, "Column": offset - line_start + 1}


# context keys


def context_keys(documents: Iterable[Document]) -> list[str]:
    """Every key that the documents refer to, in conditions and variables; in order, once, as first written."""
    found: dict[str, str] = {}
    for document in documents:
        for key in _keys(document):
            found.setdefault(key.lower(), key)
    return list(found.values())


def _keys(document: Document) -> Iterator[str]:
    for element in (one for statement in document.statements for one in statement.others):
        if isinstance(element, ResourceElement):
            yield from _variables(document, element.templates)
        elif isinstance(element, Condition):
            yield element.key
            yield from _variables(document, element.values)


def _variables(document: Document, templates: Iterable[Template]) -> Iterator[str]:
    """The keys of variables, as the document spells them: templates keep them in lower case."""
    for part in (part for template in templates for part in template):
        if isinstance(part, Variable):
            written = re.search(re.escape("${" + part.key), document.text, re.IGNORECASE)
            yield written[0][2:] if written else part.key


def _missing(asking: Asking, layers: Layers) -> list[str]:
    """The keys of the policies, SCPs excepted, that the request does not give; what the caller implies counts as not

    given (known: public captures)."""
    spoken = [one.document for one in every_policy(layers) if one.place.layer is not LayerKind.SCP]
    given = {key.lower() for key in asking.given}
    return sorted(key for key in context_keys(spoken) if key.lower() not in given)


# answers


def evaluation(asking: Asking, action: str) -> Shape:
    """EvaluationResult: the strictest decision over all resources, and each by itself."""
    found = [result(asking, action, resource) for resource in asking.resources or ("*",)]
    decision = min((one.decision for one in found), key=_STRICTEST.index)
    shape: Shape = {
        "EvalActionName": action,
        "EvalResourceName": found[0].resource if len(found) == 1 else "*",
        "EvalDecision": decision,
        "MatchedStatements": _once(
            statement
            for one in found
            if decision != "explicitDeny" or one.decision == decision
            for statement in one.statements
        ),
        "MissingContextValues": sorted({key for one in found for key in one.missing}),
    }
    shape |= _boundary_detail(_all(one.by_boundary for one in found))
    by_organizations = _all(one.by_organizations for one in found)
    if by_organizations is not None:
        shape["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": by_organizations}
    if asking.resources:
        shape |= {} if by_organizations is False else {"EvalDecisionDetails": _strictest_details(found)}
        shape["ResourceSpecificResults"] = [_specific(one) for one in found]
    return shape


def _specific(one: Result) -> Shape:
    shape: Shape = {"EvalResourceName": one.resource, "EvalResourceDecision": one.decision}
    shape |= {"MatchedStatements": list(one.statements)} if one.statements else {}
    shape |= {"MissingContextValues": list(one.missing)} if one.missing else {}
    shape |= {} if one.details is None else {"EvalDecisionDetails": dict(one.details)}
    return shape | _boundary_detail(one.by_boundary)


def _boundary_detail(allowed: bool | None) -> Shape:
    return {} if allowed is None else {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": allowed}}


def _all(values: Iterable[bool | None]) -> bool | None:
    known = [value for value in values if value is not None]
    return all(known) if known else None


def _strictest_details(found: Iterable[Result]) -> dict[str, str]:
    details: dict[str, str] = {}
    for kind, decision in ((kind, decision) for one in found for kind, decision in (one.details or {}).items()):
        details[kind] = min(details.get(kind, "allowed"), decision, key=_STRICTEST.index)
    return details


def _once(statements: Iterable[Shape]) -> list[Shape]:
    found: list[Shape] = []
    for statement in statements:
        if statement not in found:
            found.append(statement)
    return found
