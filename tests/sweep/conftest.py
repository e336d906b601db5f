"""What the tests of sweeps share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.services import all_services
from tests.sweep import small
from workflows.sweep.load import Sweep, load
from workflows.sweep.result import summary, to_json
from workflows.sweep.run import Options, run


@pytest.fixture
def sweep(tmp_path: Path) -> Callable[..., Sweep]:
    """A sweep of this text, with these files beside it."""

    def made(text: str = small.FILE, files: Mapping[str, str] | None = None, **options: Any) -> Sweep:
        return load(small.write(tmp_path, text, files), all_services().operations, **options)

    return made


def result_bytes(sweep: Sweep, services: Any = all_services, **options: Any) -> bytes:
    """The whole result as JSON lines: equal sweeps give equal bytes."""
    results = list(run(sweep, services, Options(**options)))
    return b"\n".join(msgspec.json.encode(to_json(each)) for each in (*results, summary(sweep, results)))
