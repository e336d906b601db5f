"""IAM Toolbox (preview): AWS's own trace of a refusal, served from ours (policy-evaluation.md 5.4 [V]).

refusals  a refusal by its authorization id, who may see it    policies  the policies it was judged by, as they were
checks    the checks of an evaluation                          details   the two operations
rules     refusals, events

The authorization id of a refusal is the decision id that its answer carries in x-reseal-decision, without hyphens.
"""

from __future__ import annotations

from app.kernel.operation import Service, operations_in
from app.services.toolbox import details, rules

TOOLBOX = Service(
    name="iam-toolbox",
    operations=operations_in(details),
    kinds=(),
    trails={"iam-toolbox": rules.TRAIL},
    denied=rules.denied,
    missing=rules.missing,
)
