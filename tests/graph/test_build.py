"""What a graph is: whole, equal regardless of order, and its change from step to step."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.crypto.material import Secret
from app.graph.build import Graph, build, graph_of, union
from app.graph.difference import Change, diff
from app.kernel.edge import Edge, Node
from app.kernel.operation import Service, Services
from app.kernel.world import World
from tests.graph.share import (
    EC2,
    SNAPSHOT,
    SOURCE,
    SOURCE_KEY,
    TARGET,
    USE,
    start,
    steps,
)

STRANGER = "arn:aws:iam::333333333333:user/stranger"


def service(name: str, *parts: Node | Edge) -> Service:
    return Service(name, {}, (), {}, denied=lambda draft, asked: pytest.fail("not asked"), edges=lambda world: parts)


def test_a_graph_is_what_all_services_say_together() -> None:
    """Goal: services know nothing of each other; the data key of ebs meets the material of kms by its id."""
    kms = service("kms", Node("key", SOURCE_KEY, SOURCE), Edge("material-of", SOURCE_KEY, "m"))
    ebs = service("ebs", Node("data-key", "dk", SOURCE), Edge("wraps", "m", "dk"))
    graph = build(Services((kms, ebs)), World("w", Secret(b"s" * 32), b"b" * 16))
    assert [(edge.kind, edge.source, edge.target) for edge in graph.edges if edge.kind != "owns"] == [
        ("material-of", SOURCE_KEY, "m"),
        ("wraps", "m", "dk"),
    ]


@pytest.mark.parametrize(
    ("id", "kind", "account"),
    [
        (STRANGER, "principal", "333333333333"),
        ("arn:aws:sts::333333333333:assumed-role/aws:ec2-infrastructure/i-0a", "principal", "333333333333"),
        ("arn:aws:iam::333333333333:root", "account", "333333333333"),
        ("333333333333", "account", "333333333333"),
        (EC2, "service", ""),
        ("AIDAEXAMPLEOFADELETEDUSER", "principal", ""),
        ("*", "principal", ""),
        ("all", "principal", ""),
    ],
)
def test_an_end_that_nobody_described_is_made_from_its_id(id: str, kind: str, account: str) -> None:
    """Goal: a key policy may name anybody; the graph shows them without asking the account they are from."""
    graph = graph_of([Node("key", SOURCE_KEY, SOURCE), Edge("allows", SOURCE_KEY, id, "Sid")])
    edge = next(edge for edge in graph.edges if edge.kind == "allows")
    assert (graph.nodes[edge.target].kind, graph.nodes[edge.target].account) == (kind, account)


def test_the_root_of_an_account_and_the_account_are_one_node() -> None:
    graph = graph_of([Edge("delegates", SOURCE_KEY, f"arn:aws:iam::{TARGET}:root")])
    assert TARGET in graph.nodes
    assert not any(id.endswith(":root") for id in graph.nodes)


def test_every_account_that_owns_something_is_a_node_and_owns_it() -> None:
    graph = graph_of([Node("snapshot", SNAPSHOT, SOURCE)])
    assert graph.nodes[SOURCE].kind == "account"
    assert graph.edges == (Edge("owns", SOURCE, SNAPSHOT),)


def test_a_label_that_repeats_the_id_is_none() -> None:
    """Goal: an account that gets a record of its own has not changed for a reader."""
    assert graph_of([Node("account", SOURCE, SOURCE, SOURCE)]) == graph_of([Node("account", SOURCE, SOURCE)])


def test_two_statements_are_two_edges_and_one_statement_is_one() -> None:
    """Goal: an edge names what it rests on; what one statement allows is put together."""
    delegates = [
        Edge("delegates", SOURCE_KEY, TARGET, sid, (action,)) for sid, action in zip("aab", "xyz", strict=True)
    ]
    graph = graph_of(delegates)
    assert [(edge.rests_on, edge.allows) for edge in graph.edges if edge.kind == "delegates"] == [
        ("a", ("x", "y")),
        ("b", ("z",)),
    ]


@settings(max_examples=50, deadline=None)
@given(st.permutations(start()))
def test_the_order_in_which_services_speak_is_nothing(parts: list[Node | Edge]) -> None:
    assert graph_of(parts) == graph_of(start())
    assert list(graph_of(parts).nodes) == list(graph_of(start()).nodes)


def test_an_end_that_two_edges_would_make_otherwise_is_the_same_node_in_any_order() -> None:
    edges = [Edge("owns", SOURCE, "odd"), Edge("encrypts", "odd", SNAPSHOT), Edge("points-to", "x", "odd")]
    assert graph_of(edges) == graph_of(reversed(edges))


def test_the_edges_of_a_node_are_all_that_begin_or_end_there_in_order() -> None:
    graph = steps()[-1]
    for id in [*graph.nodes, "nowhere", ""]:
        assert graph.out_of(id) == [edge for edge in graph.edges if edge.source == id]
        assert graph.into(id) == [edge for edge in graph.edges if edge.target == id]


@pytest.mark.parametrize("graph", steps())
def test_a_graph_comes_back_from_its_json(graph: Graph) -> None:
    assert Graph.from_node_link(json.loads(json.dumps(graph.node_link()))) == graph


def test_json_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 1"):
        Graph.from_node_link({**steps()[0].node_link(), "reseal-graph": 2})


def test_networkx_reads_the_same_graph() -> None:
    from networkx import node_link_graph

    graph = steps()[-1]
    theirs = node_link_graph(graph.node_link(), edges="edges")
    assert set(theirs.edges(keys=True)) == set(graph.networkx.edges(keys=True))
    assert set(theirs.nodes) == set(graph.nodes)


def test_nothing_changed_is_false() -> None:
    assert not diff(steps()[2], steps()[2])
    assert diff(steps()[2], steps()[2]) == Change()


def test_the_policy_step_gains_one_edge_and_nothing_else() -> None:
    before, after = steps()[1:3]
    assert diff(before, after) == Change(gained_edges=(Edge("delegates", SOURCE_KEY, TARGET, "AllowTarget", USE),))


def test_what_is_gained_one_way_is_lost_the_other() -> None:
    before, after = steps()[3:5]
    there, back = diff(before, after), diff(after, before)
    assert (there.gained_nodes, there.gained_edges) == (back.lost_nodes, back.lost_edges)
    assert there.gained_nodes


def test_a_new_state_and_new_actions_are_changes_not_gains() -> None:
    before = graph_of(
        [Node("key", SOURCE_KEY, SOURCE, state="Enabled"), Edge("delegates", SOURCE_KEY, TARGET, "S", USE)]
    )
    after = graph_of(
        [Node("key", SOURCE_KEY, SOURCE, state="Disabled"), Edge("delegates", SOURCE_KEY, TARGET, "S", USE[:1])]
    )
    change = diff(before, after)
    assert [(old.state, new.state) for old, new in change.changed_nodes] == [("Enabled", "Disabled")]
    assert [(old.allows, new.allows) for old, new in change.changed_edges] == [(USE, USE[:1])]
    assert not any((change.gained_edges, change.lost_edges, change.gained_nodes, change.lost_nodes))


def test_the_union_of_all_steps_holds_every_step() -> None:
    whole = union(*steps())
    for step in steps():
        assert not diff(whole, step).gained_nodes
        assert not diff(whole, step).gained_edges


def test_building_and_drawing_do_not_import_networkx() -> None:
    """Goal: networkx costs 0.3 s, which `reseal --help` and a drawing need not pay."""
    code = (
        "import sys; import app.graph.questions; from app.graph.draw import svg, tree, to_dot; "
        "from tests.graph.share import shared; svg(shared()), tree(shared()), to_dot(shared()); "
        "assert 'networkx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
