"""Encryption by default and the default key (ebs.md 1.8 and 5)."""

from __future__ import annotations

import pytest

from tests.sharing.accounts import SOURCE, TARGET, Hand, Share, allow, root


def default_key(hand: Hand) -> str:
    return hand.do("ec2:GetEbsDefaultKmsKeyId")["KmsKeyId"]


@pytest.mark.row("1.8/default-literal", "1.8/default-arn")
def test_the_default_key_is_a_literal_alias_until_one_is_set_and_an_arn_then(share: Share) -> None:
    source, key = share.source, share.things.source_key
    assert default_key(source) == "alias/aws/ebs"
    assert source.do("ec2:ModifyEbsDefaultKmsKeyId", KmsKeyId=key.rpartition("/")[2])["KmsKeyId"] == key
    assert default_key(source) == key
    source.do("ec2:ResetEbsDefaultKmsKeyId")
    assert default_key(source) == "alias/aws/ebs"


@pytest.mark.row("1.8/default-bad")
def test_a_default_key_that_is_not_there_is_accepted_and_shows_when_it_is_used(share: Share) -> None:
    source = share.source
    missing = f"arn:aws:kms:us-east-1:{SOURCE}:key/00000000-0000-4000-8000-000000000000"
    source.do("ec2:ModifyEbsDefaultKmsKeyId", KmsKeyId=missing)
    assert source.volume(source.make_volume(Size=1, Encrypted=True)) is None
    asked = {"SourceRegion": "us-east-1", "SourceSnapshotId": share.things.snapshot}
    assert source.refused("ec2:CopySnapshot", **asked) == (
        "InvalidParameterValue",
        f"The specified keyId {missing} is invalid",
    )
    source.do("ec2:ResetEbsDefaultKmsKeyId")
    assert source.volume(source.make_volume(Size=1, Encrypted=True)) is not None


@pytest.mark.row("1.8/by-default")
def test_settings_are_of_one_account_in_one_region_and_leave_what_is_there_alone(share: Share) -> None:
    from dataclasses import replace

    source, target = share.source, root(share.cloud, TARGET)
    before = source.make_volume(Size=1)
    source.do("ec2:EnableEbsEncryptionByDefault")

    def encrypts(hand: Hand) -> bool:
        return hand.do("ec2:GetEbsEncryptionByDefault")["EbsEncryptionByDefault"]

    assert [encrypts(hand) for hand in (source, replace(source, region="us-west-2"), target)] == [True, False, False]
    volumes = {each["VolumeId"]: each for each in source.do("ec2:DescribeVolumes")["Volumes"]}
    assert not volumes[before]["Encrypted"]
    after = source.volume(source.make_volume(Size=1))
    assert after is not None
    assert after["Encrypted"]
    source.do("ec2:DisableEbsEncryptionByDefault")
    assert not encrypts(source)


@pytest.mark.row("6/parent-plain", "6/default-on")
def test_a_snapshot_started_directly_is_encrypted_by_default_too_and_a_plain_parent_is_refused(share: Share) -> None:
    source = share.source
    parent = source.write({0: 0})
    source.do("ec2:EnableEbsEncryptionByDefault")
    assert "KmsKeyArn" in source.do("ebs:StartSnapshot", VolumeSize=1)
    assert "KmsKeyArn" in source.do("ebs:StartSnapshot", VolumeSize=1, Encrypted=False)
    assert source.refused("ebs:StartSnapshot", VolumeSize=1, ParentSnapshotId=parent)[0] == "ValidationException"
    assert source.do("ebs:StartSnapshot", VolumeSize=1, ParentSnapshotId=share.things.snapshot)


SETTINGS = (
    "EnableEbsEncryptionByDefault",
    "DisableEbsEncryptionByDefault",
    "GetEbsEncryptionByDefault",
    "GetEbsDefaultKmsKeyId",
    "ResetEbsDefaultKmsKeyId",
)


@pytest.mark.parametrize("operation", SETTINGS)
def test_each_setting_is_an_action_of_its_own_and_can_be_tried_dry(share: Share, operation: str) -> None:
    without = share.with_(target_iam=allow(*(f"ec2:{each}" for each in SETTINGS if each != operation)))
    assert without.target.refused(f"ec2:{operation}")[0] == "UnauthorizedOperation"
    alone = share.with_(target_iam=allow(f"ec2:{operation}"))
    assert alone.target.refused(f"ec2:{operation}", DryRun=True)[0] == "DryRunOperation"
    assert alone.target.ask(f"ec2:{operation}").error is None
