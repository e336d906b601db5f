"""What orders of every kind have in common: the bundle of files, what is wrong with it, and who follows.

    {"scenario": text}                               one file that names no other
    {"entry": name, "files": {name: text, ...}}      a bundle: every file that is named, by its name

With an `Idempotency-Key` the same order again is answered with what it began. Events are Server-Sent Events, numbered;
`Last-Event-ID` goes on behind the last one seen, as browsers ask by themselves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from os.path import normpath
from typing import Annotated, Any, Final, Literal

from fastapi import Header, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sse_starlette import EventSourceResponse

from app.doors.rest.strict import Refusal, Refuses
from app.orders import CanNotBe, KeyReused, TooMany
from workflows.yaml_marks import InvalidFile, Mistake

SCENARIO: Final = "scenario.reseal.yaml"  # the name of one that came without a name
FILES_MAX: Final = 200
FOLLOWERS_MAX: Final = 32  # of one server
PING_S: Final = 15

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./ @+=,-]{0,199}$")]
Id = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="as it was answered when it began")]
Key = Annotated[str, Header(alias="Idempotency-Key", max_length=255, pattern=r"^[\x21-\x7e]*$")]
ReportForm = Literal["json", "text", "junit", "sarif", "html", "tap", "github", "summary"]  # of a run, of a sweep
LastEvent = Annotated[str, Header(alias="Last-Event-ID", pattern=r"^\d{0,9}$")]

ANSWERS: dict[int | str, dict[str, Any]] = {
    404: {"model": Refusal, "description": "There is nothing of that name"},
    409: {"model": Refusal, "description": "Not now, or not so: the text says why"},
    429: {"model": Refusal, "description": "A limit of this server is reached"},
}


class NewOrder(BaseModel):
    """One file by its text, or a bundle: every file that is named, by name, and which of them is meant."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    scenario: str | None = Field(None, description="text of a scenario that names no other file")
    entry: Name | None = Field(None, description="which of the files is the scenario, such as share.reseal.yaml")
    files: dict[Name, str] = Field(default_factory=dict, max_length=FILES_MAX)

    @model_validator(mode="after")
    def _one_form(self) -> NewOrder:
        if (self.scenario is None) == (self.entry is None):
            raise ValueError("give either `scenario`, or `entry` and `files`")
        if self.scenario is not None and self.files:
            raise ValueError("`files` go with `entry`")
        strange = [name for name in self.files if normpath(name) != name or name.startswith("..")]
        if strange:
            raise ValueError("a file's name is a relative path without . and ..")
        if self.entry is not None and self.entry not in self.files:
            raise ValueError("`entry` names none of the `files`")
        return self

    def bundle(self) -> dict[str, Any]:
        """`entry` and `files`, in either form."""
        files = {SCENARIO: self.scenario} if self.scenario is not None else dict(self.files)
        return {"entry": self.entry or SCENARIO, "files": files}


class Place(BaseModel):
    file: str
    line: int
    column: int
    message: str


def place(mistake: Mistake) -> Place:
    mark = mistake.mark
    return Place(file=mark.file, line=mark.line, column=mark.column, message=mistake.text)


@contextmanager
def refusing(too_many: str) -> Iterator[None]:
    """An order that can not be taken, as an answer; `too_many` is the code where a limit is reached."""
    try:
        yield
    except InvalidFile as invalid:
        mistakes = [place(each).model_dump() for each in invalid.mistakes]
        raise Refuses(422, "InvalidScenario", str(invalid), mistakes=mistakes) from None
    except CanNotBe as error:
        raise Refuses(422, "CanNotBe", str(error)) from None
    except TooMany as limit:
        raise Refuses(429, too_many, str(limit)) from None
    except KeyReused:
        raise Refuses(409, "IdempotencyKeyReused", "the key was used with another order") from None


Event = tuple[int, str, str]  # number, name, JSON


class Followers:
    """Who follows something of a server."""

    def __init__(self) -> None:
        self._now = 0

    def answer(self, events: AsyncIterator[Event]) -> EventSourceResponse:
        """The events as they come."""
        if self._now >= FOLLOWERS_MAX:
            raise Refuses(429, "TooManyFollowers", f"this server has at most {FOLLOWERS_MAX} followers at once")
        return EventSourceResponse(self._counted(events), ping=PING_S)

    async def _counted(self, events: AsyncIterator[Event]) -> AsyncIterator[dict[str, str]]:
        self._now += 1
        try:
            async for number, name, data in events:
                yield {"id": str(number), "event": name, "data": data}
        finally:
            self._now -= 1
