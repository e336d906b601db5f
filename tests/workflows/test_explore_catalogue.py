"""Every workflow of the catalogue, explored: what can happen is declared, and really happens.

Single disturbances here; pairs, and every broken scenario, with RESEAL_SOAK=1.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from exploring import EXPLORE, ends, steps, told
from scenario_runs import BROKEN, SCENARIOS, run_in_memory

from app.kernel.operation import Services
from workflows.catalogue import NAMES
from workflows.course import begun
from workflows.explore import disturb, session
from workflows.explore.ends import readers
from workflows.explore.judge import Row
from workflows.explore.session import Explored
from workflows.explore.write import as_scenario
from workflows.machine import End, Outcome
from workflows.scenario import Scenario, load
from workflows.session import in_memory_port, workflow_of

SOAK = bool(os.environ.get("RESEAL_SOAK"))
HAPPY = {
    "snapshot_sharing": "sharing/happy-path",
    "grant_sharing": "grants/share-by-grant",
    "cross_region": "cross-region/share-into-another-region",
    "shared_volume": "shared-volume/volume-without-a-copy",
    "shared_image": "shared-image/launch-a-shared-image",
    "organization_sharing": "organization/share-with-an-organization",
    "key_retirement": "key-retirement/rotate-and-retire",
    "incident_response": "incident/shared-with-the-wrong-account",
}
CHIEF_BROKEN = (
    "key-disabled", "target-iam-silent", "grant-nobody-may-retire", "wrong-source-region",
    "volume-under-the-source-key", "image-deregistered-before-the-launch", "organization-member-left",
    "deletion-guarded", "incident-one-grant-left",
)  # fmt: skip
CHIEF_ONES = [BROKEN / f"{name}.reseal.yaml" for name in CHIEF_BROKEN]
BROKEN_ONES = sorted(BROKEN.glob("*.reseal.yaml")) if SOAK else CHIEF_ONES
HAPPY_ONES = [SCENARIOS / f"{path}.reseal.yaml" for path in HAPPY.values()]


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.name.removesuffix(".reseal.yaml"))


def without_a_row(explored: Explored) -> list[str]:
    return [what for what in told(explored) if " has no row for " in what]


# --- what can happen is declared ---


def test_every_workflow_has_an_exploration_that_ships(services: Services) -> None:
    shipped = {load(path, services.operations).spec.workflow for path in EXPLORE.glob("*.reseal.yaml")}
    assert shipped == set(NAMES) == set(HAPPY)


@each(sorted(EXPLORE.glob("*.reseal.yaml")))
def test_every_end_of_a_shipped_exploration_is_declared_and_is_where_its_path_leads(
    path: Path, services: Services, tmp_path: Path
) -> None:
    """Most have every single disturbance that finds an occasion, at every point."""
    explored = session.explore_file(str(path), services)
    assert told(explored) == {}
    assert explored.verdict.not_reached == ()
    assert explored.ok
    assert not explored.found.cut
    assert {row.end.name for row in explored.verdict.rows}.isdisjoint({"unforeseen", "unfinished"})
    firsts = {(row.end.name, row.end.how): row for row in reversed(explored.verdict.rows)}
    for row in explored.verdict.rows if SOAK else firsts.values():
        must_lead_there(explored, row, services, tmp_path)


@each(BROKEN_ONES)
def test_what_goes_wrong_besides_in_a_broken_share_has_its_row(path: Path, services: Services) -> None:
    """In the order of the file; a disturbance may come at any point. Where it mends the share, the file just ends."""
    scenario = load(path, services.operations)
    if scenario.spec.workflow:
        explored = session.explore(scenario, services, ("all",), in_order=True, at_most=1)
        assert without_a_row(explored) == []


@each(HAPPY_ONES)
def test_what_befalls_the_other_side_has_its_row_and_its_end_may_be_unreadable(path: Path, services: Services) -> None:
    """Whoever loses the use of its own key, or deletes its own copy, is told so: by the end, or as a surprise."""
    scenario = load(path, services.operations)
    explored = session.explore(scenario, services, of_the_other_side(scenario), in_order=True, at_most=2 if SOAK else 1)
    assert without_a_row(explored) == []
    assert all(" can not read what " in what or " what does not hold: " in what for what in told(explored))


def of_the_other_side(scenario: Scenario) -> tuple[str, ...]:
    kinds = {"kms:CreateKey": ("disable-key", "delete-key"), "ec2:CopySnapshot": ("delete",),
             "ec2:CreateVolume": ("delete-volume",)}  # fmt: skip
    sharing = str(scenario.spec.steps[0].as_).partition("/")[0]
    every = (*scenario.spec.given, *scenario.spec.steps)
    others = (step for step in every if str(step.as_).partition("/")[0] != sharing)
    return tuple(f"{kind}={step.id}" for step in others for kind in kinds.get(step.call or "", ()))


@pytest.mark.skipif(not SOAK, reason="pairs of disturbances, and a week: RESEAL_SOAK=1")
@each(HAPPY_ONES)
def test_pairs_of_disturbances_lead_to_ends_that_are_declared(path: Path, services: Services) -> None:
    """With users in place of roles, whose sessions would not last the week in which a deletion comes due."""
    scenario = as_users(load(path, services.operations))
    in_order = scenario.spec.workflow in ("key_retirement", "incident_response")  # in any order: hours
    names = (*(name for name in disturb.NAMES if name != disturb.WEEK), *of_the_other_side(scenario))
    ready = tuple(name for name in (*names, disturb.WEEK) if finds_occasion(scenario, name))
    explored = session.explore(scenario, services, ready, in_order=in_order, at_most=2)
    assert without_a_row(explored) == []


def finds_occasion(scenario: Scenario, name: str) -> bool:
    try:
        return bool(disturb.ready(scenario, name))
    except disturb.CannotExplore:
        return False


def as_users(scenario: Scenario) -> Scenario:
    principals = {
        name: spec.model_copy(update={"user": spec.user or spec.role, "role": None})
        for name, spec in scenario.spec.principals.items()
    }
    return replace(scenario, spec=scenario.spec.model_copy(update={"principals": principals}))


# --- what is told really happens ---


def must_lead_there(explored: Explored, row: Row, services: Services, folder: Path) -> None:
    """Method: the path as a scenario, run by the ordinary runner in a world of its own."""
    path, file = row.shortest.path(), folder / "path.reseal.yaml"
    file.write_text(as_scenario(explored.plan, path, "A path", ""), encoding="utf-8")
    scenario = load(file, services.operations)
    port = in_memory_port(scenario, services)
    report = run_in_memory(scenario, services, port)
    made = [each for each in report.transitions if each.section == "steps"]
    assert report.ok, (steps(path), report.stopped, [each.wrong for each in made if each.wrong])
    assert [each.outcome for each in made] == [str(node.outcome) for node in path]
    assert walked(explored, {node.step.id: node.outcome for node in path if node.step}) == row.end.name
    course = begun(explored.plan.scenario, None)
    course.things |= {each.step: each.thing for each in made if each.thing and each.outcome == "OK"}
    assert readers(port, course) == row.end.readers


def walked(explored: Explored, outcomes: dict[str, Outcome]) -> str:
    """The end that the rows of the workflow name for these outcomes, told from the rows alone."""
    rows = {(state, outcome): to for state, outcome, to in explored.plan.workflow.next}
    reached = ""
    for id, outcome in outcomes.items():
        if judge := explored.plan.judges.get(id):
            to = rows.get((judge.state.name, outcome), "unforeseen")
            after = explored.plan.workflow.state(to)
            reached = to if isinstance(after, End) else reached
            if isinstance(after, End) and not after.ok:
                break
    return reached


@each([*HAPPY_ONES, *CHIEF_ONES])
def test_one_principal_and_no_disturbance_is_the_plain_run(path: Path, services: Services) -> None:
    """Method: everybody in turn. One order; as many states as calls, and one; its end and outcomes are the run's."""
    scenario = load(path, services.operations)
    explored = session.explore(scenario, services, (), in_order=True)
    report = run_in_memory(scenario, services)
    (row,) = explored.verdict.rows
    made = [each for each in report.transitions if each.section == "steps"]
    path_made = row.shortest.path()
    assert (explored.found.orders, explored.found.states) == (1, len(path_made) + 1)
    assert row.end.name == report.state
    assert [(node.step.id, str(node.outcome)) for node in path_made if node.step] == [
        (each.step, each.outcome) for each in made[: len(path_made)]
    ]
    unmet = [each.sentence for one in made for each in one.contracts if each.holds is False]
    assert bool(unmet) == bool(row.shortest.place.unmet)


def test_at_most_one_disturbance_finds_what_each_by_itself_finds(services: Services) -> None:
    """Method: each single disturbance by itself, against all at once of which one may happen."""
    scenario = load(HAPPY_ONES[0], services.operations)
    names = ("disable-key", "unshare", "delete")
    alone = [session.explore(scenario, services, (name,)) for name in names]
    together = session.explore(scenario, services, names, at_most=1)
    assert {str(key) for key in ends(together)} == {str(key) for one in alone for key in ends(one)}
    assert all(len(set(steps(node.path())) & set(names)) <= 1 for node, _ in together.found.ends)


def test_every_ready_disturbance_that_finds_an_occasion_is_all(services: Services) -> None:
    scenario = load(SCENARIOS / "shared-image/launch-a-shared-image.reseal.yaml", services.operations)
    chosen = {step.id for step in disturb.chosen(scenario, ("all",))}
    assert chosen == {"disable-key", "delete-key", "rotate", "old-policy", "unshare-image", "delete", "delete-volume",
                      "deregister"}  # fmt: skip
    assert workflow_of(scenario, services) is not None


def test_a_week_is_refused_where_a_session_would_be_over(services: Services) -> None:
    scenario = load(HAPPY_ONES[0], services.operations)
    with pytest.raises(disturb.CannotExplore, match="target/importer is a role, whose session would be over"):
        disturb.chosen(scenario, ("week",))
    (week,) = disturb.chosen(as_users(scenario), ("week",))
    assert week.advance == 8 * 24 * 60 * 60_000
