"""AWS KMS: keys of every kind, their policies and grants, and what they encrypt, sign and agree on.

records states errors         what there is, which state permits what, KMS's words
keyref checks paging          what operations share: which key is meant, the checks in AWS's order, pages of lists
conditions rules              for the policy engine: condition keys; key policy, grants, the words of a refusal
trail edges                   for CloudTrail and the graph
materials rotating managed    material and its rotation; the keys that AWS makes itself
keys aliases policies grants grant_lists ciphertexts data_keys rotation importing tags stores: operations, by noun
"""

from __future__ import annotations

from typing import Final

from app.kernel.internal import internals_in
from app.kernel.operation import Service, jobs_in, operations_in
from app.services.kms import (
    agreement,
    aliases,
    ciphertexts,
    consistency,
    data_key_pairs,
    data_keys,
    grant_lists,
    grants,
    importing,
    keys,
    macs,
    multi_region,
    placing,
    policies,
    public_keys,
    rotation,
    signing,
    stores,
    tags,
    usage,
)
from app.services.kms.conditions import context
from app.services.kms.edges import edges
from app.services.kms.errors import not_simulated
from app.services.kms.quotas import limited
from app.services.kms.records import Alias, Grant, Key, Material, Wrapping
from app.services.kms.rules import denied, resource_layers
from app.services.kms.trail import KMS_TRAIL

NOUNS: Final = (
    agreement, aliases, ciphertexts, data_key_pairs, data_keys, grant_lists, grants, importing, keys, macs,
    multi_region, policies, public_keys, rotation, signing, stores, tags, usage,
)  # fmt: skip

KMS: Final = Service(
    name="kms",
    operations=limited(operations_in(*NOUNS)),
    kinds=(Key, Material, Alias, Grant, Wrapping),
    trails={"kms": KMS_TRAIL},
    denied=denied,
    jobs=jobs_in(*NOUNS, consistency),
    internal=internals_in(placing),
    context=context,
    resource_layers=resource_layers,
    edges=edges,
    missing=not_simulated,
)
