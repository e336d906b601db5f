"""A folder as a capture of accounts: every file read by what AWS's command prints, every mistake with its place.

One row of `KINDS` a kind of file: the command whose answer it is, and the member of the answer that may wrap it. The
shape of the answer is botocore's, so a value of another type is a mistake at file:line:column; a member that AWS's
shape does not have is passed over, since AWS adds some every month. A `null` is what `--query` prints for an absent
member. Dates come out as milliseconds since 1970, policy documents as their text.

The same folder serves `reseal explain --policies` (folder.py, which tells what is unknown instead).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from botocore.model import ListShape, MapShape, Shape, StructureShape

from app.kernel import shapes
from app.kernel.regions import regions
from app.outside.folder import FILES_MAX, ORGANIZATION, Folder
from app.outside.papers import papers_in
from app.outside.reading import Source, Unreadable, member
from app.policy.document import DocumentKind, PolicySyntaxError, parse
from app.policy.scan import Array, Node, Object, Scalar

MISTAKES_MAX: Final = 100
_DOCUMENT: Final = "policyDocumentType"
_ENUMS: Final = frozenset({"KeyState", "KeyManagerType", "SnapshotState", "VolumeState", "GrantOperation"})
_WHOLE: Final = frozenset({"integer", "long"})
MOMENT_MS_MAX: Final = 253_402_300_799_000  # the last second of the year 9999
KEY_ARN: Final = re.compile(r"arn:aws:kms:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):key/(?P<id>[A-Za-z0-9-]+)")
_POLICY_ARN: Final = re.compile(r"arn:aws:iam::(?:\d{12}|aws):policy/.+")
_NAME: Final = r"[\w+=,.@-]{1,128}?"


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
    _kind("key", r"key-(?P<id>[A-Za-z0-9-]+)\.json", document=DocumentKind.RESOURCE),
    _kind("meta", r"key-(?P<id>[A-Za-z0-9-]+)\.meta\.json", "kms:DescribeKey", "KeyMetadata"),
    _kind("grants", r"key-(?P<id>[A-Za-z0-9-]+)\.grants\.json", "kms:ListGrants", "Grants"),
    _kind("key tags", r"key-(?P<id>[A-Za-z0-9-]+)\.tags\.json", "kms:ListResourceTags", "Tags"),
    _kind("aliases", r"aliases\.json", "kms:ListAliases", "Aliases"),
    _kind("snapshots", r"snapshots\.json", "ec2:DescribeSnapshots", "Snapshots"),
    _kind("permissions", r"snapshot-(?P<id>snap-[0-9a-f]+)\.permissions\.json", "ec2:DescribeSnapshotAttribute",
          "CreateVolumePermissions"),
    _kind("volumes", r"volumes\.json", "ec2:DescribeVolumes", "Volumes"),
    _kind("defaults", r"ebs-defaults\.json"),
)  # fmt: skip
_ELSEWHERE: Final = re.compile(r"session-.+\.json|endpoint-.+\.json")  # of explain alone
_PLACE: Final = re.compile(r"(?P<account>\d{12})/(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)/)?(?P<name>[^/]+)", re.ASCII)
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
}


class Mistakes(ValueError):
    """The folder can not be imported as it is; every mistake in the order of the files."""

    def __init__(self, mistakes: list[Unreadable]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Told:
    """One file: what it tells, as plain data. `region` is "" where the name of its folder does not tell it."""

    file: str
    kind: str
    account: str
    region: str
    body: Any
    id: str = ""  # key id, name of the user or role, snapshot id
    noun: str = ""
    documents: tuple[tuple[str, str], ...] = ()  # (name of the policy, text)


@dataclass(slots=True)
class Capture:
    """Everything that the folder tells, file by file, and the names of files that tell nothing."""

    folder: Folder
    files: list[Told] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)

    def of(self, kind: str) -> list[Told]:
        return [one for one in self.files if one.kind == kind]


def captured(folder: Folder) -> Capture:
    """The folder, read and checked. Raises Mistakes."""
    desk = _Desk(Capture(folder))
    if len(folder.names) >= FILES_MAX:
        desk.mistakes.append(Unreadable(".", f"holds {FILES_MAX} files or more"))
    for name in folder.names:
        desk.file(name)
    if not folder.accounts() and not desk.mistakes:
        desk.mistakes.append(Unreadable(".", "holds no folder named after an account id of 12 digits"))
    if desk.mistakes:
        raise Mistakes(desk.mistakes[:MISTAKES_MAX])
    return desk.capture


@dataclass(slots=True)
class _Desk:
    capture: Capture
    mistakes: list[Unreadable] = field(default_factory=list)
    source: Source = field(default_factory=lambda: Source("", "", Array((), None)))  # pyright: ignore

    def file(self, name: str) -> None:
        place = _PLACE.fullmatch(name)
        kind, found = _kind_of(place["name"]) if place else (None, None)
        if place and place["region"] and place["region"] not in regions():
            self.mistakes.append(Unreadable(name, f"there is no Region {place['region']}"))
        if name == ORGANIZATION:
            self._read(name)  # what it tells is read by organization.py
        elif place is None or kind is None or found is None:
            if place is None or not _ELSEWHERE.fullmatch(place["name"]):
                self.capture.passed_over.append(name)
        elif self._read(name):
            groups = found.groupdict()
            self._told(kind, place["account"], place["region"] or "", groups.get("id") or "", groups.get("noun") or "")

    def _read(self, name: str) -> bool:
        """Scans the file; what is wrong with it is a mistake with its place."""
        source = self.capture.folder.source(name, "capture")
        if source is None:
            self.mistakes.append(self.capture.folder.unreadable(name))
            return False
        self.source = source
        return True

    def _told(self, kind: Kind, account: str, region: str, id: str, noun: str) -> None:
        root = self.source.root
        documents = tuple(self._documents(kind)) if kind.document else ()
        body = None
        if kind.name == "defaults":
            body = self._defaults(root)
        elif kind.answer[0]:
            body = self._answer(kind, root)
        told = Told(self.source.file, kind.name, account, region, body, id, noun, documents)
        self.capture.files.append(told)

    def _documents(self, kind: Kind) -> Iterator[tuple[str, str]]:
        assert kind.document is not None
        papers = papers_in(self.source)
        if not papers and kind.name in ("key", "trust", "boundary"):
            self.wrong(self.source.root, "holds no policy document")
        for paper in papers:
            try:
                parse(paper.text, kind.document, lenient=True)
            except PolicySyntaxError as error:
                mark = paper.mark
                line, column = (mark.line, mark.column) if paper.is_embedded else (error.line, error.column)
                self.mistakes.append(Unreadable(paper.file, error.message, line, column))
            yield paper.name, paper.text.strip()

    def _answer(self, kind: Kind, root: Node) -> Any:
        service, operation = kind.answer
        shape: Any = shapes.operation_model(service, operation).output_shape
        if not kind.member:
            return self.fitted(shape, root) or {}
        shape, node = shape.members[kind.member], member(root, kind.member) or root
        if isinstance(shape, ListShape) and isinstance(node, Object):
            return self.wrong(root, f"has no {kind.member}, which {service} {operation} answers") or []
        return self.fitted(shape, node) or ([] if isinstance(shape, ListShape) else {})

    def _defaults(self, root: Node) -> dict[str, Any]:
        """GetEbsEncryptionByDefault and GetEbsDefaultKmsKeyId in one."""
        answers = ("GetEbsEncryptionByDefault", "GetEbsDefaultKmsKeyId")
        found: dict[str, Any] = {}
        for operation in answers:
            found |= self.fitted(shapes.operation_model("ec2", operation).output_shape, root) or {}
        return found

    # values by AWS's shapes

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


def _kind_of(name: str) -> tuple[Kind | None, re.Match[str] | None]:
    found = ((kind, kind.pattern.fullmatch(name)) for kind in KINDS)
    return next(((kind, match) for kind, match in found if match), (None, None))


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


def _wrong_tag(tag: dict[str, Any]) -> str:
    return "" if tag.get("Key") or tag.get("TagKey") else "lacks Key"


_CHECKS: Final[Mapping[str, Callable[[dict[str, Any]], str]]] = {
    "ManagedPolicyDetail": _wrong_versions,
    "Snapshot": _wrong_key,
    "Volume": _wrong_key,
    "Tag": _wrong_tag,
}


def _is_whole(node: Scalar) -> bool:
    return node.is_number and node.text.lstrip("-").isdigit() and len(node.text) <= 18
