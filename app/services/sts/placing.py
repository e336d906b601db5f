"""A session of a role, opened by reseal itself: how one signs in as a role whose trust lets nobody in who is here.

A role that came from a real account trusts an identity provider, a service, or a principal of another account. What it
may do is what is to be looked into, so the session is opened without asking the trust policy.
"""

from __future__ import annotations

from app.kernel.call import Call, Caller
from app.kernel.draft import Draft
from app.kernel.errors import AwsError
from app.kernel.internal import internal
from app.kernel.operation import Answer
from app.services.sts.sessions import open_session

NO_ROLE = AwsError("NoSuchRole", "account {account} has no role {name}", 404, seen="ours")


@internal("SignIn")
def sign_in(draft: Draft, call: Call) -> Answer:
    """Credentials of a `role` of an `account`, for as long as it gives at most. Answers as AssumeRole does."""
    provider = draft.services.provider("principal_facts")
    account, name, session = call["account"], call["role"], call["session"]
    arn = f"arn:aws:sts::{account}:assumed-role/{name}/{session}"
    facts = provider(draft.world, arn) if provider else None
    if facts is None:
        NO_ROLE.refuse(account=account, name=name)
    name = facts.arn.rpartition("/")[2]
    caller = Caller(
        "session",
        facts.account,
        f"arn:aws:sts::{facts.account}:assumed-role/{name}/{session}",
        f"{facts.unique_id}:{session}",
        role_arn=facts.arn,
        role_id=facts.unique_id,
    )
    credentials, caller = open_session(draft, call, caller, facts.session_seconds_max)
    return {"Credentials": credentials, "AssumedRoleUser": {"AssumedRoleId": caller.unique_id, "Arn": caller.arn}}
