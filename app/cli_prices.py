"""`reseal prices`: what the keys and calls of a server's world would cost at AWS in a month."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Annotated
from urllib.parse import urlencode, urlsplit

import typer

from app.cli_options import HERE, Json, Token, World
from app.exits import Exit, fail
from app.settings import DEFAULT_WORLD

TIMEOUT_S = 60


def mount(app: typer.Typer) -> None:
    app.command()(prices)


def prices(
    endpoint: World = HERE,
    month: Annotated[str, typer.Option(help="A month such as 2026-01; that of the world's clock if left out.")] = "",
    token: Token = "",
    json: Json = False,
) -> None:
    """What the keys and calls of a world cost in a month, by account: KMS's prices of us-east-1."""
    typer.echo(_fetched(endpoint, {"month": month, "format": "json" if json else "text"}, token).rstrip("\n"))


def _fetched(endpoint: str, query: dict[str, str], token: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https"):
        fail(Exit.USAGE, f"an endpoint begins with http://, not {endpoint!r}")
    world = parts.path.strip("/").removeprefix("w/") or DEFAULT_WORLD
    url = f"{parts.scheme}://{parts.netloc}/api/v1/worlds/{world}/prices?{urlencode(query)}"
    headers = {"authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme was looked at
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - likewise
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        fail(
            Exit.USAGE if error.code in (404, 422) else Exit.COULD_NOT_RUN,
            f"{endpoint} answered {error.read().decode()}",
        )
    except OSError as error:
        fail(Exit.COULD_NOT_RUN, f"{endpoint} does not answer ({error}); is `reseal serve` running?")
