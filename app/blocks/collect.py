"""Which stored blocks and pages nobody can reach any more.

Roots are the maps of every stored world and fork. Blocks are stored before the call that names them commits, so what is
stored and not named may be garbage or may be named in a moment.
INVARIANT: list what is stored first, read the roots after that, and name in `in_flight` what calls and copies that have
not yet committed have stored. A block stored later is then not on the list; one stored earlier is named by a root or by
`in_flight`. Deleting is safe to repeat and to interrupt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.blocks.map import BlockMap, PageReader
from app.blocks.ref import BlockRef


@dataclass(frozen=True, slots=True)
class Reach:
    """Blocks and pages: those that roots reach, or those that may be removed."""

    refs: frozenset[BlockRef]
    pages: frozenset[str]


def live(roots: Iterable[BlockMap], reader: PageReader) -> Reach:
    """All that the roots reach. A page is read once, however many maps share it."""
    pages = frozenset(page_id for root in roots for page_id in root.page_ids())
    return Reach(frozenset(ref for page_id in sorted(pages) for ref in reader(page_id).refs()), pages)


def removable(
    stored_refs: Iterable[BlockRef], stored_pages: Iterable[str], reached: Reach, in_flight: Reach | None = None
) -> Reach:
    """What is stored, not reached by a root and not in flight."""
    kept = in_flight or Reach(frozenset(), frozenset())
    return Reach(
        frozenset(stored_refs) - reached.refs - kept.refs, frozenset(stored_pages) - reached.pages - kept.pages
    )
