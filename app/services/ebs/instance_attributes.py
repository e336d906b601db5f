"""Attributes of an instance: which of its volumes go when it ends, and what else is asked for by rote.

Provisioning tools read attributes one by one; what reseal does not simulate has the value of an instance that does not
use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel.operation import operation
from app.services.ebs import compute_errors, errors
from app.services.ebs.compute_records import Attachment, Instance
from app.services.ebs.compute_rules import attachments_of, instance_id, named_instance, own_instance
from app.services.ebs.instance_listing import device
from app.services.ebs.requests import DRY_RUN, required
from app.services.ebs.rules import on

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

# attribute -> its member of the answer, and its value for an instance
_VALUES: dict[str, Any] = {
    "blockDeviceMapping": ("BlockDeviceMappings", None),
    "disableApiStop": ("DisableApiStop", lambda instance: {"Value": False}),
    "disableApiTermination": ("DisableApiTermination", lambda instance: {"Value": False}),
    "ebsOptimized": ("EbsOptimized", lambda instance: {"Value": False}),
    "instanceInitiatedShutdownBehavior": (
        "InstanceInitiatedShutdownBehavior",
        lambda instance: {"Value": "stop"},
    ),
    "instanceType": ("InstanceType", lambda instance: {"Value": instance.type}),
    "kernel": ("KernelId", lambda instance: {}),
    "productCodes": ("ProductCodes", lambda instance: []),
    "ramdisk": ("RamdiskId", lambda instance: {}),
    "rootDeviceName": ("RootDeviceName", lambda instance: {"Value": instance.root_device}),
    "sriovNetSupport": ("SriovNetSupport", lambda instance: {}),
    "userData": ("UserData", lambda instance: {}),
}


def _attribute_is_known(draft: Draft, call: Call) -> None:
    if call["Attribute"] not in _VALUES:
        errors.INVALID_REQUEST.refuse()


def _instance_is_own(draft: Draft, call: Call) -> None:
    own_instance(draft, call, call["InstanceId"])


@operation(
    "ec2",
    "DescribeInstanceAttribute",
    honours={"InstanceId", "Attribute", "DryRun"},
    checks=(
        required("InstanceId", "Attribute"),
        _attribute_is_known,
        instance_id,
        on("ec2:DescribeInstanceAttribute", named_instance),
        DRY_RUN,
        _instance_is_own,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        errors.INVALID_REQUEST,
        compute_errors.INSTANCE_MALFORMED,
        errors.UNAUTHORIZED,
        compute_errors.INSTANCE_NOT_FOUND,
    ),
    reads=True,
)
def describe_instance_attribute(draft: Draft, call: Call) -> Answer:
    """One attribute of an own instance."""
    instance = own_instance(draft, call, call["InstanceId"])
    name, value_of = _VALUES[call["Attribute"]]
    value = value_of(instance) if value_of else [device(each) for each in attachments_of(draft, instance)]
    return {"InstanceId": instance.id, name: value}


def _devices_are_there(draft: Draft, call: Call) -> None:
    instance = own_instance(draft, call, call["InstanceId"])
    for mapping in call["BlockDeviceMappings"]:
        if _at(draft, instance, mapping.get("DeviceName") or "") is None:
            compute_errors.NO_DEVICE_AT.refuse(device=mapping.get("DeviceName") or "")


def _at(draft: Draft, instance: Instance, name: str) -> Attachment | None:
    return next((each for each in attachments_of(draft, instance) if each.device == name), None)


@operation(
    "ec2",
    "ModifyInstanceAttribute",
    honours={"InstanceId", "BlockDeviceMappings", "DryRun"},
    checks=(
        required("InstanceId", "BlockDeviceMappings"),
        instance_id,
        on("ec2:ModifyInstanceAttribute", named_instance),
        DRY_RUN,
        _devices_are_there,
    ),
    answers=(
        errors.MISSING_PARAMETER,
        compute_errors.INSTANCE_MALFORMED,
        errors.UNAUTHORIZED,
        compute_errors.INSTANCE_NOT_FOUND,
        compute_errors.NO_DEVICE_AT,
    ),
)
def modify_instance_attribute(draft: Draft, call: Call) -> Answer:
    """Say of attached volumes whether they are deleted when the instance ends."""
    instance = own_instance(draft, call, call["InstanceId"])
    for mapping in call["BlockDeviceMappings"]:
        attachment = _at(draft, instance, mapping["DeviceName"])
        goes = (mapping.get("Ebs") or {}).get("DeleteOnTermination")
        if attachment and goes is not None:
            draft.change(attachment, delete_on_termination=goes)
    return {}
