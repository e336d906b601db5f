"""What is done by hand in a world, kept as lines that are only ever added (`scenario` writes them down).

    begin     of the world: its clock, and the moment
    actor     who calls, before the first call: a root, a user, or somebody with temporary credentials
    thing     what a call names and no call before it made, as it was described before that call
    call      an outermost call: parameters and answer, without secrets
    settled   what became of an accepted call later
    moved     the clock was moved on by hand
    lost      something was done that no line tells, and why

A secret is a digest under a salt that only the recording knows, so that equal ones stay equal and none can be read or
guessed. Lines are kept in the world's journal (`app.recorder`), and told as they are.
"""

# pyright: basic

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from workflows import params
from workflows.port import Answer, Json

CALLS_MAX: Final = 2000
READING: Final = ("Describe", "Get", "List", "Lookup", "Simulate", "Search", "Decode")  # operations that only look
BLOB_CHARACTERS_MAX: Final = 8192  # of base64, in parameters and answers
NO_SECRETS: Final = frozenset({"Target", "KmsKeyArn", "Notes"})  # marked sensitive by AWS's models, and none here

TELLTALES: Final = frozenset({("kms:ImportKeyMaterial", "EncryptedKeyMaterial"), ("ebs:PutSnapshotBlock", "Checksum")})


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="begin"):
    clock: str = "real"  # of the world: real or manual
    settle: str = "instant"
    at_ms: int = 0


class Actor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="line", tag="actor"):
    """`id`: the ARN of a root or user; of temporary credentials their access key id."""

    id: str
    account: str
    kind: str  # root, user, session, federated or anonymous
    arn: str
    of: str = ""  # the role of a session; of a federated user who vouched for him
    session_policies: tuple[str, ...] | None = None
    tags: dict[str, str] = {}


class Thing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="line", tag="thing"):
    """`told`: what was found out about it; which members depends on the kind (`looking`)."""

    kind: str  # key, volume, snapshot, image, instance, user, role, group, policy, settings or organization
    id: str  # snap-..., vol-..., ARNs of all else; of settings account/Region
    account: str
    region: str = ""
    told: Json = {}


class Done(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="line", tag="call"):
    """One call, and what came of it at once."""

    n: int  # its number, from 1
    operation: str
    region: str
    account: str
    by: str  # id of an actor
    parameters: Json
    secret: dict[str, tuple[str, int]] = {}  # parameter that is not kept -> its digest, and its size in bytes
    answer: Json = {}
    code: str = ""
    message: str = ""
    cause: str = ""  # name in the table of causes, of the innermost refusal
    at_ms: int = 0
    request_id: str = ""
    later: Json = {}  # the resource that it made, once it moves no more


class Settled(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="settled"):
    n: int  # of the call
    later: Json
    cause: str = ""


class Moved(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="moved"):
    by_ms: int


class Lost(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="lost"):
    what: str  # an operation
    why: str


Line = Begin | Actor | Thing | Done | Settled | Moved | Lost


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A recording as a whole."""

    begin: Begin = Begin()
    acts: tuple[Done | Moved, ...] = ()
    actors: tuple[Actor, ...] = ()
    things: tuple[Thing, ...] = ()
    lost: tuple[Lost, ...] = ()

    @property
    def calls(self) -> Iterator[Done]:
        return (act for act in self.acts if isinstance(act, Done))

    @property
    def scenario_clock(self) -> str:
        """The word that a scenario has for it; the clock of a scenario is moved by its steps alone."""
        return "instant" if self.begin.settle == "instant" else "manual"


def line_from(entry: Mapping[str, Any]) -> Line:
    """A line, of the JSON that tells it; msgspec.ValidationError for any other."""
    return msgspec.convert(entry, Line)


def told(lines: Iterable[Line]) -> Told:
    kept: dict[type, list[Any]] = {kind: [] for kind in (Begin, Actor, Thing, Settled, Lost)}
    acts: list[Done | Moved] = []
    for line in lines:
        if isinstance(line, Done | Moved):
            acts.append(line)
        else:
            kept[type(line)].append(line)
    ends = {line.n: line for line in kept[Settled]}
    return Told(
        begin=kept[Begin][0] if kept[Begin] else Begin(), acts=tuple(_ended(act, ends) for act in acts),
        actors=tuple(kept[Actor]), things=tuple(kept[Thing]), lost=tuple(kept[Lost]),
    )  # fmt: skip


def _ended(act: Done | Moved, ends: Mapping[int, Settled]) -> Done | Moved:
    if isinstance(act, Moved) or act.n not in ends:
        return act
    end = ends[act.n]
    return msgspec.structs.replace(act, later=end.later, cause=end.cause or act.cause)


def done(
    n: int, operation: str, region: str, account: str, by: str, parameters: Mapping[str, Any], answer: Answer,
    cause: str, at_ms: int, salt: bytes, request_id: str = "",
) -> Done:  # fmt: skip
    """A call as it is kept."""
    hidden, _ = params.without_secrets(operation, answer.value)
    hidden = {name: value for name, value in hidden.items() if (operation, name) not in TELLTALES}
    sent = {name: value for name, value in parameters.items() if value is not None}
    secret = {name: value for name, value in sent.items() if _is_left_out(operation, name, params.to_json(value))}
    return Done(
        n=n, operation=operation, region=region, account=account, by=by,
        parameters={name: params.to_json(value) for name, value in sent.items() if name not in secret},
        secret={name: _digest(value, salt) for name, value in secret.items()}, answer=_without_blobs(hidden),
        code=answer.error.code if answer.error else "", message=answer.error.message if answer.error else "",
        cause=cause, at_ms=at_ms, request_id=request_id,
    )  # fmt: skip


def _digest(value: Any, salt: bytes) -> tuple[str, int]:
    raw = bytes(value) if isinstance(value, bytes | bytearray | memoryview) else msgspec.json.encode(
        params.to_json(value)
    )  # fmt: skip
    return base64.b64encode(hmac.digest(salt, raw, hashlib.sha256)).decode(), len(raw)


def _is_left_out(operation: str, name: str, value: Any) -> bool:
    too_large = isinstance(value, str) and len(value) > BLOB_CHARACTERS_MAX and name not in params.DOCUMENTS
    return too_large or name in params.secret_parameters(operation) - NO_SECRETS or (operation, name) in TELLTALES


def _without_blobs(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_blobs(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_blobs(inner) for inner in value]
    return "" if isinstance(value, str) and len(value) > BLOB_CHARACTERS_MAX else value
