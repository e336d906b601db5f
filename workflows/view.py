"""What a contract sees of a run: the call at hand, what earlier states came to, and the cloud through its port.

A contract asks with ordinary calls, made from aside as the root of an account, so that judging a run does not change
it (where the port has no fork, these are calls like any other, and reads only). `rehearse` goes one further: it plays
the scenario's own next steps in a fork. That is how "the target may now use the key" is judged: by letting it try.
"""

# pyright: basic

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workflows.machine import Contract, Outcome
from workflows.port import Answer, Port


@dataclass(frozen=True, slots=True)
class View:
    port: Port  # already aside
    region: str
    accounts: Mapping[str, str]  # role -> alias of the account that plays it
    ids: Mapping[str, str]  # role -> account id
    parameters: Mapping[str, Any]  # of the call at hand
    answer: Mapping[str, Any]  # of the call at hand; empty before it is made
    results: Mapping[str, Mapping[str, Any]]  # state -> answer it got, of the states passed so far
    rehearse: Callable[[str], Outcome | None]  # the outcome of a later state, tried in a fork; None: can not be tried

    def within(self, region: str) -> View:
        """The same, asking in another Region."""
        return replace(self, region=region)

    def ask(self, role: str, operation: str, **parameters: Any) -> Answer:
        """A reading call as the root of the account that plays `role`."""
        return self.port.call(f"{self.accounts[role]}/root", operation, parameters, self.region)

    def snapshot(self, role: str, snapshot_id: str) -> Mapping[str, Any]:
        """DescribeSnapshots of one snapshot; empty where it is not visible."""
        return first(self.ask(role, "ec2:DescribeSnapshots", SnapshotIds=[snapshot_id]), "Snapshots")

    def volume(self, role: str, volume_id: str) -> Mapping[str, Any]:
        return first(self.ask(role, "ec2:DescribeVolumes", VolumeIds=[volume_id]), "Volumes")

    def image(self, role: str, image_id: str) -> Mapping[str, Any]:
        """DescribeImages of one image; empty where the account may not see it."""
        return first(self.ask(role, "ec2:DescribeImages", ImageIds=[image_id]), "Images")

    def instance(self, role: str, instance_id: str) -> Mapping[str, Any]:
        reservation = first(self.ask(role, "ec2:DescribeInstances", InstanceIds=[instance_id]), "Reservations")
        return next(iter(reservation.get("Instances", ())), {})

    def key(self, role: str, key_id: str) -> Mapping[str, Any]:
        """DescribeKey; empty where there is no such key, or none that the account may see."""
        return self.ask(role, "kms:DescribeKey", KeyId=key_id).value.get("KeyMetadata", {})

    def grants(self, role: str, key_id: str) -> Sequence[Mapping[str, Any]]:
        """The first hundred grants of a key, as its owner sees them."""
        return self.ask(role, "kms:ListGrants", KeyId=key_id, Limit=100).value.get("Grants", ())


def is_refused(view: View) -> bool:
    """The call is refused; that it went through is the finding.

    What a step promises is judged where its call went through, so a step that is there to be refused promises this.
    """
    return False


def first(answer: Answer, member: str) -> Mapping[str, Any]:
    return next(iter(answer.value.get(member) or ()), {})


def sentence(contract: Contract) -> str:
    """A contract in words: the first line of its docstring, as the rest of a sentence."""
    words = (contract.__doc__ or contract.__name__.replace("_", " ")).strip().splitlines()[0].rstrip(".")
    return words[0].lower() + words[1:]


@dataclass(frozen=True, slots=True)
class Judged:
    """A contract as it was found."""

    name: str
    sentence: str
    holds: bool | None  # None: this port can not tell


def judge(contract: Contract, view: View) -> Judged:
    return Judged(contract.__name__, sentence(contract), contract(view))
