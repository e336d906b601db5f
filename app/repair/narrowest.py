"""The narrowest pair of policies that a share needs: found by running it, proved by taking each permission away.

    two accounts in memory, neither policy says anything -> the share is run -> the permission that was refused, and
    nothing more, is added on the side that refused it -> again, until it works -> each permission is left out in turn:
    the share must then fail

So nothing is known here of what EBS asks of KMS: the services ask, and the refusals tell. A permission names its
resource as the refused question did, and holds the conditions that the question met: kms:ViaService, and for grants
kms:GrantIsForAWSResource. Single snapshots and volumes are written as `*`, because the policy is to outlive them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.kernel.call import Caller, Reply, Request, root_of
from app.kernel.clock import Clock
from app.kernel.cloud import Cloud, new_world
from app.kernel.store import MemoryStore
from app.policy.causes import Cause
from app.policy.explain_log import Story, story
from app.policy.question import LayerKind, Question
from app.policy.repair_question import rebuilt
from app.repair.trial import settle, trace_of
from app.services import all_services

OPERATIONS: Final = ("copy", "volume")
PERMISSIONS_MAX: Final = 60
NAME: Final = "importer"
_ACCOUNT: Final = re.compile(r"\d{12}")
_KEY: Final = re.compile(r"arn:aws:kms:([a-z0-9-]+):(\d{12}):key/[\w-]+")
_PRINCIPAL: Final = re.compile(r"arn:aws:iam::(\d{12}):(user|role)(/(?:[\w+=,.@-]+/)*)([\w+=,.@-]+)")
_ONE: Final = re.compile(r"/(?:snap|vol|ami|i)-[0-9a-f]+$")
_FOR_AWS: Final = "kms:GrantIsForAWSResource"


class InvalidAsk(ValueError):
    """What was asked for makes no share."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose snapshot, for whom, under which keys. Key ARNs are "" where they are to be made up."""

    source: str
    target: str
    source_key: str
    target_key: str
    principal: str  # ARN of the target's user or role, whom the key policy names; "": it names the account
    operations: tuple[str, ...]
    source_region: str
    target_region: str

    @classmethod
    def of(
        cls, source: str, target: str, source_key: str, target_key: str, principal: str, operations: str, region: str
    ) -> Asked:
        """Raises InvalidAsk, with the option that is wrong."""
        for option, account in (("--source", source), ("--target", target)):
            _need(bool(_ACCOUNT.fullmatch(account)), f"{option} takes 12 digits, not {account!r}")
        _need(source != target, "--source and --target are one account: within it nothing has to be shared")
        here = _region_of("--source-key", source_key, source) or _region_of("--target-key", target_key, target)
        there = _region_of("--target-key", target_key, target) or here
        names = tuple(dict.fromkeys(name.strip() for name in operations.split(",")))
        unknown = [name for name in names if name not in OPERATIONS]
        _need(not unknown, f"--operations takes {', '.join(OPERATIONS)}, not {', '.join(map(repr, unknown))}")
        found = _PRINCIPAL.fullmatch(principal)
        what = f"--principal takes the ARN of a user or role of {target}, not {principal!r}"
        _need(not principal or bool(found and found[1] == target), what)
        here, there = here or region, there or region
        _need("copy" in names or here == there, "a volume is made in the Region of its snapshot: copy it first")
        return cls(source, target, source_key, target_key, principal, names, here, there)


def _need(holds: bool, what: str) -> None:
    if not holds:
        raise InvalidAsk(what)


def _region_of(option: str, arn: str, account: str) -> str:
    found = _KEY.fullmatch(arn)
    _need(not arn or bool(found and found[2] == account), f"{option} takes the ARN of a key of {account}, not {arn!r}")
    return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Permission:
    """One action, on one side: in the source key's policy, or in the identity policy of the target's principal."""

    on_key: bool
    action: str
    resource: str
    conditions: tuple[tuple[str, str, str], ...] = ()  # (operator, key, value)

    @property
    def group(self) -> tuple[Any, ...]:
        return self.on_key, self.action.partition(":")[0], self.resource, self.conditions


@dataclass(frozen=True, slots=True)
class Without:
    """What happens when one permission is left out."""

    permission: Permission
    fails: bool
    how: str


@dataclass(frozen=True, slots=True)
class Narrowest:
    """The permissions, and the proof. `names` maps the keys of the trial to those that were asked for."""

    asked: Asked
    permissions: tuple[Permission, ...]
    proof: tuple[Without, ...]
    names: Mapping[str, str]

    @property
    def is_proved(self) -> bool:
        return all(one.fails for one in self.proof)

    @property
    def key_statements(self) -> list[dict[str, Any]]:
        """To be added to the source key's policy."""
        return _renamed([*_statements(self.permissions, True, grantee(self.asked))], self.names)

    @property
    def identity_policy(self) -> dict[str, Any]:
        statements = [*_statements(self.permissions, False, "")]
        return _renamed({"Version": "2012-10-17", "Statement": statements}, self.names)

    def as_json(self) -> str:
        proof = [
            {"without": one.permission.action, "on": _side(one.permission), "resource": one.permission.resource}
            | {"fails": one.fails, "how": one.how}
            for one in self.proof
        ]
        told = {
            "reseal": 1, "source_key_policy_statements": self.key_statements, "target_identity_policy":
            self.identity_policy, "proof": proof, "proved": self.is_proved,
        }  # fmt: skip
        return json.dumps(_renamed(told, self.names)) + "\n"

    def as_text(self) -> str:
        asked, who = self.asked, self.asked.principal or "whoever does it"
        done = " and ".join({"copy": "CopySnapshot", "volume": "CreateVolume"}[name] for name in asked.operations)
        lines = [f"# in {asked.source}: to be added to the policy of the snapshot's key", _shown(self.key_statements)]
        lines += ["", f"# in {asked.target}: an identity policy of {who}", _shown(self.identity_policy)]
        lines += ["", *self._remarks(), f"# proof: with all of it {done} succeeded; without"]
        for one in self.proof:
            on = _renamed(one.permission.resource, self.names)
            lines += [f"#   {one.permission.action} on {on} {_side(one.permission)}", f"#       {one.how}"]
        return "\n".join(lines) + "\n"

    def _remarks(self) -> Iterator[str]:
        yield "# the target key's policy is taken to let its account's identity policies count, as KMS's default does"
        options = (("--source-key", self.asked.source_key), ("--target-key", self.asked.target_key))
        if made_up := [option for option, key in options if not key]:
            yield f"# keys are made up where none was given: name yours with {' and '.join(made_up)}"


def grantee(asked: Asked) -> str:
    return asked.principal or f"arn:aws:iam::{asked.target}:root"


def _side(permission: Permission) -> str:
    return "in the key policy" if permission.on_key else "in the identity policy"


def _shown(value: Any) -> str:
    return json.dumps(value, indent=2)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    text = json.dumps(value)
    for made, asked in names.items():
        text = text.replace(made, asked)
    return json.loads(text)


def _statements(permissions: tuple[Permission, ...], on_key: bool, principal: str) -> Iterator[dict[str, Any]]:
    """Permissions of one side, those on one resource under one condition in one statement."""
    groups: dict[tuple[Any, ...], list[Permission]] = {}
    for one in permissions:
        if one.on_key is on_key:
            groups.setdefault(one.group, []).append(one)
    for number, found in enumerate(groups.values(), 1):
        yield _statement(found, f"{_sid(found[0])}{number}", principal)


def _sid(permission: Permission) -> str:
    if permission.action.startswith("ec2:"):
        return "Share"
    return "GrantsForEbs" if permission.action == "kms:CreateGrant" else "UseKeyThroughEbs"


def _statement(group: list[Permission], sid: str, principal: str) -> dict[str, Any]:
    first, actions = group[0], sorted(one.action for one in group)
    statement: dict[str, Any] = {"Sid": sid, "Effect": "Allow"}
    if principal:
        statement["Principal"] = {"AWS": principal}
    statement |= {"Action": actions if len(actions) > 1 else actions[0], "Resource": first.resource}
    conditions: dict[str, dict[str, str]] = {}
    for operator, key, value in first.conditions:
        conditions.setdefault(operator, {})[key] = value
    return statement | ({"Condition": conditions} if conditions else {})


# Finding them.


class CannotBeAllowed(RuntimeError):
    """The share fails by something that no permission helps: a bug of ours, for accounts and keys are fresh."""


def narrowest(asked: Asked) -> Narrowest:
    """Run the share until it works, then without each permission in turn."""
    permissions: tuple[Permission, ...] = ()
    while (refused := Rehearsal(asked, permissions).run()) is not None:
        missing = _missing(refused)
        if missing in permissions or len(permissions) >= PERMISSIONS_MAX:
            raise CannotBeAllowed(f"{refused.refused.operation}: {refused.refused.cause}")
        permissions = (*permissions, missing)
    permissions = _needed(asked, permissions)
    proof = tuple(_without(asked, permissions, one) for one in permissions)
    return Narrowest(asked, permissions, proof, Rehearsal(asked, permissions).names)


def _needed(asked: Asked, permissions: tuple[Permission, ...]) -> tuple[Permission, ...]:
    """Without what turns out not to be needed beside the rest."""
    for one in permissions:
        fewer = tuple(each for each in permissions if each != one)
        if Rehearsal(asked, fewer).run() is None:
            permissions = fewer
    return permissions


def _without(asked: Asked, permissions: tuple[Permission, ...], one: Permission) -> Without:
    told = Rehearsal(asked, tuple(each for each in permissions if each != one)).run()
    if told is None:
        return Without(one, False, "it works all the same")
    cause = Cause[told.refused.cause].sentence if told.refused.cause else told.failed.code
    later = "is answered 200, and fails later" if told.answered else f"is refused ({told.failed.code})"
    return Without(one, True, f"{told.failed.operation.partition(':')[2]} {later}: {cause}")


def _missing(told: Story) -> Permission:
    """The permission that the refused question asked for, on the side that refused it."""
    body = trace_of(told)
    if not body:
        raise CannotBeAllowed(f"{told.refused.operation}: {told.refused.cause or told.failed.code}")
    question = rebuilt(body)
    on_key = body["layer"] == LayerKind.RESOURCE
    resource = "*" if on_key else _ONE.sub("/*", question.resource)
    return Permission(on_key, question.action, resource, tuple(_conditions(question)))


def _conditions(question: Question) -> Iterator[tuple[str, str, str]]:
    via = question.context.get("kms:ViaService")
    if isinstance(via, str):
        yield "StringEquals", "kms:ViaService", via
    if question.context.get(_FOR_AWS) == "true":
        yield "Bool", _FOR_AWS, "true"


class Rehearsal:
    """Two fresh accounts in memory, with these permissions and no others, and the share in them."""

    def __init__(self, asked: Asked, permissions: tuple[Permission, ...]) -> None:
        self._asked, self._permissions = asked, permissions
        world = new_world("narrowest", seed="narrowest", clock=Clock(mode="manual"))
        self._cloud = Cloud.create(all_services(), MemoryStore(), world)
        self._importer = self._made_importer()
        source, target = asked.source, asked.target
        shared = list(_statements(permissions, True, self._importer_name() if asked.principal else grantee(asked)))
        self._source_key = self._key(source, asked.source_region, shared)
        self._target_key = self._key(target, asked.target_region, [])
        self._allow()
        self._snapshot = self._shared_snapshot()

    @property
    def names(self) -> dict[str, str]:
        """Keys of the rehearsal -> keys that were asked for."""
        pairs = ((self._source_key, self._asked.source_key), (self._target_key, self._asked.target_key))
        return {made: asked for made, asked in pairs if asked}

    def run(self) -> Story | None:
        """Why the share failed; None where it succeeded."""
        snapshot = self._snapshot
        if "copy" in self._asked.operations:
            told, snapshot = self._tried("ec2:CopySnapshot", "SnapshotId", SourceSnapshotId=snapshot,
                SourceRegion=self._asked.source_region, Encrypted=True, KmsKeyId=self._target_key)  # fmt: skip
            if told:
                return told
        if "volume" in self._asked.operations:
            zone = f"{self._asked.target_region}a"
            told, _ = self._tried("ec2:CreateVolume", "VolumeId", SnapshotId=snapshot, AvailabilityZone=zone,
                Encrypted=True, KmsKeyId=self._target_key)  # fmt: skip
            return told
        return None

    def _tried(self, operation: str, made: str, **parameters: Any) -> tuple[Story | None, str]:
        reply = self._cloud.call(Request(operation, parameters, self._importer, self._asked.target_region))
        settle(self._cloud, reply.request_id)
        told = story(self._cloud.world.log.about(reply.request_id), reply.request_id)
        return told, (reply.answer or {}).get(made, "")

    def _done(self, account: str, region: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        reply: Reply = self._cloud.call(Request(operation, parameters, root_of(account), region))
        settle(self._cloud, reply.request_id)
        assert reply.answer is not None, (operation, reply.error)
        return reply.answer

    def _key(self, account: str, region: str, statements: list[dict[str, Any]]) -> str:
        own = {"Sid": "Owner", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
        own |= {"Action": "kms:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [own, *statements]})
        return self._done(account, region, "kms:CreateKey", Policy=policy)["KeyMetadata"]["Arn"]

    def _shared_snapshot(self) -> str:
        """Completed, under the source's key, shared with the target."""
        owner = (self._asked.source, self._asked.source_region)
        zone = f"{self._asked.source_region}a"
        volume = self._done(
            *owner, "ec2:CreateVolume", AvailabilityZone=zone, Size=1, Encrypted=True, KmsKeyId=self._source_key
        )
        made = self._done(*owner, "ec2:CreateSnapshot", VolumeId=volume["VolumeId"])["SnapshotId"]
        adding = {"Add": [{"UserId": self._asked.target}]}
        self._done(*owner, "ec2:ModifySnapshotAttribute", SnapshotId=made, CreateVolumePermission=adding)
        return made

    # the target's principal

    def _who(self) -> tuple[str, str, str]:
        """(user or role, path, name)"""
        found = _PRINCIPAL.fullmatch(self._asked.principal)
        return (found[2], found[3], found[4]) if found else ("role", "/", NAME)

    def _importer_name(self) -> str:
        return self._importer.role_arn or self._importer.arn

    def _made_importer(self) -> Caller:
        (kind, path, name), target = self._who(), self._asked.target
        if kind == "user":
            user = self._done(target, "us-east-1", "iam:CreateUser", UserName=name, Path=path)["User"]
            return Caller("user", target, user["Arn"], user["UserId"])
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{target}:root"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        made = {"RoleName": name, "Path": path, "AssumeRolePolicyDocument": document}
        role = self._done(target, "us-east-1", "iam:CreateRole", **made)["Role"]
        session = f"arn:aws:sts::{target}:assumed-role/{name}/share"
        return Caller(
            "session", target, session, f"{role['RoleId']}:share", role_arn=role["Arn"], role_id=role["RoleId"]
        )

    def _allow(self) -> None:
        """The identity policy, if there is anything in it yet."""
        statements = list(_statements(self._permissions, False, ""))
        if statements:
            kind, _, name = self._who()
            named = {f"{kind.title()}Name": name, "PolicyName": "share"}
            policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
            self._done(self._asked.target, "us-east-1", f"iam:Put{kind.title()}Policy", **named, PolicyDocument=policy)
