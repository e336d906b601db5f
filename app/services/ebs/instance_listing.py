"""DescribeInstances and DescribeInstanceStatus (ST:instances_lifecycle, ST:instance_status_id_boundaries [V])."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from app.kernel.authority import anything
from app.kernel.clock import moment, whole_second
from app.kernel.operation import operation
from app.services.ebs import compute_errors, errors, places, requests, tags
from app.services.ebs.compute_records import STATE_CODES, Attachment, Instance
from app.services.ebs.compute_rules import attachments_of, instance_ids, own_instances
from app.services.ebs.requests import DRY_RUN, page, start_after
from app.services.ebs.rules import on

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer


def shown(draft: Draft, instance: Instance) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "InstanceId": instance.id,
        "ImageId": instance.image_id,
        "State": state(instance.state),
        "StateTransitionReason": instance.transition_reason,
        "InstanceType": instance.type,
        "LaunchTime": whole_second(instance.launched_ms),
        "AmiLaunchIndex": instance.launch_index,
        "Placement": {
            "AvailabilityZone": instance.zone,
            "AvailabilityZoneId": places.zone_id(instance.zone),
            "GroupName": "",
            "Tenancy": "default",
        },
        "Monitoring": {"State": "disabled"},
        "Architecture": instance.architecture,
        "VirtualizationType": instance.virtualization,
        "Hypervisor": "xen",
        "RootDeviceName": instance.root_device,
        "RootDeviceType": "ebs",
        "EbsOptimized": False,
        "ClientToken": instance.client_token,
        "BlockDeviceMappings": [device(each) for each in attachments_of(draft, instance)],
        "Tags": tags.tag_list(tags.tags_of(draft, instance.account, instance.region, instance.id)),
        "SecurityGroups": [],
        "NetworkInterfaces": [],
        "ProductCodes": [],
    }
    if instance.reason_code:
        answer["StateReason"] = {"Code": instance.reason_code, "Message": instance.reason_message}
    return answer


def state(name: str) -> dict[str, Any]:
    return {"Code": STATE_CODES[name], "Name": name}


def device(attachment: Attachment) -> dict[str, Any]:
    ebs = {
        "AttachTime": whole_second(attachment.attached_ms),
        "DeleteOnTermination": attachment.delete_on_termination,
        "Status": attachment.state,
        "VolumeId": attachment.volume_id,
        "EbsCardIndex": 0,
    }
    return {"DeviceName": attachment.device, "Ebs": ebs}


def _filters(draft: Draft) -> requests.FilterTable:
    """Filters of DescribeInstances that reseal's instances have values for."""

    def of_devices(value: Callable[[Attachment], str]) -> Callable[[Instance], tuple[str, ...]]:
        return lambda instance: tuple(value(each) for each in attachments_of(draft, instance))

    return {
        "architecture": lambda instance: instance.architecture,
        "availability-zone": lambda instance: instance.zone,
        "availability-zone-id": lambda instance: places.zone_id(instance.zone),
        "block-device-mapping.delete-on-termination": of_devices(lambda each: str(each.delete_on_termination).lower()),
        "block-device-mapping.device-name": of_devices(lambda each: each.device),
        "block-device-mapping.status": of_devices(lambda each: each.state),
        "block-device-mapping.volume-id": of_devices(lambda each: each.volume_id),
        "client-token": lambda instance: instance.client_token,
        "image-id": lambda instance: instance.image_id,
        "instance-id": lambda instance: instance.id,
        "instance-state-code": lambda instance: str(STATE_CODES[instance.state]),
        "instance-state-name": lambda instance: instance.state,
        "instance-type": lambda instance: instance.type,
        "launch-time": lambda instance: moment(instance.launched_ms).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "owner-id": lambda instance: instance.account,
        "reservation-id": lambda instance: instance.reservation_id,
        "root-device-name": lambda instance: instance.root_device,
        "root-device-type": lambda instance: "ebs",
        "state-reason-code": lambda instance: instance.reason_code,
        "virtualization-type": lambda instance: instance.virtualization,
    }


def _found(draft: Draft, call: Call, table: requests.FilterTable, among: Iterable[Instance]) -> Any:
    """The instances of one page, and its token."""
    if call["InstanceIds"] and call["MaxResults"] is not None:
        compute_errors.INSTANCE_PAGE_AND_IDS.refuse()
    test = requests.matches(call, table, lambda each: tags.tags_of(draft, call.account, call.region, each.id))
    return page(call, (each for each in among if test(each)), lambda each: each.id)


def _candidates(draft: Draft, call: Call) -> Iterator[Instance]:
    after = start_after(draft, call)
    if call["InstanceIds"]:
        return iter(sorted(own_instances(draft, call), key=lambda each: each.id))
    return draft.scan(Instance, call.account, call.region, after=(call.account, call.region, after) if after else ())


_LISTING = (
    errors.UNAUTHORIZED,
    compute_errors.INSTANCE_MALFORMED,
    compute_errors.INSTANCE_NOT_FOUND,
    compute_errors.INSTANCES_NOT_FOUND,
    compute_errors.INSTANCE_PAGE_AND_IDS,
    errors.BAD_FILTER,
    errors.BAD_PAGE_SIZE,
    errors.BAD_PAGE_TOKEN,
)
_NO_MANAGED = {"IncludeManagedResources": "no instance of a world is managed by another service"}


@operation(
    "ec2",
    "DescribeInstances",
    honours={"InstanceIds", "Filters", "MaxResults", "NextToken", "DryRun"},
    inert=_NO_MANAGED,
    checks=(on("ec2:DescribeInstances", anything), DRY_RUN, instance_ids),
    answers=_LISTING,
    reads=True,
)
def describe_instances(draft: Draft, call: Call) -> Answer:
    """The caller's instances of the Region by reservation; those that ended are shown for an hour."""
    found, more = _found(draft, call, _filters(draft), _candidates(draft, call))
    reservations: dict[str, list[dict[str, Any]]] = {}
    for instance in found:
        reservations.setdefault(instance.reservation_id, []).append(shown(draft, instance))
    listed = [
        {"ReservationId": id, "OwnerId": call.account, "Groups": [], "Instances": instances}
        for id, instances in reservations.items()
    ]
    return {"Reservations": listed, **more}


_STATUS_FILTERS: requests.FilterTable = {
    "availability-zone": lambda instance: instance.zone,
    "availability-zone-id": lambda instance: places.zone_id(instance.zone),
    "instance-state-code": lambda instance: str(STATE_CODES[instance.state]),
    "instance-state-name": lambda instance: instance.state,
    "instance-status.status": lambda instance: _status(instance)["Status"],
    "system-status.status": lambda instance: _status(instance)["Status"],
}


def _status(instance: Instance) -> dict[str, Any]:
    if instance.state != "running":
        return {"Status": "not-applicable"}
    return {"Status": "ok", "Details": [{"Name": "reachability", "Status": "passed"}]}


@operation(
    "ec2",
    "DescribeInstanceStatus",
    honours={"InstanceIds", "Filters", "MaxResults", "NextToken", "IncludeAllInstances", "DryRun"},
    inert=_NO_MANAGED,
    checks=(on("ec2:DescribeInstanceStatus", anything), DRY_RUN, instance_ids),
    answers=_LISTING,
    reads=True,
)
def describe_instance_status(draft: Draft, call: Call) -> Answer:
    """Of the instances that run, or of all; an instance that runs is always well (inferred: nothing runs in it)."""
    candidates = _candidates(draft, call)
    wanted = (each for each in candidates if call["IncludeAllInstances"] or each.state == "running")
    found, more = _found(draft, call, _STATUS_FILTERS, wanted)
    return {
        "InstanceStatuses": [
            {
                "InstanceId": each.id,
                "AvailabilityZone": each.zone,
                "AvailabilityZoneId": places.zone_id(each.zone),
                "InstanceState": state(each.state),
                "InstanceStatus": _status(each),
                "SystemStatus": _status(each),
            }
            for each in found
        ],
        **more,
    }
