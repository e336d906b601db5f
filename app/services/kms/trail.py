"""How KMS's calls look in CloudTrail (kms.md 9, ebs.md 3.3).

Parameters in lower camel case, the key as it was sent; plaintexts, ciphertexts and tokens never. Cryptography and reads
answer null; management calls show the key's ARN although the API answers nothing. A refusal by policy shows neither
parameters nor resources, so that it tells no more than the caller was told.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Mapping
from typing import Any, Final

from app.crypto.cipher import sha256
from app.crypto.envelope import canonical_context
from app.kernel.audit import TrailStyle
from app.kernel.call import Call
from app.kernel.draft import Frame
from app.kernel.errors import AwsError
from app.kernel.shapes import lower_camel, operation_model
from app.services.kms.records import Key

DENIED: Final = "AccessDeniedException"
_SECRET: Final = frozenset({"GrantTokens", "GrantToken"})  # and whatever is bytes: messages, signatures, keys
_NO_PARAMETERS: Final = frozenset({"RetireGrant"})
_ALGORITHMS: Final = {  # filled in where they were left out
    "Encrypt": ("encryptionAlgorithm",),
    "Decrypt": ("encryptionAlgorithm",),
    "ReEncrypt": ("sourceEncryptionAlgorithm", "destinationEncryptionAlgorithm"),
}


def parameters(frame: Frame, error: AwsError | None) -> dict[str, Any] | None:
    call = frame.call
    if call.name in _NO_PARAMETERS or (error and error.code == DENIED):
        return None
    shown = camel(operation_model("kms", call.name).input_shape, call.parameters)
    for algorithm in _ALGORITHMS.get(call.name, ()):
        shown.setdefault(algorithm, "SYMMETRIC_DEFAULT")
    return (shown | _associated_data(call) if call.name == "ReEncrypt" else shown) or None


def _associated_data(call: Call) -> dict[str, str]:
    """`sourceAAD` and `destinationAAD` are in real records; what their bytes are is not public: inferred, a digest."""
    return {
        f"{side}AAD": base64.b64encode(sha256(canonical_context(call.parameters.get(name) or {}))).decode()
        for side, name in (("source", "SourceEncryptionContext"), ("destination", "DestinationEncryptionContext"))
    }


def camel(shape: Any, value: Any) -> Any:
    """A value of botocore's shape, its members' names in lower camel case, without secrets; map keys as they are."""
    if shape.type_name == "structure":
        return {
            lower_camel(name): camel(shape.members[name], item)
            for name, item in value.items()
            if item is not None and name in shape.members and _is_shown(shape.members[name], name)
        }
    if shape.type_name == "list":
        return [camel(shape.member, item) for item in value]
    if isinstance(value, datetime.datetime):
        return date_text(value)
    return dict(value) if isinstance(value, Mapping) else value


def _is_shown(shape: Any, name: str) -> bool:
    return shape.type_name != "blob" and name not in _SECRET


def date_text(moment: datetime.datetime) -> str:
    """`Apr 12, 2021 18:58:30 PM`: the form of the samples, whose hours run to 24 [D]."""
    return f"{moment:%b} {moment.day}, {moment:%Y %H:%M:%S %p}"


def response(frame: Frame, answer: Mapping[str, Any]) -> Any:
    operation = frame.operation
    assert operation is not None
    if operation.reads:
        return None
    if frame.response is not None:
        return dict(frame.response)
    shape = operation_model("kms", operation.name).output_shape
    return (camel(shape, answer) if shape is not None else {}) | _key_id(frame) or None


def _key_id(frame: Frame) -> dict[str, str]:
    key = next((found for found in frame.memo.values() if isinstance(found, Key)), None)
    return {"keyId": key.arn} if key and frame.call.name != "CreateKey" else {}


def code(error: AwsError) -> str:
    return "AccessDenied" if error.code == DENIED else error.code


KMS_TRAIL: Final = TrailStyle(
    source="kms.amazonaws.com",
    parameters=parameters,
    response=response,
    code=code,
    names_resources=lambda error: error is None or error.code != DENIED,
)
