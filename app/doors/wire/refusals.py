"""What the door itself refuses, before any service is asked, and how each protocol says it.

Signatures and credentials are judged once, with neutral codes; the table `CREDENTIALS` says which code and status a
protocol has for each, and its text where it differs. A row is (code, status, text); text None keeps the one at hand.
Sources: reliability.md 2.4, wire.md; the texts are known from AWS. Inferred: the statuses 403 of rest-json, and EC2's
AuthFailure for every signature that does not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.kernel.errors import AwsError, not_simulated

CALCULATED = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105  a text, no secret
EXPIRED_TOKEN = "The security token included in the request is expired"  # noqa: S105
MISSING_TOKEN_TEXT = "Missing Authentication Token"  # noqa: S105
AUTH_FAILURE = "AWS was not able to validate the provided access credentials"

MISSING_TOKEN = AwsError("MissingAuthenticationToken", MISSING_TOKEN_TEXT, 403, seen="known")
INCOMPLETE = AwsError("IncompleteSignature", "{why}", 400, seen="known")
MISMATCH = AwsError("SignatureDoesNotMatch", CALCULATED, 403, seen="known")
BAD_SCOPE = AwsError("SignatureDoesNotMatch", "{why}", 403, seen="known")
NOT_SIGNED = AwsError(
    "SignatureDoesNotMatch", "{header} must be a 'SignedHeader' in the AWS Authorization.", 403, seen="known"
)
EXPIRED = AwsError("RequestExpired", "Signature expired: {why}", 403, seen="reliability.md 2.4 [D]")
NOT_YET = AwsError("RequestExpired", "Signature not yet current: {why}", 403, seen="known")

Row = tuple[str, int, str | None]

CREDENTIALS: Mapping[str, Mapping[str, Row]] = {
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

UNKNOWN_OPERATION: Mapping[str, str] = {
    "json": "UnknownOperationException",
    "rest-json": "UnknownOperationException",
    "query": "InvalidAction",
    "ec2": "InvalidAction",
    "rest-xml": "NotImplemented",
}


def in_protocol(family: str, error: AwsError) -> AwsError:
    """A neutral refusal as a protocol says it; any other error unchanged."""
    row = CREDENTIALS[family].get(error.code)
    if row is None:
        return error
    code, status, text = row
    return replace(error, code=code, status=status, message=error.message if text is None else text)


def unknown_operation(family: str, what: str) -> AwsError:
    """AWS's code for an operation that does not exist, in our words, and never one that clients retry."""
    return not_simulated(what, UNKNOWN_OPERATION[family])


def missing_action() -> AwsError:
    return AwsError("MissingAction", "The request is missing an action or a required parameter.", 400, seen="known")


def too_large(bytes_max: int) -> AwsError:
    return AwsError("RequestEntityTooLarge", f"A request's body can hold at most {bytes_max} bytes.", 413, seen="ours")


def headers_too_large(bytes_max: int) -> AwsError:
    text = f"A request's headers can hold at most {bytes_max} bytes."
    return AwsError("RequestHeaderSectionTooLarge", text, 413, seen="ours")


AWS_CHUNKED = not_simulated("the content encoding aws-chunked", "NotImplemented")
ENCODED = AwsError("UnsupportedMediaType", "reseal does not simulate compressed request bodies", 415, seen="ours")
INTERNAL = AwsError("InternalFailure", "The request processing has failed because of an unknown error.", 500)
