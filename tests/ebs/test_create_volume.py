"""CreateVolume, row by row (ebs.md 1.2): what is refused at once, in which order, and what shows later."""

from __future__ import annotations

from typing import Any

import pytest

from app.policy.causes import Cause
from tests.sharing.accounts import TARGET, ZONE, Share, allow, deny, root

row = pytest.mark.row
MISSING = "snap-0abcdef0123456789"
NO_KEY = f"arn:aws:kms:us-east-1:{TARGET}:key/00000000-0000-4000-8000-000000000000"
UNKNOWN_ZONE = ("InvalidZone.NotFound", "The zone 'x' does not exist.")


def request(share: Share, **changes: Any) -> dict[str, Any]:
    """A request that succeeds, with some parameters changed or (None) left out."""
    asked = {"AvailabilityZone": ZONE, "SnapshotId": share.things.own_snapshot} | changes
    return {name: value for name, value in asked.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        pytest.param(
            {"SnapshotId": None},
            ("MissingParameter", "The request must contain the parameter size/snapshot"),
            marks=row("1.2/no-size"),
        ),
        pytest.param(
            {"AvailabilityZone": None},
            ("MissingParameter", "The request must contain the parameter zone"),
            marks=row("1.2/no-zone"),
        ),
        pytest.param({"AvailabilityZone": "x"}, UNKNOWN_ZONE, marks=row("1.2/zone-unknown")),
        pytest.param(
            {"SnapshotId": MISSING},
            ("InvalidSnapshot.NotFound", "Snapshot does not exist"),
            marks=row("0.4", "1.2/snapshot-missing"),
        ),
        pytest.param(
            {"SnapshotId": "snap-x"},
            ("InvalidSnapshotID.Malformed", "Value ( snap-x ) for parameter SNAPSHOT is invalid. "),
            marks=row("1.2/snapshot-malformed"),
        ),
        pytest.param(
            {"Encrypted": False},
            (
                "InvalidParameterCombination",
                "EncryptedVolume parameter [false] is inconsistent with snapshot encryption state [true]",
            ),
            marks=row("1.2/encrypted-false", "5/volume-key-errors"),
        ),
        pytest.param(
            {"KmsKeyId": NO_KEY},
            ("InvalidParameterDependency", "The parameter [KmsKeyId] requires the parameter Encrypted to be set."),
            marks=row("1.2/key-without-encrypted", "5/volume-key-errors"),
        ),
    ],
)
def test_what_is_refused_at_once(share: Share, changes: dict[str, Any], refusal: tuple[str, str]) -> None:
    assert share.target.refused("ec2:CreateVolume", **request(share, **changes)) == refusal


def test_a_zone_is_named_once_by_name_or_by_id(share: Share) -> None:
    """Neither is ignored in silence. Method: both, then the id alone."""
    both = request(share, AvailabilityZoneId="use1-az2")
    assert share.target.refused("ec2:CreateVolume", **both)[0] == "InvalidParameterCombination"
    by_id = request(share, AvailabilityZone=None, AvailabilityZoneId="use1-az2")
    assert share.target.do("ec2:CreateVolume", **by_id)["AvailabilityZone"] == "us-east-1b"


@row("1.2/snapshot-missing", "0.4")
def test_a_snapshot_that_is_not_shared_does_not_exist_until_it_is(share: Share) -> None:
    unshared = share.with_(is_shared=False)
    refused = unshared.volume_in_target()
    assert refused.error == ("InvalidSnapshot.NotFound", "Snapshot does not exist")
    assert refused.cause is Cause.SNAPSHOT_NOT_SHARED
    assert unshared.with_(is_shared=True).volume_in_target().outcome == "available"


@row("1.2/snapshot-pending")
def test_a_pending_snapshot_makes_no_volume(slow: Share) -> None:
    source = slow.source
    pending = source.make_snapshot(slow.things.volume)
    asked = {"AvailabilityZone": ZONE, "SnapshotId": pending}
    assert source.refused("ec2:CreateVolume", **asked) == ("IncorrectState", "Snapshot is in invalid state - pending")
    slow.cloud.advance(60_000)
    assert source.make_volume(SnapshotId=pending)


@row("1.2/order")
def test_the_order_of_checks_is_zone_tags_snapshot_size_iam_dry_run_token_state_encryption(share: Share) -> None:
    """Method: a request that is wrong in every way is mended one way at a time; each time the next check speaks."""
    target = share.target
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "a", "Value": "b"}]}]
    target.do("ec2:CreateVolume", **request(share, ClientToken="t", Size=9))
    root(share.cloud, TARGET).let("restorer", *allow("kms:*"))
    asked = request(share, AvailabilityZone="x", TagSpecifications=tags, SnapshotId=MISSING, VolumeType="none")
    asked |= {"DryRun": True, "ClientToken": "t", "Encrypted": False}
    seen = []
    mend = (
        {"AvailabilityZone": ZONE},
        {"TagSpecifications": None},
        {"SnapshotId": share.things.own_snapshot},
        {"VolumeType": "gp3"},
        "allow",
        {"DryRun": None},
        {"ClientToken": None},
    )
    for each in mend:
        seen.append(target.refused("ec2:CreateVolume", **{k: v for k, v in asked.items() if v is not None})[0])
        if isinstance(each, str):
            root(share.cloud, TARGET).let("restorer", *allow("kms:*", "ec2:*"))
        else:
            asked |= each
    seen.append(target.refused("ec2:CreateVolume", **{k: v for k, v in asked.items() if v is not None})[0])
    assert seen == [
        "InvalidZone.NotFound",
        "InvalidParameterValue",
        "InvalidSnapshot.NotFound",
        "UnknownVolumeType",
        "UnauthorizedOperation",
        "DryRunOperation",
        "IdempotentParameterMismatch",
        "InvalidParameterCombination",
    ]


@row("1.2/key-bad", "0.1", "0.2", "1.2/vanishes")
def test_an_unknown_key_is_answered_200_and_then_the_volume_is_gone(share: Share) -> None:
    """Method: the key is repaired by naming one that exists."""
    step = share.volume_in_target(KmsKeyId=NO_KEY)
    assert step.reply.answer is not None
    assert (step.reply.answer["State"], step.reply.answer["KmsKeyId"]) == ("creating", NO_KEY)
    assert step.settled().state == "gone"
    gone = ("InvalidVolume.NotFound", f"The volume '{step.id}' does not exist.")
    assert share.target.refused("ec2:DescribeVolumes", VolumeIds=[step.id]) == gone
    assert "DescribeKey" not in [each["eventName"] for each in step.kms_calls()]
    assert share.volume_in_target().outcome == "available"


@row("1.2/key-bad", "0.2")
def test_a_disabled_key_is_answered_200_and_then_the_volume_is_gone(share: Share) -> None:
    owner = root(share.cloud, TARGET)
    owner.do("kms:DisableKey", KeyId=share.things.target_key)
    step = share.volume_in_target()
    assert (step.settled().state, step.settled().cause) == ("gone", Cause.KEY_DISABLED)
    owner.do("kms:EnableKey", KeyId=share.things.target_key)
    assert share.volume_in_target().outcome == "available"


@row("1.2/token")
def test_a_client_token_is_answered_as_the_first_time_and_refused_with_other_parameters(share: Share) -> None:
    target = share.target
    first = target.do("ec2:CreateVolume", **request(share, ClientToken="t"))
    assert target.do("ec2:CreateVolume", **request(share, ClientToken="t"))["VolumeId"] == first["VolumeId"]
    assert (
        target.refused("ec2:CreateVolume", **request(share, ClientToken="t", Size=2))[0]
        == "IdempotentParameterMismatch"
    )
    assert len(target.do("ec2:DescribeVolumes")["Volumes"]) == 1


@row("1.2/size-raised")
def test_a_size_below_the_snapshots_is_raised_to_it(share: Share) -> None:
    target = share.target
    snapshot = target.write({0: 0}, size_gib=2)
    assert target.do("ec2:CreateVolume", **request(share, SnapshotId=snapshot, Size=1))["Size"] == 2
    assert target.do("ec2:CreateVolume", **request(share, SnapshotId=snapshot, Size=3))["Size"] == 3


@row("1.2/answer")
def test_the_answer_has_whole_seconds_no_tags_and_no_key_that_was_only_chosen_by_default(share: Share) -> None:
    """The default key stands in DescribeVolumes only; a key that was named, or inherited from an own one, at once."""
    target, things = share.target, share.things
    own = target.do("ec2:CreateVolume", **request(share))
    named = target.do("ec2:CreateVolume", **request(share, Encrypted=True, KmsKeyId=things.target_key))
    shared = target.do("ec2:CreateVolume", **request(share, SnapshotId=things.snapshot))
    default = target.do("ec2:CreateVolume", **request(share, SnapshotId=None, Size=1, Encrypted=True))
    assert (own["CreateTime"].microsecond, own["Tags"], own["State"]) == (0, [], "creating")
    assert (own["KmsKeyId"], named["KmsKeyId"]) == (things.own_key, things.target_key)
    for answer in (shared, default):
        assert (answer["Encrypted"], "KmsKeyId" in answer) == (True, False)
        volume = target.volume(answer["VolumeId"])
        assert volume is not None
        assert volume["KmsKeyId"].startswith(f"arn:aws:kms:us-east-1:{TARGET}:key/")


PLAIN, DEFAULT, SAME, NAMED, REFUSED = "plain", "default", "same", "named", "refused"
KEY_OF_A_VOLUME = [  # Encrypted, is a key named, encryption by default; then new, own plain, own, shared plain, shared
    (None, False, False, (PLAIN, PLAIN, SAME, PLAIN, DEFAULT)),
    (None, False, True, (DEFAULT, DEFAULT, SAME, DEFAULT, DEFAULT)),
    (True, False, False, (DEFAULT, DEFAULT, SAME, DEFAULT, DEFAULT)),
    (True, False, True, (DEFAULT, DEFAULT, SAME, DEFAULT, DEFAULT)),
    (True, True, False, (NAMED, NAMED, NAMED, NAMED, NAMED)),
    (False, False, False, (PLAIN, PLAIN, REFUSED, PLAIN, REFUSED)),
    (False, False, True, (DEFAULT, DEFAULT, REFUSED, DEFAULT, REFUSED)),
    (None, True, False, (REFUSED,) * 5),
    (False, True, False, (REFUSED,) * 5),
]


@row("0.13", "5/volume-key", "5/volume-key-errors")
@pytest.mark.parametrize(("encrypted", "named", "by_default", "expected"), KEY_OF_A_VOLUME)
@pytest.mark.row("5.1/omitted", "5.1/omitted-on", "5.1/true", "5.1/key", "5.1/false", "5.1/false-on", "5.1/key-alone")
def test_the_key_of_a_volume_follows_the_table(
    share: Share, encrypted: bool | None, named: bool, by_default: bool, expected: tuple[str, ...]
) -> None:
    """Method: every row of ebs.md 5.1 against every column, the default key being a key that the account has set."""
    share = share.with_(target_iam=allow("ec2:*", "ebs:*", "kms:*"))
    source, target, things = share.source, share.target, share.things
    own_plain, shared_plain = target.write({0: 0}), source.write({0: 0})
    assert source.share(shared_plain, TARGET).error is None
    default = root(share.cloud, TARGET).key()
    target.do("ec2:ModifyEbsDefaultKmsKeyId", KmsKeyId=default)
    if by_default:
        target.do("ec2:EnableEbsEncryptionByDefault")
    keys = {default: DEFAULT, things.own_key: SAME, things.target_key: NAMED}
    found = []
    for snapshot in (None, own_plain, things.own_snapshot, shared_plain, things.snapshot):
        key = things.target_key if named else None
        reply = target.ask(
            "ec2:CreateVolume", **request(share, SnapshotId=snapshot, Size=1, Encrypted=encrypted, KmsKeyId=key)
        )
        volume = target.volume(reply.answer["VolumeId"]) if reply.answer else None
        found.append(
            keys.get(volume["KmsKeyId"], "?") if volume and volume["Encrypted"] else PLAIN if volume else REFUSED
        )
    assert tuple(found) == expected


@row("1.1/create-tags")
def test_tags_at_creation_need_create_tags_for_that_action(share: Share) -> None:
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "team", "Value": "a"}]}]
    on_create = {"StringEquals": {"ec2:CreateAction": "CreateVolume"}}
    only = share.with_(
        target_iam=(*allow("ec2:CreateVolume", "ec2:Describe*"), *allow("ec2:CreateTags", Condition=on_create))
    )
    assert only.target.do("ec2:CreateVolume", **request(only, TagSpecifications=tags))["Tags"] == tags[0]["Tags"]
    without = share.with_(target_iam=allow("ec2:CreateVolume"))
    code, message = without.target.refused("ec2:CreateVolume", **request(without, TagSpecifications=tags))
    assert (code, f"ec2:CreateTags on resource: arn:aws:ec2:us-east-1:{TARGET}:volume/*" in message) == (
        "UnauthorizedOperation",
        True,
    )


@row("1.1/arns")
@pytest.mark.row("1.1/create-volume-snapshot")
def test_volumes_have_the_account_in_their_arn_and_snapshots_do_not(share: Share) -> None:
    """Method: an allow with the account filled in matches the volume, and not the snapshot."""
    account = share.with_(target_iam=allow("ec2:CreateVolume", Resource=[f"arn:aws:ec2:us-east-1:{TARGET}:*"]))
    code, message = account.target.refused("ec2:CreateVolume", **request(account))
    assert f"ec2:CreateVolume on resource: arn:aws:ec2:us-east-1::snapshot/{share.things.own_snapshot}" in message
    both = [f"arn:aws:ec2:us-east-1:{TARGET}:volume/*", "arn:aws:ec2:us-east-1::snapshot/*"]
    repaired = share.with_(target_iam=allow("ec2:CreateVolume", Resource=both))
    assert (code, repaired.target.ask("ec2:CreateVolume", **request(repaired)).error) == ("UnauthorizedOperation", None)


@row("1.1/read-denies")
def test_no_permission_to_read_is_needed_for_a_volume_or_a_copy_and_the_other_way_round(share: Share) -> None:
    blind = (*allow("ec2:*"), *deny("ebs:*", "ec2:DescribeSnapshots"))
    unread = share.with_(target_iam=blind)
    assert unread.volume_in_target().settled().state == "available"
    copy = unread.copy_to_target()
    assert root(unread.cloud, TARGET).snapshot(copy.id)["State"] == "completed"
    reader = share.with_(target_iam=(*allow("ebs:*"), *deny("ec2:*")))
    assert sorted(reader.target.read(share.things.snapshot)) == [0, 7]


def test_a_volume_keeps_its_data_when_its_snapshot_is_deleted_while_it_is_made(slow: Share) -> None:
    """What was accepted is made of what was there then. Method: the snapshot goes before the volume settles."""
    source = slow.source
    snapshot = source.make_snapshot(slow.things.volume)
    slow.cloud.advance(60_000)
    volume = source.make_volume(SnapshotId=snapshot)
    source.do("ec2:DeleteSnapshot", SnapshotId=snapshot)
    slow.cloud.advance(60_000)
    again = source.make_snapshot(volume)
    slow.cloud.advance(60_000)
    assert sorted(source.read(again)) == [0, 7]
