"""What is not known of accounts that were imported: files that the capture was not allowed to read.

A gap is no record of AWS's: nothing behaves otherwise for it. It is there to be told beside an explanation that it may
concern, because what stands in an imported world where it is may not be what stands in AWS.
"""

from __future__ import annotations

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.internal import internal, place
from app.kernel.operation import Answer
from app.kernel.records import Record
from app.kernel.world import World


class Gap(Record, frozen=True, kw_only=True):
    """A file (its id) that could not be read. `account` is "" for what belongs to an organization."""

    kind = "iam.gap"
    about: str  # id of the key, snapshot or image that it is about; "": the account, or its whole Region
    what: str  # what is not known


@internal("PlaceGaps")
def place_gaps(draft: Draft, call: Call) -> Answer:
    """`gaps`: account, region, file, id and what each."""
    for told in call["gaps"]:
        gap = Gap(
            account=told["account"], region=told["region"], id=told["file"], about=told["id"], what=told["what"]
        )  # fmt: skip
        place(draft, gap)
    return {}


def gaps_in(world: World, text: str) -> tuple[str, ...]:
    """What is not known of the accounts, keys, snapshots and images that a text names, and of any organization."""
    found = (gap for gap in world.records.scan(Gap) if gap.account in text and gap.about in text)
    return tuple(f"{gap.id} could not be read: {gap.what}" for gap in found)
