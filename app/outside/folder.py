"""The folder of files about accounts (layout: ecosystem.md 7.2), and what of it was looked at.

Beside that layout: what belongs to a Region may stand in `DIR/<account id>/<region>/`, so that an account can be told
in several Regions; `at` finds a file in either place. Where `authorization-details.json` tells of a user or role, it
need not have files of its own (details.py). The same folder may come as a bundle, text by name.

A file that is missing and one that can not be read are two things: both leave something unknown, and an answer names
them. Names that come from an event are checked before they become a path, and no link leads out of the folder.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from app.outside import details
from app.outside.papers import Paper, papers_in
from app.outside.reading import Source, Unreadable, items, member, plain, read, source_of

State = Literal["read", "absent", "unreadable"]
FILES_MAX: Final = 10_000

_ACCOUNT: Final = re.compile(r"\d{12}")
_NAME: Final = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_KEY_FILE: Final = re.compile(
    r"\d{12}/(?:[a-z0-9-]+/)?key-(?P<id>[A-Za-z0-9-]+)(?P<part>\.meta|\.grants|\.tags)?\.json"
)
ORGANIZATION: Final = "organization.json"


@dataclass(frozen=True, slots=True)
class Looked:
    file: str
    kind: str
    state: State
    problem: str = ""
    unreadable: Unreadable | None = None


class Folder:
    """Reads each file once. `looked` keeps every file asked for, in order."""

    def __init__(self, root: Path | Mapping[str, str]) -> None:
        """A folder on the disk, or its files by name."""
        self._root = root.resolve() if isinstance(root, Path) else None
        self._texts = {} if isinstance(root, Path) else root
        if self._root and not self._root.is_dir():
            raise Unreadable(str(root), "is no folder")
        self.names = tuple(sorted(_names(self._root) if self._root else self._texts))
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
        found, state, problem = None, "absent", None
        try:
            found, state = self._found(file), "read"
        except FileNotFoundError:
            pass
        except Unreadable as unreadable:
            state, problem = "unreadable", unreadable
        self._looked[file] = Looked(file, kind, state, str(problem or ""), problem)  # pyright: ignore[reportArgumentType]
        return found

    def _found(self, file: str) -> Source:
        """Not there: a name that no file of the layout has, and a link that leads elsewhere."""
        if not is_name(file):
            raise FileNotFoundError(file)
        if self._root is None:
            if file not in self._texts:
                raise FileNotFoundError(file)
            return source_of(self._texts[file], file)
        path = self._root / file
        if not path.resolve().is_relative_to(self._root):
            raise FileNotFoundError(file)
        return read(path, file)

    def at(self, account: str, name: str, region: str = "") -> str:
        """The file of that name: the account's own, else that of its Region, else the first that any Region has."""
        mine = [file for file in self.names if file.startswith(f"{account}/") and file.endswith(f"/{name}")]
        wanted = (f"{account}/{name}", f"{account}/{region}/{name}", *mine)
        return next((file for file in wanted if file in mine), wanted[0])

    def all_at(self, account: str, name: str) -> tuple[str, ...]:
        """That file of the account and of each of its Regions, as far as they are there; else where it should be."""
        mine = tuple(file for file in self.names if re.fullmatch(rf"{account}/(?:[a-z0-9-]+/)?{re.escape(name)}", file))
        return mine or (f"{account}/{name}",)

    def state_of(self, file: str) -> State:
        found = self._looked.get(file)
        return found.state if found else "absent"

    def unreadable(self, file: str) -> Unreadable:
        """Why a file that was asked for has no source."""
        return self._looked[file].unreadable or Unreadable(file, "can not be read")

    def spoil(self, file: str, problem: str) -> None:
        """A file that can be read but says nothing that can be used."""
        self._looked[file] = Looked(file, self._looked[file].kind, "unreadable", problem)

    def papers(self, file: str, kind: str) -> tuple[Paper, ...] | None:
        """The policy documents of a file; none where it says that there are none; None where it is not known."""
        source = self.source(file, kind)
        if source is not None and self.state_of(file) != "unreadable":
            return papers_in(source)
        return self._details(file) if self.state_of(file) == "absent" else None

    def _details(self, file: str) -> tuple[Paper, ...] | None:
        account, _, name = file.partition("/")
        told = f"{account}/{details.FILE}"
        source = self.source(told, "identity") if told in self.names and details.is_told(name) else None
        return details.papers(source, name) if source else None

    def value(self, file: str, kind: str) -> Any:
        source = self.source(file, kind)
        return plain(source.root) if source else None

    # the files there are

    def accounts(self) -> tuple[str, ...]:
        found = dict.fromkeys(name.partition("/")[0] for name in self.names if "/" in name)
        return tuple(sorted(one for one in found if _ACCOUNT.fullmatch(one)))

    def key_ids(self, account: str) -> tuple[str, ...]:
        found = (_KEY_FILE.fullmatch(name) for name in self.names if name.startswith(f"{account}/"))
        return tuple(dict.fromkeys(one["id"] for one in found if one))

    # facts about keys, aliases and snapshots

    def key_meta(self, account: str, key_id: str, region: str = "") -> dict[str, Any]:
        """`describe-key`; empty where it is not known."""
        found = self.value(self.at(account, f"key-{key_id}.meta.json", region), "key-state")
        found = found.get("KeyMetadata", found) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def aliases(self, account: str) -> list[dict[str, Any]] | None:
        """`list-aliases`; None where it is not known."""
        files = self.all_at(account, "aliases.json")
        found = [_listed(self.value(file, "aliases"), "Aliases") for file in files]
        told = [listed for listed in found if listed is not None]
        return [one for listed in told for one in listed] if told else None

    def snapshot(self, snapshot_id: str) -> Snapshot | None:
        """The owner's view of it where it is there, else another account's."""
        files = [(account, file) for account in self.accounts() for file in self.all_at(account, "snapshots.json")]
        views = [view for account, file in files if (view := self._view(account, file, snapshot_id))]
        return next((view for view in views if view.is_owner), views[0] if views else None)

    def _view(self, account: str, file: str, snapshot_id: str) -> Snapshot | None:
        source = self.source(file, "sharing")
        nodes = items(member(source.root, "Snapshots") or source.root) if source else ()
        for nth, node in enumerate(nodes):
            found = plain(node)
            if isinstance(found, dict) and found.get("SnapshotId") == snapshot_id:
                pointer = f"/Snapshots/{nth}" if source and member(source.root, "Snapshots") else f"/{nth}"
                return Snapshot(file, account, node.mark.line, pointer, found | self._permissions(file, snapshot_id))
        return None

    def _permissions(self, file: str, snapshot_id: str) -> dict[str, Any]:
        """`describe-snapshot-attribute` in a file of its own, beside the list."""
        beside = f"{file.rpartition('/')[0]}/snapshot-{snapshot_id}.permissions.json"
        found = self.value(beside, "sharing") if beside in self.names else None
        told = _listed(found, "CreateVolumePermissions") if isinstance(found, dict) else None
        return {} if told is None else {"CreateVolumePermissions": told}


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


def is_name(file: str) -> bool:
    """A name that a file of the layout can have."""
    return all(_NAME.fullmatch(part) and part.strip(".") for part in file.split("/"))


def _names(root: Path) -> Iterator[str]:
    """Of the folder, its accounts' and their Regions'."""
    found = itertools.chain(root.glob("*.json"), root.glob("*/*.json"), root.glob("*/*/*.json"))
    names = (path.relative_to(root).as_posix() for path in itertools.islice(found, FILES_MAX))
    return (name for name in names if is_name(name))


def _listed(value: Any, name: str) -> list[dict[str, Any]] | None:
    found = value.get(name) if isinstance(value, dict) else value
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else None
