"""Who am I, whose key is that, and temporary keys of one's own."""

from __future__ import annotations

from typing import Any

import pytest
from iam.lab import EVERYTHING, SOURCE, TARGET, Lab, allow, deny, document

from app.kernel.call import Caller


def test_who_am_i_needs_no_permission_and_cannot_be_denied(lab: Lab) -> None:
    alice = lab.user(SOURCE, "alice", deny("*"))
    answer = lab.call(alice, "sts:GetCallerIdentity")
    assert answer == {"UserId": alice.unique_id, "Account": SOURCE, "Arn": alice.arn}
    assert lab.call(SOURCE, "sts:GetCallerIdentity")["Arn"] == f"arn:aws:iam::{SOURCE}:root"


def test_a_key_tells_its_account(lab: Lab) -> None:
    alice, bob = lab.user(SOURCE, "alice"), lab.user(TARGET, "bob", EVERYTHING)
    assert lab.call(bob, "sts:GetAccessKeyInfo", AccessKeyId=alice.access_key_id) == {"Account": SOURCE}
    assert lab.refused(alice, "sts:GetAccessKeyInfo", AccessKeyId=alice.access_key_id)[0] == "AccessDenied"
    assert lab.refused(bob, "sts:GetAccessKeyInfo", AccessKeyId="AKIA" + "A" * 16)[0] == "ValidationError"


def test_a_session_token_is_the_same_user_but_cannot_call_iam(lab: Lab) -> None:
    alice = lab.user(SOURCE, "alice", EVERYTHING)
    short = lab.caller_of(lab.call(alice, "sts:GetSessionToken")["Credentials"])
    assert (short.kind, short.arn, short.unique_id) == (alice.kind, alice.arn, alice.unique_id)
    assert short.expires_at_ms - short.issued_at_ms == 43_200_000
    assert lab.refused(short, "iam:ListUsers") == (
        "InvalidClientTokenId",
        "The security token included in the request is invalid",
    )
    lab.assume(short, lab.role(SOURCE, "reader"))


@pytest.mark.parametrize("operation", ["GetSessionToken", "GetFederationToken"])
def test_sessions_cannot_ask_for_further_tokens(lab: Lab, operation: str) -> None:
    alice = lab.user(SOURCE, "alice", EVERYTHING)
    session = lab.assume(alice, lab.role(SOURCE, "reader"))
    more = {"Name": "guest"} if operation == "GetFederationToken" else {}
    assert lab.refused(session, f"sts:{operation}", **more) == (
        "AccessDenied",
        f"Cannot call {operation} with session credentials",
    )


def test_a_root_session_lasts_an_hour(lab: Lab) -> None:
    session = lab.caller_of(lab.call(SOURCE, "sts:GetSessionToken")["Credentials"])
    assert session.expires_at_ms - session.issued_at_ms == 3_600_000
    assert lab.refused(SOURCE, "sts:GetSessionToken", DurationSeconds=7200)[0] == "ValidationError"


def test_a_federated_user_can_what_his_user_can_and_his_policy_allows(lab: Lab) -> None:
    alice = lab.user(SOURCE, "alice", allow(["sts:GetFederationToken", "sts:GetAccessKeyInfo"]))
    policy = document(allow("sts:*"))
    made = lab.call(alice, "sts:GetFederationToken", Name="guest", Policy=policy)
    assert made["FederatedUser"] == {
        "FederatedUserId": f"{SOURCE}:guest",
        "Arn": f"arn:aws:sts::{SOURCE}:federated-user/guest",
    }
    guest = lab.caller_of(made["Credentials"])
    lab.call(guest, "sts:GetAccessKeyInfo", AccessKeyId=alice.access_key_id)
    bare = lab.caller_of(lab.call(alice, "sts:GetFederationToken", Name="guest")["Credentials"])
    message = lab.refused(bare, "sts:GetAccessKeyInfo", AccessKeyId=alice.access_key_id)[1]
    assert message.endswith("because no session policy allows the sts:GetAccessKeyInfo action")


def test_the_trail_tells_how_temporary_keys_came_about(lab: Lab) -> None:
    """Goal: CloudTrail's userIdentity of each kind; keys of GetSessionToken have no issuer but themselves."""
    alice = lab.user(SOURCE, "alice", EVERYTHING)

    def context(by: Caller | str, operation: str, **sent: str) -> Any:
        """Of a call with the keys that such a call gives."""
        short = lab.caller_of(lab.call(by, f"sts:{operation}", **sent)["Credentials"])
        lab.call(short, "sts:GetCallerIdentity")
        return lab.event(SOURCE, "GetCallerIdentity")["userIdentity"].get("sessionContext")

    attributes = {"creationDate": "2026-01-01T00:00:00Z", "mfaAuthenticated": "false"}
    assert context(alice, "GetSessionToken") == {"attributes": attributes}
    issuer = {"type": "IAMUser", "principalId": alice.unique_id, "arn": alice.arn, "accountId": SOURCE}
    assert context(alice, "GetFederationToken", Name="guest") == {
        "sessionIssuer": issuer | {"userName": "alice"},
        "attributes": attributes,
    }
    assert context(SOURCE, "GetFederationToken", Name="guest")["sessionIssuer"] == {
        "type": "Root", "principalId": SOURCE, "arn": f"arn:aws:iam::{SOURCE}:root", "accountId": SOURCE,
    }  # fmt: skip
    lab.call(alice, "sts:GetCallerIdentity")
    assert "sessionContext" not in lab.event(SOURCE, "GetCallerIdentity")["userIdentity"]
