"""One trial of a repair: a fork of the world, the repair made there by real calls, the failed request made once more.

    world -> fork (a store and a log of its own) -> steps and edits, as the account's root -> the request -> what became

Nothing of it is seen by the world that was forked. A fork's branch is drawn anew, as always, so that no key seals two
blocks under one name. INVARIANT: a repair counts as verified only if the request itself succeeded here, now and later.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from app.kernel.authority import caller_of
from app.kernel.call import Caller, Reply, Request, root_of
from app.kernel.cloud import Cloud, Still
from app.kernel.draft import Job
from app.kernel.log import CallEntry, Entry
from app.kernel.world import World
from app.policy.document import DocumentKind, principals_named
from app.policy.document import parse as parsed
from app.policy.explain_log import Story, story
from app.policy.question import LayerKind, Place
from app.policy.repair import CannotEdit, Repair
from app.policy.repair_steps import filled, swapped
from app.policy.repair_words import after, holder_of
from app.policy.words import account_of, plain_name
from workflows.params import typed

IAM_REGION: Final = "us-east-1"
SETTLES_MAX: Final = 64  # jobs that one request may set off, one after another
# Parameters whose absence changes no answer once they passed their checks: a replay does without them.
DISPENSABLE: Final = {"ec2:CopySnapshot": frozenset({"PresignedUrl"})}
TOKENS: Final = ("ClientToken",)  # with the same one AWS answers again what it answered before


class CannotApply(Exception):
    """The repair can not be made in this world: nobody may, or AWS refuses it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request. `story` is None where it succeeded, at once and later."""

    story: Story | None
    world: World
    notes: tuple[str, ...] = ()  # what making the repair took, beside the account's root
    settled: int = 0  # jobs that the request set off

    @property
    def succeeded(self) -> bool:
        return self.story is None


# The request, as the log kept it.


def request_of(entries: Iterable[Entry], root: str) -> Request | None:
    """The outermost request of that id, to be made again; None where the log kept too little of it."""
    found = (one for one in entries if isinstance(one, CallEntry) and one.request_id == root and not one.parent)
    entry = next((one for one in found if one.sent), None)
    if entry is None or entry.sent is None:
        return None
    if set(entry.sent.left_out) - DISPENSABLE.get(entry.operation, frozenset()):
        return None
    try:
        parameters = typed(entry.operation, entry.sent.parameters)
        caller = msgspec.convert(entry.sent.caller, Caller)
    except (KeyError, ValueError):
        return None
    kept = {name: value for name, value in parameters.items() if name not in TOKENS}
    sent = entry.sent
    return Request(
        entry.operation, kept, caller, entry.region, sent.source_ip, sent.user_agent, endpoint=sent.endpoint
    )  # fmt: skip


# The trial.


def trial(cloud: Cloud | Still, request: Request, repair: Repair, texts: Mapping[Place, str]) -> Outcome:
    """Make the repair in a fork and the request after it. `texts`: the policies as they read before.

    Raises CannotApply where the repair itself is refused.
    """
    aside = cloud.aside()
    saved, notes = _stepped(aside, repair), list[str]()
    try:
        changes = list(after(repair, lambda place: texts.get(place, "")))
        parameters = swapped(dict(request.parameters), repair.instead, saved)
    except (CannotEdit, KeyError) as error:
        raise CannotApply(str(error)) from None
    for place, before, now in changes:
        if place.layer is LayerKind.SESSION:
            request = replace(request, caller=_with_session(request.caller, before, now))
        elif place.layer is LayerKind.ENDPOINT:
            request = replace(request, endpoint=now)
        else:
            notes += _saved(aside, place, before, now)
    repaired_world = aside.world
    reply = aside.call(replace(request, parameters=parameters))
    settled = settle(aside, reply.request_id)
    told = story(aside.world.log.about(reply.request_id), reply.request_id)
    return Outcome(told, repaired_world, tuple(notes), settled)


def can_be_made(cloud: Cloud | Still, repair: Repair, texts: Mapping[Place, str]) -> bool:
    """Is there somebody who may save the edits? For a repair whose request can not be made again."""
    aside = cloud.aside()
    try:
        for place, before, now in after(repair, lambda place: texts.get(place, "")):
            if place.layer is not LayerKind.SESSION:
                _saved(aside, place, before, now)
    except (CannotApply, CannotEdit):
        return False
    return True


def settle(cloud: Cloud, root: str) -> int:
    """Let time pass until nothing is owed to the request any more; answers how often it had to."""
    for passed in range(SETTLES_MAX):
        due = min((job.due_ms for job in cloud.world.records.scan(Job) if job.root == root), default=None)
        if due is None:
            return passed
        cloud.advance(max(due - cloud.now_ms(), 1))
    return SETTLES_MAX


def _stepped(cloud: Cloud, repair: Repair) -> dict[str, str]:
    """Make the calls of the repair's steps; answers what they saved, by name."""
    saved: dict[str, str] = {}
    for step in repair.steps:
        try:
            parameters = filled(step.parameters, saved)
        except KeyError as error:
            raise CannotApply(f"nothing made {error}") from None
        reply = cloud.call(Request(step.operation, parameters, root_of(step.account), step.region))
        settle(cloud, reply.request_id)
        _must(reply, step.operation)
        if step.save:
            saved[step.save.name] = _member(reply.answer or {}, step.save.path)
    return saved


def _must(reply: Reply, what: str) -> None:
    if reply.error:
        raise CannotApply(f"{what}: {reply.error.code}: {reply.error.message}")


def _member(answer: Any, path: str) -> str:
    for name in path.split("."):
        answer = answer[name]
    return str(answer)


def _with_session(caller: Caller, before: str, now: str) -> Caller:
    """The session as it would be with its policy changed: it is passed anew when the role is assumed."""
    policies = tuple(now if text == before else text for text in caller.session_policies or ())
    return msgspec.structs.replace(caller, session_policies=policies)


# Saving an edited policy, as the account's root would.


def _saved(cloud: Cloud, place: Place, before: str, now: str) -> list[str]:
    """Save the policy; answers a note where somebody else than the account's root had to."""
    operation, parameters, account, region = _saving(place, now)
    refusal = None
    for caller in _who_may(cloud, place, account, before):
        reply = cloud.call(Request(operation, parameters, caller, region))
        if reply.error is None:
            return [] if caller.kind == "root" else [f"{_named(caller)} has to do it: the account's root may not"]
        refusal = refusal or reply
    assert refusal is not None, "an account has a root"
    _must(refusal, operation)
    return []


def _named(caller: Caller) -> str:
    return caller.role_arn or caller.arn


def _saving(place: Place, text: str) -> tuple[str, dict[str, Any], str, str]:
    """(operation, parameters, account, Region) that saves this text as that policy."""
    make = _SAVES.get(place.layer)
    if make is None:
        raise CannotApply(f"nothing here saves a policy of the layer {place.layer}")
    return make(place, text)


def _owners(place: Place, text: str) -> tuple[str, dict[str, Any], str, str]:
    service, region = place.attached_to.split(":")[2:4]
    if service == "kms":
        whole = {"KeyId": place.attached_to, "PolicyName": "default", "Policy": text}
        return "kms:PutKeyPolicy", whole, place.account, region
    named = {"RoleName": plain_name(place.attached_to), "PolicyDocument": text}
    return "iam:UpdateAssumeRolePolicy", named, place.account, IAM_REGION


def _principals(place: Place, text: str) -> tuple[str, dict[str, Any], str, str]:
    if place.policy.startswith("arn:"):
        account = account_of(place.policy)
        if not account.isdigit():
            raise CannotApply("a policy of AWS's own can not be edited")
        version = {"PolicyArn": place.policy, "PolicyDocument": text, "SetAsDefault": True}
        return "iam:CreatePolicyVersion", version, account, IAM_REGION
    holder = holder_of(place).title()
    named = {f"{holder}Name": plain_name(place.attached_to), "PolicyName": place.policy, "PolicyDocument": text}
    return f"iam:Put{holder}Policy", named, place.account, IAM_REGION


def _organizations(place: Place, text: str) -> tuple[str, dict[str, Any], str, str]:
    changed = {"PolicyId": place.policy.rpartition("/")[2], "Content": text}
    return "organizations:UpdatePolicy", changed, account_of(place.policy), IAM_REGION


_SAVES: Final[Mapping[LayerKind, Callable[[Place, str], tuple[str, dict[str, Any], str, str]]]] = {
    LayerKind.RESOURCE: _owners,
    LayerKind.IDENTITY: _principals,
    LayerKind.BOUNDARY: _principals,
    LayerKind.SCP: _organizations,
    LayerKind.RCP: _organizations,
}


def _who_may(cloud: Cloud, place: Place, account: str, before: str) -> Iterator[Caller]:
    """The account's root; and whom a key policy names, where it shuts out the root."""
    yield root_of(account)
    if place.layer is not LayerKind.RESOURCE:
        return
    facts_of = cloud.services.provider("principal_facts")
    document = parsed(before, DocumentKind.RESOURCE, lenient=True)
    for name in principals_named(document):
        facts = facts_of(cloud.world, name) if facts_of else None
        if facts is None or facts.account != account:
            continue
        yield caller_of(facts, "repair")


def trace_of(told: Story) -> dict[str, Any]:
    """The trace of the decision that refused; empty where no policy did."""
    body = told.decided.body if told.decided else {}
    return body if isinstance(body, dict) else json.loads(body or "{}")
