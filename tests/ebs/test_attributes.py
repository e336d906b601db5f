"""ModifySnapshotAttribute, DescribeSnapshotAttribute and ResetSnapshotAttribute, row by row (ebs.md 1.5 and 5)."""

from __future__ import annotations

from typing import Any

import pytest

from app.policy.causes import Cause
from tests.sharing.accounts import REGION, SOURCE, TARGET, THIRD, Hand, Share, allow, deny, root

row = pytest.mark.row
COMBINATION, VALUE = "InvalidParameterCombination", "InvalidParameterValue"
ITEM, LEGACY = "InvalidAMIAttributeItemValue", {"Attribute": "createVolumePermission"}


def structured(**items: list[dict[str, str]]) -> dict[str, Any]:
    return {"CreateVolumePermission": {side.capitalize(): found for side, found in items.items()}}


def permissions(hand: Hand, id: str) -> list[dict[str, str]]:
    asked = {"SnapshotId": id, "Attribute": "createVolumePermission"}
    return list(hand.do("ec2:DescribeSnapshotAttribute", **asked)["CreateVolumePermissions"])


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        pytest.param({}, (COMBINATION, "No attributes specified."), marks=row("1.5/nothing")),
        pytest.param(
            {**LEGACY, "OperationType": "add"}, (COMBINATION, "No attributes specified."), marks=row("1.5/nothing")
        ),
        pytest.param(
            structured(add=[{"UserId": THIRD}], remove=[{"UserId": TARGET}]),
            (COMBINATION, "One and only one operation type may be specified for createVolumePermissions"),
            marks=row("1.5/both"),
        ),
        pytest.param(
            {**LEGACY, "UserIds": [THIRD]},
            (COMBINATION, "No operation specified for createVolumePermission attribute."),
            marks=row("1.5/legacy-operation"),
        ),
        pytest.param(
            {**LEGACY, "UserIds": [THIRD], "OperationType": "x"},
            (COMBINATION, "No operation specified for createVolumePermission attribute."),
            marks=row("1.5/legacy-operation"),
        ),
        pytest.param(
            {"UserIds": [THIRD], "OperationType": "add"},
            ("MissingParameter", "Value for parameter attribute is invalid. Parameter may not be null or empty."),
            marks=row("1.5/legacy-attribute"),
        ),
        pytest.param(
            {"Attribute": "x", "UserIds": [THIRD], "OperationType": "add"},
            (VALUE, "Unrecognized attribute."),
            marks=row("1.5/other-attribute"),
        ),
        pytest.param(
            structured(add=[{"UserId": THIRD}] * 501),
            (VALUE, "Modification size must not be greater than 500."),
            marks=row("1.5/500", "5/limit"),
        ),
        pytest.param(structured(add=[{"UserId": "1"}]), (ITEM, "UserId 1"), marks=row("1.5/bad-account")),
        pytest.param(
            {**LEGACY, "UserIds": ["1"], "OperationType": "add"},
            (ITEM, "UserId (1) is invalid."),
            marks=row("1.5/bad-account-legacy"),
        ),
        pytest.param(structured(add=[{"Group": "x"}]), (ITEM, "UserGroup x"), marks=row("1.5/bad-group")),
        pytest.param(
            structured(add=[{"Group": "all"}]),
            ("OperationNotPermitted", "Encrypted snapshots cannot be shared publicly."),
            marks=row("1.5/public"),
        ),
    ],
)
def test_what_is_refused(share: Share, asked: dict[str, Any], refusal: tuple[str, str]) -> None:
    id = share.things.snapshot
    assert share.source.refused("ec2:ModifySnapshotAttribute", SnapshotId=id, **asked) == refusal
    assert permissions(share.source, id) == [{"UserId": TARGET}]


@row("1.5/500", "5/limit", "1.5/own-and-twice")
def test_500_items_are_accepted_and_duplicates_and_the_owner_itself_change_nothing(share: Share) -> None:
    source, id = share.source, share.things.snapshot
    asked = structured(add=[{"UserId": THIRD}, {"UserId": SOURCE}] * 250)
    assert source.ask("ec2:ModifySnapshotAttribute", SnapshotId=id, **asked).error is None
    assert permissions(source, id) == [{"UserId": TARGET}, {"UserId": THIRD}]


@row("1.5/structured-wins")
@pytest.mark.row("1.5/forms")
def test_the_structured_form_wins_over_the_legacy_one(share: Share) -> None:
    source, id = share.source, share.things.snapshot
    asked = {**LEGACY, "OperationType": "remove", "UserIds": [TARGET], **structured(add=[{"UserId": THIRD}])}
    source.do("ec2:ModifySnapshotAttribute", SnapshotId=id, **asked)
    assert permissions(source, id) == [{"UserId": TARGET}, {"UserId": THIRD}]
    legacy = {**LEGACY, "OperationType": "remove", "UserIds": [THIRD]}
    source.do("ec2:ModifySnapshotAttribute", SnapshotId=id, **legacy, CreateVolumePermission={"Add": []})
    assert permissions(source, id) == [{"UserId": TARGET}]


@row("1.5/default-key", "5/managed-key")
def test_under_the_managed_key_nothing_is_added_and_everything_may_be_taken_away(share: Share) -> None:
    """Method: a volume under aws/ebs; a share with another account and with the owner's own; remove and reset."""
    source = share.source
    volume = source.make_volume(Size=1, Encrypted=True)
    id = source.make_snapshot(volume)
    text = ("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared")
    for account in (TARGET, SOURCE):
        reply = source.share(id, account)
        assert reply.error is not None
        assert (reply.error.code, reply.error.message) == text
        assert reply.error.cause is Cause.DEFAULT_KEY_CANNOT_BE_SHARED
    assert source.share(id, TARGET, adds=False).error is None
    reset = {"SnapshotId": id, "Attribute": "createVolumePermission"}
    assert source.ask("ec2:ResetSnapshotAttribute", **reset).error is None
    own = source.copy(id, Encrypted=True, KmsKeyId=share.things.source_key)
    assert source.share(own, TARGET).error is None


def test_a_key_of_ones_own_that_is_the_default_may_be_shared(share: Share) -> None:
    """The default key that can not be shared is the AWS managed one (inferred, ebs.md 1.5)."""
    source = share.source
    source.do("ec2:ModifyEbsDefaultKmsKeyId", KmsKeyId=share.things.source_key)
    assert source.share(source.make_snapshot(source.make_volume(Size=1, Encrypted=True)), TARGET).error is None


@row("1.1/modify-describes")
def test_sharing_an_encrypted_snapshot_describes_the_default_key_as_the_caller(share: Share) -> None:
    source = share.source
    encrypted = source.share(share.things.snapshot, THIRD)
    plain = source.share(source.write({0: 0}), THIRD)
    called = [
        [(call["eventName"], call["requestParameters"]) for call in source.kms_calls(reply.request_id)]
        for reply in (encrypted, plain)
    ]
    assert called == [[("DescribeKey", {"keyId": "alias/aws/ebs"})], []]


@row("0.14")
def test_a_share_makes_no_grant(share: Share) -> None:
    assert share.source.do("kms:ListGrants", KeyId=share.things.source_key)["Grants"] == []
    assert share.copy_to_target().outcome == "completed"
    assert share.source.do("kms:ListGrants", KeyId=share.things.source_key)["Grants"] == []


@row("1.5/pending")
def test_a_pending_snapshot_can_be_shared(slow: Share) -> None:
    pending = slow.source.make_snapshot(slow.things.volume)
    assert slow.source.share(pending, TARGET).error is None
    assert slow.target.snapshot(pending)["State"] == "pending"


@row("1.5/conditions", "1.5/no-attribute-key")
def test_string_equals_on_whom_to_share_with_rejects_a_batch(share: Share) -> None:
    """ec2:Add/userId has as many values as accounts are named; ec2:Attribute is not there at all."""
    source, id = share.source, share.things.snapshot

    def may(condition: dict[str, Any], *accounts: str) -> bool:
        source.let("sharer", *allow("ec2:ModifySnapshotAttribute", Condition=condition))
        return sharer.share(id, *accounts).error is None

    sharer = source.user("sharer")
    only_third = {"ec2:Add/userId": [THIRD, "444444444444"]}
    assert may({"StringEquals": only_third}, THIRD)
    assert may({"StringEquals": only_third}, THIRD, THIRD)
    assert not may({"StringEquals": only_third}, THIRD, "444444444444")
    assert may({"ForAllValues:StringEquals": only_third}, THIRD, "444444444444")
    assert not may({"StringEquals": {"ec2:Attribute": "createVolumePermission"}}, THIRD)
    assert may({"Null": {"ec2:Attribute": "true"}}, THIRD)


@row("1.5/order")
def test_modify_looks_at_parameters_id_and_owner_before_iam_and_reset_at_iam_and_dry_run_first(share: Share) -> None:
    nobody = share.source.user("nobody", *deny("ec2:*"))
    id, foreign = share.things.snapshot, share.things.own_snapshot
    add = structured(add=[{"UserId": THIRD}])

    def modify(**asked: Any) -> str:
        return nobody.refused("ec2:ModifySnapshotAttribute", **asked)[0]

    assert modify(SnapshotId="snap-x") == COMBINATION
    assert modify(SnapshotId="snap-x", **add) == "InvalidSnapshotID.Malformed"
    assert modify(SnapshotId=foreign, **add) == "InvalidSnapshot.NotFound"
    assert modify(SnapshotId=id, **add) == "UnauthorizedOperation"
    for operation in ("DescribeSnapshotAttribute", "ResetSnapshotAttribute"):
        asked = {"SnapshotId": foreign, "Attribute": "createVolumePermission"}
        assert nobody.refused(f"ec2:{operation}", **asked)[0] == "UnauthorizedOperation"
        assert share.source.refused(f"ec2:{operation}", **asked, DryRun=True)[0] == "DryRunOperation"


@row("1.5/attribute-checks")
@pytest.mark.parametrize("operation", ["DescribeSnapshotAttribute", "ResetSnapshotAttribute"])
def test_describe_and_reset_need_a_known_attribute(share: Share, operation: str) -> None:
    id = share.things.snapshot
    missing = ("MissingParameter", "The request must contain the parameter Attribute")
    unknown = ("InvalidRequest", "The request received was invalid.")
    assert share.source.refused(f"ec2:{operation}", SnapshotId=id) == missing
    assert share.source.refused(f"ec2:{operation}", SnapshotId=id, Attribute="") == unknown
    assert share.source.refused(f"ec2:{operation}", SnapshotId=id, Attribute="x") == unknown


@row("1.5/attribute-checks")
def test_reset_takes_only_the_permission_and_then_nobody_has_it(share: Share) -> None:
    source, id = share.source, share.things.snapshot
    assert source.refused("ec2:ResetSnapshotAttribute", SnapshotId=id, Attribute="productCodes")[0] == "InvalidRequest"
    source.do("ec2:ResetSnapshotAttribute", SnapshotId=id, Attribute="createVolumePermission")
    assert permissions(source, id) == []
    assert share.target.ask("ec2:DescribeSnapshots", SnapshotIds=[id]).error is not None


@row("1.5/all-first")
@pytest.mark.row("5/all-sees", "5/plain")
def test_all_stands_first(share: Share) -> None:
    source = share.source
    plain = source.write({0: 0})
    assert source.share(plain, TARGET, group="all").error is None
    assert permissions(source, plain) == [{"Group": "all"}, {"UserId": TARGET}]
    public = root(share.cloud, THIRD).do("ec2:DescribeSnapshots", RestorableByUserIds=["all"])["Snapshots"]
    assert [each["SnapshotId"] for each in public] == [plain]


@row("5/no-re-share", "1.5/not-owned")
def test_what_is_shared_with_me_is_not_mine_to_share(share: Share) -> None:
    reply = share.target.share(share.things.snapshot, THIRD)
    assert reply.error is not None
    assert reply.error.message == f"The snapshot '{share.things.snapshot}' does not exist."
    copy = share.copy_to_target()
    assert copy.outcome == "completed"
    assert share.target.share(copy.id, THIRD).error is None
    assert root(share.cloud, THIRD).snapshot(copy.id)["OwnerId"] == TARGET
    assert REGION in share.things.source_key
