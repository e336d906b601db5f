"""What is offered works: the whole request succeeds with it, fails with any part of it, and nothing else changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.kernel.call import Caller, root_of
from app.kernel.log import CallEntry
from app.policy.question import LayerKind
from app.policy.repair import parts
from app.policy.repair_budget import CALL, Budget
from app.repair import search
from app.repair.search import MAY_BE_MORE, NONE_YET, NOTHING_HELPS, WORKS_NOW, Tried
from app.repair.trial import CannotApply, request_of, trial
from tests.explain import stories
from tests.explain.stage import EC2_OWN, OWN, SOURCE, TARGET, Stage, account, allow, deny

UNKEPT = (stories.a_grant_is_for_another_context,)  # its plaintext is not kept, so its request can not be made again


def told(story: stories.Story) -> tuple[Stage, str, Tried]:
    stage = Stage()
    about = story(stage).request_id
    return stage, about, search.repairs(stage.cloud, about)


def each_story(*but: stories.Story) -> pytest.MarkDecorator:
    chosen = [story for story in stories.STORIES if story not in but]
    return pytest.mark.parametrize("story", chosen, ids=lambda story: story.__name__)


# Each story of a refusal.


@each_story()
def test_every_refusal_of_the_stories_is_offered_a_repair(story: stories.Story) -> None:
    _, _, found = told(story)
    assert found.offers
    assert found.remark == ""
    assert [one.repair.size for one in found.offers] == sorted(one.repair.size for one in found.offers)


@each_story(*UNKEPT)
def test_every_offered_repair_replays_to_success_and_every_proper_part_of_it_fails(story: stories.Story) -> None:
    """Method: the request is made in a fork of the story's world, with the repair and with each part of it."""
    stage, about, found = told(story)
    request = request_of(stage.cloud.world.log.about(about), about)
    assert request is not None
    for offer in found.offers:
        assert offer.verified
        assert trial(stage.cloud, request, offer.repair, offer.texts).succeeded
        for part in parts(offer.repair):
            assert not _works(stage, request, part, offer)


def _works(stage: Stage, request: Any, part: Any, offer: search.Offer) -> bool:
    try:
        return trial(stage.cloud, request, part, offer.texts).succeeded
    except CannotApply:
        return False


@each_story()
def test_the_world_in_which_something_was_refused_sees_nothing_of_the_trials(story: stories.Story) -> None:
    stage = Stage()
    about = story(stage).request_id
    before = stage.cloud.world
    entries = len(list(before.log.entries()))
    search.repairs(stage.cloud, about)
    after = stage.cloud.world
    assert (after.revision, after.position, after.branch) == (before.revision, before.position, before.branch)
    assert after == before
    assert len(list(after.log.entries())) == entries


def test_a_repair_made_by_hand_in_the_world_itself_lets_the_same_request_succeed() -> None:
    """Method: the edited document is saved with PutKeyPolicy, and the copy is asked for again."""
    stage, about, found = told(stories.the_key_policy_forgets_one_action)
    body: Any = found.offers[0].mending().body
    [document] = body["documents"]
    key = document["attached_to"]
    stage.done(root_of(SOURCE), "kms:PutKeyPolicy", KeyId=key, PolicyName="default", Policy=document["after"])
    request = request_of(stage.cloud.world.log.about(about), about)
    assert request is not None
    copy = stage.cloud.call(request).answer
    assert copy is not None
    stage.cloud.advance(60_000)
    shown = stage.done(root_of(TARGET), "ec2:DescribeSnapshots", SnapshotIds=[copy["SnapshotId"]])["Snapshots"]
    assert [one["State"] for one in shown] == ["completed"]


# What the log kept.


def test_a_request_with_a_secret_in_it_is_not_replayed_and_its_repairs_say_so() -> None:
    """The log keeps no plaintext. Method: kms:Encrypt, whose repairs are checked by the evaluator alone."""
    _, _, found = told(stories.a_grant_is_for_another_context)
    assert {one.verified for one in found.offers} == {False}
    shown = found.mendings()[0]
    assert "checked by the evaluator, not replayed" in shown.headline
    assert shown.body["verified"] is False


def test_the_policy_of_an_aws_managed_key_is_not_edited_even_where_nothing_is_replayed() -> None:
    """Nobody may: PutKeyPolicy refuses. Method: kms:Encrypt, whose request can not be made again."""
    stage = Stage()
    root = root_of(SOURCE)
    key = stage.done(root, "kms:DescribeKey", KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
    refused = stage.call(root, "kms:GenerateDataKey", KeyId=key, NumberOfBytes=64)
    assert refused.error is not None
    assert search.repairs(stage.cloud, refused.request_id).offers == ()


def test_only_calls_that_failed_or_may_fail_later_are_kept_to_be_made_again() -> None:
    """And of them no sensitive parameter."""
    stage = Stage()
    stories.a_grant_is_for_another_context(stage)
    stories.a_volume_vanishes(stage)
    entries = [entry for _, entry in stage.cloud.world.log.entries() if isinstance(entry, CallEntry)]
    kept = {entry.operation: entry for entry in entries if entry.sent}
    assert {"ec2:CreateVolume", "ec2:CreateSnapshot", "kms:Encrypt"} <= set(kept)
    assert {"kms:CreateKey", "iam:CreateUser", "iam:PutUserPolicy", "kms:CreateGrant"}.isdisjoint(kept)
    encrypt = kept["kms:Encrypt"].sent
    assert encrypt is not None
    assert encrypt.left_out == ("Plaintext",)
    assert "Plaintext" not in encrypt.parameters
    assert [entry for entry in entries if entry.sent and entry.parent] == []


def test_a_copy_as_sdks_send_it_can_be_replayed_without_its_presigned_url() -> None:
    """boto3 puts a PresignedUrl beside every CopySnapshot; it is sensitive, and nothing rests on it."""
    stage = Stage()
    importer = stage.user(TARGET, "importer", EC2_OWN)
    snapshot = stage.snapshot(stage.key(SOURCE))
    url = f"https://ec2.eu-west-1.amazonaws.com/?SourceSnapshotId={snapshot}"
    told = stories.copy(stage, importer, snapshot, PresignedUrl=url)
    assert {one.verified for one in search.repairs(stage.cloud, told.request_id).offers} == {True}


def test_a_client_token_does_not_bring_back_the_volume_that_failed() -> None:
    """With the same token AWS answers the first volume again; a replay must make a new one."""
    stage = Stage()
    key = stage.key(SOURCE, OWN, allow("kms:Decrypt", Sid="AllowTarget", Principal=account(TARGET)))
    importer = stage.user(TARGET, "importer", allow(["ec2:*", "kms:*"]))
    where = {"AvailabilityZone": "eu-west-1a", "SnapshotId": stage.snapshot(key), "ClientToken": "once"}
    made = stage.done(importer, "ec2:CreateVolume", **where)
    stage.cloud.advance(60_000)
    found = search.repairs(stage.cloud, made["VolumeId"])
    assert found.offers
    assert found.offers[0].repair.size == 1


# The world as it is now.


def test_what_would_work_by_now_has_no_repair_and_says_so() -> None:
    stage, about, found = told(stories.the_source_key_is_disabled)
    [step] = found.offers[0].repair.steps
    stage.done(root_of(SOURCE), step.operation, **step.parameters)
    again = search.repairs(stage.cloud, about)
    assert (again.offers, again.remark) == ((), WORKS_NOW)


def test_where_nothing_was_refused_there_is_nothing_to_repair() -> None:
    stage = Stage()
    stage.key(SOURCE)
    assert search.repairs(stage.cloud).offers == ()
    assert search.explained(stage.cloud) is None


def test_what_only_another_request_can_help_is_offered_nothing() -> None:
    """A snapshot that is not there. Method: the remark instead of a guess."""
    stage = Stage()
    importer = stage.user(TARGET, "importer", EC2_OWN)
    told = stories.copy(stage, importer, "snap-0fedcba9876543210")
    found = search.repairs(stage.cloud, told.request_id)
    assert (found.offers, found.remark) == ((), NOTHING_HELPS)


@each_story()
def test_nothing_that_widens_to_a_star_is_offered_where_something_narrower_works(story: stories.Story) -> None:
    """A statement with `*` stretched to the request lets more in than the request."""
    _, _, found = told(story)
    assert len({one.repair.wide for one in found.offers}) == 1


# Several things at once.


def test_a_copy_that_two_sides_refuse_one_after_the_other_takes_an_edit_on_each() -> None:
    """The second refusal shows only when the first is gone."""
    stage = Stage()
    key = stage.key(SOURCE, OWN)
    own = allow(stories.USE, f"arn:aws:kms:*:{TARGET}:key/*", Sid="UseOwnKeys")
    importer = stage.user(TARGET, "importer", EC2_OWN, own)
    told = stories.copy(stage, importer, stage.snapshot(key))
    first = search.repairs(stage.cloud, told.request_id).offers[0].repair
    assert {edit.place.layer for edit in first.edits} == {LayerKind.RESOURCE, LayerKind.IDENTITY}
    assert first.size == 2


def test_a_disabled_key_whose_policy_is_silent_too_takes_a_step_and_an_edit() -> None:
    stage = Stage()
    key = stage.key(SOURCE, OWN)
    snapshot = stage.snapshot(key)
    stage.done(root_of(SOURCE), "kms:DisableKey", KeyId=key)
    importer = stage.user(TARGET, "importer", allow(["ec2:*", "kms:*"]))
    told = stories.copy(stage, importer, snapshot)
    first = search.repairs(stage.cloud, told.request_id).offers[0].repair
    assert ([step.operation for step in first.steps], len(first.edits)) == (["kms:EnableKey"], 1)


def test_a_key_that_is_to_be_deleted_is_kept_and_enabled() -> None:
    """Cancelling alone leaves it disabled: the two steps are needed both."""
    stage = Stage()
    key = stage.key(SOURCE)
    stage.done(root_of(SOURCE), "kms:ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    refused = stage.call(root_of(SOURCE), "kms:GenerateDataKey", KeyId=key, NumberOfBytes=64)
    [offer] = search.repairs(stage.cloud, refused.request_id).offers
    assert [step.operation for step in offer.repair.steps] == ["kms:CancelKeyDeletion", "kms:EnableKey"]


def test_a_copy_for_which_four_permissions_are_missing_is_repaired_within_the_budget() -> None:
    """And nothing that was added is wider than it has to be."""
    stage = Stage()
    key = stage.key(SOURCE, OWN, allow(stories.USE, Sid="AllowTarget", Principal=account(TARGET)))
    own = stage.key(TARGET)
    importer = stage.user(TARGET, "importer", EC2_OWN)
    told = stories.copy(stage, importer, stage.snapshot(key), KmsKeyId=own)
    first = search.repairs(stage.cloud, told.request_id).offers[0].repair
    assert first.size == 4
    for edit in first.edits:
        assert "*" not in json.dumps(edit.value)


# Side effects.


def test_a_repair_that_lets_another_refused_question_through_names_it() -> None:
    """Striking a Deny meant for two actions lets both through."""
    stage = Stage()
    key = stage.key(SOURCE)
    reader = stage.user(SOURCE, "reader", allow("kms:*"), deny(["kms:Describe*"], Sid="No"))
    stage.call(reader, "kms:DescribeKey", KeyId=stage.key(SOURCE))
    refused = stage.call(reader, "kms:DescribeKey", KeyId=key)
    found = search.repairs(stage.cloud, refused.request_id)
    opened = [one.others.opened for one in found.offers]
    assert all(opened)
    assert {action for one in opened for _, action, _ in one} == {"kms:DescribeKey"}
    assert "may then do kms:DescribeKey" in found.mendings()[0].notes[-1]
    assert found.mendings()[0].body["others_opened"]


def test_where_the_root_is_shut_out_the_repair_says_who_can_make_it() -> None:
    _, _, found = told(stories.the_key_policy_does_not_delegate)
    assert found.offers[0].notes == ("arn:aws:iam::111122223333:user/admin has to do it: the account's root may not",)


def test_a_policy_that_nobody_may_change_has_no_repair() -> None:
    """A key policy that names only a principal without kms:PutKeyPolicy."""
    stage = Stage()
    holder = stage.user(SOURCE, "holder")
    key = stage.key(SOURCE, allow("kms:Decrypt", Sid="Only", Principal={"AWS": holder.arn}))
    refused = stage.call(holder, "kms:DescribeKey", KeyId=key)
    found = search.repairs(stage.cloud, refused.request_id)
    assert (found.offers, found.remark) == ((), NOTHING_HELPS)


# Bounds.


def test_a_search_that_reaches_its_bound_does_not_say_that_nothing_helps() -> None:
    """Method: a budget for the refused request alone, and one that ends after the first repair."""
    stage = Stage()
    about = stories.the_key_policy_forgets_one_action(stage).request_id
    found = search.repairs(stage.cloud, about, budget=Budget(CALL))
    assert (found.offers, found.remark, found.complete) == ((), NONE_YET, False)
    whole = search.repairs(stage.cloud, about)
    assert (whole.remark, whole.complete) == ("", True)
    units = next(
        units for units in range(CALL, 1000) if search.repairs(stage.cloud, about, budget=Budget(units)).offers
    )
    found = search.repairs(stage.cloud, about, budget=Budget(units))
    assert (found.remark, found.complete) == (MAY_BE_MORE, False)


def test_policies_made_to_keep_the_search_busy_end_it_at_its_bound() -> None:
    """Goal: a key policy of 80 statements, each of which one edit would stretch to the request, and ten in the caller's
    own policy: 800 pairs, of 20 kB each. Method: what is asked is counted."""
    stage = Stage()
    nearly = [
        allow("kms:GenerateDataKey", Sid=f"s{number}", Principal={"AWS": f"arn:aws:iam::{TARGET}:root"},
              Condition={"StringEquals": {"aws:PrincipalTag/team": f"t{number}"}})
        for number in range(80)
    ]  # fmt: skip
    key = stage.key(SOURCE, OWN, *nearly)
    own = [allow("kms:GenerateDataKey", f"arn:aws:kms:*:*:key/{number}") for number in range(10)]
    reader = stage.user(TARGET, "reader", *own)
    refused = stage.call(reader, "kms:GenerateDataKey", KeyId=key, NumberOfBytes=64)
    assert search.repairs(stage.cloud, refused.request_id).complete
    budget = Budget(2_000)
    found = search.repairs(stage.cloud, refused.request_id, budget=budget)
    assert (found.remark, found.complete) == (NONE_YET, False)
    assert budget.units > -500


def test_a_session_policy_is_repaired_by_passing_another() -> None:
    stage, _, found = told(stories.a_session_policy_is_too_narrow)
    assert {edit.place.layer for one in found.offers for edit in one.repair.edits} == {LayerKind.SESSION}
    assert "assume the role again" in found.mendings(stage.files.get)[0].commands[0]


def test_a_managed_policy_is_repaired_as_a_new_version() -> None:
    """And an inline policy of a group in the group."""
    stage = Stage()
    root, key = root_of(TARGET), stage.key(TARGET)
    text = stage.file("limits", allow("ec2:*", Sid="Some"))
    arn = stage.done(root, "iam:CreatePolicy", PolicyName="some", PolicyDocument=text)["Policy"]["Arn"]
    who = stage.user(TARGET, "someone")
    stage.done(root, "iam:AttachUserPolicy", UserName="someone", PolicyArn=arn)
    refused = stage.call(who, "kms:DescribeKey", KeyId=key)
    [shown, *_] = search.repairs(stage.cloud, refused.request_id).mendings(stage.files.get)
    assert shown.commands[0].startswith(f"aws iam create-policy-version --policy-arn {arn} --set-as-default")


def test_an_inline_policy_of_a_group_is_repaired_in_the_group() -> None:
    stage = Stage()
    root, key = root_of(TARGET), stage.key(TARGET)
    stage.done(root, "iam:CreateGroup", GroupName="team")
    text = stage.file("team", allow("ec2:*", Sid="Some"))
    stage.done(root, "iam:PutGroupPolicy", GroupName="team", PolicyName="team", PolicyDocument=text)
    who: Caller = stage.user(TARGET, "someone")
    stage.done(root, "iam:AddUserToGroup", GroupName="team", UserName="someone")
    refused = stage.call(who, "kms:DescribeKey", KeyId=key)
    [shown, *_] = search.repairs(stage.cloud, refused.request_id).mendings(stage.files.get)
    assert shown.commands[0].startswith("aws iam put-group-policy --group-name team --policy-name team")
    terraform: Any = shown.body["terraform"]
    assert terraform[0].startswith('resource "aws_iam_group_policy" "team_team" {')


def test_an_edit_within_a_statement_that_the_repair_itself_adds_can_be_shown() -> None:
    """A copy needs grants on two keys, and the boundary allows none. Method: the smallest repair in its JSON form."""
    stage = Stage()
    own, key = stage.key(TARGET), stage.key(SOURCE, OWN, allow("kms:*", Sid="AllowTarget", Principal=account(TARGET)))
    who = stage.user(TARGET, "importer", allow(["ec2:*", "kms:*"]))
    narrow = stage.file("boundary", allow(["ec2:*", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"]))
    made = stage.done(root_of(TARGET), "iam:CreatePolicy", PolicyName="boundary", PolicyDocument=narrow)
    bound = {"UserName": "importer", "PermissionsBoundary": made["Policy"]["Arn"]}
    stage.done(root_of(TARGET), "iam:PutUserPermissionsBoundary", **bound)
    told = stories.copy(stage, who, stage.snapshot(key), KmsKeyId=own)
    edits: Any = search.repairs(stage.cloud, told.request_id).mendings()[0].body["edits"]
    assert [edit["path"] for edit in edits] == ["/Statement", "/Statement/1/Resource"]


# Grants.


def test_a_grantee_who_lacks_an_operation_is_given_a_grant_that_names_it() -> None:
    """One step, where policies would take an edit in each account."""
    stage = Stage()
    key, root = stage.key(SOURCE, OWN), root_of(SOURCE)
    who = stage.user(TARGET, "importer", allow("ec2:*"))
    stage.done(root, "kms:CreateGrant", KeyId=key, GranteePrincipal=who.arn, Operations=["Decrypt"])
    refused = stage.call(who, "kms:GenerateDataKey", KeyId=key, NumberOfBytes=64)
    first = search.repairs(stage.cloud, refused.request_id).offers[0].repair
    assert [(step.operation, step.parameters) for step in first.steps] == [
        ("kms:CreateGrant", {"KeyId": key, "GranteePrincipal": who.arn, "Operations": ["GenerateDataKey"]})
    ]
    assert first.edits == ()


def test_a_new_grant_keeps_to_the_encryption_context_of_the_call() -> None:
    stage = Stage()
    key, root = stage.key(SOURCE, OWN), root_of(SOURCE)
    who = stage.user(TARGET, "importer", allow("ec2:*"))
    bound = {"EncryptionContextEquals": {"purpose": "restore"}}
    grant = {"GranteePrincipal": who.arn, "Operations": ["GenerateDataKey"], "Constraints": bound}
    stage.done(root, "kms:CreateGrant", KeyId=key, **grant)
    sent = {"KeyId": key, "NumberOfBytes": 64, "EncryptionContext": {"purpose": "backup"}}
    refused = stage.call(who, "kms:GenerateDataKey", **sent)
    first = search.repairs(stage.cloud, refused.request_id).offers[0].repair
    assert [step.parameters["Constraints"] for step in first.steps] == [
        {"EncryptionContextEquals": {"purpose": "backup"}}
    ]
