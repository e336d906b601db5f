"""A signature protects the whole request: what was signed is accepted, and no change of it is.

botocore's signer is the other side: it signs, we verify; then one thing is changed on the way."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from app.doors.wire import sigv4
from app.doors.wire.http import HttpRequest
from app.doors.wire.sigv4 import Signature
from app.kernel import credentials
from app.kernel.errors import AwsError

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
EXAMPLES = 5000 if os.environ.get("RESEAL_SOAK") else 150

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="/?#%"), max_size=8)
NAMES = ["x-amz-target", "content-type", "x-amz-meta-a", "x-reseal-b"]
PART = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)


def signed(
    method: str = "POST",
    path: str = "/",
    query: str = "",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    service: str = "kms",
    token: str | None = None,
    presigned: bool = False,
) -> HttpRequest:
    """A request as it leaves a client that botocore signs for."""
    url = f"http://127.0.0.1:4566{path}{'?' if query else ''}{query}"
    request = AWSRequest(method, url, headers or {}, data=b"" if presigned else body)
    signer = auth.SigV4QueryAuth if presigned else auth.SigV4Auth
    signer(Credentials("AKIAALICE", SECRET, token), service, "eu-west-1").add_auth(request)
    parts = urlsplit(request.url)
    sent = {"host": "127.0.0.1:4566"} | {key.lower(): value for key, value in request.headers.items()}
    return HttpRequest(method, parts.path or "/", parts.query, tuple(sent.items()), body)


def judged(request: HttpRequest, now: datetime | None = None, secret: str = SECRET, **allowed: bool) -> AwsError | None:
    signature = sigv4.read_signature(request)
    if isinstance(signature, AwsError):
        return signature
    return sigv4.verify(request, signature, secret, now or datetime.now(UTC), **allowed)


def changed(request: HttpRequest, **parts: Any) -> HttpRequest:
    kept = {name: getattr(request, name) for name in ("method", "path", "query", "headers", "body")}
    return HttpRequest(**{**kept, **parts})


def with_header(request: HttpRequest, name: str, value: str | None) -> HttpRequest:
    rest = tuple(pair for pair in request.headers if pair[0] != name)
    return changed(request, headers=rest if value is None else (*rest, (name, value)))


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    path=st.lists(st.one_of(TEXT, PART.map(lambda t: quote(t, safe=""))), max_size=4),
    pairs=st.lists(st.tuples(PART, PART), max_size=4),
    headers=st.dictionaries(st.sampled_from(NAMES), TEXT, max_size=3),
    body=st.binary(max_size=32),
    token=st.one_of(st.none(), st.just("a-token+/=")),
    presigned=st.booleans(),
)  # fmt: skip
def test_what_botocore_signs_is_accepted_and_no_change_of_it_is(
    path: list[str],
    pairs: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
    token: str | None,
    presigned: bool,
) -> None:
    """Any path, query, headers and body; in a header or in the query string."""
    query = urlencode(pairs, quote_via=quote)
    request = signed(
        "POST", "/" + "/".join(path), query, headers, b"" if presigned else body, token=token, presigned=presigned
    )
    assert judged(request) is None
    assert judged(request, secret=SECRET + "x") == credentials.MISMATCH
    assert judged(changed(request, method="PUT")) == credentials.MISMATCH
    assert judged(changed(request, path=request.path + "x")) == credentials.MISMATCH
    assert judged(changed(request, query=f"{request.query}&extra=1")) == credentials.MISMATCH
    assert judged(changed(request, body=request.body + b"x")) == credentials.MISMATCH
    for name, value in request.headers:
        if name != "authorization":
            assert judged(with_header(request, name, value + "x")) is not None
            assert judged(with_header(request, name, None)) is not None
    assert judged(with_header(request, "x-amz-added-later", "1")) is not None


def test_plus_and_percent_twenty_are_the_same_space() -> None:
    """A client may sign %20 and send +: both say the same."""
    request = signed("GET", "/", "name=a%20b")
    assert judged(changed(request, query="name=a+b")) is None
    assert judged(changed(request, query="name=a%2Bb")) == credentials.MISMATCH


def test_the_order_of_parameters_is_free_and_their_values_are_not() -> None:
    request = signed("GET", "/", "b=2&a=1&a=0")
    assert judged(changed(request, query="a=0&b=2&a=1")) is None
    assert judged(changed(request, query="a=0&b=1&a=2")) == credentials.MISMATCH


def test_every_amz_header_that_came_must_be_signed() -> None:
    """Else a target or a token could be put in after signing."""
    target = with_header(signed(), "x-amz-target", "TrentService.DisableKey")
    error = judged(target)
    assert error is not None
    assert error.message == "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."


def test_a_body_without_a_signed_hash_needs_an_operation_that_allows_it() -> None:
    """UNSIGNED-PAYLOAD is good for PutSnapshotBlock and nothing else."""
    request = signed(
        "PUT", "/snapshots/snap-1/blocks/1", headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, service="ebs"
    )
    block = changed(request, body=b"block")
    assert judged(block, unsigned_payload=True) is None
    assert judged(block) == credentials.MISMATCH


def test_a_declared_hash_must_be_the_bodys_own() -> None:
    wrong = signed(headers={"X-Amz-Content-SHA256": "0" * 64}, body=b"{}")
    assert judged(wrong) == credentials.MISMATCH


@pytest.mark.parametrize(("seconds", "says"), [(-299, None), (299, None), (-302, "not yet current"), (302, "expired")])
def test_a_signature_is_good_for_five_minutes_around_its_date(seconds: int, says: str | None) -> None:
    """Judged on the machine's clock, whatever the world's clock shows."""
    error = judged(signed(), now=datetime.now(UTC) + timedelta(seconds=seconds))
    assert (error is None) if says is None else (error is not None and says in error.message)


@pytest.mark.parametrize(("seconds", "good"), [(-299, True), (-302, False), (3598, True), (3602, False)])
def test_a_presigned_url_is_good_until_it_expires(seconds: int, good: bool) -> None:
    error = judged(signed("GET", presigned=True), now=datetime.now(UTC) + timedelta(seconds=seconds))
    assert (error is None) is good


def test_the_texts_of_a_late_signature_are_aws_own() -> None:
    signature = Signature(
        "header", "A", "20260101", "eu-west-1", "kms", "aws4_request", ("host",), "0", "20260101T000000Z"
    )
    request = HttpRequest("GET", "/", "", (("host", "h"),))
    late = sigv4.verify(request, signature, SECRET, datetime(2026, 1, 1, 0, 10, tzinfo=UTC))
    assert late is not None
    assert late.message == (
        "Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z (20260101T001000Z - 5 min.)"
    )


@pytest.mark.parametrize("part", ["20250101", "us-east-1", "ec2", "aws5_request"])
def test_a_signature_is_good_for_its_own_scope_only(part: str) -> None:
    """Date, Region, service and terminator are inside the key."""
    request = signed()
    scope = request.header("authorization").partition("Credential=")[2].partition(",")[0].split("/")
    place = ["20250101", "us-east-1", "ec2", "aws5_request"].index(part) + 1
    other = "/".join([*scope[:place], part, *scope[place + 1 :]])
    moved = request.header("authorization").replace("/".join(scope), other)
    assert judged(with_header(request, "authorization", moved)) is not None


@pytest.mark.parametrize(
    ("authorization", "says"),
    [
        ("AWS4-HMAC-SHA256 Signature=1, SignedHeaders=host", "requires 'Credential' parameter"),
        ("AWS4-HMAC-SHA256 Credential=a/b, Signature=1, SignedHeaders=host", "exactly 5 slash-delimited elements"),
        ("AWS4-HMAC-SHA256", "requires 'Signature' parameter"),
        ("AWS AKIA:signature", "Unsupported AWS 'algorithm'"),
        ("AWS4-ECDSA-P256-SHA256 Credential=a", "Unsupported AWS 'algorithm'"),
    ],
)
def test_what_is_no_signature_is_an_incomplete_one(authorization: str, says: str) -> None:
    request = HttpRequest(
        "POST", "/", "", (("host", "h"), ("authorization", authorization), ("x-amz-date", "20260101T000000Z"))
    )
    error = judged(request)
    assert error is not None
    assert (error.code, says in error.message) == ("IncompleteSignature", True)


def test_aws_published_example_is_accepted() -> None:
    """The signature that AWS's guide derives step by step (ListUsers of IAM, 30 August 2015)."""
    example = HttpRequest(
        "GET",
        "/",
        "Action=ListUsers&Version=2010-05-08",
        (
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "iam.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
                "SignedHeaders=content-type;host;x-amz-date, "
                "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
        ),
    )
    at = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
    assert judged(example, now=at, secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY") is None
