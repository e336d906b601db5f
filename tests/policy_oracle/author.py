"""Who writes the policies of a random question: with this caller and call in mind, or against them.

Each document is friendly by default (an Allow that fits) and goes wrong now and then, since many layers must agree.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, TypeVar

from .naive_text import statements
from .names import (
    ACCOUNTS,
    CALLERS,
    DERIVED,
    FAMILY_OF_KEY,
    GRANT_OPERATIONS,
    HERE,
    KEYS,
    OPERATORS,
    SERVICE,
    Subject,
    session,
    user,
)
from .plain import Document, Grant, Question, Statement

T = TypeVar("T")


def chance(rnd: random.Random, share: float) -> bool:
    return rnd.random() < share


def some(rnd: random.Random, values: Sequence[T], most: int) -> list[T]:
    return rnd.sample(values, rnd.randint(1, min(most, len(values))))


def one_or_list(rnd: random.Random, values: list[T]) -> T | list[T]:
    return values[0] if len(values) == 1 and chance(rnd, 0.5) else values


class Author:
    """Writes policies about one subject, with this caller in mind or against them."""

    def __init__(self, rnd: random.Random, subject: Subject, asked: Question) -> None:
        self.rnd, self.subject = rnd, subject
        self.owner, self.caller, self.action = asked["resource_account"], asked["caller"], asked["action"]
        self.context = asked["context"]

    def write_one_statement(self, asked: Question) -> None:
        """An Allow whose every word decides, or all allowed but what a Deny's every word decides."""
        rnd, denies = self.rnd, chance(self.rnd, 0.3)
        statement = self.friendly("") | {"Effect": "Deny" if denies else "Allow"}
        if chance(rnd, 0.3):
            pattern = rnd.choice(self.subject.resource_patterns).replace("{owner}", self.owner)
            statement = statement | {rnd.choice(("Resource", "Resource", "NotResource")): pattern}
            if "NotResource" in statement:
                statement.pop("Resource")
        else:
            statement["Condition"] = self.condition(1)
        everything = [{"Effect": "Allow", "Action": "*", "Resource": "*"}] if denies else []
        version = "2012-10-17" if chance(rnd, 0.9) else "2008-10-17"
        asked["identity"] = [{"Version": version, "Statement": [*everything, statement]}]

    def write_layers(self, asked: Question) -> None:
        rnd, kind = self.rnd, self.caller["kind"]
        if kind in ("user", "role-session", "federated-user"):
            asked["identity"] = [self.document(0.8) for _ in range(rnd.choice((0, 1, 1, 2)))]
            asked["boundary"] = self.document(0.75) if chance(rnd, 0.25) else None
        if kind in ("role-session", "federated-user", "root") and chance(rnd, 0.1 if kind == "root" else 0.3):
            asked["session"] = [self.document(0.75) for _ in range(rnd.choice((0, 1, 1, 1, 2, 2)))]
        if self.caller["account"] and chance(rnd, 0.35):
            asked["scps"] = [self.level() for _ in range(rnd.randint(1, 3))]
        if self.subject.rule != "none" and chance(rnd, 0.3):
            asked["rcps"] = [[self.control_document()] for _ in range(rnd.randint(1, 2))]
        if chance(rnd, 0.15):
            asked["endpoint"] = self.document(0.85, principal="policy")
        self.write_owner_side(asked)

    def write_owner_side(self, asked: Question) -> None:
        rnd, rule = self.rnd, self.subject.rule
        if rule == "trust":
            asked["resource_policy"] = self.document(0.8, principal="trust")
        elif rule in ("kms-key", "retire") or (rule == "plain" and chance(rnd, 0.75)):
            asked["resource_policy"] = self.forgetful(self.document(0.7, principal="policy"))
        if asked["resource_policy"] and chance(rnd, 0.3):
            asked["saved_ids"] = self.saved_ids()
        if rule in ("kms-key", "retire"):
            asked["grants"] = [self.grant() for _ in range(rnd.choice((0, 0, 1, 1, 2)))]

    def level(self) -> list[Document]:
        """Of an organization: the usual FullAWSAccess and perhaps more, or an allow list."""
        full: Document = {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
        }
        more = [self.document(0.6)] if chance(self.rnd, 0.4) else []
        return [full, *more] if chance(self.rnd, 0.8) else more or [self.document(0.9)]

    def control_document(self) -> Document:
        """An RCP: only Deny, principal `*`, no NotAction, no `*` alone for the action."""
        denial = self.statement(0.0, principal="")
        actions = [one for one in self.subject.action_patterns if one != "*"]
        denial.pop("NotAction", None)
        denial |= {"Effect": "Deny", "Principal": "*", "Action": self.rnd.choice(actions)}
        if chance(self.rnd, 0.5):
            denial["Condition"] = self.condition()
        return {"Version": "2012-10-17", "Statement": [denial]}

    def document(self, friendly: float, principal: str = "") -> Document:
        rnd = self.rnd
        first = [self.friendly(principal)] if chance(rnd, friendly) else []
        more = [self.statement(0.65, principal) for _ in range(rnd.choice((0, 0, 0, 1, 1, 2)))]
        written = first + more or [self.statement(0.8, principal)]
        rnd.shuffle(written)
        version = rnd.choice(("2012-10-17",) * 5 + ("2008-10-17", ""))
        return ({"Version": version} if version else {}) | {"Statement": one_or_list(rnd, written)}

    def friendly(self, principal: str) -> Statement:
        """An Allow that fits, unless its condition or principal is not the caller's."""
        statement: Statement = {"Effect": "Allow", "Action": self.rnd.choice((self.action, self.prefix + "*", "*"))}
        if principal != "trust":
            statement["Resource"] = "*"
        if principal:
            statement["Principal"] = self.principal(0.7)
        if chance(self.rnd, 0.25):
            statement["Condition"] = self.condition()
        return statement

    @property
    def prefix(self) -> str:
        return self.action.partition(":")[0] + ":"

    def statement(self, allow: float, principal: str = "") -> Statement:
        """Anything: Allow or Deny, positive or negated elements, conditions."""
        rnd = self.rnd
        effect = "Allow" if chance(rnd, allow) else "Deny"
        statement: Statement = {"Effect": effect}
        patterns = some(rnd, self.subject.action_patterns, 2)
        statement["NotAction" if chance(rnd, 0.15) else "Action"] = one_or_list(rnd, patterns)
        if principal != "trust":
            arns = [one.replace("{owner}", self.owner) for one in some(rnd, self.subject.resource_patterns, 2)]
            statement["NotResource" if chance(rnd, 0.15) else "Resource"] = one_or_list(rnd, arns)
        if principal == "policy":
            statement["NotPrincipal" if chance(rnd, 0.15) else "Principal"] = self.principal(0.4)
        elif principal:
            statement["Principal"] = self.principal(0.4)
        if chance(rnd, 0.8 if effect == "Deny" else 0.4):
            statement["Condition"] = self.condition()
        return statement

    def forgetful(self, document: Document) -> Document:
        """KMS accepts a statement without Action or Resource; it has no effect (kms.md 5)."""
        if self.subject.rule == "kms-key" and chance(self.rnd, 0.05):
            for statement in statements(document)[-1:]:
                statement.pop(self.rnd.choice(("Action", "Resource")), None)
        return document

    def principal(self, fitting: float) -> str | dict[str, Any]:
        rnd = self.rnd
        if chance(rnd, 0.12):
            return "*"
        if self.caller["kind"] == "service" and chance(rnd, fitting):
            return {"Service": one_or_list(rnd, [SERVICE])}
        own = self.own_forms()
        fit = own and chance(rnd, fitting)
        names = [rnd.choice(own)] if fit else some(rnd, self.all_forms(), 2)
        others: dict[str, Any] = {"Service": "s3.amazonaws.com"} if chance(rnd, 0.1) else {}
        if self.subject.rule == "trust" and chance(rnd, 0.1):
            others["Federated"] = f"arn:aws:iam::{self.owner}:saml-provider/corporate"
        return {"AWS": one_or_list(rnd, names)} | others

    def own_forms(self) -> list[str]:
        """The forms of 3.2 that may name the caller."""
        caller = self.caller
        if not caller["account"]:
            return []
        named = [caller["arn"], caller["issuer_arn"] or caller["arn"]]
        ids = [caller["issuer_id"] or caller["unique_id"]] if caller["kind"] != "root" else []
        return [caller["account"], f"arn:aws:iam::{caller['account']}:root", *named, *named, *ids]

    def all_forms(self) -> list[str]:
        people = [one for one in CALLERS if one["account"]]
        ids = [f"{user(HERE)['unique_id']}", f"{session(HERE)['issuer_id']}", "AROAGONE0001"]
        return [*ACCOUNTS, *(one["arn"] for one in people), *(one["issuer_arn"] or "*" for one in people), *ids]

    def saved_ids(self) -> dict[str, str]:
        """What users' and roles' ARNs stood for when the policy was saved: the caller of today, or a namesake."""
        caller = self.caller
        if caller["kind"] == "user":
            return {caller["arn"]: self.rnd.choice((caller["unique_id"], "AIDAGONE0001"))}
        if caller["issuer_arn"]:
            return {caller["issuer_arn"]: self.rnd.choice((caller["issuer_id"], "AROAGONE0001"))}
        return {}

    def grant(self) -> Grant:
        rnd, caller = self.rnd, self.caller
        forms = [caller["arn"]] * 3 + [caller["issuer_arn"]] * 2 if chance(rnd, 0.75) else []
        forms = [one for one in forms if one] or [user(HERE)["arn"], session(HERE)["issuer_arn"], SERVICE]
        grantee = rnd.choice([*forms, f"arn:aws:iam::{caller['account'] or HERE}:root"])
        constraint = rnd.choice(("", "", "EncryptionContextEquals", "EncryptionContextSubset"))
        pairs = rnd.choice(({"aws:ebs:id": "vol-1"}, {"AWS:EBS:ID": "vol-1"}, {"aws:ebs:id": "vol-1", "dept": "IT"}))
        named = self.action.partition(":")[2]
        return {
            "grantee": grantee,
            "grantee_id": self.saved_ids().get(grantee, "") if chance(rnd, 0.4) else "",
            "operations": [*([named] if chance(rnd, 0.6) else []), *some(rnd, GRANT_OPERATIONS, 2)],
            "constraint": constraint,
            "pairs": pairs if constraint else {},
        }

    # ------------------------------------------------------------ conditions

    def condition(self, most: int = 2) -> dict[str, dict[str, Any]]:
        written: dict[str, dict[str, Any]] = {}
        for _ in range(min(most, self.rnd.choice((1, 1, 2)))):
            key, operator, wanted = self.comparison()
            written.setdefault(operator, {})[key] = one_or_list(self.rnd, [self.bare(one) for one in wanted])
        return written

    def bare(self, wanted: str) -> str | bool | int:
        """Numbers and booleans may stand without quotes (1.1)."""
        if not chance(self.rnd, 0.3):
            return wanted
        return {"true": True, "false": False, "0": 0, "7": 7, "3600": 3600, "1767225600": 1767225600}.get(
            wanted, wanted
        )

    def comparison(self) -> tuple[str, str, list[str]]:
        """A key, an operator mostly of its family, and what is wanted; the key's case now and then another."""
        rnd = self.rnd
        key = rnd.choice((*KEYS, *DERIVED))
        written_key = rnd.choice((key, key, key, key.upper(), key.lower()))
        if chance(rnd, 0.1):
            return written_key, "Null", some(rnd, ("true", "false"), rnd.choice((1, 1, 1, 2)))
        family = FAMILY_OF_KEY.get(key, "String") if chance(rnd, 0.85) else rnd.choice(tuple(OPERATORS))
        operators, wanted = OPERATORS[family]
        is_many = isinstance(KEYS.get(key, ("",))[0], list) or key == "kms:EncryptionContextKeys"
        prefix = rnd.choice(("ForAllValues:", "ForAnyValue:")) if chance(rnd, 0.85 if is_many else 0.08) else ""
        if key.startswith(("kms:EncryptionContext:", "aws:RequestTag/")):  # a key policy that says so is refused
            prefix = prefix.replace("All", "Any").replace("Values", "Value")
        suffix = "IfExists" if chance(rnd, 0.25) else ""
        near = self.near(key) if chance(rnd, 0.4) else []
        return written_key, prefix + rnd.choice(operators) + suffix, near or some(rnd, wanted, 3)

    def near(self, key: str) -> list[str]:
        """The request's own value, or one that differs by case, by a wildcard or by a letter."""
        value = self.context.get(key, "")
        text = value if isinstance(value, str) else (value or [""])[0]
        forms = (text, text, text.swapcase(), text[:1] + "*", "*" + text[1:], text[:-1] + "?", text[:-1])
        return [self.rnd.choice(forms)] if text else []
