"""How a volume is opened at an instance and let go again (ebs.md 1.7, kms.md 6).

Who attaches makes a grant to the instance's session of `aws:ec2-infrastructure`, for this volume's context alone; that
session decrypts, and the plaintext data key stays with the attachment. So a key that is disabled or gone does not stop
a volume that is attached, and refuses its next attach. When the volume is let go, EC2 retires the grant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from app.crypto.material import Secret
from app.kernel.call import Caller, service_caller
from app.kernel.clock import whole_second
from app.services.ebs import envelope
from app.services.ebs.compute_records import Attachment, Instance
from app.services.ebs.compute_rules import attachments_of_volume, instance_arn
from app.services.ebs.records import Volume

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft

ROLE = "aws:ec2-infrastructure"


def new_attachment(call: Call, volume: Volume, instance: Instance, device: str, goes: bool = False) -> Attachment:
    """Attaching; `goes`: the volume is deleted when the instance ends."""
    return Attachment(
        account=volume.account,
        region=volume.region,
        id=f"{volume.id}/{instance.id}",
        volume_id=volume.id,
        instance_id=instance.id,
        device=device,
        attached_ms=call.at_ms,
        delete_on_termination=goes,
    )


def infrastructure(instance: Instance) -> Caller:
    """EC2's session for one instance, which decrypts the data keys of its volumes (kms.md 9 [V])."""
    account, role_id = instance.account, f"{instance.account}:{ROLE}"
    return Caller(
        "session",
        account,
        f"arn:aws:sts::{account}:assumed-role/{ROLE}/{instance.id}",
        f"{role_id}:{instance.id}",
        role_arn=f"arn:aws:iam::{account}:role/{ROLE}",
        role_id=role_id,
        issued_at_ms=instance.launched_ms,
        scope=(
            ("issuerType", "AWS::EC2::Instance"),
            ("credentialsIssuedTo", instance_arn(instance.region, account, instance.id)),
        ),
    )


def opened(draft: Draft, volume: Volume, instance: Instance, attachment: Attachment) -> Attachment:
    """The attachment with its grant and plaintext data key; raises envelope.Stopped where KMS refuses either."""
    if volume.data_key is None:
        return draft.change(attachment, state="attached")
    session = infrastructure(instance)
    grant = {
        "KeyId": volume.data_key.key_arn,
        "GranteePrincipal": session.arn,
        "RetiringPrincipal": envelope.principal(volume.region),
        "Operations": ["Decrypt"],
        "Constraints": {envelope.SUBSET: volume.data_key.context},
    }
    grant_id = envelope.as_caller(draft, "kms:CreateGrant", grant)["GrantId"]
    asked = {"CiphertextBlob": volume.data_key.ciphertext, "EncryptionContext": volume.data_key.context}
    answer = draft.as_caller("kms:Decrypt", asked, session, invoked_by=envelope.INTERNAL)
    if answer.error:
        raise envelope.Stopped("kms:Decrypt", volume.data_key.key_arn, answer)
    return draft.change(
        attachment,
        state="attached",
        key_arn=volume.data_key.key_arn,
        grant_id=grant_id,
        data_key=Secret(answer["Plaintext"]),
    )


def closed(draft: Draft, attachment: Attachment) -> Attachment:
    """The attachment without them. That the grant is gone already, or its key, holds nothing up."""
    if attachment.grant_id:
        asked = {"KeyId": attachment.key_arn, "GrantId": attachment.grant_id}
        service = service_caller(envelope.principal(attachment.region))
        draft.as_caller("kms:RetireGrant", asked, service, invoked_by=envelope.INTERNAL)
    return draft.change(attachment, key_arn="", grant_id="", data_key=None)


def let_go(draft: Draft, attachment: Attachment) -> Volume | None:
    """End an attachment; the volume, if it is still there, is free again unless another instance has it too."""
    draft.delete(closed(draft, attachment))
    volume = draft.get(Volume, attachment.account, attachment.region, attachment.volume_id)
    if volume and volume.state == "in-use":
        return draft.change(volume, state=state_of(draft, volume))
    return volume


def state_of(draft: Draft, volume: Volume) -> Any:
    """The state of a volume that is whole."""
    held = attachments_of_volume(draft, volume.account, volume.region, volume.id)
    return "in-use" if held else "available"


# how they are shown


def attached(draft: Draft, volume: Volume) -> list[dict[str, Any]]:
    """Attachments of DescribeVolumes."""
    held = attachments_of_volume(draft, volume.account, volume.region, volume.id)
    return [shown(each) | {"EbsCardIndex": 0} for each in held]


def shown(attachment: Attachment) -> dict[str, Any]:
    return {
        "VolumeId": attachment.volume_id,
        "InstanceId": attachment.instance_id,
        "Device": attachment.device,
        "State": attachment.state,
        "AttachTime": whole_second(attachment.attached_ms),
        "DeleteOnTermination": attachment.delete_on_termination,
    }


_VALUES: Mapping[str, Callable[[Attachment], str]] = {
    "attachment.attach-time": lambda each: whole_second(each.attached_ms).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    "attachment.delete-on-termination": lambda each: str(each.delete_on_termination).lower(),
    "attachment.device": lambda each: each.device,
    "attachment.instance-id": lambda each: each.instance_id,
    "attachment.status": lambda each: each.state,
}


def attached_filters(draft: Draft) -> dict[str, Any]:
    """The filters of DescribeVolumes that look at a volume's attachments."""

    def of(value: Callable[[Attachment], str]) -> Callable[[Volume], tuple[str, ...]]:
        return lambda volume: tuple(
            value(each) for each in attachments_of_volume(draft, volume.account, volume.region, volume.id)
        )

    return {name: of(value) for name, value in _VALUES.items()}
