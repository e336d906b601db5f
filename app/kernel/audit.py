"""What a call leaves behind: an entry in the log, and a CloudTrail record in each account that gets one.

The record is built from the call and its outcome, in the shape of ebs.md 3 and kms.md 9; what differs between services
(names of parameters, what is hidden, which errors carry which code) is in the `TrailStyle` that each of them provides.
A call by a service as itself is recorded only in the account that owns what it touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from app.kernel import endpoint, shapes
from app.kernel.clock import iso
from app.kernel.draft import Draft, Frame, Job, Result
from app.kernel.log import CallEntry, EventEntry, Sent
from app.kernel.shapes import lower_camel

if TYPE_CHECKING:
    from app.kernel.call import Call, Caller
    from app.kernel.errors import AwsError

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
INTERNAL = "AWS Internal"
BLOB_SIZE_MAX = 4096  # bytes of a blob that the log keeps, so that its call can be made again
_SEPARATOR = re.compile(r"[.\[{]")  # in the path of a sensitive member


def camel(value: Any) -> Any:
    """Parameters or an answer with member names in lower camel case and dates as CloudTrail writes those of IAM."""
    if isinstance(value, Mapping):
        return {lower_camel(name): camel(item) for name, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [camel(item) for item in value]
    return f"{value:%b} {value.day}, {value:%Y, %I:%M:%S %p}" if isinstance(value, datetime) else value


def _same(body: dict[str, Any]) -> dict[str, Any]:
    return body


@dataclass(frozen=True, slots=True)
class TrailStyle:
    """How one service's calls look in CloudTrail."""

    source: str  # kms.amazonaws.com
    parameters: Callable[[Frame, AwsError | None], Any]  # requestParameters
    response: Callable[[Frame, Mapping[str, Any]], Any]  # responseElements of a call that succeeded
    code: Callable[[AwsError], str]  # errorCode
    names_resources: Callable[[AwsError | None], bool]  # does the record carry `resources`?
    copy: Callable[[dict[str, Any]], dict[str, Any]] = _same  # what another account's copy hides
    records_errors: Callable[[AwsError], bool] = lambda error: True
    region: str = ""  # of a global service: its events stand in this one Region, wherever the call was signed for


def record(draft: Draft, frame: Frame, result: Result) -> None:
    """Append the entry of a finished call, and its events."""
    note_call(draft, frame, result)
    operation = frame.operation
    if operation is None or (result.error and _is_malformed(result.error)):
        return
    style = draft.services.by_prefix[operation.service].trails[operation.service]
    body = _body(draft, frame, result, style)
    copies = [account for account, even_failed in frame.copies.items() if not result.error or even_failed]
    recipients = [frame.call.account] if frame.call.account else sorted({owner for owner, _, _ in frame.resources})
    copies = [account for account in copies if account not in recipients]
    if frame.call.via or frame.call.acting_service or copies:
        body["sharedEventID"] = draft.entropy.uuid("shared-event")
    for account in recipients:
        append(draft, frame, account, body)
    for account in copies:
        append(draft, frame, account, style.copy({**body, "userIdentity": _reduced(frame.call)}))


_MALFORMED = {
    "ValidationException",
    "ValidationError",
    "SerializationException",
    "UnknownOperationException",
    "InvalidAction",
}


def _is_malformed(error: AwsError) -> bool:
    """Requests that are refused before AWS knows whom they concern are mostly not recorded (kms.md 9 [I])."""
    return error.code in _MALFORMED


def append(draft: Draft, frame: Frame, account: str, body: dict[str, Any]) -> None:
    body = {**body, "eventID": draft.entropy.uuid("event"), "recipientAccountId": account}
    call, caller = frame.call, frame.call.caller
    own = account == call.account
    draft.log.append(
        EventEntry(
            event_id=body["eventID"],
            at_ms=call.at_ms,
            account=account,
            region=body["awsRegion"],
            name=body["eventName"],
            source=body["eventSource"],
            read_only=body.get("readOnly", False),
            request_id=body.get("requestID", ""),
            root=call.root or call.request_id,
            username=_username(caller) if own else "",
            access_key_id=caller.access_key_id if own and caller.kind in ("user", "session", "federated") else "",
            resources=tuple((type, arn) for _, type, arn in frame.resources) or _named(frame),
            management=not (frame.operation and frame.operation.is_data_event),
            body=msgspec.json.encode(body, enc_hook=str).decode(),
        )
    )


def service_event(
    draft: Draft,
    account: str,
    name: str,
    *,
    source: str,
    identity: Mapping[str, Any],
    details: Mapping[str, Any] | None,
    invoked_by: str = INTERNAL,
    resources: list[tuple[str, str, str]] | None = None,
) -> None:
    """An AwsServiceEvent: something that AWS did by itself, such as SharedSnapshotCopyInitiated or RotateKey."""
    call = draft.frame.call
    frame = Frame(call, resources=resources or [])
    body = {
        "eventVersion": "1.11",
        "userIdentity": dict(identity),
        "eventTime": iso(call.at_ms),
        "eventSource": source,
        "eventName": name,
        "awsRegion": call.region,
        "sourceIPAddress": invoked_by,
        "userAgent": invoked_by,
        "requestParameters": None,
        "responseElements": None,
        "readOnly": False,
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "eventCategory": "Management",
        "serviceEventDetails": details and dict(details),
    }
    if resources:
        body["resources"] = _resources(frame)
    append(draft, frame, account, body)


def _body(draft: Draft, frame: Frame, result: Result, style: TrailStyle) -> dict[str, Any]:
    call, operation = frame.call, frame.operation
    assert operation is not None
    service = (call.via.invoked_by if call.via else "") or call.acting_service
    body: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": identity(call),
        "eventTime": iso(call.at_ms),
        "eventSource": style.source,
        "eventName": operation.name,
        "awsRegion": style.region or call.region,
        "sourceIPAddress": service or call.source_ip,
        "userAgent": service or call.user_agent,
    }
    if result.error:
        body |= {"errorCode": style.code(result.error), "errorMessage": _cut(result.error.message)}
    body["requestParameters"] = style.parameters(frame, result.error)
    body["responseElements"] = None if result.error or result.answer is None else style.response(frame, result.answer)
    if frame.additional and not result.error:
        body["additionalEventData"] = dict(frame.additional)
    body |= {"requestID": call.request_id, "readOnly": operation.reads}
    if style.names_resources(result.error) and frame.resources:
        body["resources"] = _resources(frame)
    body |= {"eventType": "AwsApiCall", "managementEvent": not operation.is_data_event}
    body["eventCategory"] = "Data" if operation.is_data_event else "Management"
    if call.via:
        body |= {"vpcEndpointId": INTERNAL, "vpcEndpointAccountId": INTERNAL}
    elif through := endpoint.id_of(call):
        body |= {"vpcEndpointId": through, "vpcEndpointAccountId": call.account}
    return body


def _cut(message: str) -> str:
    """CloudTrail cuts long messages; the encoded blob of EC2's ends in `...` (ebs.md 1.11 [V])."""
    return message if len(message) <= 1024 else message[:1021] + "..."


def _resources(frame: Frame) -> list[dict[str, str]]:
    return [{"accountId": account, "type": type, "ARN": arn} for account, type, arn in frame.resources]


def identity(call: Call) -> dict[str, Any]:
    """userIdentity, as the caller's own account sees it."""
    caller = call.caller
    if caller.kind == "service":
        return {"type": "AWSService", "invokedBy": call.acting_service or caller.arn}
    if caller.kind == "anonymous":
        return {"type": "Unknown"}
    who: dict[str, Any] = {
        "type": _TYPES[caller.kind],
        "principalId": caller.unique_id,
        "arn": caller.arn,
        "accountId": caller.account,
    }
    if caller.access_key_id:
        who["accessKeyId"] = caller.access_key_id
    if caller.kind == "user":
        who["userName"] = _username(caller)
    if caller.kind == "session" or caller.expires_at_ms:
        attributes = {"creationDate": iso(caller.issued_at_ms), "mfaAuthenticated": "false"}
        who["sessionContext"] = _session_issuer(caller) | {"attributes": attributes}
    service = (call.via.invoked_by if call.via else "") or call.acting_service
    if service:
        who["invokedBy"] = service
    if caller.scope:
        who["inScopeOf"] = dict(caller.scope)
    return who


def _session_issuer(caller: Caller) -> dict[str, Any]:
    """Who gave the session away: its role, or whoever federated the user. Those of GetSessionToken name nobody.

    Source: CloudTrail user guide, userIdentity element [D]; without an issuer: its samples of IAM users [D].
    """
    if not caller.role_arn:
        return {}
    is_root = caller.role_arn == f"arn:aws:iam::{caller.account}:root"
    issuer = {
        "type": "Role" if caller.kind == "session" else "Root" if is_root else "IAMUser",
        "principalId": caller.role_id,
        "arn": caller.role_arn,
        "accountId": caller.account,
    }
    return {"sessionIssuer": issuer if is_root else issuer | {"userName": caller.role_arn.rpartition("/")[2]}}


_TYPES = {"root": "Root", "user": "IAMUser", "session": "AssumedRole", "federated": "FederatedUser"}


def _reduced(call: Call) -> dict[str, Any]:
    """userIdentity in another account's copy: no ARN, no access key (ebs.md 3.2 [V])."""
    who = {"type": "AWSAccount", "principalId": call.caller.unique_id, "accountId": call.caller.account}
    service = (call.via.invoked_by if call.via else "") or call.acting_service
    return who | ({"invokedBy": service} if service else {})


def _username(caller: Caller) -> str:
    if caller.kind == "root":
        return "root"
    return caller.arn.rpartition("/")[2] if caller.kind in ("user", "session", "federated") else ""


def note_call(draft: Draft, frame: Frame, result: Result) -> None:
    """The entry by which a call is found again: `reseal log`, `reseal explain`."""
    call, refusal = frame.call, result.refusal
    draft.log.append(
        CallEntry(
            request_id=call.request_id,
            root=call.root or call.request_id,
            at_ms=call.at_ms,
            operation=call.operation,
            account=call.account,
            region=call.region,
            caller=call.caller.arn or "anonymous",
            code=result.error.code if result.error else "",
            message=result.error.message if result.error else "",
            cause=refusal.cause.name if refusal else "",
            seen=result.error.seen if result.error else "",
            parent=call.parent,
            resources=tuple(
                dict.fromkeys((*call.about, *frame.about, *names(call.parameters), *names(result.answer or {})))
            ),
            via=(call.via.invoked_by if call.via else "") or call.acting_service,
            sent=sent(frame) if _may_be_repaired(draft, call, result) else None,
        )
    )


def _may_be_repaired(draft: Draft, call: Call, result: Result) -> bool:
    """An outermost call that failed, or that booked a job and so may fail later."""
    if call.parent or call.operation.startswith("reseal:"):
        return False
    return bool(result.error) or any(kind is Job for kind, _ in draft.touched)


def sent(frame: Frame) -> Sent:
    """The request as far as it may be kept: nothing that botocore marks sensitive, and no large blob."""
    call = frame.call
    given = {name: value for name, value in call.parameters.items() if value is not None}
    kept = {name: value for name, value in given.items() if not _is_left_out(frame, name, value)}
    return Sent(
        msgspec.to_builtins(kept, enc_hook=str),
        msgspec.to_builtins(call.caller),
        tuple(sorted(given.keys() - kept.keys())),
        call.source_ip,
        call.user_agent,
        call.endpoint,
    )


def _is_left_out(frame: Frame, name: str, value: Any) -> bool:
    if isinstance(value, (bytes, bytearray, memoryview)) and len(value) > BLOB_SIZE_MAX:
        return True
    operation = frame.operation
    if operation is None:  # unknown to reseal, and so is what is sensitive in it
        return True
    marked = shapes.sensitive_members(operation.service, operation.name)
    return any(_SEPARATOR.split(path)[0] == name for path in marked)


def note_settled(draft: Draft, operation: str, resource: str, code: str, result: Result) -> None:
    """The entry of what was answered well and failed later, by the resource's id, with the nested call's cause."""
    call = draft.frame.call
    draft.log.append(
        CallEntry(
            request_id=call.request_id,
            root=call.root or call.request_id,
            at_ms=call.at_ms,
            operation=operation,
            account=call.account,
            region=call.region,
            caller=call.caller.arn,
            code=code,
            message=result.error.message if result.error else "",
            cause=result.refusal.cause.name if result.refusal else "",
            seen=result.error.seen if result.error else "",
            resources=(resource, *call.about),
        )
    )


_ID_MARKS = ("snap-", "vol-", "ami-", "i-", "arn:", "alias/", "mrk-")


def names(value: Any, depth: int = 3) -> Iterator[str]:
    """Ids and ARNs that parameters or an answer name."""
    if isinstance(value, str):
        if value.startswith(_ID_MARKS) and len(value) < 300:
            yield value
    elif depth and isinstance(value, Mapping):
        for item in value.values():
            yield from names(item, depth - 1)
    elif depth and isinstance(value, (list, tuple)):
        for item in value[:100]:
            yield from names(item, depth - 1)


def _named(frame: Frame) -> tuple[tuple[str, str], ...]:
    """Resources of LookupEvents where the record itself has none, as for EC2 (types by the id's prefix)."""
    found = dict.fromkeys((*frame.about, *names(frame.call.parameters)))
    return tuple((_RESOURCE_TYPES[prefix], id) for id in found if (prefix := id.partition("-")[0]) in _RESOURCE_TYPES)


_RESOURCE_TYPES = {
    "snap": "AWS::EC2::Snapshot",
    "vol": "AWS::EC2::Volume",
    "ami": "AWS::EC2::Ami",
    "i": "AWS::EC2::Instance",
}
