"""Paths as a reader's tools know them: from the root of the repository, with slashes."""

from __future__ import annotations

import os
from pathlib import Path


def relative(path: str, root: str) -> str:
    """`path` from `root`; as it was given where there is no root, or it does not stand below it."""
    if not root:
        return path
    found = Path(os.path.relpath(os.path.realpath(path), os.path.realpath(root)))
    return path if ".." in found.parts else found.as_posix()
