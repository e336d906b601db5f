"""Questions on the structure of the five-step share: what rests on what, and what does not."""

from __future__ import annotations

import pytest

from app.graph.build import graph_of
from app.graph.questions import (
    NoSuchNode,
    becomes_unreadable,
    depends_on,
    edges_between,
    independent_of,
    no_path,
    path,
    resolve,
    select,
)
from app.kernel.edge import Edge, Node
from tests.graph.share import (
    COPY,
    EC2,
    GRANT,
    RESTORED,
    SNAPSHOT,
    SOURCE,
    SOURCE_ALIAS,
    SOURCE_KEY,
    SOURCE_MATERIAL,
    TARGET,
    TARGET_KEY,
    USE,
    VOLUME,
    shared,
)

GRAPH = shared()


def ids(finding: object) -> set[str]:
    return {node.id for node in finding.nodes}  # type: ignore[attr-defined]


def test_a_snapshot_rests_on_its_data_key_its_material_its_key_and_the_account() -> None:
    assert ids(depends_on(GRAPH, SNAPSHOT)) == {"dk-vol-source", SOURCE_MATERIAL, SOURCE_KEY, SOURCE}


def test_a_finding_names_the_edges_it_rests_on() -> None:
    assert {edge.kind for edge in depends_on(GRAPH, SNAPSHOT).edges} == {"owns", "material-of", "wraps", "encrypts"}


def test_a_snapshot_rests_only_on_the_material_that_wraps_its_data_key() -> None:
    """A rotated key holds several materials; each data key needs the one it was wrapped with."""
    rotated = graph_of([*GRAPH.nodes.values(), *GRAPH.edges, Edge("material-of", SOURCE_KEY, "newer")])
    assert "newer" not in ids(depends_on(rotated, SNAPSHOT))


def test_a_re_encrypted_copy_does_not_rest_on_its_source() -> None:
    """Goal: history is not dependency. The copy was derived from the snapshot and is readable without it."""
    assert SNAPSHOT not in ids(depends_on(GRAPH, COPY))
    assert independent_of(GRAPH, COPY, SOURCE)
    assert independent_of(GRAPH, RESTORED, SOURCE)


def test_a_copy_under_the_source_key_is_not_independent_and_the_way_is_named() -> None:
    """A copy that kept the source's key: the target owns the snapshot, the source holds what reads it."""
    kept = graph_of(
        [
            *GRAPH.nodes.values(),
            *GRAPH.edges,
            Node("snapshot", "snap-kept", TARGET),
            Node("data-key", "dk-kept", TARGET),
            Edge("wraps", SOURCE_MATERIAL, "dk-kept"),
            Edge("encrypts", "dk-kept", "snap-kept"),
        ]
    )
    finding = independent_of(kept, "snap-kept", SOURCE)
    assert not finding
    assert ids(finding) == {SOURCE, SOURCE_KEY, SOURCE_MATERIAL}
    assert Edge("wraps", SOURCE_MATERIAL, "dk-kept") in finding.edges


def test_without_its_key_the_source_loses_its_own_data_and_the_target_nothing() -> None:
    assert ids(becomes_unreadable(GRAPH, SOURCE_KEY)) == {VOLUME, SNAPSHOT}
    assert ids(becomes_unreadable(GRAPH, TARGET_KEY)) == {COPY, RESTORED}


def test_a_key_that_wraps_nothing_takes_nothing_along() -> None:
    unused = graph_of([*GRAPH.nodes.values(), Node("key", "unused", SOURCE)])
    assert not becomes_unreadable(unused, "unused")


def test_an_image_is_lost_with_the_snapshot_it_refers_to() -> None:
    graph = graph_of(
        [*GRAPH.nodes.values(), *GRAPH.edges, Node("image", "ami-1", SOURCE), Edge("derived-from", "ami-1", SNAPSHOT)]
    )
    assert "ami-1" in ids(becomes_unreadable(graph, SOURCE_KEY))


def test_a_path_leads_from_what_rests_to_what_it_rests_on() -> None:
    found = path(GRAPH, RESTORED, TARGET_KEY)
    assert [node.kind for node in found.nodes] == ["volume", "data-key", "material", "key"]
    assert [edge.kind for edge in found.edges] == ["encrypts", "wraps", "material-of"]
    assert not path(GRAPH, TARGET_KEY, RESTORED)


def test_the_restored_volume_has_no_path_to_the_source_key() -> None:
    assert no_path(GRAPH, RESTORED, SOURCE_KEY)
    assert not no_path(GRAPH, VOLUME, SOURCE_KEY)


@pytest.mark.parametrize(
    ("to", "allows", "holds"),
    [
        (TARGET, USE, True),
        (TARGET, (), True),
        (f"arn:aws:iam::{TARGET}:root", ("kms:CreateGrant",), True),
        (TARGET, ("kms:Encrypt",), False),
        (SOURCE, ("kms:Encrypt", "kms:ScheduleKeyDeletion"), True),  # by kms:*
        (EC2, (), False),
    ],
)
def test_an_edge_is_found_by_its_ends_and_what_it_allows(to: str, allows: tuple[str, ...], holds: bool) -> None:
    assert bool(edges_between(GRAPH, SOURCE_KEY, to, allows)) is holds


def test_a_statement_with_not_action_allows_all_but_what_it_names() -> None:
    graph = graph_of([Edge("delegates", SOURCE_KEY, TARGET, "S", ("not kms:Decrypt", "not kms:Re*"))])
    assert edges_between(graph, SOURCE_KEY, TARGET, ["kms:CreateGrant"])
    assert not edges_between(graph, SOURCE_KEY, TARGET, ["kms:ReEncryptFrom"])


@pytest.mark.parametrize(
    ("name", "id"),
    [
        (SNAPSHOT, SNAPSHOT),
        (f"arn:aws:iam::{TARGET}:root", TARGET),
        ("alias/volumes", SOURCE_ALIAS),
        ("1234abcd-12ab-34cd-56ef-1234567890ab", SOURCE_KEY),
        ("1234abcd", SOURCE_KEY),
        ("snap-0c0f", COPY),
        ("user/operator", f"arn:aws:iam::{SOURCE}:user/operator"),
    ],
)
def test_a_node_is_named_as_people_name_it(name: str, id: str) -> None:
    assert resolve(GRAPH, name) == id


@pytest.mark.parametrize(
    ("name", "words"), [("snap-0f3a5b7c9d1e2f305", f"no node is .*{SNAPSHOT}"), ("snap-0", "several nodes are .*snap-")]
)
def test_a_name_that_fits_none_or_several_says_what_is_near(name: str, words: str) -> None:
    with pytest.raises(NoSuchNode, match=words) as refused:
        resolve(GRAPH, name)
    assert str(refused.value).startswith(words[:7])  # in words, not as a repr


def test_a_selection_counts_hops_either_way_and_keeps_the_account_as_box() -> None:
    assert set(select(GRAPH, SNAPSHOT).nodes) == {SNAPSHOT, SOURCE}
    near = {SNAPSHOT, VOLUME, COPY, "dk-vol-source", SOURCE, TARGET}
    assert set(select(GRAPH, f"{SNAPSHOT}+").nodes) == near
    assert set(select(GRAPH, f"{SNAPSHOT}+1").nodes) == near
    assert SOURCE_MATERIAL in select(GRAPH, f"{SNAPSHOT}+2").nodes


def test_being_owned_by_one_account_does_not_make_neighbours() -> None:
    assert GRANT not in select(GRAPH, f"{VOLUME}+2").nodes


def test_selections_stand_side_by_side() -> None:
    assert {GRANT, COPY} <= set(select(GRAPH, f"{GRANT} {COPY}").nodes)


def test_a_name_with_a_plus_is_a_name_first() -> None:
    odd = f"arn:aws:iam::{SOURCE}:user/a+2"
    assert odd in select(graph_of([Node("principal", odd, SOURCE)]), odd).nodes
