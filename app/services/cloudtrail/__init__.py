"""CloudTrail: the event history. Events are made by the kernel, in the style that each service gives (audit.py).

lookup  LookupEvents    trails  that there are none    rules  refusals, its own events
"""

from __future__ import annotations

from app.kernel.operation import Service, operations_in
from app.services.cloudtrail import lookup, rules, trails

CLOUDTRAIL = Service(
    name="cloudtrail",
    operations=operations_in(lookup, trails),
    kinds=(),
    trails={"cloudtrail": rules.TRAIL},
    denied=rules.denied,
    missing=rules.missing,
)
