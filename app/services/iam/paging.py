"""IAM's lists: MaxItems, Marker, IsTruncated; 100 items where the request does not say.

A marker names the last item of the page before, so that a list that changes between two pages neither repeats nor
skips what was there all along.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer
from app.services.iam import errors
from app.services.iam.records import Holder, ManagedPolicy

PAGING = ("Marker", "MaxItems")
PAGE = 100

Listed = tuple[str, Any]  # what the marker remembers, and the item as the answer shows it


def page(call: Call, name: str, items: Callable[[str], Iterable[Listed]]) -> Answer:
    """One page of a list; `items` answers those after a marker's text, in order."""
    limit = call["MaxItems"] or PAGE
    got = list(islice(items(_read(call["Marker"])), limit + 1))
    answer: dict[str, Any] = {name: [item for _, item in got[:limit]], "IsTruncated": len(got) > limit}
    return answer | ({"Marker": _written(got[limit - 1][0])} if len(got) > limit else {})


def texts_after(items: Iterable[Listed]) -> Callable[[str], Iterator[Listed]]:
    """A short list that is at hand as a whole."""
    ordered = sorted(items, key=lambda item: item[0])
    return lambda after: (item for item in ordered if item[0] > after)


def records_after(
    draft: Draft, call: Call, kind: type[Holder] | type[ManagedPolicy], show: Callable[[Any], Any]
) -> Callable[[str], Iterator[Listed]]:
    """The account's records of a kind under the request's path prefix."""
    prefix = call["PathPrefix"] or "/"

    def items(after: str) -> Iterator[Listed]:
        begin = (call.account, "", after) if after else ()
        found = draft.scan(kind, call.account, "", after=begin)
        return ((one.id, show(one)) for one in found if one.path.startswith(prefix))

    return items


def _written(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read(marker: str | None) -> str:
    try:
        return base64.b64decode(marker or "", altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        errors.BAD_MARKER.refuse()
