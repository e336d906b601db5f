"""Every mistake in a scenario file is found before anything runs, at its file, line and column, with what was meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from app.kernel.operation import Services
from workflows.scenario import load
from workflows.sources import Bundle, Disk
from workflows.yaml_marks import ALIASES_MAX, DEPTH_MAX, InvalidFile, read

GOOD = """\
reseal: 1
name: One step
accounts: {one: "111111111111", other: "222222222222"}
principals:
  one/worker: {user: worker, policies: [policy.json]}
given:
  - id: key
    as: one/root
    call: kms:CreateKey
    save: {ARN: KeyMetadata.Arn}
steps:
  - id: volume
    as: one/worker
    call: ec2:CreateVolume
    with: {AvailabilityZone: us-east-1a, Size: 1, KmsKeyId: "${{ key.ARN }}", Encrypted: true}
    wait: {State: available}
"""
POLICY = '{"Version": "2012-10-17", "Statement": []}'


@dataclass(frozen=True)
class Slip:
    """One change to the good file, where it is found, and what is said."""

    what: str
    old: str
    new: str
    at: str  # line:column
    says: str


def expecting(tree: str) -> tuple[str, str]:
    """The good file's last step, with something expected of it."""
    return "    wait:", f"    expect: {tree}\n    wait:"


SLIPS = (
    Slip("a misspelt key of the file", "steps:", "stpes:", "11:1", "unknown key 'stpes'; did you mean 'steps'?"),
    Slip("a misspelt key of a step", "    wait:", "    waits:", "16:5", "unknown key 'waits'; did you mean 'wait'?"),
    Slip("another version", "reseal: 1", "reseal: 2", "1:1", "not '2'"),
    Slip("no name", "name: One step\n", "", "1:1", "`name:` is missing"),
    Slip("an account id of 11 digits", '"111111111111"', '"11111111111"', "3:12", "does not have the form"),
    Slip("two aliases of one account", '"222222222222"', '"111111111111"', "3:33", "are the same account"),
    Slip("an unknown principal", "as: one/worker", "as: one/wroker", "13:9", "did you mean 'one/worker'?"),
    Slip("a principal of an unknown account", "one/worker: {", "on/worker: {", "5:3", "did you mean 'one'?"),
    Slip("a principal with two kinds", "user: worker,", "user: worker, role: r,", "5:3", "either `user:` or `role:`"),
    Slip("an unknown operation", "ec2:CreateVolume", "ec2:CreateVolum", "14:11", "did you mean 'CreateVolume'?"),
    Slip("an unknown service", "ec2:CreateVolume", "ecc2:CreateVolume", "14:11", "did you mean 'ec2'?"),
    Slip("an unknown parameter", "Size: 1", "Siz: 1", "15:42", "has no parameter 'Siz'; did you mean 'Size'?"),
    Slip("a wrong type", "Size: 1", "Size: one", "15:48", "a integer is expected, not 'one'"),
    Slip("a boolean that is none", "Encrypted: true", "Encrypted: yes", "15:90", "a boolean is expected, not 'yes'"),
    Slip("a step's result in a principal's policy", "[policy.json]", '[{Sid: "${{ key.ARN }}"}]',
         "5:47", "nothing before this is called 'key'"),
    Slip("a wait for its own answer", "{State: available}", '{VolumeId: "${{ volume.VolumeId }}"}',
         "16:22", "nothing before this is called 'volume'"),
    Slip("a dangling reference", "key.ARN", "kye.ARN",
         "15:61", "nothing before this is called 'kye'; did you mean 'key'?"),
    Slip("a reference to what is not saved", "key.ARN", "key.ARM", "15:61", "key has no 'ARM'; did you mean 'ARN'?"),
    Slip("a reference that is no name", "${{ key.ARN }}", "${{ 1+1 }}",
         "15:61", "does not begin with the name of a step"),
    Slip("JMESPath that is none", "KeyMetadata.Arn", "KeyMetadata..Arn", "10:17", "is not JMESPath"),
    Slip("a member that the answer has not", "KeyMetadata.Arn", "KeyMetdata.Arn",
         "10:17", "did you mean 'KeyMetadata'?"),
    Slip("two steps of one name", "id: volume", "id: key", "12:5", "there are two steps 'key'"),
    Slip("a name that means something else", "id: volume", "id: region", "12:5", "means something else"),
    Slip("a key that stands twice", "    wait:", "    as: one/root\n    wait:",
         "16:5", "'as' stands here twice; first at"),
    Slip("a step that calls nothing", "    call: ec2:CreateVolume\n", "", "12:5", "either `call:` or `advance:`"),
    Slip("an unknown workflow", "accounts:", "workflow: snapshot_sharin\naccounts:",
         "3:1", "did you mean 'snapshot_sharing'?"),
    Slip("steps that leave the workflow", "accounts:", "workflow: snapshot_sharing\naccounts:",
         "15:5", "at 'create_snapshot'"),
    Slip("a policy file that is not there", "policy.json", "polic.json", "5:41", "can not read"),
    Slip("a repair that can not be checked", *expecting("{repair: {}}"),
         "16:14", "`repair:` is not checked"),
    Slip("a repair of size 0 that is offered", *expecting("{repair: {size: 0, any-of: [{call: x}]}}"),
         "16:14", "a repair of size 0 is none"),
    Slip("a reference that a repair can not fill in",
         *expecting("{repair: {any-of: [{call: x, with: {a: '${{ key.ARN }}'}}]}}"),
         "16:52", "no reference is filled in within `repair:`"),
    Slip("nobody with a name", "policies: [policy.json]", "credentials: none", "5:3", "is nobody"),
    Slip("credentials of an unknown kind", "policies: [policy.json]", "credentials: wrong", "5:30", "not 'wrong'"),
    Slip("an edge from nowhere", *expecting("{graph: {missing: [{from: kee, to: key}]}}"),
         "16:39", "did you mean 'key'?"),
    Slip("a path to nobody", *expecting("{graph: {no-path: {from: key, to: one/rot}}}"),
         "16:47", "did you mean 'one/root'?"),
    Slip("an unknown word of a cause", *expecting("{decision: {call: x, why: no-statment}}"),
         "16:39", "did you mean 'no-statement'?"),
    Slip("an unknown cause", *expecting("{decision: {call: x, cause: IDENTITY_SILEN}}"),
         "16:41", "did you mean 'IDENTITY_SILENT'?"),
    Slip("an unknown cause of a step", *expecting("{cause: KEY_DISABLE}"), "16:21", "did you mean 'KEY_DISABLED'?"),
    Slip("an unknown account of an event", *expecting("{events: [{account: on}]}"), "16:33", "did you mean 'one'?"),
    Slip("no YAML", "accounts: {one", "accounts: {{one", "4:1", "not YAML"),
    Slip("an extending word without extends", "accounts:", "stop-after: volume\naccounts:", "3:1", "needs `extends:`"),
)  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.what)
def test_a_mistake_is_found_at_its_line_and_column(slip: Slip, write: Callable[..., Path], services: Services) -> None:
    """Method: the good file with one change."""
    assert GOOD.count(slip.old) >= 1
    path = write(GOOD.replace(slip.old, slip.new, 1), policy__json=POLICY)
    with pytest.raises(InvalidFile) as invalid:
        load(path, services.operations)
    found = str(invalid.value)
    assert any(line.startswith(f"{path}:{slip.at}") and slip.says in line for line in found.splitlines()), found


def test_the_good_file_has_no_mistake(write: Callable[..., Path], services: Services) -> None:
    assert load(write(GOOD, policy__json=POLICY), services.operations).spec.name == "One step"


def test_all_mistakes_are_told_at_once(write: Callable[..., Path], services: Services) -> None:
    text = GOOD.replace("Size: 1", "Siz: 1").replace("as: one/worker", "as: one/wroker")
    with pytest.raises(InvalidFile) as invalid:
        load(write(text, policy__json=POLICY), services.operations)
    assert len(invalid.value.mistakes) == 2


def test_a_policy_that_is_no_json_is_found_in_its_own_file(write: Callable[..., Path], services: Services) -> None:
    path = write(GOOD, policy__json='{\n  "Version": "2012-10-17",\n  "Statement": [}\n')
    with pytest.raises(InvalidFile) as invalid:
        load(path, services.operations)
    assert str(invalid.value).startswith(f"{path.parent}/policy.json:3:17: not JSON")


def test_a_policy_may_hold_references(write: Callable[..., Path], services: Services) -> None:
    path = write(GOOD, policy__json='{"Statement": [{"Resource": "${{ accounts.other }}"}]}')
    assert load(path, services.operations)


def test_account_ids_stay_text(write: Callable[..., Path], services: Services) -> None:
    """A YAML library reads an unquoted 011111111117 as a number in base 8."""
    path = write(GOOD.replace('"111111111111"', "011111111117"), policy__json=POLICY)
    assert load(path, services.operations).spec.accounts["one"] == "011111111117"


def test_nothing_outside_of_a_folder_is_read_where_one_is_named(write: Callable[..., Path], services: Services) -> None:
    path = write(GOOD.replace("policy.json", "../secret.json"), policy__json=POLICY)
    (path.parent.parent / "secret.json").write_text(POLICY, encoding="utf-8")
    with pytest.raises(InvalidFile, match="outside of the scenario's folder"):
        load(path, services.operations, source=Disk(path.parent))


def test_a_bundle_reaches_its_own_files_and_nothing_else(tmp_path: Path, services: Services) -> None:
    (tmp_path / "policy.json").write_text(POLICY, encoding="utf-8")
    bundle = {"lab/share.reseal.yaml": GOOD, "lab/policy.json": POLICY}
    assert load("lab/share.reseal.yaml", services.operations, source=Bundle(bundle)).spec.name == "One step"
    for name in ("../../etc/passwd", str(tmp_path / "policy.json"), "missing.json"):
        lacking = {"share.reseal.yaml": GOOD.replace("policy.json", name), "policy.json": POLICY}
        with pytest.raises(InvalidFile, match=r"share\.reseal\.yaml:5:\d+: the bundle has no file"):
            load("share.reseal.yaml", services.operations, source=Bundle(lacking))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * (DEPTH_MAX + 2) + "]" * (DEPTH_MAX + 2), "levels of nesting"),
        ("a: &a [x]\nb: [" + ", ".join(["*a"] * (ALIASES_MAX + 1)) + "]", "behind aliases"),
        ("a: &a [x]\n" + "".join(f"{n}: &{n} [*{p}, *{p}]\n" for p, n in pairwise("abcdefghi")), "behind aliases"),
        ("x" * (1 << 20) + "y", "bytes at most"),
        ("", "the file is empty"),
        ("a: \x07", "not YAML"),
    ],
    ids=["nesting", "aliases", "alias bomb", "size", "empty", "control character"],
)  # fmt: skip
def test_hostile_yaml_is_refused_within_limits(text: str, says: str) -> None:
    with pytest.raises(InvalidFile, match=says):
        read(text, "s.reseal.yaml")


EXTENDING = "reseal: 1\nname: Another\nextends: s.reseal.yaml\n"


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("change: {vulume: {with: {Size: 2}}}\n", "4:10", "there is no step 'vulume'; did you mean 'volume'?"),
        ("stop-after: vulume\n", "4:13", "did you mean 'volume'?"),
        ("insert-before: {vulume: []}\n", "4:17", "did you mean 'volume'?"),
        ("remove: [vulume]\n", "4:10", "did you mean 'volume'?"),
        ("change: {volume: {with: {Siz: 2}}}\n", "4:26", "did you mean 'Size'?"),
    ],
)
def test_a_mistake_in_an_extending_file_is_found_in_that_file(
    text: str, at: str, says: str, write: Callable[..., Path], services: Services
) -> None:
    base = write(GOOD, policy__json=POLICY)
    path = base.parent / "other.reseal.yaml"
    path.write_text(EXTENDING + text, encoding="utf-8")
    with pytest.raises(InvalidFile) as invalid:
        load(path, services.operations)
    assert str(invalid.value).startswith(f"{path}:{at}: "), str(invalid.value)
    assert says in str(invalid.value)


def test_files_that_extend_one_another_in_a_circle_are_refused(write: Callable[..., Path], services: Services) -> None:
    path = write("reseal: 1\nextends: s.reseal.yaml\n")
    with pytest.raises(InvalidFile, match="files extend one another"):
        load(path, services.operations)


def test_a_variation_says_anew_what_it_expects_of_a_step(write: Callable[..., Path], services: Services) -> None:
    """Its claim is another, so nothing of the base's expectation of that step stays."""
    base = write(GOOD + "    expect: {later: {Size: 1}}\n", policy__json=POLICY)
    path = base.parent / "other.reseal.yaml"
    path.write_text(
        EXTENDING + "change: {volume: {with: {Size: 2}, expect: {later: {Encrypted: true}}}}\n", encoding="utf-8"
    )
    (step,) = load(path, services.operations).spec.steps
    assert step.with_["Size"] == "2"
    assert step.expect is not None
    assert step.expect.later == {"Encrypted": "true"}


def test_nothing_is_written_as_nothing_null_or_a_tilde() -> None:
    """In quotes they are texts. Method: whichever reader of YAML is there, libyaml's or Python's."""
    tree = read("{a: null, b: ~, c: , d: 'null', e: '~', f: ''}", "f.yaml")
    assert {key: node.value for key, node in tree.items()} == {
        "a": None, "b": None, "c": None, "d": "null", "e": "~", "f": "",
    }  # fmt: skip
