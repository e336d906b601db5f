"""The world's time, in milliseconds since 1970.

`real` follows the machine's clock (scaled and shifted); `manual` stands still but for a millisecond that each call and
job adds, and moves when somebody advances it. `instant` settling books every job as due now; `lifelike` books it after
AWS's delay. Only the shell reads the machine's clock, and hands the reading in.
"""

from __future__ import annotations

import datetime
from typing import Literal

import msgspec

MANUAL_START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
DAY_MS = 86_400_000


class Clock(msgspec.Struct, frozen=True):
    mode: Literal["real", "manual"] = "manual"
    settle: Literal["instant", "lifelike"] = "instant"
    now_ms: int = MANUAL_START_MS  # manual: the time; real: the world's time at `machine_ms`
    machine_ms: int = 0  # real: the machine's time from which `now_ms` counts
    scale: float = 1.0  # real: world milliseconds a machine millisecond

    def read(self, machine_ms: int) -> int:
        """The world's time when the machine's clock says `machine_ms`."""
        if self.mode == "manual":
            return self.now_ms
        return self.now_ms + int((machine_ms - self.machine_ms) * self.scale)

    def advanced(self, by_ms: int) -> Clock:
        return msgspec.structs.replace(self, now_ms=self.now_ms + by_ms)

    def ticked(self) -> Clock:
        """After a call or job: a millisecond later on a manual clock."""
        return self.advanced(1) if self.mode == "manual" else self

    def delay_ms(self, lifelike_ms: int) -> int:
        return lifelike_ms if self.settle == "lifelike" else 0


def moment(at_ms: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC)


def whole_second(at_ms: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at_ms // 1000, datetime.UTC)


def iso(at_ms: int) -> str:
    """As CloudTrail writes times: whole seconds, Z."""
    return whole_second(at_ms).strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds(at: datetime.datetime) -> int:
    return int(at.timestamp() * 1000)
