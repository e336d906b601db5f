"""What CloudTrail tells the owner of a shared snapshot, once somebody else uses it (ebs.md 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.kernel import audit

if TYPE_CHECKING:
    from app.kernel.draft import Draft
    from app.services.ebs.records import Snapshot

COPIED: Final = "SharedSnapshotCopyInitiated"
VOLUME_CREATED: Final = "SharedSnapshotVolumeCreated"


def tell_owner(draft: Draft, source: Snapshot, event: str) -> None:
    """A service event in the owner's trail; its details beyond the snapshot's id are inferred."""
    audit.service_event(
        draft,
        source.account,
        event,
        source="ec2.amazonaws.com",
        invoked_by="ec2.amazonaws.com",
        identity={"type": "AWSAccount", "accountId": draft.frame.call.account, "invokedBy": "ec2.amazonaws.com"},
        details={"snapshotId": source.id},
    )
