"""The graph of the five-step share, by hand: what the services yield after each step."""

from __future__ import annotations

from app.graph.build import Graph, graph_of
from app.kernel.edge import Edge, Node

SOURCE, TARGET = "111111111111", "222222222222"
SOURCE_KEY = f"arn:aws:kms:us-east-1:{SOURCE}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TARGET_KEY = f"arn:aws:kms:us-east-1:{TARGET}:key/9f86d081-884c-4d65-9a2f-eaa0c55ad015"
SOURCE_ALIAS = f"arn:aws:kms:us-east-1:{SOURCE}:alias/volumes"
TARGET_ALIAS = f"arn:aws:kms:us-east-1:{TARGET}:alias/restored"
SOURCE_MATERIAL, TARGET_MATERIAL = "3f8a91c2" + "0" * 56, "b77d20e5" + "1" * 56
OPERATOR = f"arn:aws:iam::{SOURCE}:user/operator"
IMPORTER = f"arn:aws:iam::{TARGET}:role/importer"
EC2 = "ec2.us-east-1.amazonaws.com"
VOLUME, SNAPSHOT = "vol-0a1b2c3d4e5f60718", "snap-0f3a5b7c9d1e2f304"
COPY, RESTORED = "snap-0c0ffee1234567890", "vol-0d15ea5e0b57ac1e5"
GRANT = "7b2ef0aa" + "c" * 56
USE = ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:ReEncryptFrom")


def key(arn: str, material: str, alias: str, account: str, state: str = "Enabled") -> list[Node | Edge]:
    """A key as kms yields it: its material, its alias, and the default statement for its own account."""
    return [
        Node("key", arn, account, alias.rpartition("/")[2], state),
        Node("material", material, account),
        Node("alias", alias, account),
        Edge("material-of", arn, material),
        Edge("points-to", alias, arn),
        Edge("delegates", arn, account, "EnableRoot", ("kms:*",)),
    ]


def sealed(data_key: str, material: str, holder: Node) -> list[Node | Edge]:
    """A volume or snapshot under a data key that the material wraps."""
    return [
        holder,
        Node("data-key", data_key, holder.account, "for " + holder.id[:10] + "…"),
        Edge("wraps", material, data_key),
        Edge("encrypts", data_key, holder.id),
    ]


def start() -> list[Node | Edge]:
    return [
        Node("account", SOURCE, SOURCE, "source"),
        Node("account", TARGET, TARGET, "target"),
        Node("principal", OPERATOR, SOURCE),
        Node("principal", IMPORTER, TARGET),
        *key(SOURCE_KEY, SOURCE_MATERIAL, SOURCE_ALIAS, SOURCE),
        *key(TARGET_KEY, TARGET_MATERIAL, TARGET_ALIAS, TARGET),
        Edge("allows", SOURCE_KEY, OPERATOR, "KeyUsers", ("kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext")),
        *sealed("dk-vol-source", SOURCE_MATERIAL, Node("volume", VOLUME, SOURCE, state="available")),
    ]


def steps() -> list[Graph]:
    """The graph at the start and after each of the five steps."""
    parts = [start()]
    parts.append(
        [
            Node("snapshot", SNAPSHOT, SOURCE, state="completed"),
            Edge("encrypts", "dk-vol-source", SNAPSHOT),
            Edge("derived-from", SNAPSHOT, VOLUME, "VolumeId"),
        ]
    )
    parts.append([Edge("delegates", SOURCE_KEY, f"arn:aws:iam::{TARGET}:root", "AllowTarget", USE)])
    parts.append([Edge("shared-with", SNAPSHOT, TARGET, "createVolumePermission")])
    parts.append(
        [
            *sealed("dk-copy", TARGET_MATERIAL, Node("snapshot", COPY, TARGET, state="completed")),
            Edge("derived-from", COPY, SNAPSHOT, "SourceSnapshotId"),
            Node("grant", GRANT, SOURCE),
            Edge("grant-of", SOURCE_KEY, GRANT),
            Edge("grants", GRANT, EC2, GRANT, ("kms:Decrypt",)),
        ]
    )
    parts.append(
        [
            *sealed("dk-restored", TARGET_MATERIAL, Node("volume", RESTORED, TARGET, state="available")),
            Edge("derived-from", RESTORED, COPY, "SnapshotId"),
        ]
    )
    return [graph_of(each for step in parts[: n + 1] for each in step) for n in range(len(parts))]


def shared() -> Graph:
    return steps()[-1]
