"""A world is a value: what its records are made of can not change."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from app.crypto.material import Secret
from app.kernel.cloud import KERNEL_KINDS
from app.kernel.records import Record
from app.services import all_services

KINDS = (*KERNEL_KINDS, *all_services().kinds.values())
PLAIN = (str, int, float, bool, bytes, type(None), Secret)


def changeable(kind: Any, path: str, seen: frozenset[Any] = frozenset()) -> Iterator[str]:
    """Paths within a type at which a value could be changed in place."""
    if kind in seen or kind in PLAIN or typing.get_origin(kind) is typing.Literal:
        return
    origin = typing.get_origin(kind)
    if origin in (typing.Annotated, typing.Final):
        yield from changeable(typing.get_args(kind)[0], path, seen)
    elif origin in (typing.Union, types.UnionType, tuple, frozenset):
        for inner in typing.get_args(kind):
            if inner is not Ellipsis:
                yield from changeable(inner, path, seen)
    elif isinstance(kind, type) and is_frozen(kind):
        for field, inner in typing.get_type_hints(kind, include_extras=True).items():
            if typing.ClassVar not in (inner, typing.get_origin(inner)):
                yield from changeable(inner, f"{path}.{field}", seen | {kind})
    elif not (isinstance(kind, type) and issubclass(kind, enum.Enum)):
        yield f"{path}: {kind}"


def is_frozen(kind: type) -> bool:
    if issubclass(kind, msgspec.Struct):
        return bool(kind.__struct_config__.frozen)
    if dataclasses.is_dataclass(kind):
        return bool(kind.__dataclass_params__.frozen)  # type: ignore[attr-defined]
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_record_is_deeply_immutable(kind: type[Record]) -> None:
    """Method: follow the types of all fields down; each must be plain, a tuple, an enum or a frozen structure."""
    assert list(changeable(kind, kind.__name__)) == []


def test_a_list_in_a_record_would_be_found() -> None:
    """The test above is worth something only if it sees what it looks for."""

    class Inner(msgspec.Struct, frozen=True):
        values: dict[str, str]

    class Bad(Record, frozen=True, kw_only=True):
        names: list[str]
        inner: tuple[Inner, ...] = ()

    assert len(list(changeable(_resolved(Bad, Inner), "Bad"))) == 2


def _resolved(kind: type[Record], inner: type) -> type[Record]:
    """Local classes can not be looked up by name: their hints are given as types."""
    kind.__annotations__ = {"names": list[str], "inner": tuple[inner, ...]}
    inner.__annotations__ = {"values": dict[str, str]}
    return kind


def test_kinds_have_names_of_their_own() -> None:
    """Records of two kinds under one name would be mixed up in every store."""
    names = [kind.kind for kind in KINDS]
    assert len(set(names)) == len(names)
    assert all(names)
