"""What is told of a volume beside DescribeVolumes: its status, and its attributes autoEnableIO and productCodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel.authority import anything
from app.kernel.operation import operation
from app.services.ebs import errors, places, requests, tags, volume_errors
from app.services.ebs.compute_rules import attachments_of_volume
from app.services.ebs.records import Volume
from app.services.ebs.requests import DRY_RUN, page, start_after
from app.services.ebs.resource_ids import VOLUME_ID_ANSWERS, volume_id, volume_id_or, watched_volumes
from app.services.ebs.rules import named_volume, on, own_volume
from app.services.ebs.volume_listing import UNMANAGED, candidates
from app.services.ebs.volumes import volume_exists

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

AUTO_ENABLE_IO, PRODUCT_CODES = "autoEnableIO", "productCodes"
PROVISIONED = ("io1", "io2")


# status


STATUS = "ok"  # no volume of a world is impaired; so AWS says of one that is being made, too (ST:volume_controls [V])


def _performance(volume: Volume) -> str:
    """Told of provisioned volumes that are attached [D]."""
    return "normal" if volume.type in PROVISIONED and volume.state == "in-use" else "not-applicable"


def _details(volume: Volume) -> dict[str, str]:
    details = {"io-enabled": "passed", "io-performance": _performance(volume)}
    if volume.snapshot_id or volume.source_volume_id:
        details["initialization-state"] = "initializing" if volume.state == "creating" else "completed"
    return details


def _filters(draft: Draft) -> requests.FilterTable:
    """Those of AWS. There are no events, and no actions to take."""

    def instances(volume: Volume) -> tuple[str, ...]:
        held = attachments_of_volume(draft, volume.account, volume.region, volume.id)
        return tuple(each.instance_id for each in held)

    events = ("description", "event-id", "event-type", "not-after", "not-before")
    actions = ("code", "description", "event-id")
    return {
        "availability-zone": lambda volume: volume.zone,
        "attachment-status.instance-id": instances,
        "attachment-status.io-performance": lambda volume: _performance(volume) if instances(volume) else (),
        "volume-status.details-name": lambda volume: tuple(_details(volume)),
        "volume-status.details-status": lambda volume: tuple(_details(volume).values()),
        "volume-status.status": lambda volume: STATUS,
        **{f"event.{name}": lambda volume: () for name in events},
        **{f"action.{name}": lambda volume: () for name in actions},
    }


@operation(
    "ec2",
    "DescribeVolumeStatus",
    honours={"VolumeIds", "Filters", "MaxResults", "NextToken", "DryRun"},
    inert={"IncludeManagedResources": "no volume of a world is managed by another service"},
    checks=(on("ec2:DescribeVolumeStatus", anything), DRY_RUN, watched_volumes),
    answers=(
        errors.UNAUTHORIZED,
        volume_errors.VOLUME_NOT_FOUND,
        volume_errors.STATUS_NO_PREFIX,
        volume_errors.STATUS_MALFORMED,
        errors.BAD_FILTER,
        errors.BAD_PAGE_SIZE,
        errors.BAD_PAGE_TOKEN,
        errors.PAGE_AND_IDS,
    ),
    reads=True,
)
def describe_status(draft: Draft, call: Call) -> Answer:
    """The caller's volumes of the Region in the order of their ids: all are well, or being made."""
    test = requests.matches(
        call, _filters(draft), lambda volume: tags.tags_of(draft, call.account, call.region, volume.id)
    )
    rows = filter(test, candidates(draft, call, start_after(draft, call)))
    found, more = page(call, rows, lambda volume: volume.id, ids="VolumeIds")
    return {"VolumeStatuses": [_shown(draft, volume) for volume in found], **more}


def _shown(draft: Draft, volume: Volume) -> dict[str, Any]:
    held = attachments_of_volume(draft, volume.account, volume.region, volume.id)
    details = [{"Name": name, "Status": status} for name, status in _details(volume).items()]
    shown: dict[str, Any] = {
        "Actions": [],
        "AvailabilityZone": volume.zone,
        "AvailabilityZoneId": places.zone_id(volume.zone),
        "Events": [],
        "VolumeId": volume.id,
        "VolumeStatus": {"Details": details, "Status": STATUS},
        "AttachmentStatuses": [
            {"IoPerformance": _performance(volume), "InstanceId": each.instance_id} for each in held
        ],
        "Operator": UNMANAGED,
    }
    if volume.snapshot_id or volume.source_volume_id:
        kind = "provisioned-rate" if volume.initialization_rate else "default"
        kind = "volume-copy" if volume.source_volume_id else kind
        progress = 0 if volume.state == "creating" else 100
        shown["InitializationStatusDetails"] = {"InitializationType": kind, "Progress": progress}
        if volume.initialization_rate:
            shown["InitializationStatusDetails"]["EstimatedTimeToCompleteInSeconds"] = 0
    return shown


# attributes


def _attribute_is_known(draft: Draft, call: Call) -> None:
    if not call["Attribute"]:
        volume_errors.NO_VOLUME_ATTRIBUTE.refuse()
    if call["Attribute"] not in (AUTO_ENABLE_IO, PRODUCT_CODES):
        volume_errors.BAD_VOLUME_ATTRIBUTE.refuse(value=call["Attribute"])


@operation(
    "ec2",
    "DescribeVolumeAttribute",
    honours={"Attribute", "VolumeId", "DryRun"},
    checks=(
        on("ec2:DescribeVolumeAttribute", named_volume()),
        DRY_RUN,
        volume_id(),
        _attribute_is_known,
        volume_exists,
    ),
    answers=(
        *VOLUME_ID_ANSWERS,
        volume_errors.NO_VOLUME_ATTRIBUTE,
        volume_errors.BAD_VOLUME_ATTRIBUTE,
        errors.UNAUTHORIZED,
        volume_errors.VOLUME_NOT_FOUND,
    ),
    reads=True,
)
def describe_attribute(draft: Draft, call: Call) -> Answer:
    """One attribute: whether I/O is enabled by itself after an impairment, or the product codes, of which none are."""
    volume = own_volume(draft, call, call["VolumeId"])
    assert volume is not None
    if call["Attribute"] == PRODUCT_CODES:
        return {"VolumeId": volume.id, "ProductCodes": []}
    return {"VolumeId": volume.id, "AutoEnableIO": {"Value": volume.auto_enable_io}}


def _an_attribute_is_given(draft: Draft, call: Call) -> None:
    if (call["AutoEnableIO"] or {}).get("Value") is None:
        volume_errors.NO_VOLUME_ATTRIBUTE.refuse()


@operation(
    "ec2",
    "ModifyVolumeAttribute",
    honours={"AutoEnableIO", "VolumeId", "DryRun"},
    checks=(
        on("ec2:ModifyVolumeAttribute", named_volume()),
        DRY_RUN,
        volume_id_or(volume_errors.ATTRIBUTE_WITHOUT_ID, volume_errors.ATTRIBUTE_MALFORMED),
        _an_attribute_is_given,
        volume_exists,
    ),
    answers=(
        volume_errors.ATTRIBUTE_WITHOUT_ID,
        volume_errors.ATTRIBUTE_MALFORMED,
        volume_errors.NO_VOLUME_ATTRIBUTE,
        errors.UNAUTHORIZED,
        volume_errors.VOLUME_NOT_FOUND,
    ),
)
def modify_attribute(draft: Draft, call: Call) -> Answer:
    """Set autoEnableIO, which DescribeVolumeAttribute shows; no volume of a world is ever impaired."""
    volume = own_volume(draft, call, call["VolumeId"])
    assert volume is not None
    draft.change(volume, auto_enable_io=call["AutoEnableIO"]["Value"])
    return {}
