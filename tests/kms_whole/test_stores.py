"""Custom key stores: there are none, and reseal says so (kms.md 2.8)."""

from __future__ import annotations

import pytest

from tests.kms.lab import SOURCE, Lab

WORD = "reseal does not simulate custom key stores"


def test_the_list_is_empty(lab: Lab) -> None:
    assert lab.ok(SOURCE, "DescribeCustomKeyStores") == {"CustomKeyStores": [], "Truncated": False}


@pytest.mark.parametrize("named", [{"CustomKeyStoreId": "cks-1"}, {"CustomKeyStoreName": "mine"}])
def test_one_that_is_asked_for_is_not_found(lab: Lab, named: dict[str, str]) -> None:
    assert lab.refused(SOURCE, "DescribeCustomKeyStores", **named) == ("CustomKeyStoreNotFoundException", WORD)


@pytest.mark.parametrize(
    "operation", ["ConnectCustomKeyStore", "DisconnectCustomKeyStore", "DeleteCustomKeyStore", "UpdateCustomKeyStore"]
)
def test_what_names_a_store_does_not_find_it(lab: Lab, operation: str) -> None:
    refused = lab.refused(SOURCE, operation, CustomKeyStoreId="cks-1")
    assert refused == ("CustomKeyStoreNotFoundException", WORD)


@pytest.mark.parametrize(
    ("type", "code"),
    [
        (None, "CloudHsmClusterNotFoundException"),
        ("AWS_CLOUDHSM", "CloudHsmClusterNotFoundException"),
        ("EXTERNAL_KEY_STORE", "XksProxyUriUnreachableException"),
    ],
)
def test_to_make_one_nothing_is_there(lab: Lab, type: str | None, code: str) -> None:
    given = {"CustomKeyStoreType": type} if type else {}
    assert lab.refused(SOURCE, "CreateCustomKeyStore", CustomKeyStoreName="mine", **given) == (code, WORD)


@pytest.mark.parametrize(
    "parameters", [{"Origin": "AWS_CLOUDHSM"}, {"Origin": "EXTERNAL_KEY_STORE"}, {"CustomKeyStoreId": "cks-1"}]
)
def test_no_key_is_made_in_one(lab: Lab, parameters: dict[str, str]) -> None:
    assert lab.refused(SOURCE, "CreateKey", **parameters) == ("CustomKeyStoreNotFoundException", WORD)


def test_permission_is_asked_first(lab: Lab) -> None:
    nobody = lab.user(SOURCE, "nobody")
    code, message = lab.refused(nobody, "DescribeCustomKeyStores")
    assert code == "AccessDeniedException"
    assert "kms:DescribeCustomKeyStores on resource: *" in message
