"""Who plays in the scenario: each actor of a recording, and how the file comes by it.

    a root              is there
    a user              `user:`, with its policies as they were; or `signed-in-by:` the call that made its access key
    a role's session    `role:` where an ordinary session of it does as well; else `signed-in-by:` what opened it
    a federated user    `signed-in-by:` the call that vouched for him

A user or role made during the recording is declared, and the calls that made it are left out, where that changes
nothing for anybody else: nobody named it before, and its policies name nothing that a step makes.
"""

# pyright: basic

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from workflows.port import Json
from workflows.record.recording import Actor, Done, Moved, Told
from workflows.record.references import names_in
from workflows.signing import SIGNS_IN

SESSION_MS: Final = 50 * 60_000  # a session lasts an hour; an ordinary one is opened when the scenario begins


@dataclass
class Part:
    """One principal of the file."""

    name: str  # account/name
    arn: str = ""  # of the user or role; "" where a step signs it in
    made: Json = field(default_factory=dict[str, Any])  # the parameters of the call that made it, if one did
    inline: dict[str, Json] = field(default_factory=dict[str, Any])  # policies that calls gave it before it called
    signed_in_by: int = 0  # number of a call
    opened_for: Actor | None = None  # whose session has to be opened first, by whom he names
    session_policies: tuple[str, ...] = ()


class Cast:
    """`parts`: actor's id -> part. `folded`: numbers of calls that a declaration stands for. `unknown`: actors' ids."""

    def __init__(self, told: Told, aliases: dict[str, str]) -> None:
        self._told, self._aliases = told, aliases
        self._calls = list(told.calls)
        self._things = {one.id: one for one in told.things}
        self._moved_ms = sum(act.by_ms for act in told.acts if isinstance(act, Moved))
        self.actors = {one.id: one for one in told.actors}
        self.parts: dict[str, Part] = {}
        self.folded: set[int] = set()
        self.unknown: dict[str, str] = {}
        self._names: dict[str, str] = {}
        for actor in told.actors:
            if actor.account in aliases or actor.kind == "anonymous":
                self._engage(actor)

    def name_of(self, call: Done) -> str:
        return self.parts[call.by].name

    def declared(self) -> list[Part]:
        """The parts that the file must declare, each once."""
        found = {part.name: part for part in self.parts.values() if not part.name.endswith("/root")}
        return list(found.values())

    def declares(self, arn: str) -> bool:
        return any(part.arn == arn for part in self.parts.values())

    # engaging

    def _engage(self, actor: Actor) -> None:
        found = {
            "root": self._root, "user": self._user, "session": self._session, "federated": self._federated,
            "anonymous": self._anonymous,
        }[actor.kind](actor)  # fmt: skip
        if found is None:
            self.unknown[actor.id] = f"{actor.arn}, whose making was not recorded"
        else:
            self.parts[actor.id] = found

    def _root(self, actor: Actor) -> Part:
        return Part(f"{self._aliases[actor.account]}/root")

    def _anonymous(self, actor: Actor) -> Part:
        return Part(f"{next(iter(self._aliases.values()))}/nobody")

    def _user(self, actor: Actor) -> Part | None:
        own = self.parts.get(actor.arn)
        if own is not None:
            return own
        name = self._name(actor.account, actor.arn.rpartition("/")[2], actor.arn)
        if actor.arn in self._things:
            return Part(name, actor.arn)
        made = self._made("User", actor.arn)
        if made is None:
            return None
        return self._declared(name, actor.arn, made, actor) or self._by_key(name, actor)

    def _by_key(self, name: str, actor: Actor) -> Part | None:
        user = actor.arn.rpartition("/")[2]
        first = self._first(actor)
        keys = [
            call.n for call in self._calls
            if call.operation == "iam:CreateAccessKey" and not call.code and call.n < first
            and call.account == actor.account and call.answer.get("AccessKey", {}).get("UserName") == user
        ]  # fmt: skip
        return Part(name, signed_in_by=keys[-1]) if keys else None

    def _session(self, actor: Actor) -> Part | None:
        role = actor.of.rpartition("/")[2]
        opened = self._opened(actor)
        is_ordinary = actor.session_policies is None and not actor.tags and self._moved_ms < SESSION_MS
        if opened is None or (is_ordinary and self._lets_own_account_in(actor.of)):
            own = next(
                (
                    part
                    for part in self.parts.values()
                    if part.arn == actor.of and part.session_policies == (actor.session_policies or ())
                ),
                None,
            )
            part = own or self._role(actor, self._name(actor.account, role, actor.of))
            if part is not None:
                part.session_policies = actor.session_policies or ()
                self.folded |= {opened.n} if opened else set()
                return part
        if opened is None:
            return None
        return Part(self._name(actor.account, role, actor.id), signed_in_by=opened.n)

    def _role(self, actor: Actor, name: str) -> Part | None:
        if actor.of in self._things:
            return Part(name, actor.of)
        made = self._made("Role", actor.of)
        return self._declared(name, actor.of, made, actor) if made else None

    def _federated(self, actor: Actor) -> Part | None:
        name = self._name(actor.account, actor.arn.rpartition("/")[2], actor.id)
        opened = self._opened(actor)
        if opened is not None:
            return Part(name, signed_in_by=opened.n)
        if ":user/" in actor.of and actor.of not in self.parts:
            issuer = Actor(id=actor.of, account=actor.account, kind="user", arn=actor.of)
            self._engage(issuer)
        return Part(name, opened_for=actor)

    def _opened(self, actor: Actor) -> Done | None:
        """The call that answered its credentials."""
        for call in self._calls:
            keys = call.answer.get(SIGNS_IN.get(call.operation, ""))
            if keys and keys.get("AccessKeyId") == actor.id:
                return call
        return None

    def _first(self, actor: Actor) -> int:
        """The number of its first call."""
        return next((call.n for call in self._calls if call.by == actor.id), len(self._calls) + 1)

    def _name(self, account: str, short: str, owner: str) -> str:
        """A principal's name, one for each owner."""
        name, number = f"{self._aliases[account]}/{short}", 1
        while self._names.setdefault(name, owner) != owner or name.endswith("/root"):
            number += 1
            name = f"{self._aliases[account]}/{short}-{number}"
        return name

    # declaring what was made during the recording

    def _made(self, noun: str, arn: str) -> Done | None:
        found = (call for call in self._calls if call.operation == f"iam:Create{noun}" and not call.code)
        return next((call for call in found if call.answer.get(noun, {}).get("Arn") == arn), None)

    def _declared(self, name: str, arn: str, made: Done, actor: Actor) -> Part | None:
        """As a declaration, where that does as well."""
        short, kind = arn.rpartition("/")[2], made.operation.removeprefix("iam:Create")
        about = [call for call in self._calls if self._is_about(call, arn, short, kind)]
        if about[0] is not made or any(
            call.operation.startswith("iam:Delete") and call.operation.endswith(kind) for call in about
        ):
            return None
        part = Part(name, arn, dict(made.parameters))
        trust = made.parameters.get("AssumeRolePolicyDocument", "")
        if _names_people(trust) or made.parameters.get("PermissionsBoundary"):
            return None
        self.folded.add(made.n)
        for call in about[1:]:
            if call.n < self._first(actor) and call.operation == f"iam:Put{kind}Policy" and not call.code:
                if _names_what_is_made(call.parameters["PolicyDocument"]):
                    break
                part.inline[call.parameters["PolicyName"]] = json.loads(call.parameters["PolicyDocument"])
                self.folded.add(call.n)
            elif call.operation not in ("iam:CreateAccessKey", "sts:AssumeRole"):
                break
        return part

    def _is_about(self, call: Done, arn: str, short: str, kind: str) -> bool:
        its_own = call.account == arn.split(":")[4] and call.operation.startswith("iam:")
        return (its_own and call.parameters.get(f"{kind}Name") == short) or arn in json.dumps(call.parameters)

    def _lets_own_account_in(self, arn: str) -> bool:
        thing, made = self._things.get(arn), self._made("Role", arn)
        if thing is not None:
            trust = thing.told["described"]["AssumeRolePolicyDocument"]
        else:
            trust = json.loads(made.parameters["AssumeRolePolicyDocument"]) if made else {}
        return trusts(trust, arn.split(":")[4])


def trusts(trust: Json, account: str) -> bool:
    """Does a trust policy let everybody of the account in whom IAM allows it, whoever else?"""
    statements = trust.get("Statement") or []
    statements = statements if isinstance(statements, list) else [statements]
    roots = (account, f"arn:aws:iam::{account}:root", "*")

    def named(principal: Any) -> list[Any]:
        found = principal.get("AWS") if isinstance(principal, dict) else principal
        return found if isinstance(found, list) else [found]

    return not any(one.get("Effect") == "Deny" for one in statements) and any(
        not one.get("Condition") and any(each in roots for each in named(one.get("Principal"))) for one in statements
    )


def _names_people(text: str) -> bool:
    return any(word in text for word in (":user/", ":role/", ":assumed-role/", ":federated-user/"))


def _names_what_is_made(text: str) -> bool:
    """Does a policy name something whose id only a run knows?"""
    found = names_in(json.loads(text)) if text.startswith("{") else set()
    return any(one.startswith(("arn:aws:kms:", "snap-", "vol-", "ami-")) or len(one) == 36 for one in found) and any(
        part in text for part in (":key/", "/snap-", "/vol-", "/ami-")
    )
