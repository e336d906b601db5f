"""The worlds of a server, behind its doors: who a key belongs to, and which world it opens.

The path prefix /w/<world> decides; without one the world that issued the key; without an issued key, `default`. The
world so found must hold the key. In `open` mode an access key id of 12 digits is the root of that account and any other
text the root of the default account; an AKIA or ASIA id that was never issued is refused, never mapped to some account.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.doors.wire.door import Identity
from app.kernel import credentials
from app.kernel.call import ANONYMOUS, Reply, Request, root_of
from app.kernel.clock import Clock
from app.kernel.cloud import Cloud, machine_ms, new_world
from app.kernel.errors import AwsError
from app.kernel.operation import Services
from app.kernel.store import Store
from app.kernel.world import Rules, World
from app.settings import DEFAULT_WORLD, Settings

if TYPE_CHECKING:
    from app.kernel.authority import Credential
    from app.recorder import Recording

NO_WORLD = AwsError("InvalidClientTokenId", "reseal has no world of that name", 404, seen="ours")

WORLD_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
RECORDING = "recording/"  # before a world's name: its recording, in a journal
_ACCOUNT = re.compile(r"\d{12}\Z")
_ISSUED = re.compile(r"A[KS]IA[A-Z0-9]{12,}\Z")


@dataclass(frozen=True, slots=True)
class WorldExists(Exception):
    name: str


class Worlds:
    """All worlds of one process over one store."""

    def __init__(self, services: Services, store: Store, settings: Settings) -> None:
        self.services, self.store, self.settings = services, store, settings
        self._clouds: dict[str, Cloud] = {}
        self._issued: dict[str, str] = {}  # access key id -> world that issued it
        self.recordings: dict[str, Recording] = {}  # by world, while somebody records it

    # worlds

    def names(self) -> list[str]:
        return self.store.names()

    def get(self, name: str) -> Cloud | None:
        if name not in self._clouds and self.store.load(name) is not None:
            self._clouds[name] = Cloud(self.services, self.store, name)
        return self._clouds.get(name)

    def create(self, name: str, *, seed: str | None = None, clock: Clock | None = None) -> Cloud:
        """A new empty world, by the server's settings where nothing else is said. Raises WorldExists."""
        if self.get(name):
            raise WorldExists(name)
        world = new_world(name, seed=seed, clock=clock or self._clock(), rules=self._rules())
        self._clouds[name] = Cloud.create(self.services, self.store, world)
        return self._clouds[name]

    def fork(self, name: str, new_name: str) -> Cloud | None:
        """A world that begins as `name` is now; None where there is no such world."""
        if self.get(new_name):
            raise WorldExists(new_name)
        source = self.get(name)
        if source is None:
            return None
        self._clouds[new_name] = source.fork(new_name)
        return self._clouds[new_name]

    def drop(self, name: str) -> bool:
        if self.get(name) is None:
            return False
        self.store.drop(name)
        self.recordings.pop(name, None)
        del self._clouds[name]
        self._issued = {key: world for key, world in self._issued.items() if world != name}
        return True

    def start(self) -> None:
        """The default world is there from the start, and what was being recorded still is."""
        if self.get(DEFAULT_WORLD) is None:
            self.create(DEFAULT_WORLD, seed=self.settings.seed or None)
        for name in self.names():
            if f"{RECORDING}{name}" in self.store.journal(name).runs():
                self.take_up_recording(name)

    # recordings

    def take_up_recording(self, name: str) -> Recording:
        """The world's recording; begun where there is none. LookupError where there is no such world."""
        from app.recorder import Recording

        cloud = self.get(name)
        if cloud is None:
            raise LookupError(f"there is no world {name!r}")
        if name not in self.recordings:
            journal = self.store.journal(name)
            self.recordings[name] = Recording.found(journal, cloud) or Recording.begun(journal, cloud)
        return self.recordings[name]

    def moved(self, name: str, by_ms: int) -> None:
        """A world's clock was moved on by hand."""
        if name in self.recordings:
            self.recordings[name].moved(by_ms)

    def _clock(self) -> Clock:
        return Clock(mode=self.settings.clock, settle=self.settings.settle)

    def _rules(self) -> Rules:
        settings = self.settings
        return Rules(settings.auth == "open", settings.quotas, settings.default_account)

    # the wire door's host

    def identify(self, access_key_id: str, session_token: str, world: str | None) -> Identity | AwsError:
        name = world or self._issued.get(access_key_id) or DEFAULT_WORLD
        cloud = self.get(name)
        credential = self.services.credential(cloud.world, access_key_id) if cloud else None
        if credential is None and not world and (issuer := self._issuer(access_key_id)):
            name, cloud = issuer, self.get(issuer)
            credential = self.services.credential(cloud.world, access_key_id) if cloud else None
        if cloud is None:
            return NO_WORLD
        if credential:
            return _admitted(name, cloud, credential, session_token)
        if self.settings.auth == "strict" or _ISSUED.match(access_key_id):
            return credentials.UNKNOWN_KEY
        account = access_key_id if _ACCOUNT.match(access_key_id) else self.settings.default_account
        return Identity(name, root_of(account), None)

    def anonymous(self, world: str | None) -> Identity | AwsError:
        name = world or DEFAULT_WORLD
        return Identity(name, ANONYMOUS, None) if self.get(name) else NO_WORLD

    def call(self, world: str, request: Request) -> Reply:
        cloud = self.get(world)
        if cloud is None:
            return Reply("", error=NO_WORLD)
        reply = self._recorded(world, cloud, request) if world in self.recordings else cloud.call(request)
        if request.operation.startswith("sts:") and reply.answer:
            reply = replace(reply, answer=_on_machine_time(reply.answer, cloud))
        return reply

    def _recorded(self, world: str, cloud: Cloud, request: Request) -> Reply:
        recording = self.recordings[world]
        recording.before(cloud, request)
        reply = cloud.call(request)
        recording.after(cloud, request, reply)
        return reply

    def _issuer(self, access_key_id: str) -> str | None:
        """The world that issued a key; remembered, because worlds may be many."""
        if not _ISSUED.match(access_key_id):
            return None
        found = next((name for name in self.names() if self._holds(name, access_key_id)), None)
        if found:
            self._issued[access_key_id] = found
        return found

    def _holds(self, name: str, access_key_id: str) -> bool:
        cloud = self.get(name)
        return bool(cloud and self.services.credential(cloud.world, access_key_id))


def _admitted(name: str, cloud: Cloud, credential: Credential, session_token: str) -> Identity | AwsError:
    refused = credentials.refusal(credential, session_token, cloud.now_ms())
    if refused:
        return refused
    return Identity(name, credential.caller, credential.secret.reveal().decode())


def _on_machine_time(answer: Any, cloud: Cloud) -> Any:
    """STS's Expiration as clients judge it: machine time plus the world time that remains (design, section 5)."""
    credentials = answer.get("Credentials")
    if not credentials or not isinstance(credentials.get("Expiration"), datetime.datetime):
        return answer
    remaining_ms = int(credentials["Expiration"].timestamp() * 1000) - cloud.now_ms()
    expiration = datetime.datetime.fromtimestamp((machine_ms() + remaining_ms) // 1000, datetime.UTC)
    return {**answer, "Credentials": {**credentials, "Expiration": expiration}}


def world_summary(name: str, world: World) -> dict[str, Any]:
    return {
        "name": name,
        "revision": world.revision,
        "calls": world.position,
        "records": len(world.records),
        "seeded": world.seeded,
        "clock": {"mode": world.clock.mode, "settle": world.clock.settle},
    }
