"""Key policies to begin with: two of good practice, and the one that AWS's console makes.

`separated-duties`   who manages the key can't use it, who uses it can't manage it; grants for AWS resources only
`shared-snapshots`   another account copies and restores snapshots under the key: through EC2, in one Region, no more
The JSON files hold `${names}` to fill in: `filled("separated-duties", owner=..., administrator=..., user=...)`.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from string import Template
from typing import Final

NAMES: Final = ("separated-duties", "shared-snapshots")
_ADMINISTRATION: Final = (
    "kms:Create*", "kms:Describe*", "kms:Enable*", "kms:List*", "kms:Put*", "kms:Update*", "kms:Revoke*",
    "kms:Disable*", "kms:Get*", "kms:Delete*", "kms:TagResource", "kms:UntagResource", "kms:ScheduleKeyDeletion",
    "kms:CancelKeyDeletion", "kms:RotateKeyOnDemand",
)  # fmt: skip
_USE: Final = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey")
_GRANTS: Final = ("kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant")


@cache
def text(name: str) -> str:
    """The template as it stands in its file. KeyError for a name that is not in `NAMES`."""
    if name not in NAMES:
        raise KeyError(name)
    return (Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8")


def parameters(name: str) -> tuple[str, ...]:
    """What has to be filled in."""
    return tuple(dict.fromkeys(re.findall(r"\$\{(\w+)\}", text(name))))


def filled(name: str, **values: str) -> str:
    """The policy. KeyError where a value is missing."""
    return Template(text(name)).substitute(values)


def console_policy(account: str, administrators: tuple[str, ...], users: tuple[str, ...]) -> str:
    """What the console makes of the people and accounts that were picked (kms.md 5 [V, D]).

    Users of other accounts are added as those accounts' roots, `arn:aws:iam::222222222222:root`.
    """
    resources = {"Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}}
    statements = [
        _allow("Enable IAM User Permissions", (f"arn:aws:iam::{account}:root",), ("kms:*",)),
        _allow("Allow access for Key Administrators", administrators, _ADMINISTRATION),
        _allow("Allow use of the key", users, _USE),
        _allow("Allow attachment of persistent resources", users, _GRANTS) | resources,
    ]
    document = {"Version": "2012-10-17", "Id": "key-consolepolicy-3", "Statement": statements}
    return json.dumps(document, indent=2, separators=(",", " : "))


def _allow(sid: str, principals: tuple[str, ...], actions: tuple[str, ...]) -> dict[str, object]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": principals[0] if len(principals) == 1 else list(principals)},
        "Action": actions[0] if len(actions) == 1 else list(actions),
        "Resource": "*",
    }
