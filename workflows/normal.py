"""The normal form of a run: what must be the same wherever and whenever it is run.

Ids are renamed by first appearance (`snap-1`, `key-2`), moments become `<time>`, and what names one request or one
client is left out. In process, over HTTP and over boto3 the same scenario then gives the same value; without evidence
(boto3) only what the callers saw is compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from workflows.transition import Report, Transition, to_json

# What differs from request to request and from client to client, by name.
LEFT_OUT: Final = frozenset(
    {
        "requestID", "requestId", "RequestId", "request_id", "eventID", "event_id", "sharedEventID", "root", "parent",
        "userAgent", "sourceIPAddress", "tlsDetails", "seq", "id", "decision_id", "ResponseMetadata", "at_ms",
        "GrantToken", "grantToken", "NextToken", "CiphertextBlob", "accessKeyId", "access_key_id", "mark", "marks",
        "key", "clientToken", "ClientToken", "sessionCredentialFromConsole",
    }
)  # fmt: skip
_IDS: Final = (
    (re.compile(r"\b(snap|vol|ami|i|r)-[0-9a-f]{8,17}\b"), r"\1"),
    (re.compile(r"(?<![\w-])(?:(o|p)-[a-z0-9]{10}|(r)-[a-z0-9]{4}|(h)-[0-9a-f]{32})(?![\w-])"), r"\1\2\3"),
    (re.compile(r"\bmrk-[0-9a-f]{32}\b"), "mrk"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "key"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "hash"),
    (re.compile(r"\b(AIDA|AROA|AKIA|ASIA|ANPA|AGPA)[A-Z0-9]{12,17}\b"), r"\1"),
)
_TIME: Final = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
_MOMENT_MS_MIN: Final = 1_500_000_000_000  # no other number in a run is as large as a moment in milliseconds
_SEEN: Final = (
    "step", "call", "principal", "parameters", "answer", "error", "later", "outcome", "state", "next", "saved",
)  # fmt: skip


def normal(report: Report, *, evidence: bool = True) -> dict[str, Any]:
    """A run without what may differ. `evidence`: with calls, decisions, events and the graph, if the port has them."""
    rename = _Renamer()
    return {
        "scenario": report.scenario,
        "state": report.state,
        "ok": report.ok,
        "data": rename(report.data),
        "transitions": [_transition(each, rename, evidence) for each in report.transitions],
    }


def _transition(transition: Transition, rename: _Renamer, evidence: bool) -> dict[str, Any]:
    whole = to_json(transition)
    kept = {name: rename(_without(whole[name])) for name in _SEEN}
    if evidence:
        kept["calls"] = [rename(_without(call)) for call in whole["calls"]]
        kept["decisions"] = [rename(_without(_decision(each))) for each in whole["decisions"]]
        kept["events"] = [rename(_without(each.get("body") or {})) for each in whole["events"]]
        kept["graph"] = _graph(whole["graph"], rename)
    return kept


def _decision(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry.get(name, "") for name in ("caller", "action", "resource", "allowed", "cause", "account")}


def _graph(node_link: Mapping[str, Any] | None, rename: _Renamer) -> Any:
    if node_link is None:
        return None
    nodes = [
        [*(rename(str(node[name])) for name in ("kind", "id", "account", "state")), rename(_label(node))]
        for node in node_link["nodes"]
    ]
    edges = [
        [*(rename(str(edge[name])) for name in ("kind", "source", "target", "rests_on")), list(edge["allows"])]
        for edge in node_link["edges"]
    ]
    return {"nodes": sorted(nodes), "edges": sorted(edges)}


def _label(node: Mapping[str, Any]) -> str:
    """A label that says more than the id does."""
    label = str(node["label"])
    return "" if label in str(node["id"]) else label


def _without(value: Any) -> Any:
    """Without the names left out, and without what is empty: a client may leave that away."""
    if isinstance(value, Mapping):
        pairs = ((key, _without(inner)) for key, inner in value.items() if key not in LEFT_OUT)
        return {key: inner for key, inner in pairs if inner not in (None, "", [], {})}
    if isinstance(value, (list, tuple)):
        return [_without(inner) for inner in value]
    return value


class _Renamer:
    """Names by first appearance; the same id is the same name throughout a run."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {key: self(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self(inner) for inner in value]
        return "<time>" if isinstance(value, int) and value > _MOMENT_MS_MIN else value

    def _text(self, text: str) -> str:
        for pattern, kind in _IDS:
            text = pattern.sub(lambda found, kind=kind: self._name(found[0], found.expand(kind)), text)
        return _TIME.sub("<time>", text)

    def _name(self, id: str, kind: str) -> str:
        if id not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[id] = f"{kind}-{self._counts[kind]}"
        return self._names[id]
