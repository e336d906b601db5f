"""How an operation is declared, and how a service is put together.

An operation reads like its page in AWS's reference: which parameters it honours, which it takes without effect and why
(every other one is refused in words), its checks in AWS's order, its errors at once and later. The decorator only
attaches the declaration to the function; a service names its operations, and nothing registers itself on import.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

from app.kernel.errors import AwsError
from app.kernel.internal import together

if TYPE_CHECKING:
    from app.kernel.audit import TrailStyle
    from app.kernel.authority import (
        Asked,
        Credential,
        Denied,
        IdentityLayers,
        OrganizationLayers,
        PrincipalFacts,
        Resource,
        ResourceLayers,
    )
    from app.kernel.call import Call, Caller
    from app.kernel.draft import Draft
    from app.kernel.edge import Edge, Node
    from app.kernel.records import Record
    from app.kernel.world import World
    from app.policy.question import ContextValue

Answer = Mapping[str, Any]
Handler = Callable[["Draft", "Call"], Answer | None]
Check = Callable[["Draft", "Call"], Answer | None]  # an answer ends the call early and well; a refusal is raised


@dataclass(frozen=True, slots=True)
class Operation:
    service: str
    name: str
    handler: Handler
    honours: frozenset[str]
    inert: Mapping[str, str]  # parameter -> why it has no effect here
    checks: tuple[Check, ...]
    answers: tuple[AwsError, ...]  # errors at once
    settles: tuple[AwsError, ...]  # errors that show later, on the resource
    across_accounts: str  # "never", "yes" or how
    reads: bool  # CloudTrail's readOnly
    is_data_event: bool  # CloudTrail data event: not in LookupEvents

    @property
    def id(self) -> str:
        return f"{self.service}:{self.name}"

    @property
    def declared(self) -> frozenset[str]:
        return self.honours | self.inert.keys()


def operation(
    service: str,
    name: str,
    *,
    honours: Iterable[str] = (),
    inert: Mapping[str, str] | None = None,
    checks: tuple[Check, ...] = (),
    answers: tuple[AwsError, ...] = (),
    settles: tuple[AwsError, ...] = (),
    across_accounts: str = "never",
    reads: bool = False,
    is_data_event: bool = False,
) -> Callable[[Handler], Handler]:
    """Declares an operation; the decorated function stays an ordinary function."""

    def attach(handler: Handler) -> Handler:
        handler.operation = Operation(  # type: ignore[attr-defined]
            service,
            name,
            handler,
            frozenset(honours),
            dict(inert or {}),
            checks,
            answers,
            settles,
            across_accounts,
            reads,
            is_data_event,
        )
        return handler

    return attach


def job(name: str) -> Callable[[Handler], Handler]:
    """Declares what the clock owes: booked by `draft.later(name, ...)`, run by `tick`."""

    def attach(handler: Handler) -> Handler:
        handler.job = name  # type: ignore[attr-defined]
        return handler

    return attach


def operations_in(*modules: ModuleType) -> dict[str, Operation]:
    """The operations declared in these modules, by "service:Name"."""
    found = (getattr(value, "operation", None) for module in modules for value in vars(module).values())
    return {each.id: each for each in found if isinstance(each, Operation)}


def jobs_in(*modules: ModuleType) -> dict[str, Handler]:
    return {value.job: value for module in modules for value in vars(module).values() if hasattr(value, "job")}


def _no_context(draft: Draft, asked: Asked) -> Mapping[str, ContextValue]:
    return {}


def _no_edges(world: World) -> Iterable[Node | Edge]:
    return ()


@dataclass(frozen=True, slots=True)
class Service:
    """One AWS service: its operations, its records, and what it provides to the others through the kernel."""

    name: str
    operations: Mapping[str, Operation]
    kinds: tuple[type[Record], ...]
    trails: Mapping[str, TrailStyle]  # how its calls look in CloudTrail, by operation prefix ("ec2", "ebs", "kms")
    denied: Callable[[Draft, Denied], AwsError]  # its error for a refusal by policy
    jobs: Mapping[str, Handler] = field(default_factory=dict)
    internal: Mapping[str, Handler] = field(default_factory=dict)  # reseal's own operations, by name
    context: Callable[[Draft, Asked], Mapping[str, ContextValue]] = _no_context  # its condition keys
    resource_layers: Callable[[World, Call, str, Resource], ResourceLayers] | None = None  # of what it owns, by ARN
    credential_of: Callable[[World, str], Credential | None] | None = None  # by access key id
    principal_facts: Callable[[World, str], PrincipalFacts | None] | None = None  # only iam: by ARN
    principal_arn: Callable[[World, str], str | None] | None = None  # only iam: by unique id
    identity_layers: Callable[[World, Caller], IdentityLayers] | None = None  # only iam
    organization_layers: Callable[[World, Caller, str], OrganizationLayers] | None = None  # only organizations
    edges: Callable[[World], Iterable[Node | Edge]] = _no_edges
    missing: Callable[[str], AwsError] | None = None  # the error for a parameter that reseal does not simulate


@dataclass(frozen=True, slots=True)
class Services:
    """Every service of a cloud, handed in explicitly; found by the prefix of an operation or action."""

    all: tuple[Service, ...]
    by_prefix: Mapping[str, Service] = field(init=False)
    operations: Mapping[str, Operation] = field(init=False)
    jobs: Mapping[str, Handler] = field(init=False)
    internal: Mapping[str, Handler] = field(init=False)

    def __post_init__(self) -> None:
        prefixes = {prefix: service for service in self.all for prefix in service.trails}
        object.__setattr__(self, "by_prefix", prefixes)
        object.__setattr__(self, "operations", {k: v for service in self.all for k, v in service.operations.items()})
        object.__setattr__(self, "jobs", {k: v for service in self.all for k, v in service.jobs.items()})
        own = {k: v for service in self.all for k, v in service.internal.items()}
        object.__setattr__(self, "internal", {"Together": together, **own})

    @property
    def kinds(self) -> dict[str, type[Record]]:
        return {kind.kind: kind for service in self.all for kind in service.kinds}

    def owner_of(self, arn: str) -> Service | None:
        """The service that owns what an ARN names."""
        return self.by_prefix.get(arn.split(":", 3)[2]) if arn.startswith("arn:") else None

    def credential(self, world: World, access_key_id: str) -> Credential | None:
        """Whose key this is, if any service of this cloud issued it."""
        found = (service.credential_of(world, access_key_id) for service in self.all if service.credential_of)
        return next((credential for credential in found if credential), None)

    def provider(self, name: str) -> Any:
        """The one function that a service provides under `name` (identity_layers, organization_layers), or None."""
        return next((found for service in self.all if (found := getattr(service, name))), None)
