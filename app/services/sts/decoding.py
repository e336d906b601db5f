"""DecodeAuthorizationMessage: what EC2 said in the letters at the end of a refusal.

The message opens for the account that was refused and for no other (ebs.md 1.11 [V]); the permission to ask is judged
first, like any other.
"""

from __future__ import annotations

import json

from app.kernel import messages
from app.kernel.authority import AUTHORIZE, anything
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.services.sts import errors


@operation(
    "sts",
    "DecodeAuthorizationMessage",
    honours={"EncodedMessage"},
    checks=(AUTHORIZE(("sts:DecodeAuthorizationMessage", anything)),),
    answers=(errors.DENIED, errors.MESSAGE_FOREIGN, errors.MESSAGE_UNREADABLE),
    reads=True,
)
def decode_authorization_message(draft: Draft, call: Call) -> Answer:
    """The refusal as JSON text: explicit or not, the statements that denied, the request with its condition keys."""
    try:
        document = messages.decode(draft.world, call.account, call["EncodedMessage"])
    except messages.MessageUnreadable:
        errors.MESSAGE_UNREADABLE.refuse()
    except messages.MessageForeign:
        errors.MESSAGE_FOREIGN.refuse()
    return {"DecodedMessage": json.dumps(document, separators=(",", ":"))}
