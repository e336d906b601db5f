"""Resources of EC2 and EBS as policies see them: ARNs, condition keys, and what a refusal by policy says.

Snapshots have no account in their ARN, volumes do (ebs.md 1.1 [V]). Neither has a policy of its own: across accounts a
snapshot is reached by createVolumePermission, which EC2 judges itself, so only the caller's side is asked (`CALLER`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.kernel import messages
from app.kernel.authority import AUTHORIZE, CALLER, Asked, Denied, Resource, authorize, tag_context
from app.kernel.clock import iso
from app.kernel.errors import AwsError
from app.policy.messages import denial
from app.services.ebs import errors, retention_errors
from app.services.ebs.records import Snapshot, Tags, Volume
from app.services.ebs.resource_ids import is_snapshot_id, is_volume_id

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.policy.question import ContextValue


def snapshot_arn(region: str, id: str) -> str:
    return f"arn:aws:ec2:{region}::snapshot/{id}"


def volume_arn(region: str, account: str, id: str) -> str:
    return f"arn:aws:ec2:{region}:{account}:volume/{id}"


def find_snapshot(draft: Draft, region: str, id: str) -> Snapshot | None:
    """A snapshot of the Region, whoever owns it."""
    return draft.find(Snapshot, "id", region, id)


def visible_snapshot(draft: Draft, call: Call, id: str, region: str = "") -> Snapshot | None:
    """The snapshot, where the caller's account may see it; else it does not exist for the caller."""
    found = find_snapshot(draft, region or call.region, id)
    return found if found and found.is_visible_to(call.account) else None


def own_snapshot(draft: Draft, call: Call, id: str) -> Snapshot | None:
    return draft.get(Snapshot, call.account, call.region, id)


def the_snapshot(draft: Draft, call: Call) -> Snapshot:
    """The caller's own snapshot that the request names, once a check has found it."""
    found = own_snapshot(draft, call, call["SnapshotId"])
    assert found is not None
    return found


def own_volume(draft: Draft, call: Call, id: str) -> Volume | None:
    return draft.get(Volume, call.account, call.region, id)


# resources of questions


def resource_tags(draft: Draft, call: Call, id: str) -> dict[str, ContextValue]:
    """The caller's own tags on it: on a shared snapshot never the owner's (ebs.md 1.1 [V])."""
    tags = draft.get(Tags, call.account, call.region, id)
    pairs = tags.pairs if tags else ()
    return {f"{prefix}:ResourceTag/{key}": value for key, value in pairs for prefix in ("aws", "ec2")}


def snapshot_resource(draft: Draft, call: Call, id: str, region: str = "") -> Resource:
    """An existing snapshot, or one that is not there: then it is asked about all the same, as the caller's own.

    What is no id is asked about as `snapshot/*` (ST:sharing_controls [V]).
    """
    region, id = region or call.region, id if is_snapshot_id(id or "") else "*"
    found = find_snapshot(draft, region, id)
    if found is None or not found.is_visible_to(call.account):
        return Resource(snapshot_arn(region, id), call.account)
    context: dict[str, ContextValue] = {
        "ec2:Owner": found.account,
        "ec2:VolumeSize": str(found.size_gib),
        "ec2:SnapshotTime": iso(found.started_ms),
        "ec2:ParentVolume": volume_arn(region, found.account, found.volume_id),
        "ec2:Encrypted": "true" if found.encrypted else "false",
        "ec2:SnapshotID": found.id,
    }
    return Resource(snapshot_arn(region, id), found.account, found, context | resource_tags(draft, call, id))


def new_snapshot(draft: Draft, call: Call) -> Resource:
    """`snapshot/*`: the snapshot that the call would make."""
    return Resource(snapshot_arn(call.region, "*"), call.account, context=tag_context(requested_tags(call, "snapshot")))


def volume_resource(draft: Draft, call: Call, id: str) -> Resource:
    """An existing volume; `volume/*` where the request names none."""
    id = id if is_volume_id(id or "") else "*"
    found = own_volume(draft, call, id)
    context: dict[str, ContextValue] = {}
    if found:
        context = {
            "ec2:AvailabilityZone": found.zone,
            "ec2:Encrypted": "true" if found.encrypted else "false",
            "ec2:VolumeID": found.id,
            "ec2:VolumeSize": str(found.size_gib),
            "ec2:VolumeType": found.type,
        }
        if found.snapshot_id:
            context["ec2:ParentSnapshot"] = snapshot_arn(call.region, found.snapshot_id)
    arn = volume_arn(call.region, call.account, id)
    return Resource(arn, call.account, found, context | resource_tags(draft, call, id))


def requested_tags(call: Call, resource_type: str) -> dict[str, str]:
    """Tags that the call wants on the resource that it makes."""
    specs = call.parameters.get("TagSpecifications") or ()
    return {
        tag["Key"]: tag.get("Value", "")
        for spec in specs
        if spec.get("ResourceType") == resource_type
        for tag in spec.get("Tags") or ()
    }


def authorize_tags(draft: Draft, call: Call, resource_type: str, arn: str) -> None:
    """Tag-on-create needs ec2:CreateTags on the new resource too, with ec2:CreateAction (ebs.md 1.1 [V])."""
    tags = requested_tags(call, resource_type)
    if tags:
        context = tag_context(tags) | {"ec2:CreateAction": call.name}
        authorize(draft, call, "ec2:CreateTags", Resource(arn, call.account, context=context), CALLER)


def on(action: str, resource_of: Any) -> AUTHORIZE:
    """A check of one action of the caller's own account: `on("ec2:DeleteSnapshot", ...)`."""
    return AUTHORIZE((action, resource_of, CALLER))


def named_snapshot(parameter: str = "SnapshotId") -> Any:
    return lambda draft, call: snapshot_resource(draft, call, call[parameter])


def named_volume(parameter: str = "VolumeId") -> Any:
    return lambda draft, call: volume_resource(draft, call, call[parameter])


def context(draft: Draft, asked: Asked) -> Mapping[str, ContextValue]:
    """Keys that every ec2: action has."""
    return {"ec2:Region": asked.call.region} if asked.action.startswith("ec2:") else {}


# what a refusal says


def denied(draft: Draft, asked: Denied) -> AwsError:
    """EC2's UnauthorizedOperation with its encoded message, or the EBS direct APIs' AccessDeniedException."""
    text = denial(asked.decision, asked.question)
    if asked.call.service == "ebs":
        return errors.DIRECT_DENIED(text=text)
    if asked.call.service == "rbin":
        return retention_errors.DENIED(text=text)
    blob = encoded_message(draft, asked)
    return errors.UNAUTHORIZED(
        text=f"You are not authorized to perform this operation. {text}. Encoded authorization failure message: {blob}"
    )


def encoded_message(draft: Draft, asked: Denied) -> str:
    """The decision as STS's DecodeAuthorizationMessage shows it, sealed for the caller's account (ebs.md 1.11 [D])."""
    return messages.encode(draft, asked.call.account, messages.document_of(asked.decision, asked.question))
