"""The graph of a world, and what can be asked of it.

    GET  /worlds/{world}/graph                                   all of it, or a part
    GET  /worlds/{world}/graph/readers|depends|path|independent|impact|diff
    POST /worlds/{world}/graph/edit|diff                         with a body: the edit, a saved graph

Evaluated questions (readers, impact, edit) are tried in forks in memory: neither the world nor its log shows anything
of them. They take long, so they are asked in threads, of a fork that was made on the loop. The graph of a world is kept
until the world's records change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Response
from fastapi.concurrency import run_in_threadpool

from app.doors.rest.graph_body import PAIRS_MAX, NewEdit, SavedGraph
from app.doors.rest.strict import Refusal, forms
from app.graph.build import Graph, KeptGraphs
from app.host import WORLD_NAME, Worlds
from app.kernel.cloud import Cloud

READERS_MAX = 500  # principals of one question
GRAPH_MEDIA = {
    "json": "application/json",
    "graph": "application/json",
    "dot": "text/vnd.graphviz",
    "graphml": "application/xml",
    "svg": "image/svg+xml",
}

Whole = Annotated[
    Literal["json", "dot", "mermaid", "graphml", "svg", "tree"],
    Query(description="json is node-link, as networkx reads it"),
]
Select = Annotated[str, Query(max_length=2048, description="snap-1+2: snap-1 and all within two hops")]
Form = Annotated[
    Literal["json", "text", "graph", "dot", "mermaid", "graphml", "svg"],
    Query(description="json: the answer; text: in words; else the part of the graph that it is about, marked"),
]
Of = Annotated[str, Query(min_length=1, max_length=2048, description="a snapshot, volume or image: id or name")]
Thing = Annotated[str, Query(min_length=1, max_length=2048, description="id or ARN of a node, or the end of one")]
As = Annotated[
    list[str] | None,
    Query(alias="as", max_length=50, description="only this principal: ARN, account/name, account/root or everyone"),
]
Only = Annotated[list[str] | None, Query(max_length=50, description="only what this snapshot, volume or image loses")]
Pairs = Annotated[int, Query(ge=1, le=PAIRS_MAX, description="how many pairs of principal and thing are tried")]


class _Graphs:
    """The graphs of a server's worlds."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds, self._kept = worlds, KeptGraphs()

    def cloud(self, world: str) -> Cloud:
        cloud = self._worlds.get(world) if WORLD_NAME.match(world) else None
        if cloud is None:
            raise HTTPException(404, "there is no such world")
        return cloud

    async def of(self, world: str) -> Graph:
        return await run_in_threadpool(self._kept.of, self._worlds.services, self.cloud(world).world)


def graph_router(worlds: Worlds) -> APIRouter:
    taken = {"model": Refusal, "description": "AWS refuses the edit"}
    router = APIRouter(tags=["graph"], responses={409: taken, **forms("text/plain", *GRAPH_MEDIA.values())})
    graphs = _Graphs(worlds)
    for part in (_as_it_stands(graphs), _evaluated(graphs), _compared(graphs)):
        router.include_router(part)
    return router


def _as_it_stands(graphs: _Graphs) -> APIRouter:
    """The graph, and what follows from its edges alone."""
    router = APIRouter()

    @router.get("/worlds/{world}/graph")
    async def graph(world: str, format: Whole = "json", select: Select = "") -> Response:
        """The graph of key dependencies; `select` narrows it to a node and its neighbours."""
        return drawn(await graphs.of(world), format, select)

    @router.get("/worlds/{world}/graph/depends")
    async def depends(world: str, of: Thing, format: Form = "json") -> Response:
        """What a thing rests on: data key, key material, key, and the accounts that own them."""
        from app.graph import asking

        found = await graphs.of(world)
        return await run_in_threadpool(_told, lambda: asking.depends(found, of), found, format)

    @router.get("/worlds/{world}/graph/path")
    async def path(
        world: str, source: Annotated[Thing, Query(alias="from")], to: Thing, format: Form = "json"
    ) -> Response:
        """The way by which one thing rests on another."""
        from app.graph import asking

        found = await graphs.of(world)
        return await run_in_threadpool(_told, lambda: asking.path(found, source, to), found, format)

    @router.get("/worlds/{world}/graph/independent")
    async def independent(
        world: str, of: Of, account: Annotated[str, Query(max_length=2048, description="12 digits")],
        format: Form = "json",
    ) -> Response:  # fmt: skip
        """Whether a copy can be read without anything of an account; where not, by what it is bound."""
        from app.graph import asking

        found = await graphs.of(world)
        return await run_in_threadpool(_told, lambda: asking.independent(found, of, account), found, format)

    return router


def _evaluated(graphs: _Graphs) -> APIRouter:
    """What is tried in forks."""
    router = APIRouter()

    @router.get("/worlds/{world}/graph/readers")
    async def readers(
        world: str, of: Of, asked: As = None, format: Form = "json",
        limit: Annotated[int, Query(ge=1, le=READERS_MAX, description="how many principals are asked")] = 100,
    ) -> Response:  # fmt: skip
        """Who can read a snapshot, volume or image, by which way (docs/graph.md has all), resting on what."""
        from app.graph import asking

        cloud, found = graphs.cloud(world).aside(), await graphs.of(world)
        return await run_in_threadpool(
            _told, lambda: asking.readers(cloud, found, of, _who(cloud, asked), limit), found, format
        )

    @router.get("/worlds/{world}/graph/impact")
    async def impact(
        world: str,
        edit: Annotated[
            Literal["disable", "schedule", "delete", "revoke", "remove-statement", "unshare", "leave"],
            Query(description="disable, schedule, delete a key; revoke a grant; and so on"),
        ],
        of: Thing,
        account: Annotated[str, Query(max_length=40, description="unshare: with whom, or everyone")] = "",
        statement: Annotated[str, Query(max_length=200, description="remove-statement: its Sid, or Statement[n]")] = "",
        days: Annotated[int, Query(ge=7, le=30, description="schedule, delete: the waiting period")] = 30,
        only: Only = None,
        asked: As = None,
        limit: Pairs = 100,
        format: Form = "json",
    ) -> Response:
        """What becomes unreadable, and for whom, by an edit that is made in a fork; attached volumes told apart."""
        from app.graph import asking
        from app.graph.edits import Asked, edit_of

        cloud, found = graphs.cloud(world).aside(), await graphs.of(world)

        def answer() -> asking.Answer:
            wanted = edit_of(found, cloud.world, edit, Asked(of, account, statement, days))
            return asking.impact(cloud, found, wanted, of=only or (), asked=_who(cloud, asked), limit=limit)

        return await run_in_threadpool(_told, answer, found, format)

    @router.post("/worlds/{world}/graph/edit")
    async def edit(world: str, body: NewEdit, format: Form = "json") -> Response:
        """What one edit would change, in the graph and for those who read; it is made in a fork."""
        from app.graph import asking

        cloud, found = graphs.cloud(world).aside(), await graphs.of(world)

        def answer() -> asking.Answer:
            wanted = _edit(cloud, found, body)
            return asking.edited(cloud, found, wanted, of=body.of, asked=_who(cloud, body.readers), limit=body.limit)

        return await run_in_threadpool(_told, answer, found, format)

    return router


def _compared(graphs: _Graphs) -> APIRouter:
    """What one graph has otherwise than another."""
    router = APIRouter()

    @router.get("/worlds/{world}/graph/diff")
    async def diff(
        world: str, other: Annotated[str, Query(description="another world: what this one has otherwise than it")],
        format: Form = "json",
    ) -> Response:  # fmt: skip
        """What the graph of this world has, lacks or has otherwise than that of another, such as a fork."""
        from app.graph import asking

        before, after = await graphs.of(other), await graphs.of(world)
        return await run_in_threadpool(_told, lambda: asking.difference(before, after), after, format)

    @router.post("/worlds/{world}/graph/diff")
    async def diff_saved(world: str, body: SavedGraph, format: Form = "json") -> Response:
        """What the graph of this world has, lacks or has otherwise than a saved one."""
        from app.graph import asking

        after = await graphs.of(world)
        return await run_in_threadpool(_told, lambda: asking.difference(_saved(body.graph), after), after, format)

    return router


def drawn(graph: Graph, format: str, select: str = "") -> Response:
    """A graph, or the part of it that is selected, in a form of `Whole`."""
    from app.graph import draw, questions

    part = _asked(lambda: questions.select(graph, select) if select else graph)
    return _response(draw.FORMATS[format](part), format)


def _saved(plain: Mapping[str, Any]) -> Graph:
    try:
        return Graph.from_node_link(plain)
    except (KeyError, TypeError, ValueError) as error:
        raise HTTPException(422, f"this is no saved graph: {error}") from None


def _edit(cloud: Cloud, graph: Graph, body: NewEdit) -> Any:
    from app.graph.edits import InvalidEdit, call_edit, policy_edit
    from app.graph.questions import resolve
    from app.graph.who import named
    from workflows.params import shaped

    if (body.call is None) == (body.policy is None):
        raise InvalidEdit("an edit is one call, or one policy")
    if body.policy:
        return policy_edit(graph, graph.nodes[resolve(graph, body.policy.holder)], json.dumps(body.policy.document))
    assert body.call is not None
    caller = named(cloud, body.call.caller).caller
    return call_edit(caller, body.call.operation, body.call.region, shaped(body.call.operation, body.call.parameters))


def _who(cloud: Cloud, names: list[str] | None) -> list[Any]:
    from app.graph.who import named

    return [named(cloud, name) for name in names or ()]


def _asked(question: Callable[[], Any]) -> Any:
    """What is not there is 404, with what is written alike; what is no question 422; an edit that is refused 409."""
    from app.graph.edits import CannotEdit
    from app.graph.questions import NoSuchNode
    from app.graph.who import NoSuchPrincipal

    try:
        return question()
    except (NoSuchNode, NoSuchPrincipal) as error:
        raise HTTPException(404, str(error)) from None
    except CannotEdit as error:
        raise HTTPException(409, str(error)) from None
    except ValueError as error:
        raise HTTPException(422, str(error)) from None


def _told(question: Callable[[], Any], graph: Graph, format: str) -> Response:
    from app.graph import asking

    return _response(asking.told(_asked(question), graph, format), format)


def _response(text: str, format: str) -> Response:
    return Response(text, media_type=GRAPH_MEDIA.get(format, "text/plain; charset=utf-8"))
