"""What a step changed in the key graph, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.graph.build import Graph


def changed(before: Graph | None, after: Graph | None) -> tuple[str, ...]:
    """What differs between two graphs, a line each."""
    if before is None or after is None:
        return ()
    from app.graph.difference import diff
    from app.graph.draw import change_text

    old, new = _without_idle(before), _without_idle(after)
    return tuple(change_text(diff(old, new), old, new).splitlines())


def _without_idle(graph: Graph) -> Graph:
    """Without AWS managed keys that encrypt nothing: they appear by themselves, and say nothing of a share."""
    materials = {edge.target: edge.source for edge in graph.edges if edge.kind == "material-of"}
    used = {materials.get(edge.source) for edge in graph.edges if edge.kind == "wraps"}
    managed = {e.target: e.source for e in graph.edges if e.kind == "points-to" and "alias/aws/" in e.source}
    idle = {key for key in managed if key not in used}
    hidden = idle | {managed[key] for key in idle} | {material for material, key in materials.items() if key in idle}
    kept = graph.only(set(graph.nodes) - hidden)
    speaks_of_everyone = any("everyone" in (edge.source, edge.target) for edge in kept.edges)
    return kept if speaks_of_everyone else kept.only(set(kept.nodes) - {"everyone"})
