"""The pictures of a page: the machine with the path that was taken, and the key graph after each step.

A page has many drawings and one style: theirs is taken off, since the page gives their colours in both themes, and
their ids are made the page's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from app.graph.build import Graph, graph_of
from app.graph.difference import diff
from app.graph.names import named, ordered, sentence
from workflows.drawing import svg
from workflows.machine import End, Step
from workflows.pictures import pictures
from workflows.reports.ended import Finished

if TYPE_CHECKING:
    from app.graph.difference import Change
    from workflows.transition import Report

_STYLE: Final = re.compile(r"<style>.*?</style>", re.DOTALL)
_IDS: Final = re.compile(r'(?<= id=")(?=[a-z]+-)|(?<=url\(#)(?=head-)')
_LABELS: Final = 'aria-labelledby="reseal-title reseal-about"'


@cache
def drawing_style() -> str:
    """What every drawing brings along, taken off one; the page's own style comes behind it and gives the colours."""
    from app.graph import draw

    found = _STYLE.search(draw.svg(graph_of(())))
    return found[0].removeprefix("<style>").removesuffix("</style>") if found else ""


def machine(ended: Finished, prefix: str) -> dict[str, Any] | None:
    """The workflow drawn with the way that was taken, and its states as a list; None for a run without a workflow."""
    workflow = ended.workflow
    if workflow is None:
        return None
    taken = [(each.state, each.outcome) for each in ended.report.transitions if each.state]
    passed = {each.state: each for each in ended.report.transitions if each.state}
    states = [
        {
            "name": state.name,
            "about": f"{state.as_} {state.call.replace(':', '.')}" if isinstance(state, Step) else "end",
            "passed": state.name in passed or state.name == ended.report.state,
            "here": state.name == ended.report.state,
            "is_end": isinstance(state, End),
            "ok": isinstance(state, End) and state.ok,
            "outcome": passed[state.name].outcome if state.name in passed else "",
            "next": passed[state.name].next if state.name in passed else "",
        }
        for state in workflow.states
    ]
    drawn = _inlined(svg(workflow, taken), f"{prefix}-m-")
    return {"title": workflow.title or workflow.name, "states": states, "svg": drawn}


def graphs(report: Report, prefix: str) -> list[dict[str, Any]]:
    """A picture a step, each with the same facts as tables; [] where the port tells no graph."""
    drawn = list(pictures(report).values())
    before, told = graph_of(()), list[dict[str, Any]]()
    for each in report.transitions:
        if not each.graph:
            continue
        graph = Graph.from_node_link(each.graph)
        if each.section == "steps":
            number = len(told) + 1
            facts = _facts(graph, diff(before, graph))
            told.append({"number": number, "step": each.step, "name": each.name or each.step, **facts})
            told[-1]["svg"] = _inlined(drawn[number - 1], f"{prefix}-g{number}-")
        before = graph
    return told


def _facts(graph: Graph, change: Change) -> dict[str, Any]:
    signs = _signs(change)
    things = [
        (signs.get(node.id, ""), node.kind.replace("-", " "), named(graph, node), node.account, node.state, node.id)
        for node in ordered(graph)
    ]
    gone = [("lost", node.kind, node.id, node.account, node.state, node.id) for node in change.lost_nodes]
    gained = {*change.gained_edges}
    edges = [("gained" if edge in gained else "", sentence(graph, edge)) for edge in graph.edges if edge.kind != "owns"]
    return {"things": [*things, *gone], "edges": edges, "lost": len(change.lost_edges)}


def _signs(change: Change) -> Mapping[str, str]:
    return {node.id: "gained" for node in change.gained_nodes} | {
        node.id: "changed" for _, node in change.changed_nodes
    }


def _inlined(svg: str, prefix: str) -> Any:
    """A drawing of ours as part of a page."""
    from markupsafe import Markup

    bare = _STYLE.sub("", svg, count=1)
    bare = bare.replace(_LABELS, f'aria-labelledby="{prefix}reseal-title {prefix}reseal-about"', 1)
    return Markup(_IDS.sub(prefix, bare))  # noqa: S704 - drawn by us, every text in it escaped
