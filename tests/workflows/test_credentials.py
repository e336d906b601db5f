"""Who is let in: a run in this process meets the answers that the wire door gives, and the same causes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.kernel.operation import Services
from workflows.course import account_ids
from workflows.normal import normal
from workflows.over_boto3 import OverBoto3
from workflows.over_http import OverHttp
from workflows.port import Answer, Credentials, Port, PortFailed
from workflows.principals import WRONG_SECRET
from workflows.scenario import Scenario, load
from workflows.session import in_memory_port, runner

SCENARIO = """# Who is let in?
reseal: 1
name: credentials
seed: 7
accounts: {home: "111122223333"}
principals:
  home/user: {user: user, policies: [{Version: "2012-10-17", Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}]}
  home/role: {role: role}
  home/forger: {user: forger, credentials: wrong-secret}
  home/nobody: {credentials: none}
steps:
  - id: keys
    as: home/root
    call: iam:ListAccessKeys
    with: {UserName: user}
    save: {KEY: "AccessKeyMetadata[0].AccessKeyId"}
"""
CALLS = ("kms:ListKeys", "ec2:DescribeSnapshots", "sts:GetCallerIdentity")


@pytest.fixture
def scenario(write: Callable[..., object]) -> Scenario:
    return load(str(write(SCENARIO)))


def told(answer: Answer) -> tuple[str, str, int, str]:
    assert answer.error is not None
    return (answer.error.code, answer.error.message, answer.error.status, answer.cause)


def spoil(port: Port, key: str) -> None:
    """An inactive key, then a session that has ended."""
    change = {"UserName": "user", "AccessKeyId": key, "Status": "Inactive"}
    assert not port.call("home/root", "iam:UpdateAccessKey", change, "us-east-1").error
    port.advance(2 * 60 * 60 * 1000)


def asked(port: Port, scenario: Scenario, services: Services) -> list[tuple[str, str, int, str]]:
    report = runner(scenario, services, port).run()
    key = report.transitions[0].saved["KEY"]
    spoil(port, key)
    found = [told(port.call(who, call, {}, "us-east-1")) for who in ("home/user", "home/role") for call in CALLS]
    found += [told(port.call(who, call, {}, "us-east-1")) for who in ("home/forger", "home/nobody") for call in CALLS]
    assert not port.call(
        "home/root", "iam:DeleteAccessKey", {"UserName": "user", "AccessKeyId": key}, "us-east-1"
    ).error
    return [*found, *(told(port.call("home/user", call, {}, "us-east-1")) for call in CALLS)]


def test_a_run_in_this_process_meets_the_answers_of_the_wire_door(
    scenario: Scenario, services: Services, serve: Callable[[], str]
) -> None:
    """Method: five kinds of bad credentials at a JSON, an EC2 and a query service, in process and over HTTP."""
    here = asked(in_memory_port(scenario, services), scenario, services)
    there = asked(OverHttp(serve(), account_ids(scenario)), scenario, services)
    assert here == there
    assert [each[3] for each in here[::3]] == [
        "CREDENTIALS_INACTIVE",
        "SESSION_EXPIRED",
        "SIGNATURE_WRONG",
        "CREDENTIALS_MISSING",
        "CREDENTIALS_UNKNOWN",
    ]


def test_a_call_through_a_vpc_endpoint_is_not_made_where_none_can_be(scenario: Scenario) -> None:
    port = OverBoto3("http://127.0.0.1:9", account_ids(scenario))
    port.sign_in("home/user", Credentials("AKIAEXAMPLE", "secret", endpoint="{}"))
    with pytest.raises(PortFailed, match="home/user calls through a VPC endpoint, and none can be made here"):
        port.call("home/user", "kms:ListKeys", {}, "us-east-1")


def test_no_answer_and_no_report_holds_a_secret(scenario: Scenario, services: Services) -> None:
    report = runner(scenario, services, in_memory_port(scenario, services)).run()
    assert WRONG_SECRET not in repr(normal(report))
