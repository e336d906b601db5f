"""Invitations: how an account that exists already comes into an organization.

The management account invites, the invited account accepts, and stands under the root from then on, with the policies
that every new account begins with. An invitation is open for 15 days [D].
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from app.kernel.authority import AUTHORIZE, Resource, anything
from app.kernel.call import Call
from app.kernel.clock import DAY_MS
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.services.organizations import errors, shapes
from app.services.organizations.paging import PAGING, Listed, page
from app.services.organizations.records import Handshake, Node, Organization
from app.services.organizations.tree import defaults, managed, member_of, the_organization

OPEN_DAYS: Final = 15
_ACCOUNT: Final = re.compile(r"\d{12}\Z")


@operation(
    "organizations",
    "InviteAccountToOrganization",
    honours={"Target", "Notes", "Tags"},
    checks=managed("organizations:InviteAccountToOrganization", anything),
    answers=(
        errors.NOT_IN_USE,
        errors.NOT_MANAGEMENT,
        errors.BAD_INVITED,
        errors.DUPLICATE_TAGS,
        errors.INVITED_IS_MEMBER,
        errors.INVITED_TWICE,
    ),
)
def invite_account_to_organization(draft: Draft, call: Call) -> Answer:
    """Ask an account, by its id, to join. It has to accept."""
    organization, invited = the_organization(draft, call), call["Target"]["Id"]
    if call["Target"]["Type"] != "ACCOUNT" or not _ACCOUNT.match(invited):
        errors.BAD_INVITED.refuse()
    if member_of(draft.world, invited):
        errors.INVITED_IS_MEMBER.refuse()
    if any(one.account == call.account and one.state(call.at_ms) == "OPEN" for one in _invitations(draft, invited)):
        errors.INVITED_TWICE.refuse()
    handshake = Handshake(
        account=call.account,
        id=f"h-{draft.new_hash('handshake', call.account)[:16].hex()}",
        organization=organization.id,
        invited=invited,
        notes=call["Notes"] or "",
        tags=shapes.tags_of(call["Tags"]),
        requested_ms=call.at_ms,
        expires_ms=call.at_ms + OPEN_DAYS * DAY_MS,
    )
    draft.put(handshake)
    return {"Handshake": _shown(draft, call, handshake)}


def _invitations(draft: Draft, account: str, after: str = "") -> Iterator[Handshake]:
    return draft.scan_index(Handshake, "invited", account, after=(account, after) if after else ())


def _inviting(draft: Draft, handshake: Handshake) -> Organization | None:
    return draft.get(Organization, handshake.account, "", handshake.organization)


def _shown(draft: Draft, call: Call, handshake: Handshake) -> shapes.Shape:
    inviting = _inviting(draft, handshake)
    return shapes.handshake(handshake, inviting.email if inviting else "", call.at_ms)


def _invitation(draft: Draft, call: Call) -> Handshake | None:
    """The invitation of the caller's account that the request names."""
    found = (one for one in _invitations(draft, call.account) if one.id == call["HandshakeId"])
    return next(found, None)


def _named(draft: Draft, call: Call) -> Resource:
    found = _invitation(draft, call)
    arn = found.arn if found else f"arn:aws:organizations::*:handshake/*/invite/{call['HandshakeId']}"
    return Resource(arn, found.account if found else call.account)


@operation(
    "organizations",
    "AcceptHandshake",
    honours={"HandshakeId"},
    checks=(AUTHORIZE(("organizations:AcceptHandshake", _named, "caller")),),
    answers=(
        errors.HANDSHAKE_MISSING,
        errors.HANDSHAKE_ACCEPTED,
        errors.HANDSHAKE_EXPIRED,
        errors.INVITED_IS_MEMBER,
    ),
    across_accounts="by the account that was invited",
)
def accept_handshake(draft: Draft, call: Call) -> Answer:
    """Join the organization that invites: its policies bind the account from now on."""
    handshake = _invitation(draft, call)
    inviting = _inviting(draft, handshake) if handshake else None
    if handshake is None or inviting is None:
        errors.HANDSHAKE_MISSING.refuse()
    if handshake.is_accepted:
        errors.HANDSHAKE_ACCEPTED.refuse()
    if handshake.state(call.at_ms) == "EXPIRED":
        errors.HANDSHAKE_EXPIRED.refuse()
    if member_of(draft.world, call.account):
        errors.INVITED_IS_MEMBER.refuse()
    _join(draft, call, inviting, handshake)
    return {"Handshake": _shown(draft, call, draft.change(handshake, is_accepted=True))}


def _join(draft: Draft, call: Call, organization: Organization, handshake: Handshake) -> None:
    draft.put(
        Node(
            account=organization.account,
            id=call.account,
            organization=organization.id,
            type="ACCOUNT",
            name=f"account-{call.account}",
            email=f"account-{call.account}@example.com",
            parent=organization.root_id,
            policies=defaults(organization),
            tags=handshake.tags,
            joined="INVITED",
            joined_ms=call.at_ms,
        )
    )


@operation(
    "organizations",
    "ListHandshakesForAccount",
    honours=set(PAGING),
    checks=(AUTHORIZE(("organizations:ListHandshakesForAccount", anything)),),
    answers=(errors.BAD_TOKEN,),
    reads=True,
)
def list_handshakes_for_account(draft: Draft, call: Call) -> Answer:
    """The invitations of the caller's account, accepted and expired ones too."""

    def after(id: str) -> Iterator[Listed]:
        return ((one.id, _shown(draft, call, one)) for one in _invitations(draft, call.account, id))

    return page(call, "Handshakes", after)
