"""Whatever was done by hand, and whenever the recording began: the scenario goes the same way in another world.

Method: random sessions of several principals in three accounts, recorded from a random moment on; the written file is
played in memory, where it has other ids and keys. Each refusal must come again with its code, text (but for ids) and
cause, each later failure too.
"""

from __future__ import annotations

import base64
import hashlib
import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from app.kernel.call import Caller
from app.kernel.operation import Services
from app.services import all_services
from tests.rest.by_hand import (
    REGION,
    SOURCE,
    TARGET,
    THIRD,
    USE,
    Desk,
    allow,
    document,
    key_policy,
    played,
    trust,
    without_ids,
    wrong,
)  # fmt: skip

SESSIONS = 400 if os.environ.get("RESEAL_SOAK") else 12
ACCOUNTS = (SOURCE, TARGET, THIRD)
EVERYTHING = ["ec2:*", "ebs:*", "kms:*", "sts:*"]
BLOCK = bytes(524288)
SUM = base64.b64encode(hashlib.sha256(BLOCK).digest()).decode()


class Session:
    """One person's wild afternoon."""

    def __init__(self, services: Services, seed: int) -> None:
        self.pick = random.Random(seed)
        self.desk = Desk(services, seed=f"afternoon-{seed}")
        self.people: list[Caller | str] = list(ACCOUNTS)
        self.users: list[tuple[str, str]] = []
        self.roles: list[str] = []
        self.keys: list[str] = []
        self.volumes: list[str] = []
        self.snapshots: list[str] = []
        self.grants: list[tuple[str, str]] = []
        self.blobs: list[bytes] = []
        self.policies: list[str] = []
        self.acts: list[Callable[[], Any]] = [
            getattr(self, name) for name in sorted(dir(self)) if name.startswith("do_")
        ]

    def run(self, before: int, after: int) -> None:
        self.start()
        for _ in range(before):
            self.act()
        self.desk.begin()
        for _ in range(after):
            self.act()

    def start(self) -> None:
        for account in ACCOUNTS:
            self.key(account, account)
            self.new_user(account, EVERYTHING)

    def act(self) -> None:
        self.pick.choice(self.acts)()

    def call(self, operation: str, /, who: Caller | str | None = None, **parameters: Any) -> Any:
        """By anybody, where nobody is named; {} where it was refused."""
        caller = who or self.pick.choice(self.people)
        if isinstance(caller, Caller) and caller.expires_at_ms and caller.expires_at_ms <= self.desk.cloud.now_ms():
            return {}  # refused at the door
        reply = self.desk.call(caller, operation, REGION, **parameters)
        return reply.answer or {}

    def one(self, things: list[Any]) -> Any:
        return self.pick.choice(things) if things else "nothing"

    # KMS

    def key(self, who: Caller | str, account: str) -> None:
        others = self.pick.sample([*ACCOUNTS, *self.roles], self.pick.randint(0, 2))
        use = self.pick.sample(USE, self.pick.randint(1, len(USE)))
        policy = self.pick.choice([None, key_policy(account, *others), key_policy(account, *others, use=use)])
        parameters = {"Policy": policy} if policy else {}
        made = self.call("kms:CreateKey", who, **parameters, Description="a key")
        if made:
            self.keys.append(made["KeyMetadata"]["Arn"])

    def do_key(self) -> None:
        account = self.pick.choice(ACCOUNTS)
        self.key(account, account)

    def owner(self, key: str) -> str:
        return key.split(":")[4] if ":" in key else SOURCE

    def do_key_policy(self) -> None:
        key = self.one(self.keys)
        others = self.pick.sample([*ACCOUNTS, *self.roles], self.pick.randint(0, 3))
        policy = key_policy(self.owner(key), *others, use=self.pick.sample(USE, self.pick.randint(1, 5)))
        if self.pick.random() < 0.2 and self.users:  # the root is left out
            name = self.pick.choice([f"arn:aws:iam::{account}:user/{user}" for account, user in self.users])
            policy = document(allow("kms:*", Principal={"AWS": name}))
        parameters = {"KeyId": key, "PolicyName": "default", "Policy": policy, "BypassPolicyLockoutSafetyCheck": True}
        self.call("kms:PutKeyPolicy", self.owner(key), **parameters)

    def do_alias(self) -> None:
        name = f"alias/{self.pick.choice(['app', 'data', 'restores'])}"
        key = self.one(self.keys)
        self.call(
            self.pick.choice(["kms:CreateAlias", "kms:UpdateAlias"]), self.owner(key), AliasName=name, TargetKeyId=key
        )

    def do_state(self) -> None:
        operation = self.pick.choice(
            [
                "kms:DisableKey",
                "kms:EnableKey",
                "kms:ScheduleKeyDeletion",
                "kms:CancelKeyDeletion",
                "kms:EnableKeyRotation",
                "kms:RotateKeyOnDemand",
            ]
        )
        key = self.one(self.keys)
        self.call(operation, self.owner(key), KeyId=key)

    def do_grant(self) -> None:
        key, who = self.one(self.keys), self.pick.choice([f"arn:aws:iam::{TARGET}:root", *self.roles])
        made = self.call(
            "kms:CreateGrant",
            KeyId=key,
            GranteePrincipal=who,
            Operations=self.pick.sample(
                [
                    "Decrypt",
                    "Encrypt",
                    "CreateGrant",
                    "DescribeKey",
                    "ReEncryptFrom",
                    "ReEncryptTo",
                    "GenerateDataKeyWithoutPlaintext",
                ],
                4,
            ),
        )
        if made:
            self.grants.append((key, made["GrantId"]))

    def do_revoke(self) -> None:
        if self.grants:
            key, grant = self.pick.choice(self.grants)
            self.call("kms:RevokeGrant", self.owner(key), KeyId=key, GrantId=grant)

    def do_encrypt(self) -> None:
        made = self.call("kms:Encrypt", KeyId=self.one([*self.keys, "alias/app"]), Plaintext=self.pick.randbytes(8))
        if made:
            self.blobs.append(made["CiphertextBlob"])

    def do_decrypt(self) -> None:
        if self.blobs:
            self.call("kms:Decrypt", CiphertextBlob=self.pick.choice(self.blobs))

    # EBS

    def do_volume(self) -> None:
        more = self.pick.choice([{}, {"Encrypted": True}, {"Encrypted": True, "KmsKeyId": self.one(self.keys)}])
        made = self.call("ec2:CreateVolume", AvailabilityZone="us-east-1a", Size=1, **more)
        if made:
            self.volumes.append(made["VolumeId"])

    def do_restore(self) -> None:
        more = self.pick.choice([{}, {"Encrypted": True, "KmsKeyId": self.one(self.keys)}])
        made = self.call("ec2:CreateVolume", AvailabilityZone="us-east-1a", SnapshotId=self.one(self.snapshots), **more)
        if made:
            self.volumes.append(made["VolumeId"])

    def do_snapshot(self) -> None:
        made = self.call("ec2:CreateSnapshot", VolumeId=self.one(self.volumes), Description="one of mine")
        if made:
            self.snapshots.append(made["SnapshotId"])

    def do_share(self) -> None:
        who = self.pick.choice([{"UserId": self.pick.choice(ACCOUNTS)}, {"UserId": TARGET}, {"Group": "all"}])
        permission = {self.pick.choice(["Add", "Add", "Remove"]): [who]}
        self.call("ec2:ModifySnapshotAttribute", SnapshotId=self.one(self.snapshots), CreateVolumePermission=permission)

    def do_copy(self) -> None:
        more = self.pick.choice([{}, {"Encrypted": True}, {"Encrypted": True, "KmsKeyId": self.one(self.keys)}])
        made = self.call("ec2:CopySnapshot", SourceRegion=REGION, SourceSnapshotId=self.one(self.snapshots), **more)
        if made:
            self.snapshots.append(made["SnapshotId"])

    def do_delete(self) -> None:
        if self.pick.random() < 0.3:
            self.call("ec2:DeleteSnapshot", SnapshotId=self.one(self.snapshots))

    def do_write(self) -> None:
        who = self.pick.choice(self.people)
        more = self.pick.choice([{}, {"Encrypted": True, "KmsKeyArn": self.one(self.keys)}])
        made = self.call("ebs:StartSnapshot", who, VolumeSize=1, **more)
        if made:
            put = {
                "BlockIndex": self.pick.randint(0, 3),
                "BlockData": BLOCK,
                "DataLength": 524288,
                "ChecksumAlgorithm": "SHA256",
            }
            self.call(
                "ebs:PutSnapshotBlock",
                who,
                SnapshotId=made["SnapshotId"],
                Checksum=self.pick.choice([SUM, SUM, "B4VNL+8pea09f4CD2FBbFs38pxQyU2zZ9uYzm3oc0hU="]),
                **put,
            )
            self.call(
                "ebs:CompleteSnapshot", who, SnapshotId=made["SnapshotId"], ChangedBlocksCount=self.pick.randint(1, 2)
            )
            self.snapshots.append(made["SnapshotId"])

    def do_settings(self) -> None:
        operation = self.pick.choice(["ec2:EnableEbsEncryptionByDefault", "ec2:DisableEbsEncryptionByDefault"])
        self.call(operation)

    def do_describe(self) -> None:
        self.call("ec2:DescribeSnapshots", SnapshotIds=[self.one(self.snapshots)])

    # people

    def new_user(self, account: str, actions: Any) -> None:
        name = f"user-{len(self.users)}"
        self.people.append(self.desk.user(account, name, allow(actions)))
        self.users.append((account, name))

    def do_user(self) -> None:
        actions = self.pick.sample([*EVERYTHING, "iam:*", "ec2:CopySnapshot", "kms:Decrypt"], self.pick.randint(1, 4))
        self.new_user(self.pick.choice(ACCOUNTS), actions)

    def do_role(self) -> None:
        account, name = self.pick.choice(ACCOUNTS), f"role-{len(self.roles)}"
        people = [f"arn:aws:iam::{account}:user/{user}" for account, user in self.users]
        trusted = self.pick.choice([trust(account), trust(self.pick.choice(people)), trust(*ACCOUNTS)])
        self.roles.append(self.desk.role(account, name, trusted, allow(self.pick.sample(EVERYTHING, 2))))

    def do_assume(self) -> None:
        policy = {"Policy": document(allow(self.pick.sample(EVERYTHING, 2)))} if self.pick.random() < 0.4 else {}
        made = self.call("sts:AssumeRole", RoleArn=self.one(self.roles), RoleSessionName="by-hand", **policy)
        if made:
            self.people.append(self.desk.caller_of(made["Credentials"]))

    def do_federate(self) -> None:
        made = self.call(
            "sts:GetFederationToken", Name="guest", Policy=document(allow(self.pick.sample(EVERYTHING, 2)))
        )
        if made:
            self.people.append(self.desk.caller_of(made["Credentials"]))

    def do_user_policy(self) -> None:
        account, user = self.pick.choice(self.users)
        if self.pick.random() < 0.3:
            self.call("iam:DeleteUserPolicy", account, UserName=user, PolicyName="work")
        else:
            statement = allow(
                self.pick.sample(EVERYTHING, 2), Resource if (Resource := self.pick.choice(["*", *self.keys])) else "*"
            )
            self.call(
                "iam:PutUserPolicy", account, UserName=user, PolicyName="work", PolicyDocument=document(statement)
            )

    def do_managed_policy(self) -> None:
        account, user = self.pick.choice(self.users)
        name = f"policy-{len(self.policies)}"
        made = self.call("iam:CreatePolicy", account, PolicyName=name, PolicyDocument=document(allow("kms:*")))
        arn = made["Policy"]["Arn"]
        self.policies.append(arn)
        self.call("iam:AttachUserPolicy", account, UserName=user, PolicyArn=arn)

    def do_group(self) -> None:
        account, user = self.pick.choice(self.users)
        self.call("iam:CreateGroup", account, GroupName="team")
        self.call(
            "iam:PutGroupPolicy",
            account,
            GroupName="team",
            PolicyName="shared",
            PolicyDocument=document(allow(EVERYTHING)),
        )
        self.call("iam:AddUserToGroup", account, GroupName="team", UserName=user)

    # organization and time

    def do_organization(self) -> None:
        made = self.call("organizations:CreateOrganization", THIRD, FeatureSet="ALL")
        if not made:
            return
        member = self.pick.choice([SOURCE, TARGET])
        invited = self.call(
            "organizations:InviteAccountToOrganization", THIRD, Target={"Id": member, "Type": "ACCOUNT"}
        )
        self.call("organizations:AcceptHandshake", member, HandshakeId=invited["Handshake"]["Id"])

    def do_scp(self) -> None:
        roots = self.call("organizations:ListRoots", THIRD)
        if not roots:
            return
        root = roots["Roots"][0]["Id"]
        self.call("organizations:EnablePolicyType", THIRD, RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
        denied = self.pick.choice(["ec2:CopySnapshot", "kms:CreateGrant", "ec2:CreateVolume"])
        content = document({"Effect": "Deny", "Action": denied, "Resource": "*"})
        made = self.call(
            "organizations:CreatePolicy",
            THIRD,
            Name=f"no-{denied[4:]}",
            Description="-",
            Type="SERVICE_CONTROL_POLICY",
            Content=content,
        )
        if made:
            self.call(
                "organizations:AttachPolicy", THIRD, PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=root
            )

    def do_time(self) -> None:
        if self.pick.random() < 0.3:
            self.desk.advance(self.pick.choice([5_000, 60_000, 3_600_000]))


def check(services: Services, seed: int) -> tuple[int, int]:
    """Play one session; answers how many steps were compared, and how many of them were refused."""
    session = Session(services, seed)
    pick = random.Random(f"length {seed}")
    session.run(pick.randint(0, 60), pick.randint(10, 50))
    try:
        found = played(session.desk)
    except ValueError as nothing:
        assert "nothing was done" in str(nothing)  # noqa: PT017
        return 0, 0
    assert found.report.ok, f"session {seed}: {wrong(found.report)}\n{found.text}"
    assert found.written.missing == (), f"session {seed}: {found.written.missing}"
    done = {one.step: one for one in found.report.transitions if one.section == "steps"}
    for step, call in found.written.steps.items():
        said = (done[step].error or {}).get("message", "")
        assert without_ids(said) == without_ids(call.message), f"session {seed}, {step}: {said} / {call.message}"
        assert without_ids(done[step].later.get("StateMessage") or "") == without_ids(
            call.later.get("StateMessage") or ""
        )
    return len(done), sum(1 for one in done.values() if one.outcome != "OK")


@pytest.mark.parametrize("seed", range(SESSIONS))
def test_a_session_goes_the_same_way_when_it_is_played(seed: int) -> None:
    check(all_services(), seed)
