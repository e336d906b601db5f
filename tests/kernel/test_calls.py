"""A call leaves all of its changes or none, its entries in the log in either case, nothing of an inner failure."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.kernel.call import Call, root_of
from app.kernel.draft import Draft
from app.kernel.log import CallEntry, EventEntry, MemoryLog
from tests.kernel.toy import ACCOUNT, OTHER, REFUSED, REGION, ask, things, toy_cloud


def test_a_call_that_fails_leaves_the_records_as_they_were_and_an_event() -> None:
    """Not even a counter of ids moves, and the revision stays."""
    cloud = toy_cloud()
    ask(cloud, "CreateAlias", AliasName="alias/a", TargetKeyId="1")
    before = cloud.world
    reply = ask(cloud, "DeleteAlias", AliasName="alias/b")
    after = cloud.world
    assert (reply.answer, reply.error) == (None, REFUSED)
    assert (after, after.revision) == (before, before.revision)
    assert after.position == before.position + 1
    newest = next(after.log.events(ACCOUNT, REGION))
    assert (newest.name, json.loads(newest.body)["errorCode"]) == ("DeleteAlias", REFUSED.code)


def test_a_nested_call_that_is_refused_is_taken_back_alone_and_stays_in_the_log() -> None:
    cloud = toy_cloud()
    reply = ask(cloud, "UpdateAlias", AliasName="alias/a", TargetKeyId="1")
    assert reply.error is None
    assert things(cloud) == {"alias/a/before": "kept", "alias/a/after": "kept"}
    entries = [each for each in cloud.world.log.about(reply.request_id) if isinstance(each, CallEntry)]
    assert [(each.operation, each.code, each.parent) for each in entries] == [
        ("kms:DeleteAlias", REFUSED.code, reply.request_id),
        ("kms:UpdateAlias", "", ""),
    ]
    assert [each.name for each in cloud.world.log.events(ACCOUNT, REGION)] == ["UpdateAlias", "DeleteAlias"]


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("Nothing", {}, "UnknownOperationException"),
        ("CreateAlias", {"AliasName": 1, "TargetKeyId": "x"}, "SerializationException"),
        ("DisableKey", {"KeyId": "x", "Surprise": True}, None),
        ("EnableKey", {"KeyId": "x", "DryRun": True}, None),
    ],
)
def test_what_does_not_fit_the_model_or_is_not_declared_is_refused_in_words(
    operation: str, parameters: dict[str, object], code: str | None
) -> None:
    cloud = toy_cloud()
    before = cloud.world
    error = ask(cloud, operation, **parameters).error  # type: ignore[arg-type]
    assert error is not None
    assert error.status == 400
    assert error.message
    assert code in (None, error.code)
    assert cloud.world == before


def test_reading_a_parameter_that_is_not_declared_is_a_bug_that_shows() -> None:
    """So a declaration can not lie. Method: the call as a handler sees it."""
    with pytest.raises(KeyError, match="does not declare DryRun"):
        replace(_call(ACCOUNT), declared=frozenset({"AliasName"}))["DryRun"]


def test_ids_of_different_accounts_do_not_depend_on_the_order_of_their_calls() -> None:
    """Calls of different accounts commute. Method: the same calls in both orders, and what each account holds then."""

    def ids(*accounts: str) -> dict[str, str]:
        cloud = toy_cloud()
        found = {}
        for account in accounts:
            ask(cloud, "CreateAlias", account=account, AliasName="alias/a", TargetKeyId="1")
            draft = Draft(cloud.services, cloud.world, _call(account))
            found[account] = draft.new_id("thing", account)
        return found

    assert ids(ACCOUNT, OTHER) == ids(OTHER, ACCOUNT)
    assert len(set(ids(ACCOUNT, OTHER).values())) == 2


def _call(account: str):

    return Call("kms:CreateAlias", {}, root_of(account), REGION, 0, b"s" * 32, "r")


def test_a_draft_draws_nothing_twice_and_the_same_from_the_same_seed() -> None:
    world = toy_cloud().world
    services = toy_cloud().services
    first, second = (Draft(services, world, _call(ACCOUNT)) for _ in range(2))
    drawn = [first.entropy.draw("x") for _ in range(50)] + [first.entropy.draw("y") for _ in range(50)]
    assert len(set(drawn)) == 100
    assert [second.entropy.draw("x") for _ in range(50)] == drawn[:50]


# the log


@settings(max_examples=30)
@given(st.lists(st.sampled_from(("a", "b")), max_size=12), st.integers(0, 12))
def test_a_forked_log_has_what_was_there_and_neither_side_sees_the_other(names: list[str], at: int) -> None:
    parent = MemoryLog()
    for name in names[:at]:
        parent.append([entry(name)])
    fork = MemoryLog(parent)
    for name in names[at:]:
        parent.append([entry(name)])
        fork.append([entry(f"fork-{name}")])
    assert [each.name for _, each in parent.entries() if isinstance(each, EventEntry)] == names
    forked = [each.name for _, each in fork.entries() if isinstance(each, EventEntry)]
    assert forked == names[:at] + [f"fork-{name}" for name in names[at:]]
    assert [position for position, _ in fork.entries()] == list(range(1, len(forked) + 1))
    assert [each.name for each in fork.events("1", REGION)] == forked[::-1]
    assert [each for _, each in fork.entries(after=1)] == [each for _, each in fork.entries()][1:]


def entry(name: str) -> EventEntry:
    return EventEntry(
        event_id=name, at_ms=0, account="1", region=REGION, name=name, source="kms", read_only=False, resources=()
    )


def test_events_since_a_moment_are_only_those() -> None:
    log = MemoryLog()
    for at_ms in (1, 2, 3):
        log.append([EventEntry("e", at_ms, "1", REGION, f"at {at_ms}", "kms", False)])
    assert [each.name for each in log.events("1", REGION, since_ms=2)] == ["at 3", "at 2"]
    assert list(log.events("2", REGION)) == []
