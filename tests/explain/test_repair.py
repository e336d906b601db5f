"""The smallest edits that help: offered narrowest first, each tested, and made without touching the rest of a file."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from app.kernel.log import DecisionEntry
from app.policy.decide import decide
from app.policy.explain import text
from app.policy.explain import to_json as explanation_to_json
from app.policy.question import LayerKind, Place, Question
from app.policy.repair import CannotEdit, Edit, Op, Repair, apply, candidates, edited
from app.policy.repair_question import rebuilt
from app.policy.repair_words import after, commands, diff, mending, to_json
from app.policy.scan import scan
from tests.policy.build import question

from . import stories
from .stage import Stage

HERE = Place(LayerKind.IDENTITY, "111111111111", "p", "x")
ROOM = {"Effect": "Allow", "Action": "*", "Resource": "*"}
DELEGATES = {**ROOM, "Principal": {"AWS": "111111111111"}}


def refused(story: stories.Story) -> Question | None:
    """The question of a story's refusal, rebuilt from its log; None where no policy decided."""
    stage = Stage()
    story(stage)
    entries = [entry for _, entry in stage.cloud.world.log.entries()]
    bodies = [entry.body for entry in entries if isinstance(entry, DecisionEntry) and not entry.allowed]
    return rebuilt(json.loads(bodies[-1])) if bodies else None


def repairs(put: Question) -> list[Repair]:
    return candidates(put, decide(put, trace=True))


def texts(put: Question) -> dict[Place, str]:
    layers = put.layers
    single = (layers.boundary, layers.resource, layers.endpoint)
    policies = (*layers.identity, *(layers.session or ()), *(one for one in single if one))
    return {one.place: one.document.text for one in policies}


# Which repairs.


@pytest.mark.parametrize("story", stories.STORIES, ids=lambda story: story.__name__)
def test_each_refusal_by_a_policy_has_a_repair_that_allows(story: stories.Story) -> None:
    """Tested by asking again with the edits made; the smallest comes first."""
    put = refused(story)
    if put is None:
        return
    found = repairs(put)
    assert found
    for repair in found:
        changed = edited(put, repair.edits)
        assert changed is not None
        assert decide(changed).allowed
    assert [one.size for one in found] == sorted(one.size for one in found)


@pytest.mark.parametrize("story", stories.STORIES, ids=lambda story: story.__name__)
def test_a_question_rebuilt_from_the_log_is_refused_for_the_same_cause(story: stories.Story) -> None:
    stage = Stage()
    story(stage)
    entries = [entry for _, entry in stage.cloud.world.log.entries()]
    for entry in entries:
        if isinstance(entry, DecisionEntry) and not entry.allowed:
            decision = decide(rebuilt(json.loads(entry.body)))
            assert decision.cause is not None
            assert decision.cause.name == entry.cause


@pytest.mark.parametrize(
    ("story", "op", "path", "value"),
    [
        (stories.the_key_policy_forgets_one_action, Op.ADD, "/Statement/1/Action", "kms:CreateGrant"),
        (
            stories.a_condition_of_the_key_policy_fails,
            Op.ADD,
            "/Statement/1/Condition/StringEquals/kms:ViaService",
            "ec2.eu-west-1.amazonaws.com",
        ),
        (stories.the_importer_has_no_right_to_grant, Op.ADD, "/Statement/2/Action", "kms:CreateGrant"),
        (
            stories.an_identity_policy_denies,
            Op.ADD,
            "/Statement/1/Condition/StringNotEquals/aws:RequestedRegion",
            "eu-west-1",
        ),
    ],
)
def test_the_first_repair_is_the_one_a_careful_person_would_make(
    story: stories.Story, op: Op, path: str, value: str
) -> None:
    put = refused(story)
    assert put is not None
    first = repairs(put)[0]
    assert [(edit.op, edit.path, edit.value) for edit in first.edits] == [(op, path, value)]


@pytest.mark.parametrize("story", stories.STORIES, ids=lambda story: story.__name__)
def test_no_repair_writes_a_star_where_a_name_would_do(story: stories.Story) -> None:
    """Actions and principals are named; `*` as a resource stands in key policies only, where it means the key."""
    put = refused(story)
    for repair in repairs(put) if put else ():
        for edit in repair.edits:
            values = [edit.value] if isinstance(edit.value, str) else []
            statements = edit.value.get("Statement", [edit.value]) if isinstance(edit.value, dict) else []
            for one in statements:
                values += [one["Action"], one.get("Principal", {}).get("AWS", "")]
                values += [] if edit.place.layer is LayerKind.RESOURCE else [one["Resource"]]
            assert "*" not in values


def test_a_statement_with_a_star_is_stretched_last_and_says_what_comes_with_it() -> None:
    put = refused(stories.the_key_policy_does_not_know_the_target)
    assert put is not None
    first, last = repairs(put)[0], repairs(put)[-1]
    assert first.edits[0].path == "/Statement"
    assert first.edits[0].value["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    assert last.reach > first.reach
    assert "kms:*" in last.side_effects[0]


def test_two_silent_sides_take_two_edits() -> None:
    put = question({"rule": "kms-key", "caller": "foreign-user", "resource": [DELEGATES]})
    first = repairs(put)[0]
    assert first.size == 2
    assert {edit.place.layer for edit in first.edits} == {LayerKind.RESOURCE, LayerKind.IDENTITY}


def test_what_no_policy_can_allow_has_no_repair() -> None:
    across = {"rule": "none", "caller": "foreign-user", "identity": [ROOM], "action": "ec2:DeleteSnapshot"}
    for case in (
        across,
        {"rule": "retire", "action": "kms:RetireGrant"},
        {"rule": "kms-key", "caller": "service", "resource": []},
    ):
        assert repairs(question(case)) == []  # fmt: skip


def test_what_is_allowed_needs_none() -> None:
    put = question({"identity": [ROOM]})
    assert candidates(put, decide(put)) == []


def test_of_a_deny_with_several_actions_one_is_struck() -> None:
    deny = {"Effect": "Deny", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*"}
    first = repairs(question({"identity": [ROOM, deny]}))[0]
    assert [(edit.op, edit.path, edit.value) for edit in first.edits] == [
        (Op.REMOVE, "/Statement/1/Action", "kms:Decrypt")
    ]
    assert first.side_effects


# Editing.

PRETTY = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "A",
      "Effect": "Allow",
      "Action": [
        "kms:Decrypt",
        "kms:DescribeKey"
      ],
      "Resource": "*"
    }
  ]
}"""


def test_adding_to_a_list_keeps_every_other_line() -> None:
    changed = apply(PRETTY, Edit(HERE, Op.ADD, "/Statement/0/Action", "kms:CreateGrant"))
    assert diff(PRETTY, changed) == [
        ' 9 -         "kms:DescribeKey"',
        ' 9 +         "kms:DescribeKey",',
        '10 +         "kms:CreateGrant"',
    ]


def test_a_new_statement_is_indented_like_its_neighbours() -> None:
    statement = {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*"}
    changed = apply(PRETTY, Edit(HERE, Op.ADD, "/Statement", statement))
    assert '    },\n    {\n      "Effect": "Allow",\n' in changed
    assert json.loads(changed)["Statement"][1] == statement


@pytest.mark.parametrize(
    ("text", "edit", "want"),
    [
        ('{"a":["x","y"]}', Edit(HERE, Op.ADD, "/a", "z"), '{"a":["x","y","z"]}'),
        ('{"a": ["x", "y"]}', Edit(HERE, Op.ADD, "/a", "z"), '{"a": ["x", "y", "z"]}'),
        ('{"a": ["x"]}', Edit(HERE, Op.ADD, "/a", "z"), '{"a": ["x", "z"]}'),
        ('{"a": []}', Edit(HERE, Op.ADD, "/a", "z"), '{"a": ["z"]}'),
        ('{"a": "x"}', Edit(HERE, Op.ADD, "/a", "z"), '{"a": ["x", "z"]}'),
        ('{"a": {"b": 1}, "c": 2}', Edit(HERE, Op.REMOVE, "/a"), '{"c": 2}'),
        ('{"a": 1, "b": 2}', Edit(HERE, Op.REMOVE, "/b"), '{"a": 1}'),
        ('{"a": ["x", "y"]}', Edit(HERE, Op.REMOVE, "/a", "x"), '{"a": ["y"]}'),
        ('{"a": ["x"]}', Edit(HERE, Op.REMOVE, "/a/0"), '{"a": []}'),
        ('{"a/b": {"c~d": "x"}}', Edit(HERE, Op.SET, "/a~1b/c~0d", "é"), '{"a/b": {"c~d": "é"}}'),
    ],
)
def test_an_edit_changes_what_it_names_and_nothing_else(text: str, edit: Edit, want: str) -> None:
    assert apply(text, edit) == want
    scan(want)


@pytest.mark.parametrize(
    "edit", [Edit(HERE, Op.ADD, "/b", "x"), Edit(HERE, Op.REMOVE, "/a/7"), Edit(HERE, Op.REMOVE, "/a", "q")]
)
def test_an_edit_of_what_is_not_there_is_refused(edit: Edit) -> None:
    with pytest.raises(CannotEdit):
        apply('{"a": ["x"]}', edit)


# Telling.


def test_a_repair_is_told_as_lines_commands_and_json() -> None:
    put = refused(stories.the_key_policy_forgets_one_action)
    assert put is not None
    first, known = repairs(put)[0], texts(put)
    [(place, before, changed)] = after(first, known.__getitem__)
    assert before != changed
    [command] = commands(first, put.layers.rule, lambda _: "source-key.json")
    assert command.startswith(f"aws kms put-key-policy --key-id {place.attached_to} --policy-name default")
    assert command.endswith("--policy file://source-key.json  # in account 111122223333")
    told: dict[str, Any] = to_json(first, known.__getitem__, lambda _: "source-key.json", verified=True)
    assert (told["size"], told["verified"]) == (1, True)
    [edit] = told["edits"]
    assert (edit["file"], edit["path"], edit["add"]) == ("source-key.json", "/Statement/1/Action", "kms:CreateGrant")


def test_a_repair_that_was_tried_is_shown_with_the_explanation() -> None:
    """The caller tries it in a fork and puts it into the explanation; text and JSON then show it."""
    stage = Stage()
    told = stories.the_key_policy_forgets_one_action(stage)
    put = refused(stories.the_key_policy_forgets_one_action)
    assert put is not None
    known = texts(put)
    found = [
        mending(one, put.layers.rule, known.__getitem__, stage.files.get, verified=True, others_kept=12)
        for one in repairs(put)
    ]
    shown = text(replace(told, repairs=tuple(found)))
    assert shown.splitlines()[-16:-3] == [
        "help: smallest repair (1 edit; keeps every other decision of this world the",
        "  same: 12 checked): add kms:CreateGrant",
        "  --> policies/source-key.json",
        "   |",
        '26 -         "kms:DescribeKey"',
        '26 +         "kms:DescribeKey",',
        '27 +         "kms:CreateGrant"',
        "   |",
        "   note: grants of any kind may then be made; a statement of its own could ask",
        "         for kms:GrantIsForAWSResource",
        f"   {found[0].commands[0]}",
        "   and 2 other repairs",
        "",
    ]
    body: Any = explanation_to_json(replace(told, repairs=tuple(found)))
    assert [one["verified"] for one in body["repairs"]] == [True, True, True]
