"""Simulations, written short: policies on one line, as AWS's own captures have them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.iam.lab import SOURCE, Lab

BUCKET = "arn:aws:s3:::reports"
A, B = f"{BUCKET}/a", f"{BUCKET}/b"
ADA = f"arn:aws:iam::{SOURCE}:user/dev/ada"
HERE, THERE = SOURCE, "222222222222"


def policy(*statements: Mapping[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)}, separators=(",", ":"))


def allow(action: str = "s3:GetObject", resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str = "s3:GetObject", resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def given(principal: str, effect: str = "Allow", action: str = "s3:GetObject", resource: str = f"{BUCKET}/*") -> str:
    """A resource's policy."""
    principals = "*" if principal == "*" else {"AWS": principal}
    return policy({"Effect": effect, "Principal": principals, "Action": action, "Resource": resource})


def scps(*levels: str) -> list[dict[str, list[str]]]:
    return [{"ServiceControlPolicyInputList": [one]} for one in levels]


def simulate(lab: Lab, *policies: str, action: str = "s3:GetObject", **more: Any) -> Mapping[str, Any]:
    """The one result of a simulation of these policies."""
    parameters = {"PolicyInputList": list(policies), "ActionNames": [action]} | more
    (result,) = lab.call(SOURCE, "iam:SimulateCustomPolicy", **parameters)["EvaluationResults"]
    return result


def decision(lab: Lab, *policies: str, **more: Any) -> str:
    return simulate(lab, *policies, **more)["EvalDecision"]


def sources(result: Mapping[str, Any]) -> list[str]:
    return [one["SourcePolicyId"] for one in result["MatchedStatements"]]


def spans(result: Mapping[str, Any]) -> list[tuple[int, int, int, int]]:
    """(line, column) of start and end of each statement shown."""
    places = ((one["StartPosition"], one["EndPosition"]) for one in result["MatchedStatements"])
    return [(start["Line"], start["Column"], end["Line"], end["Column"]) for start, end in places]
