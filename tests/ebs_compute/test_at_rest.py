"""What an attachment keeps survives a restart, and lies on the disk sealed."""

from __future__ import annotations

from pathlib import Path

from app.kernel.cloud import Cloud, new_world
from app.persistence.open import open_store
from app.services import all_services
from app.services.ebs.compute_records import Attachment
from tests.ebs_compute.machines import grantees, launch, register, root_volume, state
from tests.sharing.accounts import REGION, SOURCE, root


def test_a_data_key_in_use_is_sealed_on_disk_and_there_again_after_a_restart(tmp_path: Path) -> None:
    """Method: an instance launched on SQLite, its key disabled, and the process begun anew."""
    url, services = f"sqlite:///{tmp_path}/data/world.db", all_services()
    store = open_store(url, services.kinds, environ={})
    hand = root(Cloud.create(services, store, new_world("lab")), SOURCE)
    key = hand.key()
    instance = launch(hand, register(hand, hand.write({0: 0}, Encrypted=True, KmsKeyArn=key)))
    volume = root_volume(hand, instance)
    hand.do("kms:DisableKey", KeyId=key)
    plain = _data_key(hand.cloud, volume, instance)
    files = [path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert not any(plain in data or plain.hex().encode() in data for data in files)
    store.close()

    store = open_store(url, services.kinds, environ={})
    again = root(Cloud(services, store, "lab"), SOURCE)
    assert (state(again, instance), _data_key(again.cloud, volume, instance)) == ("running", plain)
    again.do("ec2:TerminateInstances", InstanceIds=[instance])
    assert grantees(again, key) == []
    store.close()


def _data_key(cloud: Cloud, volume: str, instance: str) -> bytes:
    found = cloud.world.records.get(Attachment, SOURCE, REGION, f"{volume}/{instance}")
    assert found is not None
    assert found.data_key is not None
    return found.data_key.reveal()
