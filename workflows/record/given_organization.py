"""Set-up steps for an organization: its members join at the beginning, and its policies come into force at the end.

Members are invited and accept: an account that the organization made would get an id of its own.
"""

# pyright: basic

from __future__ import annotations

from collections.abc import Iterator

from workflows.port import Json
from workflows.record.recording import Thing
from workflows.record.sheet import Sheet, Step


class Organized:
    """One organization. Only accounts that take part in the file are its members there."""

    def __init__(self, thing: Thing, sheet: Sheet) -> None:
        self._told, self._sheet, self._manager = thing.told, sheet, thing.account
        self._root = ""
        self._nodes: dict[str, str] = {}  # id -> reference

    def joining(self) -> Iterator[Step]:
        made = self._step(
            "organization", "CreateOrganization", {"FeatureSet": self._told["described"].get("FeatureSet", "ALL")}
        )
        yield made
        self._sheet.references.add(self._told["described"]["Id"], f"{made['id']}.Organization.Id")
        roots = self._step("roots", "ListRoots", {})
        yield roots
        self._root = f"{roots['id']}.Roots[0].Id"
        self._sheet.references.add(self._told["root"]["id"], self._root)
        for account in self._accounts(self._told["root"]):
            yield from invited(self._sheet, self._manager, account)
        yield from self._units(self._told["root"])

    def _units(self, node: Json) -> Iterator[Step]:
        for one in node["below"]:
            if one["kind"] == "UNIT":
                parameters = {"ParentId": node["id"], "Name": one["name"]}
                made = self._step(
                    f"unit-{one['name']}", "CreateOrganizationalUnit", self._sheet.references.put(parameters)
                )
                yield made
                self._sheet.references.add(one["id"], f"{made['id']}.OrganizationalUnit.Id")
                yield from self._units(one)
            elif node["kind"] == "UNIT" and one["id"] in self._sheet.aliases:
                parameters = {
                    "AccountId": self._sheet.account(one["id"]), "SourceParentId": f"${{{{ {self._root} }}}}",
                    "DestinationParentId": self._sheet.references.put(node["id"]),
                }  # fmt: skip
                yield self._step("move", "MoveAccount", parameters)

    def in_force(self) -> Iterator[Step]:
        root = f"${{{{ {self._root} }}}}"
        for type in self._told["types"]:
            yield self._step("enable-policies", "EnablePolicyType", {"RootId": root, "PolicyType": type})
        for type, policies in self._told["policies"].items():
            for one in policies:
                content = self._sheet.keep(f"organization/{one['name']}", one["content"])
                parameters = {"Name": one["name"], "Description": "-", "Type": type, "Content": content}
                made = self._step(one["name"], "CreatePolicy", parameters)
                yield made
                self._sheet.references.add(one["id"], f"{made['id']}.Policy.PolicySummary.Id")
        yield from self._attached(self._told["root"])

    def _attached(self, node: Json) -> Iterator[Step]:
        """What is attached to each part of the tree; AWS's own policies last, in case they were taken off."""
        for one in node["below"]:
            yield from self._attached(one)
        if node["kind"] == "ACCOUNT" and node["id"] not in self._sheet.aliases:
            return
        target = (
            self._sheet.account(node["id"]) if node["kind"] == "ACCOUNT" else self._sheet.references.put(node["id"])
        )
        for id in node["attached"]:
            if id in self._sheet.references:
                parameters = {"PolicyId": self._sheet.references.put(id), "TargetId": target}
                yield self._step("attach-policy", "AttachPolicy", parameters)
        if "SERVICE_CONTROL_POLICY" in self._told["types"] and "p-FullAWSAccess" not in node["attached"]:
            parameters = {"PolicyId": "p-FullAWSAccess", "TargetId": target}
            yield self._step("detach-policy", "DetachPolicy", parameters)

    def _accounts(self, node: Json) -> Iterator[str]:
        for one in node["below"]:
            if one["kind"] != "ACCOUNT":
                yield from self._accounts(one)
            elif one["id"] != self._manager and one["id"] in self._sheet.aliases:
                yield one["id"]

    def _step(self, id: str, operation: str, parameters: Json) -> Step:
        sheet = self._sheet
        return sheet.step(sheet.id(id), sheet.root(self._manager), f"organizations:{operation}", "", parameters)


def invited(sheet: Sheet, manager: str, account: str, comment: str = "") -> Iterator[Step]:
    """An account joins: it is invited, and accepts."""
    target = {"Id": sheet.account(account), "Type": "ACCOUNT"}
    invite = sheet.id(f"invite-{sheet.aliases[account]}")
    yield sheet.step(
        invite, sheet.root(manager), "organizations:InviteAccountToOrganization", "", {"Target": target}, comment
    )
    yield sheet.step(
        sheet.id(f"{sheet.aliases[account]}-joins"), sheet.root(account), "organizations:AcceptHandshake", "",
        {"HandshakeId": f"${{{{ {invite}.Handshake.Id }}}}"},
    )  # fmt: skip
