"""What becomes of an accepted call: the resource it made, looked at until it moves no more.

AWS answers most calls about volumes and snapshots before the work is done. Which resource tells the outcome, and how it
is described, is one row an operation. A resource that a failed call leaves behind either says why (State "error" and a
StateMessage), is gone, or is an instance that ended (with a StateReason): all are settlements of the closed table in
`machine.py`. After a launch `terminated` is a failure, whatever the call's answer was.
"""

# pyright: basic

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workflows.expressions import search
from workflows.machine import OK, SETTLEMENTS, UNKNOWN_FAILURE, Outcome, Settled
from workflows.port import Answer, Port

MOVING: Final = frozenset({"pending", "creating", "copying", "recovering", "shutting-down", "Creating", "Updating"})
FAILED: Final = frozenset({"error", "failed", "terminated"})
PAUSES_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # then 15 s each, up to PATIENCE_S
PATIENCE_S: Final = 900.0
GONE_LOOKS: Final = 3  # at an endpoint that may lag behind itself, NotFound is believed after so many looks


@dataclass(frozen=True, slots=True)
class Described:
    """How the resource of an operation is described."""

    id: str  # JMESPath of its id in {parameters, answer}
    operation: str
    parameter: str
    many: bool
    found: str  # JMESPath of the resource in the description


_SNAPSHOT = Described("answer.SnapshotId", "ec2:DescribeSnapshots", "SnapshotIds", True, "Snapshots[0]")
_VOLUME = Described("answer.VolumeId", "ec2:DescribeVolumes", "VolumeIds", True, "Volumes[0]")
_IMAGE = Described("answer.ImageId", "ec2:DescribeImages", "ImageIds", True, "Images[0]")
_INSTANCE = Described(
    "answer.Instances[0].InstanceId", "ec2:DescribeInstances", "InstanceIds", True, "Reservations[0].Instances[0]"
)
_KEY = Described("parameters.KeyId", "kms:DescribeKey", "KeyId", False, "KeyMetadata")

RESOURCES: Final[Mapping[str, Described]] = {
    "ec2:CreateSnapshot": _SNAPSHOT,
    "ec2:CopySnapshot": _SNAPSHOT,
    "ebs:CompleteSnapshot": Described(
        "parameters.SnapshotId", "ec2:DescribeSnapshots", "SnapshotIds", True, "Snapshots[0]"
    ),
    "ec2:CreateVolume": _VOLUME,
    "ec2:CreateImage": _IMAGE,
    "ec2:CopyImage": _IMAGE,
    "ec2:RegisterImage": _IMAGE,
    "ec2:RunInstances": _INSTANCE,
    "kms:CreateKey": Described("answer.KeyMetadata.KeyId", "kms:DescribeKey", "KeyId", False, "KeyMetadata"),
    "kms:EnableKey": _KEY,
    "kms:DisableKey": _KEY,
    "kms:ScheduleKeyDeletion": _KEY,
    "kms:CancelKeyDeletion": _KEY,
    "kms:ImportKeyMaterial": _KEY,
    "kms:DeleteImportedKeyMaterial": _KEY,
}

# The main thing that an operation makes, for naming it in `graph:`: JMESPath in {parameters, answer}.
MAIN_IDS: Final[Mapping[str, str]] = {
    operation: described.id for operation, described in RESOURCES.items() if described.id.startswith("answer.")
} | {
    "kms:CreateKey": "answer.KeyMetadata.Arn",
    "kms:CreateGrant": "answer.GrantId",
    "ebs:StartSnapshot": "answer.SnapshotId",
}


def main_id(operation: str, parameters: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """The id of what the call made, or ""."""
    path = MAIN_IDS.get(operation)
    return str(search(path, {"parameters": parameters, "answer": answer}) or "") if path else ""


def settled(
    port: Port, root: str, operation: str, parameters: Mapping[str, Any], answer: Mapping[str, Any], region: str,
    wait: Mapping[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The resource once it moves no more (and is as `wait` says, where that can still come); {} where there is none.

    What is gone is `{"Error": code}`. Looks from aside, as the account's root; costs one look where nothing moves.
    """
    described = RESOURCES.get(operation)
    if described is None:
        return {}
    id = search(described.id, {"parameters": parameters, "answer": answer})
    resource: dict[str, Any] = {}
    gone = 0
    for pause in _pauses():
        resource = _look(port, root, described, id, region)
        gone += "Error" in resource
        if _is_final(resource, wait) and (not gone or gone == GONE_LOOKS or port.can.repeat):
            return resource
        port.rest(pause)
    return resource


def _look(port: Port, root: str, described: Described, id: Any, region: str) -> dict[str, Any]:
    parameters = {described.parameter: [id] if described.many else id}
    seen: Answer = port.aside().call(root, described.operation, parameters, region)
    if seen.error:
        return {"Error": seen.error.code}
    return dict(search(described.found, seen.value) or {})


def state_of(resource: Mapping[str, Any]) -> str:
    """The State of a resource, in a word: an instance has its as a name and a number, a key has a KeyState."""
    state = resource.get("State", resource.get("KeyState", ""))
    return str(state.get("Name", "")) if isinstance(state, Mapping) else str(state)


def _is_final(resource: Mapping[str, Any], wait: Mapping[str, Any] | None) -> bool:
    state = state_of(resource)
    if state in MOVING:
        return False
    if not wait or state in FAILED or "Error" in resource or state in ("completed", "available", "running"):
        return True
    return all(str(search(path, resource)) == str(wanted) for path, wanted in wait.items())


def _pauses() -> Iterator[float]:
    waited = 0.0
    for pause in PAUSES_S:
        yield pause
        waited += pause
    while waited < PATIENCE_S:
        yield 15.0
        waited += 15.0


def outcome(answer: Answer, resource: Mapping[str, Any]) -> Outcome:
    """What a call came to: its error's code, a settlement, or OK."""
    if answer.error:
        return answer.error.code
    if "Error" not in resource and state_of(resource) not in FAILED | MOVING:
        return OK
    named = settlement_named_by(resource)
    return Settled(named) if named else UNKNOWN_FAILURE


def settlement_named_by(resource: Mapping[str, Any]) -> str | None:
    """The settlement that a resource shows, or that an expectation of one describes; None where nothing failed."""
    failed = state_of(resource) in FAILED
    for settlement in SETTLEMENTS:
        if settlement.code and resource.get("Error") == settlement.code:
            return settlement.name
        if failed and settlement.message and _says(resource.get("StateMessage"), settlement.message):
            return settlement.name
        if failed and settlement.reason and settlement.reason == (resource.get("StateReason") or {}).get("Code"):
            return settlement.name
    return UNKNOWN_FAILURE.name if failed or "Error" in resource else None


def failure(resource: Mapping[str, Any]) -> str:
    """A later failure in words."""
    ended = (resource.get("StateReason") or {}).get("Message")  # of an instance
    return str(resource.get("StateMessage") or ended or resource.get("Error") or state_of(resource))


def _says(message: Any, text: str) -> bool:
    """Is this StateMessage, or the pattern of one that is expected, that text?"""
    if isinstance(message, Mapping):
        return like(str(message.get("like", "")), text)
    return message == text


def like(pattern: str, text: str) -> bool:
    """IAM's wildcards: `*` any run of characters, `?` any one; linear in time."""
    from app.policy.match import glob

    return glob((pattern,))(text)
