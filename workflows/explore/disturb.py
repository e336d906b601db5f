"""Disturbances that are ready for any scenario: what may happen to its keys, grants and snapshots.

A row finds, among the scenario's own steps, those that made or shared something, and says the call that takes it back:
by the root of that account, with the parameters of that very step. So nothing has to be written into a scenario. Each
row applies to what the account that shares (the caller of the first step) has; `NAME=STEP` names another step.
`week` is no call: eight days pass, in which a deletion that `delete-key` scheduled comes due.
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
    of: tuple[str, ...]  # the operations whose steps give occasion
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


def _made(member: str) -> Maker:
    """What the step has made, by the name under which its answer has it."""

    def parameters(step: StepSpec, scenario: Scenario) -> Parameters:
        return {member: f"${{{{ {step.id}.{member} }}}}"}

    return parameters


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


_KEYS, _GRANTS = ("kms:CreateKey",), ("kms:CreateGrant",)
_SNAPSHOTS = ("ec2:CreateSnapshot", "ec2:CopySnapshot")
_SHARE, _SHARE_IMAGE = "ec2:ModifySnapshotAttribute", "ec2:ModifyImageAttribute"
READY: Final = (
    Ready("disable-key", "kms:DisableKey", _KEYS, _key, "disables a key"),
    Ready("delete-key", "kms:ScheduleKeyDeletion", _KEYS, _key_for_a_week, "schedules a key's deletion"),
    Ready("rotate", "kms:RotateKeyOnDemand", _KEYS, _key, "rotates a key"),
    Ready("old-policy", "kms:PutKeyPolicy", ("kms:PutKeyPolicy",), _policy_before, "puts a key's first policy back"),
    Ready("revoke-grant", "kms:RevokeGrant", _GRANTS, _grant, "revokes a grant"),
    Ready("retire-grant", "kms:RetireGrant", _GRANTS, _grant, "retires a grant"),
    Ready("unshare", _SHARE, (_SHARE,), _unshared, "takes a share back"),
    Ready("unshare-image", _SHARE_IMAGE, (_SHARE_IMAGE,), _unshared, "takes it back"),
    Ready("delete", "ec2:DeleteSnapshot", _SNAPSHOTS, _made("SnapshotId"), "deletes a snapshot"),
    Ready("delete-volume", "ec2:DeleteVolume", ("ec2:CreateVolume",), _made("VolumeId"), "deletes a volume"),
    Ready("deregister", "ec2:DeregisterImage", ("ec2:RegisterImage",), _made("ImageId"), "deregisters an image"),
)  # fmt: skip
WEEK: Final = "week"
ALL: Final = "all"
_EIGHT_DAYS: Final = {"id": WEEK, "name": "eight days pass", "advance": "8d"}
NAMES: Final = (*(each.name for each in READY), WEEK)


def chosen(scenario: Scenario, names: tuple[str, ...] | None = None) -> tuple[StepSpec, ...]:
    """The disturbances of an exploration: by name, else those that the scenario's `explore:` has.

    A name is one of `NAMES`, `NAME=STEP`, the id of a step under `explore: steps`, or `all`: each of `NAMES` that finds
    an occasion. CannotExplore for any other, and for one that finds none.
    """
    spec = scenario.spec.explore
    own = {each.id: each for each in spec.steps} if spec else {}
    if names is None:
        names = (*(spec.disturb if spec else ()), *own)
    found = [step for name in names for step in ([own[name]] if name in own else ready(scenario, name, own))]
    return tuple({step.id: step for step in found}.values())


def ready(scenario: Scenario, name: str, own: Iterable[str] = ()) -> list[StepSpec]:
    """What a name of the table, with or without `=STEP`, stands for in a scenario."""
    if name == ALL:
        return [step for each in NAMES if _is_ready(scenario, each) for step in ready(scenario, each)]
    if name == WEEK:
        return [_week(scenario)]
    word, _, of = name.partition("=")
    row = next((each for each in READY if each.name == word), None)
    if row is None:
        raise CannotExplore(f"there is no disturbance {word!r}" + suggest(word, (*NAMES, ALL, *own)))
    steps = list(_occasions(scenario, row, of))
    if not steps:
        kind = " or ".join(row.of)
        where = f"step {of!r} is not a {kind}" if of else f"no step of the account that shares is a {kind}"
        raise CannotExplore(f"{name}: {where} whose effect it could take back")
    return steps


def _is_ready(scenario: Scenario, name: str) -> bool:
    try:
        return bool(ready(scenario, name))
    except CannotExplore:
        return False


def _occasions(scenario: Scenario, row: Ready, of: str) -> Iterator[StepSpec]:
    from workflows.format import StepSpec

    sharing = str(scenario.spec.steps[0].as_).partition("/")[0] if scenario.spec.steps else ""
    occasions = [
        (step, parameters)
        for step in (*scenario.spec.given, *scenario.spec.steps)
        if step.call in row.of and (step.id == of if of else _is_of(step, sharing))
        if (parameters := row.parameters(step, scenario)) is not None
    ]
    for step, parameters in occasions:
        id = _free(scenario, row.name if len(occasions) == 1 and not of else f"{row.name}-{step.id}")
        account = str(step.as_).partition("/")[0]
        told = {"id": id, "name": f"{row.what}: {step.id}", "as": f"{account}/root", "call": row.call}
        yield StepSpec.model_validate(told | {"with": parameters, "region": step.region})


def _is_of(step: StepSpec, account: str) -> bool:
    return str(step.as_).partition("/")[0] == account


def _week(scenario: Scenario) -> StepSpec:
    """CannotExplore where somebody works in a role: its session would be over, and nobody opens another."""
    from workflows.format import StepSpec

    for name, principal in scenario.spec.principals.items():
        if principal.role and any(step.as_ == name for step in scenario.spec.steps):
            raise CannotExplore(f"{WEEK}: {name} is a role, whose session would be over; make it a user")
    return StepSpec.model_validate(_EIGHT_DAYS | {"id": _free(scenario, WEEK)})


def _free(scenario: Scenario, id: str) -> str:
    """The id, or one like it that no step has."""
    taken = {step.id for step in (*scenario.spec.given, *scenario.spec.steps)}
    while id in taken:
        id = f"other-{id}"
    return id
