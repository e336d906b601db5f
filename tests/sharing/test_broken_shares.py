"""The ways in which a share fails, each with its repair as second half (ebs.md 1.2, 1.4, 5).

A way is a row: what is said wrongly, why that fails (a cause of the closed table), and what is said instead. A copy
and a volume are tried under both. Only KMS decides here: the snapshot is shared, and EC2 allows everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from app.kernel.clock import DAY_MS
from app.policy.causes import Cause
from tests.sharing.accounts import (
    EVERY_USE,
    NOTHING,
    REGION,
    SOURCE,
    SOURCE_ROOT,
    TARGET,
    TARGET_ROOT,
    THIRD,
    Share,
    TwoAccounts,
    allow,
    deny,
    document,
    root,
)

KEY_REFUSED = "Given key ID is not accessible"
USER = f"arn:aws:iam::{TARGET}:user/restorer"
FINE = None  # this operation does not mind


@dataclass(frozen=True)
class Way:
    name: str
    broken: Mapping[str, Any]
    copy: Cause | None
    volume: Cause | None
    repaired: Mapping[str, Any]


def where(**condition: Any) -> dict[str, Any]:
    """`where(StringEquals={...})`: the condition of a statement."""
    return {"Condition": condition}


ALLOWED = {"source_key_policy": allow(TARGET_ROOT, *EVERY_USE)}
AWS_RESOURCE = "kms:GrantIsForAWSResource"
DOCUMENTED = (  # the pair of statements in AWS's guide
    *allow(TARGET_ROOT, "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"),
    *allow(TARGET_ROOT, "kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant", **where(Bool={AWS_RESOURCE: "true"})),
)
WAYS = (
    Way(
        "the key policy says nothing of the target",
        {"source_key_policy": NOTHING},
        Cause.KEY_POLICY_SILENT,
        Cause.KEY_POLICY_SILENT,
        ALLOWED,
    ),
    Way(
        "the key policy names another account",
        {"source_key_policy": allow(f"arn:aws:iam::{THIRD}:root", "kms:*")},
        Cause.KEY_POLICY_SILENT,
        Cause.KEY_POLICY_SILENT,
        ALLOWED,
    ),
    Way(
        "the key policy names another user of the target",
        {
            "source_key_policy": allow(
                f"arn:aws:iam::{TARGET}:root", "kms:*", **where(ArnEquals={"aws:PrincipalArn": f"{USER}2"})
            )
        },
        Cause.KEY_POLICY_CONDITION,
        Cause.KEY_POLICY_CONDITION,
        {"source_key_policy": allow(USER, *EVERY_USE)},
    ),
    Way(
        "the key policy denies the target",
        {"source_key_policy": (*allow(TARGET_ROOT, "kms:*"), *deny(TARGET_ROOT, "kms:*"))},
        Cause.KEY_POLICY_DENIES,
        Cause.KEY_POLICY_DENIES,
        ALLOWED,
    ),
    Way(
        "the guide's second statement is missing",
        {"source_key_policy": DOCUMENTED[:1]},
        Cause.KEY_POLICY_SILENT,
        FINE,
        {"source_key_policy": DOCUMENTED},
    ),
    Way(
        "the guide's first statement is missing",
        {"source_key_policy": DOCUMENTED[1:]},
        FINE,
        Cause.KEY_POLICY_SILENT,
        {"source_key_policy": DOCUMENTED},
    ),
    Way(
        "grants are allowed only for what is no AWS resource",
        {"source_key_policy": allow(TARGET_ROOT, "kms:*", **where(Bool={AWS_RESOURCE: "false"}))},
        Cause.KEY_POLICY_CONDITION,
        Cause.KEY_POLICY_CONDITION,
        ALLOWED,
    ),
    Way(
        "the key is for another service",
        {
            "source_key_policy": allow(
                TARGET_ROOT, "kms:*", **where(StringEquals={"kms:ViaService": f"rds.{REGION}.amazonaws.com"})
            )
        },
        Cause.KEY_POLICY_CONDITION,
        Cause.KEY_POLICY_CONDITION,
        {
            "source_key_policy": allow(
                TARGET_ROOT, "kms:*", **where(StringEquals={"kms:ViaService": f"ec2.{REGION}.amazonaws.com"})
            )
        },
    ),
    Way(
        "the key is for another account's callers",
        {"source_key_policy": allow("*", "kms:*", **where(StringEquals={"kms:CallerAccount": SOURCE}))},
        Cause.KEY_POLICY_CONDITION,
        Cause.KEY_POLICY_CONDITION,
        {"source_key_policy": allow("*", "kms:*", **where(StringEquals={"kms:CallerAccount": TARGET}))},
    ),
    Way(
        "the context is that of another volume",
        {
            "source_key_policy": allow(
                TARGET_ROOT, "kms:*", **where(StringEquals={"kms:EncryptionContext:aws:ebs:id": "vol-00000000"})
            )
        },
        Cause.KEY_POLICY_CONDITION,
        Cause.KEY_POLICY_CONDITION,
        {
            "source_key_policy": allow(
                TARGET_ROOT, "kms:*", **where(StringLike={"kms:EncryptionContext:aws:ebs:id": "vol-*"})
            )
        },
    ),
    Way(
        "the grant is constrained in another way",
        {
            "source_key_policy": (
                *allow(TARGET_ROOT, "kms:ReEncrypt*"),
                *allow(
                    TARGET_ROOT,
                    "kms:CreateGrant",
                    **where(StringEquals={"kms:GrantConstraintType": "EncryptionContextSubset"}),
                ),
            )
        },
        Cause.KEY_POLICY_CONDITION,
        FINE,
        ALLOWED,
    ),
    Way(
        "the target's IAM policy says nothing of the key",
        {"target_iam_on_source_key": NOTHING},
        Cause.IDENTITY_SILENT,
        Cause.IDENTITY_SILENT,
        {"target_iam_on_source_key": allow("kms:CreateGrant", "kms:ReEncryptFrom")},
    ),
    Way(
        "the target's IAM policy denies grants",
        {"target_iam_on_source_key": (*allow("kms:*"), *deny("kms:CreateGrant"))},
        Cause.IDENTITY_DENIES,
        FINE,
        {"target_iam_on_source_key": allow("kms:*")},
    ),
    Way(
        "the target's IAM policy names the key in another Region",
        {"target_iam_on_source_key": allow("kms:*", Resource=f"arn:aws:kms:eu-west-1:{SOURCE}:key/*")},
        Cause.IDENTITY_SILENT,
        Cause.IDENTITY_SILENT,
        {"target_iam_on_source_key": allow("kms:*", Resource=f"arn:aws:kms:{REGION}:{SOURCE}:key/*")},
    ),
    Way(
        "the target's IAM policy names the key in its own account",
        {"target_iam_on_source_key": allow("kms:*", Resource=f"arn:aws:kms:{REGION}:{TARGET}:key/*")},
        Cause.IDENTITY_SILENT,
        Cause.IDENTITY_SILENT,
        {"target_iam_on_source_key": allow("kms:*")},
    ),
    Way(
        "the target's own key lets no IAM policy count",
        {"target_key_policy": allow(SOURCE_ROOT, "kms:*")},
        Cause.ACCOUNT_NOT_DELEGATED,
        Cause.ACCOUNT_NOT_DELEGATED,
        {"target_key_policy": allow(USER, "kms:*")},
    ),
    Way(
        "the target's own key makes no new data key for it",
        {"target_key_policy": (*allow(TARGET_ROOT, "kms:*"), *deny(USER, "kms:GenerateDataKeyWithoutPlaintext"))},
        Cause.KEY_POLICY_DENIES,
        Cause.KEY_POLICY_DENIES,
        {"target_key_policy": allow(TARGET_ROOT, "kms:*")},
    ),
)


@pytest.mark.row("1.4/key-denied", "1.4/both-sides", "1.2/permission-any")
@pytest.mark.parametrize("way", WAYS, ids=lambda each: each.name)
def test_a_share_that_is_broken_in_one_way_fails_for_that_cause_and_its_repair_works(
    accounts: TwoAccounts, way: Way
) -> None:
    share = accounts.share(**way.broken)
    copy, volume = share.copy_to_target(), share.volume_in_target()
    at_once = copy.error is not None
    assert (copy.cause, volume.cause) == (way.copy, way.volume)
    if way.copy and not at_once:
        assert (copy.settled().state, copy.settled().message) == ("error", KEY_REFUSED)
    assert volume.settled().state == ("gone" if way.volume else "available")
    repaired = share.with_(**way.repaired)
    assert (repaired.copy_to_target().outcome, repaired.volume_in_target().outcome) == ("completed", "available")


def test_a_boundary_that_leaves_kms_out_breaks_the_share_whatever_the_policies_allow(share: Share) -> None:
    """Method: a boundary of EC2 alone on the target's user; then one with KMS."""
    owner = root(share.cloud, TARGET)

    def bounded(name: str, *actions: str) -> None:

        made = owner.do("iam:CreatePolicy", PolicyName=name, PolicyDocument=document(allow(*actions)))["Policy"]["Arn"]
        owner.do("iam:PutUserPermissionsBoundary", UserName="restorer", PermissionsBoundary=made)

    bounded("narrow", "ec2:*", "kms:DescribeKey")
    copy, volume = share.copy_to_target(), share.volume_in_target()
    assert (copy.outcome, volume.outcome) == ("error", "gone")
    assert copy.cause is volume.cause is Cause.BOUNDARY_SILENT
    bounded("wide", "ec2:*", "kms:*")
    assert (share.copy_to_target().outcome, share.volume_in_target().outcome) == ("completed", "available")


@pytest.mark.parametrize(
    ("breaks", "repairs", "cause"),
    [
        (("DisableKey",), ("EnableKey",), Cause.KEY_DISABLED),
        (("ScheduleKeyDeletion",), ("CancelKeyDeletion", "EnableKey"), Cause.KEY_PENDING_DELETION),
    ],
)
def test_a_source_key_that_is_not_enabled_breaks_the_share_until_it_is(
    share: Share, breaks: tuple[str, ...], repairs: tuple[str, ...], cause: Cause
) -> None:
    key = {"KeyId": share.things.source_key}
    for operation in breaks:
        share.source.do(f"kms:{operation}", **key)
    copy, volume = share.copy_to_target(), share.volume_in_target()
    assert (copy.settled().message, volume.outcome) == (KEY_REFUSED, "gone")
    assert copy.cause is volume.cause is cause
    for operation in repairs:
        share.source.do(f"kms:{operation}", **key)
    assert (share.copy_to_target().outcome, share.volume_in_target().outcome) == ("completed", "available")


def test_a_source_key_that_is_deleted_takes_the_share_with_it_and_no_repair_is_left(share: Share) -> None:
    """A copy that was made before lives on. Method: the deletion window passes on the world's clock."""
    before = share.copy_to_target()
    assert before.outcome == "completed"
    share.source.do("kms:ScheduleKeyDeletion", KeyId=share.things.source_key, PendingWindowInDays=7)
    share.cloud.advance(8 * DAY_MS)
    assert share.copy_to_target().settled().message == KEY_REFUSED
    assert share.volume_in_target().outcome == "gone"
    assert share.source.refused("kms:CancelKeyDeletion", KeyId=share.things.source_key)[0] == "NotFoundException"
    assert sorted(share.target.read(before.id)) == [0, 7]


def test_a_grant_is_as_good_as_the_key_policy_for_what_it_names(share: Share) -> None:
    """Method: no statement for the target; a grant to its user of what a volume needs on the source key."""
    silent = share.with_(source_key_policy=NOTHING)
    assert silent.volume_in_target().cause is Cause.KEY_POLICY_SILENT
    asked = {"KeyId": share.things.source_key, "GranteePrincipal": USER, "Operations": ["ReEncryptFrom"]}
    grant = silent.source.do("kms:CreateGrant", **asked)["GrantId"]
    assert silent.volume_in_target().outcome == "available"
    silent.source.do("kms:RevokeGrant", KeyId=share.things.source_key, GrantId=grant)
    assert silent.volume_in_target().outcome == "gone"


def test_a_share_that_ends_and_begins_again_works_again(share: Share) -> None:
    assert share.copy_to_target().outcome == "completed"
    share.source.share(share.things.snapshot, TARGET, adds=False)
    lost = share.copy_to_target().settled()
    assert (lost.state, lost.message, lost.cause) == (
        "error",
        "Source snapshot is not found",
        Cause.SNAPSHOT_NOT_SHARED,
    )
    share.source.share(share.things.snapshot, TARGET)
    assert share.copy_to_target().outcome == "completed"


def test_what_is_denied_is_found_in_the_targets_trail_with_its_text(share: Share) -> None:
    """The answer says only that the key is not accessible. Method: the KMS event of the refused call."""
    broken = share.with_(target_iam_on_source_key=NOTHING)
    assert broken.copy_to_target().outcome == "error"
    denied = root(broken.cloud, TARGET).events("CreateGrant")[0]
    assert denied["errorCode"] == "AccessDenied"
    assert denied["errorMessage"].startswith(f"User: {USER} is not authorized to perform: kms:CreateGrant on ")
    assert denied["requestParameters"] is None
