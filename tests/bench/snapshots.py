"""DescribeSnapshots among few and many: the time of a page, and what a snapshot costs in memory.

A page of 5 and of 100 out of a Region that holds 10, 1,000 and 100,000 snapshots of one account, the first and the next
one. It is to take the same time in each (aim 1.5 x); figures are medians. The snapshots are made by a bulk fixture,
straight into the world's records, each with what a real one holds: a data key in a ciphertext of its own, a block map,
a description. moto and MiniStack have no such way in: theirs are made by CreateSnapshot over HTTP, so their sizes are
what that allows, and reseal is asked beside them in the same way. moto answers all it has, whatever MaxResults says.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from servers import OTHERS, over_boto3, serving
from story import REGION, Answer

from app.blocks.map import BlockMap
from app.kernel import ids
from app.kernel.call import Request, root_of
from app.kernel.clock import Clock
from app.kernel.cloud import Cloud, new_world
from app.kernel.store import MemoryStore
from app.kernel.world import World
from app.services import all_services
from app.services.ebs.records import DataKey, Snapshot

ACCOUNT = "111111111111"
SIZES = (10, 1_000, 100_000)
OVER_HTTP_SIZES = (10, 1_000)
PAGE = 100
ROUNDS = 31
KIB = 1024
TEXT = b"x" * 300  # as long as the ciphertext of a data key


def snapshot(world: World, number: int, key_arn: str) -> Snapshot:
    """A completed, encrypted snapshot, as CreateSnapshot leaves it; every field that differs in life differs here."""
    id = ids.hex_id("snap", world.digest("bulk", "snap", number))
    volume = ids.hex_id("vol", world.digest("bulk", "vol", number))
    return Snapshot(
        account=ACCOUNT,
        region=REGION,
        id=id,
        origin="CreateSnapshot",
        volume_id=volume,
        size_gib=8,
        state="completed",
        progress="100%",
        description=f"backup {number}",
        started_ms=1_767_225_600_000 + number,
        completed_ms=1_767_225_605_000 + number,
        encrypted=True,
        key_arn=key_arn,
        data_key=DataKey(TEXT + number.to_bytes(8, "big"), key_arn, volume),
        blocks=BlockMap(((0, world.digest("bulk", "page", number).hex()),), 16),
        family=volume,
        source_id=volume,
    )


def filled(count: int) -> World:
    """The bulk fixture: a world with so many snapshots of one account in one Region."""
    world = new_world("bench", seed="7", clock=Clock(mode="manual"))
    key_arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    records = world.records
    for number in range(count):
        records = records.put(snapshot(world, number, key_arn))
    return world.with_records(records)


# --- in this process --------------------------------------------------------------------------------------------------

Ask = Callable[..., Answer]


def asking(world: World) -> Ask:
    cloud = Cloud.create(all_services(), MemoryStore(), world)

    def ask(**parameters: Any) -> Answer:
        reply = cloud.call(Request("ec2:DescribeSnapshots", parameters, root_of(ACCOUNT), REGION))
        assert reply.error is None, reply.error
        return reply.answer or {}

    return ask


def pages(ask: Ask, size: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The parameters of a first page, and of one in the middle where there is one."""
    first = {"OwnerIds": ["self"], "MaxResults": size}
    yield "first page", first
    token = ask(**first).get("NextToken")
    if token:
        yield "a later page", first | {"NextToken": token}


def milliseconds(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median of so many runs, after three to warm up."""
    found = []
    for _ in range(rounds + 3):
        begun = time.perf_counter()
        action()
        found.append(time.perf_counter() - begun)
    return statistics.median(found[3:]) * 1e3


def bytes_each(count: int) -> float:
    """Memory of one snapshot among so many, with its place in every index."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    world = filled(count)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert world.records.count(Snapshot) == count
    return (after - before) / count


def in_process() -> None:
    """Pages of five, which the smallest Region fills too, and of a hundred where they can be had."""
    print(f"\nDescribeSnapshots in process, ms a page (aim: flat within 1.5 x), median of {ROUNDS}")
    print(f"  {'snapshots of the Region':28}" + "".join(f"{size:>12,}" for size in SIZES) + f"{'last / first':>16}")
    asks = {size: asking(filled(size)) for size in SIZES}
    for limit in (5, PAGE):
        rows: dict[str, dict[int, float]] = {}
        for size, ask in asks.items():
            if size < limit:
                continue
            for name, asked in pages(ask, limit):
                assert len(ask(**asked)["Snapshots"]) == limit
                rows.setdefault(name, {})[size] = milliseconds(lambda ask=ask, asked=asked: ask(**asked))
        for name, by_size in rows.items():
            _row(f"{name} of {limit}", by_size, SIZES)


def _row(name: str, by_size: dict[int, float], sizes: tuple[int, ...]) -> None:
    values = list(by_size.values())
    cells = "".join(f"{by_size[size]:12.2f}" if size in by_size else f"{'-':>12}" for size in sizes)
    print(f"  {name:28}{cells}{values[-1] / values[0]:14.2f} x")
    sys.stdout.flush()


def memory() -> None:
    print("\nmemory of a snapshot, KiB (aim 1.5)")
    for size in SIZES[1:]:
        print(f"  among {size:,}: {bytes_each(size) / KIB:.2f}")
    sys.stdout.flush()


# --- over HTTP, beside the others -------------------------------------------------------------------------------------


def over_http(folder: Path) -> None:
    """Pages of a hundred with boto3; the snapshots are made by CreateSnapshot, in every server alike."""
    print("\nDescribeSnapshots over HTTP with boto3, ms a page of 5, snapshots made by CreateSnapshot")
    print(f"  {'':28}" + "".join(f"{size:>12,}" for size in OVER_HTTP_SIZES) + f"{'last / first':>16}")
    names = [name for name in ("reseal", "moto", "ministack") if name == "reseal" or (OTHERS / _program(name)).exists()]
    for name in names:
        with ExitStack() as stack:
            endpoint = stack.enter_context(serving(name, folder))
            _row(name, dict(_growing(endpoint)), OVER_HTTP_SIZES)


def _program(name: str) -> str:
    return {"moto": "moto_server"}.get(name, name)


def _growing(endpoint: str) -> Iterator[tuple[int, float]]:
    """The time of a page at each size, as one server is filled."""
    ask = over_boto3(endpoint, {"root": (ACCOUNT, "test")})
    volume = ask("root", "ec2:CreateVolume", {"AvailabilityZone": f"{REGION}a", "Size": 1})["VolumeId"]
    there = 0
    for size in OVER_HTTP_SIZES:
        for _ in range(size - there):
            ask("root", "ec2:CreateSnapshot", {"VolumeId": volume})
        there = size
        asked = {"OwnerIds": ["self"], "MaxResults": 5}
        yield size, milliseconds(lambda asked=asked: ask("root", "ec2:DescribeSnapshots", asked))


def main() -> None:
    in_process()
    memory()
    with tempfile.TemporaryDirectory() as name:
        over_http(Path(name))


if __name__ == "__main__":
    main()
