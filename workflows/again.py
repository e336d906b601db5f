"""What becomes of a step that may have happened already, at an endpoint that keeps no idempotency keys (AWS itself).

A run that was broken off between a step's intent and its record does not know. The step is looked for where it says
how, done again where that does no harm, and otherwise the run stops: a second grant is worse than a question.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from workflows import params
from workflows.expressions import fill, search
from workflows.over_boto3 import has_client_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflows.course import Course
    from workflows.format import StepSpec
    from workflows.port import Port

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


class Unsure(Exception):
    """Nothing tells whether a step has happened."""


GONE: Final = "IdempotentParameterMismatch"  # AWS's answer to the token of what was made and is gone


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


def found_again(step: StepSpec, port: Port, course: Course) -> Mapping[str, Any] | None:
    """The answer of a step that has happened; None where it must or may be done (again). Unsure: nothing tells."""
    way = again(step)
    if way is not Again.UNSURE:
        return _looked_for(step, port, course) if way is Again.FOUND else None
    raise Unsure(
        f"step {step.id!r} ({step.call}) was begun, and nothing tells whether it happened: this endpoint keeps no "
        "idempotency keys, the operation has no ClientToken, and the step has no `find-again`"
    )


def must_be_there(step: StepSpec, outcome: str) -> None:
    """Of a step that was done again with its ClientToken. Unsure where what it made is gone meanwhile."""
    if again(step) is Again.TOKEN and outcome == GONE:
        raise Unsure(
            f"step {step.id!r} ({step.call}) was begun and did happen, but what it made is gone: nothing tells what it "
            "answered"
        )


def _looked_for(step: StepSpec, port: Port, course: Course) -> Mapping[str, Any] | None:
    """What the step's own `find-again` finds of it."""
    look = step.find_again
    assert look is not None
    asked = params.typed(look.call, fill(look.with_, course.scope))
    answer = port.call(str(look.as_ or step.as_), look.call, asked, step.region or course.scenario.spec.region)
    if answer.error:
        raise Unsure(
            f"step {step.id!r} ({step.call}) was begun, and looking whether it happened failed: "
            f"{look.call}: {answer.error.code}: {answer.error.message}"
        )
    return search(look.found, answer.value) or None
