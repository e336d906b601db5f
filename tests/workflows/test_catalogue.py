"""The workflows that ship: each is told, taken to every end by a scenario, and held to what its steps are for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from os.path import relpath
from pathlib import Path

import pytest
from scenario_runs import ROOT, SCENARIOS, run, run_in_memory, step

from app.kernel.operation import Services
from app.repair.run import run_file
from workflows import catalogue
from workflows import reports as shown
from workflows.machine import SETTLEMENTS, End, Workflow
from workflows.normal import normal
from workflows.scenario import Scenario, load
from workflows.session import Options, scenarios_in
from workflows.settle import settlement_named_by
from workflows.sweep.load import is_sweep
from workflows.transition import Report
from workflows.view import is_refused

ALL = [Path(path) for path in scenarios_in([str(SCENARIOS)]) if not is_sweep(path)]
OF_A_WORKFLOW = pytest.mark.parametrize("workflow", catalogue.WORKFLOWS, ids=catalogue.NAMES)


@pytest.fixture(scope="module")
def scenarios(services: Services) -> list[Scenario]:
    return [load(path, services.operations) for path in ALL]


def of(workflow: Workflow, scenarios: list[Scenario]) -> Iterator[Scenario]:
    return (each for each in scenarios if each.spec.workflow == workflow.name)


# --- what is declared ---


@OF_A_WORKFLOW
def test_a_workflow_breaks_no_law(workflow: Workflow, services: Services) -> None:
    assert catalogue.load(workflow.name, services.operations) is workflow


@OF_A_WORKFLOW
def test_every_end_of_a_workflow_is_reached_by_a_scenario(workflow: Workflow, scenarios: list[Scenario]) -> None:
    """A learner can watch each way in which it ends; that a run ends so is checked where scenarios are run."""
    claims = [each.spec.finally_ for each in of(workflow, scenarios)]
    reached = {claim.expect.state for claim in claims if claim}
    assert {end.name for end in workflow.states if isinstance(end, End)} - reached == set()


@OF_A_WORKFLOW
def test_every_workflow_has_two_broken_variants_at_least(workflow: Workflow, scenarios: list[Scenario]) -> None:
    broken = [each for each in of(workflow, scenarios) if "/broken/" in each.path]
    assert len(broken) >= 2


@OF_A_WORKFLOW
def test_a_step_that_promises_to_be_refused_never_leads_to_an_end_that_is_ok(workflow: Workflow) -> None:
    for each in workflow.steps:
        if each.ensures is is_refused:
            after = workflow.after(each.name, "OK")
            assert isinstance(after, End)
            assert not after.ok


@pytest.mark.parametrize("settlement", SETTLEMENTS, ids=lambda each: each.name)
def test_a_settlement_is_known_by_what_describing_the_resource_shows(settlement: object) -> None:
    """The rows are closed: what shows otherwise is a failure that no workflow foresees."""
    name, message, code, reason = (getattr(settlement, each) for each in ("name", "message", "code", "reason"))
    resource = {"State": "error", "StateMessage": message} if message else {"Error": code}
    if reason:
        resource = {"State": {"Name": "terminated"}, "StateReason": {"Code": reason}}
    assert settlement_named_by(resource) == name
    assert settlement_named_by({"State": {"Name": "terminated"}, "StateReason": {"Code": "x"}}) == "UNKNOWN_FAILURE"
    assert settlement_named_by({"State": {"Name": "running"}}) is None


# --- repairs ---


def _repaired() -> list[Path]:
    return [path for path in ALL if "repair:" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", _repaired(), ids=lambda path: path.name)
def test_the_repairs_that_a_scenario_names_are_found(
    path: Path, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Method: as `reseal run` does it. Each repair was tried in a fork, and there the step succeeded."""
    monkeypatch.chdir(ROOT)
    report, _ = run_file(str(path.relative_to(ROOT)), services, Options())
    assert report.ok, shown.as_text(report)


# --- contracts ---


@dataclass(frozen=True)
class Sloppy:
    """A run that goes through every step, and does not do what a step is for."""

    says: str
    base: str
    change: str  # of the scenario, in YAML
    unmet: tuple[str, ...]  # contracts


SLOPPY = (
    Sloppy(
        "the copy is under the source's key",
        "sharing/happy-path",
        "change:\n"
        "  principals: {target/importer: {policies: [BROKEN/policies/importer-under-any-key.json]}}\n"
        "  copy: {with: {KmsKeyId: '${{ source-key.KEY }}'}, expect: {}}\n",
        ("copy_is_under_target_key", "volume_is_under_target_key"),
    ),
    Sloppy(
        "the copy stays in its Region",
        "cross-region/share-into-another-region",
        "change:\n"
        "  target-key: {region: eu-west-1}\n"
        "  copy: {region: eu-west-1, expect: {}}\n"
        "  restore: {region: eu-west-1, with: {AvailabilityZone: eu-west-1a}}\n",
        ("copy_is_under_key_of_destination",),
    ),
    Sloppy(
        "another key is disabled than the volume's",
        "shared-volume/volume-without-a-copy",
        "change:\n"
        "  principals: {target/importer: {policies: [BROKEN/policies/importer-as-ones-own.json]}}\n"
        "  grant: {with: {Policy: 'file://BROKEN/policies/source-key-as-ones-own.json'}, expect: {}}\n"
        "  restore: {with: {KmsKeyId: '${{ source-key.KEY }}'}, expect: {}}\n"
        "  disable: {with: {KeyId: '${{ spare.KeyMetadata.Arn }}'}}\n"
        "insert-before:\n"
        "  volume: [{id: spare, as: source/root, call: kms:CreateKey}]\n",
        ("volume_is_under_target_key", "volume_is_under_target_key"),
    ),
    Sloppy(
        "one member is forgotten",
        "organization/share-with-an-organization",
        "change:\n  share: {with: {UserIds: ['${{ accounts.member }}']}, expect: {}}\nremove: [copy-of-other]\n",
        ("every_member_is_listed",),
    ),
    Sloppy(
        "the waiting period has not passed",
        "key-retirement/rotate-and-retire",
        "remove: [wait-it-out]\n",
        ("key_is_gone", "key_is_gone", "key_is_gone"),
    ),
    Sloppy(
        "the source renews its snapshot under the key that goes",
        "key-retirement/rotate-and-retire",
        "change:\n  renew: {with: {KmsKeyId: '${{ old-key.KEY }}'}, expect: {}}\nstop-after: disable\n",
        ("renewed_is_under_another_key",),
    ),
    Sloppy(
        "the wrong event is looked up",
        "incident/shared-with-the-wrong-account",
        "change:\n"
        "  who:\n"
        "    with: {LookupAttributes: [{AttributeKey: EventName, AttributeValue: SharedSnapshotVolumeCreated}]}\n"
        "    expect: {response: {length(Events): 0}}\n",
        ("trail_names_outsider",),
    ),
    Sloppy(
        "the instance runs under the source's key",
        "shared-image/launch-a-shared-image",
        "change:\n"
        "  principals: {target/launcher: {policies: [launcher.json]}}\n"
        "  grant: {with: {Policy: 'file://BROKEN/policies/source-key-as-ones-own.json'}, expect: {}}\n"
        "  launch:\n"
        "    with:\n"
        "      BlockDeviceMappings:\n"
        "        - {DeviceName: /dev/sda1, Ebs: {Encrypted: true, KmsKeyId: '${{ source-key.KEY }}'}}\n"
        "    expect: {}\n"
        "remove: [backup, disk]\n",
        ("instance_runs_under_target_key",),
    ),
)
LAUNCHER = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["ec2:RunInstances", "kms:*"],
 "Resource": "*"}]}"""


@pytest.mark.parametrize("case", SLOPPY, ids=lambda case: case.says)
def test_a_run_that_goes_through_without_doing_what_a_step_is_for_fails(
    case: Sloppy, services: Services, tmp_path: Path
) -> None:
    """Every call succeeds (or is refused as foreseen); only the contracts tell."""
    (tmp_path / "launcher.json").write_text(LAUNCHER, encoding="utf-8")
    change = case.change.replace("BROKEN", relpath(SCENARIOS / "broken", tmp_path))
    base = relpath(SCENARIOS / f"{case.base}.reseal.yaml", tmp_path)
    path = tmp_path / "s.reseal.yaml"
    path.write_text(f"reseal: 1\nextends: {base}\n{change}finally: {{expect: {{}}}}\n", encoding="utf-8")
    report = run(path, services)
    assert not any(each.wrong for each in report.transitions), shown.as_text(report)
    assert unmet(report) == case.unmet
    if catalogue_end(report).ok:
        assert not report.ok
        assert len(report.wrong) == len(case.unmet)


def unmet(report: Report) -> tuple[str, ...]:
    judged = [contract for each in report.transitions for contract in each.contracts]
    return tuple(contract.name for contract in judged if contract.holds is False)


def catalogue_end(report: Report) -> End:
    workflow = next(each for each in catalogue.WORKFLOWS if each.name == report.workflow)
    state = workflow.state(report.state)
    return state if isinstance(state, End) else End(report.state, ok=False)


# --- time ---


def test_a_grant_does_not_count_at_once_where_the_cloud_takes_its_time(services: Services) -> None:
    """It counts within five minutes, and no token can be shown in CopySnapshot (kms.md 6). Method: the same scenario in
    a world that settles as AWS does; then the clock is moved on before the copy."""
    scenario = load(SCENARIOS / "grants/share-by-grant.reseal.yaml", services.operations)
    spec = scenario.spec.model_copy(update={"clock": "manual"})
    hasty = run_in_memory(replace(scenario, spec=spec), services)
    assert step(hasty, "copy").outcome == "later KEY_NOT_ACCESSIBLE"

    wait = spec.steps[0].model_copy(
        update={"id": "wait", "call": None, "as_": None, "with_": {}, "wait": None, "advance": 300_000}
    )
    at = next(n for n, each in enumerate(spec.steps) if each.id == "copy")
    patient = spec.model_copy(update={"steps": (*spec.steps[:at], wait, *spec.steps[at:])})
    assert step(run_in_memory(replace(scenario, spec=patient), services), "copy").outcome == "OK"


def test_ids_of_an_organization_do_not_tell_two_worlds_apart(services: Services, tmp_path: Path) -> None:
    """Organization, root and invitations have other ids in a world of another seed; the normal form is the same."""
    base = SCENARIOS / "organization/share-with-an-organization.reseal.yaml"
    path = tmp_path / "other.reseal.yaml"
    path.write_text(f"reseal: 1\nextends: {relpath(base, tmp_path)}\nseed: 8\n", encoding="utf-8")
    one, other = run(base, services), run(path, services)
    assert step(one, "roots").answer != step(other, "roots").answer
    assert normal(one, evidence=False) == normal(other, evidence=False)
