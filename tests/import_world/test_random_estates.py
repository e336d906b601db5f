"""Random estates, captured by the script and imported: random calls by random principals come to the same.

Method: organizations with SCPs and RCPs, boundaries, groups, tags, conditions, session policies, grants, keys in
several states, shared snapshots and images. Each call is made in the estate and in its import: equal are its code and
text, every call that it set off, their codes and causes. RESEAL_SOAK=1 tries many more.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections import Counter
from pathlib import Path

from tests.import_world.conftest import reseal
from tests.import_world.estate import REGION, World
from tests.import_world.quick_aws import functional, serve
from tests.import_world.random_estate import MANAGEMENT, Builder, Estate, calls, sign_in

SOAK = os.environ.get("RESEAL_SOAK") == "1"
SEEDS = range(40) if SOAK else range(2)
CALLS = 60 if SOAK else 40


def captured(world: World, estate: Estate, out: Path) -> None:
    accounts = dict(zip(("a", "b"), estate.accounts, strict=True)) | {"m": MANAGEMENT}
    server = serve(lambda service, profile, region: world.client(service, accounts[profile], region))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script = functional(reseal("world", "capture-script").stdout)
    given = ["--profile", "a", "--profile", "b", "--organization", "m", "--region", REGION, "--tags"]
    environment = {"PATH": os.environ["PATH"], "AWS_QUICK_PORT": str(server.server_address[1])}
    done = subprocess.run(
        ["bash", "-s", "--", "--out", str(out), *given], input=script, capture_output=True, text=True, env=environment,
        timeout=300, check=False,
    )  # fmt: skip
    server.shutdown()
    server.server_close()
    assert done.returncode == 0, done.stderr


def compared(real: World, copy: World, estate: Estate, seed: int, causes: Counter[str]) -> list[str]:
    differing = []
    for asked in calls(estate, seed, CALLS):
        who, service, method, parameters = asked
        was, now = (each.came_of(who, service, method, **parameters) for each in (real, copy))
        causes.update(cause or "allowed" for _, _, cause in was[1])
        if was != now:
            differing.append(f"seed {seed}, {asked}:\n  was {was}\n  now {now}")
    return differing


def test_random_calls_come_to_the_same(ready: str, tmp_path: Path) -> None:
    causes: Counter[str] = Counter()
    differing: list[str] = []
    for seed in SEEDS:
        real = World(ready, f"random-{seed}")
        real.rest("", {"name": real.name, "seed": str(seed)})
        estate = Builder(real, seed).built()
        out = tmp_path / str(seed)
        captured(real, estate, out)
        copy = World(ready, f"random-{seed}-copy")
        done = reseal("world", "import", str(out), "--endpoint", ready, "--world", copy.name)
        assert done.returncode == 0, done.stderr
        assert "unknown:" not in done.stdout
        for world in (real, copy):
            sign_in(world, estate)
        differing += compared(real, copy, estate, seed, causes)
    assert not differing, f"{len(differing)} differ\n" + "\n".join(differing[:20])
    assert len(causes) >= 6, causes
    print(sum(causes.values()), "calls, nested ones included:", dict(causes))
