"""More of the accounts: keys of every kind, images, instances, locks, tiers, settings; and what is tried with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.kms.wrap import wrap

if TYPE_CHECKING:
    from tests.import_world.estate import Estate, World

REGION, NEAR = "us-east-1", "us-west-2"
ZONE = f"{REGION}a"
SECRETS = ("hunter2-user-data", "hunter2-tag-value", "hunter2-description")
NEVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}

Tried = list[tuple[str, str, str, dict[str, Any]]]


# keys


def add_keys(world: World, estate: Estate) -> None:
    kms, near = world.client("kms", estate.source), world.client("kms", estate.source, NEAR)
    made = {
        "turned": kms.create_key(),
        "primary": kms.create_key(MultiRegion=True),
        "hmac": kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC"),
        "rsa": kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT"),
        "imported": kms.create_key(Origin="EXTERNAL"),
        "waiting": kms.create_key(Origin="EXTERNAL"),
        "imported-primary": kms.create_key(Origin="EXTERNAL", MultiRegion=True),
    }
    keys = {name: one["KeyMetadata"]["Arn"] for name, one in made.items()}
    estate.keys.update(keys)
    for name, arn in keys.items():
        kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=arn)
    kms.enable_key_rotation(KeyId=keys["turned"], RotationPeriodInDays=120)
    kms.rotate_key_on_demand(KeyId=keys["turned"])
    kms.replicate_key(KeyId=keys["primary"], ReplicaRegion=NEAR)
    near.create_alias(AliasName="alias/replica", TargetKeyId=keys["primary"].rpartition("/")[2])
    import_material(kms, keys["imported"], b"m" * 32)
    import_material(kms, keys["imported-primary"], b"p" * 32)
    kms.replicate_key(KeyId=keys["imported-primary"], ReplicaRegion=NEAR)
    import_material(near, keys["imported-primary"].rpartition("/")[2], b"p" * 32)


def import_material(kms: Any, key: str, material: bytes) -> None:
    algorithm = "RSAES_OAEP_SHA_256"
    given = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048")
    wrapped = wrap(given["PublicKey"], algorithm, material)
    kms.import_key_material(KeyId=key, ImportToken=given["ImportToken"], EncryptedKeyMaterial=wrapped, **NEVER)


def key_attempts(estate: Estate) -> Tried:
    mine, tried = f"{estate.source}/user/operator", Tried()
    for name in ("turned", "primary", "imported", "waiting", "imported-primary"):
        key = {"KeyId": estate.keys[name]}
        tried.append((mine, "kms", "encrypt", key | {"Plaintext": b"x"}))
        tried.append((mine, "kms", "get_key_rotation_status", key))
        tried.append((mine, "kms", "rotate_key_on_demand", key))
        tried.append((mine, "kms", "update_alias", {"AliasName": f"alias/{name}", "TargetKeyId": estate.keys["hmac"]}))
    tried.append((mine, "kms", "generate_mac", {
        "KeyId": "alias/hmac", "Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}))  # fmt: skip
    tried.append((mine, "kms", "encrypt", {
        "KeyId": "alias/rsa", "Plaintext": b"x", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}))  # fmt: skip
    tried.append((mine, "kms", "replicate_key", {"KeyId": estate.keys["primary"], "ReplicaRegion": "eu-west-1"}))
    tried.append((mine, "kms", "replicate_key", {"KeyId": estate.keys["primary"], "ReplicaRegion": NEAR}))
    tried.append((mine, "kms", "schedule_key_deletion", {"KeyId": estate.keys["imported-primary"]}))
    tried.append((mine, "kms", "encrypt", {"KeyId": "alias/aws/ebs", "Plaintext": b"x"}))
    tried.append((mine, "kms", "describe_key", {"KeyId": "alias/aws/ebs"}))
    return tried


# images and instances


def add_computers(world: World, estate: Estate) -> None:
    ec2 = world.client("ec2", estate.source)
    images = {
        f"image-{name}": _image(ec2, name, estate.snapshots[name])
        for name in ("shared", "no-grant", "managed", "plain")
    }
    for name in ("image-shared", "image-no-grant", "image-plain"):
        ec2.modify_image_attribute(
            ImageId=images[name], LaunchPermission={"Add": [{"UserId": estate.target}]}
        )  # fmt: skip
    ec2.modify_image_attribute(ImageId=images["image-plain"], LaunchPermission={"Add": [{"Group": "all"}]})
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "app", "Value": SECRETS[1]}]}]
    for name, image in (("running", "image-shared"), ("stopped", "image-no-grant")):
        made = ec2.run_instances(
            ImageId=images[image], MinCount=1, MaxCount=1, InstanceType="t3.micro", UserData=SECRETS[0],
            Placement={"AvailabilityZone": ZONE}, TagSpecifications=tags, KeyName="hunter2-key",
        )  # fmt: skip
        estate.others[name] = made["Instances"][0]["InstanceId"]
    ec2.attach_volume(InstanceId=estate.others["running"], VolumeId=estate.volumes["named"], Device="/dev/sdf")
    ec2.stop_instances(InstanceIds=[estate.others["stopped"]])
    estate.others.update(images)


def _image(ec2: Any, name: str, snapshot: str) -> str:
    devices = [{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot, "DeleteOnTermination": True}}]
    return ec2.register_image(
        Name=f"image of {name}", RootDeviceName="/dev/sda1", BlockDeviceMappings=devices, Architecture="x86_64",
        VirtualizationType="hvm", Description=SECRETS[2], EnaSupport=True,
    )["ImageId"]  # fmt: skip


def computer_attempts(estate: Estate) -> Tried:
    tried, others, mine = Tried(), estate.others, f"{estate.source}/user/operator"
    images = [id for name, id in others.items() if name.startswith("image-")]
    for who in (
        f"{estate.target}/user/operator",
        f"{estate.target}/user/bounded",
        f"{estate.target}/role/reader",
        mine,
    ):
        for image in images:
            launch = {"ImageId": image, "MinCount": 1, "MaxCount": 1, "InstanceType": "t3.micro"}
            tried.append((who, "ec2", "run_instances", launch))
            tried.append((who, "ec2", "copy_image", {"SourceImageId": image, "SourceRegion": REGION, "Name": "copied"}))
            tried.append((who, "ec2", "describe_image_attribute", {"ImageId": image, "Attribute": "launchPermission"}))
    for image in images:
        share = {"ImageId": image, "LaunchPermission": {"Add": [{"UserId": "700000000009"}]}}
        tried.append((mine, "ec2", "modify_image_attribute", share))
    bounded = f"{estate.source}/user/bounded"
    tried += [
        (bounded, "ec2", "start_instances", {"InstanceIds": [others["stopped"]]}),
        (mine, "ec2", "detach_volume", {"VolumeId": estate.volumes["named"]}),
        (mine, "ec2", "stop_instances", {"InstanceIds": [others["running"]]}),
        (mine, "ec2", "start_instances", {"InstanceIds": [others["running"], others["stopped"]]}),
        (mine, "ec2", "attach_volume", {
            "VolumeId": estate.volumes["disabled"], "InstanceId": others["running"], "Device": "/dev/sdg"}),
        (mine, "ec2", "deregister_image", {"ImageId": others["image-plain"]}),
        (mine, "ec2", "terminate_instances", {"InstanceIds": [others["running"]]}),
        (mine, "ec2", "describe_volumes", {"VolumeIds": [estate.volumes["named"]]}),
    ]  # fmt: skip
    return tried


# locks, tiers and settings


def add_settings(world: World, estate: Estate) -> None:
    ec2, rbin = world.client("ec2", estate.source), world.client("rbin", estate.source)
    ids = estate.snapshots
    for name in ("locked", "archived", "restored", "kept-by-rule", "binned"):
        ids[name] = ec2.create_snapshot(VolumeId=estate.volumes["plain"])["SnapshotId"]
    ec2.lock_snapshot(SnapshotId=ids["locked"], LockMode="compliance", LockDuration=30, CoolOffPeriod=24)
    for name in ("archived", "restored"):
        ec2.modify_snapshot_tier(SnapshotId=ids[name], StorageTier="archive")
    ec2.restore_snapshot_tier(SnapshotId=ids["restored"], TemporaryRestoreDays=5)
    ec2.enable_fast_snapshot_restores(AvailabilityZones=[ZONE], SourceSnapshotIds=[ids["plain"]])
    made = rbin.create_rule(
        ResourceType="EBS_SNAPSHOT", RetentionPeriod={"RetentionPeriodValue": 7, "RetentionPeriodUnit": "DAYS"},
        Description=SECRETS[2],
    )  # fmt: skip
    estate.others["rule"] = made["Identifier"]
    ec2.delete_snapshot(SnapshotId=ids.pop("binned"))
    ec2.enable_snapshot_block_public_access(State="block-new-sharing")


def setting_attempts(estate: Estate) -> Tried:
    mine, ids = f"{estate.source}/user/operator", estate.snapshots
    public = {"Attribute": "createVolumePermission", "OperationType": "add", "GroupNames": ["all"]}
    tried: Tried = [(mine, "ec2", "delete_snapshot", {"SnapshotId": ids[name]})
                    for name in ("locked", "archived", "kept-by-rule")]  # fmt: skip
    for name in ("archived", "restored"):
        tried.append((mine, "ec2", "create_volume", {"SnapshotId": ids[name], "AvailabilityZone": ZONE}))
        tried.append((mine, "ec2", "modify_snapshot_tier", {"SnapshotId": ids[name], "StorageTier": "archive"}))
        tried.append((mine, "ec2", "restore_snapshot_tier", {"SnapshotId": ids[name], "PermanentRestore": True}))
    return [
        *tried,
        (mine, "ec2", "unlock_snapshot", {"SnapshotId": ids["locked"]}),
        (mine, "ec2", "restore_snapshot_from_recycle_bin", {"SnapshotId": ids["kept-by-rule"]}),
        (mine, "ec2", "modify_snapshot_attribute", public | {"SnapshotId": ids["plain"]}),
        (mine, "ec2", "describe_fast_snapshot_restores", {}),
        (mine, "ec2", "disable_fast_snapshot_restores", {
            "AvailabilityZones": [ZONE], "SourceSnapshotIds": [ids["plain"]]}),
        (mine, "rbin", "get_rule", {"Identifier": estate.others["rule"]}),
    ]  # fmt: skip


def attempts(estate: Estate) -> Tried:
    return key_attempts(estate) + setting_attempts(estate) + computer_attempts(estate)
