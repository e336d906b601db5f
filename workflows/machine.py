"""A workflow is rows of data: states, and edges keyed by (state, outcome).

What one must believe to change it:
- A state is a `Step` (one call, as one role, with what must hold before and after it) or an `End`.
- An outcome is a value out of a closed set: OK, the code of an error at once, or `Settled(NAME)`, what became of an
  accepted call later. AWS answers 200 to most broken copies, so an outcome is known only when the call has settled.
- Edges have no guards: conditions stand at the states, as contracts. There are no wildcard rows: what no row names
  leads to the one implicit end `unforeseen`, which fails the run.
- Rows are a tuple and not a dict, because a dict literal swallows duplicates; `verify.py` refuses them by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from workflows.view import View

OK: Final = "OK"
SOURCE: Final = "source"  # the account that shares
TARGET: Final = "target"  # the account it is shared with

Contract = Callable[["View"], "bool | None"]  # None: can not be told through this port; the docstring is the sentence


@dataclass(frozen=True, slots=True, order=True)
class Settled:
    """What an accepted call came to later: a row of `SETTLEMENTS`."""

    name: str

    def __str__(self) -> str:
        return f"later {self.name}"


Outcome = str | Settled  # OK, an error code, or a settlement


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a later failure shows: the text on the resource, that the resource is gone, or why an instance ended."""

    name: str  # the code under which the operation declares it among its `settles`
    message: str  # StateMessage of a snapshot in State "error"; "" where there is none
    seen: str
    code: str = ""  # of the error that describing the resource meets; "": the resource stays, and says why
    reason: str = ""  # Code of the StateReason of an instance that ended by itself


# The closed table of later failures. A resource that fails otherwise settles as UNKNOWN_FAILURE, which no row names.
SETTLEMENTS: Final = (
    Settlement("KEY_NOT_ACCESSIBLE", "Given key ID is not accessible", "ebs.md 1.4 [V]"),
    Settlement("SOURCE_NOT_FOUND", "Source snapshot is not found", "ebs.md 1.4 [V]"),
    Settlement("SOURCE_NOT_COMPLETE", "Source snapshot is not complete", "ebs.md 1.4 [V]"),
    Settlement("SOURCE_ARCHIVED", "Source snapshot is archived", "ebs.md 1.8 [D], words inferred"),
    Settlement("VOLUME_VANISHED", "", "ebs.md 1.2 [V]", code="InvalidVolume.NotFound"),
    Settlement("Client.InvalidKMSKey.InvalidState", "", "ebs.md 1.7 [V]", reason="Client.InvalidKMSKey.InvalidState"),
)
UNKNOWN_FAILURE: Final = Settled("UNKNOWN_FAILURE")


@dataclass(frozen=True, slots=True)
class Step:
    """A call as one role. `expects` are the errors at once that the workflow declares it will handle.

    All settlements that the operation declares must be handled, said or not: they are what scripts forget.
    """

    name: str
    as_: str  # one of the workflow's roles
    call: str  # "ec2:CopySnapshot", the spelling of IAM actions
    requires: Contract
    ensures: Contract
    expects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    name: str
    ok: bool


UNFORESEEN: Final = End("unforeseen", ok=False)  # of every workflow; no row may name it

State = Step | End
Row = tuple[str, Outcome, str]  # state, outcome, next state


@dataclass(frozen=True, slots=True)
class Workflow:
    """A checked state machine. Runs begin at `start`; `__doc__` of its module is its theory."""

    name: str
    states: tuple[State, ...]
    next: tuple[Row, ...]
    start: str
    title: str = ""
    roles: tuple[str, ...] = (SOURCE, TARGET)  # accounts that take part; a scenario's first call as a role casts it
    _by_name: dict[str, State] = field(init=False, repr=False, compare=False)
    _edges: dict[tuple[str, Outcome], str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {state.name: state for state in (*self.states, UNFORESEEN)})
        object.__setattr__(self, "_edges", {(state, outcome): target for state, outcome, target in self.next})

    @property
    def steps(self) -> Iterator[Step]:
        return (state for state in self.states if isinstance(state, Step))

    def state(self, name: str) -> State:
        """The state of that name; KeyError where there is none."""
        return self._by_name[name]

    def after(self, state: str, outcome: Outcome) -> State:
        """Where `outcome` leads from `state`; `unforeseen` where no row says."""
        return self._by_name[self._edges.get((state, outcome), UNFORESEEN.name)]

    def outcomes(self, state: str) -> tuple[Outcome, ...]:
        """The outcomes that rows name for a state, in their order."""
        return tuple(outcome for name, outcome, _ in self.next if name == state)
