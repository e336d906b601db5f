"""How EBS calls KMS: every call of ebs.md 1.2, 1.4 and 6, as whom, through what, with which context.

EBS keeps no table of permissions. It makes these calls, as the caller (a forward access session) or as itself under a
grant, and what is missing fails there, one level down. `ReEncrypt` moves a data key to another key without showing it;
the plaintext is only ever seen by the service, which decrypts under the grant that the caller made for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.kernel.call import Via
from app.services.ebs.records import DataKey

if TYPE_CHECKING:
    from app.kernel.draft import Draft, Result

DATA_KEY_SIZE_BYTES = 64  # AES-256-XTS in AWS (ebs.md 0.9 [V])
FRONT_END = "ec2-frontend-api.amazonaws.com"
DIRECT = "ebs.amazonaws.com"
INTERNAL = "AWS Internal"
EQUALS, SUBSET = "EncryptionContextEquals", "EncryptionContextSubset"


class Stopped(Exception):
    """A KMS call that EBS needs was refused; `result` tells which and why."""

    def __init__(self, operation: str, key_id: str, result: Result) -> None:
        super().__init__(operation)
        self.operation, self.key_id, self.result = operation, key_id, result


def principal(region: str) -> str:
    """The service principal to which EC2 and EBS have grants made."""
    return f"ec2.{region}.amazonaws.com"


def copier(region: str) -> str:
    return f"prod.kms-caller.ebs.{region}.amazonaws.com"


def describe_key(draft: Draft, key_id: str, invoked_by: str = FRONT_END) -> Result:
    """As the caller. The kms:ViaService is EC2's for the EBS direct APIs too (ebs.md 0.11 [V])."""
    return draft.on_behalf("kms:DescribeKey", {"KeyId": key_id}, via=Via("ec2", invoked_by))


def as_caller(
    draft: Draft,
    operation: str,
    parameters: Mapping[str, Any],
    *,
    invoked_by: str = FRONT_END,
    region: str = "",
    own_request: bool = False,
) -> Result:
    """A KMS call with the caller's rights; raises Stopped where KMS refuses. `own_request`: KMS's own request id."""
    via = Via("ec2", invoked_by, for_aws_resource=operation == "kms:CreateGrant")
    request_id = draft.entropy.uuid("request") if own_request else ""
    result = draft.on_behalf(operation, parameters, via=via, region=region, request_id=request_id)
    return _or_stop(operation, parameters, result)


def as_service(
    draft: Draft, operation: str, parameters: Mapping[str, Any], *, invoked_by: str, region: str = ""
) -> Result:
    """A KMS call by EBS itself, which only a grant (or the key policy) allows."""
    region = region or draft.frame.call.region
    result = draft.as_service(operation, parameters, principal=principal(region), invoked_by=invoked_by, region=region)
    return _or_stop(operation, parameters, result)


def _or_stop(operation: str, parameters: Mapping[str, Any], result: Result) -> Result:
    if result.error:
        raise Stopped(operation, str(parameters.get("KeyId") or parameters.get("DestinationKeyId") or ""), result)
    return result


def new_data_key(draft: Draft, key_id: str, context_id: str, **how: Any) -> DataKey:
    """A fresh data key, wrapped; its plaintext does not come back."""
    asked = {"KeyId": key_id, "NumberOfBytes": DATA_KEY_SIZE_BYTES, "EncryptionContext": {"aws:ebs:id": context_id}}
    made = as_caller(draft, "kms:GenerateDataKeyWithoutPlaintext", asked, **how)
    return DataKey(made["CiphertextBlob"], made["KeyId"], context_id)


def re_wrap(draft: Draft, data_key: DataKey, key_id: str, context_id: str, **how: Any) -> DataKey:
    """The same data key under `key_id` and another context, by ReEncrypt."""
    asked = {
        "CiphertextBlob": data_key.ciphertext,
        "SourceEncryptionContext": data_key.context,
        "DestinationKeyId": key_id,
        "DestinationEncryptionContext": {"aws:ebs:id": context_id},
    }
    made = as_caller(draft, "kms:ReEncrypt", asked, **how)
    return DataKey(made["CiphertextBlob"], made["KeyId"], context_id)


def grant(
    draft: Draft, key_id: str, allows: str, constraint: str, context_id: str, *, region: str = "", **how: Any
) -> str:
    """A grant of one operation to EC2 itself, for one context; answers its id."""
    grantee = principal(region or draft.frame.call.region)
    asked = {
        "KeyId": key_id,
        "GranteePrincipal": grantee,
        "RetiringPrincipal": grantee,
        "Operations": [allows],
        "Constraints": {constraint: {"aws:ebs:id": context_id}},
    }
    return as_caller(draft, "kms:CreateGrant", asked, region=region, **how)["GrantId"]


def unwrap(draft: Draft, data_key: DataKey, *, invoked_by: str, region: str = "") -> bytes:
    """The plaintext data key, decrypted by the service under its grant."""
    asked = {"CiphertextBlob": data_key.ciphertext, "EncryptionContext": data_key.context, "KeyId": data_key.key_arn}
    return as_service(draft, "kms:Decrypt", asked, invoked_by=invoked_by, region=region)["Plaintext"]


def wrap(draft: Draft, plaintext: bytes, key_arn: str, context_id: str, *, invoked_by: str) -> DataKey:
    """An existing data key under another context, by Encrypt under a grant (incremental copies)."""
    asked = {"KeyId": key_arn, "Plaintext": plaintext, "EncryptionContext": {"aws:ebs:id": context_id}}
    made = as_service(draft, "kms:Encrypt", asked, invoked_by=invoked_by)
    return DataKey(made["CiphertextBlob"], key_arn, context_id)


def retire(draft: Draft, key_arn: str, grant_id: str, *, region: str = "") -> None:
    as_service(draft, "kms:RetireGrant", {"KeyId": key_arn, "GrantId": grant_id}, invoked_by=INTERNAL, region=region)
