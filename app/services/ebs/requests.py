"""Checks and helpers that EC2's volume and snapshot operations share: dry run, tokens, filters and pages."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from app.kernel.errors import AwsError, Refused
from app.policy.match import glob
from app.services.ebs import errors
from app.services.ebs.records import Token

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer, Check

T = TypeVar("T")


def required(*names: str) -> Check:
    """EC2's own form for a parameter that is missing."""

    def check(draft: Draft, call: Call) -> None:
        for name in names:
            if call[name] in (None, ""):
                errors.MISSING_PARAMETER.refuse(name=name)

    return check


def DRY_RUN(draft: Draft, call: Call) -> None:
    """All that was checked so far holds, and nothing more is done."""
    if call["DryRun"]:
        errors.DRY_RUN.refuse()


def ascii_description(draft: Draft, call: Call) -> None:
    if call["Description"] and not call["Description"].isascii():
        errors.NOT_ASCII.refuse(value=call["Description"])


TOKEN_LENGTH_MAX = 64


def CLIENT_TOKEN(draft: Draft, call: Call) -> Answer | None:
    """The same token with the same parameters is answered as the first time; with others it is refused."""
    return answered_before(draft, call, call.parameters)


def answered_before(draft: Draft, call: Call, asked: Mapping[str, Any]) -> Answer | None:
    """What the request's token was answered with, if it was used; `asked`: the parameters as they are compared."""
    if not call["ClientToken"]:
        return None
    if call.service == "ec2" and len(call["ClientToken"]) > TOKEN_LENGTH_MAX:
        errors.TOKEN_TOO_LONG.refuse()
    seen = draft.get(Token, call.account, call.region, f"{call.operation}/{call['ClientToken']}")
    if seen is None:
        return None
    if seen.asked != _mark(asked):
        reused = errors.DIRECT_CONFLICT if call.service == "ebs" else errors.TOKEN_REUSED
        reused.refuse()
    return json.loads(seen.answer, object_hook=_revived)


def remember_token(
    draft: Draft, call: Call, answer: Mapping[str, Any], asked: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    if call["ClientToken"]:
        text = json.dumps(dict(answer), default=lambda at: {"$time": at.isoformat()})
        key, mark = f"{call.operation}/{call['ClientToken']}", _mark(call.parameters if asked is None else asked)
        draft.put(Token(account=call.account, region=call.region, id=key, asked=mark, answer=text))
    return answer


def _revived(found: dict[str, Any]) -> Any:
    import datetime

    return datetime.datetime.fromisoformat(found["$time"]) if "$time" in found else found


def _mark(asked: Mapping[str, Any]) -> str:
    """A hash of the parameters; the order of tags does not count [V]."""
    kept = {name: value for name, value in asked.items() if name not in ("ClientToken", "DryRun")}
    if kept.get("TagSpecifications"):
        specs = (
            {**spec, "Tags": sorted(spec.get("Tags") or (), key=lambda tag: str(tag.get("Key")))}
            for spec in kept["TagSpecifications"]
        )
        kept["TagSpecifications"] = list(specs)
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()


# filters and pages

FilterTable = Mapping[str, Callable[[Any], str | Iterable[str]]]


def matches(call: Call, table: FilterTable, tags_of: Callable[[Any], Mapping[str, str]]) -> Callable[[Any], bool]:
    """A test for records: every filter must match by one of its values; `*` and `?` are wildcards, case counts."""
    tests = [_filter_test(each, table, tags_of) for each in call["Filters"] or ()]
    return lambda record: all(test(record) for test in tests)


def _filter_test(
    each: Mapping[str, Any], table: FilterTable, tags_of: Callable[[Any], Mapping[str, str]]
) -> Callable[[Any], bool]:
    name, wanted = each.get("Name", ""), [glob((value,)) for value in each.get("Values") or ()]

    def holds(values: Iterable[str]) -> bool:
        return any(pattern(value) for value in values for pattern in wanted)

    if name.startswith("tag:"):
        return lambda record: (value := tags_of(record).get(name[4:])) is not None and holds((value,))
    if name == "tag-key":
        return lambda record: holds(tags_of(record))
    if name not in table:
        errors.BAD_FILTER.refuse(name=name)

    def test(record: Any) -> bool:
        found = table[name](record)
        return holds((found,) if isinstance(found, str) else found)

    return test


_AS_A_SET = {"VolumeIds": "volumeIdsSet"}  # as AWS calls it there (ST:volume_controls [V])


def page(
    call: Call, records: Iterator[T], cursor_of: Callable[[T], str], *, ids: str = "", low: int = 5
) -> tuple[list[T], dict[str, str]]:
    """The records of one page, and the NextToken if there are more. `records` begin behind `start_after(call)`."""
    size = call["MaxResults"]
    if size is None:
        return list(records), {}
    if ids and call[ids]:
        errors.PAGE_AND_IDS.refuse(ids=_AS_A_SET.get(ids, ids[0].lower() + ids[1:]))
    if size < low:
        errors.BAD_PAGE_SIZE.refuse(value=size, low=low)
    found: list[T] = []
    for record in records:
        if len(found) == min(size, 1000):
            return found, {"NextToken": _page_token(call, cursor_of(found[-1]))}
        found.append(record)
    return found, {}


def start_after(draft: Draft, call: Call) -> str:
    """The cursor in NextToken; "" at the beginning."""
    token = call["NextToken"]
    if not token:
        return ""
    try:
        mark, _, cursor = base64.urlsafe_b64decode(token.encode()).decode().partition("|")
    except ValueError:
        mark, cursor = "", ""
    if mark != _page_mark(call):
        errors.BAD_PAGE_TOKEN.refuse()
    return cursor


def _page_token(call: Call, cursor: str) -> str:
    return base64.urlsafe_b64encode(f"{_page_mark(call)}|{cursor}".encode()).decode()


def _page_mark(call: Call) -> str:
    """A token belongs to the operation and account that got it."""
    return hashlib.sha256(f"{call.operation}/{call.account}/{call.region}".encode()).hexdigest()[:16]


def refused(error: AwsError, result: Any, **values: object) -> Refused:
    """`error`, with the reason that a nested call failed for."""
    return Refused(error(**values) if values else error, result.refusal)
