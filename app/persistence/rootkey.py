"""The root key: 32 bytes under which every stored secret is sealed, kept outside of the database.

It stands in RESEAL_ROOT_KEY (hex or base64), or in the file `root.key` of the data directory, 64 hex digits, which only
its owner may read. The file is made with a new database and never otherwise: a key that is missing beside a database
is an error to be told, since a new one would open nothing.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from app.crypto.cipher import SealBroken, open_at_rest, seal_at_rest
from app.crypto.material import Secret
from app.persistence.errors import RootKeyError

VARIABLE = "RESEAL_ROOT_KEY"
FILE = "root.key"
SIZE_BYTES = 32
_PROBE, _PLACE = b"reseal root key probe", "about/root_key"


def find_root_key(folder: Path | None, *, may_create: bool, environ: Mapping[str, str] = os.environ) -> Secret:
    """The root key of a database; RootKeyError, in words that say what to do, where there is none."""
    if environ.get(VARIABLE):
        return _parsed(environ[VARIABLE], VARIABLE)
    if folder is None:
        raise RootKeyError(f"set {VARIABLE} (64 hex digits), or name a data directory to keep the root key in")
    path = folder / FILE
    if may_create and not path.exists():
        _write(path, os.urandom(SIZE_BYTES))
    return _read(path)


def probe(root_key: Secret) -> str:
    """A sealed text that tells, at every later opening, whether the root key is the same one."""
    return base64.b64encode(seal_at_rest(root_key, _PLACE, _PROBE, os.urandom(32))).decode()


def check_probe(root_key: Secret, sealed: str) -> None:
    try:
        open_at_rest(root_key, _PLACE, base64.b64decode(sealed))
    except (SealBroken, ValueError):
        raise RootKeyError(
            "this is not the root key that the database was sealed under; restore the right one"
        ) from None


def _read(path: Path) -> Secret:
    try:
        mode = path.stat().st_mode
        text = path.read_text("ascii", errors="replace")
    except FileNotFoundError:
        raise RootKeyError(
            f"the root key {path} is missing, and without it the secrets in the database can not be opened; "
            f"restore it, or set {VARIABLE}"
        ) from None
    except OSError as error:
        raise RootKeyError(f"the root key {path} can not be read: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise RootKeyError(f"others may read the root key {path}; run: chmod 600 {path}")
    return _parsed(text, str(path))


def _write(path: Path, key: bytes) -> None:
    """Whole or not at all, and durable before anything is sealed under it."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, key.hex().encode() + b"\n")
        os.fsync(file)
    finally:
        os.close(file)
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _parsed(text: str, source: str) -> Secret:
    for decode in (bytes.fromhex, lambda value: base64.b64decode(value, validate=True)):
        try:
            key = decode(text.strip())
        except (ValueError, binascii.Error):
            continue
        if len(key) == SIZE_BYTES:
            return Secret(key)
    raise RootKeyError(f"{source} does not hold {SIZE_BYTES} bytes in hex or base64")
