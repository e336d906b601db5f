"""The question of a refusal, rebuilt from the log, so that it can be asked again with policies edited.

The trace of a refusal holds who asked, the condition keys, the grants and the text of every policy. It does not hold
the unique ids that principals were resolved to: rebuilt policies mean principals by name, as if they were saved today.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from app.policy.document import DocumentKind, parse
from app.policy.explain_trace import Given, Paper, Spot, Trace
from app.policy.explain_trace import read as read_trace
from app.policy.question import Grant, LayerKind, Layers, Level, Place, Policy, Principal, PrincipalKind, Question, Rule

_KINDS: Final = {
    LayerKind.IDENTITY: DocumentKind.IDENTITY,
    LayerKind.BOUNDARY: DocumentKind.BOUNDARY,
    LayerKind.SESSION: DocumentKind.SESSION,
    LayerKind.RESOURCE: DocumentKind.RESOURCE,
    LayerKind.SCP: DocumentKind.SCP,
    LayerKind.RCP: DocumentKind.RCP,
    LayerKind.ENDPOINT: DocumentKind.ENDPOINT,
}


class _Asker(msgspec.Struct, frozen=True, rename="camel"):
    kind: PrincipalKind
    account: str
    arn: str
    unique_id: str
    issuer_arn: str = ""
    issuer_id: str = ""
    is_service_linked: bool = False


def rebuilt(body: dict[str, Any]) -> Question:
    """`body` is that of a refused decision's entry. Raises msgspec.ValidationError for any other JSON."""
    trace = read_trace(body)
    asker = msgspec.convert(body["principal"], _Asker)
    context = msgspec.convert(body["context"], dict[str, str | tuple[str, ...]])
    return Question(
        principal=Principal(**{name: getattr(asker, name) for name in asker.__struct_fields__}),
        action=trace.action,
        resource=trace.resource,
        resource_account=trace.resource_account,
        context=context,
        layers=_layers(trace),
        encryption_context=trace.encryption_context,
    )


def _layers(trace: Trace) -> Layers:
    def policies(kind: LayerKind) -> tuple[Policy, ...]:
        return tuple(_policy(paper, trace.rule) for paper in trace.papers(kind))

    has_session = any(layer.kind is LayerKind.SESSION for layer in trace.layers)
    return Layers(
        identity=policies(LayerKind.IDENTITY),
        boundary=next(iter(policies(LayerKind.BOUNDARY)), None),
        session=policies(LayerKind.SESSION) if has_session else None,
        scps=_levels(trace, LayerKind.SCP),
        rcps=_levels(trace, LayerKind.RCP),
        endpoint=next(iter(policies(LayerKind.ENDPOINT)), None),
        resource=next(iter(policies(LayerKind.RESOURCE)), None),
        grants=tuple(_grant(grant) for grant in trace.grants()),
        rule=trace.rule,
    )


def _levels(trace: Trace, kind: LayerKind) -> tuple[Level, ...]:
    """A level of an organization holds the policies attached to its target."""
    papers = trace.papers(kind)
    targets = [layer.target_arn for layer in trace.layers if layer.kind is kind]
    return tuple(
        Level(target, tuple(_policy(one, trace.rule) for one in papers if one.place.attached_to == target))
        for target in targets
    )


def _policy(paper: Paper, rule: Rule) -> Policy:
    is_trust = paper.place.layer is LayerKind.RESOURCE and rule is Rule.TRUST
    kind = DocumentKind.TRUST if is_trust else _KINDS[paper.place.layer]
    return Policy(_place(paper.place), parse(paper.text, kind, lenient=True))


def _place(spot: Spot) -> Place:
    return Place(spot.layer, spot.account, spot.policy, spot.attached_to, spot.statement, spot.sid)


def _grant(given: Given) -> Grant:
    place = _place(given.place) if given.place else None
    return Grant(given.grant_id, given.grantee, given.operations, given.constraint, given.pairs, place=place)
