"""What is laid out while a case is made: the folder's policies, where its grants stand, and the doubts."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.outside.event import Incident
from app.outside.folder import Folder
from app.outside.papers import Paper
from app.outside.ways import Change
from app.policy.document import DocumentKind, PolicySyntaxError, parse
from app.policy.question import LayerKind, Place, Policy


@dataclass(frozen=True, slots=True)
class Doubt:
    """`ways`: each makes the layers as they may be."""

    file: str
    what: str
    layer: LayerKind
    ways: tuple[Change, ...]

    @property
    def name(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a grant stands in its file."""

    file: str
    pointer: str
    line: int


@dataclass(slots=True)
class Desk:
    """What is laid out while a case is made."""

    incident: Incident
    folder: Folder
    papers: dict[Place, Paper] = field(default_factory=dict)
    grants: dict[str, Spot] = field(default_factory=dict)
    doubts: list[Doubt] = field(default_factory=list)
    expected: dict[LayerKind, str] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)

    @property
    def caller(self) -> str:
        """The account that called; "" where nothing tells it."""
        return self.incident.principal.account

    def policy(self, paper: Paper, place: Place, kind: DocumentKind) -> Policy | None:
        """The policy of a paper; None, and a gap, where it is no policy."""
        paper = paper.told_apart(len(self.papers) + 1)
        try:
            document = parse(paper.text, kind, lenient=True)
        except PolicySyntaxError as error:
            problem = f"{paper.label}:{paper.line_of(error.line)}: {error.message}"
            self.folder.spoil(paper.file, problem)
            return None
        self.papers[place] = paper
        return Policy(place, document)

    def policies(self, file: str, layer: LayerKind, kind: DocumentKind, holder: str) -> tuple[Policy, ...] | None:
        """All of a file; None where they are not known. A file of which one is broken is not known."""
        self.expected[layer] = file
        papers = self.folder.papers(file, layer.value)
        if papers is None:
            return None
        account = file.partition("/")[0]
        found = [
            self.policy(paper, Place(layer, account, paper.name or f"{layer.value} {nth}", holder), kind)
            for nth, paper in enumerate(papers)
        ]
        return tuple(one for one in found if one) if all(found) else None

    def doubt(self, file: str, what: str, layer: LayerKind, *ways: Change) -> None:
        problem = next((one.problem for one in self.folder.looked if one.file == file and one.problem), "")
        self.doubts.append(Doubt(file, f"{what} ({problem})" if problem else what, layer, ways))
