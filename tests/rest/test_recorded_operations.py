"""Every operation that reseal simulates can be done by hand while somebody records.

Method: each is called with everything that its model requires, by a root and by a user, on things that are there; what
was written is valid, goes the same way, and names whatever it leaves out.
"""

from __future__ import annotations

import json
import random
from typing import Any

from app.kernel import shapes
from app.services import all_services
from tests.rest.by_hand import REGION, SOURCE, TARGET, Desk, allow, document, key_policy, played, trust, wrong

# What no scenario can do again; each is named in what is written.
LEFT_OUT = {"kms:ImportKeyMaterial", "kms:CreateCustomKeyStore", "kms:UpdateCustomKeyStore"}
ENDINGS = ("Delete", "Terminate", "Deregister", "Close", "Remove", "Schedule", "Disable")  # come last


class Everything:
    """A desk with one of each, and parameters for any operation."""

    def __init__(self) -> None:
        self.desk, self.pick = Desk(all_services()), random.Random(7)
        desk = self.desk
        key = desk.must(SOURCE, "kms:CreateKey", Policy=key_policy(SOURCE, TARGET))["KeyMetadata"]
        desk.must(SOURCE, "kms:CreateAlias", AliasName="alias/app", TargetKeyId=key["KeyId"])
        volume = desk.must(
            SOURCE, "ec2:CreateVolume", AvailabilityZone="us-east-1a", Size=1, Encrypted=True, KmsKeyId=key["Arn"]
        )["VolumeId"]
        snapshot = desk.must(SOURCE, "ec2:CreateSnapshot", VolumeId=volume)["SnapshotId"]
        device = {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}
        image = desk.must(
            SOURCE, "ec2:RegisterImage", Name="mine", RootDeviceName="/dev/xvda", BlockDeviceMappings=[device],
            Architecture="x86_64", VirtualizationType="hvm",
        )["ImageId"]  # fmt: skip
        instance = desk.must(SOURCE, "ec2:RunInstances", ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
        role = desk.role(SOURCE, "worker", trust(SOURCE), allow("ec2:*"))
        desk.must(SOURCE, "iam:CreateGroup", GroupName="team")
        policy = desk.must(SOURCE, "iam:CreatePolicy", PolicyName="shared", PolicyDocument=document(allow("kms:*")))
        blob = desk.must(SOURCE, "kms:Encrypt", KeyId=key["Arn"], Plaintext=b"text")["CiphertextBlob"]
        self.user = desk.user(SOURCE, "operator", allow(["ec2:*", "kms:*", "ebs:*"]))
        self.known: dict[str, Any] = {
            "KeyId": key["Arn"], "SourceKeyId": key["Arn"], "DestinationKeyId": key["Arn"], "TargetKeyId": key["KeyId"],
            "AliasName": "alias/app", "KmsKeyId": key["Arn"], "VolumeId": volume, "SourceVolumeId": volume,
            "SnapshotId": snapshot, "SourceSnapshotId": snapshot, "SourceRegion": REGION, "SourceImageId": image,
            "ImageId": image, "InstanceId": instance["Instances"][0]["InstanceId"], "AvailabilityZone": "us-east-1a",
            "UserName": "operator", "RoleName": "worker", "GroupName": "team", "RoleArn": role,
            "PolicyArn": policy["Policy"]["Arn"], "PolicyDocument": document(allow("ec2:*")), "PolicyName": "more",
            "AssumeRolePolicyDocument": trust(SOURCE), "Policy": key_policy(SOURCE), "CiphertextBlob": blob,
            "GranteePrincipal": role, "RoleSessionName": "s", "Name": "guest", "ReplicaRegion": "eu-west-1",
            "Content": document({"Effect": "Deny", "Action": "ec2:CopySnapshot", "Resource": "*"}),
            "Type": "SERVICE_CONTROL_POLICY", "PolicyType": "SERVICE_CONTROL_POLICY", "VersionId": "v1",
        }  # fmt: skip

    def parameters(self, operation: str) -> dict[str, Any]:
        model: Any = shapes.operation_model(*operation.split(":"))
        shape = model.input_shape
        return {name: self._value(name, shape.members[name]) for name in shape.required_members} if shape else {}

    def _value(self, name: str, shape: Any) -> Any:
        single = name.removesuffix("s")
        if name in self.known:
            return self.known[name]
        if shape.type_name == "list":
            return [self._value(single, shape.member)]
        if shape.type_name == "structure":
            return {inner: self._value(inner, shape.members[inner]) for inner in shape.required_members}
        if shape.type_name == "map":
            return {"a": "b"}
        plain = {
            "integer": 1,
            "long": 1,
            "boolean": True,
            "blob": b"0123456789abcdef",
            "timestamp": "2026-02-01T00:00:00Z",
        }
        return plain.get(shape.type_name, (getattr(shape, "enum", None) or ["text"])[0])


def test_every_operation_is_recorded_or_named_as_left_out() -> None:
    everything = Everything()
    desk, operations = everything.desk, sorted(all_services().operations)
    everything.pick.shuffle(operations)
    operations.sort(key=lambda one: one.partition(":")[2].startswith(ENDINGS))
    desk.begin()
    for operation in operations:
        parameters = everything.parameters(operation)
        if operation.startswith("organizations:AcceptHandshake"):
            continue
        for who in (everything.user, SOURCE):
            desk.call(who, operation, **parameters)
    found = played(desk)
    assert found.report.ok, wrong(found.report) + "\n" + found.text
    assert {one.partition(":")[0] + ":" + one.split(":")[1].split(" ")[0] for one in found.written.missing} <= LEFT_OUT
    looked = {call.operation for call in desk.told().calls} - {call.operation for call in found.written.steps.values()}
    assert all(
        one.partition(":")[2].startswith(("Describe", "Get", "List", "Lookup", "Decode")) for one in looked - LEFT_OUT
    ), json.dumps(sorted(looked))
