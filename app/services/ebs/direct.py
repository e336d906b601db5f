"""What the EBS direct APIs share: their KMS calls, whom they let in, and how problems with a key show (ebs.md 6).

Their authorization is on `ebs:` actions alone, by the snapshot's ARN without an account. A problem with the key shows
as 404 when reading and as 400 when writing, never as AccessDenied [V].

direct_starting.py StartSnapshot | direct_writing.py put and complete | direct_reading.py list and get | block_tokens.py
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from app.kernel.authority import CALLER, authorize
from app.kernel.draft import Result
from app.kernel.errors import Refusal, Refused
from app.policy.causes import Cause
from app.services.ebs import envelope, errors, requests
from app.services.ebs.records import DataKey
from app.services.ebs.rules import find_snapshot, snapshot_resource

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Check

KEY_PROBLEMS = (errors.DEPENDENCY_GONE, errors.DEPENDENCY_REFUSED)
SHA256 = "SHA256"  # the only algorithm of the direct APIs' checksums


def digest_text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


# keys


def needs_key(draft: Draft, result: Result) -> Result:
    """A KMS call on the way to reading: access denied and not found both look like a key that is not there."""
    if result.error is None:
        return result
    if result.error.code in ("AccessDeniedException", "NotFoundException"):
        raise requests.refused(errors.DEPENDENCY_GONE, result)
    raise dependency_refused(draft, result)


def dependency_refused(draft: Draft, result: Result) -> Refused:
    assert result.error is not None
    return requests.refused(
        errors.DEPENDENCY_REFUSED,
        result,
        message=result.error.message,
        code=result.error.code,
        request_id=draft.frame.call.request_id,
    )


def decrypt(draft: Draft, data_key: DataKey) -> Result:
    """Decrypt as the caller, through EBS."""
    asked = {"CiphertextBlob": data_key.ciphertext, "EncryptionContext": data_key.context, "KeyId": data_key.key_arn}
    return draft.on_behalf("kms:Decrypt", asked, via=envelope.Via("ec2", envelope.DIRECT))


def in_own_snapshot(action: str) -> Check:
    return lambda draft, call: may_read_or_write(draft, call, action, call["SnapshotId"])


def may_read_or_write(draft: Draft, call: Call, action: str, id: str) -> None:
    """A data event names the snapshot, with the requester's account in every copy of it (ebs.md 6 [V])."""
    resource, made_by = snapshot_resource(draft, call, id), draft.frame.operation
    if made_by and made_by.is_data_event:
        draft.frame.touch(call.account, "AWS::EC2::Snapshot", resource.arn)
    authorize(draft, call, action, resource, CALLER)


def invisible(draft: Draft, call: Call, id: str) -> Refused:
    cause = Cause.SNAPSHOT_NOT_SHARED if find_snapshot(draft, call.region, id) else Cause.SNAPSHOT_NOT_FOUND
    return Refused(errors.DIRECT_NOT_FOUND(id=id), Refusal(cause))


def has_form(name: str, value: str, pattern: str) -> None:
    """AWS's own patterns, which are wider than those of its published model (ST:blocks [V])."""
    if not re.match(pattern, value):
        errors.BAD_DIRECT_TEXT.refuse(value=value, name=name, pattern=pattern)
