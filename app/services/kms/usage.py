"""When a key was last used (kms.md "Newer things" [D], botocore's GetKeyLastUsage).

Nothing is kept for it: the owner's CloudTrail events tell, newest first. So a use costs no record, and a question
costs a walk back to the last use. Only cryptography that succeeded counts; related keys count by themselves.
Recording began before any key here was made, so TrackingStartDate is the date of creation.
"""

from __future__ import annotations

import json
from typing import Any, Final

from app.kernel.call import Call
from app.kernel.clock import DAY_MS, moment
from app.kernel.draft import Draft
from app.kernel.log import EventEntry
from app.kernel.operation import operation
from app.services.kms.checks import KEY_STATE, allowed_on_key
from app.services.kms.keyref import KEY, key_of
from app.services.kms.records import Key

CRYPTOGRAPHIC: Final = frozenset(
    {
        "Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext", "Sign", "Verify", "GenerateMac", "VerifyMac", "DeriveSharedSecret",
        "Encapsulate", "Decapsulate",
    }
)  # fmt: skip


def last_use(draft: Draft, key: Key) -> EventEntry | None:
    """The owner's event of the last cryptographic operation that succeeded under the key."""
    for event in draft.world.log.events(key.account, key.region, key.created_ms):
        if event.name in CRYPTOGRAPHIC and any(arn == key.arn for _, arn in event.resources) and succeeded(event):
            return event
    return None


def succeeded(event: EventEntry) -> bool:
    return "errorCode" not in json.loads(event.body)


def days_without_usage(draft: Draft, key: Key) -> int:
    """Whole days since the last use; of a key that was never used, since it was made (inferred)."""
    used = last_use(draft, key)
    return (draft.frame.call.at_ms - (used.at_ms if used else key.created_ms)) // DAY_MS


@operation(
    "kms", "GetKeyLastUsage",
    honours=("KeyId",),
    checks=(KEY(), allowed_on_key("kms:GetKeyLastUsage"), KEY_STATE()),
    reads=True,
)  # fmt: skip
def get_key_last_usage(draft: Draft, call: Call) -> dict[str, Any]:
    """What a key was last used for, and when; an empty KeyLastUsage if it never was."""
    key = key_of(draft)
    used = last_use(draft, key)
    return {
        "KeyId": key.arn,
        "KeyLastUsage": _shown(used) if used else {},
        "TrackingStartDate": moment(key.created_ms),
        "KeyCreationDate": moment(key.created_ms),
    }


def _shown(event: EventEntry) -> dict[str, Any]:
    return {
        "Operation": event.name,
        "Timestamp": moment(event.at_ms),
        "CloudTrailEventId": event.event_id,
        "KmsRequestId": event.request_id,
    }
