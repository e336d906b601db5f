"""CloudTrail of what this folder is about: EC2's newer operations are recorded in a wrapping of their own."""

from __future__ import annotations

from tests.ebs_features.hands import pair, plain


def test_a_modification_is_recorded_under_its_request_and_response() -> None:
    """Names of the wire in the request, of the XML in the response (public readers of such records)."""
    source, _ = pair()
    volume = source.make_volume(Size=1)
    source.do("ec2:ModifyVolume", VolumeId=volume, Size=2)
    (event,) = source.events("ModifyVolume")
    assert event["requestParameters"] == {"ModifyVolumeRequest": {"VolumeId": volume, "Size": 2}}
    response = event["responseElements"]["ModifyVolumeResponse"]
    assert (response["requestId"], response["xmlns"]) == (
        event["requestID"],
        "http://ec2.amazonaws.com/doc/2016-11-15/",
    )
    assert (response["volumeModification"]["originalSize"], response["volumeModification"]["targetSize"]) == (1, 2)


def test_the_values_of_lists_are_numbered_in_a_request_and_items_in_a_response() -> None:
    source, _ = pair()
    one, two = plain(source), plain(source)
    zones = ["us-east-1a"]
    source.do("ec2:EnableFastSnapshotRestores", SourceSnapshotIds=[one, two], AvailabilityZones=zones)
    (event,) = source.events("EnableFastSnapshotRestores")
    assert event["requestParameters"]["EnableFastSnapshotRestoresRequest"] == {
        "SourceSnapshotId": [{"tag": 1, "content": one}, {"tag": 2, "content": two}],
        "AvailabilityZone": {"tag": 1, "content": "us-east-1a"},
    }
    response = event["responseElements"]["EnableFastSnapshotRestoresResponse"]
    assert [each["snapshotId"] for each in response["successful"]["item"]] == [one, two]
    assert response["unsuccessful"] == ""


def test_a_refusal_keeps_its_request_and_has_no_response() -> None:
    source, _ = pair()
    snapshot = plain(source)
    source.refused("ec2:LockSnapshot", SnapshotId=snapshot, LockMode="governance", LockDuration=1, DryRun=True)
    (event,) = source.events("LockSnapshot")
    assert (event["errorCode"], event["responseElements"]) == ("Client.DryRunOperation", None)
    assert event["requestParameters"]["LockSnapshotRequest"]["DryRun"] is True


def test_a_request_without_parameters_is_an_empty_text() -> None:
    source, _ = pair()
    source.do("ec2:DisableSnapshotBlockPublicAccess")
    (event,) = source.events("DisableSnapshotBlockPublicAccess")
    assert event["requestParameters"] == {"DisableSnapshotBlockPublicAccessRequest": ""}
