"""What settles later is done for whoever asked, as long as they are there."""

from __future__ import annotations

import json
from typing import Any

from app.kernel.call import Caller, Request, root_of
from app.kernel.clock import Clock
from app.kernel.cloud import Cloud, new_world
from app.kernel.store import MemoryStore
from app.services import all_services

ACCOUNT, REGION = "111111111111", "us-east-1"
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
    }
)


class Slow:
    """An account in a world that settles in AWS's time, with a key, a snapshot under it, and a user who may do all."""

    def __init__(self) -> None:
        world = new_world("t", seed="1", clock=Clock("manual", "lifelike"))
        self.cloud = Cloud.create(all_services(), MemoryStore(), world)
        self.key = self.root("kms:CreateKey")["KeyMetadata"]["Arn"]
        zone = {"AvailabilityZone": "us-east-1a", "Size": 1, "Encrypted": True, "KmsKeyId": self.key}
        volume = self.root("ec2:CreateVolume", **zone)["VolumeId"]
        self.cloud.advance(60_000)
        self.snapshot = self.root("ec2:CreateSnapshot", VolumeId=volume)["SnapshotId"]
        self.cloud.advance(60_000)
        self.root("iam:CreateUser", UserName="copier")
        self.root("iam:PutUserPolicy", UserName="copier", PolicyName="all", PolicyDocument=EVERYTHING)
        made = self.root("iam:CreateAccessKey", UserName="copier")["AccessKey"]
        self.copier = self.caller(made["AccessKeyId"])

    def caller(self, access_key_id: str) -> Caller:
        found = all_services().credential(self.cloud.world, access_key_id)
        assert found is not None
        return found.caller

    def as_(self, caller: Caller, operation: str, **parameters: Any) -> Any:
        reply = self.cloud.call(Request(operation, parameters, caller, REGION))
        assert reply.error is None, reply.error
        return reply.answer

    def root(self, operation: str, **parameters: Any) -> Any:
        return self.as_(root_of(ACCOUNT), operation, **parameters)

    def copy(self, caller: Caller) -> str:
        other = self.root("kms:CreateKey")["KeyMetadata"]["Arn"]
        asked = {"SourceRegion": REGION, "SourceSnapshotId": self.snapshot, "Encrypted": True, "KmsKeyId": other}
        return self.as_(caller, "ec2:CopySnapshot", **asked)["SnapshotId"]

    def settled(self, copy: str) -> tuple[str, str]:
        """State of the copy a minute later, and the cause that the log names."""
        self.cloud.advance(60_000)
        shown = self.root("ec2:DescribeSnapshots", SnapshotIds=[copy])["Snapshots"][0]
        causes = [entry.cause for entry in self.cloud.world.log.about(copy) if getattr(entry, "cause", "")]
        return shown["State"], causes[-1] if causes else ""


def test_a_copy_fails_when_its_user_is_deleted_before_it_settles_and_works_when_not() -> None:
    slow = Slow()
    copy = slow.copy(slow.copier)
    for key in slow.root("iam:ListAccessKeys", UserName="copier")["AccessKeyMetadata"]:
        slow.root("iam:DeleteAccessKey", UserName="copier", AccessKeyId=key["AccessKeyId"])
    slow.root("iam:DeleteUserPolicy", UserName="copier", PolicyName="all")
    slow.root("iam:DeleteUser", UserName="copier")
    assert slow.settled(copy) == ("error", "PRINCIPAL_NOT_FOUND")
    slow = Slow()
    assert slow.settled(slow.copy(slow.copier)) == ("completed", "")


def test_a_copy_fails_when_its_session_ends_before_it_settles_and_works_when_not() -> None:
    slow = Slow()
    slow.root("iam:CreateRole", RoleName="copier", AssumeRolePolicyDocument=TRUST)
    slow.root("iam:PutRolePolicy", RoleName="copier", PolicyName="all", PolicyDocument=EVERYTHING)
    role = f"arn:aws:iam::{ACCOUNT}:role/copier"
    made = slow.as_(slow.copier, "sts:AssumeRole", RoleArn=role, RoleSessionName="slow", DurationSeconds=900)
    session = slow.caller(made["Credentials"]["AccessKeyId"])
    assert slow.settled(slow.copy(session)) == ("completed", "")
    slow.cloud.advance(session.expires_at_ms - slow.cloud.now_ms() - 1000)
    assert slow.settled(slow.copy(session)) == ("error", "SESSION_EXPIRED")
