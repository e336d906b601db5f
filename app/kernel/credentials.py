"""Credentials: whether somebody may make a call at all, before any service is asked.

Judged in one place for every way into a cloud. The wire door proves a secret by the signature made with it, a run in
this process by holding it; all else is the same, and so are the answers. Errors carry neutral codes; the table `WORDS`
says which code and status a protocol has for each, and its text where it differs. A row is (code, status, text); text
None keeps the one at hand. AWS does not tell an inactive key from an unknown one; only the cause does.
Sources: reliability.md 2.4, wire.md; the texts are known from AWS. Inferred: the statuses 403 of rest-json, and EC2's
AuthFailure for every signature that does not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from app.kernel import shapes
from app.kernel.errors import AwsError
from app.policy.causes import Cause

if TYPE_CHECKING:
    from app.kernel.authority import Credential

CALCULATED: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
INVALID_TOKEN: Final = "The security token included in the request is invalid."  # noqa: S105  a text, no secret
EXPIRED_TOKEN: Final = "The security token included in the request is expired"  # noqa: S105
MISSING_TOKEN_TEXT: Final = "Missing Authentication Token"  # noqa: S105
AUTH_FAILURE: Final = "AWS was not able to validate the provided access credentials"

_COMMON: Final = "AWS's common errors [D]"
UNKNOWN_KEY = AwsError("InvalidClientTokenId", INVALID_TOKEN, 403, seen=_COMMON, cause=Cause.CREDENTIALS_UNKNOWN)
INACTIVE_KEY = replace(UNKNOWN_KEY, cause=Cause.CREDENTIALS_INACTIVE)
SESSION_ENDED = AwsError("ExpiredToken", EXPIRED_TOKEN, 403, seen=_COMMON, cause=Cause.SESSION_EXPIRED)
MISMATCH = AwsError("SignatureDoesNotMatch", CALCULATED, 403, seen="known", cause=Cause.SIGNATURE_WRONG)
MISSING_TOKEN = AwsError(
    "MissingAuthenticationToken", MISSING_TOKEN_TEXT, 403, seen="known", cause=Cause.CREDENTIALS_MISSING
)

Row = tuple[str, int, str | None]

WORDS: Final[Mapping[str, Mapping[str, Row]]] = {
    "json": {
        "InvalidClientTokenId": ("UnrecognizedClientException", 400, INVALID_TOKEN),
        "ExpiredToken": ("ExpiredTokenException", 400, EXPIRED_TOKEN),
        "SignatureDoesNotMatch": ("InvalidSignatureException", 400, None),
        "RequestExpired": ("InvalidSignatureException", 400, None),
        "IncompleteSignature": ("IncompleteSignatureException", 400, None),
        "MissingAuthenticationToken": ("MissingAuthenticationTokenException", 400, None),
    },
    "rest-json": {
        "InvalidClientTokenId": ("UnrecognizedClientException", 403, INVALID_TOKEN),
        "ExpiredToken": ("ExpiredTokenException", 403, EXPIRED_TOKEN),
        "SignatureDoesNotMatch": ("InvalidSignatureException", 403, None),
        "RequestExpired": ("InvalidSignatureException", 403, None),
        "IncompleteSignature": ("IncompleteSignatureException", 403, None),
        "MissingAuthenticationToken": ("MissingAuthenticationTokenException", 403, None),
    },
    "query": {
        "InvalidClientTokenId": ("InvalidClientTokenId", 403, INVALID_TOKEN),
        "ExpiredToken": ("ExpiredToken", 403, EXPIRED_TOKEN),
        "RequestExpired": ("SignatureDoesNotMatch", 403, None),
        "MissingAuthenticationToken": ("MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
    },
    "ec2": {
        "InvalidClientTokenId": ("AuthFailure", 401, AUTH_FAILURE),
        "ExpiredToken": ("RequestExpired", 400, "Request has expired."),
        "SignatureDoesNotMatch": ("AuthFailure", 401, AUTH_FAILURE),
        "RequestExpired": ("RequestExpired", 400, "Request has expired."),
        "IncompleteSignature": ("IncompleteSignature", 400, None),
        "MissingAuthenticationToken": ("AuthFailure", 401, AUTH_FAILURE),
    },
    "rest-xml": {
        "InvalidClientTokenId": ("InvalidAccessKeyId", 403, None),
        "RequestExpired": ("RequestTimeTooSkewed", 403, None),
    },
}


def in_protocol(family: str, error: AwsError) -> AwsError:
    """A neutral refusal as a protocol says it; any other error unchanged."""
    row = WORDS[family].get(error.code)
    if row is None:
        return error
    code, status, text = row
    return replace(error, code=code, status=status, message=error.message if text is None else text)


def refusal(credential: Credential | None, token: str, now_ms: int) -> AwsError | None:
    """Why a key that somebody shows does not count now; None where it does. Whether they hold its secret is apart.

    `now_ms`: the world's time. `token`: the session token that came with the key, "" where none did.
    """
    if credential is None or credential.token != token:
        return UNKNOWN_KEY
    if not credential.is_active:
        return INACTIVE_KEY
    return SESSION_ENDED if 0 < credential.caller.expires_at_ms <= now_ms else None


def takes_unsigned(service: str, name: str) -> bool:
    """Whether the model lets the operation come without credentials (AssumeRoleWithSAML and WithWebIdentity)."""
    model: Any = shapes.operation_model(service, name)
    return model.auth_type == "none"
