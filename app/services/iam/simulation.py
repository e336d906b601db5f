"""The policy simulator: would these policies, or those of this user, group or role, allow it?

Every answer is a decision of the one policy engine, the same that judges real calls, with the layers of the request in
place of the world's. What AWS's simulator leaves out stays out: RCPs, session policies, grants, trust policies
(policy-evaluation.md 5.5). Where reseal differs or infers: simulation_errors.INFERRED.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from app.kernel.authority import Resource, anything
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.policy.question import Layers
from app.services.iam import errors as iam_errors
from app.services.iam import simulation_errors as errors
from app.services.iam import simulation_inputs as inputs
from app.services.iam.naming import judged
from app.services.iam.simulation_inputs import Asking
from app.services.iam.simulation_results import context_keys, evaluation
from app.services.iam.simulation_sources import Source, exclusions, source

PAGE: Final = 100  # actions, where the request does not say

_COMMON: Final = (
    *("PolicyInputList", "PermissionsBoundaryPolicyInputList", "ActionNames", "ResourceArns", "ResourcePolicy"),
    *("ResourceOwner", "CallerArn", "ContextEntries", "ResourceHandlingOption", "MaxItems", "Marker"),
)


def the_source(draft: Draft, call: Call) -> Resource:
    """The user, group or role whose policies are simulated, as it is named."""
    return Resource(call["PolicySourceArn"], call.account)


@operation(
    "iam",
    "SimulateCustomPolicy",
    honours={*_COMMON, "OrderedOrganizationPolicyInputList"},
    checks=judged("iam:SimulateCustomPolicy", anything),
    answers=(*errors.DOCUMENTS, errors.SCP, errors.EMPTY_LEVEL, *errors.ASKED, *errors.CONTEXT),
    reads=True,
)
def simulate_custom_policy(draft: Draft, call: Call) -> Answer:
    """Policies of the request alone, as if they were those of CallerArn."""
    caller = inputs.caller_of(call, None)
    layers = Layers(inputs.policies(call), inputs.boundary(call), scps=inputs.levels(call))
    return _page(call, _asking(call, caller, layers))


@operation(
    "iam",
    "SimulatePrincipalPolicy",
    honours={*_COMMON, "PolicySourceArn", "PolicyExclusionList"},
    checks=judged("iam:SimulatePrincipalPolicy", the_source),
    answers=(
        iam_errors.HOLDER_MISSING,
        errors.SOURCE_FOREIGN,
        *(errors.EXCLUSION, errors.EXCLUSION_ARN, errors.EXCLUSION_STARS),
        *errors.DOCUMENTS,
        *errors.ASKED,
        *errors.CONTEXT,
    ),
    reads=True,
)
def simulate_principal_policy(draft: Draft, call: Call) -> Answer:
    """The policies of a user, group or role as they stand, its boundary and its account's SCPs among them.

    PolicyInputList adds to them, a boundary in the request takes the place of the one attached.
    """
    found = source(draft, call)
    caller = inputs.caller_of(call, found.entity)
    is_itself = caller == found.entity
    layers = _layers_of(call, found)
    return _page(
        call,
        _asking(
            call,
            caller,
            layers,
            found.unique_id if is_itself else "",
            in_organization="aws:PrincipalOrgID" in found.organization.context,
        ),
    )


def _layers_of(call: Call, found: Source) -> Layers:
    without = exclusions(call)
    attached = () if "permission-boundary" in without.types else found.boundary
    return Layers(
        identity=(*(one for one in found.identity if not without.leaves_out(one)), *inputs.policies(call)),
        boundary=inputs.boundary(call) or attached or None,
        scps=() if "scp" in without.types else found.organization.scps,
    )


def _asking(
    call: Call, caller: inputs.Entity | None, layers: Layers, unique_id: str = "", *, in_organization: bool = False
) -> Asking:
    inputs.check_handling(call)
    return Asking(
        caller,
        inputs.principal(caller, call.account, unique_id),
        layers,
        inputs.resource_policy(call, caller),
        inputs.owner_of(call),
        inputs.actions(call),
        inputs.resources(call),
        inputs.given_context(call),
        in_organization,
        inputs.default_context(caller, call.account),
    )


# pages: a marker is a place in the list of actions, whatever the list is then (known: public captures)


def _page(call: Call, asking: Asking) -> Answer:
    first = _read(call) if call["Marker"] else 0
    last = first + (call["MaxItems"] or PAGE)
    more = last < len(asking.actions)
    answer = {
        "EvaluationResults": [evaluation(asking, action) for action in asking.actions[first:last]],
        "IsTruncated": more,
    }
    return answer | ({"Marker": _written(call, last)} if more else {})


def _written(call: Call, place: int) -> str:
    return base64.urlsafe_b64encode(f"{call.name}/{call.account}/{place}".encode()).decode()


def _read(call: Call) -> int:
    """The place; refuses a marker of another operation or account, or none at all."""
    try:
        text = base64.b64decode(call["Marker"], altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        errors.MARKER.refuse()
    *whose, place = text.split("/")
    if whose != [call.name, call.account] or not place.isdecimal():
        errors.MARKER.refuse()
    return int(place)


# context keys


@operation(
    "iam",
    "GetContextKeysForCustomPolicy",
    honours={"PolicyInputList"},
    checks=judged("iam:GetContextKeysForCustomPolicy", anything),
    answers=(errors.POLICY,),
    reads=True,
)
def get_context_keys_for_custom_policy(draft: Draft, call: Call) -> Answer:
    """The keys of conditions and variables, as the policies spell them, in their order."""
    return {"ContextKeyNames": context_keys(one.document for one in inputs.policies(call))}


@operation(
    "iam",
    "GetContextKeysForPrincipalPolicy",
    honours={"PolicySourceArn", "PolicyInputList"},
    checks=judged("iam:GetContextKeysForPrincipalPolicy", the_source),
    answers=(iam_errors.HOLDER_MISSING, errors.ENTITY, errors.SOURCE_FOREIGN, errors.POLICY),
    reads=True,
)
def get_context_keys_for_principal_policy(draft: Draft, call: Call) -> Answer:
    """The keys of the entity's identity policies and of those of the request; not of boundaries and SCPs [D]."""
    policies = (*source(draft, call).identity, *inputs.policies(call))
    return {"ContextKeyNames": context_keys(one.document for one in policies)}
