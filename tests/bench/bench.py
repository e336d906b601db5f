"""How fast is it, and beside what? `make bench` prints every figure from one run, on one machine, as a table.

Each figure is the median of several runs, with the fastest and slowest beside it. The five steps are the five calls of
a share (CreateSnapshot, PutKeyPolicy, ModifySnapshotAttribute, CopySnapshot, CreateVolume) and nothing between them.
moto and MiniStack run the same calls inside one account, since neither crosses accounts; they check no policy, encrypt
no block and write no CloudTrail event. The floor is a server that answers at once: boto3's own time.
"""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers import BIN, command, free_port, over_boto3, serving
from story import REGION, Accounts, Answer, Ask, identities, key_policy, prepare, share_seconds, sign_up

from app.kernel.call import Request, root_of
from app.kernel.clock import Clock
from app.kernel.cloud import Cloud, new_world
from app.kernel.ids import Counter
from app.kernel.operation import Services
from app.kernel.store import MemoryStore
from app.policy.decide import decide
from app.policy.document import DocumentKind, parse
from app.policy.question import LayerKind, Layers, Place, Policy, Principal, PrincipalKind, Question, Rule
from app.services import all_services

TWO = Accounts("111111111111", "222222222222")
BLOCKS = 8  # of 512 KiB: what the demonstration writes
MINISTACK = "MiniStack, one account"


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds of each run."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def measured(name: str, runs: int, once: Callable[[], float], *, warm_up: int = 2) -> Figure:
    """So many runs of `once`, which answers its own seconds; the first ones do not count."""
    for _ in range(warm_up):
        once()
    return Figure(name, tuple(once() for _ in range(runs)))


def taken(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


# --- the five steps ---------------------------------------------------------------------------------------------------


def in_process(services: Services, blocks: int) -> Figure:
    """Against a `Cloud` in memory; each run in a fork, so that none meets what the last one left."""
    cloud = Cloud.create(services, MemoryStore(), new_world("bench", clock=Clock(mode="manual")))
    keys = sign_up(asking(cloud, {}), TWO)
    share = prepare(asking(cloud, keys), TWO, blocks)
    names = iter(range(1_000_000))

    def once() -> float:
        return share_seconds(asking(cloud.fork(f"run-{next(names)}"), keys), share)

    return measured(f"in process, {blocks} blocks", 50, once)


def asking(cloud: Cloud, keys: Mapping[str, tuple[str, str]]) -> Ask:
    """Calls to a cloud in this process; RuntimeError where one is refused."""
    callers = {who: cloud.services.credential(cloud.world, key_id) for who, (key_id, _) in keys.items()}

    def ask(who: str, operation: str, parameters: Mapping[str, Any]) -> Answer:
        known = callers.get(who)
        caller = known.caller if known else root_of(getattr(TWO, who.partition("/")[0]))
        reply = cloud.call(Request(operation, parameters, caller, REGION))
        if reply.error:
            raise RuntimeError(f"{operation}: {reply.error.code}: {reply.error.message}")
        return reply.answer or {}

    return ask


def within_one_account(endpoint: str) -> Callable[[], float]:
    """One run of the steps, all by key `test`."""
    one = Accounts("000000000000", "000000000000")
    ask = over_boto3(endpoint, dict.fromkeys((*identities(one), "source/root", "target/root"), ("test", "test")))
    share = prepare(ask, one)
    return lambda: share_seconds(ask, share)


def across_accounts(endpoint: str, blocks: int = 0) -> Callable[[], float]:
    """One run of the steps, each by a user of its account with the policies that it needs."""
    roots = {f"{each}/root": (getattr(TWO, each), "secret") for each in ("source", "target")}
    ask = over_boto3(endpoint, roots | sign_up(over_boto3(endpoint, roots), TWO))
    share = prepare(ask, TWO, blocks)
    return lambda: share_seconds(ask, share)


def over_http(folder: Path, runs: int = 25) -> list[Figure]:
    """Every server, in turns, so that whatever else the machine does meets all alike."""
    with ExitStack() as stack:

        def start(server: str, *more: str) -> str:
            return stack.enter_context(serving(server, folder, *more))

        in_turn = {
            MINISTACK: within_one_account(start("ministack")),
            "moto, one account": within_one_account(start("moto")),
            "boto3's own floor": within_one_account(start("floor")),
            "reseal, one account": within_one_account(start("reseal")),
            "reseal, two accounts": across_accounts(start("reseal")),
            f"reseal, two accounts, {BLOCKS} blocks": across_accounts(start("reseal"), BLOCKS),
            "reseal, two accounts, SQLite": across_accounts(
                start("reseal", "--database", f"sqlite:///{folder}/data/world.db")
            ),
        }
        rounds = [{name: once() for name, once in in_turn.items()} for _ in range(runs + 3)][3:]
    return [Figure(name, tuple(each[name] for each in rounds)) for name in in_turn]


# --- starting, forking, deciding --------------------------------------------------------------------------------------


def cold_start(folder: Path) -> float:
    """From the command to `Ready.`, with warm files."""
    arguments, _ = command("reseal", free_port())
    begun = time.perf_counter()
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stdout
        while "Ready." not in (line := process.stdout.readline()):
            if not line:
                raise RuntimeError("reseal serve ended before it was ready")
        seconds = time.perf_counter() - begun
        process.terminate()
    return seconds


def help_text(folder: Path) -> float:
    return taken(lambda: subprocess.run([f"{BIN}/reseal", "--help"], capture_output=True, check=True, cwd=folder))


def forking(services: Services, records: int) -> Figure:
    """A fork of a world in memory that holds so many records; seconds of one, out of a hundred."""
    world = new_world("bench", clock=Clock(mode="manual"))
    for number in range(records):
        world = world.put(Counter(account=TWO.source, region=REGION, id=f"{number:06d}", value=number))
    cloud = Cloud.create(services, MemoryStore(), world)
    names = iter(range(1_000_000))

    def once() -> float:
        return taken(lambda: [cloud.fork(f"fork-{next(names)}") for _ in range(100)]) / 100

    return measured(f"fork, {records:,} records", 15, once)


def question() -> Question:
    """The one that a share turns on: may the target make a grant on the source's key?"""
    key = f"arn:aws:kms:{REGION}:{TWO.source}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    identity, sharing = identities(TWO)["target/importer"], key_policy(TWO.source, TWO.target)
    arn = f"arn:aws:iam::{TWO.target}:user/importer"
    mine = Policy(Place(LayerKind.IDENTITY, TWO.target, "work", arn), parse(identity, DocumentKind.IDENTITY))
    theirs = Policy(Place(LayerKind.RESOURCE, TWO.source, "key policy", key), parse(sharing, DocumentKind.RESOURCE))
    user = Principal(PrincipalKind.USER, TWO.target, arn, "AIDAIMPORTER")
    layers = Layers(identity=(mine,), resource=theirs, rule=Rule.KMS_KEY)
    context = {"kms:GrantIsForAWSResource": "true"}
    return Question(user, "kms:CreateGrant", key, TWO.source, context, layers, {})


def deciding(*, trace: bool) -> Figure:
    """Seconds of one decision across accounts, out of a thousand."""
    asked = question()
    assert decide(asked).allowed

    def once() -> float:
        return taken(lambda: [decide(asked, trace=trace) for _ in range(1000)]) / 1000

    return measured("a decision with its trace" if trace else "a decision", 15, once)


# --- the report -------------------------------------------------------------------------------------------------------


def machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = f"{len(models)} x {models[0]}" if models else platform.processor()
    return f"{processor}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def table(title: str, figures: Iterable[Figure], beside: Figure | None = None) -> None:
    """Milliseconds, and how many times the figure beside it."""
    print(f"\n{title}")
    for figure in figures:
        ratio = f"  {figure.median / beside.median:8.2f} x {beside.name}" if beside and beside is not figure else ""
        low, high = min(figure.seconds) * 1e3, max(figure.seconds) * 1e3
        runs = f"({low:.3f} to {high:.3f}, {len(figure.seconds)} runs)"
        print(f"  {figure.name:34} {figure.median * 1e3:9.3f} ms  {runs:36}{ratio}")
    sys.stdout.flush()


def main() -> None:
    print(f"machine: {machine()}")
    services = all_services()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table("the five steps, in process (aim 5 ms)", [in_process(services, 0), in_process(services, BLOCKS)])
        others = over_http(folder)
        table("the five steps, over HTTP with boto3 (aim: no slower than MiniStack)", others, beside=others[0])
        table("start (aims: Ready. 500 ms, --help 150 ms)", [
            measured("reseal serve to Ready.", 9, lambda: cold_start(folder)),
            measured("reseal --help", 9, lambda: help_text(folder)),
        ])  # fmt: skip
    small = forking(services, 10)
    table("a fork (aim: independent of size)", [small, forking(services, 100_000)], beside=small)
    plain = deciding(trace=False)
    table("a policy decision", [plain, deciding(trace=True)], beside=plain)
    print(f"  {1 / plain.median:,.0f} decisions a second")


if __name__ == "__main__":
    main()
