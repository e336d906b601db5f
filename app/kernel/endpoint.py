"""The VPC endpoint that a call came through, as far as it decides: its policy, by value, as a session's policies are.

reseal has no VPCs, so nothing stores an endpoint: who calls through one says so with each call, and its id follows from
the account and the policy. A policy of an endpoint can only take away, so nobody gains by it. It binds the call itself
and not what services do on its behalf, which comes through no endpoint of the caller's (policy-evaluation.md 4.2, 4.9;
ebs.md 1.0: the latter [D][I]).
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from app.kernel.errors import AwsError
from app.policy.causes import Cause
from app.policy.document import DocumentKind, PolicySyntaxError, parse
from app.policy.question import LayerKind, Place, Policy

if TYPE_CHECKING:
    from app.kernel.call import Call

CHARACTERS_MAX: Final = 20_480  # of an endpoint policy [D]
NAME: Final = "endpoint"
MALFORMED = AwsError(
    "InvalidPolicyDocument",
    "The VPC endpoint's policy: {why}",
    seen="code [D], text ours",
    cause=Cause.POLICY_MALFORMED,
)


def refusal(document: str) -> AwsError | None:
    """Why this is no policy of a VPC endpoint; None where it is one, or "" for no endpoint."""
    if not document:
        return None
    if len(document) > CHARACTERS_MAX:
        return MALFORMED(why=f"has more than {CHARACTERS_MAX} characters")
    try:
        parse(document, DocumentKind.ENDPOINT)
    except PolicySyntaxError as error:
        return MALFORMED(why=str(error))
    return None


def id_of(call: Call) -> str:
    """`vpce-` and 17 hex digits; "" where the call came through none, or is made on another's behalf."""
    if not call.endpoint or call.parent:
        return ""
    return f"vpce-{hashlib.sha256(f'{call.account}/{call.endpoint}'.encode()).hexdigest()[:17]}"


def policy_of(call: Call) -> Policy | None:
    """The policy that has to allow the call; None where it came through no endpoint."""
    id = id_of(call)
    return _policy(call.account, id, call.endpoint) if id else None


@lru_cache(maxsize=1024)
def _policy(account: str, id: str, document: str) -> Policy:
    place = Place(LayerKind.ENDPOINT, account, NAME, id)
    return Policy(place, parse(document, DocumentKind.ENDPOINT, lenient=True))
