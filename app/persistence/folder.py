"""The data directory: root key, database file and blocks of one server, and the lock that keeps a second one out."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from app.persistence.errors import DataDirectoryInUse, Unavailable

LOCK = "in-use.lock"  # empty; the kernel drops the lock with the process, so nothing is ever to be removed by hand
BLOCKS = "blocks"


class DataDirectory:
    """Made where it is not there, for its owner only. DataDirectoryInUse while another process (or store) has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"the data directory {path} can not be used: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise DataDirectoryInUse(path) from None

    @property
    def blocks(self) -> Path:
        return self.path / BLOCKS

    def release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
