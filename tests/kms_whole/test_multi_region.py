"""Multi-Region keys: one key in several Regions (kms.md 1.2, 2.3, 2.7, 9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from app.kernel.clock import Clock
from app.kernel.cloud import Cloud, new_world
from app.kernel.store import MemoryStore
from tests.kms.lab import DAY_MS, SERVICES, SOURCE, TARGET, Lab, allow, policy, root_arn

HERE, THERE, THIRD = "us-east-1", "eu-west-1", "ap-south-1"


def described(lab: Lab, key_id: str, region: str = HERE) -> Mapping[str, Any]:
    return lab.ok(SOURCE, "DescribeKey", region, KeyId=key_id)["KeyMetadata"]


def key_id(lab: Lab, *regions: str, **parameters: Any) -> str:
    """The id of a new multi-Region key with replicas in these Regions."""
    made = lab.ok(SOURCE, "CreateKey", MultiRegion=True, **parameters)["KeyMetadata"]["KeyId"]
    for region in regions:
        lab.ok(SOURCE, "ReplicateKey", KeyId=made, ReplicaRegion=region)
    return made


def lifelike() -> Lab:
    """A world with AWS's delays."""
    world = new_world("kms", seed="7", clock=Clock(settle="lifelike"))
    return Lab(Cloud.create(SERVICES, MemoryStore(), world))


def test_a_lone_primary_has_no_replicas(lab: Lab) -> None:
    shown = described(lab, key_id(lab))
    assert shown["KeyId"].startswith("mrk-")
    assert shown["MultiRegion"] is True
    assert shown["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "PRIMARY",
        "PrimaryKey": {"Arn": shown["Arn"], "Region": HERE},
        "ReplicaKeys": [],
    }


def test_a_replica_is_creating_first_and_enabled_then() -> None:
    """kms.md 2.7 [V]: KeyState Creating, Enabled false, no description, the API's default policy."""
    lab = lifelike()
    made = lab.ok(SOURCE, "CreateKey", MultiRegion=True, Description="mine", Tags=[{"TagKey": "a", "TagValue": "b"}])
    id = made["KeyMetadata"]["KeyId"]
    answer = lab.ok(SOURCE, "ReplicateKey", KeyId=id, ReplicaRegion=THERE)
    shown = answer["ReplicaKeyMetadata"]
    assert (shown["KeyId"], shown["KeyState"], shown["Enabled"], shown["Description"]) == (id, "Creating", False, "")
    assert shown["Arn"] == f"arn:aws:kms:{THERE}:{SOURCE}:key/{id}"
    assert shown["CurrentKeyMaterialId"] == made["KeyMetadata"]["CurrentKeyMaterialId"]
    assert answer["ReplicaTags"] == []
    assert '"Sid" : "Enable IAM User Permissions"' in answer["ReplicaPolicy"]
    code, message = lab.refused(SOURCE, "Encrypt", THERE, KeyId=id, Plaintext=b"x")
    assert (code, message) == ("KMSInvalidStateException", f"{shown['Arn']} is creating.")
    lab.cloud.advance(60_000)
    assert described(lab, id, THERE)["KeyState"] == "Enabled"


def test_both_sides_see_the_same_lists(lab: Lab) -> None:
    id = key_id(lab, THERE, THIRD)
    here, there = (described(lab, id, region)["MultiRegionConfiguration"] for region in (HERE, THERE))
    assert (here["MultiRegionKeyType"], there["MultiRegionKeyType"]) == ("PRIMARY", "REPLICA")
    assert here["PrimaryKey"] == there["PrimaryKey"] == {"Arn": described(lab, id)["Arn"], "Region": HERE}
    assert here["ReplicaKeys"] == there["ReplicaKeys"]
    assert [each["Region"] for each in here["ReplicaKeys"]] == [THIRD, THERE]


@pytest.mark.parametrize("named", [True, False])
def test_what_one_seals_every_related_key_opens_in_its_own_region(lab: Lab, named: bool) -> None:
    id = key_id(lab, THERE)
    context = {"EncryptionContext": {"a": "b"}}
    blob = lab.ok(SOURCE, "Encrypt", KeyId=id, Plaintext=b"hello", **context)["CiphertextBlob"]
    which = {"KeyId": id} if named else {}
    opened = lab.ok(SOURCE, "Decrypt", THERE, CiphertextBlob=blob, **which, **context)
    assert (opened["Plaintext"], opened["KeyId"]) == (b"hello", f"arn:aws:kms:{THERE}:{SOURCE}:key/{id}")
    back = lab.ok(SOURCE, "Encrypt", THERE, KeyId=id, Plaintext=b"back", **context)["CiphertextBlob"]
    assert lab.ok(SOURCE, "Decrypt", CiphertextBlob=back, **which, **context)["Plaintext"] == b"back"
    assert lab.refused(SOURCE, "Decrypt", THIRD, CiphertextBlob=blob)[0] == "AccessDeniedException"


def test_a_single_region_key_is_no_primary(lab: Lab) -> None:
    key = lab.key()
    for operation, region in (("ReplicateKey", "ReplicaRegion"), ("UpdatePrimaryRegion", "PrimaryRegion")):
        code, message = lab.refused(SOURCE, operation, KeyId=key, **{region: THERE})
        assert (code, message) == ("UnsupportedOperationException", f"{key} is not a multi-region primary key.")


def test_a_replica_is_not_replicated(lab: Lab) -> None:
    id = key_id(lab, THERE)
    arn = f"arn:aws:kms:{THERE}:{SOURCE}:key/{id}"
    refused = lab.refused(SOURCE, "ReplicateKey", THERE, KeyId=id, ReplicaRegion=THIRD)
    assert refused == ("UnsupportedOperationException", f"{arn} is not a multi-region primary key.")


def test_one_replica_a_region_also_while_the_old_one_is_pending_deletion(lab: Lab) -> None:
    id = key_id(lab, THERE)
    assert lab.refused(SOURCE, "ReplicateKey", KeyId=id, ReplicaRegion=THERE)[0] == "AlreadyExistsException"
    lab.ok(SOURCE, "ScheduleKeyDeletion", THERE, KeyId=id, PendingWindowInDays=7)
    assert lab.refused(SOURCE, "ReplicateKey", KeyId=id, ReplicaRegion=THERE)[0] == "AlreadyExistsException"
    assert lab.refused(SOURCE, "ReplicateKey", KeyId=id, ReplicaRegion=HERE)[0] == "AlreadyExistsException"
    assert lab.refused(SOURCE, "ReplicateKey", KeyId=id, ReplicaRegion="xx-nowhere-1")[0] == "ValidationException"
    lab.cloud.advance(8 * DAY_MS)
    again = lab.ok(SOURCE, "ReplicateKey", KeyId=id, ReplicaRegion=THERE)["ReplicaKeyMetadata"]
    assert again["CurrentKeyMaterialId"] == described(lab, id)["CurrentKeyMaterialId"]


def test_policy_aliases_grants_tags_state_and_description_are_each_keys_own(lab: Lab) -> None:
    id = key_id(lab, THERE)
    lab.ok(SOURCE, "DisableKey", THERE, KeyId=id)
    lab.ok(SOURCE, "UpdateKeyDescription", THERE, KeyId=id, Description="there")
    lab.ok(SOURCE, "TagResource", THERE, KeyId=id, Tags=[{"TagKey": "a", "TagValue": "b"}])
    lab.ok(SOURCE, "CreateAlias", THERE, AliasName="alias/app", TargetKeyId=id)
    own = policy(allow("kms:*", root_arn(SOURCE)), allow("kms:Decrypt", root_arn(TARGET)))
    lab.ok(SOURCE, "PutKeyPolicy", THERE, KeyId=id, Policy=own)
    here = described(lab, id)
    assert (here["KeyState"], here["Description"]) == ("Enabled", "")
    assert lab.ok(SOURCE, "ListResourceTags", KeyId=id)["Tags"] == []
    assert lab.ok(SOURCE, "ListAliases", KeyId=id)["Aliases"] == []
    assert TARGET not in lab.ok(SOURCE, "GetKeyPolicy", KeyId=id)["Policy"]
    grant = {"GranteePrincipal": root_arn(TARGET), "Operations": ["Decrypt"]}
    lab.ok(SOURCE, "CreateGrant", KeyId=id, **grant)
    assert lab.ok(SOURCE, "ListGrants", THERE, KeyId=id)["Grants"] == []


# --- rotation ---------------------------------------------------------------------------------------------------------


def test_rotation_is_set_at_the_primary_and_happens_to_all(lab: Lab) -> None:
    """Goal: one material at a time in all Regions; what was sealed before, anywhere, still opens everywhere."""
    id = key_id(lab, THERE)
    old = lab.ok(SOURCE, "Encrypt", THERE, KeyId=id, Plaintext=b"old")["CiphertextBlob"]
    lab.ok(SOURCE, "EnableKeyRotation", KeyId=id, RotationPeriodInDays=90)
    statuses = [lab.ok(SOURCE, "GetKeyRotationStatus", region, KeyId=id) for region in (HERE, THERE)]
    assert statuses[0]["NextRotationDate"] == statuses[1]["NextRotationDate"]
    lab.cloud.advance(91 * DAY_MS)
    assert lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=id)["KeyId"] == described(lab, id)["Arn"]
    current = {described(lab, id, region)["CurrentKeyMaterialId"] for region in (HERE, THERE)}
    assert len(current) == 1
    lists = [lab.ok(SOURCE, "ListKeyRotations", region, KeyId=id)["Rotations"] for region in (HERE, THERE)]
    assert lists[0] == lists[1]
    assert [each["RotationType"] for each in lists[0]] == ["AUTOMATIC", "ON_DEMAND"]
    assert lab.ok(SOURCE, "Decrypt", CiphertextBlob=old)["Plaintext"] == b"old"
    new = lab.ok(SOURCE, "Encrypt", THERE, KeyId=id, Plaintext=b"new")["CiphertextBlob"]
    assert lab.ok(SOURCE, "Decrypt", CiphertextBlob=new)["KeyMaterialId"] in current


@pytest.mark.parametrize("operation", ["EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand"])
def test_a_replica_takes_no_rotation_of_its_own(lab: Lab, operation: str) -> None:
    id = key_id(lab, THERE)
    assert lab.refused(SOURCE, operation, THERE, KeyId=id)[0] == "UnsupportedOperationException"


def test_a_new_replica_has_all_that_the_primary_had(lab: Lab) -> None:
    id = key_id(lab)
    blobs = [lab.ok(SOURCE, "Encrypt", KeyId=id, Plaintext=b"0")["CiphertextBlob"]]
    for number in (b"1", b"2", b"3"):
        lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=id)
        blobs.append(lab.ok(SOURCE, "Encrypt", KeyId=id, Plaintext=number)["CiphertextBlob"])
    lab.ok(SOURCE, "ReplicateKey", KeyId=id, ReplicaRegion=THERE)
    opened = [lab.ok(SOURCE, "Decrypt", THERE, CiphertextBlob=blob)["Plaintext"] for blob in blobs]
    assert opened == [b"0", b"1", b"2", b"3"]


# --- the primary ------------------------------------------------------------------------------------------------------


def test_the_primary_moves_and_both_are_updating_for_a_while() -> None:
    lab = lifelike()
    id = key_id(lab, THERE, THIRD)
    lab.cloud.advance(60_000)
    assert lab.ok(SOURCE, "UpdatePrimaryRegion", KeyId=id, PrimaryRegion=THERE) == {}
    assert [described(lab, id, region)["KeyState"] for region in (HERE, THERE, THIRD)] == [
        "Updating", "Updating", "Enabled",
    ]  # fmt: skip
    assert described(lab, id)["Enabled"] is False
    arn = described(lab, id)["Arn"]
    assert lab.refused(SOURCE, "DisableKey", KeyId=id) == ("KMSInvalidStateException", f"{arn} is updating.")
    lab.ok(SOURCE, "Encrypt", KeyId=id, Plaintext=b"x")
    lab.cloud.advance(60_000)
    here, there = (described(lab, id, region) for region in (HERE, THERE))
    assert (here["KeyState"], there["KeyState"]) == ("Enabled", "Enabled")
    assert here["MultiRegionConfiguration"]["MultiRegionKeyType"] == "REPLICA"
    assert there["MultiRegionConfiguration"]["PrimaryKey"]["Region"] == THERE
    third = described(lab, id, THIRD)["MultiRegionConfiguration"]
    assert [each["Region"] for each in third["ReplicaKeys"]] == [THIRD, HERE]


def test_the_calendar_moves_with_the_primary(lab: Lab) -> None:
    id = key_id(lab, THERE)
    lab.ok(SOURCE, "EnableKeyRotation", KeyId=id, RotationPeriodInDays=90)
    lab.ok(SOURCE, "UpdatePrimaryRegion", KeyId=id, PrimaryRegion=THERE)
    lab.cloud.advance(91 * DAY_MS)
    for region in (HERE, THERE):
        assert len(lab.ok(SOURCE, "ListKeyRotations", region, KeyId=id)["Rotations"]) == 1
    assert [event["awsRegion"] for event in lab.events(SOURCE, "RotateKey", THERE)] == [THERE]


def test_there_must_be_a_replica_to_move_to(lab: Lab) -> None:
    id = key_id(lab, THERE)
    for region in (THIRD, HERE):
        assert lab.refused(SOURCE, "UpdatePrimaryRegion", KeyId=id, PrimaryRegion=region) == (
            "NotFoundException",
            f"Key 'arn:aws:kms:{region}:{SOURCE}:key/{id}' does not exist",
        )
    lab.ok(SOURCE, "DisableKey", THERE, KeyId=id)
    code, message = lab.refused(SOURCE, "UpdatePrimaryRegion", KeyId=id, PrimaryRegion=THERE)
    assert (code, message) == ("DisabledException", f"arn:aws:kms:{THERE}:{SOURCE}:key/{id} is disabled.")


# --- the end ----------------------------------------------------------------------------------------------------------


def test_a_primary_waits_for_the_deletion_of_its_replicas(lab: Lab) -> None:
    """kms.md 2.7, 8.1: PendingReplicaDeletion, no DeletionDate; the window starts when the last replica is gone."""
    id = key_id(lab, THERE)
    arn = described(lab, id)["Arn"]
    answer = lab.ok(SOURCE, "ScheduleKeyDeletion", KeyId=id, PendingWindowInDays=10)
    assert answer == {"KeyId": arn, "KeyState": "PendingReplicaDeletion", "PendingWindowInDays": 10}
    shown = described(lab, id)
    assert (shown["PendingDeletionWindowInDays"], shown["Enabled"], "DeletionDate" in shown) == (10, False, False)
    refused = lab.refused(SOURCE, "Encrypt", KeyId=id, Plaintext=b"x")
    assert refused == ("KMSInvalidStateException", f"{arn} is pending replica deletion.")
    lab.cloud.advance(60 * DAY_MS)
    assert described(lab, id)["KeyState"] == "PendingReplicaDeletion"
    lab.ok(SOURCE, "ScheduleKeyDeletion", THERE, KeyId=id, PendingWindowInDays=7)
    lab.cloud.advance(7 * DAY_MS)
    shown = described(lab, id)
    assert (shown["KeyState"], "DeletionDate" in shown, "PendingDeletionWindowInDays" in shown) == (
        "PendingDeletion", True, False,
    )  # fmt: skip
    lab.cloud.advance(10 * DAY_MS)
    assert lab.refused(SOURCE, "DescribeKey", KeyId=id)[0] == "NotFoundException"


def test_a_primary_that_waits_can_be_taken_back(lab: Lab) -> None:
    id = key_id(lab, THERE)
    lab.ok(SOURCE, "ScheduleKeyDeletion", KeyId=id)
    lab.ok(SOURCE, "CancelKeyDeletion", KeyId=id)
    assert described(lab, id)["KeyState"] == "Disabled"
    lab.ok(SOURCE, "ScheduleKeyDeletion", THERE, KeyId=id, PendingWindowInDays=7)
    lab.cloud.advance(8 * DAY_MS)
    assert described(lab, id)["KeyState"] == "Disabled"


# --- permissions and trail --------------------------------------------------------------------------------------------


def test_a_replica_takes_create_key_in_its_own_region(lab: Lab) -> None:
    here = {"StringEquals": {"aws:RequestedRegion": HERE}}
    id = key_id(lab)
    replicate = {"Effect": "Allow", "Action": "kms:ReplicateKey", "Resource": "*"}
    create = {"Effect": "Allow", "Action": ["kms:CreateKey", "kms:PutKeyPolicy"], "Resource": "*"}
    without = lab.user(SOURCE, "without", replicate, create | {"Condition": here})
    code, message = lab.refused(without, "ReplicateKey", KeyId=id, ReplicaRegion=THERE)
    assert code == "AccessDeniedException"
    assert "kms:CreateKey on resource: * because no identity-based policy allows" in message
    replica = {"StringEquals": {"kms:MultiRegionKeyType": "REPLICA", "aws:RequestedRegion": THERE}}
    narrow = create | {"Action": "kms:CreateKey", "Condition": replica}
    put = {"Effect": "Allow", "Action": "kms:PutKeyPolicy", "Resource": "*"}
    able = lab.user(SOURCE, "able", replicate, narrow, put)
    lab.ok(able, "ReplicateKey", KeyId=id, ReplicaRegion=THERE)


def test_the_regions_can_be_limited_by_condition_keys(lab: Lab) -> None:
    id = key_id(lab, THERE)
    only = {"StringEquals": {"kms:ReplicaRegion": THERE}}
    rest = {"Effect": "Allow", "Action": ["kms:CreateKey", "kms:PutKeyPolicy"], "Resource": "*"}
    user = lab.user(
        SOURCE, "able", {"Effect": "Allow", "Action": "kms:ReplicateKey", "Resource": "*", "Condition": only}, rest
    )
    assert lab.refused(user, "ReplicateKey", KeyId=id, ReplicaRegion=THIRD)[0] == "AccessDeniedException"
    assert lab.refused(user, "ReplicateKey", KeyId=id, ReplicaRegion=THERE)[0] == "AlreadyExistsException"
    only = {"StringEquals": {"kms:PrimaryRegion": THIRD}}
    mover = lab.user(
        SOURCE, "mover", {"Effect": "Allow", "Action": "kms:UpdatePrimaryRegion", "Resource": "*", "Condition": only}
    )
    refused = lab.refused(mover, "UpdatePrimaryRegion", KeyId=id, PrimaryRegion=THERE)
    assert refused[0] == "AccessDeniedException"


def test_the_trail_of_a_replica(lab: Lab) -> None:
    """ReplicateKey in the primary's Region, CreateKey in the replica's, then SynchronizeMultiRegionKey there."""
    id = key_id(lab, THERE)
    arn, replica_arn = described(lab, id)["Arn"], described(lab, id, THERE)["Arn"]
    replicate = lab.events(SOURCE, "ReplicateKey")[0]
    assert replicate["requestParameters"] == {"keyId": id, "replicaRegion": THERE}
    assert replicate["responseElements"]["replicaKeyMetadata"]["arn"] == replica_arn
    assert [each["ARN"] for each in replicate["resources"]] == [arn]
    created = lab.events(SOURCE, "CreateKey", THERE)[0]
    assert (created["awsRegion"], created["responseElements"]["keyMetadata"]["arn"]) == (THERE, replica_arn)
    assert [each["ARN"] for each in created["resources"]] == [replica_arn]
    synchronized = lab.events(SOURCE, "SynchronizeMultiRegionKey", THERE)[0]
    assert (synchronized["eventType"], synchronized["awsRegion"]) == ("AwsServiceEvent", THERE)
    assert [each["ARN"] for each in synchronized["resources"]] == [arn]


def test_the_trail_of_a_new_primary_stands_in_both_regions(lab: Lab) -> None:
    id = key_id(lab, THERE)
    lab.ok(SOURCE, "UpdatePrimaryRegion", KeyId=id, PrimaryRegion=THERE)
    for region in (HERE, THERE):
        event = lab.events(SOURCE, "UpdatePrimaryRegion", region)[0]
        assert event["requestParameters"] == {"keyId": id, "primaryRegion": THERE}
        assert event["responseElements"] == {"keyId": f"arn:aws:kms:{region}:{SOURCE}:key/{id}"}


def test_neither_works_across_accounts(lab: Lab) -> None:
    share = allow("kms:*", root_arn(TARGET))
    arn = lab.key(share=share, MultiRegion=True)
    for operation, region in (("ReplicateKey", "ReplicaRegion"), ("UpdatePrimaryRegion", "PrimaryRegion")):
        assert lab.refused(TARGET, operation, KeyId=arn, **{region: THERE})[0] == "AccessDeniedException"
