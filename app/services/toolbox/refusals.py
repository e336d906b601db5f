"""A refusal by its authorization id, from the log, for those who may see it.

Whoever belongs to the organization of the refused principal may, or without one to its account; anybody else, and
anybody in another Region, is told that there is nothing (botocore, GetRequestAuthorizationPolicy [V]).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.log import DecisionEntry
from app.services.toolbox import errors

_HEX: Final = re.compile(r"[0-9a-f]{32}")

Body = Mapping[str, Any]  # a decision as app.policy.trace.to_json writes it


@dataclass(frozen=True, slots=True)
class Refusal:
    """The refused request: its evaluations in their order, the refusing one among them."""

    refused: DecisionEntry
    bodies: tuple[Body, ...]


def refusal(draft: Draft, call: Call) -> Refusal:
    """Refuses with ResourceNotFoundException what is not there, or not for this caller."""
    text = call["authorizationId"]
    id = str(uuid.UUID(text)) if _HEX.fullmatch(text) else errors.NOT_FOUND.refuse()
    decisions = [one for one in draft.world.log.about(id) if isinstance(one, DecisionEntry)]
    refused = next((one for one in decisions if one.id == id and not one.allowed), None)
    if refused is None or refused.region != call.region or not _may_see(draft, call, refused):
        errors.NOT_FOUND.refuse()
    of_request = (one for one in decisions if one.request_id == refused.request_id)
    return Refusal(refused, tuple(json.loads(one.body) for one in of_request))


def _may_see(draft: Draft, call: Call, refused: DecisionEntry) -> bool:
    recorded = json.loads(refused.body)["context"].get("aws:PrincipalOrgID")
    if recorded is None:
        return call.account == refused.account
    provider = draft.services.provider("organization_layers")
    own = provider(draft.world, call.caller, call.account).context if provider else {}
    return own.get("aws:PrincipalOrgID") == recorded
