"""Records to JSON and back, with every secret sealed on the way.

A secret becomes "sealed:" and base64 of `seal_at_rest` under the root key. Its place is bound: the table, the world's
number, the record's kind and key, and the how-manieth secret of the record it is. So a sealed value that was put into
another row, another world or another field does not open. A record is written and read in the order of its fields,
which is why counting them is enough.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from app.crypto.cipher import SealBroken, open_at_rest, seal_at_rest
from app.crypto.material import Secret
from app.kernel.records import Key, Record
from app.persistence.errors import DatabaseUnknown, RecordDamaged

PREFIX = "sealed:"
MARK = "$sealed"  # in journals, whose values have no declared type


def place(*parts: str | int) -> str:
    """A name for where something stands; the parts carry their lengths, so that none runs into the next."""
    return "".join(f"{len(str(part))}:{part}" for part in parts)


class Sealing:
    """The secrets of one stored value, in their order. Its methods are msgspec's hooks."""

    def __init__(self, root_key: Secret, *where: str | int) -> None:
        self._root_key, self._where, self._count = root_key, where, 0

    def seal(self, value: object) -> str:
        """TypeError for what is neither JSON nor a secret."""
        if not isinstance(value, Secret):
            raise TypeError(f"a stored value can not hold {type(value).__name__}")
        sealed = seal_at_rest(self._root_key, self._next(), value.reveal(), os.urandom(32))
        return PREFIX + base64.b64encode(sealed).decode()

    def open(self, wanted: type, text: Any) -> Secret:
        """SealBroken where the value, its place or the root key is not that of the sealing."""
        if wanted is not Secret or not isinstance(text, str) or not text.startswith(PREFIX):
            raise SealBroken(f"a sealed value was expected, and {wanted.__name__} is none")
        return Secret(open_at_rest(self._root_key, self._next(), base64.b64decode(text[len(PREFIX) :])))

    def _next(self) -> str:
        self._count += 1
        return place(*self._where, self._count)


class Codec:
    """What is stored of one database's records, world secrets and journals."""

    def __init__(self, kinds: Iterable[type[Record]], root_key: Secret) -> None:
        self._kinds = {kind.kind: kind for kind in kinds}
        self._root_key = root_key

    def encode(self, world: int, record: Record) -> str:
        sealing = Sealing(self._root_key, "record", world, record.kind, *record.key)
        return msgspec.json.encode(record, enc_hook=sealing.seal).decode()

    def decode(self, world: int, kind: str, key: Key, body: str) -> Record:
        """RecordDamaged where the body is not what was written there; DatabaseUnknown for a kind nobody declares."""
        if kind not in self._kinds:
            raise DatabaseUnknown(f"the database holds records of the kind {kind!r}, which this reseal does not know")
        sealing = Sealing(self._root_key, "record", world, kind, *key)
        try:
            record = msgspec.json.decode(body, type=self._kinds[kind], dec_hook=sealing.open)
        except (msgspec.DecodeError, SealBroken, ValueError) as error:
            raise RecordDamaged(f"the stored {kind} {key[2]} is damaged: {error}") from None
        if record.key != key:
            raise RecordDamaged(f"the stored {kind} {key[2]} is damaged: its body is that of another record")
        return record

    def seal(self, secret: Secret, *where: str | int) -> str:
        return Sealing(self._root_key, *where).seal(secret)

    def open(self, text: str, *where: str | int) -> Secret:
        """SealBroken, as `Sealing.open`."""
        return Sealing(self._root_key, *where).open(Secret, text)

    def encode_line(self, entry: Mapping[str, Any], *where: str | int) -> str:
        """A journal's line: JSON, with `Secret` allowed anywhere in it. ValueError where it uses our own mark."""
        if _holds_mark(entry):
            raise ValueError(f"{MARK!r} is reserved in a journal")
        sealing = Sealing(self._root_key, *where)
        return msgspec.json.encode(entry, enc_hook=lambda value: {MARK: sealing.seal(value)}).decode()

    def decode_line(self, body: str, *where: str | int) -> dict[str, Any]:
        try:
            return _opened(msgspec.json.decode(body), Sealing(self._root_key, *where))
        except (msgspec.DecodeError, SealBroken, ValueError) as error:
            raise RecordDamaged(f"a line of a journal is damaged: {error}") from None


def _holds_mark(value: Any) -> bool:
    if isinstance(value, Mapping):
        return MARK in value or any(_holds_mark(each) for each in value.values())
    return isinstance(value, list | tuple) and any(_holds_mark(each) for each in value)


def _opened(value: Any, sealing: Sealing) -> Any:
    if isinstance(value, dict):
        if MARK in value:
            return sealing.open(Secret, value[MARK])
        return {name: _opened(each, sealing) for name, each in value.items()}
    return [_opened(each, sealing) for each in value] if isinstance(value, list) else value
