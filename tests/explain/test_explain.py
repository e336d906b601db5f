"""Explanations of single points: which call, which statement, what is counted, how sure."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.kernel.call import root_of
from app.kernel.log import CallEntry, DecisionEntry
from app.policy.causes import Cause
from app.policy.decide import decide
from app.policy.explain import Explanation, about_code, explain, text, to_json
from app.policy.explain_values import Sure
from app.policy.trace import to_json as trace_to_json
from tests.policy.build import question

from . import stories
from .stage import SOURCE, TARGET, Stage

ROOM = {"Effect": "Allow", "Action": "*", "Resource": "*"}
DELEGATES = {**ROOM, "Principal": {"AWS": "111111111111"}}


def asked(case: dict[str, Any], *, seen: str = "") -> Explanation:
    """A refused question as the log would keep it."""
    put = question(case)
    decision = decide(put, trace=True)
    assert decision.cause is not None
    entry = {
        "type": "decision", "id": "d", "request_id": "r", "root": "r", "action": put.action, "resource": put.resource,
        "allowed": False, "cause": decision.cause.name, "body": trace_to_json(decision, put),
    }  # fmt: skip
    call = {
        "type": "call", "request_id": "r", "root": "r", "operation": put.action, "caller": put.principal.arn,
        "code": "AccessDeniedException", "message": "no", "cause": decision.cause.name, "seen": seen,
    }  # fmt: skip
    found = explain([entry, call], "r")
    assert found is not None
    return found


# Which refusal.


def test_what_was_not_refused_has_no_explanation() -> None:
    stage = Stage()
    stage.key(SOURCE)
    assert explain([entry for _, entry in stage.cloud.world.log.entries()]) is None


def test_a_dry_run_that_would_work_is_no_refusal() -> None:
    stage = Stage()
    reply = stage.call(root_of(SOURCE), "ec2:CreateVolume", AvailabilityZone="eu-west-1a", Size=1, DryRun=True)
    assert reply.error is not None
    assert explain([entry for _, entry in stage.cloud.world.log.entries()]) is None


def test_a_refusal_is_found_by_request_by_resource_and_by_decision() -> None:
    """A copy that failed later is found by the call, by the copy, and by the decision's id of the header."""
    stage = Stage()
    told = stories.the_key_policy_forgets_one_action(stage)
    entries = [entry for _, entry in stage.cloud.world.log.entries()]
    refused = [entry for entry in entries if isinstance(entry, DecisionEntry) and not entry.allowed]
    for about in ("", told.request_id, told.wire_error.made, refused[-1].id):
        found = explain(entries, about)
        assert found is not None
        assert (found.cause, found.request_id, found.wire_error) == (told.cause, told.request_id, told.wire_error)


def test_entries_may_be_structs_or_json_with_the_body_open_or_not() -> None:
    """The log gives structs, a run's evidence plain JSON without tags and with the bodies opened."""
    stage = Stage()
    told = stories.a_volume_vanishes(stage)
    structs = [entry for _, entry in stage.cloud.world.log.entries()]
    plain = [msgspec.to_builtins(entry) for entry in structs]
    opened = [{**entry, "body": json.loads(entry["body"])} if entry.get("body") else entry for entry in plain]
    untagged = [
        {name: value for name, value in entry.items() if name != "type"} for entry in opened if entry["type"] != "event"
    ]
    shown = [
        text(found) for entries in (structs, plain, opened, untagged) if (found := explain(entries, told.request_id))
    ]
    assert len(shown) == 4
    assert len(set(shown)) == 1


def test_the_last_refusal_of_several_is_told() -> None:
    stage = Stage()
    first = stories.a_user_without_any_policy(stage)
    missing = stage.call(root_of(TARGET), "kms:DescribeKey", KeyId="1234abcd-12ab-34cd-56ef-1234567890ab")
    entries = [entry for _, entry in stage.cloud.world.log.entries()]
    last = explain(entries)
    assert last is not None
    assert (last.request_id, last.cause) == (missing.request_id, Cause.KEY_NOT_FOUND)
    again = explain(entries, first.request_id)
    assert again is not None
    assert again.cause is Cause.IDENTITY_SILENT


def test_at_once_and_later_are_told_apart() -> None:
    later, at_once = stories.the_source_key_is_disabled(Stage()), stories.the_target_s_own_key_is_disabled(Stage())
    assert later.wire_error.later
    assert later.wire_error.made.startswith("snap-")
    assert not at_once.wire_error.later
    assert at_once.wire_error.code == "InvalidParameterValue"


# The statement.


def test_of_several_statements_the_nearest_is_pointed_at() -> None:
    """Not one of another service, and not one for another principal, while there is one that lacks only the action."""
    statements = [
        {"Sid": "Other", "Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Sid": "Near", "Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*"},
    ]
    found = asked({"rule": "kms-key", "resource": [DELEGATES], "identity": statements})
    assert found.pointed is not None
    assert found.pointed.where.sid == "Near"


def test_of_silence_no_statement_is_pointed_at_where_none_can_fit() -> None:
    found = asked({"identity": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]})
    assert found.pointed is not None
    assert not found.pointed.rows
    assert "it has no Allow statement" in text(found)


def test_a_policy_on_one_line_is_shown_an_element_a_line() -> None:
    """As most tools write them. Line 1 is line 1, and the caret stands under the element all the same."""
    statement = {"Sid": "One", "Effect": "Allow", "Action": ["kms:Encrypt", "kms:DescribeKey"], "Resource": "*"}
    shown = text(asked({"rule": "kms-key", "resource": [DELEGATES], "identity": [statement]}))
    assert ' 1 |       "Sid": "One",' in shown or '1 |       "Sid": "One",' in shown
    assert '"Action": ["kms:Encrypt", "kms:DescribeKey"],\n  |       ^^^^^^^^ kms:Decrypt is not among these' in shown


def test_a_deny_shows_why_its_condition_holds() -> None:
    """A missing key makes a negated operator hold: the trap is told in words."""
    deny = {**ROOM, "Effect": "Deny", "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}
    shown = text(asked({"identity": [ROOM, deny]}))
    assert "denies kms:Decrypt" in shown
    assert "holds: the request carries no aws:SourceVpce" in shown
    assert "An explicit Deny ends the matter" in shown


def test_every_element_that_fails_has_carets() -> None:
    """One repair that leaves a second mismatch would disappoint."""
    statement = {**ROOM, "Action": "kms:Encrypt", "Resource": "arn:aws:kms:us-east-1:111111111111:key/other"}
    found = asked({"rule": "kms-key", "resource": [DELEGATES], "identity": [statement]})
    assert found.pointed is not None
    assert len([row for row in found.pointed.rows if row.length]) == 2


# Sides.


def test_both_accounts_may_say_no() -> None:
    """Two repairs are needed then; which of them AWS names is said to be inferred."""
    found = asked({"rule": "kms-key", "caller": "foreign-user", "resource": [DELEGATES]})
    assert [answer.yes for answer in found.answers] == [False, False]
    assert any("inferred" in note for note in found.confidence.notes)


def test_the_layer_that_refuses_is_the_one_that_says_no() -> None:
    """An SCP at one of two levels: its target is named."""
    found = asked({"identity": [ROOM], "scps": [[ROOM], [{**ROOM, "Action": "s3:*"}]]})
    assert {answer.side: answer.yes for answer in found.answers} == {
        "identity policies": True,
        "service control policies": False,
    }
    assert found.code == "D605"
    assert "none at l1 allows it" in text(found)


# Counting and certainty.


@pytest.mark.parametrize("story", stories.STORIES, ids=lambda story: story.__name__)
def test_looked_at_is_complete(story: stories.Story) -> None:
    """A second count, from the trace of the log: no layer is forgotten and no statement."""
    stage = Stage()
    told = story(stage)
    refused = [
        entry for _, entry in stage.cloud.world.log.entries() if isinstance(entry, DecisionEntry) and not entry.allowed
    ]
    if not told.looked:
        assert told.decision == "NotAPolicyMatter"
        return
    trace = json.loads(refused[-1].body)
    assert sum(one.statements for one in told.looked) == sum(len(layer["statements"]) for layer in trace["layers"])
    grants = sum(len(layer["grants"]) for layer in trace["layers"])
    assert sum(one.count for one in told.looked) == len(trace["documents"]) + grants


def test_a_refusal_that_rests_on_an_inferred_rule_says_so() -> None:
    condition = {"StringEquals": {"aws:TagKeys": "a"}}
    found = asked({"identity": [{**ROOM, "Condition": condition}], "context": {"aws:TagKeys": ["a", "b"]}})
    assert found.confidence.decision is Sure.INFERRED
    assert "without a set operator" in " ".join(text(found).split())
    assert to_json(found)["confidence"] == "inferred"


@pytest.mark.parametrize(
    ("seen", "sure"),
    [
        ("1.2: code [V]; text [I]", Sure.INFERRED),
        ("kms.md 7 [V]", Sure.VERBATIM),
        ("[O] by analogy", Sure.OBSERVED),
        ("", None),
    ],
)
def test_the_mark_of_the_error_s_words_is_the_weakest_that_its_source_names(seen: str, sure: Sure | None) -> None:
    assert asked({"identity": []}, seen=seen).confidence.words is sure


def test_a_log_without_the_texts_of_the_policies_is_explained_by_places() -> None:
    """Worlds saved before the log kept them; the reader is told what is missing."""
    stage = Stage()
    told = stories.the_key_policy_forgets_one_action(stage)
    entries = [msgspec.to_builtins(entry) for _, entry in stage.cloud.world.log.entries()]
    for entry in entries:
        if entry["type"] == "decision":
            entry["body"] = {name: value for name, value in json.loads(entry["body"]).items() if name != "documents"}
    found = explain(entries, told.request_id)
    assert found is not None
    assert found.unknown == ("the log does not hold the text of the policies",)
    assert found.pointed is not None
    assert found.pointed.where.sid == "AllowTarget"


def test_a_decision_that_the_log_lost_is_not_guessed() -> None:
    stage = Stage()
    told = stories.the_key_policy_forgets_one_action(stage)
    calls = [entry for _, entry in stage.cloud.world.log.entries() if isinstance(entry, CallEntry)]
    found = explain(calls, told.request_id)
    assert found is not None
    assert (found.decision, found.cause) == ("Unknown", Cause.KEY_POLICY_SILENT)
    assert "The log does not hold the decision." in text(found)


def test_every_code_can_be_looked_up() -> None:
    for cause in Cause:
        page = about_code(cause.code.lower())
        assert page is not None
        assert cause.sentence in page
    assert about_code("D999") is None


def test_a_request_refused_for_its_form_has_a_cause_of_its_own() -> None:
    stage = Stage()
    stage.call(root_of(SOURCE), "kms:DescribeKey")
    found = explain([entry for _, entry in stage.cloud.world.log.entries()])
    assert found is not None
    assert found.cause is Cause.PARAMETERS
    assert found.unknown == ()


def test_what_reseal_does_not_simulate_is_said_to_be_reseal_s_own() -> None:
    stage = Stage()
    stage.call(root_of(SOURCE), "kms:NoSuchThing")
    found = explain([entry for _, entry in stage.cloud.world.log.entries()])
    assert found is not None
    assert found.cause is Cause.NOT_SIMULATED


def test_a_service_that_acts_as_itself_is_told_to_need_a_grant() -> None:
    found = asked({"rule": "kms-key", "caller": "service", "resource": [DELEGATES]})
    assert found.rule == "ec2.amazonaws.com acts as itself: only a grant or the key policy can allow it."
    assert [(answer.side, answer.yes) for answer in found.answers] == [("the key policy", False)]
