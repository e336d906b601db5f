"""From a capture to what is asked of the services: one list of internal operations, and what had to be assumed.

    Capture -> Plan(parts, assumed, left_out, unknown)    parts: (operation, parameters, Region), in an order that holds

What the files do not tell is never guessed in silence: it is taken as AWS has it where nothing was done, and said.
"""

from __future__ import annotations

import re
from typing import Any, Final

from app.outside.capture import Capture, Mistakes
from app.outside.plan import Plan
from app.outside.plan_keys import plan_keys
from app.outside.plan_principals import plan_organization, plan_principals
from app.outside.plan_storage import plan_storage
from app.outside.plan_unread import plan_unread

_TAG_ASKED: Final = re.compile(r"(?:ResourceTag|PrincipalTag)/", re.IGNORECASE)


def planned(capture: Capture) -> Plan:
    """Raises Mistakes, for what single files do not show."""
    plan = Plan()
    plan.left_out += [f"{name}: no file of the layout" for name in capture.passed_over]
    plan_principals(capture, plan)
    plan_organization(capture, plan)
    plan_keys(capture, plan)
    plan_storage(capture, plan)
    plan_unread(capture, plan)
    _redacted_tags(capture, plan)
    if plan.mistakes:
        raise Mistakes(plan.mistakes)
    return plan


def _redacted_tags(capture: Capture, plan: Plan) -> None:
    """Policies that ask for tags, where the tags' values were left out."""
    texts = {name: source.text for name in capture.folder.names if (source := capture.folder.source(name, "capture"))}
    if any(map(_has_bare_tag, (told.body for told in capture.files))):
        asking = [name for name, text in texts.items() if _TAG_ASKED.search(text)]
        plan.assumed += [f"{name}: asks for tags, whose values were left out: there are none" for name in asking]


def _has_bare_tag(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_bare_tag, value))
    if not isinstance(value, dict):
        return False
    return any("Value" not in tag for tag in value.get("Tags") or ()) or any(map(_has_bare_tag, value.values()))
