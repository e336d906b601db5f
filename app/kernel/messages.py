"""Encoded authorization messages: what one service tells of a refusal, and another reads out again.

The document is AWS's (policy-evaluation.md 5.3 [O], ebs.md 1.11 [D]): principal, action, resource and the condition
keys of the request, and of an explicit Deny the statements that matched. It is sealed under a key of the world and the
account: nobody but the account that was refused can open it, and no text of anybody's making opens at all.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from app.crypto import cipher
from app.crypto.material import Secret
from app.policy.trace import Effect, StatementTrace

if TYPE_CHECKING:
    from app.kernel.draft import Draft
    from app.kernel.world import World
    from app.policy.question import ContextValue, Question
    from app.policy.trace import Decision

LABEL: Final = b"authorization message"


class MessageUnreadable(Exception):
    """A text that is no encoded message at all: letters that none has, or cut short."""


class MessageForeign(Exception):
    """A message of another account or world, or one that was changed."""


def encode(draft: Draft, account: str, document: Mapping[str, Any]) -> str:
    """The document sealed for `account`: letters, digits, `-` and `_`."""
    packed = zlib.compress(json.dumps(document).encode())
    entropy = draft.entropy.draw("authorization-message")
    sealed = cipher.seal_message(_key(draft.world, account), LABEL, account.encode(), packed, entropy)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def decode(world: World, account: str, text: str) -> dict[str, Any]:
    """The document of a message that `account` was told. Raises MessageUnreadable or MessageForeign."""
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise MessageUnreadable from None
    if len(sealed) <= cipher.SALT_SIZE_BYTES + cipher.TAG_SIZE_BYTES:
        raise MessageUnreadable
    try:
        packed = cipher.open_message(_key(world, account), LABEL, account.encode(), sealed)
    except cipher.SealBroken:
        raise MessageForeign from None
    return json.loads(zlib.decompress(packed))


def _key(world: World, account: str) -> Secret:
    return Secret(world.digest("authorization-message", account))


def document_of(decision: Decision, question: Question) -> dict[str, Any]:
    """A traced refusal in AWS's shape; `name` stands for users only."""
    principal = {"id": question.principal.unique_id, "arn": question.principal.arn}
    if question.principal.kind == "user":
        principal["name"] = question.principal.arn.rpartition("/")[2]
    return {
        "allowed": False,
        "explicitDeny": decision.explicit,
        "matchedStatements": _items([_statement(one, question) for one in _matched(decision)]),
        "failures": _items([]),
        "context": {
            "principal": principal,
            "action": question.action,
            "resource": question.resource,
            "conditions": _items([_condition(key, _many(value)) for key, value in sorted(question.context.items())]),
        },
    }


def _matched(decision: Decision) -> list[StatementTrace]:
    """Of an explicit Deny the statements that deny; an implicit one has none to show."""
    return [
        statement
        for layer in decision.layers
        if decision.explicit and not layer.is_exempt
        for statement in layer.statements
        if statement.applies and statement.effect is Effect.DENY
    ]


def _statement(statement: StatementTrace, question: Question) -> dict[str, Any]:
    """Elements as the policy has them, variables filled in. Known shape: public transcripts."""
    wanted = {one.element.removeprefix("Not"): one.wanted for one in statement.elements}
    return {
        "statementId": statement.place.sid,
        "effect": statement.effect.value.upper(),
        "principals": _values(wanted.get("Principal") or (question.principal.unique_id,)),
        "principalGroups": _items([]),
        "actions": _values(wanted.get("Action", ())),
        "resources": _values(wanted.get("Resource", ())),
        "conditions": _items([_condition(one.key, one.wanted) for one in statement.elements if one.key]),
    }


def _condition(key: str, values: tuple[str, ...]) -> dict[str, Any]:
    return {"key": key, "values": _values(values)}


def _values(texts: tuple[str, ...]) -> dict[str, Any]:
    return _items([{"value": text} for text in texts])


def _items(items: list[Any]) -> dict[str, Any]:
    return {"items": items}


def _many(value: ContextValue) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,)
