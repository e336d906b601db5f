"""What a run is to keep of each step, beyond what became of it.

A run that a person looks at keeps everything; one cell out of thousands keeps what its verdict needs. What an
expectation speaks of is looked at in any case, and so is why a step was refused: leaving things out changes what is
kept, never what happens or how it is judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Keep:
    contracts: bool = True  # whether they hold; judged in forks, by playing later steps if need be
    graphs: bool = True  # the key graph after each step, and its change
    evidence: bool = True  # calls, decisions and events of a step that came to OK


EVERYTHING: Final = Keep()
OUTCOMES: Final = Keep(contracts=False, graphs=False, evidence=False)
