"""The few file operations that a segment store makes, each as one method: tests make any of them fail.

Every write is at the end of a file, and whole or an OSError. What `sync` returned for survives a power loss, and so
does a new file once its folder was synced.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Disk:
    def create(self, path: Path) -> int:
        """A new file, open for appending. FileExistsError where there is one."""
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def reopen(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def append(self, file: int, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]

    def sync(self, file: int) -> None:
        os.fdatasync(file)

    def cut(self, path: Path, length: int) -> None:
        """Drop everything behind `length`, durably."""
        with path.open("r+b") as file:
            file.truncate(length)
            os.fsync(file.fileno())

    def read(self, path: Path, offset: int, length: int) -> bytes:
        """Fewer bytes where the file ends earlier."""
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(file, length, offset)
        finally:
            os.close(file)

    def remove(self, path: Path) -> None:
        path.unlink()

    def sync_folder(self, folder: Path) -> None:
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def close(self, file: int) -> None:
        os.close(file)

    def lock(self, path: Path) -> int:
        """Held until the file is closed, by one process at a time. BlockingIOError where another one holds it."""
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise
        return file
