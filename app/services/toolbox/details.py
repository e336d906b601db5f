"""GetRequestAuthorizationDetails and GetRequestAuthorizationPolicy (policy-evaluation.md 5.4 [V])."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.kernel.authority import AUTHORIZE, anything
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.services.toolbox import errors
from app.services.toolbox.checks import evaluation
from app.services.toolbox.policies import evaluated
from app.services.toolbox.refusals import Body, refusal

PAGE: Final = 50  # evaluations


@operation(
    "iam-toolbox",
    "GetRequestAuthorizationDetails",
    honours={"authorizationId", "nextToken"},
    checks=(AUTHORIZE(("iam:GetRequestAuthorizationDetails", anything)),),
    answers=(errors.DENIED, errors.NOT_FOUND, errors.BAD_TOKEN),
    reads=True,
)
def get_request_authorization_details(draft: Draft, call: Call) -> Answer:
    """The refused request: what all its evaluations share, each of them with its checks, the policies looked at."""
    found = refusal(draft, call)
    policies = evaluated(found.bodies)
    shared = _shared(found.bodies)
    first = _place(call["nextToken"], len(found.bodies))
    page = found.bodies[first : first + PAGE]
    answer: dict[str, Any] = {
        "requestContext": shared,
        "evaluations": [evaluation(body, policies, shared) for body in page],
        "policies": [one.shape() for one in policies.values()],
    }
    more = first + PAGE < len(found.bodies)
    return answer | ({"nextToken": str(first + PAGE)} if more else {})


def _shared(bodies: tuple[Body, ...]) -> Mapping[str, Any]:
    """The condition keys that have one value in all evaluations."""
    first, *others = (body["context"] for body in bodies)
    return {key: value for key, value in first.items() if all(one.get(key) == value for one in others)}


def _place(token: str | None, count: int) -> int:
    if token is None:
        return 0
    if not token.isdecimal() or int(token) % PAGE or not 0 < int(token) < count:
        errors.BAD_TOKEN.refuse()
    return int(token)


@operation(
    "iam-toolbox",
    "GetRequestAuthorizationPolicy",
    honours={"authorizationId", "policyUri"},
    checks=(AUTHORIZE(("iam:GetRequestAuthorizationPolicy", anything)),),
    answers=(errors.DENIED, errors.NOT_FOUND),
    reads=True,
)
def get_request_authorization_policy(draft: Draft, call: Call) -> Answer:
    """A policy as it was when the request was refused, whatever has become of it."""
    policies = evaluated(refusal(draft, call).bodies)
    if call["policyUri"] not in policies:
        errors.NOT_FOUND.refuse()
    return {"policyDocument": policies[call["policyUri"]].document}
