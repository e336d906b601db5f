"""Random accounts of an organization, and random calls by random principals in them; all follow from a seed."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

from tests.import_world.estate import REGION, World, allow, deny, document

MANAGEMENT = "700000000001"
KEY_ACTIONS = (
    "kms:DescribeKey", "kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo",
    "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:*",
)  # fmt: skip
EC2_ACTIONS = (
    "ec2:CopySnapshot", "ec2:CreateVolume", "ec2:ModifySnapshotAttribute", "ec2:DeleteSnapshot", "ec2:CreateTags",
    "ec2:RunInstances", "ec2:CopyImage", "ec2:Create*", "ec2:*", "ebs:*",
)  # fmt: skip
TAGS = (("app", "db"), ("app", "web"), ("tier", "gold"))


@dataclass
class Estate:
    """`people`: principals as `World.client` names them; `sessions`: (account, role, session policy)."""

    accounts: list[str]
    people: list[str] = field(default_factory=list)
    sessions: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    snapshots: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)


class Builder:
    def __init__(self, world: World, seed: int) -> None:
        self.world, self.dice = world, random.Random(seed)
        self.estate = Estate(self._organization())

    def built(self) -> Estate:
        for account in self.estate.accounts:
            self._principals(account)
        for account in self.estate.accounts:
            self._keys(account)
        for account in self.estate.accounts:
            self._storage(account)
        self._states()
        self._guards()
        return self.estate

    # what a policy says

    def _some(self, actions: tuple[str, ...]) -> list[str]:
        return self.dice.sample(actions, self.dice.randint(1, 4))

    def _condition(self) -> dict[str, Any]:
        """Nothing, most often; else one or two operators."""
        key, value = self.dice.choice(TAGS)
        choices = [
            {"StringEquals": {"kms:ViaService": f"ec2.{self.dice.choice((REGION, 'us-west-2'))}.amazonaws.com"}},
            {"Bool": {"kms:GrantIsForAWSResource": self.dice.choice(("true", "false"))}},
            {"StringEquals": {f"aws:ResourceTag/{key}": value}},
            {"StringNotEquals": {f"ec2:ResourceTag/{key}": value}},
            {"StringLike": {f"aws:PrincipalTag/{key}": "*"}},
            {"StringEquals": {"aws:PrincipalAccount": self.dice.choice(self.estate.accounts)}},
            {"Null": {"aws:PrincipalOrgID": self.dice.choice(("true", "false"))}},
            {"StringEqualsIfExists": {"kms:CallerAccount": self.dice.choice(self.estate.accounts)}},
            {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["aws:ebs:id"]}},
            {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::*:{self.dice.choice(('user', 'role'))}/*"}},
        ]
        return {"Condition": self.dice.choice(choices)} if self.dice.random() < 0.35 else {}

    def _policy(self, denies: float = 0.25) -> str:
        statements = [allow(*self._some(EC2_ACTIONS + KEY_ACTIONS), **self._condition())]
        statements += [allow("ec2:*", "kms:*", "ebs:*")] if self.dice.random() < 0.6 else []
        if self.dice.random() < denies:
            statements.append(deny(*self._some(EC2_ACTIONS[:6] + KEY_ACTIONS[:8]), **self._condition()))
        return document(*statements)

    # the organization

    def _organization(self) -> list[str]:
        org = self.world.client("organizations", MANAGEMENT)
        org.create_organization(FeatureSet="ALL")
        made = []
        for name in ("a", "b", "c"):
            id = org.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]["Id"]
            told = org.describe_create_account_status(CreateAccountRequestId=id)["CreateAccountStatus"]
            made.append(told["AccountId"])
        root = org.list_roots()["Roots"][0]["Id"]
        unit = org.create_organizational_unit(ParentId=root, Name="unit")["OrganizationalUnit"]["Id"]
        org.move_account(AccountId=made[1], SourceParentId=root, DestinationParentId=unit)
        self.guarded = {"SERVICE_CONTROL_POLICY": (root, unit, made[0]), "RESOURCE_CONTROL_POLICY": (unit, root)}
        for type in self.guarded:
            org.enable_policy_type(RootId=root, PolicyType=type)
        return made[:2]

    def _guards(self) -> None:
        """Last, because they bind those who build the accounts too."""
        org = self.world.client("organizations", MANAGEMENT)
        for type, where in self.guarded.items():
            for n, target in enumerate(where):
                if self.dice.random() < 0.4:
                    org.attach_policy(PolicyId=self._guard(org, type, f"{type[:8]}-{n}"), TargetId=target)

    def _guard(self, org: Any, type: str, name: str) -> str:
        everyone = {"Principal": "*"} if type == "RESOURCE_CONTROL_POLICY" else {}
        actions = KEY_ACTIONS[1:6] if everyone else EC2_ACTIONS[:4] + KEY_ACTIONS[1:6]
        content = document(deny(*self._some(actions), **everyone, **self._condition()))
        made = org.create_policy(Content=content, Description="d", Name=name, Type=type)
        return made["Policy"]["PolicySummary"]["Id"]

    # principals

    def _principals(self, account: str) -> None:
        iam = self.world.client("iam", account)
        managed = iam.create_policy(PolicyName="managed", PolicyDocument=self._policy())["Policy"]["Arn"]
        bound = iam.create_policy(PolicyName="bound", PolicyDocument=self._policy())["Policy"]["Arn"]
        iam.create_group(GroupName="group")
        iam.put_group_policy(GroupName="group", PolicyName="p", PolicyDocument=self._policy())
        trust = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": account}})
        for kind in ("user", "role"):
            for n in range(2):
                name, tags = f"{kind}{n}", [dict(zip(("Key", "Value"), one, strict=True)) for one in TAGS[n : n + 1]]
                more = {"PermissionsBoundary": bound} if self.dice.random() < 0.3 else {}
                if kind == "user":
                    iam.create_user(UserName=name, Tags=tags, **more)
                    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=self._policy())
                    if self.dice.random() < 0.5:
                        iam.add_user_to_group(GroupName="group", UserName=name)
                else:
                    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, Tags=tags, Path="/p/", **more)
                    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=self._policy())
                    iam.attach_role_policy(RoleName=name, PolicyArn=managed)
                self.estate.people.append(f"{account}/{kind}/{name}")
        iam.create_user(UserName="gate")
        iam.put_user_policy(UserName="gate", PolicyName="own", PolicyDocument=document(allow("sts:AssumeRole")))
        for n in range(2):
            self.estate.sessions[f"{account} session {n}"] = (account, f"role{n}", self._policy())
        self.estate.people += [f"{account} session 0", f"{account} session 1"]

    def _arn(self, who: str) -> str:
        account, kind, name = who.split("/")
        return f"arn:aws:iam::{account}:{kind}/{'p/' if kind == 'role' else ''}{name}"

    def _named(self) -> str:
        return self._arn(self.dice.choice([who for who in self.estate.people if "/" in who]))

    # keys

    def _keys(self, account: str) -> None:
        kms = self.world.client("kms", account)
        own = allow("kms:*", Principal={"AWS": f"arn:aws:iam::{account}:root"})
        for n in range(3):
            others: list[Any] = [f"arn:aws:iam::{one}:root" for one in self.estate.accounts] + [self._named()]
            statements = [own] + [
                allow(*self._some(KEY_ACTIONS), Principal={"AWS": self.dice.choice(others)}, **self._condition())
                for _ in range(self.dice.randint(0, 2))
            ]
            if self.dice.random() < 0.2:
                statements.append(deny(*self._some(KEY_ACTIONS[2:8]), Principal={"AWS": self._named()}))
            tags = [dict(zip(("TagKey", "TagValue"), one, strict=True)) for one in self.dice.sample(TAGS[1:], 1)]
            arn = kms.create_key(Policy=document(*statements), Tags=tags)["KeyMetadata"]["Arn"]
            kms.create_alias(AliasName=f"alias/key{n}", TargetKeyId=arn)
            self.estate.keys.append(arn)
            if self.dice.random() < 0.4:
                operations = self.dice.sample(("Decrypt", "CreateGrant", "DescribeKey", "ReEncryptFrom", "Encrypt"), 3)
                constraint = {"EncryptionContextSubset": {"app": "db"}} if self.dice.random() < 0.3 else {}
                more = {"Constraints": constraint} if constraint else {}
                kms.create_grant(KeyId=arn, GranteePrincipal=self._named(), Operations=operations, **more)

    def _states(self) -> None:
        for arn in self.dice.sample(self.estate.keys, 2):
            kms = self.world.client("kms", arn.split(":")[4])
            if self.dice.random() < 0.5:
                kms.disable_key(KeyId=arn)
            else:
                kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=9)

    # storage

    def _storage(self, account: str) -> None:
        ec2, mine = self.world.client("ec2", account), [arn for arn in self.estate.keys if account in arn]
        other = next(one for one in self.estate.accounts if one != account)
        if self.dice.random() < 0.5:
            ec2.enable_ebs_encryption_by_default()
            ec2.modify_ebs_default_kms_key_id(KmsKeyId=self.dice.choice(mine))
        for n in range(4):
            how = {"Encrypted": True, "KmsKeyId": self.dice.choice(mine)} if n else {}
            volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, **how)["VolumeId"]
            tags = [dict(zip(("Key", "Value"), self.dice.choice(TAGS), strict=True))]
            spec = [{"ResourceType": "snapshot", "Tags": tags}] if self.dice.random() < 0.6 else []
            snapshot = ec2.create_snapshot(VolumeId=volume, TagSpecifications=spec)["SnapshotId"]
            self.estate.snapshots.append(snapshot)
            if self.dice.random() < 0.75:
                share = {"Attribute": "createVolumePermission", "OperationType": "add", "UserIds": [other]}
                ec2.modify_snapshot_attribute(SnapshotId=snapshot, **share)
        image = ec2.register_image(
            Name="image", RootDeviceName="/dev/sda1", Architecture="x86_64", VirtualizationType="hvm",
            BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": self.estate.snapshots[-1]}}],
        )["ImageId"]  # fmt: skip
        ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": other}]})
        self.estate.images.append(image)


def sign_in(world: World, estate: Estate) -> None:
    """Sessions with a session policy, by AssumeRole, which the role's trust policy decides."""
    for name, (account, role, policy) in estate.sessions.items():
        sts = world.client("sts", f"{account}/user/gate")
        made = sts.assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/p/{role}", RoleSessionName="narrowed", Policy=policy
        )
        keys = made["Credentials"]
        world.keys[name] = {
            "aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"],
        }  # fmt: skip


def calls(estate: Estate, seed: int, count: int) -> list[tuple[str, str, str, dict[str, Any]]]:
    """(who, service, method, parameters)."""
    dice, found = random.Random(seed + 1), []
    for _ in range(count):
        snapshot, key = dice.choice(estate.snapshots), dice.choice(estate.keys)
        kms = {"KeyId": key}
        context = {"EncryptionContext": {"app": "db"}} if dice.random() < 0.4 else {}
        copy = {"SourceRegion": REGION, "SourceSnapshotId": snapshot, "Encrypted": True, "KmsKeyId": key}
        asked = dice.choice([
            ("ec2", "copy_snapshot", copy),
            ("ec2", "copy_snapshot", copy),
            ("ec2", "create_volume", {"SnapshotId": snapshot, "AvailabilityZone": f"{REGION}a"}),
            ("ec2", "create_volume", {
                "SnapshotId": snapshot, "AvailabilityZone": f"{REGION}a", "Encrypted": True, "KmsKeyId": key}),
            ("ec2", "run_instances", {"ImageId": dice.choice(estate.images), "MinCount": 1, "MaxCount": 1}),
            ("ec2", "modify_snapshot_attribute", {
                "SnapshotId": snapshot, "Attribute": "createVolumePermission", "OperationType": "add",
                "UserIds": ["700000000009"]}),
            ("ec2", "delete_snapshot", {"SnapshotId": snapshot, "DryRun": True}),
            ("ebs", "list_snapshot_blocks", {"SnapshotId": snapshot}),
            ("kms", "describe_key", kms),
            ("kms", "encrypt", kms | {"Plaintext": b"x"} | context),
            ("kms", "generate_data_key", kms | {"KeySpec": "AES_256"} | context),
            ("kms", "create_grant", kms | {
                "GranteePrincipal": f"arn:aws:iam::{estate.accounts[0]}:root", "Operations": ["Decrypt"]}),
            ("kms", "list_grants", kms),
        ])  # fmt: skip
        found.append((dice.choice(estate.people), *asked))
    return found


def plain(value: Any) -> str:
    return json.dumps(value, default=str, indent=1)
