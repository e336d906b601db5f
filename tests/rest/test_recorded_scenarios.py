"""How what was done by hand is written: who plays, what was there before, what is left out; no secret is told."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from app.desks import Desks
from app.persistence.open import open_store
from app.services import all_services
from tests.rest.by_hand import (
    REGION,
    SOURCE,
    TARGET,
    THIRD,
    Desk,
    allow,
    document,
    key_policy,
    played,
    trust,
    wrong,
)  # fmt: skip

BLOCK = b"the ledger of the shop".ljust(524288, b".")


def desk(**more: Any) -> Desk:
    return Desk(all_services(), **more)


def written_block(work: Desk, who: Any, block: bytes = BLOCK, **more: Any) -> str:
    """A snapshot with one block, by the EBS direct APIs."""
    id = work.must(who, "ebs:StartSnapshot", VolumeSize=1, **more)["SnapshotId"]
    sum = base64.b64encode(hashlib.sha256(block).digest()).decode()
    work.must(
        who, "ebs:PutSnapshotBlock", SnapshotId=id, BlockIndex=0, BlockData=block, DataLength=len(block), Checksum=sum,
        ChecksumAlgorithm="SHA256",
    )  # fmt: skip
    work.must(who, "ebs:CompleteSnapshot", SnapshotId=id, ChangedBlocksCount=1)
    return str(id)


def test_no_secret_is_told() -> None:
    """Neither in the lines that the server keeps nor in any file: method, all that is secret is looked for."""
    work = desk()
    work.begin()
    issued = (
        work.must(SOURCE, "iam:CreateUser", UserName="dana")
        and work.must(SOURCE, "iam:CreateAccessKey", UserName="dana")["AccessKey"]
    )
    work.must(SOURCE, "iam:PutUserPolicy", UserName="dana", PolicyName="all", PolicyDocument=document(allow("*")))
    dana = work.caller_of(issued)
    role = work.role(SOURCE, "worker", trust(SOURCE), allow("*"))
    opened = work.must(dana, "sts:AssumeRole", RoleArn=role, RoleSessionName="by-hand", Policy=document(allow("kms:*")))
    token = work.must(dana, "sts:GetFederationToken", Name="guest", Policy=document(allow("kms:*")))
    key = work.must(dana, "kms:CreateKey")["KeyMetadata"]["Arn"]
    made = work.must(work.caller_of(opened["Credentials"]), "kms:GenerateDataKey", KeyId=key, KeySpec="AES_256")
    work.must(dana, "kms:Encrypt", KeyId=key, Plaintext=b"the combination of the safe")
    signing = work.must(dana, "kms:CreateKey", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    message = {"KeyId": signing, "Message": b"the text of the letter", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = work.must(work.caller_of(token["Credentials"]), "kms:Sign", **message)["Signature"]
    work.must(dana, "kms:Verify", Signature=signature, **message)
    written_block(work, dana)
    found = played(work)
    assert found.report.ok, wrong(found.report)
    kept = str(work.store.journal("default").entries("recording/default"))
    secrets = [issued["SecretAccessKey"], *(opened["Credentials"][one] for one in ("SecretAccessKey", "SessionToken"))]
    secrets += [token["Credentials"]["SecretAccessKey"], token["Credentials"]["SessionToken"]]
    for secret in [one.encode() for one in secrets] + [
        made["Plaintext"], b"the combination of the safe", b"the text of the letter", BLOCK[:30],
        hashlib.sha256(BLOCK).digest(),
    ]:  # fmt: skip
        for told in (kept, found.everything):
            assert secret.decode("latin-1") not in told
            assert base64.b64encode(secret).decode().rstrip("=")[:-1] not in told


def test_a_session_is_opened_by_the_step_that_opened_it_where_it_is_no_ordinary_one() -> None:
    """Its session policy counts; so do the tags and the issuer of a federated user."""
    work = desk()
    dana = work.user(SOURCE, "dana", allow(["sts:*", "kms:*"]))
    role = work.role(SOURCE, "worker", trust(f"arn:aws:iam::{SOURCE}:user/dana"), allow("kms:*"))
    work.begin()
    reader = work.assume(dana, role, Policy=document(allow("kms:List*")))
    assert work.call(reader, "kms:CreateKey").error is not None
    guest = work.must(dana, "sts:GetFederationToken", Name="guest", Policy=document(allow("kms:*")))
    work.must(work.caller_of(guest["Credentials"]), "kms:CreateKey")
    found = played(work)
    assert found.report.ok, wrong(found.report) + found.text
    assert (
        "source/worker: {signed-in-by: assume-role}" in found.text
        or "worker: {signed-in-by: assume-role}" in found.text
    )
    assert "guest: {signed-in-by: get-federation-token}" in found.text
    assert found.outcomes == [
        ("sts:AssumeRole", "OK"), ("kms:CreateKey", "AccessDeniedException"), ("sts:GetFederationToken", "OK"),
        ("kms:CreateKey", "OK"),
    ]  # fmt: skip


def test_what_only_looked_is_folded_and_a_refused_look_is_kept() -> None:
    work = desk()
    tom = work.user(TARGET, "tom", allow("kms:*"))
    volume = work.must(SOURCE, "ec2:CreateVolume", AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    snapshot = work.must(SOURCE, "ec2:CreateSnapshot", VolumeId=volume)["SnapshotId"]
    work.begin()
    for _ in range(5):
        work.must(SOURCE, "ec2:DescribeSnapshots", SnapshotIds=[snapshot])
        assert work.call(tom, "ec2:DescribeSnapshots", SnapshotIds=[snapshot]).error
    work.must(SOURCE, "ec2:CreateTags", Resources=[snapshot], Tags=[{"Key": "a", "Value": "b"}])
    found = played(work)
    assert found.report.ok, wrong(found.report)
    assert found.outcomes == [("ec2:DescribeSnapshots", "UnauthorizedOperation"), ("ec2:CreateTags", "OK")]


def test_an_id_that_only_a_look_told_is_looked_up_again() -> None:
    """The snapshot of an image is named by nobody before it is described."""
    work = desk()
    volume = work.must(SOURCE, "ec2:CreateVolume", AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    device = {
        "DeviceName": "/dev/xvda",
        "Ebs": {"SnapshotId": work.must(SOURCE, "ec2:CreateSnapshot", VolumeId=volume)["SnapshotId"]},
    }
    image = work.must(
        SOURCE, "ec2:RegisterImage", Name="base", RootDeviceName="/dev/xvda", BlockDeviceMappings=[device]
    )["ImageId"]
    instance = work.must(SOURCE, "ec2:RunInstances", ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)[
        "Instances"
    ][0]
    work.begin()
    work.advance(1000)
    made = work.must(SOURCE, "ec2:CreateImage", InstanceId=instance["InstanceId"], Name="mine")["ImageId"]
    described = work.must(SOURCE, "ec2:DescribeImages", ImageIds=[made])["Images"][0]
    own = described["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    work.must(
        SOURCE, "ec2:ModifySnapshotAttribute", SnapshotId=own, CreateVolumePermission={"Add": [{"UserId": TARGET}]}
    )
    found = played(work)
    assert found.report.ok, wrong(found.report) + found.text
    assert found.outcomes[-2:] == [("ec2:DescribeImages", "OK"), ("ec2:ModifySnapshotAttribute", "OK")]


def test_members_of_an_organization_and_its_policies_were_there_before() -> None:
    work = desk()
    work.must(THIRD, "organizations:CreateOrganization", FeatureSet="ALL")
    for member in (SOURCE, TARGET):
        target = {"Id": member, "Type": "ACCOUNT"}
        invited = work.must(THIRD, "organizations:InviteAccountToOrganization", Target=target)
        work.must(member, "organizations:AcceptHandshake", HandshakeId=invited["Handshake"]["Id"])
    root = work.must(THIRD, "organizations:ListRoots")["Roots"][0]["Id"]
    unit = work.must(THIRD, "organizations:CreateOrganizationalUnit", ParentId=root, Name="shops")[
        "OrganizationalUnit"
    ]["Id"]
    work.must(THIRD, "organizations:MoveAccount", AccountId=TARGET, SourceParentId=root, DestinationParentId=unit)
    work.must(THIRD, "organizations:EnablePolicyType", RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    content = document({"Effect": "Deny", "Action": "ec2:CreateVolume", "Resource": "*"})
    scp = work.must(
        THIRD, "organizations:CreatePolicy", Name="no-volumes", Description="-", Type="SERVICE_CONTROL_POLICY",
        Content=content,
    )["Policy"]["PolicySummary"]["Id"]  # fmt: skip
    work.must(THIRD, "organizations:AttachPolicy", PolicyId=scp, TargetId=unit)
    work.begin()
    work.must(SOURCE, "ec2:CreateVolume", AvailabilityZone="us-east-1a", Size=1)
    assert work.call(TARGET, "ec2:CreateVolume", AvailabilityZone="us-east-1a", Size=1).error
    found = played(work)
    assert found.report.ok, wrong(found.report) + found.text
    assert found.outcomes == [("ec2:CreateVolume", "OK"), ("ec2:CreateVolume", "UnauthorizedOperation")]
    assert "cause: SCP_DENIES" in found.text


def test_an_account_that_the_organization_makes_is_invited_instead_and_the_file_says_so() -> None:
    work = desk()
    work.begin()
    work.must(THIRD, "organizations:CreateOrganization", FeatureSet="ALL")
    status = work.must(THIRD, "organizations:CreateAccount", Email="a@shop.example", AccountName="shop")[
        "CreateAccountStatus"
    ]
    made = work.must(THIRD, "organizations:DescribeCreateAccountStatus", CreateAccountRequestId=status["Id"])
    work.must(made["CreateAccountStatus"]["AccountId"], "kms:CreateKey")
    found = played(work)
    assert found.report.ok, wrong(found.report) + found.text
    assert "# inferred: the organization made this account" in found.text
    assert "a@shop.example" not in found.text


def test_time_that_passed_is_said() -> None:
    work = desk()
    key = work.must(SOURCE, "kms:CreateKey")["KeyMetadata"]["Arn"]
    work.begin()
    work.must(SOURCE, "kms:ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    work.advance(8 * 86_400_000)
    assert work.call(SOURCE, "kms:DescribeKey", KeyId=key).error
    found = played(work)
    assert found.report.ok, wrong(found.report)
    assert "advance: 8d" in found.text


def test_imported_material_is_named_as_left_out() -> None:
    work = desk()
    work.begin()
    key = work.must(SOURCE, "kms:CreateKey", Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    assert work.call(SOURCE, "kms:Encrypt", KeyId=key, Plaintext=b"x").error
    found = played(work)
    assert found.report.ok
    assert "Origin: EXTERNAL" in found.text


def test_a_recording_is_found_again_in_the_store(tmp_path: Path) -> None:
    """Another process on the same store goes on with it; it is no run."""
    url = f"sqlite:///{tmp_path}/worlds.db"
    first = desk(store=open_store(url, all_services().kinds))
    first.begin()
    key = first.must(SOURCE, "kms:CreateKey", Policy=key_policy(SOURCE))["KeyMetadata"]["Arn"]
    first.store.close()
    second = desk(store=open_store(url, all_services().kinds))
    second.must(SOURCE, "kms:DisableKey", KeyId=key)
    found = played(second)
    assert found.outcomes == [("kms:CreateKey", "OK"), ("kms:DisableKey", "OK")]
    assert Desks(second.worlds).runs.heads() == []
    second.store.close()


def test_regions_are_said_where_they_are_others() -> None:
    work = desk()
    work.begin()
    volume = work.must(SOURCE, "ec2:CreateVolume", AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    snapshot = work.must(SOURCE, "ec2:CreateSnapshot", VolumeId=volume)["SnapshotId"]
    work.must(SOURCE, "ec2:CopySnapshot", "eu-west-1", SourceRegion=REGION, SourceSnapshotId=snapshot)
    found = played(work)
    assert found.report.ok, wrong(found.report)
    assert "region: eu-west-1" in found.text
