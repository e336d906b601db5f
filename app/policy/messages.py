"""AWS's words for a refusal (policy-evaluation.md 5.1; kms.md 7). Nothing of our own is added to them.

The frame is the same for all services; what they put around it (a code, "Encoded authorization failure message") is
theirs. KMS's text for another account's key is KMS's, chosen where `decision.on_owner_side` is set.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

from app.policy.causes import Cause
from app.policy.question import LayerKind, Question
from app.policy.trace import Decision

_POLICY: Final = {  # what AWS calls the policies of a layer, with its article
    LayerKind.SCP: "a service control policy",
    LayerKind.RCP: "a resource control policy",
    LayerKind.ENDPOINT: "a VPC endpoint policy",
    LayerKind.BOUNDARY: "a permissions boundary",
    LayerKind.SESSION: "a session policy",
    LayerKind.IDENTITY: "an identity-based policy",
    LayerKind.RESOURCE: "a resource-based policy",
    LayerKind.GRANT: "a resource-based policy",  # a grant is reported as one [V: TB]
}
_TRUST: Final = {Cause.TRUST_DENIES, Cause.TRUST_SILENT, Cause.TRUST_CONDITION}


def reason(decision: Decision, action: str) -> str:
    """The tail of the message: "because no identity-based policy allows the kms:Decrypt action". Refusals only."""
    if decision.layer is None:
        raise ValueError("an allowed request has no reason to be told")
    article, policy = _POLICY[decision.layer].split(" ", 1)
    if decision.cause in _TRUST:
        article, policy = "the", "role trust policy"
    if decision.explicit:
        return f"with an explicit deny in {article} {policy}{_named(decision)}"
    return f"because no {policy} allows the {action} action"


def _named(decision: Decision) -> str:
    """The ARN of a managed policy of IAM or Organizations that denies [V: PA]; inline policies have none.

    Callers of another account are not told it [D: PA], and so here not those of the owner's organization either.
    """
    if decision.layer in (LayerKind.RESOURCE, LayerKind.ENDPOINT) or decision.on_owner_side:
        return ""
    arns = (place.policy for place in decision.decided_by if place.policy.startswith("arn:"))
    return "".join(f": {arn}" for arn in islice(arns, 1))


def denial(decision: Decision, question: Question, where: str | None = None) -> str:
    """The whole message; `where` stands in place of "on resource: ARN", an empty one leaves that out."""
    place = f"on resource: {question.resource}" if where is None else where
    subject = f"User: {question.principal.arn} is not authorized to perform: {question.action}"
    return " ".join(part for part in (subject, place, reason(decision, question.action)) if part)
