"""What the wire door itself refuses, before any service is asked: what can not be read, and signatures.

Credentials are judged below (`app.kernel.credentials`), with the table of how each protocol words a refusal. Errors
carry neutral codes here too. Sources: reliability.md 2.4, wire.md; the texts are known from AWS.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.kernel.errors import AwsError, not_simulated
from app.policy.causes import Cause

_WRONG = Cause.SIGNATURE_WRONG
INCOMPLETE = AwsError("IncompleteSignature", "{why}", 400, seen="known", cause=_WRONG)
BAD_SCOPE = AwsError("SignatureDoesNotMatch", "{why}", 403, seen="known", cause=_WRONG)
NOT_SIGNED = AwsError(
    "SignatureDoesNotMatch",
    "{header} must be a 'SignedHeader' in the AWS Authorization.",
    403,
    seen="known",
    cause=_WRONG,
)
EXPIRED = AwsError("RequestExpired", "Signature expired: {why}", 403, seen="reliability.md 2.4 [D]", cause=_WRONG)
NOT_YET = AwsError("RequestExpired", "Signature not yet current: {why}", 403, seen="known", cause=_WRONG)

UNKNOWN_OPERATION: Mapping[str, str] = {
    "json": "UnknownOperationException",
    "rest-json": "UnknownOperationException",
    "query": "InvalidAction",
    "ec2": "InvalidAction",
    "rest-xml": "NotImplemented",
}


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
