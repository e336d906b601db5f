"""Key policies as documents: what is taken, what is shown, what is refused (kms.md 5)."""

from __future__ import annotations

import json

import pytest

from tests.kms.lab import ANY_KMS, OWNER, SOURCE, TARGET, Lab, allow, policy, root_arn

LOCKOUT = (
    "MalformedPolicyDocumentException",
    "The new key policy will not allow you to update the key policy in the future.",
)
INVALID_PRINCIPALS = (
    "MalformedPolicyDocumentException",
    "Policy contains a statement with one or more invalid principals.",
)


def test_a_key_without_a_policy_gets_the_one_that_delegates_to_the_account(lab: Lab) -> None:
    answer = lab.ok(SOURCE, "GetKeyPolicy", KeyId=lab.key())
    assert answer["PolicyName"] == "default"
    assert json.loads(answer["Policy"]) == {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": root_arn(SOURCE)},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
    assert answer["Policy"].startswith('{\n  "Version" : "2012-10-17",')


def test_a_policy_is_shown_as_it_was_written(lab: Lab) -> None:
    text = policy(OWNER).replace("{", "{  ", 1)
    key = lab.key(Policy=text)
    assert lab.ok(SOURCE, "GetKeyPolicy", KeyId=key, PolicyName="default")["Policy"] == text
    changed = policy(OWNER, allow("kms:Decrypt", root_arn(TARGET)))
    lab.ok(SOURCE, "PutKeyPolicy", KeyId=key, PolicyName="default", Policy=changed)
    assert lab.ok(SOURCE, "GetKeyPolicy", KeyId=key)["Policy"] == changed
    assert lab.ok(SOURCE, "ListKeyPolicies", KeyId=key) == {"PolicyNames": ["default"], "Truncated": False}
    assert lab.refused(SOURCE, "GetKeyPolicy", KeyId=key, PolicyName="other") == (
        "NotFoundException",
        "No such policy exists",
    )


@pytest.mark.parametrize(
    "principal",
    [f"arn:aws:iam::{TARGET}:role/nobody", f"arn:aws:iam::{SOURCE}:user/nobody", "AROAAAAAAAAAAAAAAAAAA"],
)
def test_principals_must_exist(lab: Lab, principal: str) -> None:
    text = policy(OWNER, allow("kms:Decrypt", principal))
    assert lab.refused(SOURCE, "PutKeyPolicy", KeyId=lab.key(), Policy=text) == INVALID_PRINCIPALS
    assert lab.refused(SOURCE, "CreateKey", Policy=text) == INVALID_PRINCIPALS
    assert lab.causes()[0] == "POLICY_MALFORMED"


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": f"arn:aws:iam::{TARGET}:group/g"},
        {"AWS": f"arn:aws:iam::{TARGET}:role/*"},
        {"AWS": f"arn:aws:iam::{TARGET}:*"},
        {"AWS": f"arn:aws::{TARGET}:root"},
        {"AWS": TARGET[:-1]},
        {"AWS": ""},
        {"Service": "ec2"},
    ],
    ids=str,
)
def test_who_can_be_nobody_is_an_invalid_principal(lab: Lab, principal: dict[str, str]) -> None:
    """Goal: AWS's one sentence for whatever is wrong with a principal, also where its form alone is."""
    text = policy(OWNER, {"Effect": "Allow", "Principal": principal, "Action": "kms:Decrypt", "Resource": "*"})
    assert lab.refused(SOURCE, "PutKeyPolicy", KeyId=lab.key(), Policy=text) == INVALID_PRINCIPALS


@pytest.mark.parametrize("principal", [{}, {"Principal": {"AWS": []}}, {"Principal": {}}], ids=["none", "[]", "{}"])
def test_a_statement_names_somebody(lab: Lab, principal: dict[str, object]) -> None:
    """Terraform's `for` over no accounts makes such a list."""
    text = policy(OWNER, {"Effect": "Allow", **principal, "Action": "kms:Decrypt", "Resource": "*"})
    no_principal = ("MalformedPolicyDocumentException", "Policy contains a statement with no principal.")
    assert lab.refused(SOURCE, "CreateKey", Policy=text) == no_principal


def test_a_canonical_user_is_no_principal_of_a_key_policy(lab: Lab) -> None:
    """It is a form of S3's; that KMS answers so is inferred."""
    statement = {"Effect": "Allow", "Principal": {"CanonicalUser": "c0" * 32}, "Action": "kms:*", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert lab.refused(SOURCE, "CreateKey", Policy=text) == INVALID_PRINCIPALS


def test_a_principal_that_is_deleted_and_made_again_has_lost_its_access(lab: Lab) -> None:
    """Goal: users and roles are saved by their unique ids, and then shown by them."""
    user = lab.user(SOURCE, "u")
    key = lab.key(share=allow("kms:DescribeKey", user.arn))
    lab.ok(user, "DescribeKey", KeyId=key)
    lab.ok(SOURCE, "iam:DeleteUser", UserName="u")
    again = lab.user(SOURCE, "u")
    assert again.arn == user.arn
    assert lab.refused(again, "DescribeKey", KeyId=key)[0] == "AccessDeniedException"
    shown = json.loads(lab.ok(SOURCE, "GetKeyPolicy", KeyId=key)["Policy"])
    assert shown["Statement"][1]["Principal"] == {"AWS": user.unique_id}


def test_a_policy_shows_its_principals_as_they_are_called_today(lab: Lab) -> None:
    """Goal: only principals are renamed; a condition is text and stays, and so does the way the rest is written."""
    user = lab.user(SOURCE, "u")
    condition = {"ArnNotEquals": {"aws:PrincipalArn": user.arn}}
    text = policy(OWNER, allow("kms:DescribeKey", user.arn), {**OWNER, "Condition": condition}).replace(",", " , ")
    key = lab.key(Policy=text)
    lab.ok(SOURCE, "iam:UpdateUser", UserName="u", NewUserName="v")
    renamed = text.replace(json.dumps(user.arn), json.dumps(user.arn[:-1] + "v"), 1)
    assert lab.ok(SOURCE, "GetKeyPolicy", KeyId=key)["Policy"] == renamed
    lab.ok(SOURCE, "iam:DeleteUser", UserName="v")
    gone = text.replace(json.dumps(user.arn), json.dumps(user.unique_id), 1)
    assert lab.ok(SOURCE, "GetKeyPolicy", KeyId=key)["Policy"] == gone


def test_a_session_is_named_by_its_roles_name_letter_by_letter(lab: Lab) -> None:
    session = lab.session(SOURCE, "Restorer")
    lab.key(share=allow("kms:DescribeKey", session.arn))
    text = policy(OWNER, allow("kms:DescribeKey", session.arn.replace("Restorer", "restorer")))
    assert lab.refused(SOURCE, "CreateKey", Policy=text) == INVALID_PRINCIPALS


def test_a_policy_must_let_its_writer_change_it_again(lab: Lab) -> None:
    admin = lab.user(SOURCE, "admin", ANY_KMS)
    for statement in (allow("kms:Decrypt", root_arn(SOURCE)), allow("kms:*", admin.arn)):
        assert lab.refused(SOURCE, "PutKeyPolicy", KeyId=lab.key(), Policy=policy(statement)) == LOCKOUT
    assert lab.causes()[0] == "POLICY_LOCKS_OUT"
    lab.ok(admin, "CreateKey", Policy=policy(allow("kms:*", admin.arn)))


def test_the_check_counts_the_writers_own_policies(lab: Lab) -> None:
    """kms.md 5 [V]: the root statement and no kms:PutKeyPolicy of one's own is a lockout too."""
    user = lab.user(SOURCE, "u", {"Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*"})
    assert lab.refused(user, "CreateKey", Policy=policy(OWNER)) == LOCKOUT
    lab.ok(user, "CreateKey", Policy=policy(OWNER), BypassPolicyLockoutSafetyCheck=True)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        json.dumps({"Version": "2012-10-17"}),
        policy({"Effect": "Allow", "Action": "kms:*", "Resource": "*"}),
        policy({**OWNER, "Effect": "Perhaps"}),
        policy(OWNER, allow("kms:*", root_arn(SOURCE), Condition={"StringIsh": {"aws:username": "x"}})),
        policy(
            OWNER,
            allow("kms:*", "*", Condition={"ForAllValues:StringEquals": {"kms:EncryptionContext:a": "b"}}),
        ),
    ],
    ids=["cut", "no object", "no statement", "no principal", "effect", "operator", "overly permissive"],
)
def test_a_malformed_policy_is_refused(lab: Lab, text: str) -> None:
    key = lab.key()
    before = lab.ok(SOURCE, "GetKeyPolicy", KeyId=key)
    assert lab.refused(SOURCE, "PutKeyPolicy", KeyId=key, Policy=text)[0] == "MalformedPolicyDocumentException"
    assert lab.ok(SOURCE, "GetKeyPolicy", KeyId=key) == before


def test_a_statement_without_action_or_resource_is_taken_and_dead(lab: Lab) -> None:
    user = lab.user(SOURCE, "u")
    statement = allow("kms:Decrypt", user.arn)
    for missing in ("Action", "Resource"):
        dead = {name: value for name, value in statement.items() if name != missing}
        key = lab.key(Policy=policy(OWNER, dead))
        assert lab.refused(user, "Decrypt", CiphertextBlob=lab.seal(key))[0] == "AccessDeniedException"


def test_a_policy_has_at_most_32768_bytes(lab: Lab) -> None:
    long = policy(*({**OWNER, "Sid": f"s{number:0100}"} for number in range(200)))
    assert len(long) > 32_768
    assert lab.refused(SOURCE, "PutKeyPolicy", KeyId=lab.key(), Policy=long)[0] == "LimitExceededException"
