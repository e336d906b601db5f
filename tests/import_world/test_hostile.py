"""Whatever the files say, an import ends in a world or in words."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.kernel.call import Request
from app.kernel.internal import RESEAL
from app.outside.capture import Mistakes, captured
from app.outside.capture_plan import planned
from app.outside.folder import Folder
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
              "Encrypted": True, "SnapshotId": "snap-0123456789abcdef0"}  # fmt: skip
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
            "iam:GetAccountAuthorizationDetails", "organizations:ListAccounts",
        ):  # fmt: skip
            cloud.call(Request(operation, {}, root_of(account), "us-east-1"))
    cloud.call(Request("kms:DescribeKey", {"KeyId": ARN}, root_of(SOURCE), "us-east-1"))
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
