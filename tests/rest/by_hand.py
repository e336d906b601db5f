"""Sessions done by hand in a world of a server in this process, their recording, and what comes of playing it."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.host import Worlds
from app.kernel.call import Caller, Reply, Request, root_of
from app.kernel.clock import Clock
from app.kernel.operation import Services
from app.kernel.store import MemoryStore, Store
from app.recorder import Recording
from app.settings import Settings
from workflows import params
from workflows.record.recording import Told
from workflows.record.scenario import Written, written
from workflows.session import Options, run_file
from workflows.transition import Report

SOURCE, TARGET, THIRD = "111122223333", "444455556666", "777788889999"
REGION = "us-east-1"
USE = ["kms:Decrypt", "kms:DescribeKey", "kms:CreateGrant", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
_IDS = re.compile(
    r"(?:snap|vol|ami|i|o|r|ou|p|h|car)-[0-9a-z]{4,}(?:-[0-9a-z]+)?|mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|A[KSRIGN][A-Z0-9]{14,}|[0-9a-f]{64}|[A-Za-z0-9+/_=-]{43,}"
    r"|assumed-role/[\w+=,.@/-]+"
)


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: str | list[str], resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def key_policy(account: str, *others: str, use: list[str] = USE) -> str:
    """Of a key: its own root does all; others (account ids or ARNs) use it."""
    theirs = [
        allow(use, Principal={"AWS": one if one.startswith("arn") else f"arn:aws:iam::{one}:root"}) for one in others
    ]
    return document(allow("kms:*", Principal={"AWS": f"arn:aws:iam::{account}:root"}), *theirs)


def trust(*principals: str) -> str:
    who = [one if one.startswith("arn") else f"arn:aws:iam::{one}:root" for one in principals]
    return document({"Effect": "Allow", "Principal": {"AWS": who}, "Action": "sts:AssumeRole"})


@dataclass
class Desk:
    """Where somebody works by hand. Calls that are recorded are kept as (operation, code, message, later)."""

    services: Services
    store: Store = field(default_factory=MemoryStore)
    seed: str = "by hand"
    settle: str = "instant"

    def __post_init__(self) -> None:
        settings = Settings(clock="manual", settle=self.settle, seed=self.seed)  # type: ignore[arg-type]
        self.worlds = Worlds(self.services, self.store, settings)
        self.worlds.start()

    @property
    def cloud(self) -> Any:
        return self.worlds.get("default")

    @property
    def recording(self) -> Recording:
        return self.worlds.recordings["default"]

    def begin(self) -> None:
        self.worlds.take_up_recording("default")

    def advance(self, ms: int) -> None:
        self.cloud.advance(ms)
        self.worlds.moved("default", ms)

    def call(self, who: Caller | str, operation: str, region: str = REGION, /, **parameters: Any) -> Reply:
        """As the wire door does it. `who`: a caller, or the id of an account for its root."""
        caller = root_of(who) if isinstance(who, str) else who
        return self.worlds.call("default", Request(operation, parameters, caller, region))

    def must(self, who: Caller | str, operation: str, region: str = REGION, /, **parameters: Any) -> Any:
        reply = self.call(who, operation, region, **parameters)
        assert reply.error is None, reply.error
        return reply.answer

    def caller_of(self, keys: Any) -> Caller:
        """Whoever these credentials belong to."""
        found = self.services.credential(self.cloud.world, keys["AccessKeyId"])
        assert found is not None
        return found.caller

    def user(self, account: str, name: str, *statements: dict[str, Any], policy: str = "work") -> Caller:
        self.must(account, "iam:CreateUser", UserName=name)
        if statements:
            self.must(
                account, "iam:PutUserPolicy", UserName=name, PolicyName=policy, PolicyDocument=document(*statements)
            )
        return self.caller_of(self.must(account, "iam:CreateAccessKey", UserName=name)["AccessKey"])

    def role(self, account: str, name: str, trusted: str, *statements: dict[str, Any]) -> str:
        made = self.must(account, "iam:CreateRole", RoleName=name, AssumeRolePolicyDocument=trusted)
        if statements:
            self.must(
                account, "iam:PutRolePolicy", RoleName=name, PolicyName="work", PolicyDocument=document(*statements)
            )
        return made["Role"]["Arn"]

    def assume(self, who: Caller, role: str, **more: Any) -> Caller:
        found = self.must(who, "sts:AssumeRole", RoleArn=role, RoleSessionName="by-hand", **more)
        return self.caller_of(found["Credentials"])

    def told(self) -> Told:
        return self.recording.told(self.cloud)

    def written(self, name: str = "By hand") -> Written:
        return written(self.told(), name)


@dataclass
class Played:
    text: str
    report: Report
    written: Written

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(one.call, one.outcome) for one in self.report.transitions if one.section == "steps" and one.call]

    @property
    def everything(self) -> str:
        """All that was written."""
        return "\n".join(self.written.files.values())


def played(desk: Desk, folder: Path | None = None) -> Played:
    """Write the recording into a folder and play it in memory, in a world of another seed."""
    with tempfile.TemporaryDirectory() as made:
        folder = folder or Path(made)
        found = desk.written()
        for name, text in found.files.items():
            file = folder / (name or "by-hand.reseal.yaml")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        report = run_file(str(folder / "by-hand.reseal.yaml"), desk.services, Options())
    return Played(found.files[""], report, found)


def wrong(report: Report) -> str:
    """What was not as expected, in words."""
    found = [f"{one.step}: {wrong.text}" for one in report.transitions for wrong in one.wrong]
    return "\n".join([*found, *(one.text for one in report.wrong), report.stopped])


def without_ids(text: str) -> str:
    return _IDS.sub("ID", text)


def as_json(value: Any) -> Any:
    return params.to_json(value)


def clock() -> Clock:
    return Clock(mode="manual", settle="instant")
