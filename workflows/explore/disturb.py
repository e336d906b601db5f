"""Disturbances that are ready for any scenario: what may happen to its keys, grants and snapshots.

A row finds, among the scenario's own steps, those that made or shared something, and says the call that takes it back:
by the root of that account, with the parameters of that very step. So nothing has to be written into a scenario. Each
row applies to what the account that shares (the workflow's first role) has; `NAME=STEP` names another step.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from workflows.explore.tracks import CannotExplore
from workflows.verify import suggest

if TYPE_CHECKING:
    from workflows.format import StepSpec
    from workflows.scenario import Scenario

Parameters = dict[str, Any]
Maker = Callable[["StepSpec", "Scenario"], Parameters | None]  # None: that step gives no occasion


@dataclass(frozen=True, slots=True)
class Ready:
    name: str
    call: str
    of: str  # the operation whose steps give occasion
    parameters: Maker
    what: str


def _key(step: StepSpec, scenario: Scenario) -> Parameters:
    return {"KeyId": f"${{{{ {step.id}.KeyMetadata.Arn }}}}"}


def _key_for_a_week(step: StepSpec, scenario: Scenario) -> Parameters:
    return {**_key(step, scenario), "PendingWindowInDays": "7"}


def _grant(step: StepSpec, scenario: Scenario) -> Parameters:
    return {"KeyId": step.with_["KeyId"], "GrantId": f"${{{{ {step.id}.GrantId }}}}"}


def _unshared(step: StepSpec, scenario: Scenario) -> Parameters | None:
    """The same call the other way round: in both forms that ModifySnapshotAttribute and ModifyImageAttribute take."""
    given = dict(step.with_)
    if given.get("OperationType") == "add":
        return given | {"OperationType": "remove"}
    for member in ("CreateVolumePermission", "LaunchPermission"):
        if "Add" in (given.get(member) or {}):
            return given | {member: {"Remove": given[member]["Add"]}}
    return None


def _shared_snapshot(step: StepSpec, scenario: Scenario) -> Parameters | None:
    return {"SnapshotId": step.with_["SnapshotId"]} if _unshared(step, scenario) else None


def _policy_before(step: StepSpec, scenario: Scenario) -> Parameters:
    """The policy that the key was made with; AWS's default where CreateKey was given none (kms.md 3)."""
    made = next((each for each in scenario.spec.given if _makes(each, step.with_["KeyId"])), None)
    policy = made.with_.get("Policy") if made else None
    return {**step.with_, "Policy": policy or json.dumps(_default_policy(str(step.as_).partition("/")[0]))}


def _makes(step: StepSpec, key_id: Any) -> bool:
    return step.call == "kms:CreateKey" and str(key_id).strip("${ }").startswith(f"{step.id}.")


def _default_policy(account: str) -> Parameters:
    principal = {"AWS": f"arn:aws:iam::${{{{ accounts.{account} }}}}:root"}
    statement = {"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": principal, "Action": "kms:*"}
    return {"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement | {"Resource": "*"}]}


READY: Final = (
    Ready("disable-key", "kms:DisableKey", "kms:CreateKey", _key, "disables a key"),
    Ready("delete-key", "kms:ScheduleKeyDeletion", "kms:CreateKey", _key_for_a_week, "schedules a key's deletion"),
    Ready("rotate", "kms:RotateKeyOnDemand", "kms:CreateKey", _key, "rotates a key"),
    Ready("old-policy", "kms:PutKeyPolicy", "kms:PutKeyPolicy", _policy_before, "puts a key's first policy back"),
    Ready("revoke-grant", "kms:RevokeGrant", "kms:CreateGrant", _grant, "revokes a grant"),
    Ready("unshare", "ec2:ModifySnapshotAttribute", "ec2:ModifySnapshotAttribute", _unshared, "takes a share back"),
    Ready("unshare-image", "ec2:ModifyImageAttribute", "ec2:ModifyImageAttribute", _unshared, "takes it back"),
    Ready("delete", "ec2:DeleteSnapshot", "ec2:ModifySnapshotAttribute", _shared_snapshot, "deletes what is shared"),
)  # fmt: skip
NAMES: Final = tuple(each.name for each in READY)


def chosen(scenario: Scenario, names: tuple[str, ...] | None = None) -> tuple[StepSpec, ...]:
    """The disturbances of an exploration: by name, else those that the scenario's `explore:` has.

    A name is one of `NAMES`, `NAME=STEP`, or the id of a step under `explore: steps`. CannotExplore for any other, and
    for one that finds no occasion.
    """
    spec = scenario.spec.explore
    own = {each.id: each for each in spec.steps} if spec else {}
    if names is None:
        names = (*(spec.disturb if spec else ()), *own)
    found = [step for name in names for step in ([own[name]] if name in own else ready(scenario, name, own))]
    return tuple({step.id: step for step in found}.values())


def ready(scenario: Scenario, name: str, own: Iterable[str] = ()) -> list[StepSpec]:
    """What a name of the table, with or without `=STEP`, stands for in a scenario."""
    word, _, of = name.partition("=")
    row = next((each for each in READY if each.name == word), None)
    if row is None:
        raise CannotExplore(f"there is no disturbance {word!r}" + suggest(word, (*NAMES, *own)))
    steps = list(_occasions(scenario, row, of))
    if not steps:
        where = f"step {of!r} is not a {row.of}" if of else f"no step of the account that shares is a {row.of}"
        raise CannotExplore(f"{name}: {where} whose effect it could take back")
    return steps


def _occasions(scenario: Scenario, row: Ready, of: str) -> Iterator[StepSpec]:
    from workflows.format import StepSpec

    sharing = str(scenario.spec.steps[0].as_).partition("/")[0] if scenario.spec.steps else ""
    occasions = [
        (step, parameters)
        for step in (*scenario.spec.given, *scenario.spec.steps)
        if step.call == row.of and (step.id == of if of else _is_of(step, sharing))
        if (parameters := row.parameters(step, scenario)) is not None
    ]
    taken = {step.id for step in (*scenario.spec.given, *scenario.spec.steps)}
    for step, parameters in occasions:
        id = row.name if len(occasions) == 1 and not of else f"{row.name}-{step.id}"
        while id in taken:
            id = f"other-{id}"
        account = str(step.as_).partition("/")[0]
        told = {"id": id, "name": f"{row.what}: {step.id}", "as": f"{account}/root", "call": row.call}
        yield StepSpec.model_validate(told | {"with": parameters, "region": step.region})


def _is_of(step: StepSpec, account: str) -> bool:
    return str(step.as_).partition("/")[0] == account
