"""What AWS says to a volume there can not be, to a malformed id, to a token that was used: word for word.

Codes and texts: ST:volume_controls and its kin, captures of live accounts (ebs.md section 9, source 20).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.sharing.accounts import REGION, TARGET, ZONE, Hand, Share, root

VALUE, COMBINATION = "InvalidParameterValue", "InvalidParameterCombination"
SMALL = (
    "The volume size is invalid for {0} volumes: {1} GiB. {0} volumes must be at least {2} GiB in size. "
    "Please specify a volume size above the minimum limit."
)
ONE_ZONE = "AvailabilityZone and AvailabilityZoneId can't be used together. Specify only one of these parameters."
NO_RATE = "You can't specify VolumeInitializationRate for volumes that are not created from a snapshot."
IN_IOPS = "Throughput (MiBps) to iops ratio of 0.250333 is too high; maximum is 0.250000 MiBps per iops"
CHANGED = "Parameters on this idempotent request are inconsistent with parameters used in previous request(s)"
DELETED = (
    "The client token you have provided is associated with a resource that is already deleted. Please use a "
    "different client token."
)


@pytest.fixture
def hand(share: Share) -> Hand:
    return root(share.cloud, TARGET)


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"Size": 1, "AvailabilityZoneId": "use1-az1"}, (COMBINATION, ONE_ZONE)),
        ({"Size": 0, "VolumeType": "gp3"}, (VALUE, SMALL.format("gp3", 0, 1))),
        ({"Size": -1}, (VALUE, "Value (-1) for parameter size is invalid. Value must be a positive integer.")),
        (
            {"Size": 1, "VolumeType": "bad"},
            ("UnknownVolumeType", "Unsupported volume type 'bad' for volume creation. "),
        ),
        (
            {"Size": 1, "VolumeType": "gp3", "Iops": 2999},
            (VALUE, "Iops to volume size ratio of 2999.000000 is too high; maximum is 500"),
        ),
        (
            {"Size": 4, "VolumeType": "io1", "Iops": 201},
            (VALUE, "Iops to volume size ratio of 50.250000 is too high; maximum is 50"),
        ),
        (
            {"Size": 1, "VolumeType": "gp3", "Iops": 80_001},
            (VALUE, "Volume iops of 80001 is too high; maximum is 80000."),
        ),
        ({"Size": 1, "VolumeType": "gp3", "Iops": 1}, (VALUE, "Volume iops of 1 is too low; minimum is 100.")),
        (
            {"Size": 1, "VolumeType": "gp3", "Throughput": 2001},
            (VALUE, "Volume throughput of 2001 is too high; maximum is 2000."),
        ),
        ({"Size": 1, "VolumeType": "gp3", "Throughput": 751}, (VALUE, IN_IOPS)),
        ({"Size": 1, "Iops": 100}, (COMBINATION, "The parameter iops is not supported for gp2 volumes.")),
        ({"Size": 1, "Throughput": 125}, (COMBINATION, "The throughput parameter is not supported for gp2 volumes.")),
        ({"Size": 1, "VolumeType": "io1"}, (COMBINATION, "The parameter iops must be specified for io1 volumes.")),
        ({"Size": 1, "VolumeType": "io2", "Iops": 100}, (VALUE, SMALL.format("io2", 1, 4))),
        ({"Size": 16_385}, (VALUE, "Volume of 16385GiB is too large for volume type gp2; maximum is 16384GiB")),
        ({"Size": 1, "VolumeInitializationRate": 100}, (COMBINATION, NO_RATE)),
    ],
)
def test_what_no_volume_can_be_is_refused_before_anybody_asks_whether_one_may(
    hand: Hand, asked: dict[str, Any], refusal: tuple[str, str]
) -> None:
    """DryRun says it too."""
    for dry in (False, True):
        assert hand.refused("ec2:CreateVolume", AvailabilityZone=ZONE, DryRun=dry, **asked) == refusal


def test_a_few_limits_are_looked_at_after_the_dry_run(hand: Hand) -> None:
    many = {"AvailabilityZone": ZONE, "Size": 1, "VolumeType": "gp3", "MultiAttachEnabled": True}
    text = "The parameter multi-attach-enabled is not supported for gp3 volumes."
    long = {"AvailabilityZone": ZONE, "Size": 1, "ClientToken": "x" * 65}
    for asked, refusal in (
        (many, (COMBINATION, text)),
        (long, (VALUE, "Client token must be less than or equal to 64 characters.")),
    ):
        assert hand.refused("ec2:CreateVolume", **asked) == refusal
        assert hand.refused("ec2:CreateVolume", DryRun=True, **asked)[0] == "DryRunOperation"


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        ({"VolumeType": ""}, ("gp2", 100, None)),
        ({"VolumeType": "GP3"}, ("gp3", 3000, 125)),
        ({"VolumeType": "gp3", "Iops": 500}, ("gp3", 3000, 125)),
        ({"VolumeType": "gp3", "Iops": 3000, "Throughput": 1}, ("gp3", 3000, 125)),
        ({"VolumeType": "standard"}, ("standard", None, None)),
    ],
)
def test_a_gp3_volume_has_its_base_whatever_less_was_asked_for(
    hand: Hand, asked: dict[str, Any], made: tuple[Any, ...]
) -> None:
    answer = hand.do("ec2:CreateVolume", AvailabilityZone=ZONE, Size=1, **asked)
    assert (answer["VolumeType"], answer.get("Iops"), answer.get("Throughput")) == made


def test_an_initialization_rate_is_of_100_to_300_and_shows(hand: Hand) -> None:
    snapshot = hand.write({0: 0})
    refused = (VALUE, "The value specified for VolumeInitializationRate is not in the allowed range.")
    for rate in (0, 99, 301):
        asked = {"AvailabilityZone": ZONE, "SnapshotId": snapshot, "VolumeInitializationRate": rate}
        assert hand.refused("ec2:CreateVolume", **asked) == refused
    fast, plain = (
        hand.make_volume(SnapshotId=snapshot, VolumeInitializationRate=100),
        hand.make_volume(SnapshotId=snapshot),
    )
    shown = [hand.volume(each) or {} for each in (fast, plain)]
    assert [each.get("VolumeInitializationRate") for each in shown] == [100, None]
    status = hand.do("ec2:DescribeVolumeStatus", VolumeIds=[fast])["VolumeStatuses"][0]
    assert status["InitializationStatusDetails"]["InitializationType"] == "provisioned-rate"
    assert status["VolumeStatus"]["Details"][-1] == {"Name": "initialization-state", "Status": "completed"}


NULL = "Value ({}) for parameter {} is invalid. Parameter may not be null or empty."
NO_PREFIX = "Value ({}) for parameter {} is invalid. Expected: 'vol-...'."
ZERO = "vol-00000000000000000"


@pytest.mark.parametrize(
    ("operation", "asked", "refusal"),
    [
        (
            "DeleteVolume",
            {},
            (
                "MissingParameter",
                "The request must include the VolumeId parameter. Add the required parameter and retry the request.",
            ),
        ),
        ("DeleteVolume", {"VolumeId": "bad"}, (VALUE, "The volume ID 'bad' is malformed")),
        ("DeleteVolume", {"VolumeId": ZERO}, (VALUE, f"The volume ID '{ZERO}' is malformed")),
        ("DescribeVolumes", {"VolumeIds": [ZERO]}, (VALUE, NO_PREFIX.format(ZERO, "volumes"))),
        (
            "DescribeVolumes",
            {"VolumeIds": [""]},
            ("MissingParameter", "The request must contain the parameter volumes"),
        ),
        (
            "DescribeVolumeStatus",
            {"VolumeIds": ["bad"]},
            ("InvalidVolumeID.Malformed", 'Invalid id: "bad" (expecting "vol-...")'),
        ),
        ("DescribeVolumeStatus", {"VolumeIds": [ZERO]}, ("InvalidVolumeID.Malformed", f'Invalid id: "{ZERO}"')),
        ("DescribeVolumesModifications", {"VolumeIds": ["bad"]}, (VALUE, NO_PREFIX.format("bad", "volumeId"))),
        (
            "DescribeVolumeAttribute",
            {"Attribute": "autoEnableIO"},
            ("MissingParameter", NULL.format("null", "volumeId")),
        ),
        (
            "DescribeVolumeAttribute",
            {"Attribute": "autoEnableIO", "VolumeId": ZERO},
            ("InvalidVolumeID.Malformed", f"Value ( {ZERO} ) for parameter VOLUME is invalid. "),
        ),
        ("ModifyVolume", {"Size": 1, "VolumeId": ""}, ("MissingParameter", NULL.format("", "volumeId"))),
        ("ModifyVolumeAttribute", {"AutoEnableIO": {"Value": True}}, ("MissingParameter", "volumeId")),
        (
            "ModifyVolumeAttribute",
            {"AutoEnableIO": {"Value": True}, "VolumeId": "bad"},
            ("InvalidVolumeID.Malformed", "The volume ID 'bad' is malformed"),
        ),
    ],
)
def test_each_operation_has_its_own_words_for_what_is_no_volume(
    hand: Hand, operation: str, asked: dict[str, Any], refusal: tuple[str, str]
) -> None:
    """Only DeleteVolume says so to a dry run."""
    assert hand.refused(f"ec2:{operation}", **asked) == refusal
    dry = hand.refused(f"ec2:{operation}", DryRun=True, **asked)
    assert dry == refusal if operation == "DeleteVolume" else dry[0] == "DryRunOperation"


@pytest.mark.parametrize("digits", ["0" * 17, "0123456789abcdef0", "01111111111111111", "1fedcba9876543210"])
def test_ids_of_digits_that_aws_never_gives_are_malformed_and_not_unknown(hand: Hand, digits: str) -> None:
    """But not in a block device mapping, which has no such snapshot. Method: known specimens."""
    id = f"snap-{digits}"
    malformed = ("InvalidSnapshotID.Malformed", f"Value ( {id} ) for parameter SNAPSHOT is invalid. ")
    assert hand.refused("ec2:DescribeSnapshots", SnapshotIds=[id]) == malformed
    assert hand.refused("ec2:CreateVolume", AvailabilityZone=ZONE, SnapshotId=id) == malformed
    copy = {"SourceRegion": REGION, "SourceSnapshotId": id}
    assert hand.refused("ec2:CopySnapshot", **copy) == (VALUE, "The specified snapshotId is invalid")
    image = f"ami-{digits}"
    assert hand.refused("ec2:DescribeImages", ImageIds=[image]) == ("InvalidAMIID.Malformed", f'Invalid id: "{image}"')
    disk = [{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": id}}]
    named = {"Name": "casebook", "RootDeviceName": "/dev/sda1", "BlockDeviceMappings": disk}
    unknown = ("InvalidSnapshotID.NotFound", f"The snapshot ID '{id}' does not exist")
    assert hand.refused("ec2:RegisterImage", **named) == unknown


def test_a_used_token_answers_with_the_volume_as_it_is_now(hand: Hand) -> None:
    """Zones by name or id and tags in any order are the same request; a default said aloud is another one."""
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    asked = {"Size": 1, "VolumeType": "gp3", "ClientToken": "t"}

    def tagged(order: int) -> dict[str, Any]:
        return {"TagSpecifications": [{"ResourceType": "volume", "Tags": tags[::order]}]}

    first = hand.do("ec2:CreateVolume", AvailabilityZone=ZONE, **tagged(1), **asked)
    again = hand.do("ec2:CreateVolume", AvailabilityZoneId="use1-az1", Throughput=125, **tagged(-1), **asked)
    assert (first["State"], again["State"], again["VolumeId"]) == ("creating", "available", first["VolumeId"])
    hand.do("ec2:ModifyVolume", VolumeId=first["VolumeId"], Size=2)
    assert hand.do("ec2:CreateVolume", AvailabilityZone=ZONE, **tagged(1), **asked)["Size"] == 2
    for more in ({"Iops": 3000}, {"Encrypted": False}, {"MultiAttachEnabled": False}):
        changed = hand.refused("ec2:CreateVolume", AvailabilityZone=ZONE, **tagged(1), **asked, **more)
        assert changed == ("IdempotentParameterMismatch", CHANGED)
    hand.do("ec2:DeleteVolume", VolumeId=first["VolumeId"])
    gone = hand.refused("ec2:CreateVolume", AvailabilityZone=ZONE, **tagged(1), **asked)
    assert gone == ("IdempotentParameterMismatch", DELETED)


def test_what_a_volume_shows_and_what_its_creation_answers(hand: Hand) -> None:
    """No tags are an empty list in the answer, and nothing in the description."""
    made = hand.do("ec2:CreateVolume", AvailabilityZone=ZONE, Size=1)
    assert (made["Tags"], made["SnapshotId"]) == ([], "")
    assert made.keys().isdisjoint({"Attachments", "OwnerId", "VolumeArn", "Operator"})
    shown = hand.volume(made["VolumeId"]) or {}
    assert shown["VolumeArn"] == f"arn:aws:ec2:{REGION}:{TARGET}:volume/{made['VolumeId']}"
    assert (shown["OwnerId"], shown["Operator"]["Managed"], "Tags" in shown) == (TARGET, False, False)


def test_modifying_to_what_it_is_already_is_a_modification(hand: Hand) -> None:
    volume = hand.make_volume(Size=2, VolumeType="gp3")
    nothing = (VALUE, "Invalid input: Must specify at least one of size, type, iops, throughput or multi-attach.")
    assert hand.refused("ec2:ModifyVolume", VolumeId=volume) == nothing
    for size in (0, 1):
        smaller = (VALUE, "New size cannot be smaller than existing size")
        assert hand.refused("ec2:ModifyVolume", VolumeId=volume, Size=size) == smaller
    assert hand.do("ec2:ModifyVolume", VolumeId=volume, Size=2)["VolumeModification"]["TargetSize"] == 2
    found = hand.do("ec2:DescribeVolumesModifications", VolumeIds=[volume])["VolumesModifications"][0]
    assert (found["ModificationState"], found["Operator"]["Managed"]) == ("completed", False)
