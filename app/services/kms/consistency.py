"""When grants take effect (kms.md 6): at once, or with AWS's delay.

AWS makes a grant count everywhere within five minutes, and ends it as slowly; a token lets its grantee use a new one
before. Where a world settles instantly, so do grants. Where it is lifelike, a new grant counts for those who show its
token and after the delay for all, and one that was retired or revoked counts until the delay is over. Grants that
services make for somebody count at once: inferred, the services pass the tokens on.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Final

from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import job
from app.services.kms.records import Grant, Key

DELAY_MS: Final = 5 * 60_000  # "usually under five minutes"
END_JOB: Final = "kms.GrantEnds"


def visible_from(draft: Draft, call: Call) -> int:
    """The moment from which a grant that this call makes counts without its token; 0: at once."""
    delay = 0 if call.via or call.acting_service else draft.world.clock.delay_ms(DELAY_MS)
    return call.at_ms + delay if delay else 0


def counts(call: Call, grant: Grant) -> bool:
    """May the grant allow this call? It is consistent, or its token came with the call; and it is for this source."""
    if grant.source_arn and call.caller.kind == "service" and call.source_arn != grant.source_arn:
        return False
    return grant.visible_ms <= call.at_ms or grant.id in _ids_shown(call)


def _ids_shown(call: Call) -> Iterator[str]:
    """Grant ids of the tokens sent. That KMS made them is a check of the operation (`GRANT_TOKENS`)."""
    for token in call.parameters.get("GrantTokens") or ():
        yield base64.b64decode(token).rpartition(b"/")[2].decode()


def end(draft: Draft, grant: Grant) -> None:
    """The grant is over: gone, or listed no more and gone after the delay."""
    call = draft.frame.call
    delay = 0 if call.via or call.acting_service else draft.world.clock.delay_ms(DELAY_MS)
    if not delay:
        _remove(draft, grant)
        return
    draft.change(grant, is_over=True)
    draft.later(END_JOB, after_ms=delay, about=(grant.id,), account=grant.account, grant_id=grant.id)


@job(END_JOB)
def forget(draft: Draft, call: Call) -> None:
    """The end of a grant has reached everywhere."""
    grant = draft.get(Grant, call["account"], call.region, call["grant_id"])
    if grant is not None:
        _remove(draft, grant)


def _remove(draft: Draft, grant: Grant) -> None:
    key = draft.get(Key, grant.account, grant.region, grant.key_id)
    draft.delete(grant)
    if key is not None:
        draft.change(key, grants=key.grants - 1)
