"""reseal's own REST, asked by a command: an answer, a refusal in the server's words, or nobody there."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import urlsplit

from workflows.port import PortFailed

TIMEOUT_S: Final = 120
PROBE_S: Final = 5
DEFAULT_WORLD: Final = "default"


class Refused(PortFailed):
    """The server answered, with a refusal in its own words (`told`), mistakes with their places below it."""

    def __init__(self, status: int, code: str, told: str) -> None:
        super().__init__(f"{code}: {told}")
        self.status, self.code, self.told = status, code, told


class Unreachable(PortFailed):
    """No server of reseal's answers there."""


def base_of(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"


def world_of(endpoint: str) -> str:
    """The world that `/w/<world>` of an endpoint names."""
    return urlsplit(endpoint).path.strip("/").removeprefix("w/") or DEFAULT_WORLD


class RestClient:
    def __init__(self, endpoint: str, token: str = "") -> None:
        self._base, self._token = base_of(endpoint), token

    def ask(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
        """The answer's JSON; None for one without a body. Raises Refused, Unreachable."""
        try:
            return json.loads(self.fetch(path, body, method) or b"null")
        except ValueError:
            raise Unreachable(f"{self._base} does not answer as reseal does") from None

    def is_there(self) -> bool:
        """Is it reseal that answers there? Unreachable where nothing does."""
        try:
            with urllib.request.urlopen(f"{self._base}/_reseal/health", timeout=PROBE_S):  # noqa: S310 - the user's
                return True
        except urllib.error.HTTPError:
            return False
        except (OSError, ValueError) as error:
            raise Unreachable(f"{self._base} does not answer ({error})") from None

    def fetch(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> bytes:
        """GET, or POST where there is a body. `path` below /api/v1/, quoted, with its query."""
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {self._token}"} if self._token else {}
        data = json.dumps(body).encode() if body is not None else None
        url = f"{self._base}/api/v1/{path}"
        try:
            request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310 - the user's
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
                return response.read()
        except urllib.error.HTTPError as error:
            raise _said(error) from None
        except (OSError, ValueError) as error:  # ValueError: an endpoint that is no URL
            raise Unreachable(f"{self._base} does not answer ({error}); is `reseal serve` running?") from None


def _said(error: urllib.error.HTTPError) -> Refused | Unreachable:
    try:
        told = json.loads(error.read())["error"]
    except (ValueError, KeyError, TypeError):
        return Unreachable(f"{error.url} answers {error.code}, not as reseal does")
    return Refused(error.code, str(told["code"]), str(told["message"]))
