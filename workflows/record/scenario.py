"""A scenario written from a recording: what was done, by whom, and what came of it.

    principals   who called (`cast`), each as it was when it was first named or called
    given        what was there before, made anew (`given`, `given_people`, `given_organization`)
    steps        the calls that changed something or failed, in order, with references where ids were; what was refused
                 expects its error and cause, what failed later expects that

Left out, because nothing is lost by it: calls that only looked (unless a later step needs an id that only they told),
a refusal that came again with nothing in between, what concerns access keys (a run has its own), the news that a
user or role is there already, and calls that a declaration stands for. What is lost by being left
out is named at the head of the file, and in `Written.missing`. What was secret is made up: equal contents stay equal.
"""

# pyright: basic

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.policy.causes import Cause
from workflows import params
from workflows.machine import OK
from workflows.port import Answer, Json
from workflows.record.cast import Cast
from workflows.record.given import Given
from workflows.record.given_organization import Organized, invited
from workflows.record.given_people import People
from workflows.record.key_policies import document
from workflows.record.naming import stem_of
from workflows.record.recording import READING, Done, Moved, Told
from workflows.record.references import made_in, names_in
from workflows.record.sheet import Sheet, Step
from workflows.record.words import accounts_named, aliases_of, description, duration, trimmed, usual_region
from workflows.scenario_text import scenario_text
from workflows.settle import outcome

QUESTION: Final = "What was done by hand, and does it go the same way again?"
_NEVER: Final = {  # operation -> why no scenario can do it again
    "kms:ImportKeyMaterial": "key material is a secret, and is wrapped under a key that is another in each run",
    "kms:CreateCustomKeyStore": "passwords and credentials of key stores are secrets",
    "kms:UpdateCustomKeyStore": "passwords and credentials of key stores are secrets",
}
_KEYS: Final = ("iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:UpdateAccessKey")  # a run has its own
_THERE: Final = tuple((f"iam:Create{noun}", "EntityAlreadyExists") for noun in ("User", "Role"))
_ABOUT_KEYS: Final = ("LimitExceeded", "NoSuchEntity")  # refusals that rest on which keys there are
_SDKS_OWN: Final = ("PresignedUrl", "DestinationRegion")  # of CopySnapshot: what an SDK adds by itself
_SUMS: Final = ("Checksum", "ChecksumAlgorithm", "ChecksumAggregationMethod")
_TEXTS: Final = {"Email": "account-{}@example.com", "AccountName": "account-{}"}  # in the place of what is private
_WRONG_SUM: Final = base64.b64encode(bytes(32)).decode()


@dataclass(frozen=True, slots=True)
class Written:
    files: dict[str, str]  # the scenario under "", policies under `policies/...`
    missing: tuple[str, ...] = ()  # what is left out, and why
    steps: Mapping[str, Done] = field(default_factory=dict[str, Done])  # step -> the call that it does again


def written(told: Told, name: str) -> Written:
    """The files of a scenario. ValueError: nothing to tell."""
    writer = _Writer(told)
    if not writer.calls:
        raise ValueError("nothing was done that a scenario could tell: no call changed anything, and none failed")
    whole = writer.whole(name)
    missing = writer.sheet.left_out
    head = "\n".join([QUESTION, *(f"Left out: {one}" for one in missing)])
    return Written({"": scenario_text(whole, head), **writer.sheet.policies}, missing, writer.steps)


class _Writer:
    """One file in the making."""

    def __init__(self, told: Told) -> None:
        self._told = told
        aliases = aliases_of(told)
        made = {call.answer[kind]["Arn"] for call in told.calls for kind in ("User", "Role") if call.answer.get(kind)}
        living = {one.id for one in told.things if one.kind in ("user", "role")} | made
        self.sheet = Sheet(aliases, living, told.begin.at_ms)
        self._cast = Cast(told, aliases)
        self.calls = self._kept()
        self._ids: dict[int, str] = {}  # number of a call -> id of its step
        self._contents: dict[str, str] = {}  # digest of a secret -> what stands for it
        self._tokens = [call.parameters.get("ClientToken") for call in self.calls]

    def whole(self, name: str) -> Json:
        told, sheet = self._told, self.sheet
        things = Given([one for one in told.things if one.account in sheet.aliases], sheet)
        people = People(told, self._cast, sheet)
        organizations = [Organized(one, sheet) for one in told.things if one.kind == "organization"]
        declared = people.declarations()
        given = [step for one in organizations for step in one.joining()]
        given += [*people.steps(), *things.steps(), *people.late(), *things.late()]
        for part, opening in people.tokens():
            declared[part.name] = {"signed-in-by": next(one["id"] for one in opening if one["call"].startswith("sts:"))}
            given += opening
        given += [step for one in organizations for step in one.in_force()]
        steps = list(self._steps())
        for part in self._cast.declared():
            if part.signed_in_by:
                declared[part.name] = {"signed-in-by": self._ids[part.signed_in_by]}
        region = usual_region(self.calls)
        return trimmed({
            "reseal": 1, "name": name, "description": description(told), "clock": told.scenario_clock,
            "region": region,
            "accounts": {alias: id for id, alias in sheet.aliases.items()},
            "principals": declared, "given": given, "steps": steps,
        })  # fmt: skip

    @property
    def steps(self) -> dict[str, Done]:
        return {self._ids[call.n]: call for call in self.calls if call.n in self._ids}

    # what is kept

    def _kept(self) -> list[Done]:
        openers = {part.signed_in_by for part in self._cast.parts.values()}
        acting = [
            call for call in self._told.calls if self._can_be_done(call) and call.n not in self._cast.folded - openers
        ]
        needed = {name for call in acting if not _looks(call) for name in names_in(call.parameters)}
        known: set[str] = {one.id for one in self._told.things}
        known |= {one.told["described"].get("KeyId", "") for one in self._told.things if "described" in one.told}
        kept: list[Done] = []
        for call in acting:
            made = {value for value, _ in made_in(call.answer)}
            if call.n in openers or not _looks(call) or (made - known) & needed:
                kept.append(call)
                known |= made
        return _once(kept)

    def _can_be_done(self, call: Done) -> bool:
        if call.by not in self._cast.parts:
            if not _looks(call):
                self.sheet.miss(f"{call.operation} by {self._cast.unknown.get(call.by, call.by)}")
            return False
        if call.operation in _KEYS and call.code in ("", *_ABOUT_KEYS) and not self._signs_in(call):
            return False
        if (call.operation, call.code) in _THERE:
            return False
        why = _NEVER.get(call.operation, "")
        if why and not call.code:
            self.sheet.miss(f"{call.operation}: {why}")
            return False
        return True

    def _signs_in(self, call: Done) -> bool:
        return any(part.signed_in_by == call.n for part in self._cast.parts.values())

    # steps

    def _steps(self) -> Iterator[Step]:
        kept = {call.n for call in self.calls}
        for act in self._told.acts:
            if isinstance(act, Moved):
                yield {"id": self.sheet.id("later"), "advance": duration(act.by_ms)}
            elif act.n in kept:
                yield from self._step(act)
        for one in self._told.lost:
            self.sheet.miss(f"{one.what}: {one.why}")

    def _step(self, call: Done) -> Iterator[Step]:
        who = self._cast.name_of(call)
        if call.operation == "organizations:CreateAccount" and not call.code:
            yield from self._joined(call)
            return
        id = self._ids[call.n] = self.sheet.id(stem_of(call, self._told, self.sheet))
        sent, comment = self._sent(id, call), ""
        if call.operation == "kms:CreateKey" and self._is_imported_into(call):
            comment = f"inferred: its material was brought along ({sent.pop('Origin')}); here AWS makes it"
        made: Step = self.sheet.step(id, who, call.operation, call.region, sent, comment)
        if call.operation == "ebs:PutSnapshotBlock" and "BlockData" in call.secret:
            made["data"] = {"fill": "pattern"}
        if expected := self._expected(call):
            made["expect"] = expected
        self.sheet.references.learn(id, call.answer)
        yield made

    def _is_imported_into(self, call: Done) -> bool:
        """Did the key that a call made get its material by hand?"""
        key = call.answer.get("KeyMetadata", {})
        names = (key.get("KeyId"), key.get("Arn"))
        return any(
            one.operation == "kms:ImportKeyMaterial" and not one.code and one.parameters.get("KeyId") in names
            for one in self._told.calls
        )

    def _joined(self, call: Done) -> Iterator[Step]:
        """In the place of an account that the organization made."""
        status = call.answer["CreateAccountStatus"]
        account = status.get("AccountId") or self._account_of(status["Id"])
        if account not in self.sheet.aliases:
            self.sheet.miss(f"{call.operation}: the new account did nothing")
            return
        comment = "inferred: the organization made this account, whose id would be another in each run; here it joins"
        yield from invited(self.sheet, call.account, account, comment)

    def _account_of(self, status: str) -> str:
        for call in self._told.calls:
            found = call.answer.get("CreateAccountStatus") or {}
            if found.get("Id") == status and found.get("AccountId"):
                return str(found["AccountId"])
        return ""

    # parameters

    def _sent(self, id: str, call: Done) -> Json:
        found: Json = {}
        for name, value in call.parameters.items():
            if not self._is_noise(call, name, value):
                found[name] = self._said(id, call, name, value)
        for name, (digest, size) in call.secret.items():
            self._made_up(call, name, digest, size, found)
        return found

    def _said(self, id: str, call: Done, name: str, value: Any) -> Any:
        policy = document(value) if name in params.DOCUMENTS and isinstance(value, str) else None
        if policy is not None:
            return self.sheet.keep(id, policy)
        return accounts_named(self.sheet.references.put(value), self.sheet)

    def _is_noise(self, call: Done, name: str, value: Any) -> bool:
        if name in _SDKS_OWN and call.operation == "ec2:CopySnapshot":
            return value == call.region or name == "PresignedUrl"
        if name == "ClientToken":
            return self._tokens.count(value) < 2
        is_sum = call.operation == "ebs:PutSnapshotBlock" and name in (*_SUMS, "DataLength", "Progress")
        return not call.code and (
            is_sum or (call.operation == "ebs:CompleteSnapshot" and name in _SUMS and not _failed(call))
        )

    def _made_up(self, call: Done, name: str, digest: str, size: int, found: Json) -> None:
        """Something in the place of a secret, of its size; what belongs to a block is made where it is played."""
        if name in ("BlockData", "PresignedUrl"):
            return
        if name == "Checksum":
            found |= {name: _WRONG_SUM} if "hecksum" in call.message else {}
            return
        if name in _TEXTS:
            self._contents.setdefault(digest, _TEXTS[name].format(len(self._contents) + 1))
            found[name] = self._contents[digest] if call.code != "ValidationException" else "no address"
            return
        shape = params.input_shape(call.operation)
        if shape is None or name not in shape.members or shape.members[name].type_name != "blob":
            self.sheet.miss(f"{name} of {call.operation}, which is a secret or too large")
            return
        found[name] = self._content(digest, size)

    def _content(self, digest: str, size: int) -> str:
        """Base64 of made-up bytes, of the same size; the same for the same secret."""
        if digest not in self._contents:
            text = f"reseal-{len(self._contents) + 1}".encode()
            self._contents[digest] = base64.b64encode((text + bytes(size))[:size]).decode()
        return self._contents[digest]

    # what is expected

    def _expected(self, call: Done) -> Json:
        why = {"cause": call.cause} if call.cause in Cause.__members__ else {}
        if call.code:
            return {"error": call.code, **why}
        if not _failed(call):
            return {}
        resource = {
            name: call.later[name] for name in ("State", "StateMessage", "StateReason", "Error") if call.later.get(name)
        }
        if isinstance(resource.get("State"), dict):
            resource["State"] = {"Name": resource["State"]["Name"]}
        if isinstance(resource.get("StateReason"), dict):
            resource["StateReason"] = {"Code": resource["StateReason"].get("Code")}
        return {"later": self.sheet.references.put(resource), **why}


def _failed(call: Done) -> bool:
    return outcome(Answer("", call.answer), call.later) != OK


def _looks(call: Done) -> bool:
    """A call that only looked, and was not refused; openers of sessions are asked for by name."""
    reads = call.operation.partition(":")[2].startswith(READING) or call.operation == "sts:AssumeRole"
    return not call.code and reads


def _once(calls: list[Done]) -> list[Done]:
    """Without what was refused once more in the same words, when nothing had been done since."""
    kept: list[Done] = []
    since: set[str] = set()
    for call in calls:
        if not call.code:
            since.clear()
            kept.append(call)
            continue
        asked = json.dumps([call.by, call.operation, call.region, call.parameters, call.code], sort_keys=True)
        if asked not in since:
            since.add(asked)
            kept.append(call)
    return kept
