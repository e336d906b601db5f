"""Where a scenario's files come from: the disk, or a bundle that came with a request.

A scenario names its files relative to the file that names them. `Disk` may be kept within one folder; a `Bundle` holds
every file by its name and reaches nothing else, so nothing of a server's disk can be read through a scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path
from typing import Final, Protocol

FILE_BYTES_MAX: Final = 1 << 20


class CanNotRead(Exception):
    """A file that is not there, or may not be read; the text is for the person who named it."""


class Source(Protocol):
    def read(self, path: str) -> bytes:
        """The content of a file; CanNotRead where there is none, or where it is larger than FILE_BYTES_MAX."""
        ...


@dataclass(frozen=True, slots=True)
class Disk:
    """`within`: no file outside of this folder is read, symbolic links followed."""

    within: Path | None = None

    def read(self, path: str) -> bytes:
        if self.within and not Path(path).resolve().is_relative_to(self.within.resolve()):
            raise CanNotRead(f"{path} is outside of the scenario's folder")
        try:
            with Path(path).open("rb") as file:
                return _bounded(path, file.read(FILE_BYTES_MAX + 1))
        except OSError as error:
            raise CanNotRead(f"can not read {path}: {error.strerror}") from None
        except ValueError as error:  # a NUL in the name
            raise CanNotRead(f"can not read {path!r}: {error}") from None


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files by name, such as `policies/importer.json`."""

    files: Mapping[str, str]

    def read(self, path: str) -> bytes:
        name = normpath(path)
        if name not in self.files:
            raise CanNotRead(f"the bundle has no file {name}")
        return _bounded(name, self.files[name].encode())


def _bounded(path: str, content: bytes) -> bytes:
    if len(content) > FILE_BYTES_MAX:
        raise CanNotRead(f"{path} is larger than {FILE_BYTES_MAX} bytes")
    return content
