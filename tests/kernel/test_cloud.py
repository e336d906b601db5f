"""The shell: retries what lost a race, does what is due in its order, forks, repeats, and is the same in every run."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.kernel.clock import DAY_MS, MANUAL_START_MS
from app.kernel.cloud import TRIES_MAX, Cloud, new_world
from app.kernel.draft import Job
from app.kernel.store import Commit, Conflict, MemoryStore, Unavailable
from app.kernel.world import World
from app.services import all_services
from tests.kernel.toy import ACCOUNT, ask, things, toy_cloud
from tests.sharing.accounts import SOURCE, TARGET, TwoAccounts, block, empty_cloud, put_block, root


class Failing(MemoryStore):
    """Fails the next commits, each with an exception of the list."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[Exception] = []
        self.attempts = 0

    def commit(self, commit: Commit) -> World:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)
        return super().commit(commit)


# conflicts


def test_a_call_that_loses_a_race_is_done_again_on_the_world_as_it_is_then() -> None:
    store = Failing()
    cloud = toy_cloud(store)
    store.failures = [Conflict(), Conflict()]
    assert ask(cloud, "CreateAlias", AliasName="alias/a", TargetKeyId="1").error is None
    assert (things(cloud), store.attempts) == ({"alias/a": "1"}, 3)


def test_a_call_that_keeps_losing_is_answered_busy_and_nothing_is_done() -> None:
    store = Failing()
    cloud = toy_cloud(store)
    store.failures = [Conflict() for _ in range(TRIES_MAX)]
    error = ask(cloud, "CreateAlias", AliasName="alias/a", TargetKeyId="1").error
    assert error is not None
    assert (error.code, error.status) == ("RequestLimitExceeded", 503)
    assert things(cloud) == {}


def test_looking_at_a_world_and_moving_its_clock_survive_a_lost_race_too() -> None:
    """Another server may do the same job first. Method: the commit of a due job, and of a tick, lose once."""
    store = Failing()
    cloud = toy_cloud(store)
    ask(cloud, "EnableKey", KeyId="1")
    store.failures = [Conflict()]
    assert [value.split(" at ")[0] for value in things(cloud).values()] == ["1s #0"]
    store.failures = [Conflict()]
    at = cloud.now_ms()
    cloud.advance(1000)
    assert cloud.now_ms() == at + 1000


def test_a_store_that_is_unavailable_is_answered_503_and_the_next_call_succeeds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = Failing()
    cloud = toy_cloud(store)
    store.failures = [Unavailable("disk full")]
    error = ask(cloud, "CreateAlias", AliasName="alias/a", TargetKeyId="1").error
    assert error is not None
    assert error.status == 503
    assert "the store is unavailable" in caplog.text
    assert ask(cloud, "CreateAlias", AliasName="alias/a", TargetKeyId="2").error is None
    assert things(cloud) == {"alias/a": "2"}


class LosesCommits(MemoryStore):
    """Stores the blocks and then fails; as the port asks, the world is loaded anew after that, with another branch."""

    def __init__(self) -> None:
        super().__init__()
        self.loses = False
        self.doubts = False

    def commit(self, commit: Commit) -> World:
        if self.loses:
            self._blocks.put_many(commit.blocks)
            self.doubts = True
            raise Unavailable("connection lost")
        return super().commit(commit)

    def is_current(self, world: World) -> bool:
        return not self.doubts

    def load(self, name: str) -> World | None:
        self.doubts = False
        world = super().load(name)
        return world and replace(world, branch=os.urandom(16))


def test_a_block_may_be_written_anew_after_its_first_write_was_lost(caplog: pytest.LogCaptureFixture) -> None:
    """A block is stored before the commit that names it. Method: the commit fails after that; other bytes come then.

    Under the same reference they would use its key and nonce twice, so the name must be another one.
    """
    store = LosesCommits()
    owner = root(Cloud.create(all_services(), store, new_world("t", seed="7")), SOURCE)
    id = owner.do("ebs:StartSnapshot", VolumeSize=1)["SnapshotId"]
    store.loses = True
    assert owner.refused("ebs:PutSnapshotBlock", **put_block(id, 0, block(0)))[0] == "ServiceUnavailable"
    store.loses = False
    owner.put(id, 0, block(1))
    owner.do("ebs:CompleteSnapshot", SnapshotId=id, ChangedBlocksCount=1)
    assert owner.read(id) == {0: block(1)}
    assert "the store is unavailable" in caplog.text


# jobs and the clock


def test_jobs_are_done_in_the_order_in_which_they_fall_due_and_then_in_which_they_were_booked() -> None:
    cloud = toy_cloud(settle="lifelike")
    ask(cloud, "EnableKey", KeyId="3,1,3,2,1")
    assert things(cloud) == {}
    cloud.advance(10_000)
    done = [value.split(" at ") for _, value in sorted(things(cloud).items())]
    assert [text for text, _ in done] == ["1s #1", "1s #4", "2s #3", "3s #0", "3s #2"]
    assert [int(at) - MANUAL_START_MS for _, at in done] == sorted(int(at) - MANUAL_START_MS for _, at in done)
    assert int(done[0][1]) - MANUAL_START_MS == 1000


def test_advancing_does_each_job_at_its_own_time_and_not_those_after() -> None:
    cloud = toy_cloud(settle="lifelike")
    ask(cloud, "EnableKey", KeyId="1,5")
    cloud.advance(2_000)
    assert [value.split(" ")[0] for value in things(cloud).values()] == ["1s"]
    assert len(list(cloud.world.records.scan(Job))) == 1
    cloud.advance(10 * DAY_MS)
    assert [value.split(" ")[0] for value in things(cloud).values()] == ["1s", "5s"]


def test_an_instant_world_does_what_is_owed_before_the_next_call() -> None:
    cloud = toy_cloud()
    ask(cloud, "EnableKey", KeyId="3,1")
    assert [value.split(" at ")[0] for _, value in sorted(things(cloud).items())] == ["3s #0", "1s #1"]


def test_a_manual_clock_stands_still_but_for_a_millisecond_a_call_or_job() -> None:
    cloud = toy_cloud()
    at = cloud.now_ms()
    ask(cloud, "EnableKey", KeyId="0")
    assert (cloud.world.clock.now_ms, cloud.now_ms()) == (at + 2, at + 2)
    cloud.advance(DAY_MS)
    assert cloud.now_ms() == at + 2 + DAY_MS


def test_nothing_due_nothing_written() -> None:
    cloud = toy_cloud()
    ask(cloud, "CreateAlias", AliasName="alias/a", TargetKeyId="1")
    before = cloud.world
    assert cloud.world is before


def test_a_job_with_a_bug_does_not_shut_the_world(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, noted, taken back, and not tried again; the job behind it is done."""
    cloud = toy_cloud()
    ask(cloud, "DisableKey", KeyId="x")
    assert [value.split(" at ")[0] for value in things(cloud).values()] == ["after the bug"]
    assert list(cloud.world.records.scan(Job)) == []
    assert "job broken failed" in caplog.text
    assert [entry.code for entry in cloud.world.log.refusals()] == ["InternalFailure"]


# repeating


def test_a_call_repeated_with_its_idempotency_key_is_answered_as_the_first_and_done_once() -> None:
    cloud = toy_cloud()
    first = ask(cloud, "CreateAlias", key="k", AliasName="alias/a", TargetKeyId="1")
    position = cloud.world.position
    again = ask(cloud, "CreateAlias", key="k", AliasName="alias/a", TargetKeyId="1")
    assert (again.request_id, again.answer, again.error) == (first.request_id, first.answer, first.error)
    assert cloud.world.position == position
    other = ask(cloud, "CreateAlias", key="k", AliasName="alias/b", TargetKeyId="1")
    assert other.error is not None
    assert other.error.code == "IdempotentParameterMismatch"


def test_a_failure_is_remembered_under_its_idempotency_key_too() -> None:
    cloud = toy_cloud()
    first = ask(cloud, "DeleteAlias", key="k", AliasName="alias/a")
    again = ask(cloud, "DeleteAlias", key="k", AliasName="alias/a")
    assert first.error is not None
    assert again.error is not None
    assert (again.request_id, again.error.code, again.error.message) == (
        first.request_id,
        first.error.code,
        first.error.message,
    )


# forks


def test_forks_go_their_own_ways_and_the_first_world_stays_as_it_was() -> None:
    cloud = toy_cloud()
    ask(cloud, "CreateAlias", AliasName="alias/a", TargetKeyId="1")
    one, two = cloud.fork("one"), cloud.fork("two")
    ask(one, "CreateAlias", AliasName="alias/a", TargetKeyId="one")
    ask(two, "CreateAlias", AliasName="alias/b", TargetKeyId="two")
    assert things(cloud) == {"alias/a": "1"}
    assert things(one) == {"alias/a": "one"}
    assert things(two) == {"alias/a": "1", "alias/b": "two"}
    assert [len(list(each.world.log.events(ACCOUNT, "us-east-1"))) for each in (cloud, one, two)] == [1, 2, 2]
    assert len({each.world.branch for each in (cloud, one, two)}) == 3


# determinism


def told() -> str:
    """A digest of everything a share says: answers, request ids, events, decisions. The world has a seed."""
    cloud = empty_cloud(seed="told")
    source, target = root(cloud, SOURCE), root(cloud, TARGET)
    user = target.user("restorer", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    key, other = source.key(), target.key()
    replies = [source.ask("kms:DescribeKey", KeyId=key), user.ask("kms:Decrypt", CiphertextBlob=b"x")]
    snapshot = source.write({0: 0, 3: 1}, Encrypted=True, KmsKeyArn=key)
    replies.append(source.share(snapshot, TARGET))
    for asked in ({"KmsKeyId": other, "Encrypted": True}, {"SourceSnapshotId": "snap-0abcdef0123456789"}):
        parameters = {"SourceRegion": "us-east-1", "SourceSnapshotId": snapshot, **asked}
        replies.append(user.ask("ec2:CopySnapshot", **parameters))
        replies.append(user.ask("ec2:DescribeSnapshots"))
    sealed = target.ask("kms:Encrypt", KeyId=other, Plaintext=b"secret")
    entries = [repr(entry) for _, entry in cloud.world.log.entries()]
    return hashlib.sha256("\n".join([*map(repr, replies), repr(sealed), *entries]).encode()).hexdigest()


def test_the_same_requests_in_a_seeded_world_give_the_same_bytes_of_answers_events_and_ids() -> None:
    """Method: twice in this process, and once in another whose sets and dicts hash differently."""
    here = told()
    assert told() == here
    code = "from tests.kernel.test_cloud import told; print(told())"
    places = os.pathsep.join((str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")))
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": places}
    there = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


def test_worlds_without_a_seed_have_nothing_in_common() -> None:
    one, two = new_world("a"), new_world("a")
    assert one.secret.reveal() != two.secret.reveal()
    assert one.branch != two.branch


def test_a_prepared_world_can_be_prepared_again() -> None:
    """Ids follow from the seed. Method: the fixture of two accounts, made twice."""
    assert TwoAccounts.prepared().things == TwoAccounts.prepared().things
