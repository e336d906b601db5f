"""Three accounts built by hand at a server, as an engineer with a broken share has them, and calls to try in them."""

from __future__ import annotations

import json
import re
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

import app.outside
from app.outside.capture_policy import policy_of
from tests.import_world import features

REGION, NEAR = "us-east-1", "us-west-2"
MANAGEMENT = "700000000001"
_ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)
_ID = re.compile(r"\b(?:snap|vol|i|ami|r)-0[0-9a-f]{16}\b")
_ENCODED = re.compile(r"Encoded authorization failure message: \S+")


def allow(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


def deny(*actions: str, **more: Any) -> dict[str, Any]:
    return {**allow(*actions, **more), "Effect": "Deny"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=1)


USE = ("kms:DescribeKey", "kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*")


@dataclass
class World:
    """A world of a server: clients of anybody in it, and what became of their calls."""

    endpoint: str
    name: str
    keys: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.endpoint}/w/{self.name}"

    def rest(self, path: str, body: Any = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        url = f"{self.endpoint}/api/v1/worlds{path}"
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def client(self, service: str, who: str, region: str = REGION) -> Any:
        """`who`: an account (its root), or account/user/NAME, account/role/NAME."""
        return boto3.client(service, region_name=region, endpoint_url=self.url, config=_ONCE, **self._keys(who))

    def _keys(self, who: str) -> dict[str, str]:
        if who not in self.keys:
            self.keys[who] = self._signed_in(*who.split("/"))
        return self.keys[who]

    def _signed_in(self, account: str, kind: str = "", name: str = "") -> dict[str, str]:
        if kind == "user":
            made = self.client("iam", account).create_access_key(UserName=name)["AccessKey"]
            return {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
        if kind == "role":
            made = self.rest(f"/{self.name}/credentials", {"account": account, "role": name})
            return {
                "aws_access_key_id": made["access_key_id"], "aws_secret_access_key": made["secret_access_key"],
                "aws_session_token": made["session_token"],
            }  # fmt: skip
        return {"aws_access_key_id": account, "aws_secret_access_key": "any"}

    def came_of(self, who: str, service: str, method: str, region: str = REGION, **parameters: Any) -> Any:
        """Code and text at once; then each call that it set off, with its code and cause; ids of new things hidden."""
        client = self.client(service, who, region)
        try:
            answer = getattr(client, method)(**parameters)
            outcome, request_id = ("", ""), answer["ResponseMetadata"]["RequestId"]
        except ClientError as error:
            told = error.response["Error"]
            outcome, request_id = (told["Code"], told["Message"]), error.response["ResponseMetadata"]["RequestId"]
        found = self.rest(f"/{self.name}/evidence?request_id={request_id}")["calls"]
        calls = [(one["operation"], one.get("code", ""), one.get("cause", "")) for one in found]
        known = str(parameters)
        text = _ENCODED.sub("", outcome[1])
        hidden = _ID.sub(lambda id: id.group() if id.group() in known else "(new)", text)
        return (outcome[0], hidden), calls


@dataclass
class Estate:
    """The ids of what stands in it."""

    source: str
    target: str
    keys: dict[str, str]  # name -> ARN
    snapshots: dict[str, str]
    volumes: dict[str, str]
    others: dict[str, str] = field(default_factory=dict)  # images, instances, rules


def built(world: World) -> Estate:
    """Users, roles, groups, boundaries, keys in several states, grants, volumes, snapshots, an organization."""
    source, target = _organization(world)
    for account in (source, target):
        _principals(world, account)
    for account in (source, target, MANAGEMENT):
        _capturer(world, account)
    keys = _keys(world, source, target)
    snapshots, volumes = _storage(world, source, target, keys)
    estate = Estate(source, target, keys, snapshots, volumes)
    features.add_keys(world, estate)
    features.add_computers(world, estate)
    features.add_settings(world, estate)
    root = world.client("kms", source)
    root.disable_key(KeyId=keys["disabled"])
    root.schedule_key_deletion(KeyId=keys["dying"], PendingWindowInDays=9)
    return estate


def _organization(world: World) -> tuple[str, str]:
    org = world.client("organizations", MANAGEMENT)
    org.create_organization(FeatureSet="ALL")
    ids = [
        org.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]["Id"]
        for name in ("source", "target")
    ]
    accounts = [
        org.describe_create_account_status(CreateAccountRequestId=id)["CreateAccountStatus"]["AccountId"] for id in ids
    ]
    root = org.list_roots()["Roots"][0]["Id"]
    org.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    unit = org.create_organizational_unit(ParentId=root, Name="workloads")["OrganizationalUnit"]["Id"]
    org.move_account(AccountId=accounts[1], SourceParentId=root, DestinationParentId=unit)
    policy = org.create_policy(
        Content=document(deny("ec2:DeleteSnapshot")), Description="keep", Name="keep", Type="SERVICE_CONTROL_POLICY"
    )
    org.attach_policy(PolicyId=policy["Policy"]["PolicySummary"]["Id"], TargetId=unit)
    return accounts[0], accounts[1]


def _principals(world: World, account: str) -> None:
    iam = world.client("iam", account)
    everything = iam.create_policy(
        PolicyName="storage", Path="/team/", PolicyDocument=document(allow("ec2:*", "ebs:*", "kms:*"))
    )["Policy"]["Arn"]
    no_grants = iam.create_policy(
        PolicyName="no-grants", PolicyDocument=document(allow("ec2:*", "kms:*"), deny("kms:CreateGrant"))
    )["Policy"]["Arn"]
    iam.create_group(GroupName="operators")
    iam.attach_group_policy(GroupName="operators", PolicyArn=everything)
    iam.create_user(UserName="operator", Tags=[{"Key": "team", "Value": "storage"}])
    iam.add_user_to_group(UserName="operator", GroupName="operators")
    iam.create_user(UserName="bounded", PermissionsBoundary=no_grants)
    iam.attach_user_policy(UserName="bounded", PolicyArn=everything)
    trust = allow("sts:AssumeRole", Principal={"Service": "ec2.amazonaws.com"})
    del trust["Resource"]
    for name in ("importer", "reader"):
        iam.create_role(RoleName=name, Path="/jobs/", AssumeRolePolicyDocument=document(trust), Description="secret")
    iam.attach_role_policy(RoleName="importer", PolicyArn=everything)
    iam.put_role_policy(
        RoleName="reader", PolicyName="read", PolicyDocument=document(allow("ec2:Describe*", "ec2:CopySnapshot"))
    )


def _capturer(world: World, account: str) -> None:
    """A role with the policy that the capture script ships, and no other."""
    iam = world.client("iam", account)
    trust = allow("sts:AssumeRole", Principal={"AWS": account})
    del trust["Resource"]
    iam.create_role(RoleName="surveyor", AssumeRolePolicyDocument=document(trust))
    script = (Path(app.outside.__file__).parent / "capture.sh").read_text()
    iam.put_role_policy(RoleName="surveyor", PolicyName="capture", PolicyDocument=policy_of(script))


def _keys(world: World, source: str, target: str) -> dict[str, str]:
    own = allow("kms:*", Principal={"AWS": f"arn:aws:iam::{source}:root"})
    all_target = allow(*USE, Principal={"AWS": f"arn:aws:iam::{target}:root"})
    one_role = allow(*USE, Principal={"AWS": f"arn:aws:iam::{target}:role/jobs/importer"})
    no_grant = allow("kms:DescribeKey", "kms:Decrypt", Principal={"AWS": f"arn:aws:iam::{target}:root"})
    made = {}
    for name, other in (
        ("shared", all_target), ("named", one_role), ("no-grant", no_grant), ("silent", None), ("disabled", all_target),
        ("dying", all_target),
    ):  # fmt: skip
        kms = world.client("kms", source)
        text = document(own, *([other] if other else []))
        made[name] = kms.create_key(Policy=text, Description="very secret")["KeyMetadata"]["Arn"]
        kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=made[name])
    grantee = f"arn:aws:iam::{target}:user/operator"
    operations = ["Decrypt", "CreateGrant", "DescribeKey", "ReEncryptFrom", "GenerateDataKeyWithoutPlaintext"]
    kms.create_grant(KeyId=made["silent"], GranteePrincipal=grantee, Operations=operations, Name="by-hand")
    there = world.client("kms", target)
    made["own"] = there.create_key()["KeyMetadata"]["Arn"]
    there.create_alias(AliasName="alias/own", TargetKeyId=made["own"])
    made["sign"] = there.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    return made


def _storage(world: World, source: str, target: str, keys: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    ec2 = world.client("ec2", source)
    snapshots, volumes = {}, {}
    for name in ("shared", "named", "no-grant", "silent", "disabled", "dying", "managed", "plain"):
        key = {"KmsKeyId": keys[name]} if name in keys else {}
        made = ec2.create_volume(
            AvailabilityZone=f"{REGION}a", Size=1, VolumeType="gp3", Encrypted=name != "plain", **key
        )
        volumes[name] = made["VolumeId"]
        snapshots[name] = ec2.create_snapshot(VolumeId=volumes[name], Description="payroll")["SnapshotId"]
        if name != "managed":
            ec2.modify_snapshot_attribute(
                SnapshotId=snapshots[name], Attribute="createVolumePermission", OperationType="add", UserIds=[target]
            )
    snapshots["kept"] = ec2.copy_snapshot(SourceRegion=REGION, SourceSnapshotId=snapshots["shared"])["SnapshotId"]
    there = world.client("ec2", target)
    there.enable_ebs_encryption_by_default()
    there.modify_ebs_default_kms_key_id(KmsKeyId=keys["own"])
    near = world.client("ec2", target, NEAR)
    volumes["near"] = near.create_volume(AvailabilityZone=f"{NEAR}a", Size=1, Encrypted=True)["VolumeId"]
    return snapshots, volumes


def attempts(estate: Estate) -> list[tuple[str, str, str, dict[str, Any]]]:
    """What is tried: (who, service, method, parameters)."""
    target, source, tried = estate.target, estate.source, []
    people = [f"{target}/user/operator", f"{target}/user/bounded", f"{target}/role/importer", f"{target}/role/reader"]
    for who in people:
        for name, id in estate.snapshots.items():
            copy = {"SourceRegion": REGION, "SourceSnapshotId": id, "KmsKeyId": estate.keys["own"], "Encrypted": True}
            tried.append((who, "ec2", "copy_snapshot", copy))
            if name in ("shared", "named", "silent", "disabled", "plain", "kept"):
                tried.append((who, "ec2", "create_volume", {"SnapshotId": id, "AvailabilityZone": f"{REGION}a"}))
    mine = f"{source}/user/operator"
    for id in estate.snapshots.values():
        tried.append((mine, "ebs", "list_snapshot_blocks", {"SnapshotId": id}))
        tried.append((mine, "ec2", "create_volume", {"SnapshotId": id, "AvailabilityZone": f"{REGION}a"}))
        share = {"SnapshotId": id, "Attribute": "createVolumePermission", "OperationType": "add"}
        tried.append((mine, "ec2", "modify_snapshot_attribute", share | {"UserIds": ["700000000009"]}))
    for name in ("shared", "disabled", "dying", "plain"):
        tried.append((mine, "ec2", "create_snapshot", {"VolumeId": estate.volumes[name]}))
    for key in estate.keys.values():
        tried.append((f"{target}/role/importer", "kms", "generate_data_key", {"KeyId": key, "KeySpec": "AES_256"}))
        tried.append((mine, "kms", "get_key_policy", {"KeyId": key}))
    tried.append((mine, "kms", "encrypt", {"KeyId": "alias/shared", "Plaintext": b"x"}))
    tried.append((f"{target}/role/importer", "kms", "sign", {
        "KeyId": estate.keys["sign"], "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}))  # fmt: skip
    tried.append((people[0], "ec2", "delete_snapshot", {"SnapshotId": estate.snapshots["shared"]}))
    return tried + features.attempts(estate)
