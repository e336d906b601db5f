"""What the door does before and after a call: whom it serves, what it refuses and in which words, what it adds."""

from __future__ import annotations

import base64
import json
import random
import re

import pytest

from app.doors.wire.door import BODY_BYTES_MAX, ENDPOINT_HEADER
from app.doors.wire.route import TARGETS, VERSIONS
from app.kernel import shapes
from app.kernel.errors import AwsError
from tests.doors.wire.asking import ask, form, kms, scoped
from tests.doors.wire.fakes import REQUEST_ID, FakeHost

INVALID_TOKEN = "The security token included in the request is invalid."

# --- whom it serves ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_what_is_not_for_aws_is_passed_on_with_its_body(host: FakeHost, method: str) -> None:
    seen = ask(host, {"content-type": "application/json"}, [b"a", b"b"], method, b"/api/v1/worlds")
    assert (seen.status, seen.body) == (299, b"fallback:ab")


def test_a_form_without_action_and_version_is_passed_on_whole(host: FakeHost) -> None:
    seen = ask(host, {"content-type": "application/x-www-form-urlencoded"}, [b"name=", b"x"])
    assert (seen.status, seen.body) == (299, b"fallback:name=x")


def test_the_tables_of_targets_and_versions_are_the_models_own() -> None:
    """Kept as tables so that routing loads no model; held against the models here."""
    for prefix, service in TARGETS.items():
        assert shapes.service_model(service).metadata["targetPrefix"].endswith(prefix)
    for version, service in VERSIONS.items():
        assert shapes.service_model(service).api_version == version


def test_the_credential_scope_decides_before_the_path(host: FakeHost) -> None:
    """An EBS path looks like an S3 bucket."""
    assert ask(host, scoped("ebs"), method="GET", path=b"/snapshots/snap-1/blocks").status == 200
    assert host.last.operation == "ebs:ListSnapshotBlocks"
    assert (
        b"<Code>NotImplemented</Code>" in ask(host, scoped("s3"), method="GET", path=b"/snapshots/snap-1/blocks").body
    )


def test_a_presigned_get_is_served(host: FakeHost) -> None:
    query = (
        b"Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z"
        b"&X-Amz-Credential=111111111111%2F20260101%2Feu-west-1%2Fsts%2Faws4_request&X-Amz-SignedHeaders=host"
        b"&X-Amz-Signature=0"
    )
    assert ask(host, {"host": "h"}, method="GET", query=query).status == 200
    assert (host.last.operation, host.last.parameters) == ("sts:GetCallerIdentity", {})


def test_who_signed_for_one_service_does_not_call_another(host: FakeHost) -> None:
    seen = ask(host, {**scoped("organizations"), "x-amz-target": "TrentService.ListKeys"}, b"{}")
    assert json.loads(seen.body) == {
        "__type": "InvalidSignatureException",
        "message": "Credential should be scoped to correct service: 'kms'.",
    }
    assert host.requests == []


def test_an_unsigned_call_is_refused_where_the_model_asks_for_a_signature(host: FakeHost) -> None:
    seen = ask(host, {"x-amz-target": "TrentService.ListKeys"}, b"{}")
    assert json.loads(seen.body)["__type"] == "MissingAuthenticationTokenException"
    assert seen.headers["x-reseal-cause"] == "CREDENTIALS_MISSING"


# --- what it refuses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("kms", f'"__type":"UnrecognizedClientException","message":"{INVALID_TOKEN}"', 400),
        ("ebs", f'"Message":"{INVALID_TOKEN}"', 403),
        ("iam", f"<Code>InvalidClientTokenId</Code><Message>{INVALID_TOKEN}<", 403),
        ("ec2", "<Code>AuthFailure</Code><Message>AWS was not able to validate the provided access credentials<", 401),
    ],
)
def test_a_key_never_issued_is_refused_in_the_services_own_words(
    host: FakeHost, service: str, code: str, status: int
) -> None:
    headers = {**scoped(service, "AKIAUNKNOWN"), "content-type": "application/x-www-form-urlencoded"}
    if service == "kms":
        headers["x-amz-target"] = "TrentService.ListKeys"
    path = b"/snapshots/snap-1/blocks" if service == "ebs" else b"/"
    seen = ask(host, headers, b"Action=ListUsers", "GET" if service == "ebs" else "POST", path)
    assert (seen.status, code in seen.text) == (status, True)


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        (kms("Dance"), b"{}", '"UnknownOperationException"'),
        (form("ec2"), b"Action=Dance&Version=2016-11-15", "<Code>InvalidAction</Code>"),
        (form("iam"), b"Action=Dance&Version=2010-05-08", "<Code>InvalidAction</Code>"),
        (form("lambda"), b"Action=Invoke", "<Code>InvalidAction</Code>"),
        (scoped("ebs"), b"", "reseal does not simulate POST on this path of ebs"),
    ],
)
def test_an_operation_we_do_not_have_is_a_400_in_words(
    host: FakeHost, headers: dict[str, str], body: bytes, code: str
) -> None:
    """Never a page and never a 5xx: clients would retry, or fail to parse it."""
    seen = ask(host, headers, body)
    assert seen.status == 400
    assert code in seen.text
    assert "reseal does not simulate" in seen.text


@pytest.mark.parametrize(
    "body",
    [b'{"a":NaN}', b'{"a":"\\ud800"}', b'{"a":1,"a":2}', b"[" * 65 + b"]" * 65, b"[" * 200_000, b"[]", b"nope", b"\xff",
     b'{"KeyId":1e999}', b'{"KeyId":' + b"9" * 5000 + b"}", b'{"CiphertextBlob":"*"}', b'"' + b'\\"' * 200_000],
)  # fmt: skip
def test_what_is_not_strict_json_is_a_serialization_exception(host: FakeHost, body: bytes) -> None:
    seen = ask(host, kms("Decrypt"), body)
    assert (seen.status, json.loads(seen.body)["__type"]) == (400, "SerializationException")
    assert host.requests == []


def test_a_null_member_counts_as_not_sent_and_an_unknown_one_is_kept(host: FakeHost) -> None:
    ask(host, kms("DescribeKey"), b'{"KeyId": null, "Colour": "red"}')
    assert host.last.parameters == {"Colour": "red"}
    ask(host, form("ec2"), b"Action=DescribeSnapshots&Version=2016-11-15&Foo.1.Bar=x&MaxResults=many")
    assert host.last.parameters == {"Foo": {"1": {"Bar": "x"}}, "MaxResults": "many"}


def test_a_large_body_is_refused_while_it_comes(host: FakeHost) -> None:
    """413 in the protocol's form after one MiB, whatever else would follow."""
    seen = ask(host, kms("Encrypt"), [b"x" * 65_536] * 1000)
    assert (seen.status, json.loads(seen.body)["__type"]) == (413, "RequestEntityTooLarge")
    assert seen.chunks_taken == BODY_BYTES_MAX // 65_536 + 1
    announced = ask(host, {**kms("Encrypt"), "content-length": str(10**10)}, [b"x"] * 3)
    assert (announced.status, announced.chunks_taken) == (413, 0)


@pytest.mark.parametrize(
    ("header", "status", "says"),
    [
        ({"x-filler": "x" * 17_000}, 413, "headers can hold at most"),
        ({"content-encoding": "gzip"}, 415, "compressed request bodies"),
        ({"content-encoding": "aws-chunked"}, 400, "reseal does not simulate the content encoding aws-chunked"),
        ({"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, 400, "aws-chunked"),
    ],
)
def test_a_head_that_can_not_be_served_is_refused_before_the_body(
    host: FakeHost, header: dict[str, str], status: int, says: str
) -> None:
    seen = ask(host, {**form("iam"), **header}, b"Action=ListUsers")
    assert (seen.status, says in seen.text, "<ErrorResponse" in seen.text) == (status, True, True)


def test_a_mistake_of_ours_is_logged_and_shows_no_detail(host: FakeHost, caplog: pytest.LogCaptureFixture) -> None:
    host.answers["kms:ListKeys"] = {"NoSuchMember": "secret"}
    seen = ask(host, kms("ListKeys"), b"{}")
    assert (seen.status, json.loads(seen.body)["__type"]) == (500, "InternalFailure")
    assert "secret" not in seen.text
    assert "KeyError" in caplog.text


# --- what it adds -----------------------------------------------------------------------------------------------------


def test_the_decision_and_the_notes_stand_beside_the_answer(host: FakeHost) -> None:
    """Headers of ours, never AWS's text; nothing in them can split a header."""
    host.answers["kms:ListKeys"] = AwsError("AccessDeniedException", "User: x is not authorized")
    host.reply = {"decision_id": "dec-1", "notes": ("PresignedUrl: \r\nno effect", "é")}
    seen = ask(host, {**kms("ListKeys"), "x-reseal-idempotency-key": "run-1/share/1"}, b"{}")
    assert seen.headers["x-reseal-decision"] == "dec-1"
    assert seen.headers["x-reseal-note"] == "PresignedUrl: ??no effect; ?"
    assert seen.headers["x-amzn-requestid"] == REQUEST_ID
    assert json.loads(seen.body) == {"__type": "AccessDeniedException", "Message": "User: x is not authorized"}
    assert host.last.idempotency_key == "run-1/share/1"


def test_the_policy_of_a_vpc_endpoint_comes_in_a_header_of_ours(host: FakeHost) -> None:
    text = base64.b64encode(b'{"Statement": []}').decode()
    assert ask(host, {**kms("ListKeys"), ENDPOINT_HEADER: text}, b"{}").status == 200
    assert host.last.endpoint == '{"Statement": []}'
    host.requests.clear()
    for bad in ("{}", "/w==", "a"):
        seen = ask(host, {**kms("ListKeys"), ENDPOINT_HEADER: bad}, b"{}")
        assert (seen.status, json.loads(seen.body)["__type"]) == (400, "InvalidPolicyDocument")
    assert host.requests == []


def test_an_error_without_a_text_has_no_text_member(host: FakeHost) -> None:
    host.answers["kms:Decrypt"] = AwsError("InvalidCiphertextException")
    assert ask(host, kms("Decrypt"), b'{"CiphertextBlob":""}').body == b'{"__type":"InvalidCiphertextException"}'


def test_an_ec2_answer_begins_with_its_request_id(host: FakeHost) -> None:
    seen = ask(host, form("ec2"), b"Action=DeleteSnapshot&Version=2016-11-15&SnapshotId=snap-1")
    assert re.sub(r"\s*\n", "", seen.text) == (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<DeleteSnapshotResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>{REQUEST_ID}</requestId><return>true</return></DeleteSnapshotResponse>"
    )


# --- whatever comes ---------------------------------------------------------------------------------------------------


def test_no_garbage_is_answered_500(host: FakeHost) -> None:
    """Valid requests with bytes changed, cut and repeated, in every protocol: refused or served, never a 500."""
    chance = random.Random(7)
    seeds: list[tuple[dict[str, str], bytes, bytes, str]] = [
        (kms("Decrypt"), b'{"CiphertextBlob":"AAAA","EncryptionContext":{"a":"b"}}', b"/", "POST"),
        (form("ec2"), b"Action=DescribeSnapshots&Filter.1.Name=a&Filter.1.Value.1=b&Owner.1=self", b"/w/x/", "POST"),
        (form("iam"), b"Action=TagUser&UserName=u&Tags.member.1.Key=k&Tags.member.1.Value=%20", b"/", "POST"),
        (scoped("ebs"), b'{"VolumeSize":1,"Tags":[{"Key":"k"}]}', b"/snapshots", "POST"),
        (scoped("ebs"), b"", b"/snapshots/snap-1/blocks/3", "GET"),
        (scoped("s3"), b"", b"/bucket/key", "PUT"),
        ({"content-type": "application/x-www-form-urlencoded"}, b"Action=A&Version=2011-06-15", b"/", "POST"),
    ]
    for _ in range(1500):
        headers, body, path, method = chance.choice(seeds)
        raw = [(key.encode(), mutated(chance, value.encode()) if chance.random() < 0.2 else value.encode())
               for key, value in headers.items()]  # fmt: skip
        seen = ask(host, raw, mutated(chance, body), method, mutated(chance, path), mutated(chance, b"a=b&c=%20"))
        assert seen.status < 500, (raw, body, seen.text)
        assert "Traceback" not in seen.body.decode(errors="replace")


def mutated(chance: random.Random, data: bytes) -> bytes:
    """Some bytes replaced, removed, repeated or inserted."""
    found = bytearray(data)
    for _ in range(chance.choice([0, 1, 1, 3])):
        at = chance.randrange(len(found) + 1)
        change = chance.choice(
            [b"", b"\x00", b"%", b"%ff", b".", b"=", b"&", b"[", b"{", b'"', b"\xff\xfe", b"9" * 30, bytes(found[:at])]
        )
        found[at : at + chance.choice([0, 1, 4])] = change
    return bytes(found)
