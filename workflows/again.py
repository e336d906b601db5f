"""What becomes of a step that may have happened already, at an endpoint that keeps no idempotency keys (AWS itself).

A run that was broken off between a step's intent and its record does not know. The step is looked for where it says
how, done again where that does no harm, and otherwise the run stops: a second grant is worse than a question.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from workflows.over_boto3 import has_client_token

if TYPE_CHECKING:
    from workflows.format import StepSpec

READING: Final = ("Describe", "Get", "List", "Lookup")
SAME_TWICE: Final = frozenset(
    {
        "kms:PutKeyPolicy", "kms:EnableKey", "kms:DisableKey", "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt",
        "kms:TagResource", "kms:UntagResource", "kms:EnableKeyRotation", "kms:DisableKeyRotation", "kms:UpdateAlias",
        "ec2:ModifySnapshotAttribute", "ec2:ResetSnapshotAttribute", "ec2:ModifyImageAttribute", "ec2:CreateTags",
        "ec2:DeleteTags", "ec2:EnableEbsEncryptionByDefault", "ec2:DisableEbsEncryptionByDefault",
        "ec2:ModifyEbsDefaultKmsKeyId",
    }
)  # fmt: skip


class Again(StrEnum):
    FOUND = "find-again"  # the step says how it is found; done only if it is not there
    READS = "reads"  # done again: it changes nothing
    SAME_TWICE = "same twice"  # done again: the second time changes nothing
    TOKEN = "ClientToken"  # done again with the same token: AWS does it once  # noqa: S105
    UNSURE = "unsure"  # nothing tells: the run stops


def again(step: StepSpec) -> Again:
    """What such an endpoint allows for a step (a call, not a move of the clock)."""
    call = str(step.call)
    if step.find_again is not None:
        return Again.FOUND
    if call.partition(":")[2].startswith(READING):
        return Again.READS
    if call in SAME_TWICE:
        return Again.SAME_TWICE
    # `data:` is several calls, and those that write the blocks have no token
    return Again.TOKEN if has_client_token(call) and step.data is None else Again.UNSURE
