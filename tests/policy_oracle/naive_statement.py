"""Whom and what a statement concerns, word for word from policy-evaluation.md sections 1 and 3; see naive_text.py."""

from __future__ import annotations

import re

from .naive_conditions import conditions_hold
from .naive_text import action_matches, has_variables, listed, resource_matches, statements
from .plain import Caller, Document, Question, Statement

# ---------------------------------------------------------------- 3. principals

DIRECT, THROUGH, ACCOUNT = "direct", "through", "account"
WORTHS = (DIRECT, THROUGH, ACCOUNT)  # best first


def principal_worth(element: str | dict[str, str | list[str]], caller: Caller, saved_ids: dict[str, str]) -> str | None:
    """[3.2] How the best of the listed forms matches the caller; None where none does."""
    forms = {"AWS": element} if isinstance(element, str) else element
    found = {
        one_form_worth(kind, name, caller, saved_ids.get(name, "") if kind == "AWS" else "")
        for kind, names in forms.items()
        for name in listed(names)
    }
    return next((worth for worth in WORTHS if worth in found), None)


def one_form_worth(kind: str, name: str, caller: Caller, saved_id: str) -> str | None:
    """[3.2] The table's rows in order."""
    if kind != "AWS":
        return DIRECT if kind == "Service" and caller["kind"] == "service" and name == caller["arn"] else None
    if name == "*":
        return DIRECT
    if re.fullmatch(r"\d{12}|arn:aws:iam::\d{12}:root", name):
        account = name if name.isdigit() else name.split(":")[4]
        return ACCOUNT if account == caller["account"] else None
    if saved_id or re.fullmatch(r"A(ID|RO)A[A-Z0-9]+", name):
        return id_worth(saved_id or name, caller)
    return arn_worth(name, caller)


def id_worth(unique_id: str, caller: Caller) -> str | None:
    """[3.2] A user or role that was resolved when the policy was saved is its unique id and nothing else."""
    if caller["kind"] == "user" and caller["unique_id"] == unique_id:
        return DIRECT
    through = caller["kind"] in ("role-session", "federated-user") and caller["issuer_id"] == unique_id
    return THROUGH if through else None


def arn_worth(arn: str, caller: Caller) -> str | None:
    """[3.2] User, session and federated-user ARNs are exact; a role's path does not count."""
    if arn == caller["arn"]:
        return DIRECT
    if caller["kind"] == "federated-user":
        return THROUGH if arn == caller["issuer_arn"] else None
    if caller["kind"] == "role-session" and arn.split(":", 5)[5].startswith("role/"):
        role_name = caller["arn"].split(":", 5)[5].split("/")[1]
        same = arn.split(":")[4] == caller["account"] and arn.rpartition("/")[2] == role_name
        return THROUGH if same else None
    return None


def statement_principal_worth(statement: Statement, question: Question, saved_ids: dict[str, str]) -> str | None:
    """[3.2, 3.3] A statement without the element is of a policy attached to the caller: it always concerns them."""
    if "Principal" in statement:
        return principal_worth(statement["Principal"], question["caller"], saved_ids)
    if "NotPrincipal" not in statement:
        return DIRECT
    if statement["Effect"] == "Deny" and question["boundary"] is not None:
        return DIRECT  # [3.3] who has a boundary is always denied, listed or not
    exempt = principal_worth(statement["NotPrincipal"], question["caller"], saved_ids) is not None
    return None if exempt else DIRECT


# ---------------------------------------------------------------- the statement


def lists_match(statement: Statement, question: Question, variables: bool, *, needs_resource: bool) -> bool:
    """[1.2] Action and Resource, or their negations. A key policy's statement that lacks one has no effect [kms 5]."""
    actions = statement.get("Action", statement.get("NotAction"))
    if actions is None:
        return False
    named = any(action_matches(one, question["action"]) for one in listed(actions))
    if named == ("NotAction" in statement):
        return False
    resources = statement.get("Resource", statement.get("NotResource"))
    if resources is None:
        return not needs_resource
    found = [resource_matches(one, question, variables) for one in listed(resources)]
    if "NotResource" in statement:  # [1.2] one that can not be resolved: the statement does not match [I]
        return not any(found) and None not in found
    return any(found)


def matching(
    document: Document, question: Question, *, saved_ids: dict[str, str] | None = None, is_trust: bool = False
) -> list[tuple[str, str]]:
    """The (effect, worth) of every statement of the document that matches the question."""
    variables = has_variables(document)
    found = []
    for statement in statements(document):
        worth = statement_principal_worth(statement, question, saved_ids or {})
        if (
            worth is not None
            and lists_match(statement, question, variables, needs_resource=not is_trust)
            and conditions_hold(statement, question, variables)
        ):
            found.append((statement["Effect"], worth))
    return found
