"""An `aws` for many captures: a function of bash that asks a thread of the tests, which answers as the command does.

It does of the AWS CLI what the capture script uses: options by their parameters' names, all pages at once, --query,
--output json and text, and the error's line with status 254. That the script runs with the command itself is proved by
the other captures; this one costs a tenth of them, so that there can be many.

    export AWS_QUICK_PORT=...; aws() { ... }      (HEAD, before the script)
"""

from __future__ import annotations

import json
import re
import socketserver
from collections.abc import Callable
from datetime import datetime
from typing import Any

import jmespath
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import ListShape

HEAD = r"""
aws() {
  local status
  exec 9<> "/dev/tcp/127.0.0.1/$AWS_QUICK_PORT"
  printf '%s\0' "$@" '' >&9
  read -r status <&9
  if [ "$status" = 0 ]; then cat <&9; else cat <&9 >&2; fi
  exec 9>&-
  return "$status"
}
"""
PLAIN = ("profile", "region", "output", "query")
Client = Callable[[str, str, str], Any]  # service, profile, Region -> client


def serve(client: Client) -> socketserver.ThreadingTCPServer:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            status, text = answer(_asked(self.rfile), client)
            self.wfile.write(f"{status}\n{text}".encode())

    return socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)


def _asked(stream: Any) -> list[str]:
    raw = b""
    while not raw.endswith(b"\0\0"):
        raw += stream.read1(65536)
    return raw[:-2].decode().split("\0")


def answer(arguments: list[str], client: Client) -> tuple[int, str]:
    """Exit status and what is printed."""
    service, operation, *options = arguments
    given = dict(zip((one.removeprefix("--") for one in options[::2]), options[1::2], strict=True))
    asked = client(service, given["profile"], given.get("region", "us-east-1"))
    method = operation.replace("-", "_")
    name = asked.meta.method_to_api_mapping[method]
    shape = asked.meta.service_model.operation_model(name).input_shape
    members = shape.members if shape else {}
    parameters = {
        member: [given[option]] if isinstance(shape, ListShape) else given[option]
        for member, shape in members.items()
        if (option := xform_name(member, "-")) in given and option not in PLAIN
    }
    try:
        if asked.can_paginate(method):
            found = asked.get_paginator(method).paginate(**parameters).build_full_result()
        else:
            found = getattr(asked, method)(**parameters)
    except ClientError as error:
        return 254, f"\nAn error occurred ({error.response['Error']['Code']}) when calling the {name} operation: no\n"
    found.pop("ResponseMetadata", None)
    found = jmespath.search(given["query"], found) if "query" in given else found
    return 0, found if given.get("output") == "text" else json.dumps(found, indent=4, default=_plain) + "\n"


def _plain(value: Any) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()


def functional(script: str) -> str:
    """The script with that function in it, after its first line."""
    first, rest = script.split("\n", 1)
    assert re.match("#!", first)
    return f"{first}\n{HEAD}\n{rest}"
