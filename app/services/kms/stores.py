"""Custom key stores: reseal has none. It answers as AWS does to whoever has none, and says so (kms.md 2.8 [I]).

To make one fails at what would have to be there: a CloudHSM cluster, or the proxy of an external key manager. Every
other operation does not find the store that it names.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn

from app.kernel.authority import AUTHORIZE, anything
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import operation
from app.services.kms.errors import NO_CLUSTER, NO_KEY_STORE, NO_PROXY
from app.services.kms.paging import page

_WHY: Final = "the store itself is refused first: reseal simulates no custom key stores"


def _unread(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, _WHY)


_PROXY: Final = (
    "XksProxyUriEndpoint", "XksProxyUriPath", "XksProxyVpcEndpointServiceName", "XksProxyVpcEndpointServiceOwner",
    "XksProxyAuthenticationCredential", "XksProxyConnectivity",
)  # fmt: skip


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


@operation(
    "kms", "CreateCustomKeyStore",
    honours=("CustomKeyStoreType",),
    inert=_unread(
        "CustomKeyStoreName", "CloudHsmClusterId", "TrustAnchorCertificate", "KeyStorePassword", *_PROXY,
    ),
    checks=(AUTHORIZE(("kms:CreateCustomKeyStore", anything)),),
    answers=(NO_CLUSTER, NO_PROXY),
)  # fmt: skip
def create_custom_key_store(draft: Draft, call: Call) -> NoReturn:
    """Always refused: there is no cluster and no proxy."""
    (NO_PROXY if call["CustomKeyStoreType"] == "EXTERNAL_KEY_STORE" else NO_CLUSTER).refuse()


@operation(
    "kms", "ConnectCustomKeyStore",
    inert=_unread("CustomKeyStoreId"),
    checks=(AUTHORIZE(("kms:ConnectCustomKeyStore", anything)),),
    answers=(NO_KEY_STORE,),
)  # fmt: skip
def connect_custom_key_store(draft: Draft, call: Call) -> NoReturn:
    """Always refused: there is none."""
    NO_KEY_STORE.refuse()


@operation(
    "kms", "DisconnectCustomKeyStore",
    inert=_unread("CustomKeyStoreId"),
    checks=(AUTHORIZE(("kms:DisconnectCustomKeyStore", anything)),),
    answers=(NO_KEY_STORE,),
)  # fmt: skip
def disconnect_custom_key_store(draft: Draft, call: Call) -> NoReturn:
    """Always refused: there is none."""
    NO_KEY_STORE.refuse()


@operation(
    "kms", "DeleteCustomKeyStore",
    inert=_unread("CustomKeyStoreId"),
    checks=(AUTHORIZE(("kms:DeleteCustomKeyStore", anything)),),
    answers=(NO_KEY_STORE,),
)  # fmt: skip
def delete_custom_key_store(draft: Draft, call: Call) -> NoReturn:
    """Always refused: there is none."""
    NO_KEY_STORE.refuse()


@operation(
    "kms", "UpdateCustomKeyStore",
    inert=_unread(
        "CustomKeyStoreId", "NewCustomKeyStoreName", "KeyStorePassword", "CloudHsmClusterId", *_PROXY,
    ),
    checks=(AUTHORIZE(("kms:UpdateCustomKeyStore", anything)),),
    answers=(NO_KEY_STORE,),
)  # fmt: skip
def update_custom_key_store(draft: Draft, call: Call) -> NoReturn:
    """Always refused: there is none."""
    NO_KEY_STORE.refuse()
