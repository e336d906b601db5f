"""Who am I, and whose key is that; and the two ways in which a user gets temporary keys of his own."""

from __future__ import annotations

from typing import Final

import msgspec

from app.kernel.authority import AUTHORIZE, Resource, anything
from app.kernel.call import Call, Caller
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.services.sts import errors
from app.services.sts.sessions import open_session, opened

SECONDS: Final = 43_200  # where the request does not say
ROOT_SECONDS_MAX: Final = 3600

_TOKEN_SIZE: Final = {"MinimumSessionTokenSize": "tokens of every simulated session have one size"}


@operation("sts", "GetCallerIdentity", reads=True, across_accounts="never")
def get_caller_identity(draft: Draft, call: Call) -> Answer:
    """Needs no permission, and no policy can deny it."""
    caller = call.caller
    return {"UserId": caller.unique_id, "Account": caller.account, "Arn": caller.arn}


@operation(
    "sts",
    "GetAccessKeyInfo",
    honours={"AccessKeyId"},
    checks=(AUTHORIZE(("sts:GetAccessKeyInfo", anything)),),
    answers=(errors.UNKNOWN_KEY,),
    across_accounts="yes",
    reads=True,
)
def get_access_key_info(draft: Draft, call: Call) -> Answer:
    """The account that a key belongs to, be it active or not."""
    credential = draft.services.credential(draft.world, call["AccessKeyId"])
    if credential is None:
        errors.UNKNOWN_KEY.refuse()
    return {"Account": credential.caller.account}


def with_long_term_keys(draft: Draft, call: Call) -> None:
    if call.caller.kind in ("session", "federated") or call.caller.expires_at_ms:
        errors.SESSION_CALLS.refuse(operation=call.name)


def _seconds(call: Call) -> int:
    """As asked; of a root user an hour at most, which is what he gets where he does not ask."""
    asked = call["DurationSeconds"]
    if call.caller.kind != "root":
        return asked or SECONDS
    if asked and asked > ROOT_SECONDS_MAX:
        errors.ROOT_TOO_LONG.refuse()
    return asked or ROOT_SECONDS_MAX


@operation(
    "sts",
    "GetSessionToken",
    honours={"DurationSeconds"},
    inert=_TOKEN_SIZE,
    checks=(with_long_term_keys,),
    answers=(errors.SESSION_CALLS, errors.ROOT_TOO_LONG),
    reads=True,
)
def get_session_token(draft: Draft, call: Call) -> Answer:
    """Temporary keys of the same user. No policy is asked. Without MFA they can not call IAM."""
    credentials, _ = open_session(draft, call, call.caller, _seconds(call))
    return {"Credentials": credentials}


def the_federated_user(draft: Draft, call: Call) -> Resource:
    return Resource(f"arn:aws:sts::{call.account}:federated-user/{call['Name']}", call.account)


@operation(
    "sts",
    "GetFederationToken",
    honours={"Name", "Policy", "PolicyArns", "DurationSeconds", "Tags"},
    inert=_TOKEN_SIZE,
    checks=(with_long_term_keys, AUTHORIZE(("sts:GetFederationToken", the_federated_user))),
    answers=(
        errors.SESSION_CALLS,
        errors.ROOT_TOO_LONG,
        errors.MALFORMED,
        errors.TOO_PACKED,
        errors.TOO_MANY_ARNS,
        errors.POLICY_MISSING,
        errors.DUPLICATE_TAGS,
    ),
    reads=True,
)
def get_federation_token(draft: Draft, call: Call) -> Answer:
    """Keys for somebody whom the user vouches for: they can do what the user can and the session policies allow.

    Without session policies they can do nothing but what a resource's policy gives to the federated user by name.
    """
    issuer, name = call.caller, call["Name"]
    caller = Caller(
        "federated",
        call.account,
        f"arn:aws:sts::{call.account}:federated-user/{name}",
        f"{call.account}:{name}",
        role_arn=issuer.arn,
        role_id=issuer.unique_id,
    )
    came = opened(draft, call, caller)
    caller = msgspec.structs.replace(caller, session_policies=came.policies or (), session_tags=came.tags)
    credentials, caller = open_session(draft, call, caller, _seconds(call))
    user = {"FederatedUserId": caller.unique_id, "Arn": caller.arn}
    return {"Credentials": credentials, "FederatedUser": user, "PackedPolicySize": came.packed_percent}
