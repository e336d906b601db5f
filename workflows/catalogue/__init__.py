"""The workflows that come with reseal, by name. To add one: a file here, and a row in `WORKFLOWS`."""

from __future__ import annotations

from types import ModuleType

from workflows.catalogue import (
    cross_region,
    grant_sharing,
    incident_response,
    key_retirement,
    organization_sharing,
    shared_image,
    shared_volume,
    snapshot_sharing,
)
from workflows.machine import Workflow
from workflows.verify import Operations, verified

WORKFLOWS: tuple[Workflow, ...] = (
    snapshot_sharing.WORKFLOW,
    grant_sharing.WORKFLOW,
    cross_region.WORKFLOW,
    shared_volume.WORKFLOW,
    shared_image.WORKFLOW,
    organization_sharing.WORKFLOW,
    key_retirement.WORKFLOW,
    incident_response.WORKFLOW,
)
NAMES = tuple(workflow.name for workflow in WORKFLOWS)


def load(name: str, operations: Operations) -> Workflow:
    """The workflow of that name, verified; KeyError for an unknown one, BrokenWorkflow where it breaks a law."""
    return verified({workflow.name: workflow for workflow in WORKFLOWS}[name], operations)


def theory(workflow: Workflow) -> str:
    """The theory of a workflow: the docstring of the module that declares it; "" for one from elsewhere."""
    declares = (each for each in globals().values() if isinstance(each, ModuleType) and _declares(each, workflow))
    return next((module.__doc__ or "" for module in declares), "").strip()


def _declares(module: ModuleType, workflow: Workflow) -> bool:
    return getattr(module, "WORKFLOW", None) is workflow
