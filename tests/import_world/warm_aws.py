"""The installed `aws` command, kept warm: each call is its own process, forked from one that has imported it already.

The command's own code runs with the arguments, environment and output of the call, so what a script gets from it is
what it would get from `.venv/bin/aws`; starting Python and importing botocore is done once instead of at every call.

    python -m tests.import_world.warm_aws SOCKET      serves; `shim(folder, socket)` writes an `aws` that asks it
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

SERVICES = ("iam", "kms", "ec2", "sts", "organizations", "rbin")
SHIM = """#!{python} -SE
import array, json, os, socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.connect({address!r})
    asked = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
    socket.send_fds(s, [len(asked).to_bytes(4, "big")], [1, 2])
    s.sendall(asked)
    sys.exit(s.recv(1)[0])
"""


def shim(folder: Path, address: str) -> None:
    """An executable `aws` in the folder."""
    file = folder / "aws"
    file.write_text(SHIM.format(python=sys.executable, address=address))
    file.chmod(0o755)


def main(address: str) -> None:
    import awscli.clidriver

    driver = awscli.clidriver.create_clidriver()
    for service in SERVICES:
        driver.session.get_service_model(service)
    own = {"AWS_DATA_PATH": os.environ["AWS_DATA_PATH"]}  # set by the import
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who has ended is forgotten
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        while True:
            asking, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _answer(asking, driver, own)
            asking.close()


def _answer(asking: socket.socket, driver: Any, own: dict[str, str]) -> None:
    head, fds, _, _ = socket.recv_fds(asking, 4, 2)
    size, asked = int.from_bytes(head, "big"), b""
    while len(asked) < size:
        asked += asking.recv(size - len(asked))
    arguments, environment, folder = json.loads(asked)
    os.environ.clear()
    os.environ.update(environment | own)
    os.chdir(folder)
    os.dup2(fds[0], 1)
    os.dup2(fds[1], 2)
    driver.session._config = driver.session._profile_map = None  # of this environment's files
    status = driver.main(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    asking.send(bytes([status or 0]))
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
