"""Whatever the files say, an import ends in a world or in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.kernel.call import Request
from app.kernel.internal import RESEAL
from app.outside.capture import Mistakes, captured
from app.outside.capture_plan import planned
from app.outside.folder import Folder
from app.outside.reading import BYTES_MAX
from tests.import_world.test_importing import ARN, KEY, SOURCE, TARGET, small
from tests.sharing.accounts import empty_cloud

STRANGE = st.sampled_from(
    [None, "", 0, -1, 10**17, 1.5, True, [], {}, [None], [[]], [{}], "x", "\N{SNOWMAN}", ARN, "arn:aws:iam::1:user/x",
     "alias/x", "2026-13-40", 10**14, {"Key": "k"}, "{}", SOURCE, "snap-1", "r-1"]
)  # fmt: skip


def whole() -> dict[str, Any]:
    """One file of each kind, all of them right."""
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    lets_in = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{SOURCE}:role/r"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [lets_in]}
    arn = f"arn:aws:iam::{SOURCE}:policy/p"
    version = {"VersionId": "v1", "IsDefaultVersion": True, "Document": policy, "CreateDate": "2025-01-01T00:00:00Z"}
    tags = {"Tags": [{"Key": "k", "Value": "v"}]}
    attached = {"AttachedManagedPolicies": [{"PolicyName": "p", "PolicyArn": arn}], **tags}
    bound = {"PermissionsBoundary": {"PermissionsBoundaryArn": arn}}
    details = {
        "UserDetailList": [{"UserName": "u", "UserId": "AIDA1", "Path": "/", "GroupList": ["g"], **attached, **bound}],
        "GroupDetailList": [{"GroupName": "g", "GroupPolicyList": [{"PolicyName": "i", "PolicyDocument": policy}]}],
        "RoleDetailList": [{"RoleName": "r", "AssumeRolePolicyDocument": trust, **attached}],
        "Policies": [{"PolicyName": "p", "Arn": arn, "DefaultVersionId": "v1", "PolicyVersionList": [version]}],
    }
    grant = {"GrantId": "a" * 64, "GranteePrincipal": f"arn:aws:iam::{TARGET}:role/importer", "Operations": ["Decrypt"],
             "Constraints": {"EncryptionContextSubset": {"a": "b"}}, "CreationDate": 1_700_000_000.5}  # fmt: skip
    metadata = {"KeyId": KEY, "Arn": ARN, "KeyState": "PendingDeletion", "DeletionDate": "2026-02-01T00:00:00Z",
                "KeySpec": "SYMMETRIC_DEFAULT", "MultiRegion": False}  # fmt: skip
    volume = {"VolumeId": "vol-1", "AvailabilityZone": "us-east-1f", "Size": 1, "State": "in-use", "KmsKeyId": ARN,
              "Encrypted": True, "SnapshotId": "snap-0fedcba9876543210"}  # fmt: skip
    organization = {
        "Organization": {"Id": "o-1", "MasterAccountId": SOURCE}, "Roots": [{"Id": "r-1"}],
        "OrganizationalUnits": [{"Id": "ou-1", "ParentId": "r-1"}], "Accounts": [{"Id": TARGET, "ParentId": "ou-1"}],
        "Policies": [{"PolicySummary": {"Id": "p-1", "Type": "SERVICE_CONTROL_POLICY"}, "Content": json.dumps(policy),
                      "Targets": [{"TargetId": "ou-1"}]}],
    }  # fmt: skip
    return small() | {
        f"{SOURCE}/authorization-details.json": details,
        f"{SOURCE}/key-{KEY}.grants.json": {"Grants": [grant]},
        f"{SOURCE}/key-{KEY}.meta.json": {"KeyMetadata": metadata},
        f"{SOURCE}/key-{KEY}.tags.json": {"Tags": [{"TagKey": "k", "TagValue": "v"}]},
        f"{SOURCE}/aliases.json": {"Aliases": [{"AliasName": "alias/a", "TargetKeyId": KEY}]},
        f"{SOURCE}/us-east-1/volumes.json": {"Volumes": [volume]},
        f"{SOURCE}/us-east-1/ebs-defaults.json": {"EbsEncryptionByDefault": True, "KmsKeyId": ARN},
        "organization.json": organization,
        **computers(),
    }


def computers() -> dict[str, Any]:
    """The files of images, instances, settings and rotation, and what could not be read."""
    snapshot, at = "snap-0fedcba9876543210", "2025-03-01T00:00:00Z"
    here = f"{SOURCE}/us-east-1"
    device = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot, "VolumeSize": 1, "Encrypted": True}}
    image = {"ImageId": "ami-1", "Name": "i", "State": "available", "CreationDate": at, "RootDeviceName": "/dev/sda1",
             "BlockDeviceMappings": [device]}  # fmt: skip
    instance = {"InstanceId": "i-1", "ImageId": "ami-1", "State": {"Name": "running"}, "LaunchTime": at,
                "Placement": {"AvailabilityZone": "us-east-1f"},
                "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeId": "vol-1"}}]}  # fmt: skip
    lock = {"SnapshotId": snapshot, "LockState": "compliance", "LockDuration": 5, "LockCreatedOn": at,
            "LockExpiresOn": "2029-01-01T00:00:00Z", "CoolOffPeriod": 1, "CoolOffPeriodExpiresOn": at}  # fmt: skip
    tier = {"SnapshotId": snapshot, "LastTieringOperationStatus": "temporary-restore-completed",
            "LastTieringStartTime": at, "RestoreExpiryTime": "2029-01-01T00:00:00Z"}  # fmt: skip
    fast = {"SnapshotId": snapshot, "AvailabilityZone": "us-east-1a", "State": "enabled", "EnabledTime": at}
    rule = {"Identifier": "abc", "ResourceType": "EBS_SNAPSHOT", "Status": "available",
            "RetentionPeriod": {"RetentionPeriodValue": 7, "RetentionPeriodUnit": "DAYS"},
            "ResourceTags": [{"ResourceTagKey": "k", "ResourceTagValue": "v"}]}  # fmt: skip
    rotation = {"KeyRotationEnabled": True, "RotationPeriodInDays": 90, "NextRotationDate": "2029-01-01T00:00:00Z"}
    materials = [
        {"KeyMaterialId": "a" * 64, "KeyMaterialState": "NON_CURRENT"},
        {"KeyMaterialId": "b" * 64, "KeyMaterialState": "CURRENT", "RotationDate": at, "RotationType": "ON_DEMAND"},
    ]
    return {
        f"{here}/images.json": {"Images": [image]},
        f"{here}/image-ami-1.permissions.json": {"LaunchPermissions": [{"UserId": TARGET}, {"Group": "all"}]},
        f"{here}/instances.json": {"Reservations": [{"ReservationId": "r-1", "Instances": [instance]}]},
        f"{here}/locks.json": {"Snapshots": [lock]},
        f"{here}/tiers.json": {"SnapshotTierStatuses": [tier]},
        f"{here}/fast-restores.json": {"FastSnapshotRestores": [fast]},
        f"{here}/recycle-bin.json": {"Snapshots": [{"SnapshotId": "snap-2"}]},
        f"{here}/retention-rule-abc.json": rule,
        f"{here}/public-access.json": {"State": "block-all-sharing"},
        f"{SOURCE}/key-{KEY}.rotation.json": rotation,
        f"{SOURCE}/key-{KEY}.rotations.json": {"Rotations": materials},
        "unread.json": [{"File": f"{TARGET}/us-east-1/.keys", "Error": "AccessDeniedException"}],
    }


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for name, inner in below for found in places(inner, (*path, name)))] if path else [
        found for name, inner in below for found in places(inner, (name,))]  # fmt: skip


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    made = dict(value) if isinstance(value, dict) else list(value)
    made[path[0]] = changed(value[path[0]], path[1:], new)
    return made


def imports(files: dict[str, Any]) -> str:
    """How it ends: the error's code, "mistakes", or "" for a world in which everybody can be asked for everything."""
    texts = {name: json.dumps(body) for name, body in files.items()}
    try:
        plan = planned(captured(Folder(texts)))
    except Mistakes:
        return "mistakes"
    cloud = empty_cloud()
    reply = cloud.call(Request("reseal:Together", {"parts": plan.parts}, RESEAL, ""))
    if reply.error:
        assert len(cloud.world.records) == 0, "nothing is kept of what was refused"
        return reply.error.code
    revision = cloud.world.revision
    again = cloud.call(Request("reseal:Together", {"parts": plan.parts}, RESEAL, ""))
    if again.error is None:
        assert revision == cloud.world.revision, "the same again changes nothing"
    _ask_everything(cloud)
    return ""


def _ask_everything(cloud: Any) -> None:
    from app.graph.build import build
    from app.kernel.call import root_of

    for account in (SOURCE, TARGET):
        for operation in (
            "kms:ListKeys", "kms:ListAliases", "ec2:DescribeSnapshots", "ec2:DescribeVolumes", "iam:ListUsers",
            "ec2:DescribeImages", "ec2:DescribeInstances", "ec2:DescribeLockedSnapshots", "rbin:ListRules",
            "ec2:DescribeSnapshotTierStatus", "ec2:DescribeFastSnapshotRestores",
            "iam:GetAccountAuthorizationDetails", "organizations:ListAccounts",
        ):  # fmt: skip
            cloud.call(Request(operation, {}, root_of(account), "us-east-1"))
    cloud.call(Request("kms:DescribeKey", {"KeyId": ARN}, root_of(SOURCE), "us-east-1"))
    cloud.call(Request("kms:ListKeyRotations", {"KeyId": ARN}, root_of(SOURCE), "us-east-1"))
    cloud.call(Request("kms:ListGrants", {"KeyId": ARN}, root_of(SOURCE), "us-east-1"))
    build(cloud.services, cloud.world)


def test_files_that_are_right_make_a_world() -> None:
    assert imports(whole()) == ""


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_one_or_two_strange_values_end_in_a_world_or_in_words(data: st.DataObject) -> None:
    files = whole()
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(places(files)))
        if len(path) > 1:
            try:
                files = changed(files, path, data.draw(STRANGE))
            except (KeyError, IndexError, TypeError):
                continue
    imports(files)


def test_a_file_that_is_cut_off_anywhere_is_told_at_its_place() -> None:
    """Method: each kind of file, the half of it."""
    for name, body in whole().items():
        text = json.dumps(body)
        texts = {other: json.dumps(each) for other, each in whole().items()} | {name: text[: len(text) // 2]}
        with pytest.raises(Mistakes) as wrong:
            captured(Folder(texts))
        told = [one for one in wrong.value.mistakes if one.file == name]
        assert told, name
        assert told[0].line == 1
        assert told[0].column > 1


def test_a_file_beyond_all_bounds_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / SOURCE / "aliases.json"
    file.parent.mkdir()
    with file.open("wb") as stream:
        stream.truncate(BYTES_MAX + 1)
    with pytest.raises(Mistakes, match=r"aliases\.json: is larger than 8 MiB"):
        captured(Folder(tmp_path))


def test_the_key_of_one_account_in_the_folder_of_another_is_refused() -> None:
    files = whole()
    files[f"{TARGET}/key-{KEY}.json"] = files.pop(f"{SOURCE}/key-{KEY}.json")
    files[f"{TARGET}/key-{KEY}.meta.json"] = files.pop(f"{SOURCE}/key-{KEY}.meta.json")
    assert imports(files) == "mistakes"


def test_a_folder_without_any_one_of_its_files_is_a_world_or_words() -> None:
    assert {imports({name: body for name, body in whole().items() if name != gone}) for gone in whole()} <= {
        "", "mistakes"}  # fmt: skip
