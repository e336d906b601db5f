"""Real bytes in a scenario, by public calls only, so that it works through every port.

Filling: a snapshot is written by the EBS direct APIs, and the volume is made from it. Reading back: the volume is
snapshotted and that snapshot read, block by block, from aside, as the root of the account that owns the volume.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from workflows.keyed import Keyed
from workflows.port import Port, PortFailed
from workflows.settle import FAILED, settled

BLOCK_BYTES: Final = 512 * 1024
BLOCK_PARAMETERS: Final = frozenset({"BlockData", "DataLength", "Checksum", "ChecksumAlgorithm"})  # of a pattern block

Block = tuple[int, bytes]


def pattern(seed: str, index: int) -> bytes:
    """The block that stands at `index`; the same for the same seed, different for every index."""
    return hashlib.shake_256(f"reseal/pattern/{seed}/{index}".encode()).digest(BLOCK_BYTES)


def filled_from(hand: Keyed, principal: str, root: str, parameters: Mapping[str, Any], blocks: int, seed: str) -> str:
    """A completed snapshot with pattern blocks, encrypted as `parameters` of CreateVolume ask; answers its id."""
    start: dict[str, Any] = {"VolumeSize": parameters.get("Size") or 1}
    if parameters.get("Encrypted"):
        start["Encrypted"] = True
    if arn := _key_arn(hand, root, parameters.get("KmsKeyId")):
        start["KmsKeyArn"] = arn
    id = hand.must(principal, "ebs:StartSnapshot", start).value["SnapshotId"]
    for index in range(blocks):
        hand.must(principal, "ebs:PutSnapshotBlock", block({"SnapshotId": id, "BlockIndex": index}, seed))
    complete = {"SnapshotId": id, "ChangedBlocksCount": blocks}
    answer = hand.must(principal, "ebs:CompleteSnapshot", complete)
    resource = settled(hand.port, root, "ebs:CompleteSnapshot", complete, answer.value, hand.region)
    if resource.get("State") in FAILED:  # one that is gone was used and deleted before this run was broken off
        raise PortFailed(f"the snapshot that fills the volume failed: {resource.get('StateMessage')}")
    return str(id)


def _key_arn(hand: Keyed, root: str, key: str | None) -> str:
    """The ARN of a key that is named by id or alias; "" for none, and for AWS's own, which may not be there yet."""
    if not key or key.startswith("alias/aws/"):
        return ""
    if ":key/" in key:
        return key
    described = hand.port.aside().call(root, "kms:DescribeKey", {"KeyId": key}, hand.region)
    return str(described.value.get("KeyMetadata", {}).get("Arn", ""))


def block(parameters: Mapping[str, Any], seed: str) -> dict[str, Any]:
    """The parameters of a PutSnapshotBlock with a pattern block, and what belongs to it where they do not say it."""
    content = pattern(seed, parameters.get("BlockIndex") or 0)
    checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
    own = {"BlockData": content, "DataLength": BLOCK_BYTES, "Checksum": checksum, "ChecksumAlgorithm": "SHA256"}
    return own | dict(parameters)


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume, and who may read it."""

    id: str
    account: str  # alias
    region: str


def first_difference(port: Port, one: Volume, other: Volume) -> str:
    """Where two volumes differ, in words; "" where they are equal. PortFailed where one can not be read."""
    aside = port.aside()
    blocks = 0
    for here, there in zip_longest(_blocks(aside, one), _blocks(aside, other)):
        if here is None or there is None or here[0] != there[0]:
            index = min(block[0] for block in (here, there) if block)
            holder = one.id if here and here[0] == index else other.id
            return f"only {holder} has a block {index}"
        if here[1] != there[1]:
            return f"block {here[0]} of {one.id} and {other.id} differs"
        blocks += 1
    return "" if blocks else f"neither {one.id} nor {other.id} has any block"


def _blocks(port: Port, volume: Volume) -> Iterator[Block]:
    root = f"{volume.account}/root"
    made = _ask(port, root, "ec2:CreateSnapshot", {"VolumeId": volume.id}, volume.region)
    settled(port, root, "ec2:CreateSnapshot", {}, made, volume.region)
    id = made["SnapshotId"]
    parameters: dict[str, Any] = {"SnapshotId": id}
    while True:
        page = _ask(port, root, "ebs:ListSnapshotBlocks", parameters, volume.region)
        for block in page.get("Blocks", ()):
            get = {"SnapshotId": id, "BlockIndex": block["BlockIndex"], "BlockToken": block["BlockToken"]}
            yield block["BlockIndex"], bytes(_ask(port, root, "ebs:GetSnapshotBlock", get, volume.region)["BlockData"])
        if not page.get("NextToken"):
            break
        parameters["NextToken"] = page["NextToken"]
    if not port.can.step_aside:
        _ask(port, root, "ec2:DeleteSnapshot", {"SnapshotId": id}, volume.region)


def _ask(port: Port, root: str, operation: str, parameters: Mapping[str, Any], region: str) -> Mapping[str, Any]:
    answer = port.call(root, operation, parameters, region)
    if answer.error:
        raise PortFailed(f"reading back: {operation} as {root}: {answer.error.code}: {answer.error.message}")
    return answer.value
