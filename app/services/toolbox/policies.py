"""The policies that a refusal was judged by, as they were then: the trace keeps their words.

A policy is known by its uri: a managed one by its ARN, any other by a hash of where it stands. A grant counts as a
resource-based policy whose source is a KMS grant [V: TB]. Policies of an account that is neither the principal's nor of
its organization are left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from app.services.toolbox.refusals import Body

TYPES: Final = {  # layer of the trace -> AWS's type of policy
    "rcp": "RESOURCE_CONTROL_POLICY",
    "scp": "SERVICE_CONTROL_POLICY",
    "endpoint": "VPC_ENDPOINT_POLICY",
    "resource": "RESOURCE_BASED_POLICY",
    "grant": "RESOURCE_BASED_POLICY",
    "identity": "IDENTITY_BASED_POLICY",
    "boundary": "PERMISSIONS_BOUNDARY",
    "session": "SESSION_POLICY",
}
_KEY_POLICY: Final = {"type": "KMS_KEY_POLICY", "typeName": "KMS key policy"}
_GRANT: Final = {"type": "KMS_GRANT", "typeName": "KMS grant"}

Place = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One policy, with all that it is attached to."""

    uri: str
    type: str
    inline: bool
    attached_to: tuple[str, ...]
    source: Mapping[str, str] | None
    document: Mapping[str, Any]

    def shape(self) -> dict[str, Any]:
        """PolicyInfo."""
        holders = [{"arn": arn} for arn in self.attached_to if arn.startswith("arn:")]
        shape = {"type": self.type, "inline": self.inline, "uri": self.uri, "attachedTo": holders}
        return shape | ({"policySource": dict(self.source)} if self.source else {})


def evaluated(bodies: tuple[Body, ...]) -> dict[str, Evaluated]:
    """By uri, in the order in which they were looked at."""
    found: dict[str, Evaluated] = {}
    for one in (one for body in bodies for one in (*_documents(body), *_grants(body))):
        before = found.get(one.uri)
        holders = dict.fromkeys((*before.attached_to, *one.attached_to)) if before else one.attached_to
        found[one.uri] = replace(one, attached_to=tuple(holders))
    return found


def uri_of(place: Place) -> str:
    if place["policy"].startswith("arn:"):
        return place["policy"]
    where = "\0".join((place["layer"], place["account"], place["attachedTo"], place["policy"]))
    return hashlib.sha256(where.encode()).hexdigest()[:32]


def is_visible(body: Body, account: str, layer: str) -> bool:
    """Is the policy of that account to be shown to the principal's side?"""
    context = body["context"]
    is_one_organization = context.get("aws:PrincipalOrgID", "") == context.get("aws:ResourceOrgID")
    return layer == "scp" or account in ("", body["principal"]["account"]) or is_one_organization


def _documents(body: Body) -> Iterator[Evaluated]:
    for kept in body["documents"]:
        place = kept["place"]
        if is_visible(body, place["account"], place["layer"]):
            yield Evaluated(
                uri=uri_of(place),
                type=TYPES[place["layer"]],
                inline=not place["policy"].startswith("arn:"),
                attached_to=(holder(body, place["layer"], place["attachedTo"], place["account"]),),
                source=_KEY_POLICY if place["layer"] == "resource" and body["rule"] == "kms-key" else None,
                document=json.loads(kept["text"]),
            )


def _grants(body: Body) -> Iterator[Evaluated]:
    for grant in (grant for layer in body["layers"] for grant in layer["grants"]):
        place = grant["place"]
        if place is not None and is_visible(body, place["account"], "grant"):
            terms = {"GrantId": grant["grantId"], "GranteePrincipal": grant["grantee"]}
            terms |= {"Operations": grant["operations"]}
            terms |= {"Constraints": {grant["constraint"]: dict(grant["pairs"])}} if grant["constraint"] else {}
            source = {**_GRANT, "grantId": grant["grantId"]}
            yield Evaluated(uri_of(place), TYPES["grant"], True, (place["attachedTo"],), source, terms)


def holder(body: Body, layer: str, target: str, management: str) -> str:
    """What a policy is attached to, as an ARN; the trace knows nodes of an organization by their ids."""
    key = {"scp": "aws:PrincipalOrgID", "rcp": "aws:ResourceOrgID"}.get(layer)
    if key is None or target.startswith("arn:") or not management:
        return target
    word = {"r": "root", "ou": "ou"}.get(target.partition("-")[0], "account")
    return f"arn:aws:organizations::{management}:{word}/{body['context'].get(key, '')}/{target}"
