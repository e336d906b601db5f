"""What can go wrong with stored worlds, as whoever starts a server or makes a call has to be told."""

from __future__ import annotations

from app.kernel import store


class PersistenceError(Exception):
    """Any failure of stored worlds. The text is for people, one screen at most, and holds no secret."""


class Unavailable(PersistenceError, store.Unavailable):
    """The database or the disk refused (full, broken, away). The world is as before; a later call may succeed."""


class Duplicate(PersistenceError):
    """A row with this key is there already."""


class WorldExists(PersistenceError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is a world {name!r} already; drop it first, or choose another name")


class DataDirectoryInUse(PersistenceError):
    def __init__(self, folder: object) -> None:
        super().__init__(f"the data directory {folder} is in use by another reseal process")


class RootKeyError(PersistenceError):
    """The root key is missing, unreadable, open to others, or not the one that this database was sealed under."""


class RecordDamaged(PersistenceError):
    """Stored bytes that are not what was written: they do not decode, or a secret in them does not open."""


class DatabaseUnknown(PersistenceError):
    """No URL that reseal understands, or a database that another version of reseal wrote."""
