"""A scenario written from a recording: what was done, by whom, and what came of it.

    principals   each user or role as it was at its first call; what made it (CreateUser, ...) is left out
    given        what was there before, made anew (`given`)
    steps        the calls that changed something or failed, in order, with references where ids were; a call that
                 failed expects its error, one that failed later expects that

Calls that only looked, and succeeded, are left out. What can not be said in a scenario is counted in its description.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from app.policy.repair_steps import kebab
from workflows import params
from workflows.machine import OK
from workflows.port import Answer
from workflows.record.given import Json, Step, document, given
from workflows.record.recording import Done, Person, Told
from workflows.record.references import References
from workflows.scenario_text import scenario_text
from workflows.settle import outcome

READING: Final = ("Describe", "Get", "List", "Lookup", "Simulate", "Search")
SIGN_IN: Final = ("sts:", "iam:CreateAccessKey", "iam:CreateLoginProfile")
# What makes a principal and its policies, when it comes before the principal's first call.
MAKES_PRINCIPALS: Final = re.compile(
    r"iam:(?:Create|Put|Attach|Add|Tag|Update)(?:User|Role|Group|Policy|PolicyVersion|UserPolicy|RolePolicy|GroupPolicy"
    r"|UserToGroup|UserPermissionsBoundary|RolePermissionsBoundary|AssumeRolePolicy)"
)
SHARES: Final = ("ec2:ModifySnapshotAttribute", "ec2:ModifyImageAttribute")
PLACEHOLDER: Final = "cmVzZWFs"  # base64, for a text that was secret: what is encrypted does not matter here
QUESTION: Final = "What was done by hand, and does it go the same way again?"
ADVANCE_MS_MIN: Final = 1_000  # of a manual clock: less than that is calls alone


@dataclass(slots=True)
class Writer:
    """One file in the making."""

    told: Told
    aliases: dict[str, str]  # account id -> alias
    names: dict[str, str]  # ARN of a caller -> principal
    references: References = field(default_factory=References)
    policies: dict[str, str] = field(default_factory=dict[str, str])  # file -> text
    counts: dict[str, int] = field(default_factory=dict[str, int])
    left_out: list[str] = field(default_factory=list[str])

    def keep(self, name: str, value: Json) -> str:
        """A policy as a file beside the scenario; answers what a parameter says for it."""
        text = json.dumps(value, indent=2) + "\n"
        file = f"policies/{name}.json"
        same = next((known for known, content in self.policies.items() if content == text), file)
        self.policies[same] = text
        return f"file://{same}"

    def step(self, call: Done, before_ms: int) -> Iterator[Step]:
        if self.told.clock == "manual" and call.at_ms - before_ms >= ADVANCE_MS_MIN and before_ms:
            yield {"id": self.id("later"), "advance": f"{(call.at_ms - before_ms) // 1000}s"}
        id = self.id(kebab(call.operation.partition(":")[2]))
        made: Step = {"id": id, "as": self.names[call.by], "call": call.operation, "region": call.region}
        if sent := self.sent(id, call):
            made["with"] = sent
        if expected := _expected(call):
            made["expect"] = expected
        self.references.learn(id, call.answer)
        yield made

    def sent(self, id: str, call: Done) -> Json:
        found: Json = {}
        for name, value in call.parameters.items():
            text = self.references.put(value)
            policy = document(value) if name in params.DOCUMENTS and isinstance(value, str) else None
            found[name] = self.keep(id, self.references.put(policy)) if policy is not None else text
        for name in call.left_out:
            if _is_blob(call.operation, name):
                found[name] = PLACEHOLDER
            else:
                self.left_out.append(f"{name} of {call.operation}")
        return found

    def id(self, stem: str) -> str:
        self.counts[stem] = self.counts.get(stem, 0) + 1
        return stem if self.counts[stem] == 1 else f"{stem}-{self.counts[stem]}"


def written(told: Told, name: str, region: str = "us-east-1") -> dict[str, str]:
    """The files of a scenario: itself under "", policies under `policies/...`. ValueError: nothing to tell."""
    calls = list(_kept(told))
    if not calls:
        raise ValueError("nothing was done that a scenario could tell: no call changed anything, and none failed")
    aliases = _aliases(told, calls)
    writer = Writer(told, aliases, _names(told, aliases))
    set_up = list(given(told.things, aliases, writer.references, writer.keep))
    principals, policy_steps = _principals(writer)
    steps: list[Step] = []
    before_ms = 0
    for call in calls:
        steps += writer.step(call, before_ms)
        before_ms = call.at_ms
    whole = {
        "reseal": 1, "name": name, "description": _description(writer), "clock": told.scenario_clock,
        "region": _usual_region(calls) or region, "accounts": {alias: id for id, alias in aliases.items()},
        "principals": principals, "given": [*set_up, *policy_steps], "steps": steps,
    }  # fmt: skip
    return {"": scenario_text(_trimmed(whole), QUESTION), **writer.policies}


# --- what is kept ---


def _kept(told: Told) -> Iterator[Done]:
    began = _first_calls(told)
    people = {person.arn for person in told.people}
    for index, call in enumerate(told.calls):
        known = call.by in people or call.by.endswith(":root")
        operation = call.operation.partition(":")[2]
        looks = operation.startswith(READING) and not call.code
        makes = not call.code and MAKES_PRINCIPALS.fullmatch(call.operation) and index < _needed_at(call, began)
        signs_in = call.operation.startswith(SIGN_IN) and not call.code
        if known and not looks and not makes and not signs_in and call.operation != "ebs:PutSnapshotBlock":
            yield call


def _first_calls(told: Told) -> dict[tuple[str, str], int]:
    """(account, name) of a principal -> the index of its first call."""
    by = [call.by for call in told.calls]
    return {(person.account, person.name): by.index(person.arn) for person in told.people if person.arn in by}


def _needed_at(call: Done, began: Mapping[tuple[str, str], int]) -> int:
    """When what this call makes was first used: by the principal that it names, else by the last of all."""
    name = call.parameters.get("UserName") or call.parameters.get("RoleName")
    return began.get((call.account, str(name)), max(began.values(), default=-1))


def _aliases(told: Told, calls: list[Done]) -> dict[str, str]:
    """Account ids by appearance; where two take part and one shares, they are called source and target."""
    every = [*(one.account for one in told.things), *(call.account for call in calls)]
    ids = list(dict.fromkeys([*every, *(person.account for person in told.people)]))
    sharing = next((call.account for call in calls if call.operation in SHARES), None)
    if len(ids) == 2 and sharing:
        return {sharing: "source", next(id for id in ids if id != sharing): "target"}
    return (
        {id: f"account-{number}" for number, id in enumerate(ids, 1)} if len(ids) > 1 else dict.fromkeys(ids, "account")
    )


def _names(told: Told, aliases: Mapping[str, str]) -> dict[str, str]:
    names = {f"arn:aws:iam::{id}:root": f"{alias}/root" for id, alias in aliases.items()}
    for person in told.people:
        name = f"{aliases[person.account]}/{person.name}"
        names[person.arn] = name if name not in names.values() else f"{name}-{person.kind}"
    return names


def _principals(writer: Writer) -> tuple[Json, list[Step]]:
    """The section, and set-up steps for policies that name what the file makes: principals are made before it."""
    section: Json = {}
    steps: list[Step] = []
    for person in writer.told.people:
        spec: Json = {person.kind: person.name}
        stem = writer.names[person.arn].replace("/", "-")
        now = {name: one for name, one in person.policies.items() if not writer.references.knows(json.dumps(one))}
        if now:
            spec["policies"] = [_bare(writer.keep(f"{stem}-{name}", one)) for name, one in now.items()]
        for part, value in (("trust", person.trust), ("boundary", person.boundary)):
            if value:
                spec[part] = _bare(writer.keep(f"{stem}-{part}", writer.references.put(value)))
        if person.session_policies:
            spec["session-policy"] = _bare(writer.keep(f"{stem}-session", json.loads(person.session_policies[0])))
        section[writer.names[person.arn]] = spec
        steps += [_policy_step(writer, person, name) for name in person.policies if name not in now]
    return section, steps


def _policy_step(writer: Writer, person: Person, name: str) -> Step:
    kind = person.kind.capitalize()
    value = writer.keep(f"{writer.id(f'{person.name}-policy')}", writer.references.put(person.policies[name]))
    parameters = {f"{kind}Name": person.name, "PolicyName": name, "PolicyDocument": value}
    id = writer.id(f"put-{person.kind}-policy")
    return {
        "id": id,
        "as": f"{writer.aliases[person.account]}/root",
        "call": f"iam:Put{kind}Policy",
        "with": parameters,
    }


def _bare(file: str) -> str:
    return file.removeprefix("file://")


# --- what is expected ---


def _expected(call: Done) -> Json:
    if call.code:
        return {"error": call.code}
    came_to = outcome(Answer("", call.answer), call.later)
    if came_to == OK:
        return {}
    told = {name: call.later[name] for name in ("State", "StateMessage", "Error") if call.later.get(name)}
    return {"later": told}


# --- words and text ---


def _description(writer: Writer) -> str:
    told = writer.told
    lines = [f"Recorded by hand: {len(told.calls)} calls."]
    if told.dropped:
        lines.append(f"{told.dropped} calls can not be said in a scenario and are left out.")
    if writer.left_out:
        lines.append(f"Not kept, because secret or large: {', '.join(sorted(set(writer.left_out)))}.")
    return " ".join(lines)


def _usual_region(calls: list[Done]) -> str:
    regions = [call.region for call in calls if not call.operation.startswith(("iam:", "sts:"))]
    return max(sorted(set(regions)), key=regions.count, default="")


def _trimmed(whole: Json) -> Json:
    """Without empty sections, and without the Region where it is the file's."""
    steps = {
        section: [_without_region(step, whole["region"]) for step in whole[section]] for section in ("given", "steps")
    }
    return {key: value for key, value in {**whole, **steps}.items() if value not in ({}, [], "")}


def _without_region(step: Step, usual: str) -> Step:
    is_global = step.get("call", "").startswith(("iam:", "sts:", "organizations:"))
    return {key: value for key, value in step.items() if key != "region" or not (value == usual or is_global)}


def _is_blob(operation: str, name: str) -> bool:
    shape = params.input_shape(operation)
    return shape is not None and name in shape.members and shape.members[name].type_name == "blob"
