"""Repairs that edit no policy: a disabled key, a snapshot that is not shared, a grant that names another operation.

Each row of the table is a cause and the steps that would help; whether they do is found out in a fork, as for every
other repair. Causes that only another request can help (a wrong id, an expired session) have no row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from app.kernel.call import Request
from app.kernel.world import World
from app.policy.causes import Cause
from app.policy.explain_log import Called, Story, read
from app.policy.repair import Repair
from app.policy.repair_steps import Instead, Save, step
from app.policy.words import plain_name
from app.services.ebs.compute_records import Attachment, Image
from app.services.ebs.records import Snapshot
from app.services.kms.records import Key

ACCOUNT: Final = 5  # for all that the account has
STATE: Final = 1  # how far these reach: what is meant for everybody, nothing beyond the thing itself
NEW_KEY: Final = 4

Remedy = Callable[[World, Story, Request, "tuple[str, ...]"], Iterator[Repair]]


def remedies(world: World, told: Story, request: Request, entries: Iterable[object]) -> list[Repair]:
    """What would help against the refusal's cause, if anything does."""
    cause = Cause.__members__.get(told.refused.cause)
    remedy = _REMEDIES.get(cause) if cause else None
    named = tuple(dict.fromkeys((*told.refused.resources, *_named(told, entries))))
    return list(remedy(world, told, request, named)) if remedy else []


def _named(told: Story, entries: Iterable[object]) -> Iterator[str]:
    """All that the failed request and the calls below it named."""
    for entry in read(entries):
        if isinstance(entry, Called) and entry.root == told.failed.root:
            yield from entry.resources


def _keys(world: World, named: tuple[str, ...]) -> Iterator[Key]:
    for arn in named:
        if arn.startswith("arn:aws:kms:") and ":key/" in arn:
            _, _, _, region, account, _ = arn.split(":", 5)
            found = world.records.get(Key, account, region, plain_name(arn))
            if found:
                yield found


def _snapshots(world: World, region: str, named: tuple[str, ...]) -> Iterator[Snapshot]:
    for id in named:
        found = world.records.find(Snapshot, "id", region, id)
        if found:
            yield found


def _enabled(world: World, told: Story, request: Request, named: tuple[str, ...]) -> Iterator[Repair]:
    for key in _keys(world, named):
        if key.state == "Disabled":
            enable = step(key.account, key.region, "kms:EnableKey", KeyId=key.arn)
            yield Repair((), STATE, (f"enable key {key.id}",), (_FOR_ALL,), (enable,))


def _kept(world: World, told: Story, request: Request, named: tuple[str, ...]) -> Iterator[Repair]:
    for key in _keys(world, named):
        if key.state == "PendingDeletion":
            cancel = step(key.account, key.region, "kms:CancelKeyDeletion", KeyId=key.arn)
            enable = step(key.account, key.region, "kms:EnableKey", KeyId=key.arn)
            says = (f"cancel the deletion of key {key.id}", "enable it")
            yield Repair((), STATE, says, (_FOR_ALL,), (cancel, enable))


_FOR_ALL: Final = "the key then works again for everybody whom its policy and grants let"


def _shared(world: World, told: Story, request: Request, named: tuple[str, ...]) -> Iterator[Repair]:
    """With the one account that asks. The source may lie in another Region than the call."""
    account = request.caller.account
    region = request.parameters.get("SourceRegion") or request.region
    for snapshot in _snapshots(world, region, named):
        if snapshot.account != account and not snapshot.is_visible_to(account):
            share = step(
                snapshot.account, snapshot.region, "ec2:ModifySnapshotAttribute", SnapshotId=snapshot.id,
                CreateVolumePermission={"Add": [{"UserId": account}]},
            )  # fmt: skip
            effect = f"everybody in {account} whom its own policies let may use the snapshot"
            yield Repair((), STATE, (f"share {snapshot.id} with {account}",), (effect,), (share,))


def _copied_first(world: World, told: Story, request: Request, named: tuple[str, ...]) -> Iterator[Repair]:
    """A copy under a key whose policy can be written, and the copy in the request."""
    for snapshot in _snapshots(world, request.region, named):
        if snapshot.account != request.caller.account:
            continue
        where = (snapshot.account, snapshot.region)
        make = step(*where, "kms:CreateKey", Save("KEY", "KeyMetadata.Arn"), Description="shared snapshots")
        copy = step(
            *where, "ec2:CopySnapshot", Save("COPY", "SnapshotId"), _COMPLETED,
            SourceRegion=snapshot.region, SourceSnapshotId=snapshot.id, Encrypted=True, KmsKeyId="$KEY",
        )  # fmt: skip
        says = ("make a customer managed key", f"copy {snapshot.id} under it", "share the copy instead")
        effect = "the other account still needs the new key: its policy has to let it in, and its own policies too"
        yield Repair((), NEW_KEY, says, (effect,), (make, copy), (Instead(snapshot.id, "COPY"),))


def _granted(world: World, told: Story, request: Request, named: tuple[str, ...]) -> Iterator[Repair]:
    """A grant to the one who asked, of what was asked, for the encryption context that it was asked with.

    Who wants to make a grant needs one of all that it hands on (kms.md, "grants made under a grant").
    """
    if told.decided is None:
        return
    body, operation = told.decided.trace, told.decided.action.partition(":")[2]
    who = body["principal"]["issuerArn"] or body["principal"]["arn"]
    handed_on = body["context"].get("kms:GrantOperations", ())
    operations = list(dict.fromkeys((operation, *handed_on)))
    asked: dict[str, object] = {"GranteePrincipal": who, "Operations": operations}
    if body["encryptionContext"]:
        asked["Constraints"] = {"EncryptionContextEquals": body["encryptionContext"]}
    effects = (_UNTIL_REVOKED, _HANDS_ON) if handed_on else (_UNTIL_REVOKED,)
    for key in _keys(world, (told.decided.resource,)):
        grant = step(key.account, key.region, "kms:CreateGrant", None, "", KeyId=key.arn, **asked)
        yield Repair((), STATE, (f"grant {', '.join(operations)} on key {key.id} to {who}",), effects, (grant,))


_UNTIL_REVOKED: Final = "a grant lasts until it is retired or revoked"
_HANDS_ON: Final = "who holds it may do so itself, and hand it on to anybody"


def _restored(world: World, told: Story, request: Request, named: tuple[str, ...]) -> Iterator[Repair]:
    region = request.parameters.get("SourceRegion") or request.region
    for snapshot in _snapshots(world, region, named):
        if not snapshot.is_at_hand:
            where = (snapshot.account, snapshot.region)
            restore = step(*where, "ec2:RestoreSnapshotTier", SnapshotId=snapshot.id, PermanentRestore=True)
            effects = (
                "restoring takes up to 72 hours",
                "who it was shared with before sees it no more",
            )
            yield Repair((), STATE, (f"restore {snapshot.id} from the archive",), effects, (restore,))


def _unlocked(world: World, told: Story, request: Request, named: tuple[str, ...]) -> Iterator[Repair]:
    """A lock in governance mode. One in compliance mode nobody takes off, as its trial shows."""
    for snapshot in _snapshots(world, request.region, named):
        unlock = step(snapshot.account, snapshot.region, "ec2:UnlockSnapshot", SnapshotId=snapshot.id)
        yield Repair((), STATE, (f"unlock {snapshot.id}",), ("whoever may delete it can",), (unlock,))


def _opened(world: World, told: Story, request: Request, named: tuple[str, ...]) -> Iterator[Repair]:
    allow = step(request.caller.account, request.region, "ec2:DisableSnapshotBlockPublicAccess")
    effect = f"every snapshot of the account in {request.region} may be made public"
    yield Repair((), ACCOUNT, ("no longer block public sharing",), (effect,), (allow,))


def _launchable(world: World, told: Story, request: Request, named: tuple[str, ...]) -> Iterator[Repair]:
    account, region = request.caller.account, request.parameters.get("SourceRegion") or request.region
    for image in (world.records.find(Image, "id", region, id) for id in named):
        if image and image.account != account:
            share = step(
                image.account, image.region, "ec2:ModifyImageAttribute", ImageId=image.id,
                LaunchPermission={"Add": [{"UserId": account}]},
            )  # fmt: skip
            effect = f"everybody in {account} whom its own policies let may launch the image"
            yield Repair((), STATE, (f"share {image.id} with {account}",), (effect,), (share,))


def _unused(world: World, told: Story, request: Request, named: tuple[str, ...]) -> Iterator[Repair]:
    """Every image that needs the snapshot goes first."""
    for snapshot in _snapshots(world, request.region, named):
        images = list(world.records.scan_index(Image, "snapshot", snapshot.region, snapshot.id))
        steps = tuple(step(one.account, one.region, "ec2:DeregisterImage", ImageId=one.id) for one in images)
        says = tuple(f"deregister {one.id}" for one in images)
        if steps:
            yield Repair((), STATE, says, ("nobody can launch what was deregistered",), steps)


def _detached(world: World, told: Story, request: Request, named: tuple[str, ...]) -> Iterator[Repair]:
    where = (request.caller.account, request.region)
    for id in named:
        for held in world.records.scan_index(Attachment, "volume", *where, id):
            detach = step(*where, "ec2:DetachVolume", VolumeId=id, InstanceId=held.instance_id)
            effect = f"{held.instance_id} loses the device {held.device}"
            yield Repair((), STATE, (f"detach {id} from {held.instance_id}",), (effect,), (detach,))


_COMPLETED: Final = 'ec2 wait snapshot-completed --snapshot-ids "$COPY"'
_REMEDIES: Final[Mapping[Cause, Remedy]] = {
    Cause.KEY_DISABLED: _enabled,
    Cause.KEY_PENDING_DELETION: _kept,
    Cause.GRANT_CONSTRAINT: _granted,
    Cause.GRANT_LACKS_OPERATION: _granted,
    Cause.GRANT_TOO_WIDE: _granted,
    Cause.SNAPSHOT_NOT_SHARED: _shared,
    Cause.DEFAULT_KEY_CANNOT_BE_SHARED: _copied_first,
    Cause.SNAPSHOT_ARCHIVED: _restored,
    Cause.SNAPSHOT_LOCKED: _unlocked,
    Cause.SNAPSHOT_IN_USE: _unused,
    Cause.PUBLIC_SHARING_BLOCKED: _opened,
    Cause.IMAGE_NOT_SHARED: _launchable,
    Cause.VOLUME_IN_USE: _detached,
}
