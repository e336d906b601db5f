"""DIR/organization.json: the tree, and the SCPs and RCPs above an account (policy-evaluation.md 4.2, 4.8).

A level without any SCP listed is taken to have FullAWSAccess, because AWS keeps at least one on every node; a level
with one is taken as listed: one whose only policy is a Deny allows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from app.outside.folder import ORGANIZATION, Folder
from app.outside.papers import Paper, papers_in
from app.outside.reading import Source, items, member, plain
from app.policy.question import LayerKind

TYPES: Final = {LayerKind.SCP: "SERVICE_CONTROL_POLICY", LayerKind.RCP: "RESOURCE_CONTROL_POLICY"}


@dataclass(frozen=True, slots=True)
class Attached:
    """A policy of the organization, and the ids of what it is attached to."""

    id: str
    arn: str
    type: str
    paper: Paper
    targets: frozenset[str]
    name: str


@dataclass(frozen=True, slots=True)
class Tree:
    id: str
    management: str
    parents: dict[str, str]  # node -> the node above; the root has ""
    disabled: frozenset[str]  # types that are said not to be in force
    policies: tuple[Attached, ...]
    gaps: tuple[str, ...]  # what the file leaves open

    def path(self, account: str) -> tuple[str, ...]:
        """From the root to the account; empty for an account that is no member."""
        if account not in self.parents:
            return ()
        path = [account]
        while (above := self.parents.get(path[-1], "")) and above not in path:
            path.append(above)
        return tuple(reversed(path))

    def org_path(self, account: str) -> str:
        return "/".join((self.id, *self.path(account)[:-1], ""))

    def levels(self, account: str, kind: LayerKind) -> tuple[tuple[str, tuple[Attached, ...]], ...]:
        """Levels with a policy of that kind; none for the management account, or where the type is not in force."""
        if account == self.management or TYPES[kind] in self.disabled:
            return ()
        mine = [one for one in self.policies if one.type == TYPES[kind]]
        levels = ((target, tuple(one for one in mine if target in one.targets)) for target in self.path(account))
        return tuple(level for level in levels if level[1])


def organization(folder: Folder) -> Tree | None:
    """None where there is no file, or it can not be read."""
    source = folder.source(ORGANIZATION, "organization")
    if source is None:
        return None
    body = plain(source.root)
    if not isinstance(body, dict):
        folder.spoil(ORGANIZATION, f"{ORGANIZATION}: holds no organization")
        return None
    told = body.get("Organization")
    about: dict[str, Any] = told if isinstance(told, dict) else {}
    roots = [one for one in _dicts(body, "Roots") if isinstance(one.get("Id"), str)]
    parents, gaps = _parents(body, roots)
    policies, loose = _policies(source)
    return Tree(
        id=str(about.get("Id") or ""),
        management=str(about.get("MasterAccountId") or about.get("ManagementAccountId") or ""),
        parents=parents,
        disabled=frozenset(_disabled(roots)),
        policies=policies,
        gaps=(*gaps, *loose),
    )


def _parents(body: dict[str, Any], roots: list[dict[str, Any]]) -> tuple[dict[str, str], list[str]]:
    """Without a ParentId a node hangs under the only root; which unit it is in is then not known."""
    parents, gaps = {root["Id"]: "" for root in roots}, list[str]()
    units = _dicts(body, "OrganizationalUnits")
    for node in (*units, *_dicts(body, "Accounts")):
        id, parent = node.get("Id"), node.get("ParentId")
        if not isinstance(id, str):
            continue
        if not isinstance(parent, str):
            gaps += [f"{ORGANIZATION}: ParentId of {id}"] if units or len(roots) != 1 else []
            parent = roots[0]["Id"] if roots else ""
        parents[id] = parent
    return parents, gaps


def _disabled(roots: list[dict[str, Any]]) -> Iterator[str]:
    """Types that a root lists as something else than ENABLED, or leaves out of a list that it has."""
    for root in roots:
        listed = root.get("PolicyTypes")
        if isinstance(listed, list) and listed:
            enabled = {one.get("Type") for one in listed if isinstance(one, dict) and one.get("Status") == "ENABLED"}
            yield from (type for type in TYPES.values() if type not in enabled)


def _policies(source: Source) -> tuple[tuple[Attached, ...], list[str]]:
    found, gaps = list[Attached](), list[str]()
    for node in items(member(source.root, "Policies")):
        holder = member(node, "Policy") or node
        summary = plain(member(holder, "PolicySummary")) or plain(holder)
        papers = papers_in(Source(source.file, source.text, holder))
        targets = plain(member(node, "Targets") or member(holder, "Targets"))
        id = str(summary.get("Id") or summary.get("Arn") or "") if isinstance(summary, dict) else ""
        if not papers or not isinstance(summary, dict):
            gaps.append(f"{ORGANIZATION}: Content of policy {id or '?'}")
            continue
        if not isinstance(targets, list):
            gaps.append(f"{ORGANIZATION}: Targets of policy {id}")
            continue
        ids = frozenset(str(one.get("TargetId")) if isinstance(one, dict) else str(one) for one in targets)
        arn, type = str(summary.get("Arn") or id), str(summary.get("Type") or TYPES[LayerKind.SCP])
        found.append(Attached(id, arn, type, papers[0], ids, str(summary.get("Name") or id)))
    return tuple(found), gaps


def _dicts(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = body.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
