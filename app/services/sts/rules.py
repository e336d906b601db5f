"""How STS judges: its condition keys, its refusals, its events. `INFERRED` lists what no reference page shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.kernel.audit import HIDDEN, TrailStyle, camel
from app.kernel.authority import Asked, Denied, tag_context
from app.kernel.draft import Draft, Frame
from app.kernel.errors import AwsError, not_simulated
from app.policy.messages import denial, reason
from app.policy.question import ContextValue
from app.services.sts import errors

INFERRED: Final = (
    "a refusal on the side of a role's owner gives no reason where the caller is of another account",
    "the packed size of a session is the length of its policies, ARNs and tags against 2,048",
    "managed session policies are read as they are when the session calls, and must exist when it is opened",
    "sessions are forgotten a day after they have ended: their keys are then unknown instead of expired",
    "keys that a root user federates can do nothing but what resources give them by name",
    "a session token hides in CloudTrail",
    "an encoded authorization message opens as long as its world lives; AWS's expire after a time it does not tell",
)


def context(draft: Draft, asked: Asked) -> Mapping[str, ContextValue]:
    """sts:ExternalId, sts:RoleSessionName, sts:TransitiveTagKeys and the tags of a request [D: SAR]."""
    sent = asked.call.parameters
    rows: tuple[tuple[str, ContextValue | None], ...] = (
        ("sts:ExternalId", sent.get("ExternalId")),
        ("sts:RoleSessionName", sent.get("RoleSessionName")),
        ("sts:TransitiveTagKeys", tuple(sent.get("TransitiveTagKeys") or ()) or None),
    )
    tags = {tag["Key"]: tag["Value"] for tag in sent.get("Tags") or ()}
    return {key: value for key, value in rows if value} | tag_context(tags)


def denied(draft: Draft, asked: Denied) -> AwsError:
    """AccessDenied, 403; the reason is told unless the owner of another account's role refuses."""
    message = denial(asked.decision, asked.question)
    if asked.decision.on_owner_side:
        message = message.removesuffix(f" {reason(asked.decision, asked.action)}")
    return errors.DENIED(message=message)


def missing(what: str) -> AwsError:
    return not_simulated(what, "ValidationError")


def _response(frame: Frame, answer: Mapping[str, Any]) -> Any:
    """Credentials without secret, and without token; what is only read is not repeated."""
    if "Credentials" not in answer:
        return None
    credentials = {name: value for name, value in answer["Credentials"].items() if name != "SecretAccessKey"}
    return camel({**answer, "Credentials": credentials | {"SessionToken": HIDDEN}})


TRAIL: Final = TrailStyle(
    source="sts.amazonaws.com",
    parameters=lambda frame, error: camel(frame.call.parameters) or None,
    response=_response,
    code=lambda error: (
        error.code if error.code == "AccessDenied" else f"{error.code.removesuffix('Exception')}Exception"
    ),
    names_resources=lambda error: error is None,
)
