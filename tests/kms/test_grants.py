"""Grants: who may use one, make one, end one, and what it can not do (kms.md 6, policy-evaluation.md 4.7)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.kernel.call import Call, Caller, service_caller
from app.kernel.records import replace
from app.services.kms.records import Grant, Key
from app.services.kms.rules import NEAR_GRANTS_MAX, grants_for
from tests.kms.lab import ANY_KMS, SOURCE, TARGET, Lab, allow, policy, root_arn

SERVICE = "ec2.us-east-1.amazonaws.com"


def grant(lab: Lab, key: str, grantee: str, *operations: str, caller: Caller | str = SOURCE, **more: Any) -> str:
    made = lab.ok(caller, "CreateGrant", KeyId=key, GranteePrincipal=grantee, Operations=list(operations), **more)
    assert re.fullmatch(r"[0-9a-f]{64}", made["GrantId"])
    return made["GrantId"]


def subset(**pairs: str) -> dict[str, Any]:
    return {"Constraints": {"EncryptionContextSubset": pairs}}


def equals(**pairs: str) -> dict[str, Any]:
    return {"Constraints": {"EncryptionContextEquals": pairs}}


# --- using one --------------------------------------------------------------------------------------------------------


def test_a_grant_alone_lets_a_role_of_another_account_decrypt_and_do_nothing_else(lab: Lab) -> None:
    """Goal: neither key policy nor identity policy speaks of the role."""
    key, session = lab.key(), lab.session(TARGET, "grantee")
    blob = lab.seal(key)
    assert lab.refused(session, "Decrypt", CiphertextBlob=blob)[0] == "AccessDeniedException"
    made = lab.ok(SOURCE, "CreateGrant", KeyId=key, GranteePrincipal=session.role_arn, Operations=["Decrypt"])
    opened = lab.ok(session, "Decrypt", CiphertextBlob=blob, GrantTokens=[made["GrantToken"]])
    assert (opened["Plaintext"], opened["KeyId"]) == (b"hello", key)
    assert lab.refused(session, "Encrypt", KeyId=key, Plaintext=b"x")[0] == "AccessDeniedException"
    assert lab.causes()[0] == "GRANT_LACKS_OPERATION"


def test_a_grant_loses_against_a_deny(lab: Lab) -> None:
    user = lab.user(SOURCE, "u")
    key = lab.key(share={**allow("kms:Decrypt", user.arn), "Effect": "Deny"})
    grant(lab, key, user.arn, "Decrypt")
    assert lab.refused(user, "Decrypt", CiphertextBlob=lab.seal(key))[0] == "AccessDeniedException"
    assert lab.causes()[0] == "KEY_POLICY_DENIES"


def test_a_grant_to_an_account_leaves_its_policies_to_decide(lab: Lab) -> None:
    key, silent, allowed = lab.key(), lab.user(TARGET, "silent"), lab.user(TARGET, "allowed", ANY_KMS)
    blob = lab.seal(key)
    grant(lab, key, root_arn(TARGET), "Decrypt")
    assert lab.refused(silent, "Decrypt", CiphertextBlob=blob)[0] == "AccessDeniedException"
    assert lab.ok(allowed, "Decrypt", CiphertextBlob=blob)["Plaintext"] == b"hello"


@pytest.mark.parametrize(
    ("constraint", "context", "allowed"),
    [
        (subset(a="1"), {"a": "1"}, True),
        (subset(a="1"), {"a": "1", "b": "2"}, True),
        (subset(a="1"), {"a": "2"}, False),
        (subset(a="1", b="2"), {"a": "1"}, False),
        (subset(a="1"), {}, False),
        (equals(a="1"), {"a": "1"}, True),
        (equals(a="1"), {"a": "1", "b": "2"}, False),
        (equals(a="1"), {}, False),
        (equals(a="1"), {"a": "1 "}, False),
    ],
)
def test_a_constraint_holds_or_the_grant_does_not(
    lab: Lab, constraint: dict[str, Any], context: dict[str, str], allowed: bool
) -> None:
    key, user = lab.key(), lab.user(TARGET, "u")
    grant(lab, key, user.arn, "Decrypt", "DescribeKey", **constraint)
    blob = lab.seal(key, EncryptionContext=context)
    reply = lab.reply(user, "Decrypt", CiphertextBlob=blob, EncryptionContext=context)
    assert (reply.error is None) == allowed
    assert allowed or lab.causes()[0] == "GRANT_CONSTRAINT"
    lab.ok(user, "DescribeKey", KeyId=key)  # constraints do not concern it


def test_re_encryption_takes_a_grant_on_each_side(lab: Lab) -> None:
    source, destination, user = lab.key(), lab.key(TARGET), lab.user(TARGET, "u")
    blob = lab.seal(source, EncryptionContext={"a": "1"})
    parameters = {
        "CiphertextBlob": blob, "SourceEncryptionContext": {"a": "1"}, "DestinationKeyId": destination,
        "DestinationEncryptionContext": {"b": "2"},
    }  # fmt: skip
    grant(lab, source, user.arn, "ReEncryptFrom", **equals(a="1"))
    assert "kms:ReEncryptTo" in lab.refused(user, "ReEncrypt", **parameters)[1]
    grant(lab, destination, user.arn, "ReEncryptTo", caller=TARGET, **equals(b="2"))
    assert lab.ok(user, "ReEncrypt", **parameters)["SourceKeyId"] == source


def test_a_user_made_again_under_the_old_name_has_no_grant(lab: Lab) -> None:
    """Goal: grants mean the principal, not its name; ListGrants shows the id of one that is gone."""
    key, user = lab.key(), lab.user(SOURCE, "u")
    grant(lab, key, user.arn, "DescribeKey")
    lab.ok(user, "DescribeKey", KeyId=key)
    lab.ok(SOURCE, "iam:DeleteUser", UserName="u")
    again = lab.user(SOURCE, "u")
    assert lab.refused(again, "DescribeKey", KeyId=key)[0] == "AccessDeniedException"
    assert lab.ok(SOURCE, "ListGrants", KeyId=key)["Grants"][0]["GranteePrincipal"] == user.unique_id


# --- making one -------------------------------------------------------------------------------------------------------


def test_an_entry_of_the_list_says_what_the_grant_is(lab: Lab) -> None:
    key, user = lab.key(), lab.user(SOURCE, "u")
    made = grant(lab, key, user.arn, "Decrypt", Name="n", RetiringPrincipal=root_arn(TARGET), **subset(a="1"))
    (entry,) = lab.ok(SOURCE, "ListGrants", KeyId=key)["Grants"]
    entry = dict(entry)
    del entry["CreationDate"]
    assert entry == {
        "KeyId": key, "GrantId": made, "Name": "n", "GranteePrincipal": user.arn, "RetiringPrincipal": root_arn(TARGET),
        "IssuingAccount": root_arn(SOURCE), "Operations": ["Decrypt"],
        "Constraints": {"EncryptionContextSubset": {"a": "1"}},
    }  # fmt: skip


def test_the_same_name_and_parameters_are_the_same_grant_with_a_new_token(lab: Lab) -> None:
    key, user = lab.key(), lab.user(SOURCE, "u")
    asked = {"KeyId": key, "GranteePrincipal": user.arn, "Operations": ["Decrypt"], "Name": "n"}
    first, second = lab.ok(SOURCE, "CreateGrant", **asked), lab.ok(SOURCE, "CreateGrant", **asked)
    assert first["GrantId"] == second["GrantId"]
    assert first["GrantToken"] != second["GrantToken"]
    other = lab.ok(SOURCE, "CreateGrant", **{**asked, "Operations": ["Encrypt"]})
    assert other["GrantId"] != first["GrantId"]
    unnamed = {key: value for key, value in asked.items() if key != "Name"}
    assert lab.ok(SOURCE, "CreateGrant", **unnamed) != lab.ok(SOURCE, "CreateGrant", **unnamed)
    assert len(lab.ok(SOURCE, "ListGrants", KeyId=key)["Grants"]) == 4


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Operations": []}, "ValidationException"),
        ({"Operations": ["Sign"]}, "ValidationException"),
        ({"Operations": ["Fly"]}, "ValidationException"),
        ({"GranteePrincipal": "arn:aws:iam::111111111111:role/nobody"}, "InvalidArnException"),
        ({"GranteePrincipal": "arn:aws:iam::111111111111:group/g"}, "InvalidArnException"),
        ({"GranteePrincipal": SERVICE}, "InvalidArnException"),
        ({"RetiringPrincipal": "arn:aws:iam::111111111111:user/nobody"}, "InvalidArnException"),
        ({"GrantTokens": ["nonsense"]}, "InvalidGrantTokenException"),
        ({"Constraints": {**equals(a="1")["Constraints"], **subset(a="1")["Constraints"]}}, "ValidationException"),
        ({"Constraints": {"EncryptionContextEquals": {str(n): "" for n in range(9)}}}, "ValidationException"),
        ({"Constraints": {"EncryptionContextEquals": {"a": "x" * 385}}}, "ValidationException"),
        ({"DryRun": True}, "DryRunOperationException"),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_grants_that_are_not_made(lab: Lab, change: dict[str, Any], code: str) -> None:
    asked = {"KeyId": lab.key(), "GranteePrincipal": root_arn(SOURCE), "Operations": ["Decrypt"], **change}
    assert lab.refused(SOURCE, "CreateGrant", **asked)[0] == code
    assert lab.ok(SOURCE, "ListGrants", KeyId=asked["KeyId"])["Grants"] == []


def test_under_a_grant_only_narrower_grants_are_made(lab: Lab) -> None:
    key, parent, child = lab.key(), lab.session(TARGET, "parent"), lab.user(TARGET, "child")
    grant(lab, key, parent.role_arn, "Decrypt", "GenerateDataKey", "CreateGrant")
    grant(lab, key, child.arn, "Decrypt", caller=parent)
    wider = {"KeyId": key, "GranteePrincipal": child.arn, "Operations": ["Decrypt", "Encrypt"]}
    assert lab.refused(parent, "CreateGrant", **wider)[0] == "AccessDeniedException"
    assert lab.causes()[0] == "GRANT_TOO_WIDE"


def test_a_grant_of_decrypt_does_not_let_its_grantee_grant(lab: Lab) -> None:
    """The cause is the grant that lacks the operation, not a silence that one would look for in the key policy."""
    key, parent, child = lab.key(), lab.session(TARGET, "parent"), lab.user(TARGET, "child")
    grant(lab, key, parent.role_arn, "Decrypt", "DescribeKey")
    asked = {"KeyId": key, "GranteePrincipal": child.arn, "Operations": ["Decrypt"]}
    assert lab.refused(parent, "CreateGrant", **asked)[0] == "AccessDeniedException"
    assert lab.causes()[0] == "GRANT_LACKS_OPERATION"


def test_a_grant_to_an_account_leaves_the_word_to_its_policies(lab: Lab) -> None:
    """Method: the grant is wide enough; no policy of the account lets its user use it, and that is the cause."""
    key, child = lab.key(), lab.user(TARGET, "child")
    grant(lab, key, root_arn(TARGET), "Decrypt", "CreateGrant")
    asked = {"KeyId": key, "GranteePrincipal": child.arn, "Operations": ["Decrypt"]}
    assert lab.refused(child, "CreateGrant", **asked)[0] == "AccessDeniedException"
    assert lab.causes()[0] == "IDENTITY_SILENT"


@pytest.mark.parametrize(
    ("operations", "layer", "cause"),
    [
        (["Decrypt"], "boundary", "BOUNDARY_SILENT"),
        (["Decrypt"], "session", "SESSION_SILENT"),
        (["Decrypt"], "identity", "IDENTITY_DENIES"),
        (["Decrypt"], "key policy", "KEY_POLICY_DENIES"),
        (["Decrypt", "Encrypt"], "boundary", "GRANT_TOO_WIDE"),  # the key's side first, as in every refusal
        (["Decrypt", "Encrypt"], "identity", "IDENTITY_DENIES"),  # a Deny ends the matter
    ],
    ids=str,
)
def test_the_cause_is_the_first_layer_that_would_have_to_change(
    lab: Lab, operations: list[str], layer: str, cause: str
) -> None:
    """Method: a role whose grant lets it make grants of Decrypt, and one more layer that refuses CreateGrant."""
    deny = {"Effect": "Deny", "Action": "kms:CreateGrant", "Resource": "*"}
    only_s3 = policy({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    parent = lab.session(
        TARGET, "parent", *([deny] if layer == "identity" else [ANY_KMS]),
        policies=(only_s3,) if layer == "session" else None,
    )  # fmt: skip
    if layer == "boundary":
        bounds = lab.ok(TARGET, "iam:CreatePolicy", PolicyName="only-s3", PolicyDocument=only_s3)["Policy"]["Arn"]
        lab.ok(TARGET, "iam:PutRolePermissionsBoundary", RoleName="parent", PermissionsBoundary=bounds)
    share = {**allow("kms:CreateGrant", root_arn(TARGET)), "Effect": "Deny"} if layer == "key policy" else None
    key = lab.key(share=share)
    grant(lab, key, parent.role_arn, "Decrypt", "CreateGrant")
    asked = {"KeyId": key, "GranteePrincipal": root_arn(TARGET), "Operations": operations}
    assert lab.refused(parent, "CreateGrant", **asked)[0] == "AccessDeniedException"
    assert lab.causes()[0] == cause


@pytest.mark.parametrize(
    ("parent", "child", "allowed"),
    [
        (subset(a="1"), subset(a="1"), True),
        (subset(a="1"), subset(a="1", b="2"), True),
        (subset(a="1"), equals(a="1"), True),
        (subset(a="1"), {}, False),
        (subset(a="1"), subset(b="2"), False),
        (equals(a="1"), equals(a="1"), True),
        (equals(a="1"), subset(a="1"), False),
        (equals(a="1"), equals(a="1", b="2"), False),
        ({}, subset(a="1"), True),
    ],
)
def test_a_childs_constraint_is_as_strict_or_stricter(
    lab: Lab, parent: dict[str, Any], child: dict[str, Any], allowed: bool
) -> None:
    key, user = lab.key(), lab.user(SOURCE, "u")
    grant(lab, key, user.arn, "Decrypt", "CreateGrant", **parent)
    asked = {"KeyId": key, "GranteePrincipal": root_arn(SOURCE), "Operations": ["Decrypt"], **child}
    assert (lab.reply(user, "CreateGrant", **asked).error is None) == allowed


# --- ending one -------------------------------------------------------------------------------------------------------


def test_a_revoked_grant_is_over(lab: Lab) -> None:
    key, user = lab.key(), lab.user(SOURCE, "u")
    id, blob = grant(lab, key, user.arn, "Decrypt"), lab.seal(key)
    lab.ok(user, "Decrypt", CiphertextBlob=blob)
    lab.ok(SOURCE, "RevokeGrant", KeyId=key, GrantId=id)
    assert lab.refused(user, "Decrypt", CiphertextBlob=blob)[0] == "AccessDeniedException"
    assert lab.ok(SOURCE, "ListGrants", KeyId=key)["Grants"] == []
    assert lab.refused(SOURCE, "RevokeGrant", KeyId=key, GrantId=id)[0] == "NotFoundException"
    assert lab.refused(SOURCE, "RevokeGrant", KeyId=key, GrantId="x")[0] == "InvalidGrantIdException"


def test_a_grant_is_retired_by_whom_it_names_and_by_the_account_that_made_it(lab: Lab) -> None:
    """Goal: retiring principal, grantee with RetireGrant, and maker; an administrator of the key is none of them."""
    admin = lab.user(SOURCE, "admin")
    key = lab.key(share=allow("kms:*", admin.arn))
    retiring, grantee = lab.user(TARGET, "retiring"), lab.user(TARGET, "grantee")
    by_iam = lab.user(SOURCE, "by-iam", {"Effect": "Allow", "Action": "kms:RetireGrant", "Resource": "*"})

    def made(*operations: str) -> dict[str, Any]:
        asked = {"GranteePrincipal": grantee.arn, "RetiringPrincipal": retiring.arn, "Operations": list(operations)}
        return {"KeyId": key, "GrantId": lab.ok(SOURCE, "CreateGrant", KeyId=key, **asked)["GrantId"]}

    lab.ok(retiring, "RetireGrant", **made("Decrypt"))
    lab.ok(grantee, "RetireGrant", **made("Decrypt", "RetireGrant"))
    lab.ok(SOURCE, "RetireGrant", **made("Decrypt"))
    lab.ok(by_iam, "RetireGrant", **made("Decrypt"))
    assert lab.refused(grantee, "RetireGrant", **made("Decrypt"))[0] == "AccessDeniedException"
    assert lab.causes()[0] == "GRANT_NOT_RETIRABLE"
    assert lab.refused(admin, "RetireGrant", **made("Decrypt"))[0] == "AccessDeniedException"


def test_a_deny_stops_retiring_too(lab: Lab) -> None:
    deny = {"Effect": "Deny", "Action": "kms:RetireGrant", "Resource": "*"}
    key, user = lab.key(), lab.user(SOURCE, "u", deny)
    id = grant(lab, key, user.arn, "Decrypt", "RetireGrant")
    assert lab.refused(user, "RetireGrant", KeyId=key, GrantId=id)[0] == "AccessDeniedException"
    assert lab.causes()[0] == "IDENTITY_DENIES"


def test_a_token_names_the_grant_to_retire_and_can_not_be_made_up(lab: Lab) -> None:
    key, user = lab.key(), lab.user(SOURCE, "u")
    asked = {"KeyId": key, "GranteePrincipal": user.arn, "Operations": ["Decrypt", "RetireGrant"]}
    token = lab.ok(SOURCE, "CreateGrant", **asked)["GrantToken"]
    forged = token[:8] + ("A" if token[8] != "A" else "B") + token[9:]
    assert lab.refused(user, "RetireGrant", GrantToken=forged)[0] == "InvalidGrantTokenException"
    assert lab.refused(user, "RetireGrant")[0] == "ValidationException"
    assert lab.refused(user, "RetireGrant", GrantToken=token, KeyId=key)[0] == "ValidationException"
    lab.ok(user, "RetireGrant", GrantToken=token)
    assert lab.ok(SOURCE, "ListGrants", KeyId=key)["Grants"] == []


def test_retirable_grants_are_listed_over_all_keys_foreign_ones_too(lab: Lab) -> None:
    mine = root_arn(TARGET)
    for account in (SOURCE, TARGET):
        grant(lab, lab.key(account), root_arn(account), "Decrypt", caller=account, RetiringPrincipal=mine)
    listed = lab.ok(TARGET, "ListRetirableGrants", RetiringPrincipal=mine)["Grants"]
    assert {entry["KeyId"].split(":")[4] for entry in listed} == {SOURCE, TARGET}
    assert lab.refused(SOURCE, "ListRetirableGrants", RetiringPrincipal=mine)[0] == "InvalidArnException"


def test_a_list_is_filtered_and_paged(lab: Lab) -> None:
    key, user = lab.key(), lab.user(SOURCE, "u")
    ids = [grant(lab, key, user.arn if number % 2 else root_arn(SOURCE), "Decrypt") for number in range(6)]

    def listed(**filters: Any) -> list[str]:
        return [entry["GrantId"] for entry in lab.ok(SOURCE, "ListGrants", KeyId=key, **filters)["Grants"]]

    assert listed() == ids
    assert listed(GranteePrincipal=user.arn) == ids[1::2]
    assert listed(GrantId=ids[2]) == [ids[2]]
    first = lab.ok(SOURCE, "ListGrants", KeyId=key, Limit=4)
    assert listed(Limit=4, Marker=first["NextMarker"]) == ids[4:]


# --- services ---------------------------------------------------------------------------------------------------------


def test_ec2_makes_a_grant_for_the_user_and_uses_it_as_itself(lab: Lab) -> None:
    """Goal: kms.md 10.5. The user needs kms:CreateGrant; the service then needs nothing but the grant."""
    key, context = lab.key(), {"aws:ebs:id": "vol-1"}
    user = lab.user(SOURCE, "u", {"Effect": "Allow", "Action": "kms:CreateGrant", "Resource": "*"})
    blob = lab.seal(key, EncryptionContext=context)
    made = lab.forward(
        user, "CreateGrant", KeyId=key, GranteePrincipal=SERVICE, RetiringPrincipal=SERVICE, Operations=["Decrypt"],
        Constraints={"EncryptionContextSubset": context},
    )  # fmt: skip
    assert made.result.error is None
    opened = made.as_service("Decrypt", CiphertextBlob=blob, EncryptionContext=context)
    assert opened["Plaintext"] == b"hello"
    other = lab.seal(key, EncryptionContext={"aws:ebs:id": "vol-2"})
    refused = made.as_service("Decrypt", CiphertextBlob=other, EncryptionContext={"aws:ebs:id": "vol-2"})
    assert refused.error is not None
    assert made.as_service("RetireGrant", KeyId=key, GrantId=made.result["GrantId"]).error is None
    assert made.as_service("Decrypt", CiphertextBlob=blob, EncryptionContext=context).error is not None


def test_ec2_may_name_a_session_that_it_opens_itself(lab: Lab) -> None:
    grantee = f"arn:aws:sts::{SOURCE}:assumed-role/aws:ec2-infrastructure/i-0c9d812c0cfa2790f"
    asked = {"KeyId": lab.key(), "GranteePrincipal": grantee, "Operations": ["Decrypt"]}
    assert lab.forward(SOURCE, "CreateGrant", **asked).result.error is None
    assert lab.refused(SOURCE, "CreateGrant", **asked)[0] == "InvalidArnException"


def test_a_decision_looks_at_the_grants_that_can_allow_and_at_no_others(lab: Lab) -> None:
    """Goal: among many grants to one service, those of other volumes are not even read."""
    many, context = 300, {"aws:ebs:id": "vol-123"}
    lab.key()
    records = lab.cloud.world.records
    key = next(iter(records.scan(Key)))
    for number in range(many):
        records = records.put(
            Grant(
                account=SOURCE, region="us-east-1", id=f"{number:064x}", key_id=key.id, created_ms=number,
                grantee=SERVICE, operations=("Decrypt",), issuer=SOURCE,
                constraint="EncryptionContextSubset", pairs=(("aws:ebs:id", f"vol-{number}"),),
            )
        )  # fmt: skip
    key = replace(key, grants=many)
    call = Call("kms:Decrypt", {"EncryptionContext": context}, service_caller(SERVICE), "us-east-1", 0, b"", "r")
    found = grants_for(lab.cloud.world.with_records(records.put(key)), call, "kms:Decrypt", key, context)
    assert [one.pairs for one in found] == [(("aws:ebs:id", "vol-123"),)]
    near = grants_for(lab.cloud.world.with_records(records.put(key)), call, "kms:Decrypt", key, {})
    assert len(near) == NEAR_GRANTS_MAX


def test_a_grant_on_another_accounts_key_takes_both_sides(lab: Lab) -> None:
    """ebs.md 1.4: that is what the copy of a shared snapshot needs on the source key."""
    for_services = {"Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}}
    key = lab.key(share=allow("kms:CreateGrant", root_arn(TARGET), **for_services))
    user, silent = lab.user(TARGET, "u", ANY_KMS), lab.user(TARGET, "silent")
    asked = {"KeyId": key, "GranteePrincipal": SERVICE, "Operations": ["Decrypt"]}
    assert lab.forward(user, "CreateGrant", **asked).result.error is None
    assert lab.forward(silent, "CreateGrant", **asked).causes[0] == "IDENTITY_SILENT"
    direct = {**asked, "GranteePrincipal": user.arn}
    assert "kms:CreateGrant" in lab.refused(user, "CreateGrant", **direct)[1]
    assert lab.causes()[0] == "KEY_POLICY_CONDITION"


def test_policies_may_not_hold_grants(lab: Lab) -> None:
    """A grant outlives a change of the key policy, and goes only by being ended."""
    key, user = lab.key(), lab.user(SOURCE, "u")
    grant(lab, key, user.arn, "DescribeKey")
    lab.ok(SOURCE, "PutKeyPolicy", KeyId=key, Policy=policy(allow("kms:*", root_arn(SOURCE))))
    lab.ok(user, "DescribeKey", KeyId=key)
