"""Files of a capture: one row a kind, the command whose answer it is, and the member of the answer that may wrap it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from app.policy.document import DocumentKind

_NAME: Final = r"[\w+=,.@-]{1,128}?"
_KEY: Final = r"[A-Za-z0-9-]+"


@dataclass(frozen=True, slots=True)
class Kind:
    """A row: files of one kind. `answer`: service and operation; `member`: of its answer, which may be left out."""

    name: str
    pattern: re.Pattern[str]
    answer: tuple[str, str] = ("", "")
    member: str = ""
    document: DocumentKind | None = None  # of the policies in it, where they are not the answer's


def _kind(name: str, pattern: str, answer: str = "", member: str = "", **more: Any) -> Kind:
    service, _, operation = answer.partition(":")
    return Kind(name, re.compile(pattern, re.ASCII), (service, operation), member, **more)


KINDS: Final = (
    _kind("details", r"authorization-details\.json", "iam:GetAccountAuthorizationDetails"),
    _kind("trust", rf"role-(?P<id>{_NAME})\.trust\.json", document=DocumentKind.TRUST),
    _kind("boundary", rf"(?P<noun>role|user)-(?P<id>{_NAME})\.boundary\.json", document=DocumentKind.BOUNDARY),
    _kind("holder", rf"(?P<noun>role|user)-(?P<id>{_NAME})\.json", document=DocumentKind.IDENTITY),
    _kind("key", rf"key-(?P<id>{_KEY})\.json", document=DocumentKind.RESOURCE),
    _kind("meta", rf"key-(?P<id>{_KEY})\.meta\.json", "kms:DescribeKey", "KeyMetadata"),
    _kind("grants", rf"key-(?P<id>{_KEY})\.grants\.json", "kms:ListGrants", "Grants"),
    _kind("key tags", rf"key-(?P<id>{_KEY})\.tags\.json", "kms:ListResourceTags", "Tags"),
    _kind("rotation", rf"key-(?P<id>{_KEY})\.rotation\.json", "kms:GetKeyRotationStatus"),
    _kind("rotations", rf"key-(?P<id>{_KEY})\.rotations\.json", "kms:ListKeyRotations", "Rotations"),
    _kind("aliases", r"aliases\.json", "kms:ListAliases", "Aliases"),
    _kind("snapshots", r"snapshots\.json", "ec2:DescribeSnapshots", "Snapshots"),
    _kind("permissions", r"snapshot-(?P<id>snap-[0-9a-f]+)\.permissions\.json", "ec2:DescribeSnapshotAttribute",
          "CreateVolumePermissions"),
    _kind("volumes", r"volumes\.json", "ec2:DescribeVolumes", "Volumes"),
    _kind("images", r"images\.json", "ec2:DescribeImages", "Images"),
    _kind("launch permissions", r"image-(?P<id>ami-[0-9a-f]+)\.permissions\.json", "ec2:DescribeImageAttribute",
          "LaunchPermissions"),
    _kind("instances", r"instances\.json", "ec2:DescribeInstances", "Reservations"),
    _kind("locks", r"locks\.json", "ec2:DescribeLockedSnapshots", "Snapshots"),
    _kind("tiers", r"tiers\.json", "ec2:DescribeSnapshotTierStatus", "SnapshotTierStatuses"),
    _kind("fast restores", r"fast-restores\.json", "ec2:DescribeFastSnapshotRestores", "FastSnapshotRestores"),
    _kind("bin", r"recycle-bin\.json", "ec2:ListSnapshotsInRecycleBin", "Snapshots"),
    _kind("rule", r"retention-rule-(?P<id>[A-Za-z0-9]+)\.json", "rbin:GetRule"),
    _kind("public access", r"public-access\.json", "ec2:GetSnapshotBlockPublicAccessState"),
    _kind("defaults", r"ebs-defaults\.json"),
)  # fmt: skip
UNREAD: Final = "unread.json"  # what the capture script was refused
ELSEWHERE: Final = re.compile(r"session-.+\.json|endpoint-.+\.json")  # of explain alone
PLACE: Final = re.compile(r"(?P<account>\d{12})/(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)/)?(?P<name>[^/]+)", re.ASCII)


def kind_of(name: str) -> tuple[Kind | None, re.Match[str] | None]:
    found = ((kind, kind.pattern.fullmatch(name)) for kind in KINDS)
    return next(((kind, match) for kind, match in found if match), (None, None))
