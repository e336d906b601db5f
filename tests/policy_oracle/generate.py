"""Random questions that collide: about half of them allowed, by every layer and rule, refused for every cause.

One builder over `random.Random` serves both ways: a seed makes a question at once (thousands a second, and the seed
names it), and hypothesis's own `random` makes the same questions shrinkable. See author.py for the policies.
"""

from __future__ import annotations

import random

from hypothesis import strategies as st

from .author import Author, chance
from .names import ACCOUNTS, CALLERS, KEYS, SUBJECTS, Subject
from .plain import Caller, Question, Value

# KMS refuses these on another account's key before it asks the engine (4.6; checked in tests/kms)
WITHIN_ACCOUNT = frozenset({"kms:PutKeyPolicy"})
RULE_WEIGHTS = (8, 4, 3, 2, 1)  # in the order of SUBJECTS

# Where one statement can decide alone: no other layer, the caller's own account
IDENTITY_DECIDES = tuple(one for one in SUBJECTS if one.rule in ("plain", "none"))
WITH_IDENTITY = tuple(one for one in CALLERS if one["kind"] in ("user", "role-session"))


def question(seed: int) -> Question:
    """The question of that number, the same on every machine."""
    return build(random.Random(seed))


def questions() -> st.SearchStrategy[Question]:
    """The same questions for hypothesis, which can then shrink them."""
    return st.randoms(use_true_random=False).map(build)


def build(rnd: random.Random) -> Question:
    if chance(rnd, 0.3):
        subject, caller = rnd.choice(IDENTITY_DECIDES), rnd.choice(WITH_IDENTITY)
        asked, author = ask(rnd, subject, caller, caller["account"])
        author.write_one_statement(asked)
        return asked
    subject, caller = rnd.choices(SUBJECTS, RULE_WEIGHTS)[0], rnd.choice(CALLERS)
    owner = caller["account"] if caller["account"] and chance(rnd, 0.65) else rnd.choice(ACCOUNTS)
    asked, author = ask(rnd, subject, caller, owner)
    author.write_layers(asked)
    return asked


def ask(rnd: random.Random, subject: Subject, caller: Caller, owner: str) -> tuple[Question, Author]:
    """The request, and who writes the policies about it; no policy yet."""
    action = rnd.choice(subject.actions)
    if action in WITHIN_ACCOUNT:
        owner = caller["account"] or owner
    encryption = encryption_context(rnd) if subject.rule == "kms-key" else None
    asked: Question = {
        "caller": caller,
        "action": action,
        "resource": rnd.choice(subject.resources).format(owner=owner),
        "resource_account": owner,
        "context": context_of(rnd, caller, encryption),
        "encryption_context": encryption,
        "rule": subject.rule,
        "identity": [],
        "boundary": None,
        "session": None,
        "scps": [],
        "rcps": [],
        "endpoint": None,
        "resource_policy": None,
        "saved_ids": {},
        "grants": [],
    }
    return asked, Author(rnd, subject, asked)


# ---------------------------------------------------------------- the request


def encryption_context(rnd: random.Random) -> dict[str, str] | None:
    pairs = {"aws:ebs:id": rnd.choice(("vol-1", "vol-2")), "Dept": rnd.choice(("IT", "it"))}
    return rnd.choice((None, {}, pairs, pairs, {"aws:ebs:id": pairs["aws:ebs:id"]}))


def context_of(rnd: random.Random, caller: Caller, encryption: dict[str, str] | None) -> dict[str, Value]:
    context: dict[str, Value] = {key: rnd.choice(values) for key, values in KEYS.items() if chance(rnd, 0.6)}
    if caller["account"]:
        context["aws:PrincipalAccount"] = context["kms:CallerAccount"] = caller["account"]
        is_session = caller["kind"] == "role-session"
        context["aws:PrincipalArn"] = caller["issuer_arn"] if is_session else caller["arn"]
        context["aws:userid"] = caller["unique_id"]
    if caller["kind"] == "user":
        context["aws:username"] = caller["arn"].rpartition("/")[2]
    if encryption:
        context |= {f"kms:EncryptionContext:{key}": value for key, value in encryption.items()}
        context["kms:EncryptionContextKeys"] = list(encryption)
    return context
