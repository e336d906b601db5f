"""Putting a run together: the scenario, its workflow, the cloud it runs in, its journal.

Without an endpoint a run has a world in memory to itself. At a reseal server it gets a fresh world of its own, with the
scenario's seed and clock, unless the endpoint names one (`/w/<world>`); a run that is taken up again finds its world by
the run's id. Any other endpoint is used as it is, AWS itself included, with profiles of the AWS configuration playing
principals: each account's root must be played (it makes the principals, and looks at what became of a call), other
principals are made through IAM unless a profile plays them.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from workflows.course import account_ids
from workflows.journal import FileJournal, Journal, MemoryJournal
from workflows.keep import EVERYTHING, Keep
from workflows.port import Port, PortFailed
from workflows.principals import callers
from workflows.rest_client import Refused, RestClient
from workflows.runner import Mend, Runner
from workflows.scenario import Scenario, load

if TYPE_CHECKING:
    from app.kernel.clock import Clock
    from app.kernel.operation import Services
    from workflows.machine import Workflow
    from workflows.transition import Report, Transition

PATTERN: Final = "*.reseal.yaml"
AWS: Final = "aws"  # as an endpoint: wherever AWS's own tools go
_IDENTITY_REGION: Final = "us-east-1"


@dataclass(frozen=True, slots=True)
class Options:
    """How a scenario is run; the defaults are a world in memory and no journal."""

    endpoint: str = ""
    journal: str = ""  # a file of JSON lines
    run: str = ""  # the id of a run to take up again
    token: str = ""  # bearer token for a server's REST
    profiles: Mapping[str, str] = field(default_factory=dict[str, str])  # principal -> profile that plays it

    @property
    def is_in_memory(self) -> bool:
        """Is the world gone when the run has ended?"""
        return not self.endpoint and not self.profiles

    @property
    def is_aws(self) -> bool:
        """AWS itself, or wherever the environment sends AWS's own tools."""
        return self.endpoint == AWS or (not self.endpoint and bool(self.profiles))


class CannotPlay(Exception):
    """The profiles do not fit the scenario: nobody plays a root, or somebody else would play a principal."""


def scenarios_in(paths: list[str]) -> Iterator[str]:
    """The scenario files that are named, and those in the folders that are named, in order."""
    for path in paths:
        if Path(path).is_dir():
            yield from (str(found) for found in sorted(Path(path).rglob(PATTERN)))
        else:
            yield path


def run_file(
    path: str, services: Services, options: Options, watch: Callable[[Transition], None] | None = None
) -> Report:
    """Run one scenario file. InvalidFile where it is not valid; PortFailed where the endpoint can not be used."""
    scenario = load(path, services.operations)
    journal: Journal = FileJournal(options.journal) if options.journal else MemoryJournal()
    run = options.run or new_run_id(scenario, options)
    port = open_port(scenario, services, options, run)
    return runner(scenario, services, port, run=run, journal=journal, watch=watch).run()


def runner(
    scenario: Scenario, services: Services, port: Port, *, run: str = "run", journal: Journal | None = None,
    fault: Callable[[str], None] | None = None, watch: Callable[[Transition], None] | None = None,
    mend: Mend | None = None, keep: Keep = EVERYTHING,
) -> Runner:  # fmt: skip
    """A runner for a scenario, with its workflow verified against the services."""
    workflow = workflow_of(scenario, services)
    extra: dict[str, Any] = {name: hook for name, hook in (("fault", fault), ("mend", mend)) if hook}
    return Runner(scenario, port, workflow, run=run, journal=journal, watch=watch, keep=keep, **extra)


def workflow_of(scenario: Scenario, services: Services) -> Workflow | None:
    """The machine that the scenario's steps follow, verified; None where they follow none."""
    from workflows.catalogue import load as load_workflow

    return load_workflow(scenario.spec.workflow, services.operations) if scenario.spec.workflow else None


def new_run_id(scenario: Scenario, options: Options) -> str:
    """In memory always the same, so that a seeded run repeats; elsewhere drawn, so that two runs do not meet."""
    if options.is_in_memory and not options.journal:
        return "run"
    return f"{stem_of(scenario.path)}-{secrets.token_hex(4)}"


def stem_of(path: str) -> str:
    """What the id of a run begins with: of its file's name what a world's name may hold."""
    stem = re.sub(r"[^a-z0-9]+", "-", Path(path).name.removesuffix(".reseal.yaml").lower()).strip("-")
    return stem[:40] or "run"


def open_port(scenario: Scenario, services: Services, options: Options, run: str) -> Port:
    """The cloud that a run is to have. PortFailed where the endpoint does not answer; CannotPlay."""
    accounts = account_ids(scenario)
    if options.is_in_memory:
        return in_memory_port(scenario, services)
    if options.is_aws or not is_reseal(options.endpoint):
        return _over_boto3(scenario, options)
    if options.profiles:
        raise CannotPlay("a reseal server makes the principals itself: --profile is for AWS and other endpoints")
    from workflows.over_http import OverHttp

    endpoint = options.endpoint.rstrip("/")
    if not urlsplit(endpoint).path.strip("/"):
        _new_world(scenario, endpoint, run, options.token)
        endpoint = f"{endpoint}/w/{run}"
    return OverHttp(endpoint, accounts, options.token)


def _over_boto3(scenario: Scenario, options: Options) -> Port:
    """Any endpoint; with profiles, each is asked who it is before anything is done."""
    from workflows.over_boto3 import OverBoto3

    endpoint = None if options.is_aws else options.endpoint
    accounts = account_ids(scenario)
    if endpoint is None or options.profiles:
        _check_cast(scenario, options.profiles)
    port = OverBoto3(endpoint, accounts, options.profiles)
    for principal, profile in options.profiles.items():
        found = port.call(principal, "sts:GetCallerIdentity", {}, _IDENTITY_REGION)
        if found.error:
            raise PortFailed(f"profile {profile}: {found.error.code}: {found.error.message}")
        _check_identity(scenario, principal, profile, found.value["Account"], found.value["Arn"])
    return port


def _check_cast(scenario: Scenario, profiles: Mapping[str, str]) -> None:
    roots = [f"{alias}/root" for alias in scenario.spec.accounts]
    unknown = [name for name in profiles if name not in (*roots, *scenario.spec.principals)]
    if unknown:
        known = ", ".join((*roots, *scenario.spec.principals))
        raise CannotPlay(f"the scenario has no principal {', '.join(unknown)}; it has {known}")
    missing = [name for name in roots if name not in profiles]
    if missing:
        raise CannotPlay(
            f"nobody plays {', '.join(missing)}: name a profile of the AWS configuration for each, "
            f"--profile {missing[0]}=PROFILE; it makes the principals that no profile plays, and waits for results"
        )


def _check_identity(scenario: Scenario, principal: str, profile: str, account: str, arn: str) -> None:
    """A profile must be in the principal's account, and be that user or role; a root is played by anybody there."""
    alias = principal.partition("/")[0]
    wanted = account_ids(scenario)[alias]
    if account != wanted:
        raise CannotPlay(f"profile {profile} is in account {account}, and the scenario's {alias} is {wanted}")
    spec = scenario.spec.principals.get(principal)
    if spec is not None and spec.signed_in_by is None:
        known = callers(wanted, spec)
        if not any(arn == one or (one.endswith("/") and arn.startswith(one)) for one in known):
            raise CannotPlay(f"profile {profile} is {arn}, and the scenario's {principal} is {known[0]}")


def in_memory_port(scenario: Scenario, services: Services) -> Port:
    from workflows.in_process import in_memory

    return in_memory(services, account_ids(scenario), scenario.spec.seed, clock_of(scenario))


def clock_of(scenario: Scenario) -> Clock:
    """The clock of the world that a scenario is run in."""
    from app.kernel.clock import Clock
    from workflows.format import CLOCKS

    mode, settling = CLOCKS[scenario.spec.clock]
    return Clock(mode=mode, settle=settling)  # type: ignore[arg-type]


def is_reseal(endpoint: str) -> bool:
    """Does a reseal server answer there? PortFailed where nothing answers at all."""
    if urlsplit(endpoint).scheme not in ("http", "https"):
        raise PortFailed(f"an endpoint is an http or https URL, or {AWS}; not {endpoint!r}")
    return RestClient(endpoint).is_there()


def _new_world(scenario: Scenario, endpoint: str, name: str, token: str) -> None:
    """Make the run's world; one of that name is the run's own, from before it was broken off."""
    clock = clock_of(scenario)
    body: dict[str, str] = {"name": name, "clock": clock.mode, "settle": clock.settle}
    if scenario.spec.seed is not None:
        body["seed"] = scenario.spec.seed
    try:
        RestClient(endpoint, token).ask("worlds", body)
    except Refused as refused:
        if refused.status != HTTPStatus.CONFLICT:
            raise
