"""The key graph of a run as pictures, one a step: every thing stands at the same place in all of them."""

from __future__ import annotations

from app.graph.build import Graph, graph_of, union
from app.graph.difference import diff
from workflows.transition import Report


def pictures(report: Report) -> dict[str, str]:
    """`01-snapshot` -> SVG, with what the step gained, lost and changed marked. {} where the port tells no graph."""
    from app.graph.draw import layout, svg

    graphs = [(each, Graph.from_node_link(each.graph)) for each in report.transitions if each.graph]
    if not graphs:
        return {}
    places = layout(union(*(graph for _, graph in graphs)))
    drawn: dict[str, str] = {}
    before = graph_of(())
    for transition, graph in graphs:
        if transition.section == "steps":
            title = transition.name or f"{transition.step}: {transition.call}"
            drawn[f"{len(drawn) + 1:02d}-{transition.step}"] = svg(graph, places, diff(before, graph), title)
        before = graph
    return drawn
