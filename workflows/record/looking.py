"""How things are described before a call changes them: what `given` needs to make them anew.

Looking is done aside, in a fork in which the account's root may look at everything (`app.recorder` opens it). None
where the account has no such thing.
"""

# pyright: basic

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from workflows import params
from workflows.data import BLOCK_BYTES
from workflows.port import Json, Port
from workflows.record.recording import Thing

IAM_REGION: Final = "us-east-1"
BLOCKS_MAX: Final = 64  # that are made anew in a volume: 32 MiB
_GIB: Final = 1024**3


class Look:
    """At one account, in one Region."""

    def __init__(self, port: Port, account: str, region: str) -> None:
        self._port, self._account, self._region = port, account, region

    def _ask(self, operation: str, parameters: Json, member: str = "") -> Any:
        """The answer, or a member of it; {} or None where it is refused."""
        region = IAM_REGION if operation.startswith(("iam:", "organizations:")) else self._region
        answer = self._port.call(f"{self._account}/root", operation, parameters, region)
        value = params.to_json(answer.value) if not answer.error else {}
        return value.get(member) if member else value

    def _pages(self, operation: str, parameters: Json, member: str) -> Iterator[Any]:
        """A list, over all its pages: of KMS, IAM and EBS, which have their own words for the next one."""
        sent = dict(parameters)
        while True:
            page = self._ask(operation, sent)
            yield from page.get(member) or ()
            token = page.get("NextMarker") or page.get("Marker") or page.get("NextToken")
            if not token:
                return
            sent["NextToken" if page.get("NextToken") else "Marker"] = token

    def _first(self, operation: str, parameters: Json, member: str) -> Json | None:
        return next(iter(self._ask(operation, parameters, member) or ()), None)

    def _thing(self, kind: str, id: str, told: Json) -> Thing:
        region = "" if kind in ("user", "role", "group", "policy", "organization") else self._region
        return Thing(kind=kind, id=id, account=self._account, region=region, told=told)

    # KMS

    def key(self, id: str, policy: str) -> Thing | None:
        """`policy`: its own, since the one in force here lets the root look."""
        found = self._ask("kms:DescribeKey", {"KeyId": id}, "KeyMetadata")
        if not found or found["AWSAccountId"] != self._account:
            return None
        arn = found["Arn"]
        rotation = self._ask("kms:GetKeyRotationStatus", {"KeyId": arn})
        aliases = self._pages("kms:ListAliases", {"KeyId": arn}, "Aliases")
        return self._thing("key", arn, {
            "described": found, "policy": msgspec.json.decode(policy),
            "aliases": [one["AliasName"] for one in aliases],
            "grants": list(self._pages("kms:ListGrants", {"KeyId": arn}, "Grants")),
            "tags": list(self._pages("kms:ListResourceTags", {"KeyId": arn}, "Tags")),
            "rotation": rotation.get("RotationPeriodInDays") if rotation.get("KeyRotationEnabled") else 0,
        })  # fmt: skip

    def ciphertext(self, blob: bytes, context: Json, key_arn: str) -> Thing:
        """With the context under which it opens: that of the call, or one that nobody can say again."""
        opens = self._ask("kms:Decrypt", {"CiphertextBlob": blob, "EncryptionContext": context}, "KeyId")
        told = {"key": key_arn, "context": context if opens else {"reseal": "another context"}}
        return self._thing("ciphertext", base64.b64encode(blob).decode(), told)

    # EBS

    def volume(self, id: str) -> Thing | None:
        found = self._first("ec2:DescribeVolumes", {"VolumeIds": [id]}, "Volumes")
        if not found:
            return None
        snapshot = self._ask("ec2:CreateSnapshot", {"VolumeId": id}, "SnapshotId")
        blocks = self._blocks(snapshot, found["Size"]) if snapshot else 0
        return self._thing("volume", id, {"described": found, "blocks": blocks})

    def snapshot(self, id: str) -> Thing | None:
        found = self._first("ec2:DescribeSnapshots", {"SnapshotIds": [id]}, "Snapshots")
        if not found or found["OwnerId"] != self._account:
            return None
        asked = {"SnapshotId": id, "Attribute": "createVolumePermission"}
        shared = self._ask("ec2:DescribeSnapshotAttribute", asked, "CreateVolumePermissions") or ()
        locks = self._first("ec2:DescribeLockedSnapshots", {"SnapshotIds": [id]}, "Snapshots")
        return self._thing("snapshot", id, {
            "described": found, "shared": [one.get("UserId") or one.get("Group", "") for one in shared],
            "lock": locks or {}, "blocks": self._blocks(id, found["VolumeSize"]),
        })  # fmt: skip

    def _blocks(self, id: str, size_gib: int) -> int:
        """How many blocks from the beginning stand for what it holds: as many as it has."""
        count = sum(1 for _ in self._pages("ebs:ListSnapshotBlocks", {"SnapshotId": id}, "Blocks"))
        return min(count, BLOCKS_MAX, size_gib * _GIB // BLOCK_BYTES)

    def image(self, id: str) -> Thing | None:
        found = self._first("ec2:DescribeImages", {"ImageIds": [id]}, "Images")
        if not found or found["OwnerId"] != self._account:
            return None
        asked = {"ImageId": id, "Attribute": "launchPermission"}
        shared = self._ask("ec2:DescribeImageAttribute", asked, "LaunchPermissions") or ()
        return self._thing("image", id, {"described": found, "shared": shared})

    def instance(self, id: str) -> Thing | None:
        found = self._first("ec2:DescribeInstances", {"InstanceIds": [id]}, "Reservations")
        return self._thing("instance", id, {"described": found["Instances"][0]}) if found else None

    def settings(self) -> Thing:
        """Of EBS in an account and Region."""
        return self._thing("settings", f"{self._account}/{self._region}", {
            "encrypts": bool(self._ask("ec2:GetEbsEncryptionByDefault", {}, "EbsEncryptionByDefault")),
            "key": self._ask("ec2:GetEbsDefaultKmsKeyId", {}, "KmsKeyId") or "",
            "public": self._ask("ec2:GetSnapshotBlockPublicAccessState", {}, "State") or "",
        })  # fmt: skip

    # IAM

    def user(self, arn: str) -> Thing | None:
        return self._holder("user", arn, "User")

    def role(self, arn: str) -> Thing | None:
        return self._holder("role", arn, "Role")

    def group(self, arn: str) -> Thing | None:
        return self._holder("group", arn, "Group")

    def policy(self, arn: str) -> Thing | None:
        found = self._ask("iam:GetPolicy", {"PolicyArn": arn}, "Policy")
        if not found:
            return None
        asked = {"PolicyArn": arn, "VersionId": found["DefaultVersionId"]}
        version = self._ask("iam:GetPolicyVersion", asked, "PolicyVersion")
        return self._thing("policy", arn, {"described": found, "document": version["Document"]})

    def _holder(self, kind: str, arn: str, noun: str) -> Thing | None:
        """With inline policies, ARNs of attached ones, and of a user's groups."""
        who = {f"{noun}Name": arn.rpartition("/")[2]}
        found = self._ask(f"iam:Get{noun}", who, noun)
        if not found or found["Arn"] != arn:
            return None
        inline = {
            name: self._ask(f"iam:Get{noun}Policy", {**who, "PolicyName": name}, "PolicyDocument")
            for name in self._pages(f"iam:List{noun}Policies", who, "PolicyNames")
        }
        attached = self._pages(f"iam:ListAttached{noun}Policies", who, "AttachedPolicies")
        groups = self._pages("iam:ListGroupsForUser", who, "Groups") if noun == "User" else ()
        return self._thing(kind, arn, {
            "described": found, "inline": inline, "attached": [one["PolicyArn"] for one in attached],
            "groups": [one["Arn"] for one in groups],
        })  # fmt: skip

    # Organizations

    def organization(self) -> Thing | None:
        """As its management account sees it; None where this account is not that of one."""
        found = self._ask("organizations:DescribeOrganization", {}, "Organization")
        if not found or found["MasterAccountId"] != self._account:
            return None
        root = self._ask("organizations:ListRoots", {}, "Roots")[0]
        return self._thing("organization", found["Arn"], {
            "described": found, "root": self._node(root, "ROOT"), "types": [one["Type"] for one in root["PolicyTypes"]],
            "policies": {kind: list(self._org_policies(kind)) for kind in POLICY_TYPES},
        })  # fmt: skip

    def _node(self, node: Json, kind: str) -> Json:
        parent = {"ParentId": node["Id"]}
        attached = [
            one["Id"]
            for type in POLICY_TYPES
            for one in self._pages(
                "organizations:ListPoliciesForTarget", {"TargetId": node["Id"], "Filter": type}, "Policies"
            )
        ]  # fmt: skip
        inner = () if kind == "ACCOUNT" else (
            *((one, "UNIT") for one in self._pages(
                "organizations:ListOrganizationalUnitsForParent", parent, "OrganizationalUnits")),
            *((one, "ACCOUNT") for one in self._pages("organizations:ListAccountsForParent", parent, "Accounts")),
        )  # fmt: skip
        below = [self._node(one, its) for one, its in inner]
        return {"id": node["Id"], "name": node.get("Name", ""), "kind": kind, "attached": attached, "below": below}

    def _org_policies(self, kind: str) -> Iterator[Json]:
        for one in self._pages("organizations:ListPolicies", {"Filter": kind}, "Policies"):
            if not one.get("AwsManaged"):
                policy = self._ask("organizations:DescribePolicy", {"PolicyId": one["Id"]}, "Policy")
                yield {"id": one["Id"], "name": one["Name"], "content": msgspec.json.decode(policy["Content"])}


POLICY_TYPES: Final = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
