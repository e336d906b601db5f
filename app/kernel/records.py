"""Records, and the one place that keeps them in order.

A record is an immutable value (a frozen msgspec struct whose fields are values too: numbers, texts, tuples, other such
structs). It is found by (kind, account, Region or "", id). Each kind declares its indexes; an index key may be computed
to several values (a snapshot stands in the index `shared` once for every account it is shared with). `Records` is a
value as well: a change answers new `Records`, the old ones stay as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import msgspec

from app.kernel.tree import Key, Tree

R = TypeVar("R", bound="Record")


@dataclass(frozen=True, slots=True)
class Index:
    """A way to find records of a kind: `keys(record)` are the keys under which it stands, none or several."""

    name: str
    keys: Callable[[Any], Iterable[Key]]


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all records. `account` owns it; `region` is "" for what has no Region."""

    kind: ClassVar[str] = ""
    indexes: ClassVar[tuple[Index, ...]] = ()

    account: str
    region: str = ""
    id: str

    @property
    def key(self) -> Key:
        return (self.account, self.region, self.id)


def replace(record: R, **changes: Any) -> R:
    """The record with some fields changed; refuses a field that is not there and a value of the wrong type."""
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    unknown = changes.keys() - fields.keys()
    if unknown:
        raise TypeError(f"{type(record).__name__} has no field {', '.join(sorted(unknown))}")
    return msgspec.convert(fields | changes, type(record), dec_hook=_as_it_is)


def _as_it_is(wanted: type, value: Any) -> Any:
    """Types of our own that stand in records (secrets) pass as they are."""
    if not isinstance(value, wanted):
        raise TypeError(f"{wanted.__name__} expected")
    return value


class Records:
    """All records of a world, by kind, with their indexes. Getting, putting and deleting cost log(n)."""

    __slots__ = ("_trees",)

    def __init__(self, trees: dict[str, Tree[Any]] | None = None) -> None:
        self._trees = trees or {}

    def get(self, kind: type[R], account: str, region: str, id: str) -> R | None:
        tree = self._trees.get(kind.kind)
        return tree.get((account, region, id)) if tree else None

    def find(self, kind: type[R], index: str, *key: str) -> R | None:
        """The record under `key` in a unique index."""
        tree = self._trees.get(f"{kind.kind}/{index}")
        at = tree.get(key) if tree else None
        return self.get(kind, *at) if at else None

    def scan(self, kind: type[R], *prefix: str, after: Key = ()) -> Iterator[R]:
        """Records of a kind in the order of (account, Region, id), those of one account or Region by `prefix`."""
        tree = self._trees.get(kind.kind)
        if tree:
            for _, record in tree.under(prefix, after):
                yield record

    def scan_index(self, kind: type[R], index: str, *prefix: str, after: Key = ()) -> Iterator[R]:
        """Records in the order of an index's keys that begin with `prefix`. Several records may share such a prefix."""
        tree, records = self._trees.get(f"{kind.kind}/{index}"), self._trees.get(kind.kind)
        if tree and records:
            for _, at in tree.under(prefix, after):
                record = records.get(at)
                assert record is not None, "an index names a record that is not there"
                yield record

    def count(self, kind: type[Record]) -> int:
        return len(self._trees.get(kind.kind, ()))

    def put(self, record: Record) -> Records:
        trees = dict(self._trees)
        tree = trees.get(record.kind) or Tree()
        old = tree.get(record.key)
        trees[record.kind] = tree.put(record.key, record)
        for index in record.indexes:
            _reindex(trees, f"{record.kind}/{index.name}", index, old, record)
        return Records(trees)

    def delete(self, record: Record) -> Records:
        trees = dict(self._trees)
        old = self._trees[record.kind].get(record.key)
        trees[record.kind] = trees[record.kind].delete(record.key)
        for index in record.indexes:
            _reindex(trees, f"{record.kind}/{index.name}", index, old, None)
        return Records(trees)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Records) and list(self.all()) == list(other.all())

    __hash__ = None  # type: ignore[assignment]

    def all(self) -> Iterator[Record]:
        """Every record, by kind and key."""
        for name in sorted(name for name in self._trees if "/" not in name):
            for _, record in self._trees[name].items():
                yield record

    def __len__(self) -> int:
        return sum(len(tree) for name, tree in self._trees.items() if "/" not in name)


def _reindex(trees: dict[str, Tree[Any]], name: str, index: Index, old: Record | None, new: Record | None) -> None:
    before = set(index.keys(old)) if old else set()
    after = set(index.keys(new)) if new else set()
    if before == after:
        return
    tree = trees.get(name) or Tree()
    for key in before - after:
        tree = tree.delete(key)
    for key in sorted(after - before):
        assert new is not None
        tree = tree.put(key, new.key)
    trees[name] = tree
