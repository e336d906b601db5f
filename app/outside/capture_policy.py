"""The permissions that the capture script needs: an action for each `aws` command that stands in it, and no other."""

from __future__ import annotations

import json
import re
from typing import Final

_COMMAND: Final = re.compile(r"^(?!\s*#).*?\baws (?P<service>[a-z0-9]+) (?P<operation>[a-z-]+)", re.MULTILINE)
_FREE: Final = frozenset({"sts:GetCallerIdentity"})  # nobody needs a permission for it
_SIDS: Final = {True: "CaptureTheOrganization", False: "CaptureAnAccount"}


def policy_of(script: str) -> str:
    """The document as JSON. The organization's part is for the management account's profile alone."""
    actions = sorted({_action(*found) for found in _COMMAND.findall(script)} - _FREE)
    statements = [
        {
            "Sid": sid,
            "Effect": "Allow",
            "Action": [one for one in actions if one.startswith("organizations:") is is_organization],
            "Resource": "*",
        }
        for is_organization, sid in sorted(_SIDS.items())
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2) + "\n"


def _action(service: str, operation: str) -> str:
    return f"{service}:{operation.title().replace('-', '')}"
