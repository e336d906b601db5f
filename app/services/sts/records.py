"""What STS keeps: the credentials that it has given out."""

from __future__ import annotations

from app.crypto.material import Secret
from app.kernel.call import Caller
from app.kernel.records import Index, Record


class Session(Record, frozen=True, kw_only=True):
    """Temporary credentials; the id is the access key id (ASIA...). Good until the world's clock says otherwise.

    `caller` is whom they stand for, by value: a session keeps the policies and tags that it was opened with.
    """

    kind = "sts.session"
    indexes = (
        Index("id", lambda session: [(session.id,)]),
        Index("expires", lambda session: [(session.account, f"{session.expires_at_ms:015d}", session.id)]),
    )
    caller: Caller
    secret: Secret
    token: Secret
    expires_at_ms: int
    transitive: tuple[str, ...] = ()  # keys of the tags that go on to the next role in a chain
