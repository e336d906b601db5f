"""Custom key stores: reseal has none, and says so as AWS does to whoever has none (kms.md 2.8 [I])."""

from __future__ import annotations

from typing import Any

from app.kernel.authority import AUTHORIZE, anything
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import operation
from app.services.kms.errors import NO_KEY_STORE
from app.services.kms.paging import page


@operation(
    "kms", "DescribeCustomKeyStores",
    honours=("CustomKeyStoreId", "CustomKeyStoreName", "Limit", "Marker"),
    checks=(AUTHORIZE(("kms:DescribeCustomKeyStores", anything)),),
    answers=(NO_KEY_STORE,),
    reads=True,
)  # fmt: skip
def describe_custom_key_stores(draft: Draft, call: Call) -> dict[str, Any]:
    """An empty list; one that is asked for by id or name is not found."""
    if call["CustomKeyStoreId"] or call["CustomKeyStoreName"]:
        NO_KEY_STORE.refuse()
    return page(
        draft, call, "CustomKeyStores", (call.account, call.region),
        lambda after: iter(()), position=lambda store: (), shown=str, default=100, most=1000,
    )  # fmt: skip
