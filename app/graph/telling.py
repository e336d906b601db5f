"""Answers in words, for a terminal: one fact a line, what it rests on set in under it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.graph.build import Graph
from app.graph.names import label_of, sentence
from app.graph.questions import Finding
from app.graph.readers import Ground, Reader, Readers, WayFound
from app.policy.causes import Cause
from app.policy.question import LayerKind

if TYPE_CHECKING:
    from app.graph.impact import Impact, Turn


def finding_lines(graph: Graph, head: str, found: Finding) -> list[str]:
    """What it names, then the edges it rests on, each a sentence."""
    nodes = [f"  {node.kind.replace('-', ' ')} {node.id} {label_of(node)}".rstrip() for node in found.nodes]
    return [head, *nodes, *(f"  because {sentence(graph, edge)}" for edge in found.edges if edge.kind != "owns")]


def reader_lines(found: Readers) -> list[str]:
    count = sum(one.reads for one in found.readers)
    lines = [f"{found.thing} can be read by {count} of {_many(len(found.readers), 'principal')}"]
    for one in found.readers:
        lines += _reader(one)
    lines += [
        f"{volume} is attached to {instance}: it reads on until it is detached" for volume, instance in found.attached
    ]
    lines += [f"{_many(found.left_out, 'principal')} more not asked"] if found.left_out else []
    return lines


def _reader(one: Reader) -> Iterator[str]:
    if one.reads:
        yield f"  yes  {_who(one.who)}: by {', '.join(one.by)}"
        first = next(way for way in one.ways if way.holds)
        yield from (f"         {first.way}: {_ground(ground)}" for ground in first.grounds)
    else:
        yield f"  no   {_who(one.who)}"
        yield from (f"         {line}" for way in one.ways for line in _stop(way))


def _who(id: str) -> str:
    return f"{id} (root)" if id.isdigit() else id


def _ground(ground: Ground) -> str:
    """`kms:Decrypt by AllowTarget in the key policy of arn:...`."""
    actions = ", ".join(ground.actions)
    if ground.layer == LayerKind.GRANT:
        return f"{actions} by grant {ground.policy} on {ground.attached_to}"
    kind = f"{ground.layer} policy {ground.policy}"
    if ground.layer == LayerKind.RESOURCE:
        kind = "key policy" if ground.attached_to.startswith("arn:aws:kms:") else ground.policy
    return f"{actions} by {ground.statement or 'it'} in the {kind} of {ground.attached_to or ground.account}"


def _stop(way: WayFound) -> Iterator[str]:
    if way.missing:
        yield f"{way.way}: {way.missing}"
    elif stop := way.stop:
        code = Cause[stop.cause].code if stop.cause in Cause.__members__ else ""
        at = f" at {stop.refused}" if stop.refused != stop.call else ""
        where = f" on {stop.resource}" if stop.resource else ""
        past = [call for call in way.calls if call != stop.call]
        after = f"after {', '.join(past)} " if past else ""
        yield f"{way.way}: {after}{stop.call} ends{at}{where}: {stop.sentence}{f' ({code})' if code else ''}"


def impact_lines(found: Impact) -> list[str]:
    lost, asked = found.lost, _many(found.evaluated, "principal and thing", "pairs of principal and thing")
    lines = [f"{found.edit.title}: {_many(len(lost), 'read')} lost, of {asked} tried"]
    lines += [f"  note: {note}" for note in found.made.notes]
    lines += [f"  rests on it: {node.kind} {node.id}" for node in found.unreadable.nodes]
    lines += [line for turn in found.turns for line in _turn(turn)]
    lines += [
        f"  {volume} is attached to {instance}: it reads on until it is detached" for volume, instance in found.attached
    ]
    lines += [f"  not tried for everybody: {id}" for id in found.left_out]
    return lines


def _turn(turn: Turn) -> Iterator[str]:
    ways = f"{', '.join(turn.before) or 'nothing'} -> {', '.join(turn.after) or 'nothing'}"
    sign = "-" if turn.is_lost else "+" if not turn.before else "~"
    yield f"  {sign} {_who(turn.who)} reads {turn.thing} by {ways}"
    if turn.stop:
        yield from (f"      {line}" for line in _stop(turn.stop))
    elif turn.is_lost:
        yield "      it is gone, or who asked is"


def _many(count: int, noun: str, plural: str = "") -> str:
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"
