"""Ways that lead through a role, or through another Region, and what such an answer rests on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.graph import asking
from app.graph.build import build
from app.graph.edits import Asked, edit_of
from app.graph.who import named
from app.kernel.cloud import Cloud
from app.services.ebs.places import OPT_IN_NOT_REQUIRED
from tests.graph.test_readers import ELSEWHERE, RESTORER, WAYS, one
from tests.sharing.accounts import (
    NOTHING,
    REGION,
    TARGET,
    THIRD,
    Hand,
    Share,
    Statement,
    allow,
    deny,
    document,
    root,
)  # fmt: skip

READING = (*allow("ebs:*"), *allow("kms:*"))


def trusting(*principals: str, **more: Any) -> str:
    statement = {"Sid": "Trust", "Effect": "Allow", "Principal": {"AWS": [*principals]}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | more]})


def role(cloud: Cloud, account: str, name: str, trust: str, *statements: Statement) -> str:
    """A role with one inline policy; its ARN."""
    owner = root(cloud, account)
    made = owner.do("iam:CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    owner.do("iam:PutRolePolicy", RoleName=name, PolicyName="inline", PolicyDocument=document(statements))
    return made


@pytest.fixture
def powerless(share: Share) -> Share:
    """The target's user may nothing; a role of the target may read, and trusts the target."""
    silent = share.with_(target_iam_on_source_key=NOTHING)
    root(silent.cloud, TARGET).let("restorer", *allow("sts:AssumeRole"))
    return silent


def test_whoever_may_assume_a_role_that_reads_reads_and_the_answer_names_the_trust(powerless: Share) -> None:
    arn = role(powerless.cloud, TARGET, "importer", trusting(RESTORER), *READING)
    found = one(powerless, powerless.things.snapshot, RESTORER)
    assert found["by"] == [f"assume {arn}"]
    way = found["ways"][-1]
    assert way["calls"] == ["sts:AssumeRole", "ebs:ListSnapshotBlocks", "ebs:GetSnapshotBlock"]
    assert way["roles"] == [arn]
    grounds = [(each["policy"], each["attached_to"], each["statement"], each["actions"]) for each in way["grounds"]]
    assert ("trust policy", arn, "Trust", ["sts:AssumeRole"]) in grounds
    assert ("inline", arn, "Statement[0]", ["ebs:GetSnapshotBlock", "ebs:ListSnapshotBlocks"]) in grounds
    assert ["shared-with", powerless.things.snapshot, TARGET, "createVolumePermission"] in found["edges"]
    assert ["delegates", powerless.things.source_key, TARGET, "Statement[1]"] in found["edges"]


def test_the_words_say_that_it_is_a_trust_policy(powerless: Share) -> None:
    arn = role(powerless.cloud, TARGET, "importer", trusting(RESTORER), *READING)
    graph = build(powerless.cloud.services, powerless.cloud.world)
    who = [named(powerless.cloud, RESTORER)]
    text = asking.told(asking.readers(powerless.cloud, graph, powerless.things.snapshot, who), graph, "text")
    assert f"assume {arn}: sts:AssumeRole by Trust in the trust policy of {arn}" in text


def test_a_chain_of_roles_leads_from_an_account_that_the_snapshot_is_not_shared_with(powerless: Share) -> None:
    """Goal: the third account is asked about, because a role that reads trusts one of its roles."""
    cloud = powerless.cloud
    worker = root(cloud, THIRD).user("worker", *allow("sts:AssumeRole")).caller.arn
    root(cloud, THIRD).user("bystander", *allow("sts:*", "ebs:*", "kms:*"))
    first = role(cloud, THIRD, "first", trusting(worker), *allow("sts:AssumeRole"))
    last = role(cloud, TARGET, "last", trusting(first), *READING)
    graph = build(cloud.services, cloud.world)
    facts = asking.readers(cloud, graph, powerless.things.snapshot).facts
    by = {each["who"]: each["by"] for each in facts["readers"]}
    assert by[worker] == (f"assume {last}",)
    assert by[first] == (f"assume {last}",)
    assert not any("bystander" in who for who in by)
    way = next(way for each in facts["readers"] if each["who"] == worker for way in each["ways"] if way["holds"])
    assert (way["roles"], way["calls"][:2]) == ((first, last), ("sts:AssumeRole", "sts:AssumeRole"))


@pytest.mark.parametrize(
    ("trust", "cause"),
    [
        (trusting(f"arn:aws:iam::{TARGET}:root"), "IDENTITY_SILENT"),
        (trusting(RESTORER, Condition={"StringEquals": {"sts:ExternalId": "agreed"}}), "TRUST_CONDITION"),
    ],
)
def test_a_role_that_can_not_be_assumed_is_told_with_its_cause(powerless: Share, trust: str, cause: str) -> None:
    root(powerless.cloud, TARGET).let("restorer", *allow("ec2:*"))
    arn = role(powerless.cloud, TARGET, "importer", trust, *READING)
    found = one(powerless, powerless.things.snapshot, RESTORER)
    assert not found["reads"]
    stop = found["ways"][-1]["stop"]
    assert (found["ways"][-1]["way"], stop["call"], stop["cause"]) == (f"assume {arn}", "sts:AssumeRole", cause)


def test_a_role_that_reads_nothing_is_told_where_it_ends(powerless: Share) -> None:
    arn = role(powerless.cloud, TARGET, "importer", trusting(RESTORER), *allow("ebs:*"))
    way = one(powerless, powerless.things.snapshot, RESTORER)["ways"][-1]
    assert (way["way"], way["holds"], way["stop"]["refused"]) == (f"assume {arn}", False, "kms:DescribeKey")


def test_a_root_assumes_nothing_and_a_role_does_not_lead_to_itself(powerless: Share) -> None:
    arn = role(powerless.cloud, TARGET, "importer", trusting(f"arn:aws:iam::{TARGET}:root"), *READING)
    snapshot = powerless.things.snapshot
    assert one(powerless, snapshot, TARGET)["by"] == WAYS
    assert one(powerless, snapshot, arn)["by"] == ["direct"]


def test_what_an_edit_takes_from_a_role_it_takes_from_those_who_assume_it(powerless: Share) -> None:
    arn = role(powerless.cloud, TARGET, "importer", trusting(RESTORER), *READING)
    cloud, graph = powerless.cloud, build(powerless.cloud.services, powerless.cloud.world)
    edit = edit_of(graph, cloud.world, "unshare", Asked(powerless.things.snapshot, TARGET))
    turns = {turn["who"]: turn["before"] for turn in asking.impact(cloud, graph, edit).facts["turns"]}
    assert turns == {TARGET: tuple(WAYS), RESTORER: (f"assume {arn}",), arn: ("direct",)}


# other Regions


def test_a_copy_into_another_region_is_a_way_where_the_region_of_the_source_is_closed(share: Share) -> None:
    """Goal: who may call nothing in the snapshot's own Region still copies it elsewhere and reads the copy there."""
    closed = share.with_(target_iam=(*allow("ec2:*", "ebs:*"), *away_from(REGION)))
    found = one(closed, closed.things.snapshot, RESTORER)
    assert found["by"] == [ELSEWHERE]
    way = next(way for way in found["ways"] if way["holds"])
    assert way["calls"][0] == "ec2:CopySnapshot"
    assert ["delegates", closed.things.source_key, TARGET, "Statement[1]"] in found["edges"]


def away_from(region: str) -> tuple[Statement, ...]:
    """Of EC2 alone: KMS is called in the source's Region for any copy of it."""
    return deny("ec2:*", "ebs:*", Condition={"StringEquals": {"aws:RequestedRegion": region}})


def test_a_region_in_which_the_account_has_a_key_is_tried_under_that_key(share: Share) -> None:
    """Method: the user may not use the account's default keys, but a key of its own in Ireland."""
    ireland = Hand(share.cloud, root(share.cloud, TARGET).caller, "eu-west-1")
    key = ireland.key()
    assert f"copy {ireland.region}" in one(share, share.things.snapshot, RESTORER)["by"]
    ireland.do("kms:DisableKey", KeyId=key)
    assert one(share, share.things.snapshot, RESTORER)["by"] == WAYS


def test_every_region_without_a_key_gives_the_answer_of_the_one_that_stands_for_them(share: Share) -> None:
    written = share.source.read(share.things.snapshot)
    assert written
    for region in sorted(OPT_IN_NOT_REQUIRED - {REGION}):
        away = Hand(share.cloud, share.target.caller, region)
        copy = away.do("ec2:CopySnapshot", SourceRegion=REGION, SourceSnapshotId=share.things.snapshot)["SnapshotId"]
        assert away.read(copy) == written, region
