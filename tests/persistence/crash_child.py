"""A process that commits until it is killed, and says each commit that it was told is kept.

python crash_child.py URL WORLD POINT N        kills itself at POINT of its N-th commit; "-": waits to be killed
"""

from __future__ import annotations

import itertools
import os
import signal
import sys

from stored_worlds import KINDS, block, change, entries_of, note, safe

from app.persistence.open import open_store


def main(url: str, name: str, point: str, last: int) -> None:
    count = 0

    def fault(at: str) -> None:
        if at == point and count == last:
            os.kill(os.getpid(), signal.SIGKILL)

    store = open_store(url, KINDS, fault=fault)
    world = store.load(name)
    assert world is not None
    for count in itertools.count(world.revision + 1):
        ref = block(world, count)
        records = (note(f"{count:06d}", packed=ref.encode()), safe("latest", count.to_bytes(32, "big")))
        world = change(store, world, *records, log=entries_of(count), blocks={ref: bytes([count % 256]) * 5000})
        os.write(1, f"{count}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
