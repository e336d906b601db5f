"""Records in the shapes of Organizations' answers, and the resources that its authorizations are asked on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.kernel.authority import Resource
from app.kernel.call import Call, Pairs
from app.kernel.clock import moment
from app.kernel.draft import Draft
from app.services.organizations import errors
from app.services.organizations.records import Creation, Handshake, Node, Organization
from app.services.organizations.tree import AWS_POLICIES, AnyPolicy, AwsPolicy, organization_of

Shape = Mapping[str, Any]


def organization(one: Organization) -> Shape:
    return {
        "Id": one.id,
        "Arn": one.arn,
        "FeatureSet": one.feature_set,
        "MasterAccountArn": f"arn:aws:organizations::{one.account}:account/{one.id}/{one.account}",
        "MasterAccountId": one.account,
        "MasterAccountEmail": one.email,
        "AvailablePolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}],  # deprecated: constant
    }


def root(one: Node, enabled: tuple[str, ...]) -> Shape:
    types = [{"Type": type, "Status": "ENABLED"} for type in enabled]
    return {"Id": one.id, "Arn": one.arn, "Name": one.name, "PolicyTypes": types}


def unit(one: Node) -> Shape:
    return {"Id": one.id, "Arn": one.arn, "Name": one.name}


def account(one: Node) -> Shape:
    state = "SUSPENDED" if one.is_closed else "ACTIVE"
    return {
        "Id": one.id,
        "Arn": one.arn,
        "Email": one.email,
        "Name": one.name,
        "Status": state,
        "State": state,
        "JoinedMethod": one.joined,
        "JoinedTimestamp": moment(one.joined_ms),
    }


def creation(one: Creation) -> Shape:
    shape = {
        "Id": one.id,
        "AccountName": one.name,
        "State": one.state,
        "RequestedTimestamp": moment(one.requested_ms),
    }
    shape |= {"CompletedTimestamp": moment(one.completed_ms)} if one.completed_ms else {}
    shape |= {"AccountId": one.member} if one.member else {}
    return shape | ({"FailureReason": one.failure} if one.failure else {})


def handshake(one: Handshake, email: str, now_ms: int) -> Shape:
    resources: list[Shape] = [
        {
            "Type": "ORGANIZATION",
            "Value": one.organization,
            "Resources": [{"Type": "MASTER_EMAIL", "Value": email}],
        },
        {"Type": "ACCOUNT", "Value": one.invited},
    ]
    resources += [{"Type": "NOTES", "Value": one.notes}] if one.notes else []
    return {
        "Id": one.id,
        "Arn": one.arn,
        "Parties": [
            {"Id": one.organization.removeprefix("o-"), "Type": "ORGANIZATION"},
            {"Id": one.invited, "Type": "ACCOUNT"},
        ],
        "State": one.state(now_ms),
        "RequestedTimestamp": moment(one.requested_ms),
        "ExpirationTimestamp": moment(one.expires_ms),
        "Action": "INVITE",
        "Resources": resources,
    }


def summary(one: AnyPolicy) -> Shape:
    return {
        "Id": one.id,
        "Arn": one.arn,
        "Name": one.name,
        "Description": one.description,
        "Type": one.type,
        "AwsManaged": isinstance(one, AwsPolicy),
    }


def policy(one: AnyPolicy) -> Shape:
    return {"PolicySummary": summary(one), "Content": one.content}


def target(one: Node) -> Shape:
    return {"TargetId": one.id, "Arn": one.arn, "Name": one.name, "Type": one.type}


# tags


def tags_of(sent: Any) -> Pairs:
    """Tags of a request; refuses a key that comes twice."""
    tags = {tag["Key"]: tag["Value"] for tag in sent or ()}
    if len(tags) < len(sent or ()):
        errors.DUPLICATE_TAGS.refuse()
    return tuple(sorted(tags.items()))


def tag_list(tags: Pairs) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags]


# resources


def arn_of(draft: Draft, call: Call, id: str) -> str:
    """The ARN that an id stands for in the caller's organization, be there such a thing or not."""
    if known := AWS_POLICIES.get(id):
        return known.arn
    words = {"r": "root", "ou": "ou", "p": "policy", "car": "handshake"}
    found = organization_of(draft.world, call.account)
    word = words.get(id.partition("-")[0], "account")
    return f"arn:aws:organizations::{call.account}:{word}/{found.id if found else '*'}/{id}"


def on(*parameters: str) -> Any:
    """What the request names by these parameters, one resource each."""

    def resources(draft: Draft, call: Call) -> tuple[Resource, ...]:
        return tuple(Resource(arn_of(draft, call, call[name]), call.account) for name in parameters)

    return resources
