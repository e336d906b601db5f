"""Policies of keys that were there before: whether the set-up can work as the account's root under one."""

# pyright: basic

from __future__ import annotations

import json
from typing import Any, cast

from workflows.port import Json


def lets_root_do_all(policy: Json, account: str) -> bool:
    """Does a key's policy let the set-up work as the account's root?"""
    statements = policy.get("Statement") or []
    statements = statements if isinstance(statements, list) else [statements]
    if any(one.get("Effect") == "Deny" for one in statements):
        return False
    roots = (account, f"arn:aws:iam::{account}:root")
    return any(
        one.get("Effect") == "Allow" and one.get("Action") in ("kms:*", ["kms:*"]) and not one.get("Condition")
        and isinstance(one.get("Principal"), dict)
        and any(each in roots for each in _several(one["Principal"].get("AWS")))
        for one in statements
    )  # fmt: skip


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def is_default(policy: Json, account: str) -> bool:
    """Is it the policy that a key has to which nobody gave one?"""
    statements = policy.get("Statement")
    if not isinstance(statements, list) or len(statements) != 1:
        return False
    return policy.get("Id") == "key-default-1" and lets_root_do_all(policy, account)


def open_to(accounts: list[str], actions: str | list[str] = "kms:*") -> Json:
    roots = [f"arn:aws:iam::{one}:root" for one in accounts]
    everything = {"Effect": "Allow", "Principal": {"AWS": roots}, "Action": actions, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [everything]}


def document(text: str) -> Json | None:
    """A JSON object in a text; None for another text."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return cast("Json", found) if isinstance(found, dict) else None
