"""The Regions of a world: all commercial ones that botocore's endpoints know."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path


@cache
def regions() -> tuple[str, ...]:
    """Names of the commercial Regions, sorted."""
    import botocore

    path = Path(botocore.__file__).parent / "data" / "endpoints.json"
    partitions = json.loads(path.read_text())["partitions"]
    return tuple(sorted(next(each for each in partitions if each["partition"] == "aws")["regions"]))
