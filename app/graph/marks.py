"""What a drawing or export points out: what a step changed, or what an answer names. By a sign as well as a colour.

+  gained      −  lost      ≠  changed      ●  named by the answer
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from app.graph.difference import Change, EdgeKey, edge_key

if TYPE_CHECKING:
    from app.graph.questions import Finding

Mark = Literal["gained", "lost", "changed", "named"]
Marks = Mapping[str | EdgeKey, Mark]  # by node id, or by what an edge is

SIGNS: Final[Mapping[Mark, str]] = {"gained": "+", "lost": "−", "changed": "≠", "named": "●"}
COLOURS: Final[Mapping[Mark, str]] = {  # on white, for forms that know no themes
    "gained": "#116329",
    "lost": "#b3111d",
    "changed": "#6639ba",
    "named": "#a1157a",
}
NOTHING: Final[Marks] = MappingProxyType({})


def marks_of(change: Change) -> Marks:
    return {
        **{node.id: "gained" for node in change.gained_nodes},
        **{node.id: "lost" for node in change.lost_nodes},
        **{node.id: "changed" for _, node in change.changed_nodes},
        **{edge_key(edge): "gained" for edge in change.gained_edges},
        **{edge_key(edge): "lost" for edge in change.lost_edges},
        **{edge_key(edge): "changed" for _, edge in change.changed_edges},
    }


def named_by(finding: Finding) -> Marks:
    nodes: Marks = {node.id: "named" for node in finding.nodes}
    return {**nodes, **{edge_key(edge): "named" for edge in finding.edges}}
