"""Set-up steps that make anew what was there before: keys, and what EBS has.

A root is refused by a key policy that leaves him out, so keys are made with a policy that lets the set-up work, and get
their own `late`; so do what only then may be in force: grants, EBS's settings, and last of all the states of keys. What
a volume or snapshot holds is made up: as many pattern blocks as it had.
"""

# pyright: basic

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from workflows.port import Json
from workflows.record.key_policies import is_default, lets_root_do_all, open_to
from workflows.record.naming import data_of, label_of, tags_of
from workflows.record.recording import Thing
from workflows.record.sheet import Sheet, Step

WINDOW_DAYS_MIN: Final = 7
NOTHING: Final = "snap-0fedcba9876543210"
MADE_UP: Final = "cmVzZWFs"  # base64
_USUAL: Final = (None, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_KMS")
_OF_A_GRANT: Final = ("GranteePrincipal", "RetiringPrincipal", "Operations", "Constraints", "Name")


class Given:
    """Of some things; steps in an order in which each finds what it needs."""

    def __init__(self, things: Iterable[Thing], sheet: Sheet) -> None:
        self._things, self._sheet = {one.id: one for one in things}, sheet
        self._late: list[Step] = []
        self._states: list[Step] = []
        self._policies: list[Step] = []

    def steps(self) -> Iterator[Step]:
        for kind, make in (
            ("key", self._key), ("volume", self._volume), ("snapshot", self._snapshot), ("image", self._image),
            ("instance", self._instance), ("ciphertext", self._ciphertext),
        ):  # fmt: skip
            for thing in self._of(kind):
                yield from make(thing)
        for thing in self._of("volume"):
            yield from self._attachments(thing)

    def late(self) -> Iterator[Step]:
        """What comes when all is made: grants and settings, then the states of keys, and their policies last."""
        yield from self._late
        for thing in self._of("settings"):
            yield from self._settings(thing)
        yield from self._states
        yield from self._policies

    def _of(self, kind: str) -> list[Thing]:
        return [one for one in self._things.values() if one.kind == kind]

    def _step(self, thing: Thing, id: str, call: str, parameters: Json, **more: Any) -> Step:
        sheet = self._sheet
        return sheet.step(id, sheet.root(thing.account), call, thing.region, sheet.references.put(parameters), **more)

    # KMS

    def _key(self, key: Thing) -> Iterator[Step]:
        sheet, told = self._sheet, key.told["described"]
        if told.get("KeyManager") == "AWS":
            yield from self._managed(key)
            return
        if (
            told.get("CustomKeyStoreId")
            or told.get("MultiRegionConfiguration", {}).get("MultiRegionKeyType") == "REPLICA"
        ):
            sheet.miss(f"the {'replica' if told.get('MultiRegion') else 'key in a custom store'} {key.id}")
        id = sheet.id(sheet.named("key", key.account, label_of(key.told)))
        made = {part: told[part] for part in ("KeySpec", "KeyUsage", "Origin") if told.get(part) not in _USUAL}
        made |= {part: told[part] for part in ("Description", "MultiRegion") if told.get(part)}
        made |= {"Tags": key.told["tags"]} if key.told.get("tags") else {}
        comment = ""
        if made.get("Origin") not in (None, "EXTERNAL") or (told.get("Origin") == "EXTERNAL" and told["Enabled"]):
            made.pop("Origin", None)
            comment = "inferred: its material was brought along; here AWS makes it"
        policy = sheet.living(key.told["policy"])
        if is_open := lets_root_do_all(policy, key.account) and not self._is_used_from_elsewhere(key):
            made |= {} if is_default(policy, key.account) else {"Policy": sheet.keep(f"{id}-policy", policy)}
        elif others := self._users_elsewhere(key):
            made |= {"Policy": sheet.keep(f"{id}-set-up", open_to([key.account, *others]))}
        yield self._step(key, id, "kms:CreateKey", made, comment=comment)
        sheet.references.add(key.id, f"{id}.KeyMetadata.Arn")
        sheet.references.add(told["KeyId"], f"{id}.KeyMetadata.KeyId")
        yield from self._about_key(key)
        if not is_open:
            parameters = {
                "KeyId": key.id,
                "BypassPolicyLockoutSafetyCheck": True,
                "Policy": sheet.keep(f"{id}-policy", policy),
            }
            self._policies.append(self._step(key, sheet.id(f"{id}-policy"), "kms:PutKeyPolicy", parameters))

    def _is_used_from_elsewhere(self, key: Thing) -> bool:
        return bool(self._users_elsewhere(key))

    def _users_elsewhere(self, key: Thing) -> list[str]:
        """Other accounts that have something under it, which the set-up makes as their roots."""
        users = [
            one.account for one in self._things.values() if one.told.get("described", {}).get("KmsKeyId") == key.id
        ]
        return [one for one in dict.fromkeys(users) if one != key.account]

    def _managed(self, key: Thing) -> Iterator[Step]:
        """A key of AWS's own is there when its alias is first named."""
        alias = next(iter(key.told["aliases"]), "")
        if not alias:
            return
        id = self._sheet.id(self._sheet.named("key", key.account, alias.removeprefix("alias/").replace("/", "-")))
        yield self._step(key, id, "kms:DescribeKey", {"KeyId": alias})
        self._sheet.references.add(key.id, f"{id}.KeyMetadata.Arn")
        self._sheet.references.add(key.told["described"]["KeyId"], f"{id}.KeyMetadata.KeyId")

    def _about_key(self, key: Thing) -> Iterator[Step]:
        sheet, told = self._sheet, key.told["described"]
        for alias in key.told["aliases"]:
            yield self._step(
                key, sheet.id("alias"), "kms:CreateAlias", {"AliasName": alias, "TargetKeyId": told["KeyId"]}
            )
        if days := key.told.get("rotation"):
            period = {} if days == 365 else {"RotationPeriodInDays": days}
            yield self._step(key, sheet.id("rotation"), "kms:EnableKeyRotation", {"KeyId": told["KeyId"], **period})
        self._late += self._grants(key)
        if told["KeyState"] == "Disabled":
            self._states.append(self._step(key, sheet.id("disable"), "kms:DisableKey", {"KeyId": key.id}))
        elif told["KeyState"] in ("PendingDeletion", "PendingReplicaDeletion"):
            days = told.get("PendingDeletionWindowInDays") or self._days_left(told)
            parameters = {"KeyId": key.id, "PendingWindowInDays": days}
            self._states.append(self._step(key, sheet.id("schedule-deletion"), "kms:ScheduleKeyDeletion", parameters))

    def _days_left(self, told: Json) -> int:
        return self._sheet.days_until(told.get("DeletionDate") or "", WINDOW_DAYS_MIN)

    def _grants(self, key: Thing) -> Iterator[Step]:
        for grant in key.told["grants"]:
            holders = [grant.get("GranteePrincipal", ""), grant.get("RetiringPrincipal", "")]
            if (
                ".amazonaws.com" in holders[0] or ":assumed-role/aws:" in holders[0]
            ):  # a service's own, made when it needs it
                continue
            if any(holder and not self._sheet.lives(holder) for holder in holders):
                self._sheet.miss(f"a grant to {holders[0]}, who is gone")
                continue
            id = self._sheet.id(grant.get("Name") or "grant")
            parameters = {part: grant[part] for part in _OF_A_GRANT if grant.get(part)}
            yield self._step(key, id, "kms:CreateGrant", {"KeyId": key.id, **parameters})
            self._sheet.references.add(grant["GrantId"], f"{id}.GrantId")

    # EBS

    def _volume(self, volume: Thing) -> Iterator[Step]:
        told = volume.told["described"]
        if any(one.get("DeleteOnTermination") for one in told.get("Attachments", ())):
            return  # an instance brings it along
        id = self._sheet.id(self._sheet.named("volume", volume.account, label_of(volume.told)))
        parameters = {"AvailabilityZone": told["AvailabilityZone"], "Size": told["Size"], **self._encryption(told)}
        parameters |= tags_of("volume", told)
        if (type := told.get("VolumeType", "gp2")) != "gp2":
            parameters |= {part: told[part] for part in ("VolumeType", "Iops", "Throughput") if told.get(part)}
            if type == "gp3":
                parameters = {part: value for part, value in parameters.items() if part not in ("Iops", "Throughput")}
        yield self._step(volume, id, "ec2:CreateVolume", parameters, **data_of(volume.told))
        self._sheet.references.add(volume.id, f"{id}.VolumeId")

    def _snapshot(self, snapshot: Thing) -> Iterator[Step]:
        sheet, told = self._sheet, snapshot.told["described"]
        id = sheet.id(sheet.named("snapshot", snapshot.account, label_of(snapshot.told)))
        if told.get("State") == "error":
            yield from self._failed(snapshot, id)
            yield from self._shares(snapshot)
            return
        of = told.get("VolumeId", "")
        if not self._is_source(of, told) or snapshot.told.get("blocks"):
            made = {"AvailabilityZone": f"{snapshot.region}a", "Size": told["VolumeSize"], **self._encryption(told)}
            volume = sheet.id(f"{id}-volume")
            yield self._step(snapshot, volume, "ec2:CreateVolume", made, **data_of(snapshot.told))
            of = f"${{{{ {volume}.VolumeId }}}}"
        parameters = {"VolumeId": of} | ({"Description": told["Description"]} if told.get("Description") else {})
        yield self._step(snapshot, id, "ec2:CreateSnapshot", parameters | tags_of("snapshot", told))
        sheet.references.add(snapshot.id, f"{id}.SnapshotId")
        yield from self._shares(snapshot)
        if lock := snapshot.told.get("lock"):
            yield from self._lock(snapshot, lock)
        if told.get("StorageTier") == "archive":
            tier = {"SnapshotId": snapshot.id, "StorageTier": "archive"}
            self._late.append(self._step(snapshot, sheet.id("archive"), "ec2:ModifySnapshotTier", tier))

    def _shares(self, snapshot: Thing) -> Iterator[Step]:
        sheet = self._sheet
        for one in snapshot.told["shared"]:
            who = {"Group": "all"} if one == "all" else {"UserId": sheet.account(one)}
            share = {"SnapshotId": snapshot.id, "CreateVolumePermission": {"Add": [who]}}
            yield self._step(snapshot, sheet.id("share"), "ec2:ModifySnapshotAttribute", share)

    def _failed(self, snapshot: Thing, id: str) -> Iterator[Step]:
        """One that is in error: a copy of nothing has no size; one that was written has, and blocks are missing."""
        size, encryption = snapshot.told["described"]["VolumeSize"], self._encryption(snapshot.told["described"])
        expect = {"expect": {"later": {"State": "error"}}, "comment": "inferred: it had failed, for whatever reason"}
        self._sheet.references.add(snapshot.id, f"{id}.SnapshotId")
        if not size:
            copy = {"SourceRegion": snapshot.region, "SourceSnapshotId": NOTHING, **encryption}
            yield self._step(snapshot, id, "ec2:CopySnapshot", copy, **expect)
            return
        if key := encryption.pop("KmsKeyId", ""):
            encryption["KmsKeyArn"] = key
        yield self._step(snapshot, id, "ebs:StartSnapshot", {"VolumeSize": size, **encryption})
        complete = {"SnapshotId": snapshot.id, "ChangedBlocksCount": 1}
        yield self._step(snapshot, self._sheet.id(f"{id}-fails"), "ebs:CompleteSnapshot", complete, **expect)

    def _ciphertext(self, blob: Thing) -> Iterator[Step]:
        """Something that was encrypted before; what it says is not known, and does not matter."""
        id = self._sheet.id("ciphertext")
        parameters = {"KeyId": blob.told["key"], "Plaintext": MADE_UP}
        parameters |= {"EncryptionContext": blob.told["context"]} if blob.told["context"] else {}
        yield self._step(blob, id, "kms:Encrypt", parameters, comment="inferred: it was encrypted before")
        self._sheet.references.add(blob.id, f"{id}.CiphertextBlob")

    def _is_source(self, volume: str, told: Json) -> bool:
        """Is the snapshot's volume made anew, as it was?"""
        source = self._things.get(volume)
        if source is None or volume not in self._sheet.references:
            return False
        of = source.told["described"]
        return (of["Size"], of.get("KmsKeyId")) == (told["VolumeSize"], told.get("KmsKeyId"))

    def _lock(self, snapshot: Thing, lock: Json) -> Iterator[Step]:
        mode = "governance" if lock.get("LockState") == "governance" else "compliance"
        parameters: Json = {"SnapshotId": snapshot.id, "LockMode": mode, "LockDuration": lock.get("LockDuration") or 1}
        yield self._step(snapshot, self._sheet.id("lock"), "ec2:LockSnapshot", parameters)

    def _image(self, image: Thing) -> Iterator[Step]:
        told, id = (
            image.told["described"],
            self._sheet.id(self._sheet.named("image", image.account, image.told["described"]["Name"])),
        )
        devices = [
            {"DeviceName": one["DeviceName"], "Ebs": {"SnapshotId": one["Ebs"]["SnapshotId"]}}
            for one in told.get("BlockDeviceMappings", ())
            if one.get("Ebs", {}).get("SnapshotId")
        ]
        kept = {part: told[part] for part in ("Name", "Architecture", "RootDeviceName") if told.get(part)}
        kept |= {"VirtualizationType": "hvm", "BlockDeviceMappings": devices}
        yield self._step(image, id, "ec2:RegisterImage", kept)
        self._sheet.references.add(image.id, f"{id}.ImageId")
        for one in image.told["shared"]:
            share = {"ImageId": image.id, "LaunchPermission": {"Add": [one]}}
            yield self._step(image, self._sheet.id("share-image"), "ec2:ModifyImageAttribute", share)

    def _instance(self, instance: Thing) -> Iterator[Step]:
        told, id = (
            instance.told["described"],
            self._sheet.id(self._sheet.named("instance", instance.account, label_of(instance.told))),
        )
        kept = {"ImageId": told["ImageId"], "InstanceType": told["InstanceType"], "MinCount": 1, "MaxCount": 1}
        kept |= {"Placement": {"AvailabilityZone": told["Placement"]["AvailabilityZone"]}}
        yield self._step(instance, id, "ec2:RunInstances", kept)
        self._sheet.references.add(instance.id, f"{id}.Instances[0].InstanceId")
        devices = [one["Ebs"]["VolumeId"] for one in told.get("BlockDeviceMappings", ()) if one.get("Ebs")]
        if devices:
            look = self._sheet.id(f"{id}-volumes")
            yield self._step(instance, look, "ec2:DescribeInstances", {"InstanceIds": [instance.id]})
            for index, volume in enumerate(devices):
                path = f"Reservations[0].Instances[0].BlockDeviceMappings[{index}].Ebs.VolumeId"
                self._sheet.references.add(volume, f"{look}.{path}")

    def _attachments(self, volume: Thing) -> Iterator[Step]:
        for one in volume.told["described"].get("Attachments", ()):
            if one.get("InstanceId") in self._sheet.references and not one.get("DeleteOnTermination"):
                parameters = {part: one[part] for part in ("InstanceId", "VolumeId", "Device")}
                yield self._step(volume, self._sheet.id("attach"), "ec2:AttachVolume", parameters)

    def _settings(self, settings: Thing) -> Iterator[Step]:
        sheet, told = self._sheet, settings.told
        if told["encrypts"]:
            yield self._step(settings, sheet.id("encrypt-by-default"), "ec2:EnableEbsEncryptionByDefault", {})
        if ":key/" in told["key"] and told["key"] in sheet.references:
            yield self._step(
                settings, sheet.id("default-key"), "ec2:ModifyEbsDefaultKmsKeyId", {"KmsKeyId": told["key"]}
            )
        if told["public"] not in ("", "unblocked"):
            state = {"State": told["public"]}
            yield self._step(settings, sheet.id("block-public"), "ec2:EnableSnapshotBlockPublicAccess", state)

    def _encryption(self, told: Json) -> Json:
        """The key only where it is one that the file makes: else it is the account's default key."""
        if not told.get("Encrypted"):
            return {}
        key = told.get("KmsKeyId", "")
        manager = self._things[key].told["described"].get("KeyManager") if key in self._things else "AWS"
        return {"Encrypted": True} | ({"KmsKeyId": key} if manager != "AWS" else {})
