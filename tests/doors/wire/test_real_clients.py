"""boto3, unchanged, talks to the door over HTTP: the same script as against AWS."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from app.kernel.errors import AwsError
from tests.doors.wire.fakes import REQUEST_ID, TOKEN, FakeHost

Served = tuple[str, FakeHost]
OTHER = "another"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def test_a_kms_call_arrives_with_bytes_and_its_answer_with_a_request_id(served: Served, client: Any) -> None:
    """JSON: blobs are base64 on the wire and bytes on both ends."""
    host = served[1]
    host.answers["kms:Encrypt"] = {
        "CiphertextBlob": b"\x00\xff",
        "KeyId": "key",
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }
    answer = client("kms").encrypt(KeyId="key", Plaintext=b"\x01\x02", EncryptionContext={"a": "b"})
    assert host.last.parameters == {"KeyId": "key", "Plaintext": b"\x01\x02", "EncryptionContext": {"a": "b"}}
    assert (host.last.region, host.last.caller.account) == ("eu-west-1", "111111111111")
    assert (answer["CiphertextBlob"], answer["ResponseMetadata"]["RequestId"]) == (b"\x00\xff", REQUEST_ID)


def test_a_void_kms_answer_is_200_and_empty(served: Served, client: Any) -> None:
    answer = client("kms").enable_key(KeyId="key")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-length"] == "0"
    assert "server" not in answer["ResponseMetadata"]["HTTPHeaders"]


def test_an_ec2_call_arrives_with_its_lists_and_its_times_return(served: Served, client: Any) -> None:
    """EC2: lists are flattened under names of their own; times carry milliseconds."""
    host = served[1]
    host.answers["ec2:DescribeSnapshots"] = {
        "Snapshots": [{"SnapshotId": "snap-1", "StartTime": MOMENT, "Encrypted": True, "VolumeSize": 8, "Tags": []}]
    }
    answer = client("ec2").describe_snapshots(
        OwnerIds=["self", "1"], SnapshotIds=["snap-1"], Filters=[{"Name": "tag:a", "Values": ["x", "y"]}], MaxResults=5
    )
    assert host.last.parameters == {
        "OwnerIds": ["self", "1"],
        "SnapshotIds": ["snap-1"],
        "Filters": [{"Name": "tag:a", "Values": ["x", "y"]}],
        "MaxResults": 5,
    }
    assert answer["Snapshots"][0]["StartTime"] == MOMENT
    assert answer["ResponseMetadata"]["RequestId"] == REQUEST_ID


def test_both_request_forms_of_modify_snapshot_attribute_arrive(served: Served, client: Any) -> None:
    host, ec2 = served[1], client("ec2")
    change = {"Add": [{"UserId": "222222222222"}, {"Group": "all"}]}
    ec2.modify_snapshot_attribute(SnapshotId="snap-1", CreateVolumePermission=change)
    assert host.last.parameters["CreateVolumePermission"] == change
    legacy = {"Attribute": "createVolumePermission", "OperationType": "add", "UserIds": ["2"], "GroupNames": ["all"]}
    ec2.modify_snapshot_attribute(SnapshotId="snap-1", **legacy)
    assert host.last.parameters == {"SnapshotId": "snap-1", **legacy}


def test_a_copy_brings_its_presigned_url_and_tags(served: Served, client: Any) -> None:
    host = served[1]
    host.answers["ec2:CopySnapshot"] = {"SnapshotId": "snap-2"}
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "k", "Value": "v & <w>"}]}]
    client("ec2").copy_snapshot(
        SourceRegion="us-east-1", SourceSnapshotId="snap-1", TagSpecifications=tags, Encrypted=True
    )
    assert host.last.parameters["TagSpecifications"] == tags
    assert host.last.parameters["Encrypted"] is True
    assert "X-Amz-Signature" in host.last.parameters["PresignedUrl"]


def test_iam_policy_documents_come_back_as_documents(served: Served, client: Any) -> None:
    """IAM answers them URL-encoded; boto3 decodes, and would hand out rubbish if we did not."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "a b+%"}]}
    text = json.dumps(document)
    served[1].answers["iam:GetRole"] = {
        "Role": {
            "Path": "/", "RoleName": "r", "RoleId": "AROA", "Arn": "arn", "CreateDate": MOMENT.replace(microsecond=0),
            "AssumeRolePolicyDocument": text,
        }
    }  # fmt: skip
    assert client("iam").get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"] == document


def test_a_block_is_put_and_read_by_location(served: Served, client: Any) -> None:
    """rest-json: path labels, headers, the body itself; 201 and 202 as the model says."""
    host, ebs = served[1], client("ebs")
    block = bytes(524_288)
    checksum = b64encode(hashlib.sha256(block).digest()).decode()
    host.answers["ebs:PutSnapshotBlock"] = {"Checksum": checksum, "ChecksumAlgorithm": "SHA256"}
    put = ebs.put_snapshot_block(
        SnapshotId="snap-1",
        BlockIndex=7,
        BlockData=block,
        DataLength=len(block),
        Checksum=checksum,
        ChecksumAlgorithm="SHA256",
    )
    assert (put["ResponseMetadata"]["HTTPStatusCode"], put["Checksum"]) == (201, checksum)
    assert host.last.parameters["BlockData"] == block
    assert (host.last.parameters["BlockIndex"], host.last.parameters["DataLength"]) == (7, 524_288)
    host.answers["ebs:GetSnapshotBlock"] = {
        "DataLength": 3,
        "BlockData": b"abc",
        "Checksum": "c",
        "ChecksumAlgorithm": "SHA256",
    }
    got = ebs.get_snapshot_block(SnapshotId="snap-1", BlockIndex=7, BlockToken="a+b/c=")
    assert (got["BlockData"].read(), got["DataLength"]) == (b"abc", 3)
    assert host.last.parameters["BlockToken"] == "a+b/c="


@pytest.mark.parametrize(
    ("call", "error", "read_as"),
    [
        ("kms:ListKeys:list_keys", AwsError("NotFoundException", "no & <such>"), "no & <such>"),
        ("iam:ListUsers:list_users", AwsError("NoSuchEntity", "no & <such>", 404), "no & <such>"),
        ("ec2:DescribeVolumes:describe_volumes", AwsError("InvalidVolume.NotFound", "a\rb"), "a\rb"),
        ("ec2:DescribeRegions:describe_regions", AwsError("DryRunOperation", "would", 412), "would"),
        ("sts:GetCallerIdentity:get_caller_identity", AwsError("AccessDenied", "é\x00", 403), "é\ufffd"),
    ],
)
def test_an_error_reads_in_every_protocol(
    served: Served, client: Any, call: str, error: AwsError, read_as: str
) -> None:
    """Code, text, status and request id are where boto3 looks for them; what XML can not say is replaced."""
    service, operation, method = call.split(":")
    served[1].answers[f"{service}:{operation}"] = error
    with pytest.raises(ClientError) as raised:
        getattr(client(service), method)()
    seen = raised.value.response
    assert (seen["Error"]["Code"], seen["Error"]["Message"]) == (error.code, read_as)
    assert seen["ResponseMetadata"]["HTTPStatusCode"] == error.status
    assert seen["ResponseMetadata"]["RequestId"] == REQUEST_ID


def test_an_ebs_error_carries_its_reason(served: Served, client: Any) -> None:
    served[1].answers["ebs:ListSnapshotBlocks"] = AwsError(
        "ResourceNotFoundException", "gone", 404, (("Reason", "SNAPSHOT_NOT_FOUND"),)
    )
    ebs = client("ebs")
    with pytest.raises(ebs.exceptions.ResourceNotFoundException) as raised:
        ebs.list_snapshot_blocks(SnapshotId="snap-1")
    assert (raised.value.response["Reason"], raised.value.response["Message"]) == ("SNAPSHOT_NOT_FOUND", "gone")


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("kms", "list_keys", "InvalidSignatureException", 400),
        ("iam", "list_users", "SignatureDoesNotMatch", 403),
        ("ec2", "describe_volumes", "AuthFailure", 401),
    ],
)
def test_a_wrong_secret_is_refused_as_the_protocol_says(
    client: Any, service: str, operation: str, code: str, status: int
) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(client(service, secret=OTHER), operation)()
    response = raised.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_a_session_needs_its_own_token(client: Any) -> None:
    assert client("kms", key="ASIASESSION", token=TOKEN).list_keys()
    with pytest.raises(ClientError, match="ExpiredTokenException"):
        client("kms", key="ASIASESSION", token=OTHER).list_keys()


@pytest.mark.parametrize("service", ["kms", "ebs"])
def test_a_world_prefix_decides_the_world(served: Served, client: Any, service: str) -> None:
    """The prefix is part of what is signed, and no part of what is called."""
    host = served[1]
    host.answers["ebs:ListSnapshotBlocks"] = {"Blocks": []}
    if service == "kms":
        client("kms", path="/w/lab-7").list_keys()
    else:
        client("ebs", path="/w/lab-7").list_snapshot_blocks(SnapshotId="snap-1")
    assert host.requests[-1][0] == "lab-7"


def test_an_unsigned_federated_sign_in_comes_as_anonymous(served: Served, client: Any) -> None:
    """AssumeRoleWithWebIdentity has no signature; its service is told from Action and Version."""
    served[1].answers["sts:AssumeRoleWithWebIdentity"] = {"Provider": "p"}
    client("sts").assume_role_with_web_identity(
        RoleArn="arn:aws:iam::111111111111:role/r", RoleSessionName="me", WebIdentityToken="token"
    )
    assert (served[1].last.caller.kind, served[1].last.operation) == ("anonymous", "sts:AssumeRoleWithWebIdentity")
