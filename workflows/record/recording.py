"""What is done by hand in a world, kept so that a scenario can be written of it (`workflows.record.scenario`).

Kept are the outermost calls, with parameters and answers but without secrets; each principal with its policies as they
were at its first call; and, of what a call names that was there before, how AWS describes it. What became of an
accepted call later is looked up when the recording is told. Looking is done aside, in forks, as accounts' roots.
"""

# pyright: basic

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from workflows import params
from workflows.port import Answer, Json, Port
from workflows.settle import RESOURCES, settled

CALLS_MAX: Final = 2000
BLOB_CHARACTERS_MAX: Final = 8192  # of base64, in parameters and answers
IAM_REGION: Final = "us-east-1"


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """One call, and what came of it at once."""

    operation: str
    region: str
    account: str
    by: str  # ARN of the root, user or role (of a role's session: the role)
    parameters: Json
    left_out: tuple[str, ...] = ()  # parameters that are secret or too large to be kept
    answer: Json = {}
    code: str = ""
    message: str = ""
    at_ms: int = 0
    later: Json = {}  # the resource that it made, once it moves no more


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A user or role as it was at its first call; policies by name, as documents."""

    arn: str
    account: str
    kind: str  # user or role
    name: str
    policies: dict[str, Json] = {}
    trust: Json = {}
    boundary: Json = {}
    session_policies: tuple[str, ...] = ()


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """A key, alias, volume or snapshot that was there before."""

    id: str  # snap-..., vol-..., or a key's ARN
    account: str
    region: str
    described: Json  # as DescribeKey, DescribeVolumes or DescribeSnapshots describe it
    policy: Json = {}  # of a key
    aliases: tuple[str, ...] = ()
    grants: tuple[Json, ...] = ()
    shared_with: tuple[str, ...] = ()  # of a snapshot: account ids, or "all"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A recording as a whole."""

    reseal_recording: int = 1
    calls: tuple[Done, ...]
    people: tuple[Person, ...]
    things: tuple[Thing, ...]
    clock: str = "real"  # of the world: real or manual
    settle: str = "instant"
    dropped: int = 0  # calls beyond CALLS_MAX, or by callers that no scenario has

    @property
    def scenario_clock(self) -> str:
        """The word that a scenario has for it. A real clock stands still in a scenario that settles at once."""
        return "instant" if self.settle == "instant" else self.clock


def done(
    operation: str, region: str, account: str, by: str, parameters: Mapping[str, Any], answer: Answer, at_ms: int
) -> Done:
    """A call as it is kept."""
    hidden, _ = params.without_secrets(operation, answer.value)
    sent = {name: params.to_json(value) for name, value in parameters.items() if value is not None}
    kept = {name: value for name, value in sent.items() if not _is_left_out(operation, name, value)}
    return Done(
        operation=operation, region=region, account=account, by=by, parameters=kept,
        left_out=tuple(sorted(sent.keys() - kept.keys())), answer=_without_blobs(hidden),
        code=answer.error.code if answer.error else "", message=answer.error.message if answer.error else "",
        at_ms=at_ms,
    )  # fmt: skip


def _is_left_out(operation: str, name: str, value: Any) -> bool:
    if isinstance(value, str) and value.startswith("arn:"):  # StartSnapshot's KmsKeyArn is marked, and is no secret
        return False
    too_large = isinstance(value, str) and len(value) > BLOB_CHARACTERS_MAX and name not in params.DOCUMENTS
    return too_large or name in params.secret_parameters(operation)


def _without_blobs(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_blobs(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_blobs(inner) for inner in value]
    return "" if isinstance(value, str) and len(value) > BLOB_CHARACTERS_MAX else value


def later(port: Port, call: Done, root: str) -> Json:
    """What became of what the call made; {} where nothing settles."""
    if call.code or call.operation not in RESOURCES:
        return {}
    found = settled(port, root, call.operation, call.parameters, call.answer, call.region)
    return params.to_json(found)


# --- people ---


def person(port: Port, root: str, arn: str, session_policies: tuple[str, ...]) -> Person | None:
    """The user or role of that ARN, with all its policies; None where it is gone."""
    kind, _, path = arn.split(":", 5)[5].partition("/")
    name = path.rpartition("/")[2]
    details = _all_details(port, root)
    listed = details["UserDetailList"] if kind == "user" else details["RoleDetailList"]
    found = next((one for one in listed if one["Arn"] == arn), None)
    if found is None:
        return None
    managed = {one["Arn"]: one for one in details["Policies"]}
    groups = [one for one in details["GroupDetailList"] if one["GroupName"] in found.get("GroupList", ())]
    policies = {key: document for holder in (found, *groups) for key, document in _policies(holder, managed)}
    boundary = managed.get(found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""))
    return Person(
        arn=arn, account=arn.split(":")[4], kind=kind, name=name, policies=policies,
        trust=found["AssumeRolePolicyDocument"] if kind == "role" else {},
        boundary=_default_version(boundary) if boundary else {}, session_policies=session_policies,
    )  # fmt: skip


def _all_details(port: Port, root: str) -> dict[str, list[Json]]:
    kinds = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    found: dict[str, list[Json]] = {kind: [] for kind in kinds}
    marker: dict[str, str] = {}
    while True:
        answer = port.call(root, "iam:GetAccountAuthorizationDetails", marker, IAM_REGION)
        for kind in kinds:
            found[kind] += answer.value.get(kind, ())
        if not answer.value.get("IsTruncated"):
            return found
        marker = {"Marker": answer.value["Marker"]}


def _policies(holder: Json, managed: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """Inline and attached ones of a user, role or group."""
    for key in ("UserPolicyList", "RolePolicyList", "GroupPolicyList"):
        yield from ((one["PolicyName"], one["PolicyDocument"]) for one in holder.get(key, ()))
    for one in holder.get("AttachedManagedPolicies", ()):
        if one["PolicyArn"] in managed:
            yield one["PolicyName"], _default_version(managed[one["PolicyArn"]])


def _default_version(policy: Json) -> Json:
    return next(one["Document"] for one in policy["PolicyVersionList"] if one["IsDefaultVersion"])


# --- things ---


def thing(port: Port, root: str, account: str, region: str, id: str) -> Thing | None:
    """A key (by ARN, id or alias), volume or snapshot of an account; None where it has none of that id."""
    describe = {"snap": _snapshot, "vol": _volume}.get(id.partition("-")[0], _key)
    return describe(port, root, account, region, id)


def _snapshot(port: Port, root: str, account: str, region: str, id: str) -> Thing | None:
    answer = port.call(root, "ec2:DescribeSnapshots", {"SnapshotIds": [id]}, region)
    found = next(iter(answer.value.get("Snapshots") or ()), None)
    if found is None or found["OwnerId"] != account:
        return None
    asked = {"SnapshotId": id, "Attribute": "createVolumePermission"}
    shared = port.call(root, "ec2:DescribeSnapshotAttribute", asked, region).value.get("CreateVolumePermissions") or ()
    return Thing(
        id=id, account=account, region=region, described=params.to_json(found),
        shared_with=tuple(one.get("UserId") or one.get("Group", "") for one in shared),
    )  # fmt: skip


def _volume(port: Port, root: str, account: str, region: str, id: str) -> Thing | None:
    answer = port.call(root, "ec2:DescribeVolumes", {"VolumeIds": [id]}, region)
    found = next(iter(answer.value.get("Volumes") or ()), None)
    return found and Thing(id=id, account=account, region=region, described=params.to_json(found))


def _key(port: Port, root: str, account: str, region: str, id: str) -> Thing | None:
    found = port.call(root, "kms:DescribeKey", {"KeyId": id}, region).value.get("KeyMetadata")
    if not found or found["AWSAccountId"] != account:
        return None
    arn = found["Arn"]
    policy = port.call(root, "kms:GetKeyPolicy", {"KeyId": arn, "PolicyName": "default"}, region).value.get("Policy")
    aliases = port.call(root, "kms:ListAliases", {"KeyId": arn}, region).value.get("Aliases") or ()
    grants = port.call(root, "kms:ListGrants", {"KeyId": arn}, region).value.get("Grants") or ()
    return Thing(
        id=arn, account=account, region=region, described=params.to_json(found),
        policy=msgspec.json.decode(policy) if policy else {}, aliases=tuple(one["AliasName"] for one in aliases),
        grants=tuple(params.to_json(one) for one in grants),
    )  # fmt: skip
