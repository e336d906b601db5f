"""An explanation as a value: everything that is said, before it is laid out as text or JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.policy.causes import Cause


class Sure(StrEnum):
    """How well reseal knows what AWS does here; later is less."""

    VERBATIM = "verbatim"  # AWS's own words or behaviour, recorded
    DOCUMENTED = "documented"
    OBSERVED = "observed"  # reported by others
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True)
class Confidence:
    """Of the decision, and of the words that the caller saw; None where the log does not tell."""

    decision: Sure | None
    words: Sure | None = None
    notes: tuple[str, ...] = ()  # what is inferred, a sentence each

    @property
    def weakest(self) -> Sure | None:
        order = list(Sure)
        return max((one for one in (self.decision, self.words) if one), key=order.index, default=None)


@dataclass(frozen=True, slots=True)
class Position:
    """In a text: line and column count from 1, offset from 0."""

    line: int
    column: int
    offset: int


@dataclass(frozen=True, slots=True)
class Where:
    """A policy or grant, and the statement or element in it. `file` is None where no file is known to hold it.

    `start` is None where there is nothing to point at: the policy that should have spoken does not exist, or has no
    statement near it.
    """

    kind: str  # because.kind of ecosystem.md 7.2
    account: str
    policy: str
    title: str
    file: str | None = None
    pointer: str = ""
    sid: str = ""
    start: Position | None = None
    end: Position | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a policy as it is shown. `caret` is an offset in `text`, and `label` stands behind the carets."""

    line: int | None
    text: str
    note: str = ""
    caret: int = 0
    length: int = 0  # of the carets; 0: none
    label: str = ""


@dataclass(frozen=True, slots=True)
class Pointed:
    """The one place to look at. Without rows it is named only."""

    where: Where
    rows: tuple[Row, ...] = ()
    remarks: tuple[str, ...] = ()
    begins: Position | None = None  # of the statement; `where` is the element at fault


@dataclass(frozen=True, slots=True)
class Answer:
    """What one side says. `yes` is None where it says nothing, and need not."""

    side: str
    yes: bool | None
    because: str
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """One kind of thing looked at: how many policies or grants, with how many statements."""

    kind: str
    count: int
    statements: int
    words: str


@dataclass(frozen=True, slots=True)
class Hop:
    """One call of the chain: `caller --operation (how)--> callee`."""

    operation: str
    how: str
    callee: str


@dataclass(frozen=True, slots=True)
class WireError:
    """What the caller saw. `later`: not in the answer, which was a success, but on the resource `made`."""

    code: str
    message: str
    later: bool = False
    made: str = ""


@dataclass(frozen=True, slots=True)
class Mending:
    """A repair, ready to be shown: made by repair_words.mending once somebody has tried it."""

    headline: str  # "smallest repair (1 edit; ...)"
    changes: tuple[tuple[str, tuple[str, ...]], ...]  # (file or policy, its lines that go and come)
    notes: tuple[str, ...]  # side effects
    commands: tuple[str, ...]
    body: Mapping[str, object]  # its JSON form


@dataclass(frozen=True, slots=True)
class Explanation:
    cause: Cause
    decision: str  # ExplicitlyDenied, ImplicitlyDenied, NotAPolicyMatter or Unknown
    title: str
    request_id: str
    call: str  # the call that failed: "ec2:CopySnapshot"
    action: str  # what was refused: "kms:CreateGrant", or a call that no policy decides
    caller: str  # ARN
    resource: str  # ARN or id
    start: str  # where the chain begins: "target/importer"
    chain: tuple[Hop, ...]
    rule: str  # the sentence that says how the answers combine, or what the matter is where no policy decides
    answers: tuple[Answer, ...]
    pointed: Pointed | None
    looked: tuple[Looked, ...]
    confidence: Confidence
    saw: str
    wire_error: WireError
    unknown: tuple[str, ...] = ()
    repairs: tuple[Mending, ...] = ()  # empty until somebody with a world has tried some; the first is shown whole

    @property
    def code(self) -> str:
        return self.cause.code
