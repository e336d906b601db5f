"""What KMS tells the graph of key dependencies."""

from __future__ import annotations

from app.kernel.edge import Edge, Node
from app.services.kms import KMS
from tests.kms.lab import SOURCE, TARGET, Lab, allow, root_arn


def told(lab: Lab) -> tuple[set[Node], set[Edge]]:
    found = list(KMS.edges(lab.cloud.world))
    return {one for one in found if isinstance(one, Node)}, {one for one in found if isinstance(one, Edge)}


def test_a_shared_key_delegates_to_the_other_account_and_allows_whom_it_names(lab: Lab) -> None:
    user = lab.user(SOURCE, "u")
    key = lab.key(share=allow(["kms:Decrypt", "kms:CreateGrant"], [root_arn(TARGET), user.arn], Sid="Share"))  # type: ignore[arg-type]
    _, edges = told(lab)
    actions = ("kms:Decrypt", "kms:CreateGrant")
    assert Edge("delegates", key, SOURCE, "Statement[0]", ("kms:*",)) in edges
    assert Edge("delegates", key, TARGET, "Share", actions) in edges
    assert Edge("allows", key, user.arn, "Share", actions) in edges


def test_a_key_has_materials_names_and_grants(lab: Lab) -> None:
    key, user = lab.key(Description="app"), lab.user(TARGET, "u")
    lab.ok(SOURCE, "CreateAlias", AliasName="alias/app", TargetKeyId=key)
    asked = {"KeyId": key, "GranteePrincipal": user.arn, "Operations": ["Decrypt"]}
    grant = lab.ok(SOURCE, "CreateGrant", **asked)["GrantId"]
    lab.ok(SOURCE, "RotateKeyOnDemand", KeyId=key)
    lab.ok(SOURCE, "DisableKey", KeyId=key)
    nodes, edges = told(lab)
    assert Node("key", key, SOURCE, "app", "Disabled") in nodes
    assert Edge("points-to", f"arn:aws:kms:us-east-1:{SOURCE}:alias/app", key) in edges
    assert Edge("grant-of", key, grant) in edges
    assert Edge("grants", grant, user.arn, grant, ("kms:Decrypt",)) in edges
    assert sorted(node.state for node in nodes if node.kind == "material") == ["CURRENT", "NON_CURRENT"]
    assert len([edge for edge in edges if edge.kind == "material-of" and edge.source == key]) == 2


def test_what_denies_or_names_no_action_draws_no_edge(lab: Lab) -> None:
    denying = {**allow("kms:*", root_arn(TARGET)), "Effect": "Deny"}
    lab.key(share=denying)
    assert all(edge.target != TARGET for edge in told(lab)[1])
