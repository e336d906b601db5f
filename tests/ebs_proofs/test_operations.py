"""Which actions on which resources each operation takes (ebs.md 1.1 and 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.ebs_compute.conftest import yard_of
from tests.ebs_compute.machines import launch, register
from tests.sharing.accounts import REGION, SOURCE, TARGET, Hand, allow, checksum, deny, put_block

row = pytest.mark.row
SNAPSHOTS = f"arn:aws:ec2:{REGION}::snapshot"
OWN = f"arn:aws:ec2:{REGION}:{SOURCE}"


@dataclass(frozen=True)
class Stage:
    hand: Hand  # the root
    user: Hand  # who has what a test gives
    snapshot: str
    volume: str
    instance: str
    image: str

    def named(self, text: str) -> str:
        """A resource or parameter with the ids of what is there: `{snapshot}`."""
        return text.format(**{name: getattr(self, name) for name in ("snapshot", "volume", "instance", "image")})


@pytest.fixture(scope="module")
def stage() -> Stage:
    yard = yard_of()
    hand = yard.hand
    plain = hand.write({0: 0})
    instance = launch(hand, register(hand, plain, "plain"))
    return Stage(hand, hand.user("tester"), yard.snapshot, hand.make_volume(Size=1), instance, yard.image)


SNAPSHOT = f"{SNAPSHOTS}/{{snapshot}}"
ONE = {"SnapshotId": "{snapshot}"}
ATTRIBUTE = {**ONE, "Attribute": "createVolumePermission"}
ZONES = {"AvailabilityZones": [f"{REGION}a"], "SourceSnapshotIds": ["{snapshot}"]}
MAPPING = {
    "Name": "new",
    "RootDeviceName": "/dev/xvda",
    "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": "{snapshot}"}}],
}
ANY = "*"


def case(id: str, operation: str, asked: dict[str, Any], *resources: str) -> Any:
    return pytest.param(operation, asked, resources, id=operation, marks=row(f"1.1/{id}"))


@pytest.mark.parametrize(
    ("operation", "asked", "resources"),
    [
        case("create-volume-empty", "CreateVolume", {"AvailabilityZone": f"{REGION}a", "Size": 1}, f"{OWN}:volume/*"),
        case(
            "create-volume-snapshot",
            "CreateVolume",
            {"AvailabilityZone": f"{REGION}a", **ONE},
            f"{OWN}:volume/*",
            SNAPSHOT,
        ),
        case(
            "create-snapshot-iam",
            "CreateSnapshot",
            {"VolumeId": "{volume}"},
            f"{SNAPSHOTS}/*",
            f"{OWN}:volume/{{volume}}",
        ),
        case("attributes", "ResetSnapshotAttribute", ATTRIBUTE, SNAPSHOT),
        case("attributes", "DescribeSnapshotAttribute", ATTRIBUTE, SNAPSHOT),
        case("describe-snapshots", "DescribeSnapshots", {}, ANY),
        case("locks", "LockSnapshot", {**ONE, "LockMode": "governance", "LockDuration": 1}, SNAPSHOT),
        case("locks", "UnlockSnapshot", ONE, SNAPSHOT),
        case("locks", "DescribeLockedSnapshots", {}, ANY),
        case("bin", "ListSnapshotsInRecycleBin", {}, ANY),
        case("bin", "RestoreSnapshotFromRecycleBin", ONE, SNAPSHOT),
        case("public-access", "EnableSnapshotBlockPublicAccess", {"State": "block-all-sharing"}, ANY),
        case("public-access", "DisableSnapshotBlockPublicAccess", {}, ANY),
        case("public-access", "GetSnapshotBlockPublicAccessState", {}, ANY),
        case("defaults", "EnableEbsEncryptionByDefault", {}, ANY),
        case("defaults", "DisableEbsEncryptionByDefault", {}, ANY),
        case("defaults", "GetEbsEncryptionByDefault", {}, ANY),
        case("defaults", "GetEbsDefaultKmsKeyId", {}, ANY),
        case("defaults", "ResetEbsDefaultKmsKeyId", {}, ANY),
        case("defaults", "ModifyEbsDefaultKmsKeyId", {"KmsKeyId": "alias/aws/ebs"}, ANY),
        case("tiers", "ModifySnapshotTier", {**ONE, "StorageTier": "archive"}, SNAPSHOT),
        case("tiers", "RestoreSnapshotTier", {**ONE, "PermanentRestore": True}, SNAPSHOT),
        case("tiers", "DescribeSnapshotTierStatus", {}, ANY),
        case("fast-restore", "EnableFastSnapshotRestores", ZONES, SNAPSHOT),
        case("fast-restore", "DisableFastSnapshotRestores", ZONES, SNAPSHOT),
        case(
            "attach",
            "AttachVolume",
            {"VolumeId": "{volume}", "InstanceId": "{instance}", "Device": "/dev/sdf"},
            f"{OWN}:instance/{{instance}}",
            f"{OWN}:volume/{{volume}}",
        ),
        case("register-image", "RegisterImage", MAPPING, f"arn:aws:ec2:{REGION}::image/*", SNAPSHOT),
        case(
            "modify-image",
            "ModifyImageAttribute",
            {"ImageId": "{image}", "LaunchPermission": {"Add": [{"UserId": TARGET}]}},
            f"arn:aws:ec2:{REGION}::image/{{image}}",
        ),
    ],
)
def test_an_operation_takes_its_own_action_on_each_of_its_resources(
    stage: Stage, operation: str, asked: dict[str, Any], resources: tuple[str, ...]
) -> None:
    """Method: dry, with an allow on all but one resource, then on all. `*` stands for an action that names none."""
    action, parameters = f"ec2:{operation}", {**_filled(stage, asked), "DryRun": True}
    named = [stage.named(each) for each in resources]
    for missing in named:
        others = [each for each in named if each != missing]
        stage.hand.let("tester", *(allow(action, Resource=others) if others else deny("s3:*")))
        code, message = stage.user.refused(action, **parameters)
        assert code == "UnauthorizedOperation"
        where = "" if missing == ANY else f" on resource: {missing} because"
        assert f"is not authorized to perform: {action}{where}" in message
    stage.hand.let("tester", *allow(action, Resource=named))
    assert stage.user.refused(action, **parameters)[0] == "DryRunOperation"


def _filled(stage: Stage, value: Any) -> Any:
    if isinstance(value, str):
        return stage.named(value)
    if isinstance(value, dict):
        return {name: _filled(stage, each) for name, each in value.items()}
    return [_filled(stage, each) for each in value] if isinstance(value, list) else value


@row("1.1/create-snapshot-iam")
def test_a_condition_sees_the_volume_that_a_snapshot_is_made_of(stage: Stage) -> None:
    """Method: allowed for the snapshots of another volume, then of this one."""
    asked = {"VolumeId": stage.volume, "DryRun": True}
    for volume, code in (("vol-00000000", "UnauthorizedOperation"), (stage.volume, "DryRunOperation")):
        parent = {"ArnEqualsIfExists": {"ec2:ParentVolume": f"{OWN}:volume/{volume}"}}
        stage.hand.let("tester", *allow("ec2:CreateSnapshot", Condition=parent))
        assert stage.user.refused("ec2:CreateSnapshot", **asked)[0] == code


@row("1.1/create-volume-empty")
def test_an_empty_volume_without_encryption_asks_nothing_of_kms(stage: Stage) -> None:
    reply = stage.hand.ask("ec2:CreateVolume", AvailabilityZone=f"{REGION}a", Size=1)
    assert stage.hand.kms_calls(reply.request_id) == []


@row("1.1/delete-snapshot")
def test_deleting_takes_the_action_on_the_snapshot_and_is_done_at_once(stage: Stage) -> None:
    id = stage.hand.write({0: 0})
    stage.hand.let("tester", *allow("ec2:DeleteSnapshot", Resource=f"{SNAPSHOTS}/{stage.snapshot}"))
    assert f"{SNAPSHOTS}/{id}" in stage.user.refused("ec2:DeleteSnapshot", SnapshotId=id)[1]
    stage.hand.let("tester", *allow("ec2:DeleteSnapshot", Resource=f"{SNAPSHOTS}/{id}"))
    stage.user.do("ec2:DeleteSnapshot", SnapshotId=id)
    assert stage.hand.refused("ec2:DescribeSnapshots", SnapshotIds=[id])[0] == "InvalidSnapshot.NotFound"


# the EBS direct APIs, which have no dry run


DIRECT = ("StartSnapshot", "PutSnapshotBlock", "CompleteSnapshot", "ListSnapshotBlocks", "GetSnapshotBlock")
Asked = Callable[[Stage, str], dict[str, Any]]


def _read(stage: Stage, id: str) -> dict[str, Any]:
    return {"SnapshotId": id, **stage.hand.do("ebs:ListSnapshotBlocks", SnapshotId=id)["Blocks"][0]}


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        pytest.param("PutSnapshotBlock", lambda stage, id: put_block(id, 1, b"x" * 524_288), marks=row("6/put")),
        pytest.param(
            "CompleteSnapshot", lambda stage, id: {"SnapshotId": id, "ChangedBlocksCount": 1}, marks=row("6/complete")
        ),
        pytest.param("ListSnapshotBlocks", lambda stage, id: {"SnapshotId": id}, marks=row("6/list")),
        pytest.param("GetSnapshotBlock", _read, marks=row("6/get")),
    ],
)
def test_a_direct_operation_takes_its_own_action_on_the_snapshot(stage: Stage, operation: str, asked: Asked) -> None:
    """Method: everything else is allowed; then that action on this snapshot."""
    if operation in ("PutSnapshotBlock", "CompleteSnapshot"):
        id = stage.hand.do("ebs:StartSnapshot", VolumeSize=1)["SnapshotId"]
        stage.hand.put(id, 0, b"x" * 524_288)
    else:
        id = stage.hand.write({0: 0})
    others = allow(*(f"ebs:{each}" for each in DIRECT if each != operation))
    stage.hand.let("tester", *others)
    parameters = asked(stage, id)
    assert stage.user.refused(f"ebs:{operation}", **parameters)[0] == "AccessDeniedException"
    stage.hand.let("tester", *others, *allow(f"ebs:{operation}", Resource=f"{SNAPSHOTS}/{id}"))
    assert stage.user.ask(f"ebs:{operation}", **parameters).error is None


@row("6/start")
def test_a_root_is_started_on_any_snapshot_and_a_child_on_its_parent(stage: Stage) -> None:
    """Conditions see the size, the description and the parent. Method: an allow, then the same with another value."""
    parent = stage.hand.write({0: 0})
    root_asked, child_asked = {"VolumeSize": 1, "Description": "d"}, {"VolumeSize": 1, "ParentSnapshotId": parent}

    def may(asked: dict[str, Any], **more: Any) -> bool:
        stage.hand.let("tester", *allow("ebs:StartSnapshot", **more))
        return stage.user.ask("ebs:StartSnapshot", **asked).error is None

    assert may(root_asked, Resource=f"{SNAPSHOTS}/*")
    assert not may(root_asked, Resource=f"{SNAPSHOTS}/{parent}")
    assert may(child_asked, Resource=f"{SNAPSHOTS}/{parent}")
    for condition, value, other in (("ebs:Description", "d", "e"), ("ebs:VolumeSize", "1", "2")):
        assert may(root_asked, Condition={"StringEquals": {condition: value}})
        assert not may(root_asked, Condition={"StringEquals": {condition: other}})
    assert may(child_asked, Condition={"StringLike": {"ebs:ParentSnapshot": f"*{parent}"}})
    assert not may(child_asked, Condition={"StringLike": {"ebs:ParentSnapshot": "*other"}})


@row("6/start", "6/put", "6/complete", "6/list", "6/get")
def test_the_direct_operations_answer_with_awss_http_status(client: Callable[..., Any]) -> None:
    ebs, data = client("ebs", SOURCE), b"x" * 524_288
    started = ebs.start_snapshot(VolumeSize=1)
    id = started["SnapshotId"]
    put = ebs.put_snapshot_block(
        SnapshotId=id,
        BlockIndex=0,
        BlockData=data,
        DataLength=len(data),
        Checksum=checksum(data),
        ChecksumAlgorithm="SHA256",
    )
    completed = ebs.complete_snapshot(SnapshotId=id, ChangedBlocksCount=1)
    listed = ebs.list_snapshot_blocks(SnapshotId=id)
    got = ebs.get_snapshot_block(SnapshotId=id, BlockIndex=0, BlockToken=listed["Blocks"][0]["BlockToken"])
    assert got["BlockData"].read() == data
    answers = (started, put, completed, listed, got)
    assert [each["ResponseMetadata"]["HTTPStatusCode"] for each in answers] == [201, 201, 202, 200, 200]
