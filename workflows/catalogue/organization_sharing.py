"""Sharing an encrypted snapshot with every account of an organization.

The two halves of a share know an organization differently. A key policy knows it by a condition: any principal, if
aws:PrincipalOrgID is the organization's id; who joins later is let in, who leaves is not, and nothing has to be
edited. A snapshot does not know it at all: it is shared with accounts, one by one, up to 500 in a call, never with an
organization or a unit (ebs.md 1.5 [V], 5 [D]). Images have it the other way (ebs.md 1.9 [D]). So the list goes stale:
an account that joins later has to be added, and one that left stays on it, stopped only by the key.

Three more accounts' answers count than the two of an ordinary share:

    management   knows the members; ListAccounts tells, a page at a time, to nobody else but delegated administrators
    member       its own policies have to allow the source key as well: a principal of "*" is delegation across
                 accounts, not permission (kms.md 5 [D])
    SCPs         of every level above the member; they bind the member's calls, those that EC2 makes for it included,
                 and never the owner of the key (kms.md 5.1 [D]). "Only keys of our own account" is a usual one, and
                 it stops every copy in the organization: at once for ec2 actions, later for kms actions

    create_snapshot  source       list_members  management     open_key  source
    share            source       every active member that was listed
    copy             member       one member's copy; the others do as it does
    restore          member       from a copy that needs neither source nor organization
"""

from __future__ import annotations

from typing import Final

from workflows.catalogue.snapshot_sharing import (
    is_key_of,
    key_is_customer_managed,
    listed_accounts,
    snapshot_is_completed,
    target_may_use_source_key,
    volume_is_encrypted,
)
from workflows.machine import OK, SOURCE, End, Settled, Step, Workflow
from workflows.view import View

MANAGEMENT: Final = "management"  # the account that manages the organization
MEMBER: Final = "member"  # an account of the organization that wants the data


def organization_is_managed(view: View) -> bool:
    """The management account manages an organization."""
    answer = view.ask(MANAGEMENT, "organizations:DescribeOrganization")
    return answer.value.get("Organization", {}).get("MasterAccountId") == view.ids[MANAGEMENT]


def source_and_member_are_listed(view: View) -> bool:
    """Source and member are active accounts of the organization, and the list is whole."""
    return {view.ids[SOURCE], view.ids[MEMBER]} <= _members(view) and not view.answer.get("NextToken")


def every_member_is_listed(view: View) -> bool:
    """Every active account of the organization, but the source itself, stands in the snapshot's list."""
    return _members(view) - {view.ids[SOURCE]} <= listed_accounts(view)


def member_sees_snapshot(view: View) -> bool:
    """The member sees the snapshot."""
    return view.snapshot(MEMBER, view.parameters["SourceSnapshotId"]).get("State") == "completed"


def copy_is_under_member_key(view: View) -> bool:
    """The copy is completed, and encrypted under a key of the member."""
    copy = view.snapshot(MEMBER, view.answer["SnapshotId"])
    return copy.get("State") == "completed" and is_key_of(view.ids[MEMBER], copy.get("KmsKeyId", ""))


def member_copy_is_completed(view: View) -> bool:
    """The member's copy is completed."""
    return view.snapshot(MEMBER, view.results["copy"]["SnapshotId"]).get("State") == "completed"


def volume_is_under_member_key(view: View) -> bool:
    """The new volume is available, and encrypted under a key of the member."""
    volume = view.volume(MEMBER, view.answer["VolumeId"])
    return volume.get("State") in ("available", "in-use") and is_key_of(view.ids[MEMBER], volume.get("KmsKeyId", ""))


def _members(view: View) -> set[str]:
    """The active accounts, as they were listed."""
    answer = view.results.get("list_members") or view.answer
    return {account["Id"] for account in answer.get("Accounts", ()) if account["Status"] == "ACTIVE"}


STATES = (
    Step("create_snapshot", SOURCE, "ec2:CreateSnapshot", volume_is_encrypted, snapshot_is_completed,
         expects=("InvalidVolume.NotFound",)),
    Step("list_members", MANAGEMENT, "organizations:ListAccounts", organization_is_managed,
         source_and_member_are_listed, expects=("AccessDeniedException",)),
    Step("open_key", SOURCE, "kms:PutKeyPolicy", key_is_customer_managed, target_may_use_source_key,
         expects=("AccessDeniedException", "NotFoundException")),
    Step("share", SOURCE, "ec2:ModifySnapshotAttribute", snapshot_is_completed, every_member_is_listed,
         expects=("InvalidAMIAttributeItemValue", "InvalidSnapshot.NotFound", "OperationNotPermitted",
                  "UnauthorizedOperation")),
    Step("copy", MEMBER, "ec2:CopySnapshot", member_sees_snapshot, copy_is_under_member_key,
         expects=("AuthFailure", "InvalidParameterValue", "UnauthorizedOperation")),
    Step("restore", MEMBER, "ec2:CreateVolume", member_copy_is_completed, volume_is_under_member_key,
         expects=("IncorrectState", "InvalidSnapshot.NotFound", "UnauthorizedOperation")),
    End("restored", ok=True),
    End("refused", ok=False),
)  # fmt: skip

NEXT = (
    ("create_snapshot", OK,                             "list_members"),
    ("create_snapshot", "InvalidVolume.NotFound",       "refused"),  # deleted before its snapshot was made
    ("list_members",    OK,                             "open_key"),
    ("list_members",    "AccessDeniedException",        "refused"),  # not the management account
    ("open_key",        OK,                             "share"),
    ("open_key",        "AccessDeniedException",        "refused"),
    ("open_key",        "NotFoundException",            "refused"),  # its deletion was due meanwhile
    ("share",           OK,                             "copy"),
    ("share",           "InvalidAMIAttributeItemValue", "refused"),  # an organization is no account
    ("share",           "InvalidSnapshot.NotFound",     "refused"),  # deleted meanwhile
    ("share",           "OperationNotPermitted",        "refused"),
    ("share",           "UnauthorizedOperation",        "refused"),
    ("copy",            OK,                             "restore"),
    ("copy",            "AuthFailure",                  "refused"),
    ("copy",            "InvalidParameterValue",        "refused"),
    ("copy",            "UnauthorizedOperation",        "refused"),  # an SCP on ec2 actions
    ("copy",            Settled("KEY_NOT_ACCESSIBLE"),  "refused"),  # an SCP on kms actions; or it left
    ("copy",            Settled("SOURCE_NOT_FOUND"),    "refused"),  # it joined after the share
    ("copy",            Settled("SOURCE_NOT_COMPLETE"), "refused"),
    ("copy",            Settled("SOURCE_ARCHIVED"),     "refused"),
    ("restore",         OK,                             "restored"),
    ("restore",         "IncorrectState",               "refused"),
    ("restore",         "InvalidSnapshot.NotFound",     "refused"),
    ("restore",         "UnauthorizedOperation",        "refused"),
    ("restore",         Settled("VOLUME_VANISHED"),     "refused"),
)  # fmt: skip

WORKFLOW = Workflow(
    "organization_sharing", STATES, NEXT, start="create_snapshot", roles=(MANAGEMENT, SOURCE, MEMBER),
    title="Share an encrypted snapshot with every account of an organization",
)  # fmt: skip
