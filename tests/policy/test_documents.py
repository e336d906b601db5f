"""Documents: what each kind may hold, and where a mistake is pointed at."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from app.policy.document import DocumentKind, PolicySyntaxError, parse, principals_named

from .build import HERE, text

ALLOW = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
TO_ALL = ALLOW | {"Principal": "*"}
TRUSTING = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": HERE}}
DENYING = TO_ALL | {"Effect": "Deny"}
GOOD = {
    DocumentKind.IDENTITY: ALLOW,
    DocumentKind.BOUNDARY: ALLOW,
    DocumentKind.SESSION: ALLOW,
    DocumentKind.SCP: ALLOW,
    DocumentKind.RESOURCE: TO_ALL,
    DocumentKind.ENDPOINT: TO_ALL,
    DocumentKind.TRUST: TRUSTING,
    DocumentKind.RCP: DENYING,
}
HOLDERS = (DocumentKind.IDENTITY, DocumentKind.BOUNDARY, DocumentKind.SESSION, DocumentKind.SCP)


def without(statement: Mapping[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in statement.items() if name not in names}


def refusal(document: str, kind: DocumentKind = DocumentKind.IDENTITY) -> PolicySyntaxError:
    with pytest.raises(PolicySyntaxError) as caught:
        parse(document, kind)
    return caught.value


@pytest.mark.parametrize("kind", DocumentKind)
def test_each_kind_has_a_good_statement(kind: DocumentKind) -> None:
    document = parse(text([GOOD[kind]]), kind)
    assert document is parse(text([GOOD[kind]]), kind), "parsing is remembered"
    assert document.text == text([GOOD[kind]])


@pytest.mark.parametrize(
    ("kind", "statement", "message"),
    [
        *((kind, TO_ALL, "has no Principal") for kind in HOLDERS),
        *((kind, without(ALLOW, "Resource"), "lacks Resource") for kind in HOLDERS),
        *((kind, without(ALLOW, "Action"), "lacks Action") for kind in HOLDERS),
        *((kind, ALLOW | {"Sid": "with space"}, "letters and digits") for kind in HOLDERS),
        (DocumentKind.RESOURCE, ALLOW, "lacks Principal"),
        (DocumentKind.TRUST, TO_ALL, "has no Resource"),
        (DocumentKind.TRUST, without(TRUSTING, "Principal") | {"NotPrincipal": "*"}, "has no NotPrincipal"),
        (DocumentKind.TRUST, without(TRUSTING, "Action"), "lacks Action"),
        (DocumentKind.RCP, TO_ALL, "can only Deny"),
        (DocumentKind.RCP, DENYING | {"Principal": {"AWS": HERE}}, "is '*'"),
        (DocumentKind.RCP, without(DENYING, "Action") | {"NotAction": "kms:*"}, "has no NotAction"),
        (DocumentKind.RCP, DENYING | {"Action": "*"}, "names services"),
        (DocumentKind.ENDPOINT, ALLOW, "lacks Principal"),
        (DocumentKind.IDENTITY, ALLOW | {"Effect": "allow"}, "Effect is Allow or Deny"),
        (DocumentKind.IDENTITY, without(ALLOW, "Effect"), "lacks Effect"),
        (DocumentKind.IDENTITY, ALLOW | {"Action": "Decrypt"}, "service:Name"),
        (DocumentKind.IDENTITY, ALLOW | {"Action": "k*:Decrypt"}, "service:Name"),
        (DocumentKind.IDENTITY, ALLOW | {"NotAction": "kms:*"}, "exclude one another"),
        (DocumentKind.IDENTITY, ALLOW | {"Resource": "key/1"}, "'*' or an ARN"),
        (DocumentKind.IDENTITY, ALLOW | {"Resource": 1}, "must be a text"),
        (DocumentKind.IDENTITY, ALLOW | {"Resources": "*"}, "no element 'Resources'"),
        (DocumentKind.IDENTITY, ALLOW | {"Condition": {"StringSounds": {"aws:x": "a"}}}, "no condition operator"),
        (DocumentKind.IDENTITY, ALLOW | {"Condition": {"NullIfExists": {"aws:x": "true"}}}, "no condition operator"),
        (DocumentKind.IDENTITY, ALLOW | {"Condition": {"ForSome:StringLike": {"aws:x": "a"}}}, "no condition operator"),
        (DocumentKind.IDENTITY, ALLOW | {"Condition": {"StringEquals": {"x": "a"}}}, "service:name"),
        (DocumentKind.IDENTITY, ALLOW | {"Condition": {"StringEquals": {"aws:x": None}}}, "value is a text"),
        (DocumentKind.IDENTITY, ALLOW | {"Condition": {"StringEquals": "a"}}, "must be an object"),
        (DocumentKind.IDENTITY, "text", "must be an object"),
        (DocumentKind.RESOURCE, TO_ALL | {"Principal": "everyone"}, "'*' or an object"),
        (DocumentKind.RESOURCE, TO_ALL | {"Principal": {"AWS": f"arn:aws:iam::{HERE}:role/*"}}, "no principal"),
        (DocumentKind.RESOURCE, TO_ALL | {"Principal": {"AWS": f"arn:aws:iam::{HERE}:group/x"}}, "no principal"),
        (DocumentKind.RESOURCE, TO_ALL | {"Principal": {"Service": "ec2"}}, "no principal"),
        (DocumentKind.RESOURCE, TO_ALL | {"Principal": {"CanonicalUser": "ab"}}, "no principal"),
        (DocumentKind.RESOURCE, TO_ALL | {"Principal": {"Somebody": "ab"}}, "of the kind"),
        (
            DocumentKind.RESOURCE,
            TO_ALL | {"Condition": {"ForAllValues:StringEquals": {"kms:EncryptionContext:a": "b"}}},
            "OverlyPermissiveCondition",
        ),
    ],
)
def test_what_a_kind_does_not_take_is_refused_in_words(kind: DocumentKind, statement: object, message: str) -> None:
    assert message in refusal(text([statement]), kind).message


def test_a_key_policy_may_lack_action_and_resource() -> None:
    """kms.md 5: accepted, and dead (test_decisions.py shows it)."""
    assert parse(text([{"Effect": "Allow", "Principal": "*"}]), DocumentKind.RESOURCE).statements


@pytest.mark.parametrize(
    ("document", "message", "line", "column"),
    [
        ("", "ends too early", 1, 1),
        ("[]", "must be an object", 1, 1),
        ("{", "ends too early", 1, 2),
        ('{"Statement": [],}', "name in double quotes", 1, 18),
        ('{"Version":\n  "2012-10-17",\n  "Version": ""}', "stands here twice", 3, 3),
        ('{"Version": "2013-01-01", "Statement": []}', "Version is", 1, 13),
        ('{"Version": "2012-10-17"}', "lacks Statement", 1, 1),
        ('{"Id": "x", "Statement": []}', "has no Id", 1, 7 - 5),
        ('{"Statement": NaN}', "'NaN' is no JSON value", 1, 15),
        ('{"Statement": 01}', "'01' is no JSON value", 1, 15),
        ('{"Statement": "\\ud800"}', "surrogate", 1, 15),
        ('{"Statement": "\\x"}', "unknown escape", 1, 16),
        ('{"Statement": "a\tb"}', "control character", 1, 17),
        ('{"Statement": "a', "not closed", 1, 17),
        ('{"Statement": []} x', "more text follows", 1, 19),
        ("[" * 65 + "]" * 65, "more than 64 deep", 1, 65),
        ('{"Statement": []\n', "ends too early", 2, 1),
    ],
)
def test_a_mistake_is_pointed_at(document: str, message: str, line: int, column: int) -> None:
    error = refusal(document)
    assert message in error.message
    assert (error.line, error.column) == (line, column)


def test_sids_are_unique_in_identity_policies_only() -> None:
    twice = [ALLOW | {"Sid": "A"}, ALLOW | {"Sid": "A"}]
    assert "two statements" in refusal(text(twice)).message
    assert parse(text([TO_ALL | {"Sid": "A b"}, TO_ALL | {"Sid": "A b"}]), DocumentKind.RESOURCE)


def test_a_single_value_may_stand_without_brackets() -> None:
    one = parse(json.dumps({"Version": "2012-10-17", "Statement": ALLOW}), DocumentKind.IDENTITY)
    assert len(one.statements) == 1


def test_every_part_knows_where_it_stands() -> None:
    document = parse(json.dumps({"Statement": [ALLOW, ALLOW]}, indent=2), DocumentKind.IDENTITY)
    action = document.statements[1].action
    assert action is not None
    assert action.mark.pointer == "/Statement/1/Action"
    assert document.text[action.mark.offset : action.mark.end] == '"kms:*"'
    assert document.text.splitlines()[action.mark.line - 1][action.mark.column - 1 :].startswith('"kms:*"')


def test_principals_named_are_those_that_can_be_unknown() -> None:
    principals = {"AWS": [HERE, f"arn:aws:iam::{HERE}:role/x", "*"], "Service": "ec2.amazonaws.com"}
    document = parse(text([TO_ALL | {"Principal": principals}, TO_ALL]), DocumentKind.RESOURCE)
    assert principals_named(document) == (HERE, f"arn:aws:iam::{HERE}:role/x")


def test_a_lenient_parse_takes_what_a_strict_one_refuses() -> None:
    odd = text([ALLOW | {"Resources": "*", "Condition": {"StringSounds": {"aws:x": "a"}}}])
    assert len(parse(odd, DocumentKind.IDENTITY, lenient=True).statements[0].others) == 3
