"""What a run of a scenario that comes with reseal keeps and shows. How each of them ends: test_shipped_scenarios."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from scenario_runs import BROKEN, HAPPY, ROOT, SCENARIOS, run, run_in_memory, step

from app.kernel.operation import Services
from workflows import reports as shown
from workflows.normal import normal
from workflows.scenario import Scenario
from workflows.session import in_memory_port, scenarios_in
from workflows.sweep.load import is_sweep
from workflows.transition import Report

ALL = [Path(path) for path in scenarios_in([str(SCENARIOS)]) if not is_sweep(path)]  # those: tests/sweep


@pytest.mark.parametrize("path", ALL, ids=[path.name for path in ALL])
def test_the_first_line_of_a_scenario_is_the_question_it_answers(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert re.fullmatch(r"# .*\?", first)


def test_the_five_steps_restore_a_volume_with_the_same_bytes_that_needs_no_key_of_the_source(
    happy: Scenario, services: Services
) -> None:
    report = run_in_memory(happy, services)
    assert (report.ok, report.state) == (True, "restored")
    assert report.data == "volume and restore are the same, block by block"
    assert [each.state for each in report.transitions if each.section == "steps"] == [
        "create_snapshot",
        "grant_use",
        "share",
        "copy",
        "restore",
    ]
    assert all(contract.holds for each in report.transitions for contract in each.contracts)


def test_each_transition_keeps_its_call_decisions_events_and_change_of_the_graph(
    happy: Scenario, services: Services
) -> None:
    copy = step(run_in_memory(happy, services), "copy")
    assert [call["operation"] for call in copy.calls if call["operation"] == "kms:CreateGrant"] == [
        "kms:CreateGrant"
    ] * 2
    assert {decision["action"] for decision in copy.decisions} >= {"ec2:CopySnapshot", "kms:CreateGrant"}
    assert any(event["body"]["eventName"] == "SharedSnapshotCopyInitiated" for event in copy.events)
    assert any(line.startswith("+ snapshot") for line in copy.change)


def test_a_contract_points_at_the_step_where_the_share_went_wrong(services: Services) -> None:
    """The copy fails, but the step that went wrong is the grant: it did not give what it is for."""
    report = run(BROKEN / "key-policy-forgets-create-grant.reseal.yaml", services)
    assert step(report, "copy").outcome == "later KEY_NOT_ACCESSIBLE"
    unmet = [
        (each.step, contract.name) for each in report.transitions for contract in each.contracts if not contract.holds
    ]
    assert unmet == [("grant", "target_may_use_source_key")]


def test_judging_a_run_leaves_no_trace_in_its_world(happy: Scenario, services: Services) -> None:
    """Contracts, waiting and reading back are done from aside: the trail has the scenario's own events only."""
    port = in_memory_port(happy, services)
    run_in_memory(happy, services, port)
    names = {event["body"]["eventName"] for _, event in _events(port)}
    assert not {"DescribeSnapshots", "DescribeVolumes", "DescribeSnapshotAttribute"} & names


def _events(port: object) -> list[tuple[int, dict[str, object]]]:
    from app.kernel.log import EventEntry

    entries = port.cloud.world.log.entries()  # type: ignore[attr-defined]
    return [(n, {"body": json.loads(entry.body)}) for n, entry in entries if isinstance(entry, EventEntry)]


def test_the_same_scenario_gives_the_same_bytes_twice(happy: Scenario, services: Services) -> None:
    assert shown.as_json(run_in_memory(happy, services)) == shown.as_json(run_in_memory(happy, services))


def test_another_seed_gives_other_ids_and_the_same_normal_form(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "other.reseal.yaml"
    path.write_text(f"reseal: 1\nextends: {_from(tmp_path, HAPPY)}\nseed: 8\n", encoding="utf-8")
    one, other = run(HAPPY, services), run(path, services)
    assert step(one, "snapshot").thing != step(other, "snapshot").thing
    assert _seen(one) == _seen(other)


def _from(folder: Path, file: Path) -> str:
    import os

    return os.path.relpath(file, folder)


def _seen(report: Report) -> object:
    return normal(report, evidence=False)


def test_no_secret_stands_in_a_report(services: Services) -> None:
    """Access keys, plaintext data keys and sealed bytes are left out of what is kept and shown."""
    text = shown.as_json(run(HAPPY, services))
    assert "SecretAccessKey" not in text.replace("HIDDEN_DUE_TO_SECURITY_REASONS", "")
    assert '"Plaintext"' not in text


def test_the_text_fits_eighty_columns_but_for_what_can_not_be_broken(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths are shown as they were given, so it is run as people run it: from the project's folder."""
    monkeypatch.chdir(ROOT)
    text = shown.as_text(run(Path("scenarios/broken/target-iam-silent.reseal.yaml"), services))
    wide = [line for line in text.splitlines() if len(line) > 80]
    assert [line for line in wide if max(map(len, line.split())) < 60] == []
    assert "200, then error: Given key ID is" in text
    assert "because   kms:CreateGrant on source-key: no identity policy of the" in text
    assert "denied   kms:CreateGrant  source-key: AccessDeniedException" in text


def test_a_step_that_fails_without_being_expected_to_fails_the_run_at_its_line(
    services: Services, tmp_path: Path
) -> None:
    path = tmp_path / "s.reseal.yaml"
    path.write_text(
        "reseal: 1\nname: x\naccounts: [one]\nsteps:\n"
        "  - {id: gone, as: one/root, call: ec2:DescribeVolumes, with: {VolumeIds: [vol-0fedcba9876543210]}}\n"
        "  - {id: after, as: one/root, call: ec2:DescribeVolumes}\n",
        encoding="utf-8",
    )
    report = run(path, services)
    assert not report.ok
    assert [each.step for each in report.transitions] == ["gone"]
    (wrong,) = report.transitions[0].wrong
    assert wrong.at == f"{path}:5:5"
    assert "InvalidVolume.NotFound" in wrong.text


def test_a_step_that_succeeds_where_an_error_is_expected_fails_the_run(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "s.reseal.yaml"
    path.write_text(
        "reseal: 1\nname: x\naccounts: [one]\nsteps:\n"
        "  - id: all\n    as: one/root\n    call: ec2:DescribeVolumes\n"
        "    expect:\n      error: UnauthorizedOperation\n",
        encoding="utf-8",
    )
    (wrong,) = run(path, services).transitions[0].wrong
    assert wrong.at == f"{path}:9:7"
    assert "succeeded, where UnauthorizedOperation was expected" in wrong.text


def test_the_clock_can_be_moved_between_steps(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "s.reseal.yaml"
    path.write_text(
        "reseal: 1\nname: x\naccounts: [one]\nsteps:\n"
        "  - {id: key, as: one/root, call: kms:CreateKey, save: {ID: KeyMetadata.KeyId}}\n"
        "  - id: end\n    as: one/root\n    call: kms:ScheduleKeyDeletion\n"
        "    with: {KeyId: '${{ key.ID }}', PendingWindowInDays: 7}\n"
        "  - {id: week, advance: 8d}\n"
        "  - id: look\n    as: one/root\n    call: kms:DescribeKey\n    with: {KeyId: '${{ key.ID }}'}\n"
        "    expect: {error: NotFoundException}\n",
        encoding="utf-8",
    )
    report = run(path, services)
    assert report.ok, shown.as_text(report)


def test_what_the_model_marks_sensitive_is_left_out_where_it_stands_and_wherever_it_is_saved(
    services: Services, tmp_path: Path
) -> None:
    """A handshake's parties are marked, its id is not; a secret key is, under whatever name it is saved."""
    path = tmp_path / "s.reseal.yaml"
    path.write_text(
        'reseal: 1\nname: x\naccounts: {one: "111122223333"}\nsteps:\n'
        "  - {id: user, as: one/root, call: iam:CreateUser, with: {UserName: u}}\n"
        "  - id: key\n    as: one/root\n    call: iam:CreateAccessKey\n    with: {UserName: u}\n"
        "    save: {NAME: AccessKey.UserName, IT: AccessKey.SecretAccessKey}\n"
        "  - {id: organization, as: one/root, call: organizations:CreateOrganization}\n"
        "  - id: invite\n    as: one/root\n    call: organizations:InviteAccountToOrganization\n"
        "    with: {Target: {Type: ACCOUNT, Id: '444455556666'}}\n",
        encoding="utf-8",
    )
    report = run(path, services)
    assert report.ok, shown.as_text(report)
    assert step(report, "key").saved == {"NAME": "u", "IT": "HIDDEN_DUE_TO_SECURITY_REASONS"}
    handshake = step(report, "invite").answer["Handshake"]
    assert handshake["Id"].startswith("h-")
    assert {party["Id"] for party in handshake["Parties"]} == {"HIDDEN_DUE_TO_SECURITY_REASONS"}
    assert step(report, "invite").hides
