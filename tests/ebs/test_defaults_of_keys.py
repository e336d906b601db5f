"""The default key of an account in a Region."""

from __future__ import annotations

import pytest

from app.kernel.call import Request, root_of
from app.kernel.cloud import Cloud, new_world
from app.kernel.store import MemoryStore
from app.services import all_services

ACCOUNT, REGION = "111111111111", "us-east-1"


@pytest.mark.row("1.8/default-asymmetric")
def test_an_asymmetric_key_is_no_default_key() -> None:
    """ebs.md 1.8: asymmetric keys are refused [D]; the words are inferred. The default stays what it was."""
    cloud = Cloud.create(all_services(), MemoryStore(), new_world("t", seed="1"))

    def call(operation: str, **parameters: object) -> object:
        return cloud.call(Request(operation, parameters, root_of(ACCOUNT), REGION))

    made = call("kms:CreateKey", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    arn = made.answer["KeyMetadata"]["Arn"]  # type: ignore[attr-defined]
    refused = call("ec2:ModifyEbsDefaultKmsKeyId", KmsKeyId=arn)
    assert refused.error.code == "InvalidParameterValue"  # type: ignore[attr-defined]
    assert call("ec2:GetEbsDefaultKmsKeyId").answer == {"KmsKeyId": "alias/aws/ebs"}  # type: ignore[attr-defined]
