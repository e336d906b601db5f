"""A world written down as AWS's own commands would print it, in the layout of ecosystem.md 7.2."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.kernel.call import Caller, Request, root_of
from app.kernel.cloud import Cloud
from app.kernel.log import EventEntry
from app.services.kms.records import Grant, Key

Json = dict[str, Any]


class Exporter:
    def __init__(self, cloud: Cloud, folder: Path, region: str) -> None:
        self.cloud, self.folder, self.region = cloud, folder, region

    def ask(self, account: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        reply = self.cloud.call(Request(operation, parameters, root_of(account), self.region))
        assert reply.error is None, (operation, reply.error)
        assert reply.answer is not None
        return reply.answer

    def write(self, file: str, body: Any) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(body, indent=4, default=str), encoding="utf-8")

    def account(self, id: str) -> None:
        self._keys(id)
        self._users(id)
        self._roles(id)
        self.write(f"{id}/aliases.json", self.ask(id, "kms:ListAliases"))
        self._snapshots(id)

    def _keys(self, id: str) -> None:
        for key in self.ask(id, "kms:ListKeys")["Keys"]:
            stem = f"{id}/key-{key['KeyId']}"
            record = self.cloud.world.records.get(Key, id, self.region, key["KeyId"])  # roots may be shut out
            assert record is not None
            self.write(f"{stem}.json", {"Policy": record.policy, "PolicyName": "default"})
            self.write(f"{stem}.meta.json", {"KeyMetadata": _metadata(record)})
            self.write(f"{stem}.grants.json", {"Grants": self._grants(record)})

    def _grants(self, key: Key) -> list[Json]:
        found = self.cloud.world.records.scan_index(Grant, "key", key.account, key.region, key.id)
        return [
            {
                "KeyId": key.arn, "GrantId": one.id, "GranteePrincipal": one.grantee,
                "Operations": list(one.operations),
                **({"Constraints": {one.constraint: dict(one.pairs)}} if one.constraint else {}),
            }
            for one in found
        ]  # fmt: skip

    def _users(self, id: str) -> None:
        for user in self.ask(id, "iam:ListUsers")["Users"]:
            name = user["UserName"]
            self.write(f"{id}/user-{name}.json", dict(self._policies(id, "User", name)))
            self._boundary(id, f"user-{name}", self.ask(id, "iam:GetUser", UserName=name)["User"])

    def _roles(self, id: str) -> None:
        for role in self.ask(id, "iam:ListRoles")["Roles"]:
            name = role["RoleName"]
            self.write(f"{id}/role-{name}.json", dict(self._policies(id, "Role", name)))
            shown = self.ask(id, "iam:GetRole", RoleName=name)["Role"]
            trust = _document(shown["AssumeRolePolicyDocument"])
            self.write(f"{id}/role-{name}.trust.json", {"Role": {**shown, "AssumeRolePolicyDocument": trust}})
            self._boundary(id, f"role-{name}", shown)

    def _policies(self, id: str, noun: str, name: str) -> Iterator[tuple[str, Any]]:
        holder = {f"{noun}Name": name}
        for policy in self.ask(id, f"iam:List{noun}Policies", **holder)["PolicyNames"]:
            shown = self.ask(id, f"iam:Get{noun}Policy", PolicyName=policy, **holder)
            yield policy, _document(shown["PolicyDocument"])
        for one in self.ask(id, f"iam:ListAttached{noun}Policies", **holder)["AttachedPolicies"]:
            yield one["PolicyName"], self._managed(id, one["PolicyArn"])

    def _managed(self, id: str, arn: str) -> Any:
        version = self.ask(id, "iam:GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
        return _document(
            self.ask(id, "iam:GetPolicyVersion", PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        )

    def _boundary(self, id: str, stem: str, shown: Mapping[str, Any]) -> None:
        if bound := shown.get("PermissionsBoundary"):
            self.write(f"{id}/{stem}.boundary.json", self._managed(id, bound["PermissionsBoundaryArn"]))

    def _snapshots(self, id: str) -> None:
        found = []
        for one in self.ask(id, "ec2:DescribeSnapshots", OwnerIds=["self"])["Snapshots"]:
            told = self.ask(
                id, "ec2:DescribeSnapshotAttribute", SnapshotId=one["SnapshotId"], Attribute="createVolumePermission"
            )
            found.append({**one, "CreateVolumePermissions": told["CreateVolumePermissions"]})
        self.write(f"{id}/snapshots.json", {"Snapshots": found})

    def session(self, caller: Caller) -> None:
        name = caller.role_arn.rpartition("/")[2]
        for nth, text in enumerate(caller.session_policies or ()):
            assert nth == 0, "one inline session policy"
            self.write(f"{caller.account}/session-{name}.json", json.loads(text))

    def organization(self, management: str) -> None:
        about = self.ask(management, "organizations:DescribeOrganization")["Organization"]
        roots = self.ask(management, "organizations:ListRoots")["Roots"]
        units, accounts = list[Json](), list[Json]()
        for root in roots:
            self._below(management, root["Id"], units, accounts)
        policies = list(self._organization_policies(management))
        body = {"Organization": about, "Roots": roots, "OrganizationalUnits": units, "Accounts": accounts}
        self.write("organization.json", {**body, "Policies": policies})

    def _below(self, management: str, parent: str, units: list[Json], accounts: list[Json]) -> None:
        for one in self.ask(management, "organizations:ListAccountsForParent", ParentId=parent)["Accounts"]:
            accounts.append({**one, "ParentId": parent})
        found = self.ask(management, "organizations:ListOrganizationalUnitsForParent", ParentId=parent)
        for one in found["OrganizationalUnits"]:
            units.append({**one, "ParentId": parent})
            self._below(management, one["Id"], units, accounts)

    def _organization_policies(self, management: str) -> Iterator[Json]:
        for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
            for one in self.ask(management, "organizations:ListPolicies", Filter=kind)["Policies"]:
                shown = self.ask(management, "organizations:DescribePolicy", PolicyId=one["Id"])["Policy"]
                targets = self.ask(management, "organizations:ListTargetsForPolicy", PolicyId=one["Id"])["Targets"]
                yield {**shown, "Targets": targets}


def _document(text: Any) -> Any:
    """As the `aws` command prints it: opened."""
    return json.loads(text) if isinstance(text, str) else text


def _metadata(key: Key) -> Json:
    return {
        "AWSAccountId": key.account, "KeyId": key.id, "Arn": key.arn, "Enabled": key.state == "Enabled",
        "KeyUsage": key.usage, "KeyState": key.state, "Origin": key.origin, "KeyManager": key.manager,
        "KeySpec": key.spec, "MultiRegion": key.multi_region,
    }  # fmt: skip


def events(cloud: Cloud, account: str, request_id: str) -> list[Json]:
    """The account's records of a request and of what it set off, in order."""
    entries = (entry for _, entry in cloud.world.log.entries() if isinstance(entry, EventEntry))
    return [
        json.loads(one.body) for one in entries if one.account == account and request_id in (one.root, one.request_id)
    ]
