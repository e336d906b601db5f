"""Laws of attachments, whatever is done in whatever order (`RESEAL_SOAK=1` for more of it)."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app.services.ebs.compute_records import Attachment, Instance
from app.services.ebs.records import Volume
from tests.ebs_compute.machines import grants, launch, register, run
from tests.sharing.accounts import SOURCE, empty_cloud, root

EXAMPLES, STEPS = (200, 60) if os.environ.get("RESEAL_SOAK") else (12, 20)
ONE_OF = st.integers(0, 5)
DEVICES = st.sampled_from(["/dev/sdf", "/dev/sdg"])


class Attachments(RuleBasedStateMachine):
    """An account with two encrypted volumes and two instances; the key comes and goes."""

    @initialize()
    def begin(self) -> None:
        self.hand = root(empty_cloud(), SOURCE)
        self.key = self.hand.key()
        self.image = register(self.hand, self.hand.write({0: 0}, Encrypted=True, KmsKeyArn=self.key))
        self.volumes = [self.hand.make_volume(Size=1, Encrypted=True, KmsKeyId=self.key) for _ in range(2)]
        self.instances = [launch(self.hand, self.image) for _ in range(2)]

    @rule(volume=ONE_OF, instance=ONE_OF, device=DEVICES)
    def attach(self, volume: int, instance: int, device: str) -> None:
        self._ask("AttachVolume", VolumeId=self._volume(volume), InstanceId=self._instance(instance), Device=device)

    @rule(volume=ONE_OF)
    def detach(self, volume: int) -> None:
        self._ask("DetachVolume", VolumeId=self._volume(volume))

    @rule(volume=ONE_OF)
    def delete(self, volume: int) -> None:
        self._ask("DeleteVolume", VolumeId=self._volume(volume))

    @rule(verb=st.sampled_from(["Start", "Stop", "Terminate"]), instance=ONE_OF)
    def turn(self, verb: str, instance: int) -> None:
        self._ask(f"{verb}Instances", InstanceIds=[self._instance(instance)])

    @rule()
    def run(self) -> None:
        if len(self.instances) < 5:
            answer = self.hand.do("ec2:RunInstances", **run(self.image))
            self.instances.append(answer["Instances"][0]["InstanceId"])

    @rule(verb=st.sampled_from(["Disable", "Enable"]))
    def key_comes_and_goes(self, verb: str) -> None:
        self.hand.do(f"kms:{verb}Key", KeyId=self.key)

    @rule()
    def a_grant_is_revoked(self) -> None:
        for grant in grants(self.hand, self.key)[:1]:
            self.hand.do("kms:RevokeGrant", KeyId=self.key, GrantId=grant["GrantId"])

    @invariant()
    def a_volume_is_in_use_exactly_while_it_is_attached(self) -> None:
        held = {each.volume_id for each in self._all(Attachment)}
        states = {volume.id: volume.state for volume in self._all(Volume)}
        assert held <= states.keys()
        assert {id for id, state in states.items() if state == "in-use"} == held

    @invariant()
    def a_data_key_is_kept_exactly_while_the_instance_holds_the_volume_open(self) -> None:
        """All volumes here are encrypted."""
        states = {instance.id: instance.state for instance in self._all(Instance)}
        for each in self._all(Attachment):
            is_open = states[each.instance_id] == "running"
            assert (each.data_key is not None, bool(each.grant_id)) == (is_open, is_open), states[each.instance_id]

    @invariant()
    def no_grant_outlives_its_attachment(self) -> None:
        """A revoked one may be gone before."""
        known = {each.grant_id for each in self._all(Attachment)}
        assert {grant["GrantId"] for grant in grants(self.hand, self.key)} <= known

    @invariant()
    def a_device_holds_one_volume(self) -> None:
        places = [(each.instance_id, each.device) for each in self._all(Attachment)]
        assert len(set(places)) == len(places)

    def _ask(self, operation: str, **parameters: Any) -> None:
        """Refused or not: either is a step."""
        self.hand.ask(f"ec2:{operation}", **parameters)

    def _volume(self, n: int) -> str:
        return self.volumes[n % len(self.volumes)]

    def _instance(self, n: int) -> str:
        return self.instances[n % len(self.instances)]

    def _all(self, kind: Any) -> list[Any]:
        return list(self.hand.cloud.world.records.scan(kind))


TestAttachments = Attachments.TestCase
TestAttachments.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
)
