"""Principals that key policies and grants name: whether they exist, and the unique id that their ARN stands for now.

iam tells, through the kernel; a cloud without it takes every well-formed principal as it is.
"""

from __future__ import annotations

import re

from app.kernel.draft import Draft
from app.policy.principals import is_aws_principal

_SESSION = re.compile(r"arn:aws:sts::(?P<account>[0-9]{12}):(?P<kind>assumed-role|federated-user)/(?P<name>[^/]+).*")
_UNIQUE_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]+")


def resolved(draft: Draft, principal: str) -> str | None:
    """The unique id of a user or role, "" for what has none (accounts, sessions), None for who does not exist."""
    facts_of = draft.services.provider("principal_facts")
    if facts_of is None:
        return "" if is_aws_principal(principal) else None
    if _UNIQUE_ID.fullmatch(principal):
        return "" if draft.services.provider("principal_arn")(draft.world, principal) else None
    session = _SESSION.fullmatch(principal)
    if session and session["kind"] == "federated-user":
        principal = f"arn:aws:iam::{session['account']}:root"
    facts = facts_of(draft.world, principal)
    if facts is None or (facts.kind == "role" and session and session["name"] != facts.arn.rpartition("/")[2]):
        return None  # names are looked up without regard to case, and compared with it
    return "" if session or facts.kind == "root" else facts.unique_id
