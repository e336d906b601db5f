"""A folder as a capture of accounts: every file read by what AWS's command prints, every mistake with its place.

One row of `KINDS` a kind of file: the command whose answer it is, and the member of the answer that may wrap it. The
shape of the answer is botocore's, so a value of another type is a mistake at file:line:column; a member that AWS's
shape does not have is passed over, since AWS adds some every month. A `null` is what `--query` prints for an absent
member. Dates come out as milliseconds since 1970, policy documents as their text.

The same folder serves `reseal explain --policies` (folder.py, which tells what is unknown instead).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.model import ListShape

from app.kernel import shapes
from app.kernel.regions import regions
from app.outside.capture_fit import Fitting
from app.outside.capture_kinds import ELSEWHERE, PLACE, UNREAD, Kind, kind_of
from app.outside.folder import FILES_MAX, ORGANIZATION, Folder
from app.outside.papers import papers_in
from app.outside.reading import Source, Unreadable, items, member, text_at
from app.policy.document import PolicySyntaxError, parse
from app.policy.scan import Array, Node, Object

MISTAKES_MAX: Final = 100


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


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that the capture script could not write: `error` is the code that AWS answered."""

    file: str
    error: str


@dataclass(slots=True)
class Capture:
    """Everything that the folder tells, file by file, what it could not read, and the names of files without use."""

    folder: Folder
    files: list[Told] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

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
    fitting: Fitting = field(init=False)

    def __post_init__(self) -> None:
        self.fitting = Fitting(Source("", "", Array((), None)), self.mistakes)  # pyright: ignore

    @property
    def source(self) -> Source:
        return self.fitting.source

    def file(self, name: str) -> None:
        place = PLACE.fullmatch(name)
        kind, found = kind_of(place["name"]) if place else (None, None)
        if place and place["region"] and place["region"] not in regions():
            self.mistakes.append(Unreadable(name, f"there is no Region {place['region']}"))
        if name == ORGANIZATION:
            self._read(name)  # what it tells is read by organization.py
        elif name == UNREAD:
            self._unread(name)
        elif place is None or kind is None or found is None:
            if place is None or not ELSEWHERE.fullmatch(place["name"]):
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
        self.fitting.source = source
        return True

    def _unread(self, name: str) -> None:
        """What the script was refused: [{"File", "Error"}]."""
        if not self._read(name):
            return
        if not isinstance(self.source.root, Array):
            self.fitting.wrong(self.source.root, "is no list")
        for node in items(self.source.root):
            file, error = text_at(node, "File"), text_at(node, "Error")
            if not file or not error:
                self.fitting.wrong(node, "lacks File or Error")
            self.capture.unread.append(Unread(file, error))

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
            self.fitting.wrong(self.source.root, "holds no policy document")
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
            return self.fitting.fitted(shape, root) or {}
        shape, node = shape.members[kind.member], member(root, kind.member) or root
        if isinstance(shape, ListShape) and isinstance(node, Object):
            return self.fitting.wrong(root, f"has no {kind.member}, which {service} {operation} answers") or []
        return self.fitting.fitted(shape, node) or ([] if isinstance(shape, ListShape) else {})

    def _defaults(self, root: Node) -> dict[str, Any]:
        """GetEbsEncryptionByDefault and GetEbsDefaultKmsKeyId in one."""
        answers = ("GetEbsEncryptionByDefault", "GetEbsDefaultKmsKeyId")
        found: dict[str, Any] = {}
        for operation in answers:
            found |= self.fitting.fitted(shapes.operation_model("ec2", operation).output_shape, root) or {}
        return found
