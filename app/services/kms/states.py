"""Which operation works in which key state: the table of kms.md 1.1 [D], as data.

INVARIANT: authorization comes before state [I], so whoever may not use a key does not learn that it is disabled.
What depends on the key's origin (rows 6, 7 and 9 of AWS's list) is a check of its own, `ORIGIN`, and comes first where
the table has it before the state. Of "2 or 3", which AWS leaves open, 3 is taken [V S9].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from app.kernel.errors import AwsError
from app.policy.causes import Cause

State = Literal[
    "Enabled", "Disabled", "PendingDeletion", "PendingReplicaDeletion", "PendingImport", "Unavailable", "Creating",
    "Updating",
]  # fmt: skip
STATES: Final[tuple[State, ...]] = (
    "Enabled", "Disabled", "PendingDeletion", "PendingImport", "Unavailable", "Creating", "Updating",
)  # fmt: skip

INVALID: Final = "KMSInvalidStateException"

OK = None
DISABLED = AwsError("DisabledException", "{arn} is disabled.", seen="kms.md 1.1 #1 [V]", cause=Cause.KEY_DISABLED)
PENDING = AwsError(INVALID, "{arn} is pending deletion.", seen="kms.md 1.1 #3 [V]", cause=Cause.KEY_PENDING_DELETION)
PENDING_REPLICA = AwsError(
    INVALID, "{arn} is pending replica deletion.", seen="kms.md 1.1 #3 [D]", cause=Cause.KEY_PENDING_DELETION
)
NOT_PENDING = AwsError(
    INVALID, "{arn} is not pending deletion.", seen="kms.md 1.1 #4 [D]", cause=Cause.KEY_STATE_INVALID
)
IMPORT = AwsError(INVALID, "{arn} is pending import.", seen="kms.md 1.1 #5 [V]", cause=Cause.KEY_PENDING_IMPORT)
UNAVAILABLE = AwsError(INVALID, "{arn} is unavailable.", seen="kms.md 1.1 #11 [D]", cause=Cause.KEY_UNAVAILABLE)
CREATING = AwsError(INVALID, "{arn} is creating.", seen="kms.md 1.1 #14 [D]", cause=Cause.KEY_STATE_INVALID)
UPDATING = AwsError(INVALID, "{arn} is updating.", seen="kms.md 1.1 #15 [D]", cause=Cause.KEY_STATE_INVALID)


@dataclass(frozen=True, slots=True)
class Row:
    """Operations that behave alike, and what each state answers them, in the order of `STATES`."""

    operations: tuple[str, ...]
    answers: tuple[AwsError | None, ...]


_WORDS: Final = {
    "ok": OK, "disabled": DISABLED, "pending": PENDING, "not-pending": NOT_PENDING, "import": IMPORT,
    "unavailable": UNAVAILABLE, "creating": CREATING, "updating": UPDATING,
}  # fmt: skip


def _row(operations: str, answers: str) -> Row:
    return Row(tuple(operations.split()), tuple(_WORDS[word] for word in answers.split()))


# fmt: off
TABLE: Final = (
    _row("CancelKeyDeletion",
         # Enabled    Disabled    PendingDeletion PendingImport Unavailable Creating    Updating
         "not-pending not-pending ok              not-pending   not-pending not-pending not-pending"),
    _row("CreateAlias UpdateAlias TagResource UntagResource UpdateKeyDescription",
         "ok          ok          pending         ok            ok          ok          ok"),
    _row("CreateGrant",
         "ok          disabled    pending         import        ok          creating    ok"),
    _row("Encrypt Decrypt ReEncrypt GenerateDataKey GenerateDataKeyWithoutPlaintext GenerateDataKeyPair "
         "GenerateDataKeyPairWithoutPlaintext GenerateMac VerifyMac Sign Verify GetPublicKey DeriveSharedSecret "
         "Encapsulate Decapsulate",
         "ok          disabled    pending         import        unavailable creating    ok"),
    _row("DeleteAlias DescribeKey GetKeyPolicy ListAliases ListGrants ListKeyPolicies ListResourceTags "
         "ListKeyRotations GetKeyLastUsage PutKeyPolicy RetireGrant RevokeGrant GetKeyRotationStatus",
         "ok          ok          ok              ok            ok          ok          ok"),
    _row("DisableKey EnableKey",
         "ok          ok          pending         import        ok          creating    updating"),
    _row("EnableKeyRotation DisableKeyRotation",
         "ok          disabled    pending         import        unavailable creating    ok"),
    _row("RotateKeyOnDemand",
         "ok          disabled    pending         import        unavailable creating    updating"),
    _row("ReplicateKey",
         "ok          disabled    pending         import        unavailable creating    updating"),
    _row("UpdatePrimaryRegion",
         "ok          disabled    pending         import        unavailable creating    ok"),
    _row("ScheduleKeyDeletion",
         "ok          ok          pending         ok            ok          ok          updating"),
    _row("GetParametersForImport",
         "ok          ok          pending         ok            unavailable creating    updating"),
    _row("ImportKeyMaterial",
         "ok          ok          pending         ok            unavailable creating    ok"),
    _row("DeleteImportedKeyMaterial",
         "ok          ok          ok              ok            unavailable creating    updating"),
)
# fmt: on


def _answers(row: Row) -> dict[State, AwsError | None]:
    """By state. A key that waits for its replicas' deletion is in the column of pending deletion, in its own words."""
    answers: dict[State, AwsError | None] = dict(zip(STATES, row.answers, strict=True))
    pending = answers["PendingDeletion"]
    answers["PendingReplicaDeletion"] = PENDING_REPLICA if pending is PENDING else pending
    return answers


ANSWERS: Final = {operation: _answers(row) for row in TABLE for operation in row.operations}
