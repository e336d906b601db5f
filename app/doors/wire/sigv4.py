"""Verification of AWS Signature Version 4, in a header or in the query string (a presigned URL).

The signer and the verifier each write down the same canonical request; what was changed on the way changes the text and
so the signature. What is not in the canonical text is not protected, hence two rules beyond the arithmetic: `host` and
every `x-amz-*` header that is present must be signed, and the body must have the hash that was signed (an operation may
leave its body out with UNSIGNED-PAYLOAD only where its model says so: of ours, EBS PutSnapshotBlock).

A query string may be signed as it was sent, or decoded and encoded anew; clients do either, and both say the same, so
either is accepted. The date is judged on the machine's clock, passed in as `now`, within five minutes. Errors carry
neutral codes; `credentials.in_protocol` gives each protocol's own. Sources: reliability.md 2.4; texts known from AWS.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import quote, unquote, unquote_plus

from app.doors.wire import refusals, values
from app.doors.wire.http import HttpRequest
from app.kernel import credentials
from app.kernel.errors import AwsError

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
SKEW_MAX = timedelta(minutes=5)
PRESIGNED_SECONDS_MAX = 604_800
STAMP = "%Y%m%dT%H%M%SZ"

_FIELDS = re.compile(r"\s*(Credential|SignedHeaders|Signature)\s*=\s*([^,\s]*)\s*(?:,|$)")
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says about how it was signed; nothing of it is true before `verify`."""

    place: Literal["header", "query"]
    access_key_id: str
    date: str  # of the credential scope, YYYYMMDD
    region: str
    service: str  # the signing name
    terminator: str
    signed_headers: tuple[str, ...]
    signature: str
    stamp: str  # X-Amz-Date, YYYYMMDDTHHMMSSZ
    session_token: str = ""
    expires_seconds: int | None = None  # of a presigned URL

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{self.terminator}"


# --- reading a signature ----------------------------------------------------------------------------------------------


def is_signed(request: HttpRequest) -> bool:
    """Whether the request carries an AWS signature of any version, well formed or not."""
    return request.header("authorization").startswith("AWS") or "X-Amz-Algorithm=" in request.query


def read_signature(request: HttpRequest) -> Signature | AwsError:
    """The signature of a request; an error where there is none, or where it can not be read."""
    if request.header("authorization"):
        return _from_header(request)
    if "X-Amz-Algorithm=" in request.query:
        return _from_query(request)
    return credentials.MISSING_TOKEN


def _from_header(request: HttpRequest) -> Signature | AwsError:
    scheme, _, rest = request.header("authorization").partition(" ")
    if scheme != ALGORITHM:
        return refusals.INCOMPLETE(why=f"Unsupported AWS 'algorithm': '{_shown(scheme)}'.")
    fields = dict(_FIELDS.findall(rest))
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not fields.get(name)]
    if missing:
        return refusals.INCOMPLETE(
            why=" ".join(f"Authorization header requires '{each}' parameter." for each in missing)
        )
    stamp = _header_stamp(request)
    if not stamp:
        text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        return refusals.INCOMPLETE(why=text)
    token = request.header("x-amz-security-token")
    return _signature("header", fields["Credential"], fields["SignedHeaders"], fields["Signature"], stamp, token, None)


def _header_stamp(request: HttpRequest) -> str:
    """X-Amz-Date, or the Date header in its form; "" where neither is a date."""
    stamp = request.header("x-amz-date") or request.header("date")
    if not stamp or _STAMP.fullmatch(stamp):
        return stamp
    moment = values.http_date(stamp)
    return moment.strftime(STAMP) if isinstance(moment, datetime) else ""


def _from_query(request: HttpRequest) -> Signature | AwsError:
    pairs = dict(_query_pairs(request.query))
    if pairs.get("X-Amz-Algorithm") != ALGORITHM:
        return refusals.INCOMPLETE(why=f"Unsupported AWS 'algorithm': '{_shown(pairs.get('X-Amz-Algorithm', ''))}'.")
    names = ("X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
    missing = [name for name in names if not pairs.get(name)]
    if missing:
        return refusals.INCOMPLETE(
            why=" ".join(f"AWS query-string parameters must include '{each}'." for each in missing)
        )
    expires = pairs.get("X-Amz-Expires", "")
    if expires and not (expires.isascii() and expires.isdigit() and 1 <= int(expires[:9]) <= PRESIGNED_SECONDS_MAX):
        return refusals.INCOMPLETE(why=f"X-Amz-Expires must be between 1 and {PRESIGNED_SECONDS_MAX} seconds.")
    return _signature(
        "query",
        *(pairs[name] for name in ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date")),
        token=pairs.get("X-Amz-Security-Token", ""),
        expires=int(expires) if expires else None,
    )


def _signature(
    place: Literal["header", "query"],
    credential: str,
    signed_headers: str,
    signature: str,
    stamp: str,
    token: str,
    expires: int | None,
) -> Signature | AwsError:
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or not all(parts):
        return refusals.INCOMPLETE(
            why=f"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got {_shown(credential.partition('/')[2])}"
        )
    if not _STAMP.fullmatch(stamp):
        return refusals.INCOMPLETE(why="Date must be in ISO-8601 'basic format', YYYYMMDD'T'HHMMSS'Z'.")
    key, date, region, service, terminator = parts
    names = tuple(signed_headers.lower().split(";"))
    return Signature(place, key, date, region, service, terminator, names, signature, stamp, token, expires)


def _shown(text: str) -> str:
    """A request's own text in an answer: short, and only what can't hurt a log or a terminal."""
    return "".join(each if each.isprintable() else "?" for each in text[:64])


# --- judging it -------------------------------------------------------------------------------------------------------


def verify(
    request: HttpRequest, signature: Signature, secret: str, now: datetime, unsigned_payload: bool = False
) -> AwsError | None:
    """Whether `secret` signed exactly this request, now. `unsigned_payload`: the operation may leave its body out."""
    return (
        _scope_error(signature)
        or _date_error(signature, now)
        or _coverage_error(request, signature)
        or _payload_error(request, unsigned_payload)
        or _mismatch(request, signature, secret)
    )


def _scope_error(signature: Signature) -> AwsError | None:
    if signature.terminator != TERMINATOR:
        return refusals.BAD_SCOPE(why=f"Credential should be scoped with a valid terminator: '{TERMINATOR}'.")
    if signature.date != signature.stamp[:8]:
        return refusals.BAD_SCOPE(
            why="Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{_shown(signature.date)}' != '{signature.stamp[:8]}', from '{signature.stamp}'."
        )
    return None


def _date_error(signature: Signature, now: datetime) -> AwsError | None:
    """Five minutes around the stamp; a presigned URL is good from five minutes before it until it expires."""
    try:
        signed_at = datetime.strptime(signature.stamp, STAMP).replace(tzinfo=UTC)
    except ValueError:
        return refusals.INCOMPLETE(why="Date must be in ISO-8601 'basic format', YYYYMMDD'T'HHMMSS'Z'.")
    late = timedelta(seconds=signature.expires_seconds) if signature.expires_seconds else SKEW_MAX
    now_stamp = now.strftime(STAMP)
    if now - signed_at > late:
        unit = f"{late.total_seconds() / 60:g} min."
        edge = (now - late).strftime(STAMP)
        return refusals.EXPIRED(why=f"{signature.stamp} is now earlier than {edge} ({now_stamp} - {unit})")
    if signed_at - now > SKEW_MAX:
        edge = (now + SKEW_MAX).strftime(STAMP)
        return refusals.NOT_YET(why=f"{signature.stamp} is still later than {edge} ({now_stamp} + 5 min.)")
    return None


def _coverage_error(request: HttpRequest, signature: Signature) -> AwsError | None:
    """`host` and every x-amz-* header that came must be among the signed ones, and each signed one must have come."""
    signed = frozenset(signature.signed_headers)
    if "host" not in signed:
        return refusals.NOT_SIGNED(header="'Host' or ':authority'")
    for name in request.first:
        if name.startswith("x-amz-") and name not in signed:
            return refusals.NOT_SIGNED(header=f"'{_shown(name)}'")
    if any(name not in request.first for name in signed):
        return credentials.MISMATCH
    return None


def _payload_error(request: HttpRequest, unsigned_payload: bool) -> AwsError | None:
    """A declared hash must be the body's own; only some operations may declare none."""
    declared = request.header("x-amz-content-sha256")
    if not declared:
        return None
    if declared == UNSIGNED_PAYLOAD:
        return None if unsigned_payload else credentials.MISMATCH
    if not _HASH.fullmatch(declared) or not hmac.compare_digest(declared, _sha256(request.body)):
        return credentials.MISMATCH
    return None


def _mismatch(request: HttpRequest, signature: Signature, secret: str) -> AwsError | None:
    key = signing_key(secret, signature.date, signature.region, signature.service)
    claimed = signature.signature.encode()
    texts = canonical_requests(request, signature)
    if any(hmac.compare_digest(_sign(key, text, signature).encode(), claimed) for text in texts):
        return None
    return credentials.MISMATCH


# --- the arithmetic ---------------------------------------------------------------------------------------------------


def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key of one day, Region and service: a leaked one is good for nothing else."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _sign(key: bytes, canonical_request: str, signature: Signature) -> str:
    text = f"{ALGORITHM}\n{signature.stamp}\n{signature.scope}\n{_sha256(canonical_request.encode())}"
    return hmac.digest(key, text.encode(), "sha256").hex()


def canonical_requests(request: HttpRequest, signature: Signature) -> Iterator[str]:
    """The canonical request, once for each way to write its query string."""
    headers = [f"{name}:{_header_value(request, name)}" for name in signature.signed_headers]
    payload = request.header("x-amz-content-sha256") or _sha256(request.body)
    tail = "\n".join([*headers, "", ";".join(signature.signed_headers), payload])
    path = canonical_path(request.path, signature.service)
    for query in canonical_queries(request.query, signature.place):
        yield f"{request.method.upper()}\n{path}\n{query}\n{tail}"


def _header_value(request: HttpRequest, name: str) -> str:
    """All values of a header in the order received, white space folded."""
    return ",".join(" ".join(value.split()) for key, value in request.headers if key == name)


def canonical_path(path: str, service: str) -> str:
    """The path encoded once more (S3: as it is), dot segments and doubled slashes taken out."""
    if service == "s3":
        return path or "/"
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    slash = "/" if segments and path.endswith("/") else ""
    return quote(f"/{'/'.join(segments)}{slash}", safe="/~")


def canonical_queries(query: str, place: str) -> Iterator[str]:
    """The query string sorted by code point: as sent, then encoded anew where that differs."""
    pairs = [_split(pair) for pair in query.split("&") if pair]
    if place == "query":
        pairs = [pair for pair in pairs if pair[0] != "X-Amz-Signature"]
    as_sent = _joined(pairs)
    yield as_sent
    for decode in (unquote, unquote_plus):
        anew = _joined((_encoded(decode(name)), _encoded(decode(value))) for name, value in pairs)
        if anew != as_sent:
            yield anew


def _split(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return name, value


def _joined(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _query_pairs(query: str) -> Iterator[tuple[str, str]]:
    for pair in query.split("&"):
        name, value = _split(pair)
        yield unquote(name), unquote(value)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
