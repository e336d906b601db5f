"""CopySnapshot, row by row (ebs.md 1.4): the checks in their order, and what a copy settles as."""

from __future__ import annotations

from typing import Any

import pytest

from app.policy.causes import Cause
from tests.sharing.accounts import (
    BLOCK_SIZE_BYTES,
    REGION,
    SOURCE,
    SOURCE_ROOT,
    TARGET,
    TARGET_ROOT,
    Share,
    allow,
    block,
    deny,
    root,
)

row = pytest.mark.row
MISSING = "snap-0abcdef0123456789"
NO_KEY = f"arn:aws:kms:{REGION}:{TARGET}:key/00000000-0000-4000-8000-000000000000"
KEY_REFUSED = "Given key ID is not accessible"
URL = "https://ec2.us-east-1.amazonaws.com/?Action=CopySnapshot&SourceSnapshotId={id}&DestinationRegion={region}"
INVALID = "InvalidParameterValue"


def request(share: Share, **changes: Any) -> dict[str, Any]:
    """A request that succeeds, with some parameters changed or (None) left out."""
    asked = {"SourceRegion": REGION, "SourceSnapshotId": share.things.snapshot} | changes
    return {name: value for name, value in asked.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        pytest.param(
            {"SourceSnapshotId": None},
            ("MissingParameter", "The request must contain the parameter SourceSnapshotId"),
            marks=row("1.4/1"),
        ),
        pytest.param({"SourceRegion": None}, ("InternalError", "An internal error has occurred"), marks=row("1.4/2")),
        pytest.param(
            {"SourceSnapshotId": "snap-x", "DryRun": True},
            (INVALID, "The specified snapshotId is invalid"),
            marks=row("1.4/3"),
        ),
        pytest.param({"SourceSnapshotId": "x"}, (INVALID, "The specified snapshotId is invalid"), marks=row("1.4/3")),
        pytest.param({"SourceRegion": "x"}, ("InvalidRegion", "x is not a valid region name."), marks=row("1.4/4")),
        pytest.param(
            {"CompletionDurationMinutes": 16},
            (
                INVALID,
                "'16' is not a valid value for completion duration. "
                "Specify a value between 15 and 2880 minutes, in 15 minute increments only",
            ),
            marks=row("1.4/5"),
        ),
        pytest.param(
            {"DryRun": True},
            ("DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
            marks=row("1.4/7"),
        ),
        pytest.param(
            {"DryRun": True, "SourceSnapshotId": MISSING},
            ("DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
            marks=row("1.4/7"),
        ),
        pytest.param(
            {"DestinationRegion": "us-west-2"},
            (INVALID, "DestinationRegion 'us-west-2' does not match the current region (us-east-1)."),
            marks=row("1.4/8"),
        ),
        pytest.param(
            {"PresignedUrl": "ftp://x"},
            (INVALID, "The protocol in PresignedUrl should be http or https"),
            marks=row("1.4/9"),
        ),
        pytest.param(
            {"PresignedUrl": URL.format(id=MISSING, region=REGION)},
            (
                INVALID,
                f"The source snapshot specified in PresignedUrl '{MISSING}' does not match the source snapshot in the "
                "request: '{snapshot}'",
            ),
            marks=row("1.4/9"),
        ),
        pytest.param(
            {"PresignedUrl": URL.format(id="{snapshot}", region="x")},
            (INVALID, "The destination region specified in PresignedUrl: 'x' is incorrect"),
            marks=row("1.4/9"),
        ),
        pytest.param(
            {"KmsKeyId": NO_KEY, "Encrypted": True},
            (INVALID, f"The specified keyId {NO_KEY} is invalid"),
            marks=row("1.4/10"),
        ),
        pytest.param(
            {"KmsKeyId": "alias/none", "Encrypted": True},
            (INVALID, "The specified keyId alias/none is invalid"),
            marks=row("1.4/10"),
        ),
    ],
)
def test_what_is_refused_at_once(share: Share, changes: dict[str, Any], refusal: tuple[str, str]) -> None:
    """Method: `{snapshot}` stands for the id of the shared snapshot."""
    id = share.things.snapshot
    changes = {
        name: value.replace("{snapshot}", id) if isinstance(value, str) else value for name, value in changes.items()
    }
    code, message = share.target.refused("ec2:CopySnapshot", **request(share, **changes))
    assert (code, message) == (refusal[0], refusal[1].replace("{snapshot}", id))
    assert share.target.do("ec2:DescribeSnapshots", OwnerIds=["self"])["Snapshots"][1:] == []


@row("1.4/9")
def test_the_signature_of_a_presigned_url_is_not_looked_at(share: Share) -> None:
    url = URL.format(id=share.things.snapshot, region=REGION) + "&X-Amz-Signature=bad"
    assert share.copy_to_target(PresignedUrl=url).outcome == "completed"


@row("1.4/10", "0.1")
def test_a_disabled_destination_key_is_refused_at_once(share: Share) -> None:
    owner, key = root(share.cloud, TARGET), share.things.target_key
    owner.do("kms:DisableKey", KeyId=key)
    step = share.copy_to_target()
    assert step.error == ("InvalidParameterValue", f"The specified keyId {key} is disabled")
    assert step.cause is Cause.KEY_DISABLED
    owner.do("kms:EnableKey", KeyId=key)
    assert share.copy_to_target().outcome == "completed"


@row("1.4/10", "0.1")
def test_who_may_not_describe_the_destination_key_is_refused_at_once(share: Share) -> None:
    """The text ends with a space. Method: the key's ARN and then its alias is named; the repair is one action."""
    blind = share.with_(target_iam_on_target_key=allow("kms:CreateGrant", "kms:GenerateDataKeyWithoutPlaintext"))
    key = share.things.target_key
    assert blind.copy_to_target().error == ("AuthFailure", f"Not authorized to use key {key} ")
    assert blind.copy_to_target().reply.error.status == 403  # type: ignore[union-attr]
    assert blind.copy_to_target().cause is Cause.IDENTITY_SILENT
    repaired = (*blind.target_iam_on_target_key, *allow("kms:DescribeKey"))
    assert blind.with_(target_iam_on_target_key=repaired).copy_to_target().outcome == "completed"


@row("1.4/order", "1.4/6", "1.4/7")
def test_the_order_of_checks_is_awss(share: Share) -> None:
    """Method: a request that is wrong in every way is mended one way at a time; each time the next check speaks."""
    target, id = share.target, share.things.snapshot
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "a", "Value": "b"}]}]
    asked = {
        "SourceSnapshotId": None,
        "SourceRegion": None,
        "CompletionDurationMinutes": 16,
        "DryRun": True,
        "KmsKeyId": NO_KEY,
    }
    asked |= {"DestinationRegion": "us-west-2", "PresignedUrl": "ftp://x", "TagSpecifications": tags}
    none = allow("kms:*")
    destination = allow(
        "ec2:CopySnapshot", Resource=f"arn:aws:ec2:{REGION}::snapshot/*", Condition={"Null": {"ec2:Owner": "true"}}
    )
    both, tagging = allow("ec2:CopySnapshot"), allow("ec2:CopySnapshot", "ec2:CreateTags")
    mend: list[tuple[dict[str, Any], Any]] = [
        ({"SourceSnapshotId": "x"}, none),
        ({"SourceRegion": "x"}, none),
        ({"SourceSnapshotId": id}, none),
        ({"SourceRegion": REGION}, none),
        ({"CompletionDurationMinutes": 15}, none),
        ({}, destination),
        ({}, both),
        ({}, tagging),
        ({"DryRun": False}, tagging),
        ({"DestinationRegion": REGION}, tagging),
        ({"PresignedUrl": None}, tagging),
    ]
    seen = []
    for change, policy in ({}, none), *mend:
        asked |= change
        root(share.cloud, TARGET).let("restorer", *policy)
        code, message = target.refused("ec2:CopySnapshot", **{k: v for k, v in asked.items() if v is not None})
        seen.append((code, message.partition(" because ")[0].rpartition("perform: ")[2][:60]))
    here = f"arn:aws:ec2:{REGION}::snapshot"
    assert [code for code, _ in seen] == [
        "MissingParameter",
        "InternalError",
        "InvalidParameterValue",
        "InvalidRegion",
        "InvalidParameterValue",
        "UnauthorizedOperation",
        "UnauthorizedOperation",
        "UnauthorizedOperation",
        "DryRunOperation",
        "InvalidParameterValue",
        "InvalidParameterValue",
        "InvalidParameterValue",
    ]
    assert [text for code, text in seen if code == "UnauthorizedOperation"] == [
        f"ec2:CopySnapshot on resource: {here}/*"[:60],
        f"ec2:CopySnapshot on resource: {here}/{id}"[:60],
        f"ec2:CreateTags on resource: {here}/*"[:60],
    ]


@row("1.1/copy", "1.1/owner", "1.4/6")
def test_the_source_is_the_owners_and_the_new_snapshot_the_callers(share: Share) -> None:
    """Method: two allows, each by the account of its resource; with the accounts exchanged nothing is allowed."""

    def by_owner(source: str, destination: str) -> Share:
        on_source = {"StringEquals": {"ec2:Owner": source, "aws:ResourceAccount": source}}
        on_new = {"StringEquals": {"aws:ResourceAccount": destination}}
        conditions = (allow("ec2:CopySnapshot", Condition=on_source), allow("ec2:CopySnapshot", Condition=on_new))
        return share.with_(target_iam=(*conditions[0], *conditions[1]))

    assert by_owner(TARGET, SOURCE).copy_to_target().outcome == "UnauthorizedOperation"
    step = by_owner(SOURCE, TARGET).copy_to_target()
    assert root(step.hand.cloud, TARGET).snapshot(step.id)["State"] == "completed"


@row("1.1/source-region-key")
def test_a_condition_on_the_source_region_never_holds(share: Share) -> None:
    condition = {"StringEquals": {"ec2:SourceRegion": REGION}}
    conditioned = share.with_(target_iam=allow("ec2:CopySnapshot", Condition=condition))
    assert conditioned.copy_to_target().outcome == "UnauthorizedOperation"
    assert conditioned.with_(target_iam=allow("ec2:*")).copy_to_target().outcome == "completed"


@row("0.3", "0.1", "1.4/not-found")
@pytest.mark.parametrize("revoked", [False, True])
def test_a_copy_of_what_is_not_there_is_answered_200_and_stays_empty(slow: Share, revoked: bool) -> None:
    """Method: an id that nobody has; and a share that ends before the copy is made."""
    step = slow.copy_to_target() if revoked else slow.copy_to_target(SourceSnapshotId=MISSING)
    if revoked:
        slow.source.share(slow.things.snapshot, TARGET, adds=False)
    slow.cloud.advance(60_000)
    copy = step.settled()
    assert (copy.state, copy.message) == ("error", "Source snapshot is not found")
    assert (copy.shown["VolumeSize"], copy.shown["Encrypted"], copy.shown["Progress"]) == (0, False, "0%")
    assert copy.cause is (Cause.SNAPSHOT_NOT_SHARED if revoked else Cause.SNAPSHOT_NOT_FOUND)


@row("1.4/metadata", "1.4/start-time", "1.4/12")
def test_until_the_source_is_read_a_copy_shows_nothing_of_it(slow: Share) -> None:
    at = slow.cloud.now_ms()
    step = slow.copy_to_target(TagSpecifications=[{"ResourceType": "snapshot", "Tags": [{"Key": "a", "Value": "b"}]}])
    assert step.reply.answer == {"SnapshotId": step.id, "Tags": [{"Key": "a", "Value": "b"}]}
    shown = step.settled().shown
    seen = {name: shown[name] for name in ("State", "StateMessage", "VolumeId", "VolumeSize", "Encrypted", "Progress")}
    assert seen == {
        "State": "pending",
        "StateMessage": "Metadata not updated",
        "VolumeId": "vol-ffffffff",
        "VolumeSize": 0,
        "Encrypted": False,
        "Progress": "0%",
    }
    slow.cloud.advance(60_000)
    done = step.settled().shown
    assert (done["State"], done["StartTime"], done["VolumeId"]) == ("completed", shown["StartTime"], "vol-ffffffff")
    assert abs(done["StartTime"].timestamp() * 1000 - at) < 1000


@row("1.4/not-complete", "1.5/pending")
def test_a_copy_of_a_pending_snapshot_fails_and_succeeds_when_it_is_complete(slow: Share) -> None:
    source = slow.source
    pending = source.do("ebs:StartSnapshot", VolumeSize=1, Encrypted=True, KmsKeyArn=slow.things.source_key)[
        "SnapshotId"
    ]
    assert source.share(pending, TARGET).error is None
    step = slow.copy_to_target(SourceSnapshotId=pending)
    slow.cloud.advance(30_000)
    assert (step.settled().state, step.settled().message) == ("error", "Source snapshot is not complete")
    source.do("ebs:CompleteSnapshot", SnapshotId=pending, ChangedBlocksCount=0)
    slow.cloud.advance(30_000)
    again = slow.copy_to_target(SourceSnapshotId=pending)
    slow.cloud.advance(30_000)
    assert again.settled().state == "completed"


@row("1.4/key-denied", "1.4/both-sides")
def test_a_copy_whose_key_is_refused_shows_what_it_would_have_been(share: Share) -> None:
    broken = share.with_(target_iam_on_source_key=deny("kms:CreateGrant"))
    copy = broken.copy_to_target().settled()
    assert (copy.state, copy.message) == ("error", KEY_REFUSED)
    shown = {
        name: copy.shown.get(name) for name in ("VolumeSize", "Encrypted", "KmsKeyId", "Progress", "CompletionTime")
    }
    assert shown == {
        "VolumeSize": 1,
        "Encrypted": True,
        "KmsKeyId": share.things.target_key,
        "Progress": "0%",
        "CompletionTime": None,
    }


@row("1.4/completed", "1.4/not-copied")
def test_a_completed_copy_is_the_targets_own_and_brings_no_tags_permissions_or_description(share: Share) -> None:
    source, id = share.source, share.things.snapshot
    source.do("ec2:CreateTags", Resources=[id], Tags=[{"Key": "team", "Value": "a"}])
    copy = share.copy_to_target().settled().shown
    assert (copy["State"], copy["Progress"], "StateMessage" in copy) == ("completed", "100%", False)
    assert copy["FullSnapshotSizeInBytes"] == 2 * BLOCK_SIZE_BYTES
    assert copy["CompletionTime"] >= copy["StartTime"]
    assert (copy["OwnerId"], "Tags" in copy, copy["Description"]) == (TARGET, False, "")
    permissions = share.target.do(
        "ec2:DescribeSnapshotAttribute", SnapshotId=copy["SnapshotId"], Attribute="createVolumePermission"
    )
    assert permissions["CreateVolumePermissions"] == []


@row("1.4/independent", "5/revocation")
def test_a_copy_and_a_volume_outlive_the_share_the_snapshot_and_the_source_key(share: Share) -> None:
    copy, volume = share.copy_to_target(), share.volume_in_target()
    assert (copy.outcome, volume.outcome) == ("completed", "available")
    share.source.share(share.things.snapshot, TARGET, adds=False)
    assert share.copy_to_target().settled().message == "Source snapshot is not found"
    assert share.volume_in_target().error == ("InvalidSnapshot.NotFound", "Snapshot does not exist")
    share.source.do("ec2:DeleteSnapshot", SnapshotId=share.things.snapshot)
    share.source.do("kms:ScheduleKeyDeletion", KeyId=share.things.source_key, PendingWindowInDays=7)
    written = {0: block(0), 7: block(1)}
    assert share.target.read(copy.id) == written
    assert share.target.read(share.target.make_snapshot(volume.id)) == written


PLAIN, DEFAULT, NAMED = "plain", "default", "named"
KEY_OF_A_COPY = [  # Encrypted, is a key named, encryption by default; then of a plain source, of an encrypted one
    (None, False, False, PLAIN, DEFAULT),
    (None, False, True, DEFAULT, DEFAULT),
    (True, False, False, DEFAULT, DEFAULT),
    (True, False, True, DEFAULT, DEFAULT),
    (True, True, False, NAMED, NAMED),
    (True, True, True, NAMED, NAMED),
    (False, False, False, PLAIN, DEFAULT),
    (False, False, True, DEFAULT, DEFAULT),
    (None, True, False, NAMED, NAMED),
]


@row("0.13", "5/copy-key", "5/copy-key-alone", "1.4/false-ignored")
@pytest.mark.parametrize(("encrypted", "named", "by_default", "of_plain", "of_encrypted"), KEY_OF_A_COPY)
@pytest.mark.row("1.4/default-key", "5.2/plain", "5.2/plain-on", "5.2/encrypted", "5.2/encrypted-on")
def test_the_key_of_a_copy_follows_the_table(
    share: Share, encrypted: bool | None, named: bool, by_default: bool, of_plain: str, of_encrypted: str
) -> None:
    """Method: every row of ebs.md 5.2, for a plain, an own encrypted and a shared encrypted source."""
    share = share.with_(target_iam=allow("ec2:*", "ebs:*", "kms:*"))
    target, things = share.target, share.things
    plain, default = target.write({0: 0}), root(share.cloud, TARGET).key()
    target.do("ec2:ModifyEbsDefaultKmsKeyId", KmsKeyId=default)
    if by_default:
        target.do("ec2:EnableEbsEncryptionByDefault")
    keys = {default: DEFAULT, things.target_key: NAMED}
    found = []
    for snapshot in (plain, things.own_snapshot, things.snapshot):
        key = things.target_key if named else None
        copy = share.copy_to_target(SourceSnapshotId=snapshot, Encrypted=encrypted, KmsKeyId=key).settled()
        assert copy.state == "completed"
        found.append(keys[copy.shown["KmsKeyId"]] if copy.shown["Encrypted"] else PLAIN)
    assert found == [of_plain, of_encrypted, of_encrypted]


@row("1.4/min-incremental", "1.4/calls-incremental", "0.8")
def test_a_second_copy_under_the_same_key_needs_no_new_data_key(share: Share) -> None:
    """Method: the first copy with, the second without GenerateDataKeyWithoutPlaintext; only the first is denied it."""
    assert share.copy_to_target().outcome == "completed"
    share.target_now_has(*deny("kms:GenerateDataKeyWithoutPlaintext"))
    second = share.copy_to_target()
    assert second.settled().state == "completed"
    assert share.target.read(second.id) == {0: block(0), 7: block(1)}
    calls = [(each["eventName"], (each["requestParameters"] or {}).get("operations")) for each in second.kms_calls()]
    assert calls[1:] == [
        ("CreateGrant", ["Decrypt"]),
        ("CreateGrant", ["Encrypt"]),
        ("CreateGrant", ["Decrypt"]),
        ("CreateGrant", ["Decrypt"]),
        ("Decrypt", None),
        ("Encrypt", None),
        ("Decrypt", None),
        ("RetireGrant", None),
        ("RetireGrant", None),
        ("RetireGrant", None),
    ]
    fresh = share.with_(target_iam=(*share.target_iam, *deny("kms:GenerateDataKeyWithoutPlaintext")))
    assert fresh.copy_to_target().settled().message == KEY_REFUSED


@row("5/managed-key", "5/no-re-share")
def test_what_can_not_be_shared_on_is_copied_first_and_the_copy_is_shared(share: Share) -> None:
    """Method: a copy under aws/ebs, refused; a copy of it under one's own key, shared; the shared one itself, never."""
    share = share.with_(target_iam=allow("ec2:*", "ebs:*", "kms:*"))
    target = share.target
    managed = share.copy_to_target(KmsKeyId=None)
    assert managed.outcome == "completed"
    refused = target.share(managed.id, SOURCE)
    assert refused.error is not None
    assert (refused.error.code, refused.error.cause) == ("OperationNotPermitted", Cause.DEFAULT_KEY_CANNOT_BE_SHARED)
    assert target.share(share.things.snapshot, SOURCE).error.code == "InvalidSnapshot.NotFound"  # type: ignore[union-attr]
    own = share.copy_to_target(SourceSnapshotId=managed.id)
    assert own.outcome == "completed"
    assert target.share(own.id, SOURCE).error is None
    assert target.read(own.id) == {0: block(0), 7: block(1)}


def test_root_principals_stand_for_their_accounts(share: Share) -> None:
    """Not a row: the policies of these tests say what they mean. Method: the source's statement alone helps nobody."""
    mistaken = share.with_(source_key_policy=allow(SOURCE_ROOT, "kms:*"))
    assert mistaken.copy_to_target().settled().cause in (Cause.KEY_POLICY_SILENT, Cause.ACCOUNT_NOT_DELEGATED)
    assert mistaken.with_(source_key_policy=allow(TARGET_ROOT, "kms:*")).copy_to_target().outcome == "completed"
