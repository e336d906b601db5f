"""Repairs that edit no policy: a key is enabled, a snapshot is shared, a copy is made first.

A step is a call of the owner's. What an earlier step answered is named by later ones as `$NAME`, in the parameters and
in the commands alike; `Instead` puts such a name into the request that failed, where it named what can not be helped.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Save:
    """`name` stands for the answer's value at `path` (member names with dots between them) from here on."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Step:
    """One call by an account's root. `parameters`: pairs of AWS's names and plain JSON values, as JSON text."""

    account: str
    region: str
    operation: str  # kms:EnableKey
    body: str  # JSON of the parameters
    save: Save | None = None
    settles: str = ""  # the aws command that waits until it is done, after `aws `

    @property
    def parameters(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Instead:
    """In the request that failed, `$name` where it said `value`."""

    value: str
    name: str


def step(
    account: str, region: str, operation: str, save: Save | None = None, settles: str = "", **parameters: Any
) -> Step:
    return Step(account, region, operation, json.dumps(parameters), save, settles)


def filled(value: Any, saved: Mapping[str, str]) -> Any:
    """Parameters with every `$NAME` replaced. Raises KeyError for a name that no step has saved."""
    if isinstance(value, dict):
        return {name: filled(inner, saved) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, saved) for inner in value]
    return saved[value[1:]] if isinstance(value, str) and value.startswith("$") else value


def swapped(value: Any, instead: tuple[Instead, ...], saved: Mapping[str, str]) -> Any:
    """The request's parameters with what has to be said instead. KeyError where that is not there."""
    if isinstance(value, dict):
        return {name: swapped(inner, instead, saved) for name, inner in value.items()}
    if isinstance(value, list):
        return [swapped(inner, instead, saved) for inner in value]
    new = next((one.name for one in instead if one.value == value), None)
    return value if new is None else saved[new]


# As commands.


def command(one: Step) -> str:
    """`aws kms enable-key --key-id ...  # in account 111122223333`; of a saving step, with its variable set."""
    service, _, name = one.operation.partition(":")
    words = ["aws", service, kebab(name), "--region", one.region]
    for parameter, value in one.parameters.items():
        words += _option(f"--{kebab(parameter)}", value)
    line = " ".join(words)
    if one.save:
        line = f"{one.save.name}=$({line} --query {one.save.path} --output text)"
    return f"{line}  # in account {one.account}"


def kebab(name: str) -> str:
    """CopySnapshot as the `aws` command writes it: copy-snapshot."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def _option(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [name if value else name.replace("--", "--no-", 1)]
    if isinstance(value, str):
        return [name, f'"{value}"' if value.startswith("$") else shlex.quote(value)]
    return [name, shlex.quote(json.dumps(value))]


# As Terraform.


def terraform(one: Step) -> str:
    """A resource that says the same; a comment where Terraform has none that would."""
    say = _TERRAFORM.get(one.operation)
    return say(one.parameters) if say else f"# Terraform has no resource for {one.operation}: use the command"


def resource(kind: str, name: str, /, **arguments: str) -> str:
    """One resource block; the arguments are expressions, written as they are."""
    broad = max(map(len, arguments))
    lines = (f"  {key:<{broad}} = {value}" for key, value in arguments.items())
    return "\n".join((f'resource "{kind}" "{label(name)}" {{', *lines, "}"))


def label(name: str) -> str:
    """A name as Terraform's labels may be."""
    text = re.sub(r"\W+", "_", name).strip("_").lower()
    return text if text[:1].isalpha() else f"x_{text}"


def _value(text: str) -> str:
    return _REFERENCES.get(text, json.dumps(text))


_REFERENCES: Final = {"$KEY": "aws_kms_key.share.arn", "$COPY": "aws_ebs_snapshot_copy.share.id"}


def _enabled(parameters: Mapping[str, Any]) -> str:
    return resource("aws_kms_key", parameters["KeyId"].rpartition("/")[2], is_enabled="true")


def _shared(parameters: Mapping[str, Any]) -> str:
    users = [each["UserId"] for each in parameters["CreateVolumePermission"]["Add"]]
    return "\n".join(
        resource(
            "aws_snapshot_create_volume_permission", f"{parameters['SnapshotId']}_{user}",
            snapshot_id=_value(parameters["SnapshotId"]), account_id=_value(user),
        )
        for user in users
    )  # fmt: skip


def _new_key(parameters: Mapping[str, Any]) -> str:
    return resource("aws_kms_key", "share", description=_value(parameters["Description"]))


def _copied(parameters: Mapping[str, Any]) -> str:
    return resource(
        "aws_ebs_snapshot_copy", "share", source_region=_value(parameters["SourceRegion"]),
        source_snapshot_id=_value(parameters["SourceSnapshotId"]), encrypted="true",
        kms_key_id=_value(parameters["KmsKeyId"]),
    )  # fmt: skip


_TERRAFORM: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "kms:EnableKey": _enabled,
    "ec2:ModifySnapshotAttribute": _shared,
    "kms:CreateKey": _new_key,
    "ec2:CopySnapshot": _copied,
}
