"""Encryption by default and the default key, of an account in a Region (ebs.md 1.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.kernel.authority import anything
from app.kernel.errors import Refusal
from app.kernel.operation import operation
from app.kernel.records import replace
from app.policy.causes import Cause
from app.services.ebs import envelope, errors
from app.services.ebs.records import Defaults
from app.services.ebs.requests import DRY_RUN, required
from app.services.ebs.rules import on

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

AWS_MANAGED_KEY = "alias/aws/ebs"
EBS_DEFAULTS = "defaults"


def defaults(draft: Draft, account: str, region: str) -> Defaults:
    found = draft.get(Defaults, account, region, EBS_DEFAULTS)
    return found or Defaults(account=account, region=region, id=EBS_DEFAULTS)


def default_key(draft: Draft, account: str, region: str) -> str:
    """What EBS encrypts under where no key is named: the key that was set, or the AWS managed one by its alias."""
    return defaults(draft, account, region).key_id or AWS_MANAGED_KEY


def _change(draft: Draft, call: Call, **changes: object) -> Defaults:
    return draft.put(replace(defaults(draft, call.account, call.region), **changes))


def _asks(action: str) -> tuple:
    return (on(f"ec2:{action}", anything), DRY_RUN)


@operation("ec2", "EnableEbsEncryptionByDefault", honours={"DryRun"}, checks=_asks("EnableEbsEncryptionByDefault"))
def enable_by_default(draft: Draft, call: Call) -> Answer:
    """From now on every new volume and copy is encrypted; what exists stays as it is."""
    return {"EbsEncryptionByDefault": _change(draft, call, encrypts=True).encrypts}


@operation("ec2", "DisableEbsEncryptionByDefault", honours={"DryRun"}, checks=_asks("DisableEbsEncryptionByDefault"))
def disable_by_default(draft: Draft, call: Call) -> Answer:
    return {"EbsEncryptionByDefault": _change(draft, call, encrypts=False).encrypts}


@operation(
    "ec2", "GetEbsEncryptionByDefault", honours={"DryRun"}, checks=_asks("GetEbsEncryptionByDefault"), reads=True
)
def get_by_default(draft: Draft, call: Call) -> Answer:
    encrypts = defaults(draft, call.account, call.region).encrypts
    return {"EbsEncryptionByDefault": encrypts}


@operation("ec2", "GetEbsDefaultKmsKeyId", honours={"DryRun"}, checks=_asks("GetEbsDefaultKmsKeyId"), reads=True)
def get_default_key(draft: Draft, call: Call) -> Answer:
    """The ARN of the key that was set, else the text `alias/aws/ebs` [V]."""
    return {"KmsKeyId": default_key(draft, call.account, call.region)}


@operation(
    "ec2",
    "ModifyEbsDefaultKmsKeyId",
    honours={"KmsKeyId", "DryRun"},
    checks=(required("KmsKeyId"), *_asks("ModifyEbsDefaultKmsKeyId")),
    answers=(errors.MISSING_PARAMETER, errors.KEY_INVALID),
)
def modify_default_key(draft: Draft, call: Call) -> Answer:
    """Answers the key's ARN. A key that can not be found is accepted as it was given: it shows when it is used [D]."""
    found = envelope.describe_key(draft, call["KmsKeyId"])
    if found.answer and found["KeyMetadata"]["KeySpec"] != "SYMMETRIC_DEFAULT":
        errors.KEY_INVALID.refuse(Refusal(Cause.KEY_WRONG_KIND), key=call["KmsKeyId"])  # rule [D], words [I]
    arn = found["KeyMetadata"]["Arn"] if found.answer else call["KmsKeyId"]
    return {"KmsKeyId": _change(draft, call, key_id=arn).key_id}


@operation("ec2", "ResetEbsDefaultKmsKeyId", honours={"DryRun"}, checks=_asks("ResetEbsDefaultKmsKeyId"))
def reset_default_key(draft: Draft, call: Call) -> Answer:
    """Back to the AWS managed key."""
    _change(draft, call, key_id="")
    return {"KmsKeyId": AWS_MANAGED_KEY}
