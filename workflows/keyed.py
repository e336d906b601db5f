"""Calls that belong together, each with an idempotency key of its own: `run/step/attempt`, `run/step/attempt.2`, ...

The keys follow from the order of the calls, so a run that is taken up again makes the same calls with the same keys,
and a port that can repeat answers from its memory what was done already. INVARIANT: what is called next may depend on
what was answered, never on chance or time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflows.port import Answer, Port, PortFailed


@dataclass(slots=True)
class Keyed:
    port: Port
    prefix: str
    region: str
    _made: int = 0

    def call(self, principal: str, operation: str, parameters: Mapping[str, Any]) -> Answer:
        self._made += 1
        key = self.prefix if self._made == 1 else f"{self.prefix}.{self._made}"
        return self.port.call(principal, operation, parameters, self.region, key)

    def must(self, principal: str, operation: str, parameters: Mapping[str, Any], accept: str = "") -> Answer:
        """A call that the run can not do without; PortFailed where it is refused (but for the code `accept`)."""
        answer = self.call(principal, operation, parameters)
        if answer.error and answer.error.code != accept:
            raise PortFailed(f"{operation} as {principal}: {answer.error.code}: {answer.error.message}")
        return answer
