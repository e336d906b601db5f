"""What KMS tells the policy engine: who may speak about a key, its policy and its grants; and how a refusal is worded.

A key policy is sovereign (Rule.KMS_KEY): policies of an account count only where it names that account. Grants are more
Allows on the owner's side. RetireGrant is decided by the grant itself.
Sources: kms.md 5 to 7, policy-evaluation.md 4.6, 4.7, ebs.md 1.12.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Final

from app.kernel.authority import Asked, Denied, IdentityLayers, Resource, ResourceLayers, principal_of
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.errors import AwsError
from app.kernel.world import World
from app.policy.document import DocumentKind, parse
from app.policy.messages import denial
from app.policy.principals import EVERYONE, Match, grantee_match, names_of
from app.policy.question import Grant as GrantLayer
from app.policy.question import LayerKind, Place, Policy, Principal, Rule
from app.services.kms.conditions import constraint_sent, encryption_context
from app.services.kms.consistency import counts
from app.services.kms.errors import HIDDEN
from app.services.kms.keyref import parse_key_arn
from app.services.kms.records import Grant, Key, fold_pair

# --- the owner's side -------------------------------------------------------------------------------------------------

GRANTS_ASKED_MAX: Final = 100  # that fit the request; one that allows is enough
NEAR_GRANTS_MAX: Final = 20  # of the caller, that do not fit: an explanation names them


@lru_cache(maxsize=4096)
def key_policy(account: str, arn: str, text: str, ids: tuple[tuple[str, str], ...]) -> Policy:
    document = parse(text, DocumentKind.RESOURCE, lenient=True).with_principal_ids(dict(ids))
    return Policy(Place(LayerKind.RESOURCE, account, "default", arn), document)


def resource_layers(world: World, call: Call, action: str, resource: Resource) -> ResourceLayers:
    """The key policy and the grants that may concern the caller; an alias has neither."""
    if isinstance(resource.record, Grant):
        return _retiring_layers(call, resource.record)
    key = resource.record if isinstance(resource.record, Key) else _key_at(world, resource.arn)
    if key is None:
        return ResourceLayers()
    pairs = encryption_context(call, action)
    return ResourceLayers(
        policy=key_policy(key.account, key.arn, key.policy, key.policy_ids),
        grants=tuple(as_layer(grant) for grant in grants_for(world, call, action, key, pairs or {})),
        rule=Rule.KMS_KEY,
        encryption_context=pairs,
        is_exempt_from_rcps=key.manager == "AWS",
    )


def _key_at(world: World, arn: str) -> Key | None:
    named = parse_key_arn(arn)
    return world.records.get(Key, named.account, named.region, named.key_id) if named else None


def as_layer(grant: Grant) -> GrantLayer:
    return GrantLayer(
        grant.id, grant.grantee, grant.operations, grant.constraint, grant.pairs, grant.grantee_id,
        Place(LayerKind.GRANT, grant.account, grant.id, grant.key_arn),
    )  # fmt: skip


def grants_for(world: World, call: Call, action: str, key: Key, pairs: Mapping[str, str]) -> list[Grant]:
    """The caller's grants that fit the action and one pair of the context; if none does, some that miss narrowly.

    A grant that gives CreateGrant, but less than is asked for, is not among them: it would allow what it may not.
    """
    if not key.grants:
        return []
    operation = action.partition(":")[2]
    names = _caller_names(call)
    usable = (grant for grant in _fitting(world, key, names, operation, pairs) if counts(call, grant))
    fitting = islice(usable, GRANTS_ASKED_MAX)
    found = [grant for grant in fitting if action != "kms:CreateGrant" or is_no_wider(call, grant)]
    if found:
        return found
    counting = (grant for name in names for grant in _grants_of(world, key, name) if counts(call, grant))
    near = {grant.id: grant for grant in islice(counting, NEAR_GRANTS_MAX)}.values()
    return [grant for grant in near if action != "kms:CreateGrant" or "CreateGrant" not in grant.operations]


def _caller_names(call: Call) -> tuple[str, ...]:
    names = names_of(caller_as_principal(call))
    return tuple(sorted((names.direct | names.through | names.account) - {EVERYONE}))


def caller_as_principal(call: Call) -> Principal:
    return principal_of(call.caller, IdentityLayers())


def _grants_of(world: World, key: Key, *prefix: str) -> Iterator[Grant]:
    return world.records.scan_index(Grant, "grantee", key.account, key.region, key.id, *prefix)


def _fitting(
    world: World, key: Key, names: tuple[str, ...], operation: str, pairs: Mapping[str, str]
) -> Iterator[Grant]:
    """By index: unconstrained grants, and those whose constraint begins with a pair that the request shows."""
    shown = ("", *(fold_pair(*pair) for pair in pairs.items()))
    for name in names:
        if operation == "DescribeKey":  # constraints do not apply to it
            yield from _grants_of(world, key, name, operation)
            continue
        for pair in shown:
            yield from _grants_of(world, key, name, operation, pair)


def parent_grants(world: World, call: Call, key: Key) -> Iterator[Grant]:
    """The caller's grants that let him make grants, whether this one fits under them or not."""
    for name in _caller_names(call):
        yield from (grant for grant in _grants_of(world, key, name, "CreateGrant") if counts(call, grant))


def is_no_wider(call: Call, parent: Grant) -> bool:
    """May a grant made under `parent` give this? The pairs are compared by the engine, like those of any constraint."""
    kind = constraint_sent(call)[0]
    narrows = parent.constraint != "EncryptionContextEquals" or kind == parent.constraint
    return narrows and set(call.parameters.get("Operations") or ()) <= set(parent.operations)


# RetireGrant (kms.md 6): the retiring principal, a grantee that was given RetireGrant, and the account that made the
# grant. Whoever is meant by his account only needs an identity policy that allows it; the rest is the grant's word.


def _retiring_layers(call: Call, grant: Grant) -> ResourceLayers:
    caller = caller_as_principal(call)
    matches = [(grantee_match(caller, arn, id), arn, id) for arn, id in _parties(grant)]
    best, arn, id = max(matches, default=(Match.NONE, "", ""))
    if best is Match.NONE:
        return ResourceLayers(rule=Rule.RETIRE)
    party = GrantLayer(grant.id, arn, ("RetireGrant",), grantee_id=id, place=as_layer(grant).place)
    by_account = best is Match.ACCOUNT and call.caller.kind != "root"
    return ResourceLayers(grants=(party,), rule=Rule.KMS_KEY if by_account else Rule.RETIRE)


def _parties(grant: Grant) -> Iterator[tuple[str, str]]:
    if grant.retiring:
        yield grant.retiring, grant.retiring_id
    if "RetireGrant" in grant.operations:
        yield grant.grantee, grant.grantee_id
    if grant.issuer:
        yield f"arn:aws:iam::{grant.issuer}:root", ""


# --- refusals ---------------------------------------------------------------------------------------------------------

_CIPHERTEXT: Final = "on the resource associated with this ciphertext"


def denied(draft: Draft, asked: Denied) -> AwsError:
    """KMS's words (kms.md 7): to another account nothing is revealed; without a KeyId the key is not named."""
    where = _where(asked)
    if asked.decision.on_owner_side:
        return HIDDEN(caller=asked.call.caller.arn, action=asked.action, where=where or "on this resource")
    return AwsError("AccessDeniedException", denial(asked.decision, asked.question, where), seen="kms.md 7 [V]")


def _where(asked: Asked) -> str | None:
    """What stands for `on resource: <ARN>`, if something does."""
    if is_by_ciphertext(asked.call, asked.action):
        return _CIPHERTEXT
    return "on this resource" if asked.call.via and asked.resource.account != asked.call.account else None


def is_by_ciphertext(call: Call, action: str) -> bool:
    """Was the key found in the ciphertext alone?"""
    parameter = {"kms:Decrypt": "KeyId", "kms:ReEncryptFrom": "SourceKeyId"}.get(action)
    return parameter is not None and call.parameters.get(parameter) is None
