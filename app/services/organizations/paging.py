"""Lists of Organizations: MaxResults up to 20, NextToken. A token names the last item of the page before."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from app.kernel.call import Call
from app.kernel.operation import Answer
from app.services.organizations import errors

PAGING = ("NextToken", "MaxResults")
PAGE = 20

Listed = tuple[str, Any]  # what the token remembers, and the item as the answer shows it


def page(call: Call, name: str, items: Callable[[str], Iterable[Listed]]) -> Answer:
    """One page; `items` answers what comes after a token's text, in order."""
    limit = call["MaxResults"] or PAGE
    got = list(islice(items(_read(call["NextToken"])), limit + 1))
    answer: dict[str, Any] = {name: [item for _, item in got[:limit]]}
    return answer | ({"NextToken": _written(got[limit - 1][0])} if len(got) > limit else {})


def after_in(items: Iterable[Listed]) -> Callable[[str], Iterable[Listed]]:
    """A short list that is at hand as a whole, in its own order; a token that is not in it ends the list."""
    at_hand = tuple(items)

    def rest(after: str) -> tuple[Listed, ...]:
        marks = [mark for mark, _ in at_hand]
        return at_hand[marks.index(after) + 1 if after in marks else len(marks) if after else 0 :]

    return rest


def _written(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read(token: str | None) -> str:
    try:
        return base64.b64decode(token or "", altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return errors.BAD_TOKEN.refuse()
