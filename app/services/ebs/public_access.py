"""Block public access: whether snapshots of an account in a Region may be public (ebs.md 1.8 [D]).

`block-new-sharing` refuses to share with `all`; `block-all-sharing` also takes the snapshots that are public already
from everybody's sight, though their attribute still says `all`, and they are public again when the block is lifted.
Sharing with accounts is untouched.
INVARIANT: in `block-all-sharing` every public snapshot of the account and Region is `is_withheld`, in the other states
none is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.kernel.authority import anything
from app.kernel.operation import operation
from app.services.ebs import fast_restore, feature_errors
from app.services.ebs.feature_records import PublicAccess, PublicState
from app.services.ebs.records import Snapshot
from app.services.ebs.requests import DRY_RUN, required
from app.services.ebs.rules import on

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

ALL, NEW, UNBLOCKED = "block-all-sharing", "block-new-sharing", "unblocked"
SETTING = "snapshots"


def public_state(draft: Draft, account: str, region: str) -> PublicState:
    found = draft.get(PublicAccess, account, region, SETTING)
    return found.state if found else UNBLOCKED


def refuse_if_blocked(draft: Draft, call: Call) -> None:
    """A snapshot of the caller is about to be shared with `all`."""
    if public_state(draft, call.account, call.region) != UNBLOCKED:
        feature_errors.PUBLIC_BLOCKED.refuse()


def _set(draft: Draft, call: Call, state: PublicState) -> Answer:
    draft.put(PublicAccess(account=call.account, region=call.region, id=SETTING, state=state))
    for snapshot in list(draft.scan_index(Snapshot, "public-of", call.account, call.region)):
        changed = draft.change(snapshot, is_withheld=state == ALL)
        fast_restore.end_where_unshared(draft, changed)
    return {"State": state}


def _state_blocks(draft: Draft, call: Call) -> None:
    if call["State"] not in (ALL, NEW):
        feature_errors.NO_SUCH_BLOCK_STATE.refuse(state=call["State"])


@operation(
    "ec2",
    "EnableSnapshotBlockPublicAccess",
    honours={"State", "DryRun"},
    checks=(required("State"), _state_blocks, on("ec2:EnableSnapshotBlockPublicAccess", anything), DRY_RUN),
    answers=(feature_errors.NO_SUCH_BLOCK_STATE,),
)
def enable_block(draft: Draft, call: Call) -> Answer:
    """Block all public sharing, or only new. AWS's is eventually consistent; here it holds at once."""
    return _set(draft, call, call["State"])


@operation(
    "ec2",
    "DisableSnapshotBlockPublicAccess",
    honours={"DryRun"},
    checks=(on("ec2:DisableSnapshotBlockPublicAccess", anything), DRY_RUN),
)
def disable_block(draft: Draft, call: Call) -> Answer:
    """Let snapshots be public again: those that were, are."""
    return _set(draft, call, UNBLOCKED)


@operation(
    "ec2",
    "GetSnapshotBlockPublicAccessState",
    honours={"DryRun"},
    checks=(on("ec2:GetSnapshotBlockPublicAccessState", anything), DRY_RUN),
    reads=True,
)
def get_block(draft: Draft, call: Call) -> Answer:
    """The state, and that the account set it: worlds have no declarative policies."""
    return {"State": public_state(draft, call.account, call.region), "ManagedBy": "account"}
