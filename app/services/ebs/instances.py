"""Instances, as far as volumes need them: stop, start, terminate.

Nothing runs inside. A stop lets the keys of its volumes go and keeps the attachments; a start opens the volumes anew,
with the rights of whoever starts; the end lets the volumes themselves go (ebs.md 1.7, ST:instances_lifecycle [V]).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel import audit
from app.kernel.clock import moment
from app.kernel.draft import Result
from app.kernel.operation import job, operation
from app.services.ebs import compute_errors, envelope, errors, notices, opening, tags
from app.services.ebs.compute_records import STATE_CODES, Attachment, Instance, InstanceState
from app.services.ebs.compute_rules import attachments_of, instance_ids, named_instances, own_instances
from app.services.ebs.instance_listing import state
from app.services.ebs.records import Volume
from app.services.ebs.requests import DRY_RUN, required
from app.services.ebs.rules import on
from app.services.ebs.volume_settling import remove_volume

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.errors import AwsError
    from app.kernel.operation import Answer

STARTS_AFTER_MS = 4_000  # lifelike; presentation only (ebs.md 8)
STOPS_AFTER_MS = 20_000
ENDS_AFTER_MS = 10_000
FORGOTTEN_AFTER_MS = 3_600_000  # a terminated instance is shown for about an hour [D]
BY_USER = "Client.UserInitiatedShutdown"


def _moved(draft: Draft, call: Call, instance: Instance, to: InstanceState, **changes: Any) -> dict[str, Any]:
    """The instance in another state, as the three operations show it; all that follows is booked by the caller."""
    draft.change(instance, state=to, **changes)
    return {"InstanceId": instance.id, "CurrentState": state(to), "PreviousState": state(instance.state)}


def _by_user(call: Call) -> dict[str, str]:
    return {
        "reason_code": BY_USER,
        "reason_message": f"{BY_USER}: User initiated shutdown",
        "transition_reason": f"User initiated ({moment(call.at_ms):%Y-%m-%d %H:%M:%S} GMT)",
    }


def _all_can(allowed: tuple[str, ...], refusals: dict[str, AwsError], otherwise: AwsError) -> Any:
    """A check: every named instance is there and in a state that allows it, or none is touched."""

    def check(draft: Draft, call: Call) -> None:
        for instance in own_instances(draft, call):
            if instance.state not in allowed:
                refusals.get(instance.state, otherwise).refuse(id=instance.id)

    return check


_ASKS = (required("InstanceIds"), instance_ids)
_ANSWERS = (
    errors.MISSING_PARAMETER,
    compute_errors.INSTANCE_MALFORMED,
    errors.UNAUTHORIZED,
    compute_errors.INSTANCE_NOT_FOUND,
    compute_errors.INSTANCES_NOT_FOUND,
)
_NO_GUEST = "no guest runs that could be in the way"


@operation(
    "ec2",
    "StopInstances",
    honours={"InstanceIds", "DryRun"},
    inert={"Force": _NO_GUEST, "SkipOsShutdown": _NO_GUEST},
    checks=(
        *_ASKS,
        on("ec2:StopInstances", named_instances),
        DRY_RUN,
        _all_can(
            ("running", "stopping", "stopped"),
            {"pending": compute_errors.NEVER_RAN},
            compute_errors.NOT_STOPPABLE,
        ),
    ),
    answers=(*_ANSWERS, compute_errors.NOT_STOPPABLE, compute_errors.NEVER_RAN),
)
def stop_instances(draft: Draft, call: Call) -> Answer:
    """Stop those that run; one that is stopped stays so."""
    return {"StoppingInstances": [_stopped(draft, call, each) for each in own_instances(draft, call)]}


def _stopped(draft: Draft, call: Call, instance: Instance) -> dict[str, Any]:
    if instance.state != "running":
        return _moved(draft, call, instance, instance.state)
    draft.later("settle_stop", after_ms=STOPS_AFTER_MS, about=(instance.id,), instance_id=instance.id)
    return _moved(draft, call, instance, "stopping", **_by_user(call))


@job("settle_stop")
def settle_stop(draft: Draft, call: Call) -> None:
    """The grants are retired, and the data keys are gone; the volumes stay where they are."""
    instance = _the(draft, call)
    if instance and instance.state == "stopping":
        for each in attachments_of(draft, instance):
            opening.closed(draft, each)
        draft.change(instance, state="stopped")


def _the(draft: Draft, call: Call) -> Instance | None:
    return draft.get(Instance, call.account, call.region, call["instance_id"])


@operation(
    "ec2",
    "StartInstances",
    honours={"InstanceIds", "DryRun"},
    checks=(
        *_ASKS,
        on("ec2:StartInstances", named_instances),
        DRY_RUN,
        _all_can(("pending", "running", "stopped"), {}, compute_errors.NOT_STARTABLE),
    ),
    answers=(*_ANSWERS, compute_errors.NOT_STARTABLE),
    settles=(compute_errors.KEY_STATE,),
)
def start_instances(draft: Draft, call: Call) -> Answer:
    """Start those that are stopped. The answer is `pending` whatever the keys of their volumes are worth."""
    return {"StartingInstances": [_started(draft, call, each) for each in own_instances(draft, call)]}


def _started(draft: Draft, call: Call, instance: Instance) -> dict[str, Any]:
    if instance.state != "stopped":
        return _moved(draft, call, instance, instance.state)
    draft.later("settle_start", after_ms=STARTS_AFTER_MS, about=(instance.id,), instance_id=instance.id)
    nothing = {"reason_code": "", "reason_message": "", "transition_reason": ""}
    return _moved(draft, call, instance, "pending", launched_ms=call.at_ms, **nothing)


@job("settle_start")
def settle_start(draft: Draft, call: Call) -> None:
    """Every volume is opened anew, or the instance is stopped again (that it is, and its reason, are inferred)."""
    instance = _the(draft, call)
    if instance is None or instance.state != "pending":
        return
    saved = draft.world
    try:
        for each in attachments_of(draft, instance):
            volume = draft.get(Volume, each.account, each.region, each.volume_id)
            if volume:
                _reopened(draft, volume, instance, each)
        draft.change(instance, state="running")
    except envelope.Stopped as stopped:
        draft.world = saved
        reason = compute_errors.KEY_STATE
        why = {"reason_code": reason.code, "reason_message": reason.message}
        draft.change(instance, state="stopped", transition_reason="Client.InternalError", **why)
        result = Result(error=reason, refusal=stopped.result.refusal)
        audit.note_settled(draft, "ec2:StartInstances", instance.id, reason.code, result)


def _reopened(draft: Draft, volume: Volume, instance: Instance, attachment: Attachment) -> None:
    try:
        opening.opened(draft, volume, instance, attachment)
    except envelope.Stopped as stopped:
        notices.volume_not_opened(draft, volume, "reattachVolume", stopped)
        raise


@operation(
    "ec2",
    "TerminateInstances",
    honours={"InstanceIds", "DryRun"},
    inert={"Force": _NO_GUEST, "SkipOsShutdown": _NO_GUEST},
    checks=(
        *_ASKS,
        on("ec2:TerminateInstances", named_instances),
        DRY_RUN,
        _all_can(tuple(STATE_CODES), {}, compute_errors.NOT_STOPPABLE),
    ),
    answers=_ANSWERS,
)
def terminate_instances(draft: Draft, call: Call) -> Answer:
    """End instances, from any state; one that is stopped ends at once (ST:instances_lifecycle [V])."""
    return {"TerminatingInstances": [_terminated(draft, call, each) for each in own_instances(draft, call)]}


def _terminated(draft: Draft, call: Call, instance: Instance) -> dict[str, Any]:
    if instance.state in ("shutting-down", "terminated"):
        return _moved(draft, call, instance, instance.state)
    if instance.state == "stopped":
        _end(draft, call, instance)
        return _moved(draft, call, instance, "terminated", **_by_user(call))
    draft.later("settle_termination", after_ms=ENDS_AFTER_MS, about=(instance.id,), instance_id=instance.id)
    return _moved(draft, call, instance, "shutting-down", **_by_user(call))


@job("settle_termination")
def settle_termination(draft: Draft, call: Call) -> None:
    instance = _the(draft, call)
    if instance and instance.state == "shutting-down":
        _end(draft, call, instance)
        draft.change(instance, state="terminated")


def _end(draft: Draft, call: Call, instance: Instance) -> None:
    """Volumes go or are free, as their attachments say; one that was not whole yet goes. It is forgotten later."""
    for each in attachments_of(draft, instance):
        volume = opening.let_go(draft, each)
        if volume and (each.delete_on_termination or volume.state == "creating"):
            remove_volume(draft, call, volume)
    due_ms = call.at_ms + FORGOTTEN_AFTER_MS
    draft.later("forget_instance", due_ms=due_ms, about=(instance.id,), instance_id=instance.id)


@job("forget_instance")
def forget_instance(draft: Draft, call: Call) -> None:
    instance = _the(draft, call)
    if instance:
        draft.delete(instance)
        tags.drop_tags(draft, call, instance.id)
