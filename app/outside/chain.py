"""A call that AWS answered well and that failed later: the calls that EBS makes below it, asked one by one.

A record of CopySnapshot or CreateVolume shows no error where a key refuses; the reason is in the calls made with the
caller's credentials (ebs.md 1.2, 1.4). They are asked here in that order, and the first refusal is the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from app.outside.case import Case, case_of
from app.outside.event import Incident, text
from app.outside.folder import Folder, Snapshot
from app.outside.states import State, sharing_of, states_of
from app.outside.targets import Target, key_target
from app.outside.verdict import Judged, judge
from app.policy.trace import Verdict

_LATER: Final = {"ec2:CopySnapshot": "sourceSnapshotId", "ec2:CreateVolume": "snapshotId"}


def is_answered_before_it_is_done(incident: Incident) -> bool:
    return incident.call in _LATER and not incident.code


def failure(incident: Incident, folder: Folder) -> Judged | State | None:
    """The first thing below the call that refuses; None where the files show none."""
    account, id = incident.principal.account, text(incident.parameters or {}, _LATER[incident.call])
    snapshot = folder.snapshot(id) if id else None
    if snapshot is not None and snapshot.is_shared_with(account) is False:
        return sharing_of(id, snapshot, account)
    asked = tuple(_asked(incident, snapshot, folder))
    judged = [judge(case) for case in asked]
    refused = next((one for one in judged if one.word not in (Verdict.ALLOWED.value, "Unknown")), None)
    if refused:
        return replace(refused, further=tuple(one.question for one in judged if one is not refused))
    state = next(states_of(tuple(case.target for case in asked), folder), None)
    return state or next((one for one in judged if one.word == "Unknown"), None)


def _asked(incident: Incident, snapshot: Snapshot | None, folder: Folder) -> Iterator[Case]:
    for call, action, target in _calls(incident, snapshot):
        nested = incident.nested(call, via="ec2")
        yield case_of(nested.asking(action), target, folder)


def _calls(incident: Incident, snapshot: Snapshot | None) -> Iterator[tuple[str, str, Target]]:
    """(call, action, key): of a copy grants on both keys, of a volume a re-encryption; the source's key may be own."""
    source = key_target(snapshot.key_arn) if snapshot else None
    own = key_target(text(incident.parameters or {}, "masterEncryptionKeyId"))
    is_own = snapshot is not None and snapshot.owner == incident.principal.account
    if incident.call == "ec2:CopySnapshot":
        yield from _of("kms:GenerateDataKeyWithoutPlaintext", own)
        yield from _of("kms:CreateGrant", own)
        yield from _of("kms:CreateGrant", source)
        return
    own = own or (source if is_own else None)
    if source:
        yield "kms:ReEncrypt", "kms:ReEncryptFrom", source
        if own:
            yield "kms:ReEncrypt", "kms:ReEncryptTo", own
    if source != own or not is_own:
        yield from _of("kms:GenerateDataKeyWithoutPlaintext", own)
        yield from _of("kms:CreateGrant", own)


def _of(call: str, target: Target | None) -> Iterator[tuple[str, str, Target]]:
    if target:
        yield call, call, target
