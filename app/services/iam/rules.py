"""How IAM judges: its condition keys, the owner's side of a role, its refusals, its events.

`INFERRED` is the one list of what no reference page shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from app.kernel.audit import TrailStyle, camel
from app.kernel.authority import Asked, Denied, Resource, ResourceLayers
from app.kernel.call import Call
from app.kernel.draft import Draft, Frame
from app.kernel.errors import AwsError, not_simulated
from app.kernel.world import World
from app.policy.document import DocumentKind, parse
from app.policy.messages import denial
from app.policy.question import ContextValue, LayerKind, Place, Policy, Rule
from app.services.iam import errors
from app.services.iam.naming import condition_keys
from app.services.iam.records import Role

GLOBAL_REGION: Final = "us-east-1"  # of a global service's events, and of its calls as conditions see them [D]

INFERRED: Final = (
    "names are looked up without regard to their case, as they are compared for uniqueness",
    "principals of a trust policy must exist where they are accounts, users, roles or unique ids; sessions need not",
    "an unknown Marker is refused with 'Invalid Marker.'",
    "a malformed document of any other kind than those that AWS's texts name is 'Syntax errors in policy.'",
    "GetAccessKeyLastUsed knows the calls of the Region that it is asked in, and those of global services",
    "when a role was last used is not kept: GetRole leaves RoleLastUsed out",
    "a permissions boundary whose policy is gone allows nothing",
    "the role of a service-linked role whose managed policy reseal does not hold has no permissions of its own",
    "quotas: those of documents, keys, versions, groups and attachments are kept, those of an account's totals are not",
)

_TRUSTED: Final = {"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"}


def context(draft: Draft, asked: Asked) -> Mapping[str, ContextValue]:
    keys = condition_keys(asked.action, asked.call.parameters, asked.resource.record)
    return {"aws:RequestedRegion": GLOBAL_REGION, **keys}


def resource_layers(world: World, call: Call, action: str, resource: Resource) -> ResourceLayers:
    """A role's trust policy speaks about who may assume it, and about nothing else."""
    if action not in _TRUSTED:
        return ResourceLayers()
    name = resource.arn.rpartition("/")[2]
    role = world.records.get(Role, resource.account, "", name.lower())
    if role is None or role.arn != resource.arn:
        return ResourceLayers(rule=Rule.TRUST)
    document = parse(role.trust, DocumentKind.TRUST, lenient=True).with_principal_ids(dict(role.trust_ids))
    place = Place(LayerKind.RESOURCE, role.account, "trust policy", role.arn)
    return ResourceLayers(Policy(place, document), rule=Rule.TRUST)


def denied(draft: Draft, asked: Denied) -> AwsError:
    """AccessDenied, 403, in the words of policy-evaluation.md 5.1."""
    return errors.DENIED(message=denial(asked.decision, asked.question))


def missing(what: str) -> AwsError:
    return not_simulated(what, "ValidationError")


# events


def _parameters(frame: Frame, error: AwsError | None) -> Any:
    return camel(frame.call.parameters) or None


def _response(frame: Frame, answer: Mapping[str, Any]) -> Any:
    """What a change answers; documents are URL-encoded, as in the answer on the wire. Reads and void answers: null."""
    if frame.operation is None or frame.operation.reads:
        return None
    return camel(_encoded(frame.response or answer)) or None


def _encoded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: quote(item) if key == "AssumeRolePolicyDocument" else _encoded(item) for key, item in value.items()
        }
    return value


_IN_CODES: Final = {"AccessDenied", "InvalidClientTokenId"}


def _code(error: AwsError) -> str:
    """CloudTrail names IAM's errors by their shape: NoSuchEntityException."""
    return error.code if error.code in _IN_CODES or error.code.endswith("Exception") else f"{error.code}Exception"


TRAIL: Final = TrailStyle(
    source="iam.amazonaws.com",
    region=GLOBAL_REGION,
    parameters=_parameters,
    response=_response,
    code=_code,
    names_resources=lambda error: False,
)
