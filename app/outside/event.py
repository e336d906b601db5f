"""A CloudTrail record as an incident: who asked whom for what, through which service, and what AWS answered.

A refused record of KMS shows no parameters and no resources (kms.md 9 [V]), so the error text and the records of the
same request that lie beside it are read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from app.outside.reading import Source, Unreadable, plain, source_of
from app.outside.said import Said, said
from app.policy.question import Principal, PrincipalKind

Json = Mapping[str, Any]

RECORDS_MAX: Final = 20_000
DENIALS: Final = frozenset({
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Client.UnauthorizedOperation", "AuthFailure",
    "Client.AuthFailure", "NotAuthorizedException", "AuthorizationError", "AuthorizationErrorException",
})  # fmt: skip
WOULD_WORK: Final = frozenset({"DryRunOperation", "DryRunOperationException", "Client.DryRunOperation"})
INTERNAL: Final = "AWS Internal"

_EBS_CALLERS: Final = re.compile(
    r"ec2-frontend-api\.amazonaws\.com|(?:prod\.kms-caller\.)?ebs(?:\.[a-z0-9-]+)?\.amazonaws\.com"
    r"|ec2(?:\.[a-z0-9-]+)?\.amazonaws\.com"
)
_SERVICE: Final = re.compile(r"(?P<name>[a-z0-9-]+)(?:\.[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?")
INFRASTRUCTURE: Final = "aws:ec2-infrastructure"  # EC2's own role at attach: only grants speak for it (kms.md 6 [V])

_ROLE_SESSION: Final = re.compile(r"arn:(?P<part>[\w-]+):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.+")
_ANY_ARN: Final = re.compile(r"arn:[\w-]+:(?:iam|sts)::(?P<account>\d{12}):(?P<kind>[\w-]+)(?:/.+)?")


@dataclass(frozen=True, slots=True)
class Incident:
    """One record. `via` is the service of kms:ViaService ("ec2"); "" for a direct call, None where it is not known."""

    record: Json
    principal: Principal
    via: str | None
    said: Said
    siblings: tuple[Json, ...] = ()  # records of the same request
    others: tuple[str, ...] = ()  # ids of further failed records of the file
    is_supposed: bool = False  # a call below a record, of which no record tells how it ended

    @property
    def service(self) -> str:
        return _text(self.record, "eventSource").partition(".")[0]

    @property
    def name(self) -> str:
        return _text(self.record, "eventName")

    @property
    def call(self) -> str:
        return f"{self.service}:{self.name}"

    @property
    def action(self) -> str:
        """As the refusal names it (ReEncrypt asks for two), else the call's own."""
        return self.said.action or _ACTIONS.get(self.call, self.call)

    @property
    def region(self) -> str:
        return _text(self.record, "awsRegion")

    @property
    def code(self) -> str:
        return _text(self.record, "errorCode")

    @property
    def message(self) -> str:
        return _text(self.record, "errorMessage")

    @property
    def is_denied(self) -> bool:
        return self.code in DENIALS

    @property
    def is_forwarded(self) -> bool:
        return self.via != ""

    @property
    def parameters(self) -> Json | None:
        found = self.record.get("requestParameters")
        return found if isinstance(found, Mapping) else None

    @property
    def caller(self) -> str:
        return self.principal.arn

    @property
    def role_name(self) -> str:
        found = _ROLE_SESSION.fullmatch(self.principal.arn)
        return found["role"] if found else self.principal.issuer_arn.rpartition("/")[2]

    def asking(self, action: str) -> Incident:
        """The same, about one of the actions that the call asks for."""
        return replace(self, said=replace(self.said, action=action))

    def nested(self, call: str, *, via: str, parameters: Json | None = None) -> Incident:
        """A call that a service makes with the caller's credentials, as its record would look."""
        service, _, name = call.partition(":")
        record = {
            **self.record, "eventSource": f"{service}.amazonaws.com", "eventName": name, "resources": None,
            "requestParameters": parameters, "errorCode": "", "errorMessage": "", "sourceIPAddress": "",
        }  # fmt: skip
        return Incident(record, self.principal, via, Said(), (self.record,), is_supposed=True)


_ACTIONS: Final = {"kms:ReEncrypt": "kms:ReEncryptFrom"}


def incident_of(source: Source, event_id: str = "") -> Incident:
    """The refusal that the file tells: the last one, or that of `event_id`. Raises Unreadable."""
    records = records_in(source)
    if event_id:
        chosen = next((one for one in records if one.get("eventID") == event_id), None)
        if chosen is None:
            raise Unreadable(source.file, f"holds no event {event_id}")
    else:
        chosen = _most_telling(records)
    request, shared = _text(chosen, "requestID"), _text(chosen, "sharedEventID")
    siblings = tuple(one for one in records if one is not chosen and request and one.get("requestID") == request)
    siblings = siblings or tuple(one for one in records if _may_have_made(one, chosen))
    failed = [one for one in records if _text(one, "errorCode") in DENIALS and one is not chosen]
    others = tuple(_text(one, "eventID") for one in failed if not shared or one.get("sharedEventID") != shared)
    return _incident(chosen, siblings, others)


def records_in(source: Source) -> list[Json]:
    """Of one record, `{"Records": [...]}`, a list, or what lookup-events prints."""
    found = plain(source.root)
    if isinstance(found, dict):
        found = found.get("Records", found.get("Events", [found]))
    records = [_record(one, source.file) for one in found] if isinstance(found, list) else []
    if not records:
        raise Unreadable(source.file, "holds no CloudTrail record")
    if len(records) > RECORDS_MAX:
        raise Unreadable(source.file, f"holds more than {RECORDS_MAX} records")
    return records


def _record(one: Any, file: str) -> Json:
    if isinstance(one, dict) and isinstance(inner := one.get("CloudTrailEvent"), (str, dict)):
        one = plain(source_of(inner, f"{file} (CloudTrailEvent)").root) if isinstance(inner, str) else inner
    if not isinstance(one, dict) or not _text(one, "eventName") or not _text(one, "eventSource"):
        raise Unreadable(file, "is no CloudTrail record: it lacks eventName or eventSource")
    if not isinstance(one.get("userIdentity"), dict):
        raise Unreadable(file, "is no CloudTrail record: it lacks userIdentity")
    return one


def _most_telling(records: Iterable[Json]) -> Json:
    """A refusal before another error before a success; the caller's record before the owner's copy; the last."""

    def telling(one: Json) -> tuple[int, bool, str]:
        code = _text(one, "errorCode")
        rank = 2 if code in DENIALS else 1 if code and code not in WOULD_WORK else 0
        return rank, one["userIdentity"].get("type") != "AWSAccount", _text(one, "eventTime")

    return max(records, key=telling)


_MAKES_CALLS: Final = frozenset({"CopySnapshot", "CreateVolume", "AttachVolume", "RunInstances", "StartInstances"})


def _may_have_made(one: Json, chosen: Json) -> bool:
    """A call of the same caller that EC2 forwards to KMS, where the request ids do not tell."""
    is_same = dig(one, "userIdentity", "principalId") == dig(chosen, "userIdentity", "principalId")
    is_forwarded = bool(dig(chosen, "userIdentity", "invokedBy"))
    return is_same and is_forwarded and one is not chosen and _text(one, "eventName") in _MAKES_CALLS


def _incident(record: Json, siblings: tuple[Json, ...], others: tuple[str, ...]) -> Incident:
    told = said(_text(record, "errorMessage"))
    principal = principal_of(record, told)
    return Incident(record, principal, _via(record, principal), told, siblings, others)


def _via(record: Json, principal: Principal) -> str | None:
    """The service that forwarded the call with the caller's credentials; a service that acts as itself does not."""
    by = _text(record["userIdentity"], "invokedBy")
    if not by or principal.kind is PrincipalKind.SERVICE or f"/{INFRASTRUCTURE}/" in principal.arn:
        return ""
    return service_named(by)


def service_named(name: str) -> str | None:
    """As kms:ViaService names it: EBS goes by `ec2` (ebs.md 0 [V]); None for "AWS Internal"."""
    if _EBS_CALLERS.fullmatch(name):
        return "ec2"
    found = _SERVICE.fullmatch(name)
    return found["name"] if found else None


# Who asks.

_KINDS: Final = {
    "Root": PrincipalKind.ROOT,
    "IAMUser": PrincipalKind.USER,
    "AssumedRole": PrincipalKind.ROLE_SESSION,
    "Role": PrincipalKind.ROLE_SESSION,
    "FederatedUser": PrincipalKind.FEDERATED_USER,
    "AWSService": PrincipalKind.SERVICE,
}


def principal_of(record: Json, told: Said) -> Principal:
    """From userIdentity; what another account's copy leaves out, from the error text."""
    who: Json = record["userIdentity"]
    kind = _KINDS.get(_text(who, "type"))
    if kind is PrincipalKind.SERVICE:
        return _service_principal(who, record, told)
    arn = _text(who, "arn") or (told.user if told.user.startswith("arn:") else "")
    found = _ANY_ARN.fullmatch(arn)
    account = _text(who, "accountId") or (found["account"] if found else "")
    kind = kind or _kind_of_arn(arn) or (PrincipalKind.ROLE_SESSION if account else PrincipalKind.ANONYMOUS)
    issuer, issuer_id = _issuer(who, kind, arn)
    return Principal(kind, account, arn, _text(who, "principalId"), issuer, issuer_id, "/aws-service-role/" in issuer)


def _service_principal(who: Json, record: Json, told: Said) -> Principal:
    """EBS's internal names all stand for `ec2.<region>.amazonaws.com`, to which its grants are given (ebs.md 1.0)."""
    name = told.user or _text(who, "invokedBy")
    if name == _text(who, "invokedBy") and _EBS_CALLERS.fullmatch(name):
        name = f"ec2.{_text(record, 'awsRegion')}.amazonaws.com"
    return Principal(PrincipalKind.SERVICE, "", name, name)


def _kind_of_arn(arn: str) -> PrincipalKind | None:
    found = _ANY_ARN.fullmatch(arn)
    kinds = {
        "root": PrincipalKind.ROOT, "user": PrincipalKind.USER, "assumed-role": PrincipalKind.ROLE_SESSION,
        "federated-user": PrincipalKind.FEDERATED_USER,
    }  # fmt: skip
    return kinds.get(found["kind"]) if found else None


def _issuer(who: Json, kind: PrincipalKind, arn: str) -> tuple[str, str]:
    """ARN and unique id of the role or user behind a session; without a session issuer its path is not known."""
    issuer = dig(who, "sessionContext", "sessionIssuer")
    if isinstance(issuer, Mapping) and kind in (PrincipalKind.ROLE_SESSION, PrincipalKind.FEDERATED_USER):
        return _text(issuer, "arn"), _text(issuer, "principalId")
    session = _ROLE_SESSION.fullmatch(arn)
    if session is None:
        return "", ""
    id = _text(who, "principalId").partition(":")[0]
    issuer_id = id if id.startswith("AROA") else ""
    return f"arn:{session['part']}:iam::{session['account']}:role/{session['role']}", issuer_id


# JSON of unknown shape.


def _text(value: Json, name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""


def dig(value: Any, *names: str) -> Any:
    """The value under nested names; None where the way ends."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


text = _text
