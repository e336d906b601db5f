"""What all that is placed of an account's storage shares: where it goes, its tags, its data key, and what is noted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from dataclasses import replace as changed
from string import ascii_lowercase
from typing import Any, Final

from app.kernel.call import root_of
from app.kernel.draft import Draft, Frame
from app.kernel.internal import place
from app.kernel.records import replace
from app.services.ebs.envelope import DATA_KEY_SIZE_BYTES
from app.services.ebs.records import DataKey, Snapshot, Tags, Volume

Told = Mapping[str, Any]
MADE: Final = ("data_key", "blocks", "source_blocks")


@dataclass(slots=True)
class Desk:
    draft: Draft
    account: str
    region: str
    placed: list[tuple[str, str, bool]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)

    def note(self, noun: str, id: str, is_new: bool) -> None:
        self.placed.append((noun, id, is_new))

    @contextmanager
    def acting(self) -> Iterator[None]:
        """What is booked for later is the account's own, in this Region."""
        frame = self.draft.frame
        self.draft.frame = Frame(changed(frame.call, caller=root_of(self.account), region=self.region))
        try:
            yield
        finally:
            self.draft.frame = frame


def is_zone(zone: str, region: str) -> bool:
    return bool(zone) and zone[:-1] == region and zone[-1] in ascii_lowercase


def wrapped(draft: Draft, key_arn: str, context_id: str) -> tuple[DataKey, bytes]:
    """A new data key, and its plaintext."""
    asked = {"arn": key_arn, "bytes": DATA_KEY_SIZE_BYTES, "context": {"aws:ebs:id": context_id}}
    made = draft.internally("WrapDataKey", asked)
    return DataKey(made["CiphertextBlob"], key_arn, context_id), made["Plaintext"]


def sealed(draft: Draft, record: Any) -> Any:
    """With its data key, under the context that EBS uses: a volume's id, also for snapshots of it; a copy's own."""
    if not record.encrypted or not record.key_arn:
        return record
    is_of_volume = isinstance(record, Snapshot) and record.origin == "CreateSnapshot"
    context_id = record.volume_id if is_of_volume else record.id
    return replace(record, data_key=wrapped(draft, record.key_arn, context_id)[0])


def place_tags(desk: Desk, id: str, resource_type: str, told: Told) -> None:
    pairs = tuple(sorted((tag["Key"], tag["Value"]) for tag in told.get("Tags") or ()))
    if pairs:
        where = {"account": desk.account, "region": desk.region, "id": id}
        place(desk.draft, Tags(**where, resource_type=resource_type, pairs=pairs))


def volume_of(desk: Desk, id: str) -> Volume | None:
    return desk.draft.get(Volume, desk.account, desk.region, id)
