"""Whom an image is for: launch permissions in both forms, and their limits (ebs.md 1.9; ST:images_* [V])."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ebs_compute.conftest import Yard
from tests.ebs_compute.machines import open_to, register, run
from tests.sharing.accounts import SOURCE, TARGET, THIRD, Hand, allow, root


def modify(hand: Hand, image: str, **asked: Any) -> tuple[str, str] | None:
    reply = hand.ask("ec2:ModifyImageAttribute", ImageId=image, **asked)
    return (reply.error.code, reply.error.message) if reply.error else None


def permissions(hand: Hand, image: str) -> list[dict[str, str]]:
    return hand.do("ec2:DescribeImageAttribute", ImageId=image, Attribute="launchPermission")["LaunchPermissions"]


def plain_image(hand: Hand) -> str:
    return register(hand, hand.write({0: 0}), "plain")


def test_both_forms_add_and_remove_alike(yard: Yard) -> None:
    legacy = {"Attribute": "launchPermission", "UserIds": [TARGET]}
    assert modify(yard.hand, yard.image, OperationType="add", **legacy) is None
    assert permissions(yard.hand, yard.image) == [{"UserId": TARGET}]
    assert modify(yard.hand, yard.image, LaunchPermission={"Remove": [{"UserId": TARGET}]}) is None
    assert permissions(yard.hand, yard.image) == []
    open_to(yard.hand, yard.image, TARGET)
    assert modify(yard.hand, yard.image, OperationType="remove", **legacy) is None
    assert permissions(yard.hand, yard.image) == []


def test_the_owner_stands_among_them_when_it_is_named_and_duplicates_once(yard: Yard) -> None:
    """Other than with a snapshot (ST:images_sharing [V])."""
    open_to(yard.hand, yard.image, SOURCE)
    open_to(yard.hand, yard.image, TARGET, TARGET)
    assert permissions(yard.hand, yard.image) == [{"UserId": SOURCE}, {"UserId": TARGET}]
    yard.hand.do("ec2:ResetImageAttribute", ImageId=yard.image, Attribute="launchPermission")
    assert permissions(yard.hand, yard.image) == []


@pytest.mark.row("1.9/managed-key")
def test_an_image_under_the_aws_managed_key_is_for_nobody_else(yard: Yard) -> None:
    """Casebook 146. Taking a permission back is allowed, and a copy under a customer managed key is shared."""
    image = register(yard.hand, yard.hand.write({0: 0}, Encrypted=True), "default-key")
    assert modify(yard.hand, image, LaunchPermission={"Add": [{"UserId": TARGET}]}) == (
        "InvalidParameter",
        "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.",
    )
    assert modify(yard.hand, image, LaunchPermission={"Remove": [{"UserId": TARGET}]}) is None
    asked = {"SourceRegion": "us-east-1", "SourceImageId": image, "Name": "copy", "Encrypted": True}
    copy = yard.hand.do("ec2:CopyImage", **asked, KmsKeyId=yard.key)["ImageId"]
    assert modify(yard.hand, copy, LaunchPermission={"Add": [{"UserId": TARGET}]}) is None


@pytest.mark.row("1.9/public")
def test_only_an_unencrypted_image_is_public(yard: Yard) -> None:
    change = {"Add": [{"Group": "all"}]}
    assert modify(yard.hand, yard.image, LaunchPermission=change) == (
        "UnsupportedOperation",
        "Encrypted snapshots can't be shared publicly. Specify another snapshot.",
    )
    plain = plain_image(yard.hand)
    assert modify(yard.hand, plain, LaunchPermission=change) is None
    open_to(yard.hand, plain, TARGET)
    assert permissions(yard.hand, plain) == [{"Group": "all"}, {"UserId": TARGET}]
    third = root(yard.hand.cloud, THIRD)
    assert third.do("ec2:DescribeImages", ExecutableUsers=["all"])["Images"][0]["Public"] is True
    assert third.do("ec2:RunInstances", **run(plain))["Instances"][0]["State"]["Name"] == "pending"


def test_somebody_else_neither_changes_nor_reads_its_attributes(yard: Yard) -> None:
    """Shared or not (ST:images_sharing [V]); for a snapshot it would not exist."""
    target = root(yard.hand.cloud, TARGET)
    open_to(yard.hand, yard.image, TARGET)
    not_yours = ("AuthFailure", f"Not authorized for image:{yard.image}")
    assert modify(target, yard.image, Description={"Value": "mine"}) == not_yours
    for operation in ("ec2:DescribeImageAttribute", "ec2:ResetImageAttribute"):
        assert target.refused(operation, ImageId=yard.image, Attribute="launchPermission") == not_yours
    assert target.refused("ec2:DeregisterImage", ImageId=yard.image) == not_yours


@pytest.mark.row("1.9/organizations")
def test_an_organization_and_its_units_launch_what_is_shared_with_them(yard: Yard) -> None:
    """The members, and nobody outside; a unit means the accounts below it."""
    boss, member, organization, unit = organized(yard.hand)
    image, stranger = plain_image(yard.hand), root(yard.hand.cloud, TARGET)

    def who_sees() -> list[bool]:
        return [bool(each.do("ec2:DescribeImages", ImageIds=[image])["Images"]) for each in (boss, member, stranger)]

    assert modify(yard.hand, image, LaunchPermission={"Add": [{"OrganizationalUnitArn": unit}]}) is None
    assert who_sees() == [False, True, False]
    legacy = {"OperationType": "add", "Attribute": "launchPermission", "OrganizationArns": [organization]}
    assert modify(yard.hand, image, **legacy) is None
    assert who_sees() == [True, True, False]
    assert [each["ImageId"] for each in member.do("ec2:DescribeImages", ExecutableUsers=["self"])["Images"]] == [image]
    assert yard.hand.do("ec2:DescribeImages", ExecutableUsers=[member.caller.account])["Images"] == []


def organized(hand: Hand) -> tuple[Hand, Hand, str, str]:
    """A management account, a member below a unit, and the ARNs of the organization and of the unit."""
    boss = root(hand.cloud, THIRD)
    organization = boss.do("organizations:CreateOrganization", FeatureSet="ALL")["Organization"]["Arn"]
    top = boss.do("organizations:ListRoots")["Roots"][0]["Id"]
    unit = boss.do("organizations:CreateOrganizationalUnit", ParentId=top, Name="lab")["OrganizationalUnit"]
    asked = boss.do("organizations:CreateAccount", Email="a@example.com", AccountName="a")["CreateAccountStatus"]["Id"]
    done = boss.do("organizations:DescribeCreateAccountStatus", CreateAccountRequestId=asked)["CreateAccountStatus"]
    place = {"SourceParentId": top, "DestinationParentId": unit["Id"]}
    boss.do("organizations:MoveAccount", AccountId=done["AccountId"], **place)
    return boss, root(hand.cloud, done["AccountId"]), organization, unit["Arn"]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({}, ("InvalidParameterCombination", "No attributes specified.")),
        ({"LaunchPermission": {}}, ("InvalidParameterCombination", "No attributes specified.")),
        (
            {"LaunchPermission": {"Add": [{"UserId": "123"}]}},
            ("InvalidAMIAttributeItemValue", 'Invalid attribute item value "123 " for userId item type.'),
        ),
        (
            {"LaunchPermission": {"Add": [{"OrganizationArn": "o-123"}]}},
            ("InvalidAMIAttributeItemValue", 'Invalid attribute item value "o-123" for OrganizationArn item type.'),
        ),
        (
            {"Description": {"Value": "x"}, "ImdsSupport": {"Value": "v2.0"}},
            (
                "InvalidParameterCombination",
                "Fields for multiple attribute types specified: description, imdsSupport",
            ),
        ),
        (
            {"Attribute": "description", "Value": ""},
            ("MissingParameter", "The request must contain the parameter description"),
        ),
        (
            {"ImdsSupport": {"Value": ""}},
            ("MissingParameter", "The request must contain the parameter imdsSupport with value v2.0"),
        ),
        (
            {"Attribute": "launchPermission", "UserIds": [TARGET]},
            ("InvalidParameterCombination", "No operation specified for launchPermission attribute."),
        ),
    ],
)
def test_what_is_no_change_is_refused(yard: Yard, asked: dict[str, Any], error: tuple[str, str]) -> None:
    """The texts of ST:images_controls [V], as far as they were seen."""
    assert modify(yard.hand, yard.image, **asked) == error


def test_description_and_imds_support_are_changed_one_at_a_time(yard: Yard) -> None:
    assert modify(yard.hand, yard.image, Description={"Value": "of today"}) is None
    assert modify(yard.hand, yard.image, ImdsSupport={"Value": "v2.0"}) is None
    found = yard.hand.do("ec2:DescribeImages", ImageIds=[yard.image])["Images"][0]
    assert (found["Description"], found["ImdsSupport"]) == ("of today", "v2.0")


@pytest.mark.parametrize(
    ("attribute", "answer"),
    [
        ("description", {"Description": {}}),
        ("bootMode", {"BootMode": {}}),
        ("kernel", {"KernelId": {}}),
        ("productCodes", {"ProductCodes": []}),
        ("deregistrationProtection", {"DeregistrationProtection": {"Value": "disabled"}}),
        ("launchPermission", {"LaunchPermissions": []}),
    ],
)
def test_an_attribute_is_read_alone(yard: Yard, attribute: str, answer: dict[str, Any]) -> None:
    found = yard.hand.do("ec2:DescribeImageAttribute", ImageId=yard.image, Attribute=attribute)
    assert found == {"ImageId": yard.image, **answer}


def test_the_mapping_is_not_read_and_only_permissions_are_reset(yard: Yard) -> None:
    asked = {"ImageId": yard.image, "Attribute": "blockDeviceMapping"}
    assert yard.hand.refused("ec2:DescribeImageAttribute", **asked) == (
        "AuthFailure",
        "Unauthorized attempt to access restricted resource",
    )
    asked = {"ImageId": yard.image, "Attribute": "description"}
    assert yard.hand.refused("ec2:ResetImageAttribute", **asked)[0] == "InvalidRequest"


def test_a_policy_sees_whose_image_it_is(yard: Yard) -> None:
    """ec2:Owner and ec2:ImageID of the image; then the condition is met."""
    keeper = yard.hand.user(
        "keeper", *allow("ec2:ModifyImageAttribute", Condition={"StringEquals": {"ec2:Owner": TARGET}})
    )
    assert modify(keeper, yard.image, Description={"Value": "x"}) is not None
    condition = {"StringEquals": {"ec2:Owner": SOURCE, "ec2:ImageID": yard.image, "ec2:RootDeviceType": "ebs"}}
    yard.hand.let("keeper", *allow("ec2:ModifyImageAttribute", Condition=condition))
    assert modify(keeper, yard.image, Description={"Value": "x"}) is None


def test_the_trail_writes_both_forms_alike(yard: Yard) -> None:
    open_to(yard.hand, yard.image, TARGET)
    modify(yard.hand, yard.image, Attribute="launchPermission", OperationType="add", UserIds=[TARGET])
    records = yard.hand.events("ModifyImageAttribute")
    assert len(records) == 2
    for record in records:
        assert record["requestParameters"] == {
            "imageId": yard.image,
            "attributeType": "launchPermission",
            "launchPermission": {"add": {"items": [{"userId": TARGET}]}},
        }
        assert record["responseElements"]["_return"] is True
