"""Calls through a VPC endpoint: its policy has to allow them, whatever all others say, and nothing else is bound."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.kernel.call import Caller, Reply, Request, root_of
from app.kernel.endpoint import CHARACTERS_MAX
from tests.explain.stage import REGION, SOURCE, Stage, allow


def policy(*statements: dict[str, Any]) -> str:
    everybody = ({"Principal": "*", "Effect": "Allow", "Resource": "*", **each} for each in statements)
    return json.dumps({"Version": "2012-10-17", "Statement": list(everybody)})


def through(stage: Stage, who: Caller, document: str, operation: str, **parameters: Any) -> Reply:
    return stage.cloud.call(Request(operation, parameters, who, REGION, "10.0.0.7", endpoint=document))


def test_an_endpoint_binds_the_root_user_too() -> None:
    stage = Stage()
    refused = through(stage, root_of(SOURCE), policy({"Action": "ec2:*"}), "kms:ListKeys")
    assert refused.error is not None
    assert refused.error.message.endswith("because no VPC endpoint policy allows the kms:ListKeys action")
    assert through(stage, root_of(SOURCE), policy({"Action": "kms:List*"}), "kms:ListKeys").error is None


def test_what_a_service_does_for_the_caller_comes_through_no_endpoint_of_the_caller_s() -> None:
    """An endpoint of EC2 knows nothing of KMS. Method: an encrypted volume, whose key EC2 uses as the caller."""
    stage = Stage()
    key = stage.key(SOURCE)
    wanted = {"AvailabilityZone": f"{REGION}a", "Size": 1, "Encrypted": True, "KmsKeyId": key}
    made = through(stage, root_of(SOURCE), policy({"Action": "ec2:*"}), "ec2:CreateVolume", **wanted)
    assert made.answer is not None
    [volume] = stage.done(root_of(SOURCE), "ec2:DescribeVolumes", VolumeIds=[made.answer["VolumeId"]])["Volumes"]
    assert volume["State"] == "available"


@pytest.mark.parametrize(
    ("condition", "direct", "by_endpoint"),
    [
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, True, False),
        ({"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}}, False, True),
        ({"StringLike": {"aws:SourceVpce": "vpce-?????????????????"}}, False, True),
    ],
)
def test_conditions_see_where_a_call_came_through(condition: dict[str, Any], direct: bool, by_endpoint: bool) -> None:
    """aws:SourceIp is not there for calls through an endpoint; the other two are there only then."""
    stage = Stage()
    who = stage.user(SOURCE, "someone", allow("kms:ListKeys", Condition=condition))
    assert (through(stage, who, "", "kms:ListKeys").error is None) == direct
    assert (through(stage, who, policy({"Action": "*"}), "kms:ListKeys").error is None) == by_endpoint


def test_the_trail_names_the_endpoint() -> None:
    stage = Stage()
    made = through(stage, root_of(SOURCE), policy({"Action": "*"}), "kms:CreateKey")
    events = [json.loads(one.body) for one in stage.cloud.world.log.events(SOURCE, REGION)]
    [event] = [one for one in events if one["requestID"] == made.request_id]
    assert (event["vpcEndpointId"][:5], event["vpcEndpointAccountId"]) == ("vpce-", SOURCE)


NO_POLICIES = ("{", "[]", '{"Version": "2012-10-17"}', policy({"Action": 1}), policy({"Action": "a" * CHARACTERS_MAX}))


@pytest.mark.parametrize("document", NO_POLICIES)
def test_what_is_no_policy_is_refused(document: str) -> None:
    refused = through(Stage(), root_of(SOURCE), document, "kms:ListKeys")
    assert refused.error is not None
    assert refused.error.code == "InvalidPolicyDocument"
