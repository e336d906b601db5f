"""Records in the shapes that IAM's answers have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.kernel.call import Pairs
from app.kernel.clock import whole_second
from app.kernel.world import World
from app.services.iam.documents import shown_trust
from app.services.iam.managed import AwsManaged, instant_ms
from app.services.iam.records import AccessKey, Group, Holder, ManagedPolicy, Principal, Role, User, Version

Shape = Mapping[str, Any]


def tag_list(tags: Pairs) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags]


def _holder(one: Holder) -> dict[str, Any]:
    return {
        "Path": one.path,
        f"{one.noun}Name": one.name,
        f"{one.noun}Id": one.unique_id,
        "Arn": one.arn,
        "CreateDate": whole_second(one.created_ms),
    }


def boundary(one: Principal) -> dict[str, Any]:
    if not one.boundary:
        return {}
    return {"PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": one.boundary}}


def _more(one: Principal) -> dict[str, Any]:
    """What lists leave out: boundary and tags."""
    return boundary(one) | ({"Tags": tag_list(one.tags)} if one.tags else {})


def user(one: User, *, listed: bool = False) -> Shape:
    return _holder(one) | ({} if listed else _more(one))


def group(one: Group) -> Shape:
    return _holder(one)


def role(world: World, one: Role, *, listed: bool = False) -> Shape:
    shape = _holder(one) | {
        "AssumeRolePolicyDocument": shown_trust(world, one.trust, one.trust_ids),
        "MaxSessionDuration": one.session_seconds_max,
    }
    shape |= {"Description": one.description} if one.description else {}
    return shape if listed else shape | _more(one)


def policy(one: ManagedPolicy, attachments: int, bounded: int, *, listed: bool = False) -> Shape:
    shape = {
        "PolicyName": one.name,
        "PolicyId": one.unique_id,
        "Arn": one.arn,
        "Path": one.path,
        "DefaultVersionId": one.default,
        "AttachmentCount": attachments,
        "PermissionsBoundaryUsageCount": bounded,
        "IsAttachable": True,
        "CreateDate": whole_second(one.created_ms),
        "UpdateDate": whole_second(one.updated_ms),
    }
    if listed:
        return shape
    shape |= {"Description": one.description} if one.description else {}
    return shape | {"Tags": tag_list(one.tags)}


def aws_policy(one: AwsManaged, attachments: int, bounded: int, *, listed: bool = False) -> Shape:
    shape = {
        "PolicyName": one.name,
        "PolicyId": one.unique_id,
        "Arn": one.arn,
        "Path": one.path,
        "DefaultVersionId": one.version,
        "AttachmentCount": attachments,
        "PermissionsBoundaryUsageCount": bounded,
        "IsAttachable": True,
        "CreateDate": whole_second(instant_ms(one.created)),
        "UpdateDate": whole_second(instant_ms(one.updated)),
    }
    return shape if listed else shape | {"Description": one.description, "Tags": []}


def version(one: Version, default: str, *, listed: bool = False) -> Shape:
    shape = {
        "VersionId": one.id,
        "IsDefaultVersion": one.id == default,
        "CreateDate": whole_second(one.created_ms),
    }
    return shape if listed else shape | {"Document": one.document}


def key(one: AccessKey, user_name: str) -> Shape:
    owner = {"UserName": user_name} if user_name else {}
    return owner | {
        "AccessKeyId": one.id,
        "Status": "Active" if one.is_active else "Inactive",
        "CreateDate": whole_second(one.created_ms),
    }


def attached(arn: str) -> Shape:
    return {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}
