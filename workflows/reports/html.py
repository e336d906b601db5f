"""stub"""

from __future__ import annotations

from collections.abc import Sequence

from workflows.reports.ended import Ended


def render(ended: Sequence[Ended], root: str = "") -> str:
    raise NotImplementedError
