"""What EventBridge is told (ebs.md 4): who gets which event, its fields, its causes and its request ids."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.host import Worlds
from app.kernel.cloud import Cloud, new_world
from app.kernel.store import MemoryStore
from app.main import application
from app.persistence.open import open_store
from app.persistence.worlds import SqlStore
from app.services import all_services
from app.settings import Settings
from tests.ebs_compute.conftest import Yard, yard_of
from tests.ebs_compute.machines import attach, launch
from tests.ebs_features.hands import HOUR_MS, details, notices, pair, plain
from tests.sharing.accounts import REGION, SOURCE, TARGET, TARGET_ROOT, TwoAccounts, allow, deny, root

row = pytest.mark.row

MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ODD = f"arn:aws:ec2::{REGION}:"


@row("4/envelope", "4/arns")
def test_an_event_has_eventbridges_envelope() -> None:
    source, _ = pair()
    volume = source.make_volume(Size=1)
    (event,) = notices(source, "createVolume")
    assert {name: event[name] for name in ("version", "source", "detail-type", "account", "region")} == {
        "version": "0",
        "source": "aws.ec2",
        "detail-type": "EBS Volume Notification",
        "account": SOURCE,
        "region": REGION,
    }
    assert event["resources"] == [f"arn:aws:ec2:{REGION}:{SOURCE}:volume/{volume}"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])


@row("4/createVolume", "4/initializeVolume")
def test_a_volume_that_is_there_is_told_with_the_request_that_made_it() -> None:
    """From a snapshot it is initialized too. Deleted by its owner, that is told with the request that did it."""
    source, _ = pair()
    snapshot = plain(source)
    made = source.ask("ec2:CreateVolume", AvailabilityZone=f"{REGION}a", SnapshotId=snapshot)
    assert made.answer is not None
    asked = {"result": "available", "cause": "", "event": "createVolume", "request-id": made.request_id}
    assert details(source, "createVolume") == [asked]
    (initialized,) = details(source, "initializeVolume")
    assert (initialized["result"], bool(MILLISECONDS.fullmatch(initialized["completionTime"]))) == ("succeeded", True)
    gone = source.ask("ec2:DeleteVolume", VolumeId=made.answer["VolumeId"])
    assert details(source, "deleteVolume")[0]["request-id"] == gone.request_id


@row("4/createVolume-failed")
def test_a_volume_without_its_key_fails_by_kmss_words_and_is_deleted(accounts: TwoAccounts) -> None:
    """Both events carry the request id of CreateVolume, and the first names the key."""
    share = accounts.share(target_iam_on_target_key=(*allow("kms:*"), *deny("kms:ReEncryptTo")))
    step = share.volume_in_target()
    assert step.settled().state == "gone"
    (failed,) = [each for each in notices(share.target, "createVolume") if each["detail"]["result"] == "failed"]
    (deleted,) = details(share.target, "deleteVolume")
    arn, key = f"arn:aws:ec2:{REGION}:{TARGET}:volume/{step.id}", share.things.target_key
    assert failed["resources"] == [arn, key]
    user = f"arn:aws:iam::{TARGET}:user/restorer"
    text = f"User: {user} is not authorized to perform: kms:ReEncryptTo on resource: {key}"
    assert failed["detail"]["cause"].startswith(text)
    assert failed["detail"]["request-id"] == deleted["request-id"] == step.reply.request_id
    assert deleted["result"] == "deleted"


@row("4/createVolume-failed")
def test_a_disabled_key_is_named_in_the_cause(accounts: TwoAccounts) -> None:
    share = accounts.share()
    owner = share.source
    owner.do("kms:DisableKey", KeyId=share.things.source_key)
    owner.make_volume(Size=1, Encrypted=True, KmsKeyId=share.things.source_key)
    (failed,) = [each for each in details(owner, "createVolume") if each["result"] == "failed"]
    assert failed["cause"] == f"{share.things.source_key} is disabled."


@row("4/arns", "4/createSnapshot")
def test_a_snapshot_is_told_with_odd_arns_and_without_a_request_id() -> None:
    source, _ = pair()
    volume = source.make_volume(Size=1)
    snapshot = source.make_snapshot(volume)
    (event,) = notices(source, "createSnapshot")
    assert event["detail-type"] == "EBS Snapshot Notification"
    assert event["resources"] == [f"{ODD}snapshot/{snapshot}"]
    detail = event["detail"]
    assert (detail["result"], detail["cause"], detail["request-id"]) == ("succeeded", "", "")
    assert (detail["snapshot_id"], detail["source"]) == (f"{ODD}snapshot/{snapshot}", f"{ODD}volume/{volume}")
    assert all(MILLISECONDS.fullmatch(detail[name]) for name in ("startTime", "endTime"))


@row("4/shareSnapshot")
def test_a_share_is_told_to_whom_it_is_for_with_the_id_of_its_request() -> None:
    """Private shares only, and none of taking back; the owner is told nothing."""
    source, target = pair()
    snapshot = plain(source)
    shared = source.share(snapshot, TARGET)
    source.share(snapshot, TARGET, adds=False)
    source.share(snapshot, group="all")
    (detail,) = details(target, "shareSnapshot")
    assert detail == {
        "event": "shareSnapshot",
        "result": "succeeded",
        "cause": "",
        "request-id": shared.request_id,
        "snapshot_id": f"{ODD}snapshot/{snapshot}",
        "source": SOURCE,
    }
    assert details(source, "shareSnapshot") == []


@row("4/copySnapshot")
def test_a_copy_is_told_to_its_own_account(accounts: TwoAccounts) -> None:
    """The second one is incremental, which stands there as a text; neither is told to the owner of the source."""
    share = accounts.share()
    first, second = share.copy_to_target(), share.copy_to_target(CompletionDurationMinutes=15)
    one, two = details(share.target, "copySnapshot")
    assert (one["snapshot_id"], two["snapshot_id"]) == (f"{ODD}snapshot/{first.id}", f"{ODD}snapshot/{second.id}")
    assert one["source"] == f"{ODD}snapshot/{share.things.snapshot}"
    assert (one["result"], one["request-id"], one["incremental"], one["transferType"]) == (
        "succeeded",
        "",
        "false",
        "standard",
    )
    assert (two["incremental"], two["transferType"], two["metCompletionDuration"]) == ("true", "time-based", "true")
    assert "completionDurationStartTime" in one
    assert details(share.source, "copySnapshot") == []


@pytest.mark.parametrize(
    ("broken", "cause"),
    [
        ({"is_shared": False}, "Source snapshot is not found"),
        ({"source_key_policy": allow(TARGET_ROOT, "kms:DescribeKey")}, "Given key ID is not accessible"),
    ],
)
@row("4/copySnapshot")
def test_a_copy_that_failed_has_its_state_message_as_cause(accounts: TwoAccounts, broken: dict, cause: str) -> None:
    share = accounts.share(**broken)
    copy = share.copy_to_target()
    (detail,) = details(share.target, "copySnapshot")
    assert (detail["result"], detail["cause"]) == ("failed", cause)
    assert copy.settled().message == cause
    assert "completionDurationStartTime" not in detail


@pytest.fixture
def yard() -> Yard:
    return yard_of()


@row("4/attachVolume")
def test_an_attach_without_the_key_is_told_without_a_request_id(yard: Yard) -> None:
    """Of a volume at a stopped instance it is reattachVolume, at the start."""
    hand = yard.hand
    instance = launch(hand, yard.image)
    volume = hand.make_volume(Size=1, Encrypted=True, KmsKeyId=yard.key)
    hand.do("kms:ScheduleKeyDeletion", KeyId=yard.key)
    asked = {"VolumeId": volume, "InstanceId": instance, "Device": "/dev/sdf"}
    assert hand.ask("ec2:AttachVolume", **asked).error is not None
    (event,) = notices(hand, "attachVolume")
    arn = f"arn:aws:ec2:{REGION}:{SOURCE}:volume/{volume}"
    assert event["resources"] == [arn, yard.key]
    asked = {"result": "failed", "event": "attachVolume", "request-id": ""}
    assert event["detail"] == asked | {"cause": f"{yard.key} is pending deletion."}


@row("4/attachVolume")
def test_a_start_without_the_key_is_told_as_a_reattach(yard: Yard) -> None:
    hand = yard.hand
    instance, volume = launch(hand, yard.image), hand.make_volume(Size=1, Encrypted=True, KmsKeyId=yard.key)
    attach(hand, volume, instance)
    hand.do("ec2:StopInstances", InstanceIds=[instance])
    hand.cloud.advance(HOUR_MS)
    hand.do("kms:DisableKey", KeyId=yard.key)
    hand.do("ec2:StartInstances", InstanceIds=[instance])
    (detail, *_) = details(hand, "reattachVolume")
    assert (detail["result"], detail["cause"]) == ("failed", f"{yard.key} is disabled.")


def test_events_are_of_one_account_and_one_region() -> None:
    source, target = pair()
    source.make_volume(Size=1)
    assert notices(target) == []
    assert list(source.cloud.world.log.notices(SOURCE, "eu-west-1")) == []


def test_the_notices_of_a_stored_world_are_there_when_it_is_opened_again(tmp_path: Path) -> None:
    """Method: one SQLite file, closed and opened; a fork has those of before it too."""

    def opened() -> SqlStore:
        return open_store(f"sqlite:///{tmp_path}/w.db", all_services().kinds, environ={})

    store = opened()
    cloud = Cloud.create(all_services(), store, new_world("w", seed="7"))
    hand = root(cloud, SOURCE)
    snapshot = plain(hand)
    hand.share(snapshot, TARGET)
    before = notices(hand)
    store.close()
    store = opened()
    again = root(Cloud(all_services(), store, "w"), SOURCE)
    assert notices(again) == before
    assert details(root(again.cloud, TARGET), "shareSnapshot")[0]["source"] == SOURCE
    assert notices(root(again.cloud.fork("fork"), TARGET)) == notices(root(again.cloud, TARGET))
    store.close()


def test_rest_shows_an_accounts_notices_newest_first() -> None:
    worlds = Worlds(all_services(), MemoryStore(), Settings(clock="manual", seed="7"))
    worlds.start()
    cloud = worlds.get("default")
    assert cloud is not None
    hand = root(cloud, SOURCE)
    first, second = hand.make_volume(Size=1), hand.make_volume(Size=1)
    with TestClient(application(worlds)) as client:
        path = "/api/v1/worlds/default/notices"
        shown = client.get(path, params={"account": SOURCE, "region": REGION}).json()["notices"]
        assert [each["resources"][0].rpartition("/")[2] for each in shown] == [second, first]
        about = client.get(path, params={"account": SOURCE, "about": first, "limit": 1}).json()["notices"]
        assert [each["detail"]["event"] for each in about] == ["createVolume"]
        assert client.get(path, params={"account": TARGET}).json() == {"notices": []}
        assert client.get(path, params={"account": "me"}).status_code == 422
        assert client.get("/api/v1/worlds/none/notices", params={"account": SOURCE}).status_code == 404
