"""The questions that a door offers, each answered with holds or not, the nodes and edges it rests on, and its facts.

An answer is a value; a door chooses a form of it: `json`, `text`, or a drawing of the part of the graph that it is
about, in which what it names is marked (`graph`, `dot`, `mermaid`, `graphml`, `svg`). Questions that no document
answers alone are evaluated in forks: nothing of them is seen in the world or its log.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app.graph import impact as impacts
from app.graph import questions
from app.graph import readers as reading
from app.graph.build import Graph, build, union
from app.graph.difference import Change, diff, edge_key
from app.graph.draw import MARKED, change_text
from app.graph.edits import Edit, touched
from app.graph.marks import NOTHING, Marks, marks_of, named_by
from app.graph.questions import HOLDS_DATA, Finding, depends_on, independent_of, resolve
from app.graph.telling import finding_lines, impact_lines, reader_lines
from app.graph.things import thing_of
from app.graph.who import Who

if TYPE_CHECKING:
    from app.kernel.cloud import Cloud
    from app.kernel.edge import Edge

FORMATS: Final = ("json", "text", *MARKED)
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """`about`: the nodes around which a drawing is made. `graph`: what it is drawn from, the world's where None."""

    question: str
    finding: Finding
    facts: Json
    lines: Sequence[str]
    about: Sequence[str] = ()
    graph: Graph | None = None
    marks: Marks = field(default_factory=lambda: NOTHING)

    @property
    def holds(self) -> bool:
        return self.finding.holds

    def as_json(self) -> Json:
        return {
            "reseal": 1,
            "question": self.question,
            "holds": self.holds,
            **self.facts,
            "nodes": msgspec.to_builtins(self.finding.nodes),
            "edges": msgspec.to_builtins(self.finding.edges),
        }


def told(answer: Answer, graph: Graph, format: str) -> str:
    """The answer in one of FORMATS."""
    if format == "json":
        return json.dumps(answer.as_json(), indent=2, ensure_ascii=False) + "\n"
    if format == "text":
        return "\n".join(answer.lines) + "\n"
    return MARKED[format](
        _part(answer, answer.graph or graph), answer.marks or named_by(answer.finding), _title(answer)
    )


def _title(answer: Answer) -> str:
    return answer.lines[0][:100]


def _part(answer: Answer, graph: Graph) -> Graph:
    """What the answer names, and the neighbours of what it is about; accounts are boxes around them."""
    ids = {node.id for node in answer.finding.nodes}
    ids |= {end for edge in answer.finding.edges for end in (edge.source, edge.target)}
    ids |= {key for key in answer.marks if isinstance(key, str)}
    ids |= {end for key in answer.marks if not isinstance(key, str) for end in key[1:3]}
    for id in answer.about:
        ids |= questions.around(graph, id, 1)
    ids &= graph.nodes.keys()
    return graph.only(ids | {graph.nodes[id].account for id in ids} - {""})


# The questions.


def depends(graph: Graph, of: str) -> Answer:
    """What a snapshot, volume or image rests on."""
    id = resolve(graph, of)
    found = depends_on(graph, id)
    head = f"{id} rests on {_count(found.nodes, 'thing')}" if found else f"{id} rests on nothing"
    return Answer("depends", found, {"of": id}, finding_lines(graph, head, found), [id])


def path(graph: Graph, from_id: str, to_id: str) -> Answer:
    """The way by which the one rests on the other."""
    source, target = resolve(graph, from_id), resolve(graph, to_id)
    found = questions.path(graph, source, target)
    head = f"{source} {'rests' if found else 'does not rest'} on {target}"
    return Answer("path", found, {"from": source, "to": target}, finding_lines(graph, head, found), [source, target])


def independent(graph: Graph, of: str, account: str) -> Answer:
    """Is it readable without anything of that account? Where not, by what it is bound."""
    id, owner = resolve(graph, of), resolve(graph, account)
    if graph.nodes[owner].kind != "account":
        raise questions.NoSuchNode(f"{owner} is a {graph.nodes[owner].kind}, not an account")
    if graph.nodes[id].kind not in HOLDS_DATA:
        raise questions.NoSuchNode(f"{id} is a {graph.nodes[id].kind}: ask for a snapshot, volume or image")
    found = independent_of(graph, id, owner)
    head = f"{id} is {'independent of' if found else 'bound to'} account {owner}"
    return Answer("independent", found, {"of": id, "account": owner}, finding_lines(graph, head, found), [id])


def readers(
    cloud: Cloud, graph: Graph, of: str, asked: Iterable[Who] = (), limit: int = reading.PRINCIPALS_MAX
) -> Answer:
    """Who can read it, by which way, resting on what."""
    thing = thing_of(cloud.world, graph, of)
    found = reading.readers(cloud, graph, thing, asked, limit=limit)
    edges = tuple(sorted({edge for one in found.readers for edge in one.edges}))
    nodes = [thing.id, *(one.who for one in found.readers if one.reads)]
    finding = Finding(any(one.reads for one in found.readers), _nodes(graph, nodes), edges)
    facts = {
        "of": thing.id,
        "readers": [_reader(one) for one in found.readers],
        "attached": [{"volume": volume, "instance": instance} for volume, instance in found.attached],
        "left_out": found.left_out,
    }
    return Answer("readers", finding, facts, reader_lines(found), [thing.id])


def _reader(one: reading.Reader) -> Json:
    return {
        "who": one.who,
        "account": one.account,
        "reads": one.reads,
        "by": one.by,
        "ways": msgspec.to_builtins(one.ways),
        "edges": [list(edge_key(edge)) for edge in one.edges],
    }


def impact(
    cloud: Cloud, graph: Graph, edit: Edit, *, of: Iterable[str] = (), asked: Iterable[Who] = (),
    limit: int = impacts.PAIRS_MAX,
) -> Answer:  # fmt: skip
    """What becomes unreadable, for whom; holds if anything does."""
    things = [thing_of(cloud.world, graph, name).id for name in of]
    found = impacts.impact(cloud, graph, edit, things=things, asked=asked, limit=limit)
    lost = sorted({turn.thing for turn in found.lost} | {node.id for node in found.unreadable.nodes})
    finding = Finding(bool(lost), _nodes(graph, lost), found.unreadable.edges)
    return Answer("impact", finding, _impact(found), impact_lines(found), [edit.gone] if edit.gone else lost)


def _impact(found: impacts.Impact) -> Json:
    return {
        "edit": found.edit.title,
        "notes": found.made.notes,
        "unreadable": [node.id for node in found.unreadable.nodes],
        "turns": [msgspec.to_builtins(turn) | {"lost": turn.is_lost} for turn in found.turns],
        "attached": [{"volume": volume, "instance": instance} for volume, instance in found.attached],
        "evaluated": found.evaluated,
        "left_out": found.left_out,
    }


def edited(
    cloud: Cloud, graph: Graph, edit: Edit, *, of: Iterable[str] = (), asked: Iterable[Who] = (),
    limit: int = impacts.PAIRS_MAX,
) -> Answer:  # fmt: skip
    """What one edit changes: in the graph, and for those who read; holds if anything does.

    Without `of`, for what rests on whatever the edit changes in the graph. A policy of a user or role changes nothing
    there: then name what is to be tried.
    """
    things = [thing_of(cloud.world, graph, name).id for name in of]
    found = impacts.impact(cloud, graph, edit, things=things, asked=asked, limit=limit)
    after = build(found.made.cloud.services, found.made.cloud.world)
    change = diff(graph, after)
    if not things and not edit.things:
        more = touched(graph, (id for key in marks_of(change) for id in (key if isinstance(key, tuple) else (key,))))
        found = impacts.impact(cloud, graph, edit, things=more, asked=asked, limit=limit) if more else found
    ids = [node.id for node in (*change.gained_nodes, *change.lost_nodes, *(new for _, new in change.changed_nodes))]
    edges = (*change.gained_edges, *change.lost_edges, *(new for _, new in change.changed_edges))
    both = union(graph, after)
    finding = Finding(bool(change) or bool(found.turns), _nodes(both, ids), edges)
    facts = {**_impact(found), "change": change_json(change)}
    lines = [*impact_lines(found), *_changed(change, graph, after)]
    return Answer("edit", finding, facts, lines, sorted({turn.thing for turn in found.turns}), both, marks_of(change))


def difference(before: Graph, after: Graph) -> Answer:
    """What the second has, lacks, or has otherwise than the first; holds if there is a difference."""
    change = diff(before, after)
    both, marks = union(before, after), marks_of(change)
    ids = [key for key in marks if isinstance(key, str)]
    edges = (*change.gained_edges, *change.lost_edges, *(new for _, new in change.changed_edges))
    finding = Finding(bool(change), _nodes(both, ids), edges)
    lines = [_summary(change), *_changed(change, before, after)]
    return Answer("diff", finding, {"change": change_json(change)}, lines, [], both, marks)


def _summary(change: Change) -> str:
    """`3 gained, 1 lost`: nodes and edges, without saying who owns what."""
    counts = {
        "gained": [*change.gained_nodes, *_drawn(change.gained_edges)],
        "lost": [*change.lost_nodes, *_drawn(change.lost_edges)],
        "changed": [*change.changed_nodes, *change.changed_edges],
    }
    return ", ".join(f"{len(found)} {word}" for word, found in counts.items() if found) or "no difference"


def _drawn(edges: Iterable[Edge]) -> list[Edge]:
    return [edge for edge in edges if edge.kind != "owns"]


def _changed(change: Change, before: Graph, after: Graph) -> list[str]:
    return change_text(change, before, after).splitlines()


def change_json(change: Change) -> Json:
    return {
        "gained": {"nodes": _plain(change.gained_nodes), "edges": _plain(change.gained_edges)},
        "lost": {"nodes": _plain(change.lost_nodes), "edges": _plain(change.lost_edges)},
        "changed": {"nodes": _pairs(change.changed_nodes), "edges": _pairs(change.changed_edges)},
    }


def _plain(values: Any) -> Any:
    return msgspec.to_builtins(values)


def _pairs(pairs: Iterable[tuple[Any, Any]]) -> list[Json]:
    return [{"before": _plain(old), "after": _plain(new)} for old, new in pairs]


def _nodes(graph: Graph, ids: Iterable[str]) -> tuple[Any, ...]:
    return tuple(graph.nodes[id] for id in sorted({*ids}) if id in graph.nodes)


def _count(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
