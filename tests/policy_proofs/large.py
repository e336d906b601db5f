"""Large inputs: a policy of very many statements, and a key with very many grants."""

from __future__ import annotations

import json
from typing import Any

from app.kernel.authority import Resource, ask
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.records import replace
from app.kernel.world import World
from app.policy.question import Question
from app.services.kms.records import Grant, Key
from tests.kms.lab import OWNER, REGION, SOURCE, TARGET, Lab, policy
from tests.policy.build import question

KEY_POLICY_MAX = 32 * 1024  # characters


def statement(number: int) -> dict[str, Any]:
    """One that names the action and the resource, and fails by its second condition only."""
    return {
        "Effect": "Deny" if number % 2 else "Allow", "Principal": "*", "Action": "kms:De*", "Resource": "*",
        "Condition": {"StringLike": {"aws:a": "x*"}, "StringEquals": {"aws:b": f"{number}"}},
    }  # fmt: skip


def key_policy(statements: int) -> list[dict[str, Any]]:
    return [statement(number) for number in range(statements)]


def statements_within(size: int = KEY_POLICY_MAX) -> int:
    """How many of these statements a key policy can hold."""
    return (size - 100) // (len(json.dumps(statement(999))) + 2)


def about_many_statements(statements: int) -> Question:
    return question({
        "rule": "kms-key", "resource": key_policy(statements), "context": {"aws:a": "xyz", "aws:b": "none of them"},
    })  # fmt: skip


class Grants:
    """A key of SOURCE with so many grants: a tenth let the one who asks Encrypt, one lets him Decrypt."""

    def __init__(self, count: int) -> None:
        self.lab = Lab.new()
        self.arn = self.lab.ok(SOURCE, "CreateKey", Policy=policy(OWNER))["KeyMetadata"]["Arn"]
        self.caller = self.lab.user(TARGET, "asking")
        key = self.lab.cloud.world.records.get(Key, SOURCE, REGION, self.arn.rpartition("/")[2])
        assert key is not None
        self.world = self._filled(self.lab.cloud.world, key, count)
        self.call = Call("kms:Decrypt", {}, self.caller, REGION, self.world.clock.now_ms, b"s" * 32, "request")

    def _filled(self, world: World, key: Key, count: int) -> World:
        for number in range(count):
            mine = number % 10 == 9
            grantee = self.caller.arn if mine else f"arn:aws:iam::{(SOURCE, TARGET)[number % 2]}:user/u{number}"
            world = world.put(Grant(
                account=SOURCE, region=REGION, id=f"{number:064x}", key_id=key.id, created_ms=number, grantee=grantee,
                grantee_id=self.caller.unique_id if mine else "", operations=("Encrypt",) if mine else ("Decrypt",),
                issuer=SOURCE,
            ))  # fmt: skip
        world = world.put(replace(key, grants=count + 1))
        return world.put(Grant(
            account=SOURCE, region=REGION, id="f" * 64, key_id=key.id, created_ms=count, grantee=self.caller.arn,
            grantee_id=self.caller.unique_id, operations=("Decrypt",), issuer=SOURCE,
        ))  # fmt: skip

    def ask(self, action: str) -> Question:
        """The question with KMS's layers, as a call on the key has it."""
        draft = Draft(self.lab.cloud.services, self.world, self.call)
        key = self.world.records.get(Key, SOURCE, REGION, self.arn.rpartition("/")[2])
        return ask(draft, self.call, action, Resource(self.arn, SOURCE, key))
