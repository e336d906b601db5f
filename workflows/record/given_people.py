"""Set-up steps for IAM: what was there before and is not declared, and what a declaration can not say.

Groups and managed policies are made first; then users and roles that do not play themselves; then what is attached.
Trust policies that name people, and policies that name what the file makes, come late, when all that is there.
"""

# pyright: basic

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from workflows.port import Json
from workflows.record.cast import Cast, Part, trusts
from workflows.record.recording import Actor, Thing, Told
from workflows.record.sheet import Sheet, Step

AWS_MANAGED = "arn:aws:iam::aws:policy/"


class People:
    def __init__(self, told: Told, cast: Cast, sheet: Sheet) -> None:
        self._cast, self._sheet = cast, sheet
        self._things = {one.id: one for one in told.things}
        self._kept: set[tuple[str, str]] = set()  # (ARN, name) of policies that stand in a declaration

    def declarations(self) -> Json:
        return {part.name: self._declaration(part) for part in self._cast.declared()}

    def _declaration(self, part: Part) -> Json:
        if part.name.endswith("/nobody"):
            return {"credentials": "none"}
        if not part.arn:
            return {"signed-in-by": ""}  # filled in when the step has its id
        kind, _, path = part.arn.split(":", 5)[5].partition("/")
        spec: Json = {kind: path.rpartition("/")[2]}
        if "/" in path:
            spec["path"] = f"/{path.rpartition('/')[0]}/"
        thing = self._things.get(part.arn)
        inline = thing.told["inline"] if thing else part.inline
        now = [name for name, one in inline.items() if not self._rests_on_steps(one)]
        if now:
            folder = part.name.replace("/", "-")
            spec["policies"] = [_bare(self._sheet.keep(f"{folder}/{name}", inline[name])) for name in now]
        self._kept |= {(part.arn, name) for name in now}
        trust = self._trust(part, thing)
        if trust and trusts(trust, part.arn.split(":")[4]) and not _names_people(trust):
            if not _is_usual(trust, part.arn.split(":")[4]):
                spec["trust"] = _bare(self._sheet.keep(f"{part.name.replace('/', '-')}-trust", trust))
            self._kept.add((part.arn, ""))
        if part.session_policies:
            spec["session-policy"] = _bare(
                self._sheet.keep(f"{part.name.replace('/', '-')}-session", _joined(part.session_policies))
            )
        return spec

    def _trust(self, part: Part, thing: Thing | None) -> Json:
        if thing is not None:
            return thing.told["described"].get("AssumeRolePolicyDocument", {})
        return json.loads(part.made.get("AssumeRolePolicyDocument", "{}"))

    def _rests_on_steps(self, policy: Json) -> bool:
        text = json.dumps(policy)
        return any(
            id in text for id in self._things if (":iam:" not in id and "/" in id) or id.startswith(("snap-", "vol-"))
        )

    # steps

    def steps(self) -> Iterator[Step]:
        for thing in self._of("policy"):
            name, path = thing.told["described"]["PolicyName"], thing.told["described"].get("Path", "/")
            document = self._sheet.keep(name, thing.told["document"])
            yield self._step(
                thing, name, "CreatePolicy", {"PolicyName": name, "Path": path, "PolicyDocument": document}
            )
        for kind in ("group", "user", "role"):
            for thing in self._of(kind):
                yield from self._holder(thing)
        for thing in self._of("user"):
            for group in thing.told["groups"]:
                parameters = {"UserName": _short(thing.id), "GroupName": _short(group)}
                yield self._step(thing, "join-group", "AddUserToGroup", parameters)

    def _holder(self, thing: Thing) -> Iterator[Step]:
        noun, told = thing.kind.capitalize(), thing.told["described"]
        who = {f"{noun}Name": _short(thing.id)}
        if not self._cast.declares(thing.id):
            if told.get("Path", "/").startswith("/aws-service-role/"):
                service = {"AWSServiceName": told["Path"].split("/")[2]}
                yield self._step(thing, "service-linked-role", "CreateServiceLinkedRole", service)
                return
            made = {**who, "Path": told.get("Path", "/")}
            if noun == "Role":
                trust = told["AssumeRolePolicyDocument"]
                first = _nobody_in(thing.account) if _names_people(trust) else trust
                made["AssumeRolePolicyDocument"] = self._sheet.keep(f"{_short(thing.id)}-trust", first)
            yield self._step(thing, _short(thing.id), f"Create{noun}", made)
        if told.get("Tags"):
            yield self._step(thing, f"tag-{thing.kind}", f"Tag{noun}", {**who, "Tags": told["Tags"]})
        for arn in thing.told["attached"]:
            yield self._step(thing, f"attach-{_short(arn)}", f"Attach{noun}Policy", {**who, "PolicyArn": arn})
        if boundary := told.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"):
            bounded = {**who, "PermissionsBoundary": boundary}
            yield self._step(thing, f"bound-{_short(thing.id)}", f"Put{noun}PermissionsBoundary", bounded)

    def late(self) -> Iterator[Step]:
        for kind in ("group", "user", "role"):
            for thing in self._of(kind):
                yield from self._inline(thing)
        for thing in self._of("role"):
            trust = thing.told["described"]["AssumeRolePolicyDocument"]
            if self._needs_trust(thing, trust):
                parameters = {
                    "RoleName": _short(thing.id),
                    "PolicyDocument": self._sheet.keep(f"{_short(thing.id)}-trust", self._sheet.living(trust)),
                }
                yield self._step(thing, f"trust-of-{_short(thing.id)}", "UpdateAssumeRolePolicy", parameters)

    def _needs_trust(self, thing: Thing, trust: Json) -> bool:
        if thing.told["described"].get("Path", "/").startswith("/aws-service-role/"):
            return False
        return (thing.id, "") not in self._kept if self._cast.declares(thing.id) else _names_people(trust)

    def _inline(self, thing: Thing) -> Iterator[Step]:
        noun, short = thing.kind.capitalize(), _short(thing.id)
        for name, policy in thing.told["inline"].items():
            if (thing.id, name) not in self._kept:
                file = self._sheet.keep(f"{self._sheet.aliases[thing.account]}-{short}/{name}", policy)
                parameters = {f"{noun}Name": short, "PolicyName": name, "PolicyDocument": file}
                yield self._step(thing, f"policy-of-{short}", f"Put{noun}Policy", parameters)

    def tokens(self) -> Iterator[tuple[Part, list[Step]]]:
        """Sessions of federated users that were opened before."""
        for part in self._cast.declared():
            actor = part.opened_for
            if actor is None:
                continue
            issuer = self._cast.parts.get(actor.of)
            who = issuer.name if issuer else self._sheet.root(actor.account)
            if issuer is None and not actor.of.endswith(":root"):
                self._sheet.miss(f"who vouched for {actor.arn}: {actor.of}; here the root does")
            name = actor.arn.rpartition("/")[2]
            parameters: Json = {"Name": name}
            if actor.session_policies:
                parameters["Policy"] = self._sheet.keep(f"{name}-session", _joined(actor.session_policies))
            if actor.tags:
                parameters["Tags"] = [{"Key": key, "Value": value} for key, value in actor.tags.items()]
            id = self._sheet.id(f"token-of-{name}")
            token = self._sheet.step(id, who, "sts:GetFederationToken", "", parameters)
            yield part, [*self._let(actor, "Put"), token, *self._let(actor, "Delete")]

    def _let(self, actor: Actor, word: str) -> Iterator[Step]:
        """Whoever vouched for somebody was allowed to then, and may not be by now."""
        if not actor.of.endswith(":root"):
            root, user = self._sheet.root(actor.account), _short(actor.of)
            parameters: Json = {"UserName": user, "PolicyName": "reseal-vouches"}
            if word == "Put":
                may = [{"Effect": "Allow", "Action": ["sts:GetFederationToken", "sts:TagSession"], "Resource": "*"}]
                document = {"Version": "2012-10-17", "Statement": may}
                parameters["PolicyDocument"] = self._sheet.keep("vouches", document)
            yield self._sheet.step(self._sheet.id("vouching"), root, f"iam:{word}UserPolicy", "", parameters)

    def _of(self, kind: str) -> list[Thing]:
        return [one for one in self._things.values() if one.kind == kind]

    def _step(self, thing: Thing, id: str, operation: str, parameters: Json) -> Step:
        sheet = self._sheet
        parameters = {name: value for name, value in parameters.items() if (name, value) != ("Path", "/")}
        return sheet.step(sheet.id(id), sheet.root(thing.account), f"iam:{operation}", "", parameters)


def _joined(policies: tuple[str, ...]) -> Json:
    """Session policies as one: what any of them allows is allowed."""
    documents = [json.loads(one) for one in policies]
    if len(documents) == 1:
        return documents[0]
    statements: list[Any] = []
    for one in documents:
        statements += one["Statement"] if isinstance(one["Statement"], list) else [one["Statement"]]
    return {"Version": "2012-10-17", "Statement": [{k: v for k, v in one.items() if k != "Sid"} for one in statements]}


def _is_usual(trust: Json, account: str) -> bool:
    """Is it the trust policy that a role of a scenario has to which nobody gave one?"""
    return trust.get("Statement") == [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    ]


def _nobody_in(account: str) -> Json:
    root = {"AWS": f"arn:aws:iam::{account}:root"}
    deny = {"Effect": "Deny", "Principal": root, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [deny]}


def _names_people(policy: Json) -> bool:
    text = json.dumps(policy)
    return any(word in text for word in (":user/", ":role/", ":assumed-role/", ":federated-user/"))


def _short(arn: str) -> str:
    return arn.rpartition("/")[2]


def _bare(file: str) -> str:
    return file.removeprefix("file://")
