"""Errors that no policy decides: key states, sharing, visibility, credentials, parameters.

The error's code and words tell the cause; the files tell where it stands, and whether they agree.
Sources: kms.md 1.1, 1.2, 4; ebs.md 1.2 to 1.10.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from app.outside.event import Incident, dig, text
from app.outside.folder import Folder, Snapshot
from app.outside.reading import Source, member, text_at
from app.outside.targets import Target, key_target, targets_of
from app.policy.causes import Cause
from app.policy.scan import Scalar

_ARN: Final = re.compile(r"arn:[\w-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
_SNAPSHOT: Final = re.compile(r"snap-[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class State:
    """`kind` is because.kind; `file` None where no file tells it."""

    cause: Cause
    kind: str
    account: str
    resource: str
    file: str | None = None
    pointer: str = ""
    line: int | None = None
    unknown: tuple[str, ...] = ()


# code (without Client.) -> words of the message, the cause; the first row that fits
_ROWS: Final[tuple[tuple[str, str, Cause], ...]] = (
    ("DisabledException", "", Cause.KEY_DISABLED),
    ("KMSInvalidStateException|InvalidStateException", r"pending (replica )?deletion", Cause.KEY_PENDING_DELETION),
    ("KMSInvalidStateException|InvalidStateException", r"pending import", Cause.KEY_PENDING_IMPORT),
    ("KMSInvalidStateException|InvalidStateException", r"unavailable", Cause.KEY_UNAVAILABLE),
    ("KMSInvalidStateException|InvalidStateException", r"is disabled", Cause.KEY_DISABLED),
    ("KMSInvalidStateException|InvalidStateException", "", Cause.KEY_STATE_INVALID),
    ("KeyUnavailableException", "", Cause.KEY_UNAVAILABLE),
    ("NotFoundException", r"[Aa]lias", Cause.ALIAS_NOT_FOUND),
    ("NotFoundException", r"[Gg]rant", Cause.GRANT_NOT_FOUND),
    ("NotFoundException", "", Cause.KEY_NOT_FOUND),
    ("InvalidKeyUsageException|UnsupportedOperationException", "", Cause.KEY_WRONG_KIND),
    ("InvalidCiphertextException|IncorrectKeyException", "", Cause.CIPHERTEXT_INVALID),
    ("InvalidGrantTokenException", "", Cause.GRANT_TOKEN_INVALID),
    ("InvalidGrantIdException", "", Cause.GRANT_NOT_FOUND),
    ("MalformedPolicyDocument(Exception)?", r"will not allow you to update", Cause.POLICY_LOCKS_OUT),
    ("MalformedPolicyDocument(Exception)?", "", Cause.POLICY_MALFORMED),
    (r"InvalidSnapshot\.NotFound", "", Cause.SNAPSHOT_NOT_FOUND),
    (r"InvalidSnapshot\.InUse", "", Cause.SNAPSHOT_IN_USE),
    (r"InvalidVolume\.NotFound", "", Cause.VOLUME_NOT_FOUND),
    ("IncorrectState", r"[Ss]napshot|pending", Cause.SNAPSHOT_NOT_COMPLETE),
    ("OperationNotPermitted", r"public|all", Cause.ENCRYPTED_CANNOT_BE_PUBLIC),
    ("OperationNotPermitted", r"default|AWS.managed|aws/ebs", Cause.DEFAULT_KEY_CANNOT_BE_SHARED),
    ("CustomerKeyHasBeenRevoked", "", Cause.KEY_DISABLED),
    (r"InvalidKMSKey\.InvalidState|KMSKeyNotAccessibleFault", "", Cause.KEY_STATE_INVALID),
    ("InvalidParameterValue", r"keyId \S+ is disabled", Cause.KEY_DISABLED),
    ("InvalidParameterValue", r"keyId \S+ is invalid", Cause.KEY_NOT_FOUND),
    ("ExpiredToken(Exception)?|RequestExpired", "", Cause.SESSION_EXPIRED),
    ("InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId", "", Cause.CREDENTIALS_UNKNOWN),
    ("SignatureDoesNotMatch|InvalidSignatureException", "", Cause.SIGNATURE_WRONG),
    ("MissingAuthenticationToken(Exception)?", "", Cause.CREDENTIALS_MISSING),
    (r".*Throttl.*|RequestLimitExceeded|.*LimitExceeded(Exception)?|.*QuotaExceeded.*", "", Cause.LIMIT_EXCEEDED),
    (r"NoSuchEntity(Exception)?", "", Cause.PRINCIPAL_NOT_FOUND),
    (r"Validation.*|Invalid.*|Missing.*|Idempotent.*|Malformed.*|DependencyTimeout.*", "", Cause.PARAMETERS),
)  # fmt: skip
_KEY_STATES: Final = {  # what the meta file says when the cause holds
    Cause.KEY_DISABLED: ("Disabled",),
    Cause.KEY_PENDING_DELETION: ("PendingDeletion", "PendingReplicaDeletion"),
    Cause.KEY_PENDING_IMPORT: ("PendingImport",),
    Cause.KEY_UNAVAILABLE: ("Unavailable",),
}
BY_STATE: Final = {state: cause for cause, states in _KEY_STATES.items() for state in states}


def cause_of(code: str, message: str) -> Cause | None:
    """By an error's code and words; None for one that no row tells."""
    code = code.removeprefix("Client.").removeprefix("Server.")
    return next(
        (cause for codes, words, cause in _ROWS if re.fullmatch(codes, code) and re.search(words, message[:4096])), None
    )


def state_of(incident: Incident, folder: Folder) -> State | None:
    """What an error that is no denial comes from; None for a code that is not known."""
    cause = cause_of(incident.code, incident.message)
    if cause is None:
        return None
    find = _FINDERS.get(cause.name.partition("_")[0])
    return find(incident, folder, cause) if find else State(cause, "unknown", incident.principal.account, "")


# Keys.


def _key(incident: Incident, folder: Folder, cause: Cause) -> State:
    target = _key_named(incident, folder)
    if target is None or not target.key_id:
        return State(cause, "key-state", "", "", unknown=("the event does not name the key",))
    return key_state(target, folder, cause, said=True)


def _key_named(incident: Incident, folder: Folder) -> Target | None:
    if found := _ARN.search(incident.message[:4096]):
        return key_target(found.group())
    if incident.service != "kms":
        volume = text(incident.parameters or {}, "volumeId")
        snapshot = folder.snapshot(text(incident.parameters or {}, "snapshotId")) if not volume else None
        return key_target(snapshot.key_arn) if snapshot else None
    targets, _ = targets_of(incident, folder)
    return targets[0] if len(targets) == 1 else None


def key_state(target: Target, folder: Folder, cause: Cause | None, *, said: bool) -> State:
    """Where the key's state stands. `said`: AWS told the cause; else the meta file does."""
    file = folder.at(target.account, f"key-{target.key_id}.meta.json", target.region)
    source = folder.source(file, "key-state")
    pointer, line, state = _key_state_at(source)
    told = BY_STATE.get(state)
    unknown: tuple[str, ...] = ()
    if source is None:
        unknown = (f"{file}: the key's state",)
    elif said and cause in _KEY_STATES and state and state not in _KEY_STATES[cause]:
        unknown = (f"{file}: says {state} now, so it is of another time than the event",)
    chosen = cause or told or Cause.KEY_STATE_INVALID
    return State(chosen, "key-state", target.account, target.arn, file if source else None, pointer, line, unknown)


def _key_state_at(source: Source | None) -> tuple[str, int | None, str]:
    """(pointer, line, KeyState) of a `describe-key` file."""
    if source is None:
        return "", None, ""
    holder, base = member(source.root, "KeyMetadata"), "/KeyMetadata"
    if holder is None:
        holder, base = source.root, ""
    node = member(holder, "KeyState")
    line = node.mark.line if isinstance(node, Scalar) else holder.mark.line
    return f"{base}/KeyState" if node else base, line, text_at(holder, "KeyState")


# Snapshots.


def _snapshot(incident: Incident, folder: Folder, cause: Cause) -> State:
    sent = incident.parameters or {}
    found = _SNAPSHOT.search(incident.message[:4096])
    id = text(sent, "sourceSnapshotId") or text(sent, "snapshotId") or (found.group() if found else "")
    snapshot = folder.snapshot(id)
    if cause is Cause.SNAPSHOT_NOT_FOUND:
        return sharing_of(id, snapshot, incident.principal.account)
    return _at_snapshot(cause, id, snapshot)


def sharing_of(id: str, snapshot: Snapshot | None, account: str) -> State:
    """A snapshot that the account does not see: not shared with it, or not there."""
    if snapshot is None:
        missing = (f"the files hold no snapshot {id}: it is not there, or its owner's snapshots.json is missing",)
        return State(Cause.SNAPSHOT_NOT_FOUND, "sharing", "", id, unknown=missing)
    shared = snapshot.is_shared_with(account)
    told = {
        None: f"{snapshot.file}: CreateVolumePermissions of {id}",
        True: f"{snapshot.file}: shares {id} with {account} now, so it is of another time than the event",
    }
    unknown = (told[shared],) if shared in told else ()
    pointer = f"{snapshot.pointer}/CreateVolumePermissions" if snapshot.permissions is not None else snapshot.pointer
    return State(
        Cause.SNAPSHOT_NOT_SHARED, "sharing", snapshot.owner, id, snapshot.file, pointer, snapshot.line, unknown
    )


def _at_snapshot(cause: Cause, id: str, snapshot: Snapshot | None) -> State:
    if snapshot is None:
        return State(cause, "sharing", "", id, unknown=(f"the files hold no snapshot {id}",))
    return State(cause, "sharing", snapshot.owner, id, snapshot.file, snapshot.pointer, snapshot.line)


def _permission(incident: Incident, folder: Folder, cause: Cause) -> State:
    """OperationNotPermitted: which rule of sharing it broke, by what was asked."""
    asked = dig(incident.parameters or {}, "createVolumePermission", "add", "items")
    is_public = (
        any(isinstance(one, dict) and "all" in one.values() for one in asked) if isinstance(asked, list) else False
    )
    return _snapshot(incident, folder, Cause.ENCRYPTED_CANNOT_BE_PUBLIC if is_public else cause)


def _nothing(incident: Incident, folder: Folder, cause: Cause) -> State:
    return State(cause, "unknown", incident.principal.account, "")


_FINDERS: Final[dict[str, Callable[[Incident, Folder, Cause], State]]] = {
    "KEY": _key,
    "SNAPSHOT": _snapshot,
    "DEFAULT": _permission,
    "ENCRYPTED": _permission,
    "ALIAS": _nothing,
}


def states_of(targets: tuple[Target, ...], folder: Folder) -> Iterator[State]:
    """Of keys whose meta file says that they can not be used."""
    for target in targets:
        state = folder.key_meta(target.account, target.key_id, target.region).get("KeyState") if target.key_id else None
        if state in BY_STATE:
            yield key_state(target, folder, BY_STATE[str(state)], said=False)
