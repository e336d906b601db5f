"""Sharing an encrypted snapshot with a grant in the place of a key policy edit.

A grant is one row on a key: a grantee, the operations it may call, and a constraint on the encryption context. It adds
an allow and can never take one away: an explicit deny, an SCP or a boundary still wins (kms.md 6 [D]). Three things
make it the narrower way to share a key, and each is a way to get it wrong.

The operations.   A copy never uses the target's own kms:Decrypt. EC2 calls CreateGrant on the source key as the target,
                  and asks for a grant of Decrypt (ebs.md 1.4 [V]). A grant made under a grant may give no more than its
                  parent (kms.md 6 [D]), so the parent must hold both: CreateGrant and Decrypt.
The constraint.   The child's constraint must be equal or stricter. A snapshot keeps the context of its volume,
                  aws:ebs:id=vol-..., so that is what the parent may be bound to (ebs.md 0.10 [D]); bound to the
                  snapshot's id it allows nothing.
The grantee.      A user, a role or an account, never an organization. For a role named exactly no identity policy has
                  to allow as well; for a whole account one has to (kms.md 5.1 [I]; not seen with EBS, ebs.md 8).

What a grant can not do: share the snapshot (that is EC2's list), be edited, or end by itself. And it is not there at
once: it counts everywhere within five minutes [D]. A grant token bridges that time, but only in a call that takes one,
and CopySnapshot takes none: who scripts this waits, or tries again.

    create_snapshot   source   no KMS call at all                                                  ebs.md 1.3 [V]
    share_key         source   CreateGrant, for the role that will copy
    share             source   refused for a snapshot under the default key aws/ebs               ebs.md 1.5 [V]
    copy              target   answers 200 whatever the grant is worth; the reason comes later, on the copy
    retire            target   the grant has served; its retiring principal ends it, by right of the grant alone
    restore           target   needs the source key no more
"""

from __future__ import annotations

from workflows.catalogue.snapshot_sharing import (
    copy_is_completed,
    copy_is_under_target_key,
    key_is_customer_managed,
    snapshot_is_completed,
    target_is_listed,
    target_may_use_source_key,
    volume_is_encrypted,
    volume_is_under_target_key,
)
from workflows.machine import OK, SOURCE, TARGET, End, Settled, Step, Workflow
from workflows.view import View


def grant_is_over(view: View) -> bool:
    """The grant is no longer on the source key."""
    grants = view.grants(SOURCE, view.parameters["KeyId"])
    return view.results["share_key"]["GrantId"] not in {grant["GrantId"] for grant in grants}


STATES = (
    Step("create_snapshot", SOURCE, "ec2:CreateSnapshot", volume_is_encrypted, snapshot_is_completed,
         expects=("InvalidVolume.NotFound",)),
    Step("share_key", SOURCE, "kms:CreateGrant", key_is_customer_managed, target_may_use_source_key,
         expects=("AccessDeniedException", "DisabledException", "KMSInvalidStateException", "NotFoundException")),
    Step("share", SOURCE, "ec2:ModifySnapshotAttribute", snapshot_is_completed, target_is_listed,
         expects=("InvalidSnapshot.NotFound", "OperationNotPermitted", "UnauthorizedOperation")),
    Step("copy", TARGET, "ec2:CopySnapshot", target_is_listed, copy_is_under_target_key,
         expects=("AuthFailure", "InvalidParameterValue", "UnauthorizedOperation")),
    Step("retire", TARGET, "kms:RetireGrant", copy_is_completed, grant_is_over,
         expects=("AccessDeniedException", "NotFoundException")),
    Step("restore", TARGET, "ec2:CreateVolume", copy_is_completed, volume_is_under_target_key,
         expects=("IncorrectState", "InvalidSnapshot.NotFound")),
    End("restored", ok=True),
    End("refused", ok=False),
    End("grant_left", ok=False),
)  # fmt: skip

NEXT = (
    ("create_snapshot", OK,                             "share_key"),
    ("create_snapshot", "InvalidVolume.NotFound",       "refused"),  # deleted before its snapshot was made
    ("share_key",       OK,                             "share"),
    ("share_key",       "AccessDeniedException",        "refused"),  # not allowed, or the key is AWS's own
    ("share_key",       "DisabledException",            "refused"),
    ("share_key",       "KMSInvalidStateException",     "refused"),  # it waits for its deletion
    ("share_key",       "NotFoundException",            "refused"),  # and that was due
    ("share",           OK,                             "copy"),
    ("share",           "InvalidSnapshot.NotFound",     "refused"),  # deleted meanwhile
    ("share",           "OperationNotPermitted",        "refused"),
    ("share",           "UnauthorizedOperation",        "refused"),
    ("copy",            OK,                             "retire"),
    ("copy",            "AuthFailure",                  "refused"),
    ("copy",            "InvalidParameterValue",        "refused"),
    ("copy",            "UnauthorizedOperation",        "refused"),
    ("copy",            Settled("KEY_NOT_ACCESSIBLE"),  "refused"),  # also: the grant does not count yet
    ("copy",            Settled("SOURCE_NOT_FOUND"),    "refused"),
    ("copy",            Settled("SOURCE_NOT_COMPLETE"), "refused"),
    ("copy",            Settled("SOURCE_ARCHIVED"),     "refused"),
    ("retire",          OK,                             "restore"),
    ("retire",          "NotFoundException",            "restore"),  # it is over already: so much the better
    ("retire",          "AccessDeniedException",        "grant_left"),  # the grant stays until its owner revokes it
    ("restore",         OK,                             "restored"),
    ("restore",         "IncorrectState",               "refused"),
    ("restore",         "InvalidSnapshot.NotFound",     "refused"),
    ("restore",         Settled("VOLUME_VANISHED"),     "refused"),
)  # fmt: skip

WORKFLOW = Workflow(
    "grant_sharing", STATES, NEXT, start="create_snapshot", title="Share an encrypted snapshot by a grant on its key"
)
