"""A ring of keys: one of every spec and usage, in one lab, made when first wanted (RSA pairs take their time).

`ask` performs a call on the ring's world and keeps nothing of it, so that ten thousand questions leave no log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.kernel.call import Call, root_of
from app.kernel.perform import Outcome, perform
from app.services.kms.specs import AGREE, ENCAPSULATE, ENCRYPT, MAC, SIGN, SPECS
from tests.kms.lab import REGION, SOURCE, Lab

Answer = Mapping[str, Any]
NOT_HAD = {"ML_KEM_512", "SM2"}  # by reseal
NO_PREHASH = "ED25519_PH_SHA_512"


def pairs_of(usage: str) -> list[tuple[str, str]]:
    """(spec, algorithm) for everything that reseal has for a usage."""
    return [
        (spec.name, algorithm)
        for spec in SPECS.values()
        if spec.name not in NOT_HAD
        for algorithm in spec.algorithms.get(usage, ())
        if algorithm != NO_PREHASH
    ]


ENCRYPTING, SIGNING, MACING = pairs_of(ENCRYPT), pairs_of(SIGN), pairs_of(MAC)
AGREEING, ENCAPSULATING = pairs_of(AGREE), pairs_of(ENCAPSULATE)
RSA_ENCRYPTING = [pair for pair in ENCRYPTING if pair[0] != "SYMMETRIC_DEFAULT"]


@dataclass
class Ring:
    lab: Lab
    keys: dict[tuple[str, str], str] = field(default_factory=dict)

    def key(self, spec: str, usage: str) -> str:
        """Its ARN."""
        if (spec, usage) not in self.keys:
            self.keys[spec, usage] = self.lab.key(KeySpec=spec, KeyUsage=usage)
        return self.keys[spec, usage]

    def ok(self, operation: str, **parameters: Any) -> Answer:
        return self.lab.ok(SOURCE, operation, **parameters)

    def refused(self, operation: str, **parameters: Any) -> tuple[str, str]:
        return self.lab.refused(SOURCE, operation, **parameters)

    def public_key(self, spec: str, usage: str) -> bytes:
        return self.ok("GetPublicKey", KeyId=self.key(spec, usage))["PublicKey"]

    def ask(self, operation: str, **parameters: Any) -> Outcome:
        world = self.lab.cloud.world
        call = Call(f"kms:{operation}", parameters, root_of(SOURCE), REGION, world.clock.now_ms, b"s" * 32, "request")
        return perform(self.lab.cloud.services, world, call)

    def refusal(self, operation: str, **parameters: Any) -> tuple[str, str] | None:
        """Code and text of the error, or None where the call succeeds; nothing is kept of either."""
        error = self.ask(operation, **parameters).error
        return (error.code, error.message) if error else None
