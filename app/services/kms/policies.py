"""Key policies: read, replaced, and checked before they are saved (kms.md 5).

A policy is refused that is malformed, names a principal that does not exist, is over 32 KiB, or would not let the
caller change it again. Users and roles it names are saved with their unique ids: one that is deleted and made again is
somebody else, and then GetKeyPolicy shows the id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from app.kernel.authority import may
from app.kernel.call import Call, Pairs
from app.kernel.draft import Draft
from app.kernel.operation import operation
from app.kernel.records import replace
from app.policy.document import (
    Document,
    DocumentKind,
    Fault,
    PolicySyntaxError,
    as_of_today,
    canonical_users,
    parse,
    principals_named,
)
from app.services.kms.checks import KEY_STATE, allowed_on_key
from app.services.kms.errors import (
    INVALID_PRINCIPALS,
    LOCKOUT,
    MALFORMED_POLICY,
    NO_PRINCIPAL,
    NO_SUCH_POLICY,
    POLICY_TOO_LONG,
)
from app.services.kms.keyref import KEY, key_of, resource_of
from app.services.kms.paging import page
from app.services.kms.principals import resolved
from app.services.kms.records import Key

POLICY_BYTES_MAX: Final = 32_768
DEFAULT: Final = "default"  # the only policy that a key has
SAVE_ERRORS: Final = (MALFORMED_POLICY, INVALID_PRINCIPALS, NO_PRINCIPAL, LOCKOUT, POLICY_TOO_LONG)
_OF_PRINCIPALS: Final = {Fault.NO_PRINCIPAL: NO_PRINCIPAL, Fault.INVALID_PRINCIPAL: INVALID_PRINCIPALS}


def default_policy(account: str) -> str:
    """What a key gets that is made without a policy: the account's own policies decide (kms.md 5 [V])."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    document = {"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}
    return json.dumps(document, indent=2, separators=(",", " : "))


def saved_policy(draft: Draft, call: Call, key: Key, text: str) -> Key:
    """The key, saved with a new policy; refused if the policy is not one that a key can have."""
    if len(text.encode()) > POLICY_BYTES_MAX:
        POLICY_TOO_LONG.refuse(limit=f"{POLICY_BYTES_MAX:,}")
    document = _parsed(text)
    changed = replace(key, policy=text, policy_ids=tuple(_ids(draft, principals_named(document))))
    if not call["BypassPolicyLockoutSafetyCheck"] and not may(draft, call, "kms:PutKeyPolicy", resource_of(changed)):
        LOCKOUT.refuse()
    return draft.put(changed)


def _parsed(text: str) -> Document:
    """The document; refuses one that KMS does not save, about principals in KMS's words.

    An empty list of principals is no principal [V: transcripts]. Wildcards in an ARN and broken ARNs are invalid ones:
    repost.aws/knowledge-center/kms-policy-error-invalid-principals [D], issue 27 of
    cloudposse/terraform-aws-vpc-flow-logs-s3-bucket [O]; that groups and canonical users are is inferred.
    """
    try:
        document = parse(text, DocumentKind.RESOURCE)
    except PolicySyntaxError as wrong:
        error = _OF_PRINCIPALS.get(wrong.fault)
        return error.refuse() if error else MALFORMED_POLICY.refuse(text=str(wrong))
    if any(one.principal is not None and not one.principal.written for one in document.statements):
        NO_PRINCIPAL.refuse()
    if canonical_users(document):
        INVALID_PRINCIPALS.refuse()
    return document


def _ids(draft: Draft, principals: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for principal in principals:
        unique_id = resolved(draft, principal)
        if unique_id is None:
            INVALID_PRINCIPALS.refuse()
        if unique_id:
            yield principal, unique_id


def shown_policy(draft: Draft, text: str, ids: Pairs) -> str:
    """The policy as it was written, but for its principals: by their ARNs of today, or by unique id if they are gone.

    A condition on aws:PrincipalArn is text, and stays so (policy-evaluation.md 3.2 [D]).
    """
    arn_of = draft.services.provider("principal_arn")
    if arn_of is None:
        return text
    return as_of_today(text, ids, partial(arn_of, draft.world))


def POLICY_NAME(draft: Draft, call: Call) -> None:
    """A check: there is only the policy `default`."""
    if (call["PolicyName"] or DEFAULT) != DEFAULT:
        NO_SUCH_POLICY.refuse()


@operation(
    "kms", "GetKeyPolicy",
    honours=("KeyId", "PolicyName"),
    checks=(KEY(), allowed_on_key("kms:GetKeyPolicy"), KEY_STATE(), POLICY_NAME),
    answers=(NO_SUCH_POLICY,),
    reads=True,
)  # fmt: skip
def get_key_policy(draft: Draft, call: Call) -> dict[str, Any]:
    """The text of a key's policy."""
    key = key_of(draft)
    return {"Policy": shown_policy(draft, key.policy, key.policy_ids), "PolicyName": DEFAULT}


@operation(
    "kms", "PutKeyPolicy",
    honours=("KeyId", "PolicyName", "Policy", "BypassPolicyLockoutSafetyCheck"),
    checks=(KEY(), allowed_on_key("kms:PutKeyPolicy"), KEY_STATE(), POLICY_NAME),
    answers=(*SAVE_ERRORS, NO_SUCH_POLICY),
)  # fmt: skip
def put_key_policy(draft: Draft, call: Call) -> None:
    """Replaces a key's policy."""
    saved_policy(draft, call, key_of(draft), call["Policy"])


@operation(
    "kms", "ListKeyPolicies",
    honours=("KeyId", "Limit", "Marker"),
    checks=(KEY(), allowed_on_key("kms:ListKeyPolicies"), KEY_STATE()),
    reads=True,
)  # fmt: skip
def list_key_policies(draft: Draft, call: Call) -> dict[str, Any]:
    """The names of a key's policies: there is one."""
    return page(
        draft, call, "PolicyNames", (key_of(draft).arn,),
        lambda after: iter((DEFAULT,) if not after else ()),
        position=lambda name: (name,), shown=str, default=100, most=1000,
    )  # fmt: skip
