"""A page of a listing costs what a page holds, however much the Region holds: counted in records, not in time.

The world is filled straight through its records, as tests/bench/snapshots.py does, which measures the times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from app.kernel.clock import Clock
from app.kernel.cloud import Cloud, new_world
from app.kernel.ids import hex_id
from app.kernel.records import Record, Records
from app.kernel.store import MemoryStore
from app.kernel.tree import Key, Tree
from app.services import all_services
from app.services.ebs.records import Snapshot, Tags
from tests.sharing.accounts import REGION, SOURCE, TARGET, THIRD, Hand, root

MANY, PAGE = 1_500, 20
MARGIN = 3  # how many listings are merged, each of which is looked into one record ahead


def snapshot_of(world: Any, number: int, account: str, **fields: Any) -> Snapshot:
    id = hex_id("snap", world.digest("bulk", account, number))
    more: dict[str, Any] = {"state": "completed", "started_ms": number, "size_gib": 1, "volume_id": "vol-ffffffff"}
    return Snapshot(account=account, region=REGION, id=id, origin="CreateSnapshot", **more | fields)


def tags_of(snapshot: Snapshot) -> Tags:
    return Tags(
        account=SOURCE, region=REGION, id=snapshot.id, resource_type="snapshot", pairs=(("a", "1"), ("b/c", "2"))
    )


@dataclass
class Filled:
    """A Region in which the source and a third account have many snapshots each, a few of them for others."""

    cloud: Cloud

    @classmethod
    def of(cls, many: int) -> Filled:
        world = new_world("bulk", seed="7", clock=Clock(mode="manual"))
        records: Records = world.records
        for record in cls._records(world, many):
            records = records.put(record)
        return cls(Cloud.create(all_services(), MemoryStore(), world.with_records(records)))

    @staticmethod
    def _records(world: Any, many: int) -> Iterator[Record]:
        for number in range(many):
            own = snapshot_of(world, number, SOURCE, shared_with=(TARGET,) if number % 50 == 0 else ())
            yield from (own, tags_of(own))
            yield snapshot_of(world, number, THIRD, is_public=number % 25 == 0)


@pytest.fixture(scope="module")
def small() -> Filled:
    return Filled.of(100)


@pytest.fixture(scope="module")
def large() -> Filled:
    return Filled.of(MANY)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[Key]:
    """The keys of all entries that a listing walks over."""
    seen: list[Key] = []
    under = Tree.under

    def counting(self: Tree[Any], prefix: Key, after: Key = ()) -> Iterator[Any]:
        for entry in under(self, prefix, after):
            seen.append(entry[0])
            yield entry

    monkeypatch.setattr(Tree, "under", counting)
    return seen


def walk(hand: Hand, operation: str, member: str, **asked: Any) -> Iterator[list[Any]]:
    """Page after page, to the end."""
    token: dict[str, str] = {}
    while True:
        answer = hand.do(operation, MaxResults=PAGE, **asked, **token)
        yield list(answer[member])
        if "NextToken" not in answer:
            return
        token = {"NextToken": answer["NextToken"]}


LISTINGS = [
    pytest.param(SOURCE, {}, id="all that is visible"),
    pytest.param(SOURCE, {"OwnerIds": ["self"]}, id="own"),
    pytest.param(SOURCE, {"RestorableByUserIds": ["all"]}, id="public"),
    pytest.param(SOURCE, {"RestorableByUserIds": [TARGET]}, id="own, shared with another"),
    pytest.param(TARGET, {"RestorableByUserIds": ["self"]}, id="shared with me"),
    pytest.param(TARGET, {"OwnerIds": [SOURCE], "RestorableByUserIds": ["self"]}, id="shared with me by one"),
    pytest.param(THIRD, {"RestorableByUserIds": ["self"]}, id="nothing shared with me"),
]


@pytest.mark.parametrize(("account", "asked"), LISTINGS)
def test_a_page_of_snapshots_looks_at_a_page_of_records(
    large: Filled, looked_at: list[Key], account: str, asked: dict[str, Any]
) -> None:
    """Method: the first pages of a Region with 3,000 snapshots, each counted by itself."""
    pages = walk(root(large.cloud, account), "ec2:DescribeSnapshots", "Snapshots", **asked)
    for _, found in zip(range(3), pages, strict=False):
        assert len(looked_at) <= len(found) + 1 + MARGIN
        looked_at.clear()


@pytest.mark.parametrize(("account", "asked"), LISTINGS)
def test_pages_hold_every_snapshot_once_in_order(small: Filled, account: str, asked: dict[str, Any]) -> None:
    """Method: the pages one after the other, beside the whole listing and the plain rule that it follows."""
    hand = root(small.cloud, account)
    paged = [each["SnapshotId"] for page in walk(hand, "ec2:DescribeSnapshots", "Snapshots", **asked) for each in page]
    whole = [each["SnapshotId"] for each in hand.do("ec2:DescribeSnapshots", **asked)["Snapshots"]]
    assert paged == whole == sorted(_wanted(small, account, **asked))


def _wanted(filled: Filled, account: str, **asked: Any) -> Iterator[str]:
    """By looking at every snapshot there is."""
    mine = {"self": account}
    owners = [mine.get(each, each) for each in asked.get("OwnerIds", ())]
    restorable = [mine.get(each, each) for each in asked.get("RestorableByUserIds", ())]
    for each in filled.cloud.world.records.scan(Snapshot):
        may = ("all",) if each.is_public else ()
        is_asked_for = (not owners or each.account in owners) and (
            not restorable or any(name in (*may, *each.shared_with) for name in restorable)
        )
        if is_asked_for and each.is_visible_to(account):
            yield each.id


def test_a_page_of_tags_looks_at_a_page_of_records_and_goes_on_within_a_resource(
    large: Filled, looked_at: list[Key]
) -> None:
    """Each snapshot has two tags, one with a slash in its key. Method: five pages, of an odd size, counted."""
    hand, token, rows = root(large.cloud, SOURCE), {}, []
    for _ in range(5):
        answer = hand.do("ec2:DescribeTags", MaxResults=7, **token)
        assert len(looked_at) <= 7
        looked_at.clear()
        token = {"NextToken": answer["NextToken"]}
        rows += [(each["ResourceId"], each["Key"]) for each in answer["Tags"]]
    assert rows == sorted(set(rows))
    assert len(rows) == 35
