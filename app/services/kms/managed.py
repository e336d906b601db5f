"""AWS managed keys: made when a service first needs one, with a policy that nobody can change (kms.md 2.1 [V]).

Their policy lets every principal of the account in, but only through the service: it pins kms:CallerAccount and
kms:ViaService. Hence they can't be shared, granted or edited: nothing allows it, and KMS says so.
A key appears when its service names the alias in a call on somebody's behalf, or when DescribeKey names it (botocore's
documentation of DescribeKey: "KMS associates the alias with an AWS managed key" [D]).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from app.kernel import ids
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.services.kms.materials import first_material
from app.services.kms.records import Alias, Key
from app.services.kms.rotating import YEAR_DAYS, schedule_rotation

_METADATA = ("kms:Describe*", "kms:Get*", "kms:List*")
_CRYPTO = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*")


@dataclass(frozen=True, slots=True)
class ManagedKey:
    """A row: the key that one service makes for an account and Region."""

    alias: str
    service: str  # as in kms:ViaService: <service>.<region>.amazonaws.com
    policy_id: str
    name: str  # as in its statement's Sid
    protects: str  # as in its description
    uses: tuple[str, ...]
    metadata: tuple[str, ...]


MANAGED: Final = (
    ManagedKey(
        "alias/aws/ebs", "ec2", "auto-ebs-2", "EBS", "EBS volumes",
        (*_CRYPTO, "kms:CreateGrant", "kms:DescribeKey"), (*_METADATA, "kms:RevokeGrant"),
    ),
    ManagedKey(
        "alias/aws/rds", "rds", "auto-rds-2", "RDS", "RDS database volumes",
        (*_CRYPTO, "kms:CreateGrant", "kms:ListGrants", "kms:DescribeKey"), (*_METADATA, "kms:RevokeGrant"),
    ),
    ManagedKey("alias/aws/s3", "s3", "auto-s3-2", "S3", "S3 objects", (*_CRYPTO, "kms:DescribeKey"), _METADATA),
    ManagedKey(  # inferred: no real policy of this key was at hand, it follows the others
        "alias/aws/sqs", "sqs", "auto-sqs-1", "SQS", "SQS messages",
        (*_CRYPTO, "kms:CreateGrant", "kms:DescribeKey"), (*_METADATA, "kms:RevokeGrant"),
    ),
)  # fmt: skip

_THROUGH: Final = "Allow access through {name} for all principals in the account that are authorized to use {name}"
BY_ALIAS: Final = {row.alias: row for row in MANAGED}


def needed(draft: Draft, call: Call, alias: str) -> Key | None:
    """The key behind a reserved alias that has none yet, made now if this call is one that makes it."""
    row = BY_ALIAS.get(alias)
    if row is None or not call.account:
        return None
    through_its_service = call.via is not None and call.via.service == row.service
    return create(draft, call, row) if through_its_service or call.name == "DescribeKey" else None


def create(draft: Draft, call: Call, row: ManagedKey) -> Key:
    key = draft.put(
        Key(
            account=call.account,
            region=call.region,
            id=ids.uuid_id(draft.new_hash("kms.key", call.account, call.region)),
            created_ms=call.at_ms,
            description=f"Default key that protects my {row.protects} when no other key is defined",
            manager="AWS",
            policy=policy_of(row, call.account, call.region),
        )
    )
    key = schedule_rotation(draft, first_material(draft, key), YEAR_DAYS)
    draft.put(
        Alias(
            account=key.account, region=key.region, id=row.alias, key_id=key.id,
            created_ms=call.at_ms, updated_ms=call.at_ms,
        )
    )  # fmt: skip
    return key


def policy_of(row: ManagedKey, account: str, region: str) -> str:
    """The fixed policy, account and Region filled in."""
    pinned = {"kms:CallerAccount": account, "kms:ViaService": f"{row.service}.{region}.amazonaws.com"}
    through_service = {
        "Sid": _THROUGH.format(name=row.name),
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": list(row.uses),
        "Resource": "*",
        "Condition": {"StringEquals": pinned},
    }
    metadata = {
        "Sid": "Allow direct access to key metadata to the account",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": list(row.metadata),
        "Resource": "*",
    }
    document = {"Version": "2012-10-17", "Id": row.policy_id, "Statement": [through_service, metadata]}
    return json.dumps(document, indent=2, separators=(",", " : "))
