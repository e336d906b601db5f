"""IAM: users, roles, groups, policies and access keys, and what they mean for every other call.

records    what is kept                  documents  policies as they are saved and shown
naming     look-ups, resources, checks   providers  who a key is, what a principal is, which policies speak
rules      trust, refusals, events       edges      for the graph
users roles groups keys inline attached policies tagging linked account simulation: the operations, by noun
"""

from __future__ import annotations

from app.kernel.internal import internals_in
from app.kernel.operation import Service, operations_in
from app.services.iam import (
    account,
    attached,
    gaps,
    groups,
    inline,
    keys,
    linked,
    placing,
    policies,
    providers,
    roles,
    rules,
    simulation,
    tagging,
    users,
)
from app.services.iam.edges import edges
from app.services.iam.gaps import Gap
from app.services.iam.records import KINDS

IAM = Service(
    name="iam",
    operations=operations_in(
        users, roles, groups, keys, inline, attached, policies, tagging, linked, account, simulation
    ),
    kinds=(*KINDS, Gap),
    internal=internals_in(placing, gaps),
    trails={"iam": rules.TRAIL},
    denied=rules.denied,
    context=rules.context,
    resource_layers=rules.resource_layers,
    credential_of=providers.credential_of,
    principal_facts=providers.principal_facts,
    principal_arn=providers.principal_arn,
    identity_layers=providers.identity_layers,
    edges=edges,
    missing=rules.missing,
)
