"""The port onto a reseal server: AWS's protocols for the calls, REST for the evidence and the clock."""

# pyright: basic

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from workflows.over_boto3 import OverBoto3
from workflows.port import Can, Evidence, Json
from workflows.rest_client import RestClient, world_of

if TYPE_CHECKING:
    from app.graph.build import Graph
    from workflows.record.recording import Line

KEY_HEADER: Final = "x-reseal-idempotency-key"
ENDPOINT: Final = "x-reseal-vpc-endpoint-policy"


class OverHttp(OverBoto3):
    """`endpoint`: `http://host:port`, or with `/w/<world>` after it. `token`: bearer token, where REST wants one."""

    def __init__(self, endpoint: str, accounts: Mapping[str, str], token: str = "") -> None:
        super().__init__(endpoint.rstrip("/"), accounts)
        self.can = Can(evidence=True, repeat=True, step_aside=False, be_root=True)
        self._server = RestClient(endpoint, token)
        self.world = world_of(endpoint)

    def _send(self, client: Any, name: str, parameters: Mapping[str, Any], key: str) -> dict[str, Any]:
        headers = {KEY_HEADER: key} if key else {}
        if through := self._acting.keys.endpoint:
            headers[ENDPOINT] = base64.b64encode(through.encode()).decode()
        if not headers:
            return super()._send(client, name, parameters, key)

        def mark(params: Json, **_: Any) -> None:
            params["headers"].update(headers)

        client.meta.events.register("before-call", mark, unique_id="reseal-headers")
        try:
            return super()._send(client, name, parameters, key)
        finally:
            client.meta.events.unregister("before-call", mark, unique_id="reseal-headers")

    def _new_client(self, profile: str, is_unsigned: bool, service: str, region: str) -> Any:
        """A client whose calls are the same when they are repeated.

        Our own key stands for what botocore would add of its own: a random ClientToken, and a PresignedUrl that is
        signed with the time (one server needs no second signature).
        """
        from botocore.handlers import generate_idempotent_uuid, inject_presigned_url_ec2

        client = super()._new_client(profile, is_unsigned, service, region)
        client.meta.events.unregister("before-parameter-build", generate_idempotent_uuid)
        client.meta.events.unregister("before-call.ec2.CopySnapshot", inject_presigned_url_ec2)
        return client

    def evidence(self, request_id: str) -> Evidence:
        found = self._rest(f"evidence?request_id={quote(request_id)}")
        return Evidence(*(tuple(map(_opened, found.get(kind, ()))) for kind in ("calls", "decisions", "events")))

    def graph(self) -> Graph | None:
        from app.graph.build import Graph

        return Graph.from_node_link(self._rest("graph?format=json"))

    def graph_question(self, path: str, body: Json | None = None) -> str:
        """The answer to a question about the graph, in the form that `path` asks for. Refused where it is none."""
        return self._fetched(path, body).decode()

    def advance(self, by_ms: int) -> None:
        self._rest("clock", {"advance_ms": by_ms})

    def now_ms(self) -> int:
        return int(self._rest("clock")["now_ms"])

    def explanation(self, about: str, format: str) -> str:
        """Why a request or resource was refused ("": the last refusal), as the server tells it: "text" or "json"."""
        return self._fetched(f"explanation?about={quote(about)}&format={format}").decode()

    def begin_recording(self) -> int:
        """From now on calls are kept; answers how many are already, of a recording that was broken off."""
        return int(json.loads(self._fetched("recording", method="PUT"))["calls"])

    def recording(self, after: int = 0) -> tuple[list[Line], list[Line]]:
        """What was done in the world since `begin_recording`, without the first `after` lines; and what may change."""
        from workflows.record.recording import line_from

        found = json.loads(self._fetched(f"recording?after={after}"))
        return [line_from(one) for one in found["kept"]], [line_from(one) for one in found["passing"]]

    def end_recording(self) -> None:
        self._fetched("recording", method="DELETE")

    def _rest(self, path: str, body: Json | None = None) -> Json:
        """GET, or POST where there is a body; PortFailed for anything but an answer."""
        return json.loads(self._fetched(path, body))

    def _fetched(self, path: str, body: Json | None = None, method: str | None = None) -> bytes:
        return self._server.fetch(f"worlds/{quote(self.world)}/{path}", body, method)


def _opened(entry: Json) -> Json:
    """An entry whose body is JSON in text, opened."""
    body = entry.get("body")
    return entry | {"body": json.loads(body)} if isinstance(body, str) and body else entry
