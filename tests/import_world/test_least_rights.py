"""The capture script with the rights that it ships and no others, in strict mode; and what it could not read.

Method: what was captured of the accounts is imported into a strict server; there a role of each account that has the
shipped policy runs the script. What it writes is what was imported: a capture is a fixed point of import and capture.
"""

from __future__ import annotations

import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.import_world.conftest import reseal, script_run
from tests.import_world.estate import MANAGEMENT, REGION, Estate, World

TOKEN = "letmein-letmein"


@pytest.fixture(scope="module")
def strict() -> Iterator[str]:
    """The address of a strict server of this process."""
    import uvicorn

    from app.main import application, open_worlds
    from app.settings import Settings

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    worlds = open_worlds(Settings(auth="strict", token=TOKEN))
    server = uvicorn.Server(uvicorn.Config(application(worlds), http="httptools", log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=5)


def signed_in(url: str, world: str, account: str) -> dict[str, str]:
    body = json.dumps({"account": account, "role": "surveyor"}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    request = urllib.request.Request(f"{url}/api/v1/worlds/{world}/credentials", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        made = json.loads(answer.read())
    assert made["trust_policy"] == "not asked"
    return {
        "aws_access_key_id": made["access_key_id"], "aws_secret_access_key": made["secret_access_key"],
        "aws_session_token": made["session_token"],
    }  # fmt: skip


def imported(strict: str, folder: Path, name: str) -> None:
    done = reseal("world", "import", str(folder), "--endpoint", strict, "--world", name, "--token", TOKEN)
    assert done.returncode == 0, done.stderr


def test_the_shipped_policy_is_enough_and_what_it_reads_is_what_was_imported(
    here: tuple[World, Estate], folder: Path, aws: Path, strict: str, tmp_path: Path
) -> None:
    _, estate = here
    imported(strict, folder, "again")
    accounts = {"source": estate.source, "target": estate.target, "management": MANAGEMENT}
    keys = {name: signed_in(strict, "again", account) for name, account in accounts.items()}
    done = script_run(World(strict, "again"), estate, aws, tmp_path / "out", keys=keys)
    assert done.returncode == 0, done.stderr
    was, now = (files_of(each) for each in (folder, tmp_path / "out"))
    differing = {name for name in was.keys() | now.keys() if was.get(name) != now.get(name)}
    assert not differing, "\n".join(f"{name}\n  was {was.get(name)}\n  now {now.get(name)}" for name in differing)


MADE_UP = ("recycle-bin.json",)


def files_of(folder: Path) -> dict[str, Any]:
    """Bodies by name; without what can not be the same, which docs/fidelity.md lists."""
    return {
        path.relative_to(folder).as_posix(): plain(json.loads(path.read_text()))
        for path in folder.rglob("*.json")
        if path.name not in MADE_UP
    }


def plain(value: Any) -> Any:
    """Without tags, whose values were left out, and lists as sets."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items() if name != "Tags"}
    return sorted(map(plain, value), key=str) if isinstance(value, list) else value


# what can not be read


def unread(folder: Path, tmp_path: Path, account: str, *refused: str) -> Path:
    """The capture of somebody who may not read these files of an account."""
    out = tmp_path / "partial"
    entries = [{"File": f"{account}/{name}", "Error": "AccessDeniedException"} for name in refused]
    for path in folder.rglob("*.json"):
        name = path.relative_to(folder).as_posix()
        if name not in {one["File"] for one in entries}:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_text(path.read_text())
    (out / "unread.json").write_text(json.dumps(entries))
    return out


def test_what_could_not_be_read_is_unknown_in_the_import_and_in_what_it_explains(
    here: tuple[World, Estate], folder: Path, tmp_path: Path
) -> None:
    """Method: the key's policy, which lets the target in, is refused to whoever captures; then the copy is tried."""
    world, estate = here
    key = estate.keys["shared"].rpartition("/")[2]
    partial = unread(folder, tmp_path, estate.source, f"{REGION}/key-{key}.json")
    done = reseal("world", "import", str(partial), "--endpoint", world.endpoint, "--world", "partial")
    assert done.returncode == 0, done.stderr
    assert f"key-{key}.json: AccessDeniedException: not known is the policy of key {key}" in done.stdout
    there = World(world.endpoint, "partial")
    assert there.client("ec2", estate.target).describe_snapshots(OwnerIds=["self"])["Snapshots"] == []
    copy = {"SourceRegion": REGION, "SourceSnapshotId": estate.snapshots["shared"], "KmsKeyId": estate.keys["own"]}
    there.came_of(f"{estate.target}/user/operator", "ec2", "copy_snapshot", Encrypted=True, **copy)
    told = there.rest("/partial/explanation?repairs=false")
    assert told["decision"] == "Unknown"
    assert [one for one in told["unknown"] if f"the policy of key {key}: whom it lets in" in one]
    text = reseal("explain", "--last", "--endpoint", there.url).stdout
    assert "not known: " in text
    assert "whom it lets in" in " ".join(text.split())
    # somebody else's refusal does not rest on it
    plain = {"SourceRegion": REGION, "SourceSnapshotId": estate.snapshots["plain"], "KmsKeyId": estate.keys["sign"]}
    there.came_of(f"{estate.target}/user/operator", "ec2", "copy_snapshot", Encrypted=True, **plain)
    assert there.rest("/partial/explanation?repairs=false")["unknown"] == []


def test_a_refused_organization_is_unknown(here: tuple[World, Estate], folder: Path, tmp_path: Path) -> None:
    partial = unread(folder, tmp_path, here[1].source)
    (partial / "organization.json").unlink()
    for error, said in (
        ("AccessDeniedException", ".organization/about: AccessDeniedException: not known is the organization"),
        ("AWSOrganizationsNotInUseException", "the accounts are in no organization, as AWS says"),
    ):
        (partial / "unread.json").write_text(json.dumps([{"File": ".organization/about", "Error": error}]))
        assert said in reseal("world", "import", str(partial), "--check", "--json").stdout
