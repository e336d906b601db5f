"""AssumeRole: who may, for how long, and as whom.

The role's trust policy must let the caller in (iam hands it over as the role's resource layer), and the caller's own
policies must allow it where the trust policy names an account only. AWS judges before it looks whether the role exists:
both are AccessDenied, and look the same.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from app.kernel.authority import AUTHORIZE, PrincipalFacts, Resource
from app.kernel.call import Call, Caller, Pairs
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.services.sts import errors
from app.services.sts.records import Session
from app.services.sts.sessions import open_session, opened

CHAIN_SECONDS_MAX: Final = 3600
SECONDS: Final = 3600  # where the request does not say

_ROLE: Final = re.compile(r"arn:aws:iam::(?P<account>[0-9]{12}):role/(?:.+/)?(?P<name>[^/]+)", re.DOTALL)


def root_does_not_assume(draft: Draft, call: Call) -> None:
    if call.caller.kind == "root":
        errors.ROOT_ASSUMES.refuse()


def names_a_role(draft: Draft, call: Call) -> None:
    if not _ROLE.fullmatch(call["RoleArn"]):
        errors.BAD_ARN.refuse(arn=call["RoleArn"])


def _account(call: Call) -> str:
    found = _ROLE.fullmatch(call["RoleArn"])
    assert found is not None
    return found["account"]


def the_role(draft: Draft, call: Call) -> Resource:
    """The role; its account gets a copy of the event when a caller of another account assumes it."""
    facts, account = _facts(draft, call), _account(call)
    draft.frame.touch(account, "AWS::IAM::Role", call["RoleArn"])
    draft.frame.copies[account] = False
    tags = facts.tags if facts else ()
    context = {f"{prefix}:ResourceTag/{key}": value for key, value in tags for prefix in ("aws", "iam")}
    return Resource(call["RoleArn"], account, context=context)


def _facts(draft: Draft, call: Call) -> PrincipalFacts | None:
    provider = draft.services.provider("principal_facts")
    found = provider(draft.world, call["RoleArn"]) if provider else None
    return found if found and found.kind == "role" else None


def the_role_if_tagged(draft: Draft, call: Call) -> Resource | None:
    """Session tags, sent or inherited, need sts:TagSession as well, on both sides."""
    return the_role(draft, call) if call["Tags"] or call["TransitiveTagKeys"] else None


@operation(
    "sts",
    "AssumeRole",
    honours={
        "RoleArn",
        "RoleSessionName",
        "PolicyArns",
        "Policy",
        "DurationSeconds",
        "Tags",
        "TransitiveTagKeys",
        "ExternalId",
    },
    inert={"MinimumSessionTokenSize": "tokens of every simulated session have one size"},
    checks=(
        root_does_not_assume,
        names_a_role,
        AUTHORIZE(("sts:AssumeRole", the_role), ("sts:TagSession", the_role_if_tagged)),
    ),
    answers=(
        errors.ROOT_ASSUMES,
        errors.BAD_ARN,
        errors.DENIED,
        errors.TOO_LONG,
        errors.CHAIN_TOO_LONG,
        errors.MALFORMED,
        errors.TOO_PACKED,
        errors.TOO_MANY_ARNS,
        errors.POLICY_MISSING,
        errors.DUPLICATE_TAGS,
        errors.INHERITED_TAG,
        errors.LACKS_TAG,
    ),
    across_accounts="yes",
    reads=True,
)
def assume_role(draft: Draft, call: Call) -> Answer:
    """Open a session of a role: an hour, or as asked up to the role's maximum; one hour at most out of a session."""
    facts = _facts(draft, call)
    assert facts is not None, "a role that is not there has no trust policy that could have let anybody in"
    _check_duration(call, facts)
    name, role_name = call["RoleSessionName"], facts.arn.rpartition("/")[2]
    caller = Caller(
        "session",
        facts.account,
        f"arn:aws:sts::{facts.account}:assumed-role/{role_name}/{name}",
        f"{facts.unique_id}:{name}",
        role_arn=facts.arn,
        role_id=facts.unique_id,
    )
    inherited = _inherited(draft, call)
    came = opened(draft, call, caller, inherited)
    caller = msgspec.structs.replace(caller, session_policies=came.policies, session_tags=came.tags)
    transitive = _transitive(call, inherited)
    credentials, caller = open_session(draft, call, caller, call["DurationSeconds"] or SECONDS, transitive)
    answer = {
        "Credentials": credentials,
        "AssumedRoleUser": {"AssumedRoleId": caller.unique_id, "Arn": caller.arn},
    }
    return answer | ({"PackedPolicySize": came.packed_percent} if came.packed_percent else {})


def _check_duration(call: Call, facts: PrincipalFacts) -> None:
    seconds = call["DurationSeconds"] or SECONDS
    if call.caller.kind == "session" and seconds > CHAIN_SECONDS_MAX:
        errors.CHAIN_TOO_LONG.refuse()
    if seconds > facts.session_seconds_max:
        errors.TOO_LONG.refuse()


def _inherited(draft: Draft, call: Call) -> Pairs:
    """Tags that the calling session passes on to whatever role it assumes."""
    session = draft.find(Session, "id", call.caller.access_key_id) if call.caller.kind == "session" else None
    if session is None:
        return ()
    return tuple(pair for pair in session.caller.session_tags if pair[0] in session.transitive)


def _transitive(call: Call, inherited: Pairs) -> tuple[str, ...]:
    keys, sent = tuple(call["TransitiveTagKeys"] or ()), {tag["Key"] for tag in call["Tags"] or ()}
    if not sent.issuperset(keys):
        errors.LACKS_TAG.refuse()
    return tuple(sorted({*keys, *(key for key, _ in inherited)}))
