"""Every setting of a server, once: name, unit, default and reason. The command line and the environment set them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PORT = 4566  # LocalStack's, so that users of LocalStack change nothing else
DEFAULT_ACCOUNT = "000000000000"  # likewise: the account of keys such as `test`
DEFAULT_WORLD = "default"


@dataclass(frozen=True, slots=True)
class Settings:
    host: str = "127.0.0.1"
    port: int = PORT
    database: str = "memory:"  # memory:, sqlite:///path/world.db or postgresql://...
    auth: Literal["open", "strict"] = (
        "open"  # open: 12-digit keys are roots of their accounts, `test` of the default one
    )
    default_account: str = DEFAULT_ACCOUNT
    clock: Literal["real", "manual"] = "real"
    settle: Literal["instant", "lifelike"] = (
        "instant"  # when what AWS does later is done: before the next call, or in AWS's time
    )
    quotas: bool = False  # rate and quota errors
    seed: str = ""  # of the default world; "": drawn from the system
    token: str = ""  # bearer token for REST; required in strict mode
    exposed: bool = False  # said twice: open mode may listen on an address that is not loopback
