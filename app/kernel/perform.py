"""The door: what a call does to a world. Pure: no clock, randomness, I/O or exception of its own.

    find the operation -> shape the parameters -> its checks in AWS's order (AUTHORIZE among them) -> handler -> audit

Nested calls take the same steps one level down, in the same draft. `tick` does the same for what the clock owes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.kernel import audit, shapes
from app.kernel.call import Call
from app.kernel.draft import Draft, Frame, Job, Result
from app.kernel.errors import AwsError, Refusal, Refused, not_simulated
from app.kernel.internal import is_internal
from app.kernel.log import Entry
from app.kernel.operation import Operation, Services
from app.kernel.records import Key, Record
from app.kernel.world import World
from app.policy.causes import Cause

if TYPE_CHECKING:
    from app.blocks.ref import BlockRef


SESSION_ENDED = AwsError(
    "ExpiredTokenException",
    "The security token included in the request is expired",
    seen="AWS's common errors [D]",
    cause=Cause.SESSION_EXPIRED,
)
PRINCIPAL_GONE = AwsError(
    "UnrecognizedClientException",
    "The security token included in the request is invalid.",
    seen="AWS's common errors [D]",
    cause=Cause.PRINCIPAL_NOT_FOUND,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The world after a call, what came of the call, and what has to be kept with it."""

    world: World
    answer: Mapping[str, Any] | None
    error: AwsError | None
    decision_id: str
    log: tuple[Entry, ...]
    blocks: Mapping[BlockRef, bytes]
    touched: tuple[tuple[type[Record], Key], ...]
    notes: tuple[str, ...] = ()


def perform(services: Services, world: World, call: Call) -> Outcome:
    """What `call` does to `world`."""
    draft = Draft(services, world, call)
    result = instruct(draft, call) if is_internal(call) else enact(draft, call)
    return _outcome(draft, world, result, draft.frame.decision_id, _notes(services, call))


def run_job(services: Services, world: World, job: Job, seed: bytes, at_ms: int) -> Outcome:
    """What a due job does: like a call, but nobody waits for its answer."""
    draft = _job_draft(services, world, job, seed, at_ms)
    call = draft.frame.call
    handler = services.jobs[job.name]
    saved = draft.world
    try:
        handler(draft, call)
        result = Result()
    except Refused as refused:
        draft.world = saved
        result = Result(error=refused.error, refusal=refused.refusal)
        audit.note_call(draft, draft.frame, result)
    return _outcome(draft, world, result, "", ())


def abandon_job(services: Services, world: World, job: Job, seed: bytes, at_ms: int) -> Outcome:
    """A job that failed by a bug of ours: it is gone, and its entry in the log says so."""
    draft = _job_draft(services, world, job, seed, at_ms)
    result = Result(
        error=AwsError("InternalFailure", f"the job {job.name} failed by a bug of reseal", 500, seen="ours")
    )
    audit.note_call(draft, draft.frame, result)
    return _outcome(draft, world, result, "", ())


def _job_draft(services: Services, world: World, job: Job, seed: bytes, at_ms: int) -> Draft:
    call = Call(
        operation=f"reseal:{job.name}",
        parameters=json.loads(job.parameters),
        caller=job.caller,
        region=job.job_region,
        at_ms=at_ms,
        seed=seed,
        request_id=job.request_id,
        root=job.root,
        about=job.about,
    )
    draft = Draft(services, world, call)
    draft.delete(job)
    return draft


def enact(draft: Draft, call: Call) -> Result:
    """One call at any depth: its changes are in the draft if it succeeds, and none of them if not."""
    outer, saved = draft.frame, draft.world
    operation = draft.services.operations.get(call.operation)
    if operation:
        call = replace(call, declared=operation.declared, root=call.root or call.request_id)
    frame = draft.frame = Frame(call, operation)
    try:
        if operation is None:
            raise Refused(unknown_operation(draft.services, call))
        _still_acts(draft, call)
        _shape(draft.services, operation, call)
        result = Result(answer=_run(draft, operation, call) or {})
    except Refused as refused:
        draft.world = saved
        result = Result(error=refused.error, refusal=refused.refusal)
    audit.record(draft, frame, result)
    draft.frame = outer
    outer.decision_id = frame.decision_id or outer.decision_id
    return result


def instruct(draft: Draft, call: Call) -> Result:
    """An internal operation of `call.name`: not authorized, in no CloudTrail; refused, it leaves nothing."""
    saved, frame = draft.world, draft.frame
    try:
        result = Result(answer=draft.services.internal[call.name](draft, call) or {})
    except Refused as refused:
        draft.world, draft.frame = saved, frame
        result = Result(error=refused.error, refusal=refused.refusal)
    audit.note_call(draft, frame, result)
    return result


def _still_acts(draft: Draft, call: Call) -> None:
    """A call on somebody's behalf is made as long as they are there: not by a deleted user or role, nor in a session
    that has ended. The door judges direct calls; this is for what jobs do later."""
    caller = call.caller
    if not call.parent or call.acting_service or caller.kind not in ("user", "session"):
        return
    if 0 < caller.expires_at_ms <= call.at_ms:
        raise Refused(SESSION_ENDED)
    facts_of = draft.services.provider("principal_facts")
    if facts_of and facts_of(draft.world, caller.role_arn or caller.arn) is None:
        raise Refused(PRINCIPAL_GONE)


def _run(draft: Draft, operation: Operation, call: Call) -> Mapping[str, Any] | None:
    for check in operation.checks:
        answer = check(draft, call)
        if answer is not None:
            return answer
    return operation.handler(draft, call)


def _shape(services: Services, operation: Operation, call: Call) -> None:
    """The request must fit botocore's model, and hold nothing that the operation does not declare."""
    error = shapes.validate(operation.service, operation.name, call.parameters)
    if error:
        raise Refused(error, Refusal(error.cause or Cause.PARAMETERS))
    undeclared = sorted(
        name for name, value in call.parameters.items() if value is not None and name not in operation.declared
    )
    if undeclared:
        what = f"{', '.join(undeclared)} of {operation.name}"
        missing = services.by_prefix[operation.service].missing
        raise Refused(missing(what) if missing else not_simulated(what))


def unknown_operation(services: Services, call: Call) -> AwsError:
    """AWS's code for an operation that reseal does not have, and reseal's words."""
    service = services.by_prefix.get(call.service)
    if service and service.missing:
        return replace(service.missing(f"{call.service}:{call.name}"), code=_UNKNOWN.get(call.service, "InvalidAction"))
    return not_simulated(call.operation, _UNKNOWN.get(call.service, "InvalidAction"))


_UNKNOWN: dict[str, str] = dict.fromkeys(("kms", "cloudtrail", "organizations", "ebs"), "UnknownOperationException")


def _notes(services: Services, call: Call) -> tuple[str, ...]:
    operation = services.operations.get(call.operation)
    if operation is None:
        return ()
    return tuple(f"{name}: {why}" for name, why in operation.inert.items() if call.parameters.get(name) is not None)


def _outcome(draft: Draft, before: World, result: Result, decision_id: str, notes: tuple[str, ...]) -> Outcome:
    changed = draft.world.records is not before.records
    world = replace(
        draft.world,
        clock=draft.world.clock.ticked(),
        position=before.position + 1,
        revision=before.revision + changed,
    )
    touched = tuple(draft.touched) if changed else ()
    return Outcome(
        world,
        result.answer,
        result.error,
        decision_id if result.error else "",
        tuple(draft.log),
        draft.blocks,
        touched,
        notes,
    )
