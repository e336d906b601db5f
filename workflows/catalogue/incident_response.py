"""A snapshot was shared with the wrong account: find who copied, close every door, and prove that they are closed.

Three doors stand open, and each is closed by itself: the snapshot's list (EC2), the key's policy and the key's grants
(KMS). An outsider who may use the key can have made grants for its own principals; those outlive the statement that
allowed them (kms.md 6 [D]), so the policy is closed first and grants are looked for afterwards.

Who copied.   The owner's trail tells, in the Region of the snapshot (ebs.md 3.2 [V]): SharedSnapshotCopyInitiated and
              SharedSnapshotVolumeCreated, which name the account and the snapshot; and a record of the outsider's
              CopySnapshot or CreateVolume itself, with the id of the copy, also where it was refused. Reading blocks
              through the EBS direct APIs leaves data events only, and LookupEvents returns none (ebs.md 3.4 [D]). So
              finding nothing proves nothing.
How to prove. The outsider's own call is the proof. Its copy has to end in "Source snapshot is not found": "Given key ID
              is not accessible" would mean that it still sees the snapshot. The other way round, a snapshot that is not
              shared hides what its key would have answered, so the key is tried by itself.
What stays.   Revocation removes new use only. A copy or a volume under the outsider's own key is the outsider's,
              needs nothing of the source, and nothing that the source does reaches it (ebs.md 5 [D][V]). What was
              copied is out: what can still be changed is what the data says, such as the secrets in it.

    find_copies   source     LookupEvents: who, and when
    unshare       source     ModifySnapshotAttribute, remove; ResetSnapshotAttribute would cut off the rightful as well
    close_key     source     PutKeyPolicy without the outsider
    find_grants   source     ListGrants: what the outsider made while it could
    revoke_grant  source     RevokeGrant, by right of the key; takes effect within minutes (kms.md 6 [D])
    try_copy      outsider   has to settle as SOURCE_NOT_FOUND
    try_key       outsider   has to be refused
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from workflows.catalogue.snapshot_sharing import key_is_customer_managed
from workflows.machine import OK, SOURCE, End, Settled, Step, Workflow
from workflows.view import View, is_refused

OUTSIDER: Final = "outsider"  # the account that it should never have been shared with


def source_keeps_a_trail(view: View) -> bool:
    """The source's event history holds events."""
    return bool(view.ask(SOURCE, "cloudtrail:LookupEvents", MaxResults=1).value.get("Events"))


def trail_names_outsider(view: View) -> bool:
    """If the outsider holds any snapshot, the events found name it."""
    mine = view.ask(OUTSIDER, "ec2:DescribeSnapshots", OwnerIds=["self"]).value.get("Snapshots", ())
    events = (json.loads(event["CloudTrailEvent"]) for event in view.answer.get("Events", ()))
    return not mine or any(event["userIdentity"].get("accountId") == view.ids[OUTSIDER] for event in events)


def outsider_is_listed(view: View) -> bool:
    """The outsider stands in the snapshot's createVolumePermission."""
    return view.ids[OUTSIDER] in _listed(view)


def outsider_is_not_listed(view: View) -> bool:
    """The outsider no longer stands in the snapshot's createVolumePermission."""
    return view.ids[OUTSIDER] not in _listed(view)


def key_policy_is_closed(view: View) -> bool:
    """The key policy names the outsider no more."""
    answer = view.ask(SOURCE, "kms:GetKeyPolicy", KeyId=view.parameters["KeyId"], PolicyName="default")
    return view.ids[OUTSIDER] not in answer.value.get("Policy", view.ids[OUTSIDER])


def grants_of_outsider_are_found(view: View) -> bool:
    """Every grant to a principal of the outsider is among those found."""
    found = {grant["GrantId"] for grant in view.answer.get("Grants", ())}
    return all(grant["GrantId"] in found for grant in _grants(view))


def grant_is_of_outsider(view: View) -> bool:
    """The grant that is revoked is one of the outsider's."""
    return view.parameters["GrantId"] in {grant["GrantId"] for grant in _grants(view)}


def outsider_has_no_grant(view: View) -> bool:
    """No grant on the key names a principal of the outsider."""
    return not any(_grants(view))


def snapshot_is_hidden(view: View) -> bool:
    """The outsider does not see the snapshot."""
    return not view.snapshot(OUTSIDER, view.parameters["SourceSnapshotId"])


def _listed(view: View) -> set[str]:
    answer = view.ask(
        SOURCE,
        "ec2:DescribeSnapshotAttribute",
        SnapshotId=view.parameters["SnapshotId"],
        Attribute="createVolumePermission",
    )
    return {permission.get("UserId", "") for permission in answer.value.get("CreateVolumePermissions", ())}


def _grants(view: View) -> Iterator[Mapping[str, Any]]:
    """The grants on the key for principals of the outsider."""
    grants = view.grants(SOURCE, view.parameters["KeyId"])
    return (grant for grant in grants if f":{view.ids[OUTSIDER]}:" in grant.get("GranteePrincipal", ""))


STATES = (
    Step("find_copies", SOURCE, "cloudtrail:LookupEvents", source_keeps_a_trail, trail_names_outsider,
         expects=("AccessDeniedException",)),
    Step("unshare", SOURCE, "ec2:ModifySnapshotAttribute", outsider_is_listed, outsider_is_not_listed,
         expects=("InvalidSnapshot.NotFound", "UnauthorizedOperation")),
    Step("close_key", SOURCE, "kms:PutKeyPolicy", key_is_customer_managed, key_policy_is_closed,
         expects=("AccessDeniedException", "MalformedPolicyDocumentException", "NotFoundException")),
    Step("find_grants", SOURCE, "kms:ListGrants", key_policy_is_closed, grants_of_outsider_are_found,
         expects=("AccessDeniedException", "NotFoundException")),
    Step("revoke_grant", SOURCE, "kms:RevokeGrant", grant_is_of_outsider, outsider_has_no_grant,
         expects=("AccessDeniedException", "NotFoundException")),
    Step("try_copy", OUTSIDER, "ec2:CopySnapshot", snapshot_is_hidden, is_refused,
         expects=("AuthFailure", "InvalidParameterValue", "UnauthorizedOperation")),
    Step("try_key", OUTSIDER, "kms:CreateGrant", outsider_has_no_grant, is_refused,
         expects=("AccessDeniedException", "DisabledException", "KMSInvalidStateException", "NotFoundException")),
    End("contained", ok=True),
    End("still_open", ok=False),
    End("unproven", ok=False),
    End("hindered", ok=False),
)  # fmt: skip

NEXT = (
    ("find_copies",  OK,                                 "unshare"),
    ("find_copies",  "AccessDeniedException",            "hindered"),  # the responders lack a right: find out before
    ("unshare",      OK,                                 "close_key"),
    ("unshare",      "InvalidSnapshot.NotFound",         "hindered"),
    ("unshare",      "UnauthorizedOperation",            "hindered"),
    ("close_key",    OK,                                 "find_grants"),
    ("close_key",    "AccessDeniedException",            "hindered"),
    ("close_key",    "MalformedPolicyDocumentException", "hindered"),  # it would lock out who writes it
    ("close_key",    "NotFoundException",                "hindered"),  # the key is gone, and the data with it
    ("find_grants",  OK,                                 "revoke_grant"),
    ("find_grants",  "AccessDeniedException",            "hindered"),
    ("find_grants",  "NotFoundException",                "hindered"),
    ("revoke_grant", OK,                                 "try_copy"),
    ("revoke_grant", "NotFoundException",                "try_copy"),  # it is over already
    ("revoke_grant", "AccessDeniedException",            "hindered"),
    ("try_copy",     Settled("SOURCE_NOT_FOUND"),        "try_key"),
    ("try_copy",     OK,                                 "still_open"),
    ("try_copy",     Settled("KEY_NOT_ACCESSIBLE"),      "still_open"),  # it still sees the snapshot
    ("try_copy",     Settled("SOURCE_NOT_COMPLETE"),     "still_open"),
    ("try_copy",     Settled("SOURCE_ARCHIVED"),         "unproven"),  # archiving unshares, until it is restored
    ("try_copy",     "AuthFailure",                      "unproven"),  # refused by its own policies: no proof
    ("try_copy",     "InvalidParameterValue",            "unproven"),  # its own key can not be used
    ("try_copy",     "UnauthorizedOperation",            "unproven"),
    ("try_key",      "AccessDeniedException",            "contained"),
    ("try_key",      OK,                                 "still_open"),
    ("try_key",      "DisabledException",                "unproven"),  # the key's state refuses, which proves nothing
    ("try_key",      "KMSInvalidStateException",         "unproven"),
    ("try_key",      "NotFoundException",                "unproven"),
)  # fmt: skip

WORKFLOW = Workflow(
    "incident_response", STATES, NEXT, start="find_copies", roles=(SOURCE, OUTSIDER),
    title="A snapshot was shared with the wrong account",
)  # fmt: skip
