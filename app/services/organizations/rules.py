"""How Organizations judges: its condition keys, its refusals, its events. `INFERRED` lists what no reference shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.kernel.audit import HIDDEN, TrailStyle, camel
from app.kernel.authority import Asked, Denied, tag_context
from app.kernel.draft import Draft, Frame
from app.kernel.errors import AwsError, not_simulated
from app.policy.messages import denial
from app.policy.question import ContextValue
from app.services.organizations import errors

GLOBAL_REGION: Final = "us-east-1"  # of a global service's events, and of its calls as conditions see them [D]

INFERRED: Final = (
    "only the management account calls Organizations: no delegated administrators; members may describe it",
    "the email address of a management account is made up from its id",
    "a closed account is marked SUSPENDED and works on",
    "attachments take effect at once",
    "five policies of a type may be attached to one node",
    "accepting an invitation makes no service-linked role, and asks for no right to make one",
    "an account that is created has the root's default policies, and a role made by its own root user",
)


def context(draft: Draft, asked: Asked) -> Mapping[str, ContextValue]:
    """organizations:PolicyType and the tags of a request [D: SAR]."""
    sent = asked.call.parameters
    type = sent.get("PolicyType") or sent.get("Type") or sent.get("Filter")
    tags = {tag["Key"]: tag["Value"] for tag in sent.get("Tags") or ()}
    kind = {"organizations:PolicyType": type} if isinstance(type, str) else {}
    return {"aws:RequestedRegion": GLOBAL_REGION, **kind, **tag_context(tags)}


def denied(draft: Draft, asked: Denied) -> AwsError:
    return errors.DENIED(message=denial(asked.decision, asked.question))


def missing(what: str) -> AwsError:
    return not_simulated(what, "UnsupportedOperation")


_SECRETIVE: Final = {"Email", "AccountName"}  # botocore marks them sensitive


def _parameters(frame: Frame, error: AwsError | None) -> Any:
    sent = {name: HIDDEN if name in _SECRETIVE else value for name, value in frame.call.parameters.items()}
    return camel(sent) or None


def _response(frame: Frame, answer: Mapping[str, Any]) -> Any:
    if frame.operation is None or frame.operation.reads:
        return None
    return camel(_hidden(answer)) or None


def _hidden(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: HIDDEN if name in _SECRETIVE else _hidden(item) for name, item in value.items()}
    return value


TRAIL: Final = TrailStyle(
    source="organizations.amazonaws.com",
    region=GLOBAL_REGION,
    parameters=_parameters,
    response=_response,
    code=lambda error: error.code,
    names_resources=lambda error: False,
)
