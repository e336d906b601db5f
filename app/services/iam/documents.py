"""Policy documents on their way in and out: checked when they are saved, never at evaluation.

A trust policy names principals. When it is saved, each user or role that it names must exist, and its unique id is
recorded beside the ARN; when it is read, an ARN whose principal is gone shows as that bare id (policy-evaluation.md
3.2).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from app.kernel.authority import PrincipalFacts
from app.kernel.call import Pairs
from app.kernel.errors import AwsError
from app.kernel.world import World
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
from app.policy.principals import is_aws_principal, is_service
from app.services.iam import errors
from app.services.iam.providers import principal_arn, principal_facts

_NAMED: Final = re.compile(
    r"arn:aws:iam::[0-9]{12}:(user|role)/.+|A(IDA|ROA)[A-Z0-9]+|[0-9]{12}|arn:aws:iam::[0-9]{12}:root"
)
_SPACE: Final = re.compile(r"\s+")


def checked(text: str, kind: DocumentKind) -> Document:
    """The parsed document; refuses what AWS refuses when a policy is saved, in AWS's words."""
    try:
        return parse(text, kind)
    except PolicySyntaxError as wrong:
        return _fault(text, kind, wrong).refuse()


_FAULTS: Final = {
    Fault.NO_ACTION: errors.NO_ACTIONS,
    Fault.NO_RESOURCE: errors.NO_RESOURCES,
    Fault.NO_VENDOR: errors.NO_VENDOR,
    Fault.NO_ARN: errors.NO_ARN,
    Fault.SID_FORM: errors.SID_FORM,
    Fault.SID_TWICE: errors.SID_TWICE,
}


def _fault(text: str, kind: DocumentKind, wrong: PolicySyntaxError) -> AwsError:
    """Which of AWS's few texts a malformed document gets."""
    try:
        body = json.loads(text)
    except ValueError:
        return errors.NO_JSON
    statements = body.get("Statement", []) if isinstance(body, dict) else []
    listed = statements if isinstance(statements, list) else [statements]
    elements = {name for one in listed if isinstance(one, dict) for name in one}
    if kind is DocumentKind.TRUST and elements & {"Resource", "NotResource"}:
        return errors.HAS_RESOURCE
    if kind is DocumentKind.TRUST and (nobody := next(_wrong_principals(listed), None)):
        return errors.UNKNOWN_PRINCIPAL(kind=nobody[0], principal=nobody[1])
    if kind is not DocumentKind.TRUST and elements & {"Principal", "NotPrincipal"}:
        return errors.HAS_PRINCIPAL
    if kind is DocumentKind.TRUST:
        return errors.SYNTAX
    found = _FAULTS.get(wrong.fault, errors.SYNTAX)
    return found(resource=wrong.about) if found is errors.NO_ARN else found


def _wrong_principals(statements: list[Any]) -> Iterator[tuple[str, str]]:
    """(kind, text) of principals that can not be any: AWS names the first one, with its kind in capitals."""
    checks = {"AWS": is_aws_principal, "Service": is_service}
    named = (one.get("Principal") for one in statements if isinstance(one, dict))
    for principals in (one for one in named if isinstance(one, dict)):
        for kind, check in checks.items():
            texts = principals.get(kind, ())
            for text in texts if isinstance(texts, list) else [texts] if texts else ():
                if isinstance(text, str) and not check(text):
                    yield kind.upper(), text


def size(text: str) -> int:
    """Characters that count against a quota: white space does not (policy-evaluation.md 1.1 [D: QUO])."""
    return len(_SPACE.sub("", text))


def checked_trust(world: World, text: str, size_max: int) -> Pairs:
    """The unique ids of the principals that a trust policy names; refuses principals that do not exist."""
    if size(text) > size_max:
        errors.QUOTA.refuse(quota="ACLSizePerRole", limit=size_max)
    document = checked(text, DocumentKind.TRUST)
    for id in canonical_users(document):
        errors.UNKNOWN_PRINCIPAL.refuse(kind="CanonicalUser", principal=id)
    named = {arn: _existing(world, arn) for arn in principals_named(document) if _NAMED.fullmatch(arn)}
    return tuple(
        sorted((arn, one.unique_id) for arn, one in named.items() if one.kind != "root" and arn != one.unique_id)
    )


def _existing(world: World, arn: str) -> PrincipalFacts:
    return principal_facts(world, arn) or errors.UNKNOWN_PRINCIPAL.refuse(kind="AWS", principal=arn)


def shown_trust(world: World, text: str, ids: Pairs) -> str:
    """A trust policy as it reads today: renamed principals by their new ARN, deleted ones by their bare unique id."""
    return as_of_today(text, ids, partial(principal_arn, world))


def tags_of(sent: Any) -> dict[str, str]:
    """Tags of a request. Refuses two keys that differ only in case (InvalidInput)."""
    tags: Mapping[str, str] = {tag["Key"]: tag.get("Value", "") for tag in sent or ()}
    if len({key.lower() for key in tags}) < len(sent or ()):
        errors.DUPLICATE_TAGS.refuse()
    return dict(tags)
