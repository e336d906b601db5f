"""What one search for repairs may ask, counted and not timed: the same repairs are found on every machine.

A unit is about a millisecond of an ordinary machine. INVARIANT: whatever policies and requests it meets, a search ends
within its units and one step more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

UNITS_MAX: Final = 10_000
CALL: Final = 5  # a call made in a fork
JOB: Final = 20  # what the clock then does for it: KMS's calls, or a few blocks moved
CHARACTERS: Final = 1_000  # of policies read anew, to a unit
SHARE: Final = 2  # one part in so many of what is left


@dataclass(slots=True)
class Budget:
    """Units left to a search."""

    units: int = UNITS_MAX

    @property
    def lasts(self) -> bool:
        return self.units > 0

    def spend(self, units: int) -> None:
        self.units -= units

    @contextmanager
    def share(self) -> Iterator[Budget]:
        """A budget of its own for one refusal's candidates, so that some is left to try them."""
        part = Budget(self.units // SHARE)
        left = part.units
        yield part
        self.spend(left - part.units)

    def ask(self, characters: int) -> None:
        """A question asked again, with policies of so many characters read anew."""
        self.spend(1 + characters // CHARACTERS)
