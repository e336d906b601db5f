"""Account ids replaced by others, the same everywhere: in names of folders, ARNs, policies and lists.

The n-th of all ids, in their order, becomes 100000000000 + n; so the same folder gets the same ids, and none of them
tells what it stood for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

FIRST: Final = 100_000_000_000
_TOLD: Final = re.compile(r'(?<=:)\d{12}(?=[:"])|(?<=")\d{12}(?=["/])', re.ASCII)  # in an ARN, a text or a path
_FOLDER: Final = re.compile(r"(\d{12})/.*", re.ASCII)


def pseudonyms(files: Mapping[str, str]) -> dict[str, str]:
    """Account id -> what it becomes."""
    named = {found[1] for name in files if (found := _FOLDER.fullmatch(name))}
    told = {id for text in files.values() for id in _TOLD.findall(text)}
    return {id: str(FIRST + n) for n, id in enumerate(sorted(named | told), 1)}


def renamed(files: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """The same files with every account id replaced, unless it is a piece of a longer id."""
    if not names:
        return dict(files)
    known = re.compile(rf"(?<![0-9a-fA-F])(?:{'|'.join(map(re.escape, names))})(?![0-9a-fA-F])")

    def replaced(text: str) -> str:
        return known.sub(lambda found: names[found.group()], text)

    return {replaced(name): replaced(text) for name, text in files.items()}
