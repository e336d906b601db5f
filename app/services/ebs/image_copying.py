"""CopyImage: every snapshot of an image is copied as CopySnapshot copies it (ebs.md 1.1, 1.9).

Unlike a launch a copy takes the snapshots themselves: each must be shared with whoever copies, beside the image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from app.kernel.authority import CALLER, Resource, authorize, tag_context
from app.kernel.errors import Refusal, Refused
from app.kernel.operation import operation
from app.policy.causes import Cause
from app.services.ebs import compute_errors, copy_checks, copying, errors, tags
from app.services.ebs.compute_records import BlockDevice, Image
from app.services.ebs.compute_rules import image_id, image_resource, launchable_image, new_image
from app.services.ebs.images import READY_AFTER_MS, may_tag_image, name_is_free, put_image
from app.services.ebs.records import Snapshot
from app.services.ebs.requests import CLIENT_TOKEN, DRY_RUN, ascii_description, remember_token, required
from app.services.ebs.rules import find_snapshot, requested_tags, snapshot_arn

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer


def _duration_is_valid(draft: Draft, call: Call) -> None:
    copy_checks.duration_is_valid(call["SnapshotCopyCompletionDurationMinutes"])


def _may_copy(draft: Draft, call: Call) -> None:
    source = image_resource(draft, call, call["SourceImageId"], call["SourceRegion"])
    snapshots = tag_context(requested_tags(call, "snapshot"))
    made = Resource(snapshot_arn(call.region, "*"), call.account, context=snapshots)
    for resource in (source, new_image(draft, call), made):
        authorize(draft, call, "ec2:CopyImage", resource, CALLER)


def _source(draft: Draft, call: Call) -> Image:
    return launchable_image(draft, call, call["SourceImageId"], call["SourceRegion"])


def _storage_is_shared(draft: Draft, call: Call) -> None:
    """The owner's trail shows the copy of each snapshot that is shared."""
    for snapshot in _snapshots(draft, call, _source(draft, call)):
        if not snapshot.is_visible_to(call.account):
            raise Refused(compute_errors.NO_STORAGE_ACCESS, Refusal(Cause.SNAPSHOT_NOT_SHARED))
        if snapshot.account != call.account:
            draft.frame.copies[snapshot.account] = True


def _snapshots(draft: Draft, call: Call, image: Image) -> list[Snapshot]:
    ids = (device.snapshot_id for device in image.devices if device.snapshot_id)
    found = (find_snapshot(draft, call["SourceRegion"], id) for id in ids)
    return [snapshot for snapshot in found if snapshot]


def _stays_encrypted(draft: Draft, call: Call) -> None:
    """Encrypted=false, which CopySnapshot ignores, is refused here (casebook 131; a public report of Packer's [V])."""
    found = (each for each in _snapshots(draft, call, _source(draft, call)) if each.encrypted)
    encrypted = next(found, None)
    if encrypted and call["Encrypted"] is False:
        compute_errors.COPY_STAYS_ENCRYPTED.refuse(id=encrypted.id)


def _key_is_usable(draft: Draft, call: Call) -> None:
    """As of CopySnapshot, if any copy will be encrypted: DescribeKey as the caller (inferred)."""
    is_encrypted = any(snapshot.encrypted for snapshot in _snapshots(draft, call, _source(draft, call)))
    asked, key_id = bool(call["Encrypted"]), call["KmsKeyId"]
    key = copy_checks.chosen_key(draft, call.account, call.region, is_encrypted, asked, key_id)
    if key:
        draft.frame.memo["key"] = copy_checks.usable_key(draft, key)


@operation(
    "ec2",
    "CopyImage",
    honours={
        "SourceImageId",
        "SourceRegion",
        "Name",
        "Description",
        "Encrypted",
        "KmsKeyId",
        "CopyImageTags",
        "TagSpecifications",
        "SnapshotCopyCompletionDurationMinutes",
        "ClientToken",
        "DryRun",
    },
    checks=(
        required("SourceRegion", "SourceImageId", "Name"),
        copy_checks.source_region_is_known,
        image_id("SourceImageId"),
        _duration_is_valid,
        ascii_description,
        tags.specified("image", "snapshot"),
        _may_copy,
        may_tag_image,
        DRY_RUN,
        CLIENT_TOKEN,
        name_is_free,
        _storage_is_shared,
        _stays_encrypted,
        _key_is_usable,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.BAD_REGION,
        errors.BAD_DURATION,
        compute_errors.IMAGE_MALFORMED,
        compute_errors.IMAGE_NO_PREFIX,
        errors.NOT_ASCII,
        *tags.ANSWERS,
        errors.UNAUTHORIZED,
        errors.DRY_RUN,
        errors.TOKEN_REUSED,
        compute_errors.IMAGE_NAME_MALFORMED,
        compute_errors.IMAGE_NAME_TAKEN,
        compute_errors.IMAGE_NOT_FOUND,
        compute_errors.IMAGE_NOT_SHARED,
        compute_errors.IMAGE_UNAVAILABLE,
        compute_errors.IMAGE_NOT_READY,
        compute_errors.NO_STORAGE_ACCESS,
        compute_errors.COPY_STAYS_ENCRYPTED,
        errors.KEY_NOT_AUTHORIZED,
        errors.KEY_INVALID,
        errors.KEY_DISABLED,
    ),
    settles=(errors.KEY_NOT_ACCESSIBLE,),
    across_accounts="of an image whose snapshots are shared or public",
)
def copy_image(draft: Draft, call: Call) -> Answer:
    """Begin a copy in this Region, in the caller's account; it is available once its snapshots are, or failed."""
    source = _source(draft, call)
    image = put_image(
        draft,
        call,
        state="pending",
        root_device=source.root_device,
        devices=(),
        architecture=source.architecture,
        virtualization=source.virtualization,
        ena=source.ena,
        boot_mode=source.boot_mode,
        imds_support=source.imds_support,
        source_image_id=source.id,
        source_region=source.region,
    )
    draft.change(image, devices=tuple(_copied(draft, call, source, image, device) for device in source.devices))
    if call["CopyImageTags"]:
        own = tags.tags_of(draft, call.account, source.region, source.id)
        tags.put_tags(draft, call, image.id, "image", own | requested_tags(call, "image"))
    draft.later("settle_image", after_ms=READY_AFTER_MS, about=(image.id, source.id), image_id=image.id)
    return remember_token(draft, call, {"ImageId": image.id})


def _copied(draft: Draft, call: Call, source: Image, image: Image, device: BlockDevice) -> BlockDevice:
    if not device.snapshot_id:
        return device
    description = (
        f"Copied for DestinationAmi {image.id} from SourceAmi {source.id} for SourceSnapshot {device.snapshot_id}. "
        f"Task created on {call.at_ms:,}."
    )
    minutes = call["SnapshotCopyCompletionDurationMinutes"] or 0
    copy = copying.begin(draft, call, device.snapshot_id, description=description, minutes=minutes)
    return replace(device, snapshot_id=copy.id)
