"""What the capture script was refused, and what an answer can not know for it.

Each becomes a line of the import and a gap in the world: an explanation that it may concern says `unknown` beside what
it tells. The world is then as if there were nothing behind the gap; it is never filled with a guess.
"""

from __future__ import annotations

import re
from typing import Final

from app.outside.capture import Capture
from app.outside.plan import Plan

_PLACE: Final = re.compile(r"(?:(?P<account>\d{12})/(?:(?P<region>[a-z0-9-]+)/)?)?(?P<name>[^/]+(?:/[^/]+)?)", re.ASCII)
_NO_ORGANIZATION: Final = "AWSOrganizationsNotInUseException"
LEAVES_OPEN: Final = (  # name of the file -> what nobody knows without it; {id} from the name
    (r"authorization-details\.json", "its users, roles and policies: what they are allowed, and whom roles trust"),
    (r"\.keys", "which keys there are"),
    (r"key-(?P<id>.+?)\.meta\.json", "state, kind and origin of key {id}"),
    (r"key-(?P<id>.+?)\.grants\.json", "the grants of key {id}"),
    (r"key-(?P<id>.+?)\.tags\.json", "the tags of key {id}"),
    (r"key-(?P<id>.+?)\.rotations?\.json", "the rotation of key {id}"),
    (r"key-(?P<id>.+?)\.json", "the policy of key {id}: whom it lets in"),
    (r"aliases\.json", "the aliases: which key a name stands for"),
    (r"snapshots\.json", "which snapshots there are, under which keys"),
    (r"snapshot-(?P<id>snap-[0-9a-f]+)\.permissions\.json", "with whom snapshot {id} is shared"),
    (r"volumes\.json", "which volumes there are, under which keys"),
    (r"images\.json", "which images there are"),
    (r"image-(?P<id>ami-[0-9a-f]+)\.permissions\.json", "who may launch image {id}"),
    (r"instances\.json", "which instances there are, and what is attached to them"),
    (r"\.encrypts|ebs-defaults\.json", "whether volumes are encrypted by default, and under which key"),
    (r"locks\.json", "which snapshots are locked"),
    (r"tiers\.json", "which snapshots are restored from the archive"),
    (r"fast-restores\.json", "which snapshots are restored fast"),
    (r"public-access\.json", "whether snapshots may be public"),
    (r"recycle-bin\.json", "what is in the recycle bin"),
    (r"\.rules|retention-rule-.+\.json", "what the recycle bin keeps"),
    (r"\.organization/.+", "the organization, or part of it: which service and resource control policies apply"),
)


def plan_unread(capture: Capture, plan: Plan) -> None:
    gaps = list[dict[str, str]]()
    for one in capture.unread:
        if one.error == _NO_ORGANIZATION:
            plan.assumed.append(f"{one.file}: {one.error}: the accounts are in no organization, as AWS says")
            continue
        found = _PLACE.fullmatch(one.file)
        account, region, name = found.group("account", "region", "name") if found else (None, None, one.file)
        what, id = _left_open(name)
        plan.unknown.append(f"{one.file}: {one.error}: not known is {what}")
        gaps.append({"account": account or "", "region": region or "", "file": one.file, "id": id, "what": what})
    if gaps:
        plan.parts.append(("PlaceGaps", {"gaps": gaps}, ""))


def _left_open(name: str) -> tuple[str, str]:
    """What is not known, and the id that it is about; "" for a whole account or Region."""
    for pattern, what in LEAVES_OPEN:
        if found := re.fullmatch(pattern, name, re.ASCII):
            id = found.groupdict().get("id") or ""
            return what.format(id=id), id
    return "what it would have held", ""
