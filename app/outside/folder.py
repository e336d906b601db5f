"""The folder of files about accounts (layout: ecosystem.md 7.2), and what of it was looked at.

A file that is missing and one that can not be read are two things: both leave something unknown, and an answer names
them. Names that come from an event are checked before they become a path, and no link leads out of the folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from app.outside.papers import Paper, papers_in
from app.outside.reading import Source, Unreadable, items, member, plain, read

State = Literal["read", "absent", "unreadable"]
FILES_MAX: Final = 10_000

_ACCOUNT: Final = re.compile(r"\d{12}")
_NAME: Final = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_KEY_FILE: Final = re.compile(r"key-(?P<id>[A-Za-z0-9-]+)(?P<meta>\.meta|\.grants)?\.json")
ORGANIZATION: Final = "organization.json"


@dataclass(frozen=True, slots=True)
class Looked:
    file: str
    kind: str
    state: State
    problem: str = ""


class Folder:
    """Reads each file once. `looked` keeps every file asked for, in order."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        if not self._root.is_dir():
            raise Unreadable(str(root), "is no folder")
        self._sources: dict[str, Source | None] = {}
        self._looked: dict[str, Looked] = {}

    @property
    def looked(self) -> tuple[Looked, ...]:
        return tuple(self._looked.values())

    # one file

    def source(self, file: str, kind: str) -> Source | None:
        """None where it is absent or unreadable; `state_of` tells which."""
        if file not in self._sources:
            self._sources[file] = self._read(file, kind)
        return self._sources[file]

    def _read(self, file: str, kind: str) -> Source | None:
        found, state, problem = None, "absent", ""
        path = self._path(file)
        try:
            if path is not None:
                found, state = read(path, file), "read"
        except FileNotFoundError:
            pass
        except Unreadable as unreadable:
            state, problem = "unreadable", str(unreadable)
        self._looked[file] = Looked(file, kind, state, problem)  # pyright: ignore[reportArgumentType]
        return found

    def _path(self, file: str) -> Path | None:
        """None for a name that no file of the layout has, and for a link that leads elsewhere."""
        if not all(_NAME.fullmatch(part) and part.strip(".") for part in file.split("/")):
            return None
        path = self._root / file
        return path if path.resolve().is_relative_to(self._root) else None

    def state_of(self, file: str) -> State:
        found = self._looked.get(file)
        return found.state if found else "absent"

    def spoil(self, file: str, problem: str) -> None:
        """A file that can be read but says nothing that can be used."""
        self._looked[file] = Looked(file, self._looked[file].kind, "unreadable", problem)

    def papers(self, file: str, kind: str) -> tuple[Paper, ...] | None:
        """The policy documents of a file; none where it says that there are none; None where it is not known."""
        source = self.source(file, kind)
        if source is None or self.state_of(file) == "unreadable":
            return None
        return papers_in(source)

    def value(self, file: str, kind: str) -> Any:
        source = self.source(file, kind)
        return plain(source.root) if source else None

    # the files there are

    def accounts(self) -> tuple[str, ...]:
        return tuple(sorted(one.name for one in self._root.iterdir() if _ACCOUNT.fullmatch(one.name) and one.is_dir()))

    def key_ids(self, account: str) -> tuple[str, ...]:
        folder = self._root / account
        names = sorted(one.name for one in folder.iterdir())[:FILES_MAX] if folder.is_dir() else []
        found = (_KEY_FILE.fullmatch(name) for name in names)
        return tuple(dict.fromkeys(one["id"] for one in found if one))

    # facts about keys, aliases and snapshots

    def key_meta(self, account: str, key_id: str) -> dict[str, Any]:
        """`describe-key`; empty where it is not known."""
        found = self.value(f"{account}/key-{key_id}.meta.json", "key-state")
        found = found.get("KeyMetadata", found) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def aliases(self, account: str) -> list[dict[str, Any]] | None:
        """`list-aliases`; None where it is not known."""
        return _listed(self.value(f"{account}/aliases.json", "aliases"), "Aliases")

    def snapshot(self, snapshot_id: str) -> Snapshot | None:
        """The owner's view of it where it is there, else another account's."""
        views = [view for account in self.accounts() if (view := self._view(account, snapshot_id))]
        return next((view for view in views if view.is_owner), views[0] if views else None)

    def _view(self, account: str, snapshot_id: str) -> Snapshot | None:
        file = f"{account}/snapshots.json"
        source = self.source(file, "sharing")
        nodes = items(member(source.root, "Snapshots") or source.root) if source else ()
        for nth, node in enumerate(nodes):
            found = plain(node)
            if isinstance(found, dict) and found.get("SnapshotId") == snapshot_id:
                pointer = f"/Snapshots/{nth}" if source and member(source.root, "Snapshots") else f"/{nth}"
                return Snapshot(file, account, node.mark.line, pointer, found)
        return None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot as `describe-snapshots` prints it in one account."""

    file: str
    account: str  # whose folder it stands in
    line: int
    pointer: str
    body: dict[str, Any]

    @property
    def owner(self) -> str:
        return str(self.body.get("OwnerId") or self.account)

    @property
    def is_owner(self) -> bool:
        return self.owner == self.account

    @property
    def key_arn(self) -> str:
        return str(self.body.get("KmsKeyId") or "")

    @property
    def permissions(self) -> list[dict[str, Any]] | None:
        """None where the file does not tell with whom it is shared."""
        found = self.body.get("CreateVolumePermissions")
        return found if isinstance(found, list) else None

    def is_shared_with(self, account: str) -> bool | None:
        if account == self.owner:
            return True
        if self.permissions is None:
            return None
        return any(isinstance(one, dict) and (one.get("UserId") == account or one.get("Group") == "all")
                   for one in self.permissions)  # fmt: skip


def _listed(value: Any, name: str) -> list[dict[str, Any]] | None:
    found = value.get(name) if isinstance(value, dict) else value
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else None
