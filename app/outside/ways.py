"""The ways in which something that the files do not tell may be: each makes the layers so."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from app.policy.document import Document, DocumentKind, parse
from app.policy.question import LayerKind, Layers, Level, Place, Policy

GHOST: Final = "not given"  # the name of a policy that stands for one that the files do not hold

Change = Callable[[Layers], Layers]


def as_it_is(layers: Layers) -> Layers:
    return layers


def _made(layer: LayerKind, kind: DocumentKind, *statements: Mapping[str, Any]) -> Policy:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    document: Document = parse(text, kind, lenient=True)
    return Policy(Place(layer, "", GHOST, ""), document)


_ALLOW: Final = {"Effect": "Allow", "Action": "*", "Resource": "*"}
_DENY: Final = {"Effect": "Deny", "Action": "*", "Resource": "*"}


def identity_ways() -> tuple[Change, ...]:
    kinds = ((), (_ALLOW,), (_DENY,))
    made = [_made(LayerKind.IDENTITY, DocumentKind.IDENTITY, *one) for one in kinds]
    return tuple(setter(identity=(one,)) for one in made)


def single_ways(field_name: str, kind: DocumentKind) -> tuple[Change, ...]:
    """Of a layer of one policy that is there: it is silent, or it denies."""
    layer = LayerKind(field_name)
    everyone = {"Principal": "*"} if kind is DocumentKind.ENDPOINT else {}
    made = [_made(layer, kind, *one) for one in ((), ({**_DENY, **everyone},))]
    return tuple(setter(**{field_name: one}) for one in made)


def session_ways() -> tuple[Change, ...]:
    made = [_made(LayerKind.SESSION, DocumentKind.SESSION, *one) for one in ((), (_DENY,))]
    return tuple(setter(session=(one,)) for one in made)


def key_ways(caller: str, *, trust: bool = False) -> tuple[Change, ...]:
    """Of the policy on a resource: silent, denies, allows the caller's account, allows the caller himself."""
    kind = DocumentKind.TRUST if trust else DocumentKind.RESOURCE
    everyone = {"Principal": "*"}
    named = {"Principal": {"AWS": caller}} if caller else everyone
    statements = ((), ({**_DENY, **everyone},), ({**_ALLOW, **named},), ({**_ALLOW, **everyone},))
    if trust:
        statements = tuple(
            tuple({name: value for name, value in one.items() if name != "Resource"} for one in way)
            for way in statements
        )
    return tuple(setter(resource=_made(LayerKind.RESOURCE, kind, *way)) for way in statements)


def tree_ways(kind: LayerKind) -> tuple[Change, ...]:
    document = DocumentKind.SCP if kind is LayerKind.SCP else DocumentKind.RCP
    if kind is LayerKind.RCP:
        return (setter(rcps=(Level("", (_made(kind, document, {**_DENY, "Principal": "*"}),)),)),)
    return tuple(setter(scps=(Level("", (_made(kind, document, *one),)),)) for one in ((), (_DENY,)))


def setter(**changes: Any) -> Change:
    return lambda layers: replace(layers, **changes)
