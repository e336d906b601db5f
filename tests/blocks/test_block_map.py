"""The laws of block maps, against a dict as the model."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.blocks.map import EMPTY_MAP, BlockMap, Page, PageDamaged, diff, get, items, write
from app.blocks.ref import INDEX_MAX, BlockRef

Model = dict[int, BlockRef]


def ref(index: int, generation: int = 0) -> BlockRef:
    return BlockRef(1, b"b" * 16, b"l" * 16, index, generation)


class Pages(dict[str, Page]):
    """A page store that counts what is read."""

    reads = 0

    def __call__(self, page_id: str) -> Page:
        self.reads += 1
        return self[page_id]


def written(pages: Pages, changes: dict[int, BlockRef | None], onto: BlockMap = EMPTY_MAP) -> BlockMap:
    blocks, fresh = write(onto, pages, changes)
    pages.update(fresh)
    return blocks


indexes = st.one_of(st.integers(0, 600), st.integers(0, INDEX_MAX), st.sampled_from([0, 255, 256, 511, 512, INDEX_MAX]))
changes = st.dictionaries(indexes, st.one_of(st.none(), st.integers(0, 3)), max_size=20).map(
    lambda drawn: {index: None if generation is None else ref(index, generation) for index, generation in drawn.items()}
)
histories = st.lists(changes, max_size=5)


def applied(history: list[dict[int, BlockRef | None]], pages: Pages) -> tuple[BlockMap, Model]:
    blocks, model = EMPTY_MAP, Model()
    for step in history:
        blocks = written(pages, step, blocks)
        for index, value in step.items():
            model.pop(index, None)
            if value is not None:
                model[index] = value
    return blocks, model


@settings(max_examples=150, deadline=None)
@given(history=histories, start=indexes)
def test_the_last_write_is_what_is_read(history: list[dict[int, BlockRef | None]], start: int) -> None:
    """get, items (from anywhere, in order) and count agree with a dict."""
    pages = Pages()
    blocks, model = applied(history, pages)
    assert list(items(blocks, pages)) == sorted(model.items())
    assert list(items(blocks, pages, start)) == sorted(item for item in model.items() if item[0] >= start)
    assert blocks.count == len(model)
    assert all(
        get(blocks, pages, index) == model.get(index) for index in {*model, start, *(i for s in history for i in s)}
    )


@settings(max_examples=150, deadline=None)
@given(one=histories, two=histories, shared=histories)
def test_a_difference_is_exactly_what_differs(one: list, two: list, shared: list) -> None:
    """As in the dicts; empty if and only if the maps are equal; written onto the first it gives the second."""
    pages = Pages()
    (first, model_1), (second, model_2) = applied(shared + one, pages), applied(shared + two, pages)
    found = list(diff(first, second, pages))
    differing = sorted(i for i in model_1.keys() | model_2.keys() if model_1.get(i) != model_2.get(i))
    assert found == [(index, model_1.get(index), model_2.get(index)) for index in differing]
    assert (found == []) == (first == second)
    assert written(pages, {index: after for index, _, after in found}, first) == second
    assert written(pages, {index: before for index, before, _ in found}, second) == first


@settings(max_examples=50, deadline=None)
@given(history=histories)
def test_equal_contents_are_equal_maps_whatever_their_history(history: list) -> None:
    """A map is a value: writing all at once gives the same map, the same pages."""
    pages = Pages()
    blocks, model = applied(history, pages)
    assert written(pages, dict(model)) == blocks


def test_untouched_pages_keep_their_ids_and_are_not_read() -> None:
    """Ten pages; a write into one makes one page and reads one; the comparison reads two."""
    pages = Pages()
    before = written(pages, {index: ref(index) for index in range(2560)})
    pages.reads = 0
    after, fresh = write(before, pages, {300: ref(300, 1)})
    pages.update(fresh)
    assert (len(fresh), pages.reads) == (1, 1)
    assert [a == b for a, b in zip(before.page_ids(), after.page_ids(), strict=True)].count(False) == 1
    pages.reads = 0
    assert list(diff(before, after, pages)) == [(300, ref(300), ref(300, 1))]
    assert pages.reads == 2


def test_a_write_that_changes_nothing_makes_no_page() -> None:
    """Writing what stands there, or taking away what is not there."""
    pages = Pages()
    blocks = written(pages, {1: ref(1)})
    assert write(blocks, pages, {1: ref(1), 2: None, 9999: None}) == (blocks, {})


def test_an_emptied_page_is_no_page() -> None:
    """Taking all away gives the empty map again."""
    pages = Pages()
    blocks = written(pages, {1: ref(1), 300: ref(300)})
    assert written(pages, {1: None, 300: None}, blocks) == EMPTY_MAP


def test_64_tebibytes_cost_what_is_written() -> None:
    """The first and the last block of the largest volume: two pages of one reference each."""
    pages = Pages()
    blocks = written(pages, {0: ref(0), INDEX_MAX: ref(INDEX_MAX)})
    assert (blocks.count, len(blocks.pages), sum(len(page.packed) for page in pages.values())) == (2, 2, 2 * 52)
    assert [index for index, _ in items(blocks, pages)] == [0, 134_217_727]


@pytest.mark.parametrize("index", [-1, INDEX_MAX + 1])
def test_an_index_outside_of_the_largest_volume_is_refused(index: int) -> None:
    """Also where it would only be taken away."""
    with pytest.raises(ValueError, match="outside of a volume"):
        write(EMPTY_MAP, Pages(), {index: None})


def test_a_reference_stands_only_at_its_own_index() -> None:
    """A map can not be made to read one block in another's place."""
    with pytest.raises(ValueError, match="can not stand at index 2"):
        write(EMPTY_MAP, Pages(), {2: ref(1)})


def test_a_changed_page_is_found_when_it_is_loaded() -> None:
    """Every bit of a stored page counts, since its id is the hash of its bytes."""
    page = Page().changed({1: ref(1), 2: ref(2)})
    assert Page.load(page.id, page.packed) == page
    for bit in range(len(page.packed) * 8):
        flipped = bytearray(page.packed)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(PageDamaged):
            Page.load(page.id, bytes(flipped))


def test_a_map_goes_to_json_and_back() -> None:
    """It is a field of records."""
    blocks = written(Pages(), {1: ref(1), 300: ref(300)})
    assert msgspec.json.decode(msgspec.json.encode(blocks), type=BlockMap) == blocks
    assert hash(blocks) == hash(written(Pages(), {300: ref(300), 1: ref(1)}))


def test_a_reference_goes_to_48_bytes_and_back() -> None:
    """And a reference that is out of range is none."""
    largest = BlockRef(2**32 - 1, b"\xff" * 16, b"\xff" * 16, INDEX_MAX, 2**48 - 1)
    assert len(largest.encode()) == 48
    assert BlockRef.decode(largest.encode()) == largest
    wrong: list[tuple] = [
        (1, b"x" * 15, b"x" * 16, 0, 0),
        (1, b"x" * 16, b"x" * 17, 0, 0),
        (-1, b"x" * 16, b"x" * 16, 0, 0),
    ]
    wrong += [(1, b"x" * 16, b"x" * 16, INDEX_MAX + 1, 0), (1, b"x" * 16, b"x" * 16, 0, 2**48)]
    for fields in wrong:
        with pytest.raises(ValueError, match=r"16 bytes|out of range"):
            BlockRef(*fields)
    with pytest.raises(ValueError, match="48 bytes"):
        BlockRef.decode(largest.encode()[:-1])


def test_a_reference_does_not_show_its_branch() -> None:
    """The branch is drawn for each fork and never shown."""
    shown = repr(BlockRef(1, b"the branch bytes", b"l" * 16, 1, 2))
    assert "the branch" not in shown
    assert b"the branch bytes".hex() not in shown
