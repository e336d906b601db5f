"""Opening sessions: temporary credentials as a record and as an answer.

A session's `Expiration` is a moment of the world's clock; whoever speaks to real clients turns it into the machine's.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from app.crypto.material import Secret
from app.kernel import ids
from app.kernel.authority import Credential
from app.kernel.call import Call, Caller, Pairs
from app.kernel.clock import DAY_MS, whole_second
from app.kernel.draft import Draft
from app.kernel.world import World
from app.policy.document import DocumentKind, PolicySyntaxError, parse
from app.services.sts import errors
from app.services.sts.records import Session

POLICY_SIZE_MAX: Final = 2048  # characters of inline policy, ARNs and tags together (packed size: inferred)
ARNS_MAX: Final = 10
SECRET_LENGTH: Final = 40
SWEPT_AT_ONCE_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Opened:
    """What a request to open a session brings along."""

    policies: tuple[str, ...] | None  # documents, and managed policies by ARN; None: opened without any
    tags: Pairs
    packed_percent: int


def open_session(
    draft: Draft, call: Call, caller: Caller, seconds: int, transitive: Iterable[str] = ()
) -> tuple[Mapping[str, Any], Caller]:
    """Keep new credentials for `caller`; answers `Credentials` and the caller as they make him."""
    _sweep(draft, caller.account, call.at_ms)
    key_id = _new_key_id(draft, caller.account)
    expires_at_ms = call.at_ms + seconds * 1000
    caller = msgspec.structs.replace(caller, access_key_id=key_id, issued_at_ms=call.at_ms, expires_at_ms=expires_at_ms)
    secret = base64.b64encode(draft.entropy.draw("secret access key"))[:SECRET_LENGTH]
    token = b"".join(draft.entropy.draw("session token") for _ in range(8))
    shown_token = b"IQoJb3JpZ2luX2Vj" + base64.b64encode(token)
    draft.put(
        Session(
            account=caller.account,
            id=key_id,
            caller=caller,
            secret=Secret(secret),
            token=Secret(shown_token),
            expires_at_ms=expires_at_ms,
            transitive=tuple(transitive),
        )
    )
    credentials = {
        "AccessKeyId": key_id,
        "SecretAccessKey": secret.decode(),
        "SessionToken": shown_token.decode(),
        "Expiration": whole_second(expires_at_ms),
    }
    return credentials, caller


def _new_key_id(draft: Draft, account: str) -> str:
    """Distinct between worlds of one seed too: the world's name is in it."""
    count = draft.new_hash("ASIA", account).hex()
    return ids.unique_id("ASIA", draft.world.digest("access-key", draft.world.name, count))


def _sweep(draft: Draft, account: str, now_ms: int) -> None:
    """Forget sessions that ended more than a day ago; until then their keys are told that they have expired."""
    for _, session in zip(range(SWEPT_AT_ONCE_MAX), draft.scan_index(Session, "expires", account), strict=False):
        if session.expires_at_ms > now_ms - DAY_MS:
            return
        draft.delete(session)


def credential_of(world: World, access_key_id: str) -> Credential | None:
    """Whose temporary key this is. The shell compares `caller.expires_at_ms` with the world's clock."""
    session = world.records.find(Session, "id", access_key_id)
    if session is None:
        return None
    return Credential(session.caller, session.secret, session.token.reveal().decode())


# what comes along


def opened(draft: Draft, call: Call, caller: Caller, inherited: Pairs = ()) -> Opened:
    """Session policies and tags of a request, checked. `caller` is whom the session will stand for."""
    arns = tuple(one["arn"] for one in call["PolicyArns"] or ())
    inline = (call["Policy"],) if call["Policy"] else ()
    if len(arns) > ARNS_MAX:
        errors.TOO_MANY_ARNS.refuse()
    for text in inline:
        _check_document(text)
    policies = (*inline, *arns) if inline or arns else None
    _check_arns(draft, msgspec.structs.replace(caller, session_policies=policies), arns)
    tags = _tags(call, inherited)
    return Opened(policies, tags, _packed(policies, tags))


def _check_document(text: str) -> None:
    try:
        parse(text, DocumentKind.SESSION)
    except PolicySyntaxError as error:
        errors.MALFORMED.refuse(message=f"Syntax errors in policy. {error}")


def _check_arns(draft: Draft, caller: Caller, arns: tuple[str, ...]) -> None:
    """A managed session policy exists if the service that owns policies finds its document for this caller."""
    provider = draft.services.provider("identity_layers")
    if not arns or provider is None:
        return
    found = {policy.place.policy for policy in provider(draft.world, caller).session or ()}
    for arn in arns:
        if arn not in found:
            errors.POLICY_MISSING.refuse(arn=arn)


def _tags(call: Call, inherited: Pairs) -> Pairs:
    sent = {tag["Key"]: tag["Value"] for tag in call["Tags"] or ()}
    if len({key.lower() for key in sent}) < len(call["Tags"] or ()):
        errors.DUPLICATE_TAGS.refuse()
    if {key.lower() for key in sent} & {key.lower() for key, _ in inherited}:
        errors.INHERITED_TAG.refuse()
    return tuple(sorted({**dict(inherited), **sent}.items()))


def _packed(policies: tuple[str, ...] | None, tags: Pairs) -> int:
    """Percent of the space that a session has for policies and tags; refuses more than all of it."""
    size = sum(map(len, policies or ())) + sum(len(key) + len(value) for key, value in tags)
    percent = -(-100 * size // POLICY_SIZE_MAX)
    if percent > 100:
        errors.TOO_PACKED.refuse(percent=percent)
    return percent
