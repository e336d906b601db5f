"""Values of a file by AWS's own shapes, as plain data: what botocore says an answer is made of.

A value of another type is a mistake at file:line:column. Dates come out as milliseconds since 1970, policy documents as
their text; a member that the shape does not have is passed over.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from botocore.model import ListShape, MapShape, Shape, StructureShape

from app.kernel import shapes
from app.outside.reading import Source, Unreadable, member
from app.policy.document import DocumentKind, PolicySyntaxError, parse
from app.policy.scan import Array, Node, Object, Scalar

_DOCUMENT: Final = "policyDocumentType"
_ENUMS: Final = frozenset({
    "KeyState", "KeyManagerType", "SnapshotState", "VolumeState", "GrantOperation", "KeyMaterialState", "RotationType",
    "ImportState", "ImageState", "InstanceStateName", "LockState", "TieringOperationStatus", "RuleStatus",
    "FastSnapshotRestoreStateCode", "SnapshotBlockPublicAccessState",
})  # fmt: skip
_WHOLE: Final = frozenset({"integer", "long"})
MOMENT_MS_MAX: Final = 253_402_300_799_000  # the last second of the year 9999
KEY_ARN: Final = re.compile(r"arn:aws:kms:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):key/(?P<id>[A-Za-z0-9-]+)")
_POLICY_ARN: Final = re.compile(r"arn:aws:iam::(?:\d{12}|aws):policy/.+")
_MATERIAL_ID: Final = re.compile(r"[0-9a-f]{64}")
REQUIRES: Final[Mapping[str, tuple[str, ...]]] = {  # what a structure of AWS's has to have, by its shape
    "UserDetail": ("UserName",),
    "GroupDetail": ("GroupName",),
    "RoleDetail": ("RoleName", "AssumeRolePolicyDocument"),
    "ManagedPolicyDetail": ("PolicyName", "Arn", "DefaultVersionId", "PolicyVersionList"),
    "PolicyVersion": ("VersionId",),
    "PolicyDetail": ("PolicyName", "PolicyDocument"),
    "AttachedPolicy": ("PolicyArn",),
    "AttachedPermissionsBoundary": ("PermissionsBoundaryArn",),
    "GrantListEntry": ("GrantId", "Operations"),
    "AliasListEntry": ("AliasName",),
    "Snapshot": ("SnapshotId", "State"),
    "Volume": ("VolumeId", "AvailabilityZone", "Size", "State"),
    "Image": ("ImageId", "Name", "State"),
    "Instance": ("InstanceId", "State", "Placement"),
    "LockedSnapshotsInfo": ("SnapshotId", "LockState"),
    "SnapshotTierStatus": ("SnapshotId",),
    "SnapshotRecycleBinInfo": ("SnapshotId",),
    "DescribeFastSnapshotRestoreSuccessItem": ("SnapshotId", "AvailabilityZone", "State"),
    "GetRuleResponse": ("Identifier", "RetentionPeriod"),
    "RetentionPeriod": ("RetentionPeriodValue",),
    "ResourceTag": ("ResourceTagKey",),
    "GetSnapshotBlockPublicAccessStateResult": ("State",),
}


@dataclass(slots=True)
class Fitting:
    """One file, and the mistakes found in it and in those before."""

    source: Source
    mistakes: list[Unreadable]

    def fitted(self, shape: Shape | Any, node: Node) -> Any:
        """The value as plain data; None, and a mistake, where it is of another type."""
        if isinstance(node, Scalar) and node.value is None:
            return None
        if isinstance(shape, StructureShape):
            return self._structure(shape, node)
        if isinstance(shape, ListShape):
            return self._list(shape, node)
        if isinstance(shape, MapShape):
            return self._map(shape, node)
        return self._scalar(shape, node)

    def _structure(self, shape: StructureShape, node: Node) -> Any:
        if not isinstance(node, Object):
            return self.wrong(node, f"is no object ({shape.name})")
        members: dict[str, Any] = dict(shape.members)  # pyright: ignore
        more = {"CreateVolumePermissions": _permissions()} if shape.name == "Snapshot" else {}
        values = {
            one.name: self.fitted((members | more)[one.name], one.value)
            for one in node.members
            if one.name in members or one.name in more
        }
        found = {name: value for name, value in values.items() if value is not None}
        for name in REQUIRES.get(shape.name, ()):
            if found.get(name) in (None, "") and _is_null(member(node, name)):
                self.wrong(node, f"lacks {name}")
        if shape.name in _CHECKS and (problem := _CHECKS[shape.name](found)):
            self.wrong(node, problem)
        return found

    def _list(self, shape: ListShape, node: Node) -> Any:
        if not isinstance(node, Array):
            return self.wrong(node, f"is no list ({shape.name})")
        fitted = (self.fitted(shape.member, item) for item in node.items)
        return [one for one in fitted if one is not None]

    def _map(self, shape: MapShape, node: Node) -> Any:
        if not isinstance(node, Object):
            return self.wrong(node, f"is no object ({shape.name})")
        return {one.name: self.fitted(shape.value, one.value) for one in node.members}

    def _scalar(self, shape: Shape | Any, node: Node) -> Any:
        if shape.name == _DOCUMENT:
            return self._document(node)
        if not isinstance(node, Scalar):
            return self.wrong(node, f"is no {shape.type_name}")
        if shape.type_name == "timestamp":
            return self._moment(node)
        if shape.type_name == "boolean":
            return node.value if isinstance(node.value, bool) else self.wrong(node, "is neither true nor false")
        if shape.type_name in _WHOLE:
            return int(node.text) if _is_whole(node) else self.wrong(node, "is no whole number")
        return self._text(shape, node)

    def _text(self, shape: Any, node: Scalar) -> Any:
        if not isinstance(node.value, str) or node.is_number:
            return self.wrong(node, "is no text")
        known = shape.enum if shape.name in _ENUMS else None
        if known and node.value not in known:
            return self.wrong(node, f"is none of {', '.join(known)}")
        return node.value

    def _document(self, node: Node) -> Any:
        """Its text: of an object as it stands in the file, else opened from IAM's percent encoding."""
        if isinstance(node, Object):
            return self._checked(node, self.source.text[node.mark.offset : node.mark.end])
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return self._checked(node, unquote(node.value) if node.value.startswith("%7B") else node.value)
        return self.wrong(node, "is no policy document")

    def _checked(self, node: Node, text: str) -> str:
        kind = DocumentKind.TRUST if node.mark.pointer.endswith("/AssumeRolePolicyDocument") else DocumentKind.IDENTITY
        try:
            parse(text, kind, lenient=True)
        except PolicySyntaxError as error:
            self.wrong(node, error.message)
        return text

    def _moment(self, node: Scalar) -> int | None:
        """ISO 8601, or seconds since 1970 as older commands print them."""
        try:
            if node.is_number:
                return _within(int(float(node.text) * 1000))
            at = datetime.datetime.fromisoformat(str(node.value))
            return _within(int((at if at.tzinfo else at.replace(tzinfo=datetime.UTC)).timestamp() * 1000))
        except (ValueError, OverflowError):
            return self.wrong(node, "is no date")

    def wrong(self, node: Node, message: str) -> None:
        where = f"{node.mark.pointer}: " if node.mark.pointer else ""
        self.mistakes.append(Unreadable(self.source.file, where + message, node.mark.line, node.mark.column))


def _permissions() -> Shape | Any:
    shape: Any = shapes.operation_model("ec2", "DescribeSnapshotAttribute").output_shape
    return shape.members["CreateVolumePermissions"]


def _within(at_ms: int) -> int:
    if not 0 <= at_ms <= MOMENT_MS_MAX:
        raise ValueError("beyond what a date can be")
    return at_ms


def _is_null(node: Node | None) -> bool:
    return node is None or (isinstance(node, Scalar) and node.value in (None, ""))


def _wrong_versions(policy: dict[str, Any]) -> str:
    """The default version of a managed policy has to be told with its document, and its ARN has to be one."""
    if not _POLICY_ARN.fullmatch(policy.get("Arn") or "arn:aws:iam::aws:policy/x"):
        return "Arn is no ARN of a policy"
    versions = policy.get("PolicyVersionList") or ()
    told = {version.get("VersionId") for version in versions if version.get("Document")}
    default = policy.get("DefaultVersionId")
    return f"has no Document of its default version {default}" if versions and default not in told else ""


def _wrong_key(entry: dict[str, Any]) -> str:
    key = entry.get("KmsKeyId") or ""
    return "" if not key or KEY_ARN.fullmatch(key) else "KmsKeyId is no ARN of a key"


def _wrong_material(entry: dict[str, Any]) -> str:
    id = entry.get("KeyMaterialId") or entry.get("CurrentKeyMaterialId") or ""
    return "" if not id or _MATERIAL_ID.fullmatch(id) else "KeyMaterialId is none of 64 hex digits"


def _wrong_tag(tag: dict[str, Any]) -> str:
    return "" if tag.get("Key") or tag.get("TagKey") else "lacks Key"


_CHECKS: Final[Mapping[str, Callable[[dict[str, Any]], str]]] = {
    "ManagedPolicyDetail": _wrong_versions,
    "Snapshot": _wrong_key,
    "Volume": _wrong_key,
    "Tag": _wrong_tag,
    "KeyMetadata": _wrong_material,
    "RotationsListEntry": _wrong_material,
}


def _is_whole(node: Scalar) -> bool:
    return node.is_number and node.text.lstrip("-").isdigit() and len(node.text) <= 18
