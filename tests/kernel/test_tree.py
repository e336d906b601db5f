"""A tree against a dict: whatever is put and deleted, both hold the same, in order, and old trees stay as they were."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from app.kernel.tree import Key, Tree

SIZE = 400 if os.environ.get("RESEAL_SOAK") else 120
KEYS = st.tuples(st.sampled_from("abc"), st.integers(0, 60).map(lambda n: f"{n:02d}"))
CHANGES = st.lists(st.tuples(st.booleans(), KEYS, st.integers()), max_size=SIZE)


def grown(changes: list[tuple[bool, Key, int]]) -> tuple[Tree[int], dict[Key, int]]:
    tree, model = Tree[int](), dict[Key, int]()
    for puts, key, value in changes:
        tree = tree.put(key, value) if puts else tree.delete(key)
        if puts:
            model[key] = value
        else:
            model.pop(key, None)
    return tree, model


@given(CHANGES)
def test_a_tree_holds_what_a_dict_holds_in_the_order_of_keys(changes: list[tuple[bool, Key, int]]) -> None:
    tree, model = grown(changes)
    assert list(tree.items()) == sorted(model.items())
    assert len(tree) == len(model)
    assert all(tree.get(key) == value for key, value in model.items())


@given(CHANGES, KEYS)
def test_a_key_that_is_not_there_is_not_found_and_deleting_it_changes_nothing(
    changes: list[tuple[bool, Key, int]], key: Key
) -> None:
    tree, _ = grown(changes)
    without = tree.delete(key)
    assert without.get(key) is None
    assert without.delete(key) is without


@given(CHANGES, CHANGES)
def test_an_old_tree_stays_as_it_was(before: list[tuple[bool, Key, int]], after: list[tuple[bool, Key, int]]) -> None:
    """A fork is one reference. Method: two different futures of one tree."""
    tree, model = grown(before)
    first, second = tree, tree
    for puts, key, value in after:
        first = first.put(key, value) if puts else first.delete(key)
        second = second.put(key, -value)
    assert list(tree.items()) == sorted(model.items())


@given(CHANGES, st.sampled_from("abcd"), KEYS)
def test_under_answers_one_prefix_behind_a_key(changes: list[tuple[bool, Key, int]], prefix: str, after: Key) -> None:
    """Method: the same by filtering all entries."""
    tree, model = grown(changes)
    everything = [(key, value) for key, value in sorted(model.items()) if key[0] == prefix]
    assert list(tree.under((prefix,))) == everything
    behind = [(key, value) for key, value in everything if key > after]
    assert list(tree.under((prefix,), after)) == behind
    assert list(tree.items(after)) == [(key, value) for key, value in sorted(model.items()) if key >= after]


@settings(max_examples=10)
@given(st.integers(0, 3000), st.sampled_from((1, -1)))
def test_thousands_of_keys_in_and_against_order_stay_in_order(size: int, step: int) -> None:
    """Method: keys arrive rising, or falling; every second one goes again."""
    keys = [(f"{n:05d}",) for n in range(size)][::step]
    tree = Tree[int]()
    for n, key in enumerate(keys):
        tree = tree.put(key, n)
    for key in keys[::2]:
        tree = tree.delete(key)
    assert [key for key, _ in tree.items()] == sorted(keys[1::2])
