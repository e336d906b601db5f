"""Instances as they are listed, stopped, started and ended (ST:instances_lifecycle [V])."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ebs_compute.conftest import Yard
from tests.ebs_compute.machines import launch, root_volume, run, seen
from tests.sharing.accounts import SOURCE, TARGET, Hand, allow, root

NOTHING = "i-0123456789abcdef1"


def changed(hand: Hand, verb: str, instance: str) -> tuple[str, str]:
    """The state before and after, as the answer says."""
    answer = hand.do(f"ec2:{verb}Instances", InstanceIds=[instance])
    change = next(iter(answer.values()))[0]
    return change["PreviousState"]["Name"], change["CurrentState"]["Name"]


def test_each_operation_says_from_which_state_to_which(yard: Yard) -> None:
    """One that is there already stays; a stopped instance ends at once."""
    hand, instance = yard.hand, launch(yard.hand, yard.image)
    assert changed(hand, "Start", instance) == ("running", "running")
    assert changed(hand, "Stop", instance) == ("running", "stopping")
    assert changed(hand, "Stop", instance) == ("stopped", "stopped")
    assert changed(hand, "Start", instance) == ("stopped", "pending")
    assert changed(hand, "Stop", instance) == ("running", "stopping")
    assert changed(hand, "Terminate", instance) == ("stopped", "terminated")
    assert changed(hand, "Terminate", instance) == ("terminated", "terminated")


def test_one_that_runs_ends_by_shutting_down(yard: Yard) -> None:
    instance = launch(yard.hand, yard.image)
    assert changed(yard.hand, "Terminate", instance) == ("running", "shutting-down")
    shown = seen(yard.hand, instance)
    assert (shown["State"]["Name"], shown["StateReason"]["Message"]) == (
        "terminated",
        "Client.UserInitiatedShutdown: User initiated shutdown",
    )


def test_one_that_ended_is_neither_started_nor_stopped(yard: Yard) -> None:
    """The two texts begin differently, and are AWS's."""
    instance = launch(yard.hand, yard.image)
    yard.hand.do("ec2:TerminateInstances", InstanceIds=[instance])
    assert yard.hand.refused("ec2:StartInstances", InstanceIds=[instance]) == (
        "IncorrectInstanceState",
        f"The instance '{instance}' is not in a state from which it can be started.",
    )
    assert yard.hand.refused("ec2:StopInstances", InstanceIds=[instance]) == (
        "IncorrectInstanceState",
        f"This instance '{instance}' is not in a state from which it can be stopped.",
    )


def test_of_several_instances_either_all_are_stopped_or_none(yard: Yard) -> None:
    instance = launch(yard.hand, yard.image)
    assert yard.hand.refused("ec2:StopInstances", InstanceIds=[instance, NOTHING]) == (
        "InvalidInstanceID.NotFound",
        f"The instance ID '{NOTHING}' does not exist",
    )
    assert seen(yard.hand, instance)["State"]["Name"] == "running"


@pytest.mark.parametrize(
    ("id", "error"),
    [
        ("unknown", ("InvalidInstanceID.Malformed", 'Invalid id: "unknown"')),
        ("i-", ("InvalidInstanceID.Malformed", 'Invalid id: "i-"')),
        ("i-000000000", ("InvalidInstanceID.Malformed", 'Invalid id: "i-000000000"')),
        ("i-0", ("InvalidInstanceID.NotFound", "The instance ID 'i-0' does not exist")),
        ("i-ABCDEF12", ("InvalidInstanceID.NotFound", "The instance ID 'i-ABCDEF12' does not exist")),
    ],
)
def test_an_id_is_malformed_or_not_found(yard: Yard, id: str, error: tuple[str, str]) -> None:
    """The boundaries of ST:instance_status_id_boundaries [V]."""
    assert yard.hand.refused("ec2:DescribeInstanceStatus", InstanceIds=[id]) == error


def test_nobody_sees_the_instances_of_another_account(yard: Yard) -> None:
    instance, target = launch(yard.hand, yard.image), root(yard.hand.cloud, TARGET)
    assert target.do("ec2:DescribeInstances")["Reservations"] == []
    assert target.refused("ec2:TerminateInstances", InstanceIds=[instance])[0] == "InvalidInstanceID.NotFound"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("instance-state-name", "running"),
        ("instance-state-code", "16"),
        ("instance-type", "t3.nano"),
        ("availability-zone", "us-east-1a"),
        ("owner-id", SOURCE),
        ("block-device-mapping.status", "attached"),
        ("tag:role", "web"),
    ],
)
def test_a_filter_finds_instances_by_what_is_shown(yard: Yard, name: str, value: str) -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "role", "Value": "web"}]}]
    instance = launch(yard.hand, yard.image, TagSpecifications=tags)

    def found(value: str) -> list[str]:
        listed = yard.hand.do("ec2:DescribeInstances", Filters=[{"Name": name, "Values": [value]}])["Reservations"]
        return [each["InstanceId"] for reservation in listed for each in reservation["Instances"]]

    assert (found(value), found("nothing")) == ([instance], [])
    assert yard.hand.refused("ec2:DescribeInstances", Filters=[{"Name": "colour", "Values": ["x"]}])[0] == (
        "InvalidParameterValue"
    )


def test_instances_come_in_pages_and_by_reservation(yard: Yard) -> None:
    reservation = yard.hand.do("ec2:RunInstances", **run(yard.image, MinCount=6, MaxCount=7))["ReservationId"]
    first = yard.hand.do("ec2:DescribeInstances", MaxResults=5)
    second = yard.hand.do("ec2:DescribeInstances", MaxResults=5, NextToken=first["NextToken"])
    sizes = [[len(each["Instances"]) for each in page["Reservations"]] for page in (first, second)]
    assert (sizes, first["Reservations"][0]["ReservationId"]) == ([[5], [2]], reservation)
    ids = [each["InstanceId"] for each in first["Reservations"][0]["Instances"]]
    assert yard.hand.refused("ec2:DescribeInstances", InstanceIds=ids, MaxResults=5) == (
        "InvalidParameterCombination",
        "The parameter instancesSet cannot be used with the parameter maxResults",
    )


def test_only_what_runs_has_a_status_unless_all_are_asked_for(yard: Yard) -> None:
    running, stopped = launch(yard.hand, yard.image), launch(yard.hand, yard.image)
    yard.hand.do("ec2:StopInstances", InstanceIds=[stopped])

    def statuses(**asked: Any) -> dict[str, str]:
        found = yard.hand.do("ec2:DescribeInstanceStatus", **asked)["InstanceStatuses"]
        return {each["InstanceId"]: each["InstanceStatus"]["Status"] for each in found}

    assert statuses() == {running: "ok"}
    assert statuses(IncludeAllInstances=True) == {running: "ok", stopped: "not-applicable"}


def test_a_policy_sees_which_instance_it_is(yard: Yard) -> None:
    """By type and tag; a stop is a right of its own on the instance."""
    instance = launch(yard.hand, yard.image)
    keeper = yard.hand.user(
        "keeper", *allow("ec2:StopInstances", Condition={"StringEquals": {"ec2:InstanceType": "x"}})
    )
    assert keeper.refused("ec2:StopInstances", InstanceIds=[instance])[0] == "UnauthorizedOperation"
    condition = {"StringEquals": {"ec2:InstanceType": "t3.nano", "aws:ResourceTag/team": "blue"}}
    yard.hand.let("keeper", *allow("ec2:StopInstances", Condition=condition))
    assert keeper.refused("ec2:StopInstances", InstanceIds=[instance])[0] == "UnauthorizedOperation"
    yard.hand.do("ec2:CreateTags", Resources=[instance], Tags=[{"Key": "team", "Value": "blue"}])
    assert keeper.do("ec2:StopInstances", InstanceIds=[instance])["StoppingInstances"]
    assert (yard.hand.volume(root_volume(yard.hand, instance)) or {})["State"] == "in-use"
