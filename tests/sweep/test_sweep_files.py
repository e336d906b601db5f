"""Sweep files: what a cell's scenario is, and every mistake before anything runs, at its place and in which cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.services import all_services
from tests.sweep import small
from workflows import scenario
from workflows.files import Shelf
from workflows.format import json_schema
from workflows.scenario import Scenario
from workflows.sources import Disk
from workflows.sweep.load import Sweep, is_sweep, load
from workflows.yaml_marks import InvalidFile, Mistake


def cell(sweep: Sweep, number: int) -> Scenario:
    return sweep.scenario(Shelf(texts=sweep.texts), number)


def steps(found: Scenario) -> list[str]:
    return [step.id for step in found.spec.steps]


# --- a cell's scenario ---


def test_the_matrix_is_put_in_wherever_a_file_refers_to_it(sweep: Callable[..., Sweep]) -> None:
    """In values, keys, names of files, and in the JSON of policies, where it is written as JSON writes text."""
    text = small.FILE.replace("salt: [a, b]", "salt: ['say \"x\"', b]")
    text = text.replace('with: {Description: "${{ matrix.salt }}"}', 'with: {Policy: "file://key.json"}')
    text = text.replace("region", "region") + "region: eu-${{ matrix.where }}-1\n"
    text = text.replace("    iam:", "    where: [west]\n    iam:")
    policy = '{"Version": "2012-10-17", "Id": "${{ matrix.salt }}", "Statement": []}'
    found = cell(sweep(text, {"key.json": policy}), 0)
    assert found.spec.region == "eu-west-1"
    assert found.spec.given[0].with_["Policy"] == policy.replace("${{ matrix.salt }}", 'say \\"x\\"')
    assert Path(next(iter(found.files.values()))).name in ("iam-full.json", "key.json")


def test_a_step_is_left_out_where_its_if_is_false(sweep: Callable[..., Sweep]) -> None:
    found = sweep()
    assert [(steps(cell(found, number)), found.cells[number]["state"]) for number in (0, 4)] == [
        (["encrypt"], "Enabled"),
        (["disable", "encrypt"], "Disabled"),
    ]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("matrix.iam == 'full'", True),
        ("${{ matrix.iam == 'full' }}", True),
        ("matrix.iam != 'full' || region == 'us-east-1'", True),
        ("!(matrix.iam == 'full') && true", False),
        ("contains(matrix.iam, 'ul')", True),
        ("matrix.with-hyphen == 'a-b'", True),
        ("accounts.one == '111111111111'", True),
        ("${{ matrix.flag }}", True),
        ("'false'", False),
        ("false", False),
    ],
)
def test_the_language_of_if_is_githubs_and_jmespaths(sweep: Callable[..., Sweep], condition: str, holds: bool) -> None:
    text = small.FILE.replace("if: matrix.state == 'Disabled'", f'if: "{condition}"')
    text = text.replace("state: [Enabled, Disabled]", 'state: [Enabled]\n    with-hyphen: [a-b]\n    flag: ["true"]')
    text = text.partition("verdicts:")[0]
    assert ("disable" in steps(cell(sweep(text), 0))) is holds


def test_a_plain_scenario_may_use_steps_and_leave_some_out(tmp_path: Path) -> None:
    """`use:` is relative to the file that says it, may name a list, and takes what stands beside it for one step."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/key.yaml").write_text("as: one/root\ncall: kms:CreateKey\nwith: {Description: a}\n")
    (tmp_path / "parts/two.yaml").write_text(
        "- {use: key.yaml, id: second}\n- {use: key.yaml, id: third, if: 'false'}\n"
    )
    path = tmp_path / "s.reseal.yaml"
    path.write_text(
        "reseal: 1\nname: x\naccounts: [one]\ngiven:\n"
        "  - {use: parts/key.yaml, id: first, with: {Description: b}}\n  - use: parts/two.yaml\n"
    )
    found = scenario.load(path, all_services().operations)
    assert [(step.id, step.with_["Description"]) for step in found.spec.given] == [("first", "b"), ("second", "a")]
    assert found.step_mark(found.spec.given[1]).file == str(tmp_path / "parts/key.yaml")


def test_in_change_the_steps_of_a_file_replace_the_step(tmp_path: Path) -> None:
    """A single one without an id takes the id of the one it replaces; a list brings its own."""
    small.write(tmp_path)
    (tmp_path / "disable.yaml").write_text("as: one/root\ncall: kms:DescribeKey\nwith: {KeyId: '${{ key.ARN }}'}\n")
    (tmp_path / "nothing.yaml").write_text("[]\n")
    path = tmp_path / "t.reseal.yaml"
    path.write_text(
        "extends: s.reseal.yaml\nchange: {disable: {use: disable.yaml}}\ninsert-after: {key: {use: nothing.yaml}}\n"
    )
    found = cell(load(path, all_services().operations), 0)
    assert [(step.id, step.call) for step in found.spec.steps][:1] == [("disable", "kms:DescribeKey")]
    assert len(found.spec.given) == 1


def test_a_file_that_extends_a_sweep_is_a_sweep(tmp_path: Path) -> None:
    small.write(tmp_path)
    path = tmp_path / "t.reseal.yaml"
    path.write_text("extends: s.reseal.yaml\nname: another\n")
    assert is_sweep(path)
    assert load(path, all_services().operations).name == "another"
    assert len(load(path, all_services().operations).cells) == 8


def test_a_sweep_is_not_run_as_a_scenario_nor_the_other_way_round(tmp_path: Path, sweep: Callable[..., Sweep]) -> None:
    path = sweep().path
    with pytest.raises(InvalidFile, match=r"s\.reseal\.yaml:4:1: this is a sweep, .* `reseal sweep "):
        scenario.load(path)
    happy = small.ROOT / "scenarios/sharing/happy-path.reseal.yaml"
    assert not is_sweep(happy)
    with pytest.raises(InvalidFile, match="this is one scenario, not a sweep"):
        load(happy)


def test_a_sweep_reads_its_files_once(sweep: Callable[..., Sweep], tmp_path: Path) -> None:
    """What workers run is what was checked. Method: the files are gone afterwards."""
    found = sweep()
    for path in tmp_path.iterdir():
        path.unlink()
    assert cell(found, 0).spec.name == "Who may encrypt"


# --- mistakes ---


@dataclass(frozen=True)
class Slip:
    """One change to the good file, where it is found, and what is said."""

    old: str
    new: str
    at: str
    says: str


SLIPS = (
    Slip("matrix.salt }}", "matrix.slat }}", "15:25", "the matrix has no 'slat'; did you mean 'salt'?"),
    Slip("iam: [full, none]", "iam: []", "7:5", "the axis 'iam' has no value"),
    Slip("iam: [full, none]", "iam: [full, nine]", "10:41", "can not read"),
    Slip("if: matrix.state ==", "if: matrix.stat ==", "19:9", "matrix has no 'stat'; did you mean 'state'?"),
    Slip("if: matrix.state ==", "if: matirx.state ==", "19:9", "before a run nothing is known as 'matirx'"),
    Slip("matrix.state == 'Disabled'", "matrix.state", "19:9", "is neither true nor false, but 'Enabled'"),
    Slip("matrix.state == 'Disabled'", "matrix.state == ", "19:9", "is not JMESPath"),
    Slip("matrix.state == 'Disabled'", "${{ matrix.state }} == 'x'", "19:9", "an `if:` is one expression"),
    Slip("matrix.salt }}", "matrix.salt == 'a' }}", "15:25", "expressions belong in `if:`"),
    Slip("iam: none}", "imi: none}", "28:13", "there is no axis 'imi'; did you mean 'iam'?"),
    Slip("iam: none}", "iam: nine}", "28:18", "iam has no value 'nine'; did you mean 'none'?"),
    Slip("  - {otherwise: true, then: {ends: end}}\n", "", "27:1", "no row fits the cell {state: Enabled, iam: full,"),
    Slip("{ends: end}", "{ends: restored}", "30:36", "no cell can end in 'restored'"),
    Slip("fails-at: encrypt", "fails-at: encript", "28:42", "there is no step 'encript'; did you mean 'encrypt'?"),
    Slip("why: no-statement", "why: no-statment", "28:86", "no cause has the word 'no-statment'; did you mean"),
    Slip("cause: D501", "cause: KEY_DISABLD", "29:90", "there is no cause 'KEY_DISABLD'; did you mean 'KEY_DISABLED'?"),
    Slip("error: DisabledException", "later: VANISHED", "29:64", "nothing fails later as 'VANISHED'"),
    Slip("{ends: end}", "{}", "30:23", "`then:` has either `fails-at:` or `ends:`"),
    Slip("{otherwise: true, then", "{then", "30:5", "a verdict has either `when:` or `otherwise: true`"),
    Slip("strategy:\n", "strategy:\n  fail_fast: true\n", "5:3", "unknown key 'fail_fast'; did you mean 'fail-fast'?"),
    Slip("strategy:\n", "clock: real\nstrategy:\n", "4:1", "a sweep's clock is `instant` or `manual`"),
)  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.says)
def test_a_mistake_is_found_at_its_line_and_column(slip: Slip, sweep: Callable[..., Sweep]) -> None:
    assert small.FILE.count(slip.old) >= 1
    with pytest.raises(InvalidFile) as caught:
        sweep(small.FILE.replace(slip.old, slip.new, 1))
    found = [(f"{each.mark.line}:{each.mark.column}", each.text) for each in caught.value.mistakes]
    assert any(at == slip.at and slip.says in text for at, text in found), found


def test_a_mistake_of_some_cells_says_of_which(sweep: Callable[..., Sweep]) -> None:
    """It is said once. Method: a parameter that only half of the cells have."""
    text = small.FILE.replace("if: matrix.state == 'Disabled'", "if: matrix.iam == 'full'").replace(
        'with: {KeyId: "${{ key.ARN }}"}', 'with: {KeyID: "${{ key.ARN }}"}'
    )
    with pytest.raises(InvalidFile) as caught:
        sweep(text)
    said = [each.text for each in caught.value.mistakes]
    assert "kms:DisableKey has no parameter 'KeyID'; did you mean 'KeyId'? " in said[1]
    assert said[1].endswith("(in the cell state=Enabled, iam=full, salt=a, and 3 others)")
    assert len(said) == 2


def test_a_mistake_of_every_cell_names_none(sweep: Callable[..., Sweep]) -> None:
    with pytest.raises(InvalidFile) as caught:
        sweep(small.FILE.replace("kms:Encrypt", "kms:Encript"))
    assert [each.text for each in caught.value.mistakes] == [
        "there is no operation 'kms:Encript'; did you mean 'Encrypt'?"
    ]


def test_a_row_that_no_cell_comes_to_and_an_axis_without_effect_are_warned_about(sweep: Callable[..., Sweep]) -> None:
    text = small.FILE.replace("salt: [a, b]", "salt: [a]\n    idle: [x]")
    text = text.replace("  - {otherwise", "  - {when: {state: Disabled, iam: none}, then: {ends: end}}\n  - {otherwise")
    assert [each.text for each in sweep(text).warnings] == [
        "no cell comes to this row",
        "nothing refers to ${{ matrix.idle }}",
    ]


def test_a_reference_to_a_matrix_outside_of_a_sweep_is_a_mistake(tmp_path: Path) -> None:
    path = small.write(tmp_path, small.FILE.replace("strategy:", "description: x\nwas:").partition("verdicts:")[0])
    with pytest.raises(InvalidFile, match=r"`matrix\.iam` is of a sweep, and this file has no `strategy:`"):
        scenario.load(path)


def test_no_file_outside_of_a_folder_is_read_where_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    small.write(tmp_path)
    path = small.write(tmp_path / "inner", small.FILE.replace('"iam-', '"../iam-'))
    with pytest.raises(InvalidFile, match="outside of the scenario's folder"):
        load(path, source=Disk(within=tmp_path / "inner"))


def test_files_that_use_one_another_in_a_circle_are_refused(sweep: Callable[..., Sweep]) -> None:
    text = small.FILE.replace("  - id: encrypt\n", "  - use: a.yaml\n  - id: encrypt\n")
    with pytest.raises(InvalidFile, match="more than 8 files use one another"):
        sweep(text, {"a.yaml": "use: a.yaml\n"})


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="matrixsae.=!&|'()[]{}$ -`\"\\0", max_size=25))
def test_no_condition_breaks_the_checks(tmp_path_factory: pytest.TempPathFactory, condition: str) -> None:
    """Whatever is written after `if:`, the file is valid or its mistakes have places."""
    folder = tmp_path_factory.mktemp("if")
    quoted = "'" + condition.replace("'", "''") + "'"
    text = small.FILE.replace("if: matrix.state == 'Disabled'", f"if: {quoted}").partition("verdicts:")[0]
    found: tuple[Mistake, ...] = ()
    try:
        load(small.write(folder, text))
    except InvalidFile as invalid:
        found = invalid.mistakes
    assert all(each.mark.line and each.mark.column for each in found)


def test_the_editors_schema_knows_sweeps() -> None:
    """Method: the shipped sweeps, as an editor reads them: with YAML's own numbers and truths as texts."""
    import jsonschema
    import yaml

    for path in sorted(small.SWEEPS.glob("*.reseal.yaml")):
        plain = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 - texts only
        jsonschema.validate(plain | {"reseal": 1}, json_schema())
