"""The policies of a user, group or role as they stand, for a simulation; less those that the request leaves out.

They are those that speak for a real call, handed over by the same provider; only a group, which can not call, is read
here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.kernel.authority import OrganizationLayers
from app.kernel.call import Call, Caller
from app.kernel.draft import Draft
from app.policy.document import DocumentKind, parse
from app.policy.match import ARN_PARTS, glob
from app.policy.question import LayerKind, Place, Policy
from app.services.iam import errors as iam_errors
from app.services.iam import simulation_errors as errors
from app.services.iam.naming import touch
from app.services.iam.providers import document_of, identity_layers
from app.services.iam.records import Group, Holder, Role, User
from app.services.iam.simulation_inputs import Entity, entity

_KINDS: Final[Mapping[str, type[Holder]]] = {"user": User, "group": Group, "role": Role}
_MANAGED: Final = re.compile(r"arn:[a-z0-9-]+:iam::(?:aws|\d{12}):policy/[^\s:]+")


@dataclass(frozen=True, slots=True)
class Source:
    """Whose policies they are, and which."""

    entity: Entity
    unique_id: str
    identity: tuple[Policy, ...]
    boundary: Policy | None
    organization: OrganizationLayers


def source(draft: Draft, call: Call) -> Source:
    """The entity that PolicySourceArn names, found by its name whatever the path (known: public captures)."""
    holder = named(draft, call)
    if isinstance(holder, Group):
        none = OrganizationLayers()
        return Source(_entity(holder), "", tuple(_policies_of_group(draft, holder)), None, none)
    caller = _caller(holder)
    layers = identity_layers(draft.world, caller)
    provider = draft.services.provider("organization_layers")
    organization = provider(draft.world, caller, holder.account) if provider else OrganizationLayers()
    return Source(_entity(holder), holder.unique_id, tuple(_once(layers.identity)), layers.boundary, organization)


def named(draft: Draft, call: Call) -> Holder:
    arn = call["PolicySourceArn"]
    found = entity(arn) or errors.ENTITY.refuse(arn=arn)
    if found.account != call.account:
        errors.SOURCE_FOREIGN.refuse(account=call.account, owner=found.account)
    holder = draft.get(_KINDS[found.kind], found.account, "", found.name.lower())
    if holder is None:
        iam_errors.HOLDER_MISSING.refuse(noun=found.kind, name=found.name)
    touch(draft, call, holder)
    return holder


def _entity(holder: Holder) -> Entity:
    return Entity(holder.arn, holder.account, holder.noun.lower(), holder.name)


def _caller(holder: Holder) -> Caller:
    if isinstance(holder, Role):
        return Caller("session", holder.account, holder.arn, role_arn=holder.arn, role_id=holder.unique_id)
    return Caller("user", holder.account, holder.arn, holder.unique_id)


def _policies_of_group(draft: Draft, group: Group) -> Iterator[Policy]:
    attached = ((arn, document_of(draft.world, arn)) for arn in group.attached)
    for name, text in (*group.inline, *attached):
        if text:
            place = Place(LayerKind.IDENTITY, group.account, name, group.arn)
            yield Policy(place, parse(text, DocumentKind.IDENTITY, lenient=True))


def _once(policies: Iterable[Policy]) -> Iterator[Policy]:
    """A managed policy that comes through several groups counts once (known: public captures)."""
    seen = set[str]()
    for policy in policies:
        name = policy.place.policy
        if not name.startswith("arn:") or name not in seen:
            seen.add(name)
            yield policy


# PolicyExclusionList


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Policies that the simulation is to do without. Those that match nothing, and RCPs, are passed over [D]."""

    types: frozenset[str]
    arns: tuple[str, ...]
    inline: tuple[tuple[str, str, str], ...]  # (kind of holder, pattern of its name, policy)

    def leaves_out(self, policy: Policy) -> bool:
        name = policy.place.policy
        if name.startswith("arn:"):
            kind = "aws-managed" if name.split(":")[4] == "aws" else "user-managed"
            return kind in self.types or any(glob((arn,))(_pathless(name)) for arn in self.arns)
        kind, _, path = policy.place.attached_to.rpartition(":")[2].partition("/")
        holder = path.rpartition("/")[2]
        chosen = any((one, text) == (kind, name) and glob((pattern,))(holder) for one, pattern, text in self.inline)
        return "inline" in self.types or chosen


def exclusions(call: Call) -> Exclusions:
    """Refuses what names no policy, or names it in two ways (InvalidInput [D])."""
    sent: tuple[Mapping[str, Any], ...] = tuple(call["PolicyExclusionList"] or ())
    if any(len(one) != 1 for one in sent):
        errors.EXCLUSION.refuse()
    inline = tuple(one["InlinePolicyIdentifier"] for one in sent if "InlinePolicyIdentifier" in one)
    arns = tuple(one["PolicyArn"] for one in sent if "PolicyArn" in one)
    for arn in arns:
        if not _MANAGED.fullmatch(arn):
            errors.EXCLUSION_ARN.refuse()
    if any(pattern.count("*") > 1 for pattern in (*arns, *(one["AttachmentName"] for one in inline))):
        errors.EXCLUSION_STARS.refuse()
    return Exclusions(
        frozenset(one["PolicyType"] for one in sent if "PolicyType" in one),
        arns,
        tuple((one["AttachmentType"], one["AttachmentName"], one["PolicyName"]) for one in inline),
    )


def _pathless(arn: str) -> str:
    """The ARN that the policy would have without a path: what selectors are compared with (known: captures)."""
    parts = arn.split(":", ARN_PARTS - 1)
    return ":".join((*parts[:-1], f"policy/{parts[-1].rpartition('/')[2]}"))
