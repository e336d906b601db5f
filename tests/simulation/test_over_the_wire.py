"""boto3 asks the simulator, the decoder and the toolbox of a server, unchanged."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from .asking import A, allow, deny, policy

ACCOUNT = "555555555555"


def client(endpoint: str, service: str, keys: dict[str, str] | None = None) -> Any:
    own = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "test"}
    once = Config(retries={"total_max_attempts": 1})
    return boto3.client(service, region_name="us-east-1", endpoint_url=endpoint, config=once, **(keys or own))


@pytest.fixture(scope="module")
def iam(endpoint: str) -> Any:
    return client(endpoint, "iam")


@pytest.fixture(scope="module")
def bob(iam: Any) -> dict[str, str]:
    """Keys of a user who may do nothing on EC2."""
    iam.create_user(UserName="bob")
    text = policy(allow("s3:*"), deny("ec2:*", Sid="No"))
    iam.put_user_policy(UserName="bob", PolicyName="own", PolicyDocument=text)
    made = iam.create_access_key(UserName="bob")["AccessKey"]
    return {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}


def test_simulations_come_in_pages_through_botocores_paginator(iam: Any) -> None:
    ask = {"PolicyInputList": [policy(allow())], "ActionNames": ["s3:GetObject", "s3:PutObject"], "ResourceArns": [A]}
    pages = iam.get_paginator("simulate_custom_policy").paginate(**ask, PaginationConfig={"PageSize": 1})
    results = [one for page in pages for one in page["EvaluationResults"]]
    assert [one["EvalDecision"] for one in results] == ["allowed", "implicitDeny"]
    (statement,) = results[0]["MatchedStatements"]
    assert (statement["StartPosition"], statement["EndPosition"]) == (
        {"Line": 1, "Column": 38}, {"Line": 1, "Column": 95},
    )  # fmt: skip
    assert results[0]["ResourceSpecificResults"][0]["EvalResourceDecision"] == "allowed"


def test_an_empty_list_of_policies_is_an_implicit_deny(iam: Any) -> None:
    """As AWS answers it (public captures), though the model requires the list."""
    answer = iam.simulate_custom_policy(PolicyInputList=[], ActionNames=["s3:GetObject"])
    assert answer["EvaluationResults"][0]["EvalDecision"] == "implicitDeny"


def test_a_principals_policies_are_simulated_and_its_keys_listed(iam: Any, bob: dict[str, str]) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:user/bob"
    answer = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["ec2:RunInstances"])
    (result,) = answer["EvaluationResults"]
    assert (result["EvalDecision"], result["MatchedStatements"][0]["SourcePolicyId"]) == (
        "explicitDeny",
        "user_bob_own",
    )
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"] == []
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.simulate_principal_policy(PolicySourceArn=f"{arn}by", ActionNames=["ec2:RunInstances"])
    with pytest.raises(iam.exceptions.InvalidInputException):
        iam.simulate_custom_policy(PolicyInputList=["{"], ActionNames=["ec2:RunInstances"])


def refused_volume(endpoint: str, keys: dict[str, str]) -> ClientError:
    with pytest.raises(ClientError) as caught:
        client(endpoint, "ec2", keys).create_volume(AvailabilityZone="us-east-1a", Size=1)
    return caught.value


def test_the_refused_accounts_root_decodes_the_message(endpoint: str, bob: dict[str, str]) -> None:
    message = refused_volume(endpoint, bob).response["Error"]["Message"].rpartition(" ")[2]
    sts = client(endpoint, "sts")
    found = json.loads(sts.decode_authorization_message(EncodedMessage=message)["DecodedMessage"])
    assert found["matchedStatements"]["items"][0]["statementId"] == "No"
    with pytest.raises(sts.exceptions.InvalidAuthorizationMessageException):
        sts.decode_authorization_message(EncodedMessage=message[:-8])


def test_the_toolbox_answers_by_the_decisions_id(endpoint: str, bob: dict[str, str]) -> None:
    """Its requests are signed for `iam`. Method: the id that stands in x-reseal-decision, without hyphens."""
    headers = refused_volume(endpoint, bob).response["ResponseMetadata"]["HTTPHeaders"]
    id = headers["x-reseal-decision"].replace("-", "")
    toolbox = client(endpoint, "iam-toolbox")
    details = toolbox.get_request_authorization_details(authorizationId=id)
    assert details["evaluations"][0]["checks"][0]["evaluatedEffect"] == "EXPLICIT_DENY"
    assert details["requestContext"]["aws:username"] == "bob"
    uri = details["policies"][0]["uri"]
    document = toolbox.get_request_authorization_policy(authorizationId=id, policyUri=uri)["policyDocument"]
    assert document["Statement"][1]["Sid"] == "No"
    with pytest.raises(toolbox.exceptions.ResourceNotFoundException):
        toolbox.get_request_authorization_details(authorizationId="1" * 32)
