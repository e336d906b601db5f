"""The decision, word for word from policy-evaluation.md section 4. Slow and obvious on purpose.

Every layer is looked at in full before anything is decided; a rule is a sentence of the reference, its section in
brackets. Readings that the reference leaves open are marked "inferred". See naive_statement.py for what matches.
"""

from __future__ import annotations

from .naive_statement import ACCOUNT, DIRECT, THROUGH, WORTHS, arn_worth, id_worth, matching, one_form_worth
from .plain import Document, Grant, Question

ALLOWED, EXPLICIT, IMPLICIT = "Allowed", "ExplicitlyDenied", "ImplicitlyDenied"

# [4.6] the operations on another account's key; the rest "have no effect" there. Cryptographic ones first [kms.md 1]
ACROSS_ACCOUNTS = frozenset(
    f"kms:{name}".lower()
    for name in (
        *("Decrypt", "Encrypt", "ReEncryptFrom", "ReEncryptTo", "Sign", "Verify", "GenerateMac", "VerifyMac"),
        *("GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "DeriveSharedSecret"),
        *("GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"),
        *("CreateGrant", "DescribeKey", "GetKeyRotationStatus", "GetPublicKey", "ListGrants"),
        *("RetireGrant", "RevokeGrant"),
    )
)


def evaluate(question: Question) -> str:
    """[4.2] An explicit Deny anywhere; else every layer that binds must allow; else the silence denies."""
    if any_deny(question):
        return EXPLICIT
    if is_retiring_party(question):
        return ALLOWED
    above = scps_allow(question) and endpoint_allows(question)
    return ALLOWED if above and core_allows(question) else IMPLICIT


# ---------------------------------------------------------------- which layers bind whom


def is_principal_with_account(question: Question) -> bool:
    """[4.5] Service principals have no account side; nobody (anonymous) has none either."""
    return question["caller"]["account"] != ""


def scps(question: Question) -> list[list[Document]]:
    """[4.8] SCPs do not affect service-linked roles, nor services acting as service principals."""
    exempt = question["caller"]["is_service_linked"] or not is_principal_with_account(question)
    return [] if exempt else question["scps"]


def rcps(question: Question) -> list[list[Document]]:
    """[4.8] RCPs do not affect service-linked roles; [4.7] kms:RetireGrant is not valid in one, even under a star."""
    exempt = question["caller"]["is_service_linked"] or question["action"].lower() == "kms:retiregrant"
    return [] if exempt else question["rcps"]


def resource_policy(question: Question) -> list[tuple[str, str]]:
    """The resource policy's matches. [4.7] kms:RetireGrant has no effect in key policies."""
    document = question["resource_policy"]
    if document is None or question["rule"] == "retire":
        return []
    return matching(document, question, saved_ids=question["saved_ids"], is_trust=question["rule"] == "trust")


def own_documents(question: Question) -> list[Document]:
    """Policies of the caller's own. [4.8] For root: no identity policy or boundary applies."""
    boundary = [question["boundary"]] if question["boundary"] else []
    session = question["session"] or []
    return session if question["caller"]["kind"] == "root" else [*question["identity"], *boundary, *session]


# ---------------------------------------------------------------- [4.2] step 1


def any_deny(question: Question) -> bool:
    """[4.2] Any applicable explicit Deny in any of them. All are looked at, in both accounts."""
    levels = [*scps(question), *rcps(question)]
    documents = [document for level in levels for document in level] + own_documents(question)
    if question["endpoint"]:
        documents.append(question["endpoint"])
    effects = [effect for document in documents for effect, _ in matching(document, question)]
    return "Deny" in effects or "Deny" in [effect for effect, _ in resource_policy(question)]


# ---------------------------------------------------------------- [4.2] steps 2 to 4


def allows(document: Document, question: Question) -> bool:
    return "Allow" in [effect for effect, _ in matching(document, question)]


def scps_allow(question: Question) -> bool:
    """[4.2] At each level an Allow must match. No organization: the step passes."""
    return all(any(allows(document, question) for document in level) for level in scps(question))


def endpoint_allows(question: Question) -> bool:
    """[4.2] If a VPC endpoint policy is in the path it must allow."""
    return question["endpoint"] is None or allows(question["endpoint"], question)


# ---------------------------------------------------------------- [4.2] steps 5 to 8, the caller's side


def identity_allows(question: Question) -> bool:
    """[4.8] Root has full access. Whoever has no account has no identity policies [4.5]."""
    if question["caller"]["kind"] == "root":
        return True
    return any(allows(document, question) for document in question["identity"])


def limits_allow(question: Question) -> bool:
    """[4.2] Boundary and session policies: each that exists must allow."""
    boundary, session = question["boundary"], question["session"]
    within = boundary is None or question["caller"]["kind"] == "root" or allows(boundary, question)
    return within and (session is None or any(allows(document, question) for document in session))


def own_side_allows(question: Question) -> bool:
    return identity_allows(question) and limits_allow(question)


# ---------------------------------------------------------------- [4.2] steps 5 to 8, by rule


def core_allows(question: Question) -> bool:
    if question["rule"] == "retire":
        return grant_allows(question)
    worth = resource_worth(question)
    if not is_principal_with_account(question):  # [4.5] the resource policy alone decides, and grants [4.7]
        return worth is not None or grant_allows(question)
    if question["caller"]["account"] != question["resource_account"]:
        return across_accounts_allows(question, worth)
    return within_account_allows(question, worth)


def resource_worth(question: Question) -> str | None:
    """The best Allow of the resource policy [4.3]."""
    found = [worth for effect, worth in resource_policy(question) if effect == "Allow"]
    return next((worth for worth in WORTHS if worth in found), None)


def within_account_allows(question: Question, worth: str | None) -> bool:
    """[4.3, 4.4, 4.6] What an Allow in the resource policy is worth; what identity policies can do without one."""
    if worth == DIRECT or (worth == THROUGH and limits_allow(question)):
        return True
    if question["rule"] in ("kms-key", "trust") and worth is None:  # [4.4, 4.6] an identity policy alone: never
        return grant_allows(question)
    return own_side_allows(question) or grant_allows(question)


def across_accounts_allows(question: Question, worth: str | None) -> bool:
    """[4.5] Both sides must allow; [4.6] on a key only certain operations; [4.7] a grant may do instead."""
    is_possible = question["rule"] != "kms-key" or question["action"].lower() in ACROSS_ACCOUNTS
    both = worth is not None and own_side_allows(question) and is_possible
    return both or grant_allows(question)


# ---------------------------------------------------------------- [4.7] grants


def grant_allows(question: Question) -> bool:
    if question["rule"] not in ("kms-key", "retire"):
        return False
    return any(one_grant_allows(grant, question) for grant in question["grants"])


def is_retiring_party(question: Question) -> bool:
    """[4.7] RetireGrant is decided by the grant, not by policies, so no silence counts; a Deny does deny.

    An account that is a party is its root; its users and roles need an Allow of their own [kms.md 6]: the usual way.
    """
    fitting = [grant for grant in question["grants"] if "RetireGrant" in grant["operations"]]
    worths = {grantee_worth(grant, question) for grant in fitting}
    by_itself = {DIRECT, THROUGH, ACCOUNT} if question["caller"]["kind"] == "root" else {DIRECT, THROUGH}
    return question["rule"] == "retire" and bool(worths & by_itself)


def one_grant_allows(grant: Grant, question: Question) -> bool:
    """[4.7] As a direct match; a grantee role is limited as in 4.3; an account needs an Allow of its own [I]."""
    service, _, operation = question["action"].partition(":")
    named = service.lower() == "kms" and operation.lower() in [one.lower() for one in grant["operations"]]
    if not named or not constraint_holds(grant, question):
        return False
    worth = grantee_worth(grant, question)
    return (
        worth == DIRECT
        or (worth == THROUGH and limits_allow(question))
        or (worth == ACCOUNT and own_side_allows(question))
    )


def grantee_worth(grant: Grant, question: Question) -> str | None:
    caller = question["caller"]
    if caller["kind"] == "service":
        return DIRECT if grant["grantee"] == caller["arn"] else None
    if grant["grantee_id"]:
        return id_worth(grant["grantee_id"], caller)
    if not grant["grantee"].startswith("arn:"):
        return None
    return one_form_worth("AWS", grant["grantee"], caller, "") or arn_worth(grant["grantee"], caller)


def constraint_holds(grant: Grant, question: Question) -> bool:
    """[4.7] Exactly, or at least, these pairs; [2.2] keys ignore case, values do not; not for two operations."""
    if not grant["constraint"] or question["action"].lower() in ("kms:describekey", "kms:retiregrant"):
        return True
    wanted = {(key.lower(), value) for key, value in grant["pairs"].items()}
    given = {(key.lower(), value) for key, value in (question["encryption_context"] or {}).items()}
    return wanted == given if grant["constraint"] == "EncryptionContextEquals" else wanted <= given
