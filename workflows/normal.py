"""The normal form of a run: what must be the same wherever and whenever it is run.

Ids, and what is drawn at random, are renamed by first appearance (`snap-1`, `key-2`), moments become `<time>`, and what
names one request or one client is left out. In process, over HTTP and over boto3 the same scenario then gives the same
value; without evidence (boto3) only what the callers saw is compared.
"""

# pyright: basic

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from workflows.transition import Report, Transition, to_json

# What names one request or one client, by name.
LEFT_OUT: Final = frozenset(
    {
        "requestID", "requestId", "RequestId", "request_id", "eventID", "event_id", "EventId", "sharedEventID",
        "ResponseMetadata", "accessKeyId", "access_key_id", "AccessKeyId", "tlsDetails", "clientToken", "ClientToken",
        "sessionCredentialFromConsole",
    }
)  # fmt: skip
# What an entry of the log has beside what happened.
OF_THE_LOG: Final = frozenset({"id", "root", "parent", "seq", "key", "mark", "marks", "decision_id", "at_ms"})
# What is drawn anew in every run, and means nothing but itself: named by first appearance, like ids.
OPAQUE: Final = frozenset(
    {
        "GrantToken", "grantToken", "NextToken", "nextToken", "CiphertextBlob", "PrivateKeyCiphertextBlob",
        "BlockToken", "FirstBlockToken", "SecondBlockToken", "blockToken",
    }
)  # fmt: skip
# Who called: a service says so by its name, a client by what it is.
CLIENT: Final = frozenset({"userAgent", "user_agent", "sourceIPAddress", "source_ip"})
_IDS: Final = (
    (re.compile(r"\b(snap|vol|ami|i|r|eni|car)-[0-9a-f]{8,32}\b"), r"\1"),
    (re.compile(r"(?<![\w-])(?:(o|p)-[a-z0-9]{10}|(r)-[a-z0-9]{4}|(h)-[0-9a-f]{32})(?![\w-])"), r"\1\2\3"),
    (re.compile(r"\b(ou)-[0-9a-z]{4,32}-[0-9a-z]{8,32}\b"), r"\1"),
    (re.compile(r"\bmrk-[0-9a-f]{32}\b"), "mrk"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "key"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "hash"),
    (re.compile(r"\b(AIDA|AROA|AKIA|ASIA|ANPA|AGPA)[A-Z0-9]{12,17}\b"), r"\1"),
)
_ENCODED: Final = re.compile(r"(?<=Encoded authorization failure message: )\S+")
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
        kept["calls"] = [rename(_without(_of_itself(call))) for call in whole["calls"]]
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


def _of_itself(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in OF_THE_LOG}


def _without(value: Any) -> Any:
    """Without the names left out, and without what is empty: a client may leave that away. JSON in text is opened."""
    if isinstance(value, Mapping):
        pairs = ((key, _without(_client(key, inner))) for key, inner in value.items() if key not in LEFT_OUT)
        return {key: inner for key, inner in pairs if inner not in (None, "", [], {})}
    if isinstance(value, (list, tuple)):
        return [_without(inner) for inner in value]
    opened = _opened(value) if isinstance(value, str) else None
    return value if opened is None else _without(opened)


def _client(name: str, value: Any) -> Any:
    is_service = isinstance(value, str) and (value.endswith(".amazonaws.com") or value == "AWS Internal")
    return "<client>" if name in CLIENT and not is_service else value


def _opened(text: str) -> Any:
    """The policy or event that a text holds as JSON; None for any other text."""
    if not text.startswith("{"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


class _Renamer:
    """Names by first appearance; the same id is the same name throughout a run."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {key: self._opaque(inner) if key in OPAQUE else self(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self(inner) for inner in value]
        return "<time>" if isinstance(value, int) and value > _MOMENT_MS_MIN else value

    def _opaque(self, value: Any) -> str:
        return self._name(str(value), "opaque")

    def _text(self, text: str) -> str:
        text = _ENCODED.sub("<encoded>", text)
        for pattern, kind in _IDS:
            text = pattern.sub(lambda found, kind=kind: self._name(found[0], found.expand(kind)), text)
        return _TIME.sub("<time>", text)

    def _name(self, id: str, kind: str) -> str:
        if id not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[id] = f"{kind}-{self._counts[kind]}"
        return self._names[id]
