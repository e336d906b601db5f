"""Organizations: the tree of accounts and the policies that bind them from above.

records  what is kept                tree       look-ups, defaults     providers  SCPs and RCPs of an authorization
whole    organization, root, types   accounts   handshakes   units   policies   tagging: the operations, by noun
rules    condition keys, refusals, events
"""

from __future__ import annotations

from app.kernel.internal import internals_in
from app.kernel.operation import Service, jobs_in, operations_in
from app.services.organizations import accounts, handshakes, placing, policies, rules, tagging, units, whole
from app.services.organizations.edges import edges
from app.services.organizations.providers import organization_layers
from app.services.organizations.records import KINDS

ORGANIZATIONS = Service(
    name="organizations",
    operations=operations_in(whole, accounts, handshakes, units, policies, tagging),
    kinds=KINDS,
    trails={"organizations": rules.TRAIL},
    denied=rules.denied,
    jobs=jobs_in(accounts),
    internal=internals_in(placing),
    context=rules.context,
    organization_layers=organization_layers,
    edges=edges,
    missing=rules.missing,
)
