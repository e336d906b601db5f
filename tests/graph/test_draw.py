"""The drawings: nothing overlaps, nothing moves, nothing is said by colour alone, and other programs can read them."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import get_args
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from app.graph.build import Graph, graph_of, union
from app.graph.difference import diff
from app.graph.draw import FORMATS, change_text, facts, layout, svg, to_dot, to_graphml, to_json, to_mermaid, tree
from app.graph.grid import COLUMNS
from app.graph.labels import Point, Rect
from app.graph.layout import WIDTH, Layout
from app.graph.names import KIND_ORDER, WORDS, shortened
from app.kernel.edge import Edge, EdgeKind, Node, NodeKind
from tests.graph.share import COPY, GRANT, SNAPSHOT, SOURCE, SOURCE_KEY, TARGET, USE, key, sealed, shared, steps

SVG = "{http://www.w3.org/2000/svg}"
GRAPHS = 400 if os.environ.get("RESEAL_SOAK") else 20


def anything(seed: int) -> Graph:
    """Any graph at all, sensible or not: up to four accounts, 45 nodes, 70 edges."""
    chance = random.Random(seed)
    accounts = [f"{n}" * 12 for n in range(1, chance.randint(2, 5))] + [""]
    kinds = [kind for kind in get_args(NodeKind) if kind != "account"]
    nodes = [
        Node(chance.choice(kinds), f"{chance.choice(('snap', 'x'))}-{n:012x}", chance.choice(accounts), state="Enabled")
        for n in range(chance.randint(1, 45))
    ]
    ids = [node.id for node in nodes] + accounts[:-1]
    edges = [
        Edge(
            chance.choice(get_args(EdgeKind)), chance.choice(ids), chance.choice(ids), chance.choice("ab"),
            tuple(chance.sample(USE, chance.randint(0, 4))),
        )
        for _ in range(chance.randint(0, 70))
    ]  # fmt: skip
    return graph_of([*nodes, *edges])


def believable(seed: int) -> Graph:
    """A random world in which every edge joins what such an edge joins."""
    chance = random.Random(seed)
    accounts = [f"{n}" * 12 for n in range(1, chance.randint(2, 3) + 1)]
    return graph_of(part for account in accounts for part in _account(chance, account, accounts))


def _account(chance: random.Random, account: str, accounts: list[str]) -> Iterator[Node | Edge]:
    roles = [f"arn:aws:iam::{account}:role/role-{n}" for n in range(chance.randint(1, 3))]
    yield from (Node("principal", role, account) for role in roles)
    for n in range(chance.randint(1, 3)):
        arn = f"arn:aws:kms:us-east-1:{account}:key/{chance.getrandbits(32):08x}-0000"
        material = f"{chance.getrandbits(256):064x}"
        yield from key(arn, material, f"arn:aws:kms:us-east-1:{account}:alias/a{n}", account)
        yield from (
            Edge("allows", arn, role, "Use", USE[: chance.randint(1, 4)]) for role in roles[: chance.randint(0, 2)]
        )
        for other in chance.sample(accounts, chance.randint(0, 1)):
            yield Edge("delegates", arn, other, "Share", USE)
        yield from _storage(chance, arn, material, account, accounts)


def _storage(
    chance: random.Random, arn: str, material: str, account: str, accounts: list[str]
) -> Iterator[Node | Edge]:
    volume = ""
    for _ in range(chance.randint(0, 3)):
        kind: NodeKind = chance.choice(("volume", "snapshot"))
        id = f"{'vol' if kind == 'volume' else 'snap'}-{chance.getrandbits(68):017x}"
        data_key = f"dk-{id}"
        yield from sealed(data_key, material, Node(kind, id, account, state="completed"))
        if volume:
            yield Edge("derived-from", id, volume)
        if kind == "snapshot" and chance.random() < 0.5:
            yield Edge("shared-with", id, chance.choice(accounts), "createVolumePermission")
        volume = id
    if chance.random() < 0.4:
        grant = f"{chance.getrandbits(256):064x}"
        yield from (Node("grant", grant, account), Edge("grant-of", arn, grant))
        yield Edge("grants", grant, "ec2.us-east-1.amazonaws.com", grant, ("kms:Decrypt",))


def everything_drawn(places: Layout) -> list[Rect]:
    return [*places.boxes.values(), *(label.rect for label in places.labels.values())]


def crosses(box: Rect, a: Point, b: Point) -> bool:
    stretch = Rect(min(a.x, b.x), min(a.y, b.y), abs(a.x - b.x) or 0.01, abs(a.y - b.y) or 0.01)
    return stretch.overlaps(Rect(box.left + 1, box.top + 1, box.width - 2, box.height - 2))


@pytest.mark.parametrize("graph", [*steps(), *map(anything, range(GRAPHS)), *map(believable, range(GRAPHS))])
def test_no_label_overlaps_anything_and_no_line_crosses_a_box(graph: Graph) -> None:
    places = layout(graph)
    overlapping = [pair for pair in combinations(everything_drawn(places), 2) if pair[0].overlaps(pair[1])]
    assert not overlapping
    for line in places.ways.values():
        for stretch in pairwise(line):
            assert not any(crosses(box, *stretch) for box in places.boxes.values())


@pytest.mark.parametrize("graph", [*steps(), *map(anything, range(GRAPHS)), *map(believable, range(GRAPHS))])
def test_all_stays_inside_and_every_box_inside_its_account(graph: Graph) -> None:
    places = layout(graph)
    for rect in everything_drawn(places):
        assert rect.left >= 0
        assert rect.left + rect.width <= WIDTH
        assert rect.top + rect.height <= places.height
    for id, box in places.boxes.items():
        node = graph.nodes[id]
        band = places.bands[node.id if node.kind == "account" else node.account]
        assert band.top < box.top
        assert box.top + box.height < band.top + band.height
    assert not [pair for pair in combinations(places.bands.values(), 2) if pair[0].overlaps(pair[1])]


@pytest.mark.parametrize("graph", steps())
def test_every_edge_of_the_share_has_its_label(graph: Graph) -> None:
    places = layout(graph)
    assert places.labels.keys() == places.ways.keys()


@pytest.mark.parametrize("seed", range(GRAPHS))
def test_a_believable_world_keeps_nearly_all_its_labels(seed: int) -> None:
    """Bar: 19 of 20 labels find room in worlds of two or three accounts with a few keys each (up to 60 nodes)."""
    places = layout(believable(seed))
    assert len(places.labels) >= 0.95 * len(places.ways)


def test_a_tangle_keeps_most_of_its_labels() -> None:
    """Bar: four of five (measured: 86 %) where any node may point at any; the rest is found in titles and the table."""
    layouts = [layout(anything(seed)) for seed in range(40)]
    assert sum(len(places.labels) for places in layouts) > 0.8 * sum(len(places.ways) for places in layouts)


def test_positions_stay_from_step_to_step() -> None:
    """Goal: a change can be seen because nothing else moves. Method: the boxes of a step stand in the next step too."""
    places = layout(union(*steps()))
    drawings = [re.findall(r'<title>([^<]*)</title><rect class="box"[^>]*>', svg(graph, places)) for graph in steps()]
    rects = [dict(re.findall(r'<title>([^<]*)</title>(<rect class="box"[^>]*>)', svg(g, places))) for g in steps()]
    for before, after in pairwise(rects):
        assert all(after[title] == rect for title, rect in before.items())
    assert len(drawings[0]) < len(drawings[-1])


def test_a_graph_outside_the_positions_is_refused() -> None:
    with pytest.raises(KeyError):
        svg(steps()[-1], layout(steps()[0]))


def test_gained_lost_and_changed_are_marks_and_words_not_only_colours() -> None:
    before, after = steps()[3:5]
    after = graph_of([replace(n, state="Disabled") if n.id == SOURCE_KEY else n for n in after.nodes.values()])
    change = diff(before, after)
    picture = svg(after, layout(union(before, after)), change)
    for sign, word in (("+", "gained"), ("−", "lost"), ("≠", "changed")):
        assert f"{sign} {word}</text>" in picture  # the legend
        assert re.search(rf'class="mark {word}">.*>{re.escape(sign)}</text>', picture) or word == "lost"
    assert "− shared with" in picture
    assert "! Disabled" in picture


def test_a_picture_is_whole_xml_with_title_description_and_full_ids() -> None:
    graph = shared()
    root = ElementTree.fromstring(svg(graph, title='Step 4 <copy> & "more"'))
    assert root.findtext(f"{SVG}title") == 'Step 4 <copy> & "more"'
    about = root.findtext(f"{SVG}desc") or ""
    assert "snapshot snap-0f3a5b7c… is shared with account 222222222222" in about
    titles = {each.text or "" for each in root.iter(f"{SVG}title")}
    assert all(any(id in title for title in titles) for id in graph.nodes)
    assert root.get("width") == str(WIDTH)


def test_a_picture_needs_nothing_from_outside_and_knows_the_dark() -> None:
    picture = svg(shared())
    assert re.findall(r'https?://[^"]*', picture) == ["http://www.w3.org/2000/svg"]
    assert "prefers-color-scheme:dark" in picture


def test_text_keeps_its_contrast_in_light_and_dark() -> None:
    """Bar: 4.5 to 1 for every colour that text has, on both grounds it stands on."""
    for theme in re.findall(r"\{(--page[^}]*)\}", svg(shared()).replace("\n", "").replace("background", "}")):
        colours = dict(re.findall(r"--(\w+):(#[0-9a-f]+)", theme))
        for name in ("text", "dim", "data", "may", "past", "gained", "lost", "changed"):
            assert contrast(colours[name], colours["band"]) >= 4.5
            assert contrast(colours[name], colours["box"]) >= 4.5


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_every_kind_of_node_has_a_column_and_every_kind_of_edge_a_word() -> None:
    assert set(COLUMNS) == set(KIND_ORDER) == set(get_args(NodeKind))
    assert set(WORDS) == set(get_args(EdgeKind))


@pytest.mark.parametrize("form", FORMATS)
def test_equal_graphs_give_equal_text_in_every_form(form: str) -> None:
    graph = shared()
    again = graph_of([*reversed(graph.edges), *reversed(list(graph.nodes.values()))])
    assert FORMATS[form](graph) == FORMATS[form](again)


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_world_has_a_drawing_in_every_form(form: str) -> None:
    assert FORMATS[form](graph_of([])) is not None


def test_json_reads_back() -> None:
    assert Graph.from_node_link(json.loads(to_json(shared()))) == shared()


def test_graphml_reads_back_with_networkx() -> None:
    from networkx import parse_graphml

    graph = parse_graphml(to_graphml(shared()), force_multigraph=True)
    assert set(graph.nodes) == set(shared().nodes)
    assert len(graph.edges) == len(shared().edges)
    assert graph.nodes[SOURCE_KEY]["state"] == "Enabled"


def test_dot_and_mermaid_box_accounts_and_escape_what_people_write() -> None:
    odd = graph_of(
        [Node("key", "k", SOURCE, 'a "b" \\ #1 <c>\nd'), Edge("allows", "k", f"arn:aws:iam::{TARGET}:user/x")]
    )
    dot, mermaid = to_dot(odd), to_mermaid(odd)
    assert 'subgraph "cluster 111111111111"' in dot
    assert r"a \"b\" \\ #1 <c> d" in dot
    assert 'subgraph a0["111111111111"]' in mermaid
    assert "a #quot;b#quot; \\ #num;1 #lt;c#gt; d" in mermaid
    assert all(line.count('"') % 2 == 0 for line in mermaid.splitlines())


@pytest.mark.parametrize(
    ("node", "name"),
    [
        (Node("snapshot", SNAPSHOT, SOURCE, SNAPSHOT), "snap-0f3a5b7c…"),
        (Node("key", SOURCE_KEY, SOURCE, SOURCE_KEY.rpartition("/")[2]), "1234abcd…"),
        (Node("key", SOURCE_KEY, SOURCE, "volumes"), "volumes"),
        (Node("material", "3f8a91c2" + "0" * 56, SOURCE, "3f8a91c2"), "3f8a91c2…"),
        (Node("data-key", f"{SOURCE_KEY}/data-key/{SNAPSHOT}", SOURCE, f"data key of {SNAPSHOT}"), "of snap-0f3a5b7c…"),
        (Node("data-key", f"{SOURCE_KEY}/data-key/{SNAPSHOT}", SOURCE), "snap-0f3a5b7c…"),
        (Node("service", "ec2.us-east-1.amazonaws.com"), "ec2.us-east-1"),
        (Node("principal", "arn:aws:sts::111111111111:assumed-role/aws:ec2-infrastructure/i-0a"), "assumed-role/aws…"),
    ],
)
def test_long_ids_are_shortened_to_what_tells_them_apart(node: Node, name: str) -> None:
    """Goal: a label that only repeats the id says nothing; ids inside a label are shortened too."""
    assert shortened(node) == name


def test_the_tree_shows_the_chain_and_fits_eighty_columns() -> None:
    text = tree(shared())
    assert max(map(len, text.splitlines())) <= 80
    chain = [
        text.index(word) for word in ("key 1234abcd…", "material 3f8a91c2…", "wraps data key", "encrypts snapshot")
    ]
    assert chain == sorted(chain)
    assert "shared with account 222222222222" in text


@pytest.mark.parametrize("seed", range(40))
def test_the_tree_names_every_node_of_any_graph(seed: int) -> None:
    """Goal: rings and strange edges lose nothing, and nothing is wider than a terminal."""
    graph = anything(seed)
    text = tree(graph)
    assert all(id in text for id in graph.nodes)
    assert max((len(line) for line in text.splitlines()), default=0) <= 80


def test_a_change_is_a_few_lines_of_words() -> None:
    before, after = steps()[1:3]
    assert change_text(diff(before, after), before, after) == (
        "+ key volumes delegates to account 222222222222: kms:CreateGrant, kms:Decrypt,\n"
        "    kms:DescribeKey, kms:ReEncryptFrom (AllowTarget)"
    )


def test_a_change_of_state_and_of_actions_is_told_from_and_to() -> None:
    before = steps()[2]
    nodes = [replace(node, state="Disabled") if node.id == SOURCE_KEY else node for node in before.nodes.values()]
    edges = [replace(edge, allows=USE[1:]) if edge.rests_on == "AllowTarget" else edge for edge in before.edges]
    after = graph_of([*nodes, *edges])
    assert change_text(diff(before, after), before, after) == (
        "~ key 1234abcd… volumes: Enabled -> Disabled\n"
        "~ key volumes delegates to account 222222222222 (AllowTarget): no longer\n"
        "    kms:CreateGrant"
    )


def test_the_table_holds_the_same_facts_as_the_drawing() -> None:
    rows = list(facts(shared()))
    assert len(rows) == len(shared().nodes) + len(shared().edges)
    assert (SNAPSHOT, "shared-with", TARGET, "", "createVolumePermission") in rows
    assert {COPY, GRANT} <= {row[0] for row in rows}
