"""Prices and key policies as users get them: REST on a server, and the command line."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import boto3
import pytest
import typer
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from app import cli_key_policy, cli_prices
from tests.kms.lab import SOURCE
from tests.serving.servers import start


def commands() -> typer.Typer:
    app = typer.Typer()
    for module in (cli_prices, cli_key_policy):
        module.mount(app)
    return app


def run(*arguments: str) -> Any:
    return CliRunner().invoke(commands(), list(arguments))


@pytest.fixture
def server(endpoint: str) -> str:
    keys = {"aws_access_key_id": SOURCE, "aws_secret_access_key": "test", "region_name": "us-east-1"}
    boto3.client("kms", endpoint_url=endpoint, **keys).create_key()
    return endpoint


def fetched(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.loads(answer.read())


def test_rest_tells_the_bill_of_a_world(server: str) -> None:
    bill = fetched(f"{server}/api/v1/worlds/default/prices")
    account = bill["accounts"][SOURCE]
    assert (bill["currency"], account["usd_per_month_of_keys"]) == ("USD", float(len(account["keys"])))
    assert account["requests"][0]["kind"] == "symmetric"
    assert fetched(f"{server}/api/v1/worlds/default/prices?month=1999-01")["accounts"][SOURCE]["usd"] == 0


@pytest.mark.parametrize(("path", "status"), [("none/prices", 404), ("default/prices?month=2026-13", 422)])
def test_rest_says_what_is_wrong(server: str, path: str, status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetched(f"{server}/api/v1/worlds/{path}")
    assert refused.value.code == status


def test_the_command_tells_it_as_text_and_as_json(server: str) -> None:
    text = run("prices", "--endpoint", server)
    assert (text.exit_code, text.stdout.splitlines()[0].startswith("KMS in ")) == (0, True)
    assert f"account {SOURCE}" in text.stdout
    assert SOURCE in json.loads(run("prices", "--endpoint", f"{server}/w/default", "--json").stdout)["accounts"]


def test_the_command_ends_with_2_for_a_wrong_option_and_with_3_where_nothing_answers(server: str) -> None:
    assert run("prices", "--endpoint", server, "--month", "january").exit_code == 2
    assert run("prices", "--endpoint", "localhost").exit_code == 2
    assert run("prices", "--endpoint", "http://127.0.0.1:9").exit_code == 3


def test_a_server_with_quotas_throttles_as_aws_does() -> None:
    """`reseal serve --quotas`: HTTP 400 and the code that SDKs slow down for."""
    server = start("--quotas")
    try:
        kms: Any = server.client("kms")
        with pytest.raises(ClientError) as throttled:
            [kms.create_key() for _ in range(20)]
    finally:
        server.stop()
    said = throttled.value.response
    assert (said["Error"]["Code"], said["ResponseMetadata"]["HTTPStatusCode"]) == ("ThrottlingException", 400)


def test_key_policies_are_listed_and_filled_in() -> None:
    assert "shared-snapshots  --set owner=... --set target=... --set region=..." in run("key-policy").stdout
    filled = run("key-policy", "shared-snapshots", "--set", "owner=1", "--set", "target=2", "--set", "region=x")
    assert json.loads(filled.stdout)["Id"] == "shared-snapshots"
    assert run("key-policy", "shared-snapshots", "--set", "owner=1").exit_code == 2
    assert run("key-policy", "none").exit_code == 2
