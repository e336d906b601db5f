"""What KMS tells the graph: keys with their materials, names and grants, and whom the key policies let in.

A statement that names an account delegates: what that account's own policies say then counts. One that names a user or
role allows by itself in the owner's account. Conditions are not weighed here: an edge says what a document says, and
the statement it rests on.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.kernel.edge import Edge, Node
from app.kernel.world import World
from app.policy.document import DocumentKind
from app.policy.outline import allowances
from app.policy.principals import EVERYONE, account_named
from app.services.kms.records import Alias, Grant, Key, Material, key_arn


def edges(world: World) -> Iterator[Node | Edge]:
    for key in world.records.scan(Key):
        yield Node("key", key.arn, key.account, key.description or key.id, key.state)
        yield from _policy_edges(key)
    for material in world.records.scan(Material):
        yield from _material(material)
    for alias in world.records.scan(Alias):
        yield Node("alias", alias.arn, alias.account, alias.id)
        yield Edge("points-to", alias.arn, key_arn(alias.region, alias.account, alias.key_id))
    for grant in world.records.scan(Grant):
        yield from _grant(grant)


def _material(material: Material) -> Iterator[Node | Edge]:
    state = material.state if material.secret else "PENDING_IMPORT"
    yield Node("material", material.material_id, material.account, material.material_id[:8], state)
    owner = key_arn(material.region, material.account, material.key_id)
    yield Edge("material-of", owner, material.material_id, material.rotation_type)


def _grant(grant: Grant) -> Iterator[Node | Edge]:
    actions = tuple(f"kms:{operation}" for operation in grant.operations)
    yield Node("grant", grant.id, grant.account, grant.name or grant.id[:8], grant.constraint)
    yield Edge("grant-of", grant.key_arn, grant.id)
    yield Edge("grants", grant.id, grant.grantee, grant.id, actions)


def _policy_edges(key: Key) -> Iterator[Edge]:
    """Of each Allow that names principals and actions; any other statement opens no path that could be drawn."""
    for statement, principals, actions in allowances(key.policy, DocumentKind.RESOURCE):
        for kind, text in principals:
            account = account_named(text) if kind == "AWS" else ""
            yield Edge("delegates" if account else "allows", key.arn, account or _name(text), statement, actions)


def _name(text: str) -> str:
    return "everyone" if text == EVERYONE else text
