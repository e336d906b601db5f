"""What a world's keys and calls would cost at AWS in a month (kms.md 8.3: price page of us-east-1, 2024 to 2026 [D]).

A key costs by the hour from its creation until its deletion is scheduled (taken back, the time in between is charged
too); its first two rotations add as much each from their dates on. The fee is the owner's. A request is billed to the
account that makes it, on whosever key. Keys that are gone stand in the log only: their lives are read from there.
Inferred: a call that fails is not billed, and calls that manage keys are billed like symmetric ones.
"""

from __future__ import annotations

import calendar
import datetime
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from app.kernel.clock import iso
from app.kernel.log import EventEntry
from app.kernel.world import World
from app.services.kms.keyref import parse_key_arn
from app.services.kms.records import Key, Material
from app.services.kms.usage import CRYPTOGRAPHIC, succeeded

HOUR_MS: Final = 3_600_000
KEY_USD: Final = Decimal("1.00")  # a month, of any customer managed key or replica
ROTATIONS_PAID: Final = 2  # each adds KEY_USD a month; later ones nothing (since May 2024)
FREE_REQUESTS: Final = 20_000  # of an account in a month, over all Regions; symmetric ones only
REQUESTS: Final = 10_000  # what the prices below are for
REQUEST_USD: Final[Mapping[str, Decimal]] = {
    "symmetric": Decimal("0.03"),  # HMAC too
    "RSA_2048": Decimal("0.03"),
    "asymmetric": Decimal("0.15"),
    "ECC data key pair": Decimal("0.10"),
    "RSA data key pair": Decimal("12.00"),
}
_CENTS: Final = Decimal("0.000001")
_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])\Z")


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in UTC, as far as the world's clock has come."""

    name: str  # 2026-01
    start_ms: int
    end_ms: int
    now_ms: int

    @property
    def until_ms(self) -> int:
        return max(self.start_ms, min(self.end_ms, self.now_ms))


def month_of(now_ms: int, name: str = "") -> Month:
    """The month of that name, or that of the moment. ValueError for what is no month."""
    now = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.UTC)
    found = _MONTH.match(name or f"{now:%Y-%m}")
    if not found:
        raise ValueError(f"a month is named like 2026-01, not {name!r}")
    year, number = int(found[1]), int(found[2])
    start = datetime.datetime(year, number, 1, tzinfo=datetime.UTC)
    days = calendar.monthrange(year, number)[1]
    start_ms = int(start.timestamp() * 1000)
    return Month(found[0], start_ms, start_ms + days * 24 * HOUR_MS, now_ms)


@dataclass(slots=True)
class Life:
    """When a key was there to be paid for."""

    arn: str
    born_ms: int
    spec: str = ""
    rotated_ms: list[int] = field(default_factory=list)
    unpaid_ms: int = 0  # from when on its deletion is scheduled; 0: it is not
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class KeyCost:
    arn: str
    hours: int
    rotations: int  # that are paid for
    usd: Decimal
    usd_per_month: Decimal  # as the key is now


@dataclass(frozen=True, slots=True)
class RequestCost:
    kind: str
    requests: int
    free: int
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    keys: tuple[KeyCost, ...]
    requests: tuple[RequestCost, ...]

    @property
    def usd(self) -> Decimal:
        return sum((each.usd for each in (*self.keys, *self.requests)), Decimal(0))

    @property
    def usd_per_month(self) -> Decimal:
        """What the keys that are there cost in a whole month."""
        return sum((each.usd_per_month for each in self.keys), Decimal(0))


@dataclass(frozen=True, slots=True)
class Bill:
    month: Month
    accounts: Mapping[str, Account]


def bill(world: World, month: Month) -> Bill:
    """The bill of every account. Costs a walk over the keys and the log."""
    lives = {key.arn: _life(world, key) for key in world.records.scan(Key) if key.manager == "CUSTOMER"}
    requests: dict[str, Counter[str]] = defaultdict(Counter)
    gone: dict[str, Life] = {}
    for event in _events(world):
        _follow(gone, event)
        if month.start_ms <= event.at_ms < month.end_ms and _is_billed(event):
            requests[event.account][_kind(world, gone, event)] += 1
    lives |= {arn: life for arn, life in gone.items() if life.is_gone}
    owners = {arn.split(":")[4] for arn in lives}
    return Bill(
        month,
        {
            account: Account(tuple(_key_costs(lives, account, month)), tuple(_request_costs(requests[account])))
            for account in sorted(owners | requests.keys())
        },
    )


# --- keys -------------------------------------------------------------------------------------------------------------


def _life(world: World, key: Key) -> Life:
    materials = world.records.scan_index(Material, "key", key.account, key.region, key.id)
    rotated = sorted(each.rotated_ms for each in materials if each.rotated_ms)
    return Life(key.arn, key.created_ms, key.spec, rotated, key.scheduled_ms)


def _key_costs(lives: Mapping[str, Life], account: str, month: Month) -> Iterator[KeyCost]:
    for arn, life in sorted(lives.items()):
        if arn.split(":")[4] != account:
            continue
        hours = _hours(life, life.born_ms, month)
        paid = [_hours(life, rotated, month) for rotated in life.rotated_ms[:ROTATIONS_PAID]]
        share = Decimal(hours + sum(paid)) * HOUR_MS / (month.end_ms - month.start_ms)
        ended = bool(life.unpaid_ms)
        per_month = Decimal(0) if ended else KEY_USD * (1 + len(life.rotated_ms[:ROTATIONS_PAID]))
        if hours or not life.is_gone:
            yield KeyCost(arn, hours, sum(1 for each in paid if each), KEY_USD * share, per_month)


def _hours(life: Life, since_ms: int, month: Month) -> int:
    """Hours within the month from that date on in which the key is paid for; one that has begun counts whole."""
    start = max(since_ms, life.born_ms, month.start_ms)
    end = min(month.until_ms, life.unpaid_ms or month.until_ms)
    return -(-(end - start) // HOUR_MS) if end > start else 0


def _follow(lives: dict[str, Life], event: EventEntry) -> None:
    """The life of a key as the log tells it."""
    step = _STEPS.get(event.name)
    if step is None or not succeeded(event):
        return
    for type, arn in event.resources:
        if type == "AWS::KMS::Key":
            step(lives.setdefault(arn, Life(arn, event.at_ms)), event)


def _born(life: Life, event: EventEntry) -> None:
    life.born_ms = event.at_ms
    life.spec = json.loads(event.body)["responseElements"]["keyMetadata"]["keySpec"]


def _rotated(life: Life, event: EventEntry) -> None:
    life.rotated_ms.append(event.at_ms)


def _scheduled(life: Life, event: EventEntry) -> None:
    life.unpaid_ms = event.at_ms


def _taken_back(life: Life, event: EventEntry) -> None:
    life.unpaid_ms = 0


def _died(life: Life, event: EventEntry) -> None:
    life.is_gone = True
    life.unpaid_ms = life.unpaid_ms or event.at_ms


_STEPS: Final = {
    "CreateKey": _born, "RotateKey": _rotated, "ScheduleKeyDeletion": _scheduled, "CancelKeyDeletion": _taken_back,
    "DeleteKey": _died,
}  # fmt: skip


# --- requests ---------------------------------------------------------------------------------------------------------


def _events(world: World) -> Iterator[EventEntry]:
    for _, entry in world.log.entries():
        if isinstance(entry, EventEntry) and entry.source == "kms.amazonaws.com":
            yield entry


def _is_billed(event: EventEntry) -> bool:
    """An account's own call that succeeded; the copy in the trail of a key's owner is the caller's."""
    body = json.loads(event.body)
    is_call = body["eventType"] == "AwsApiCall" and "errorCode" not in body
    return is_call and body["userIdentity"].get("type") != "AWSAccount"


def _kind(world: World, gone: Mapping[str, Life], event: EventEntry) -> str:
    """A row of `REQUEST_USD`."""
    if event.name.startswith("GenerateDataKeyPair"):
        spec = (json.loads(event.body)["requestParameters"] or {}).get("keyPairSpec", "")
        return "RSA data key pair" if spec.startswith("RSA") else "ECC data key pair"
    if event.name not in CRYPTOGRAPHIC | {"GetPublicKey"}:
        return "symmetric"
    spec = next((found for _, arn in event.resources if (found := _spec(world, gone, arn))), "")
    if spec == "RSA_2048":
        return spec
    return "symmetric" if spec.startswith(("SYMMETRIC", "HMAC")) or not spec else "asymmetric"


def _spec(world: World, gone: Mapping[str, Life], arn: str) -> str:
    at = parse_key_arn(arn)
    key = world.records.get(Key, at.account, at.region, at.key_id) if at else None
    return key.spec if key else gone[arn].spec if arn in gone else ""


def _request_costs(counts: Counter[str]) -> Iterator[RequestCost]:
    for kind, price in REQUEST_USD.items():
        if counts[kind]:
            free = min(counts[kind], FREE_REQUESTS) if kind == "symmetric" else 0
            yield RequestCost(kind, counts[kind], free, price * (counts[kind] - free) / REQUESTS)


# --- as it is shown ---------------------------------------------------------------------------------------------------


def _usd(amount: Decimal) -> float:
    return float(amount.quantize(_CENTS, ROUND_HALF_UP))


def to_json(found: Bill) -> dict[str, Any]:
    """US dollars as numbers of at most six decimals."""
    return {
        "month": found.month.name,
        "until": iso(found.month.until_ms),
        "currency": "USD",
        "accounts": {id: _account_json(account) for id, account in found.accounts.items()},
    }


def _account_json(account: Account) -> dict[str, Any]:
    keys = [
        {
            "key": each.arn, "hours": each.hours, "rotations": each.rotations, "usd": _usd(each.usd),
            "usd_per_month": _usd(each.usd_per_month),
        }
        for each in account.keys
    ]  # fmt: skip
    requests = [
        {"kind": each.kind, "requests": each.requests, "free": each.free, "usd": _usd(each.usd)}
        for each in account.requests
    ]
    total = {"usd": _usd(account.usd), "usd_per_month_of_keys": _usd(account.usd_per_month)}
    return {"keys": keys, "requests": requests, **total}


def to_text(found: Bill) -> str:
    """A table an account."""
    lines = [f"KMS in {found.month.name}, until {iso(found.month.until_ms)} (us-east-1 prices, US dollars)"]
    for id, account in found.accounts.items():
        lines += ["", f"account {id}   {account.usd:.4f}   (its keys: {account.usd_per_month:.2f} a month)"]
        for key in account.keys:
            rotations = f", {key.rotations} rotations" if key.rotations else ""
            lines.append(f"  {key.usd:10.4f}  {key.arn}, {key.hours} h{rotations}")
        for each in account.requests:
            free = f", {each.free:,} of them free" if each.free else ""
            lines.append(f"  {each.usd:10.4f}  {each.requests:,} {each.kind} requests{free}")
    return "\n".join(lines) + "\n"
