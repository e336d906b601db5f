"""The rules we only infer: AWS neither documents nor shows them.

Each is stated once here and marked in the code at the one place that follows it, by its name. Whoever sees the real
thing changes that place and strikes the row. `tests/policy/test_tables.py` holds each to its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class _Rule:
    text: str
    where: str  # module of app.policy that follows it


class Inferred(Enum):
    ORDER_OF_NAMING = _Rule(
        "When several layers deny, AWS's message names the first of SCP, RCP, VPC endpoint, boundary, session, "
        "identity, resource. When several lack an Allow: the owner's side first if it fails across accounts, on keys "
        "and on roles; then SCP, VPC endpoint, boundary, session, identity.",
        "decide",
    )
    GRANT_IS_DIRECT = _Rule(
        "A grant counts like a statement of the key policy that names its grantee: a silent boundary or session policy "
        "does not limit a grantee user or session, but limits the sessions of a grantee role. SCPs bind.",
        "decide",
    )
    GRANT_ALONE_ACROSS_ACCOUNTS = _Rule(
        "Across accounts a grant to the exact principal suffices without an Allow of its own account; a grant to an "
        "account needs one.",
        "decide",
    )
    GRANT_CONTEXT_ABSENT = _Rule(
        "Where an operation has no encryption context, a constraint is compared with an empty one.", "layers"
    )
    ENCAPSULATION_ACROSS_ACCOUNTS = _Rule(
        "Encapsulate and Decapsulate work across accounts, as cryptographic operations do; no page names them yet.",
        "across",
    )
    RETIRE_IS_DECIDED_BY_GRANT = _Rule(
        "kms:RetireGrant needs no Allow of an SCP or a VPC endpoint policy; key policies and RCPs do not speak to it.",
        "layers",
    )
    RCP_ONLY_DENIES = _Rule(
        "Every level above an account is taken to hold RCPFullAWSAccess, as AWS attaches it; RCPs can only deny.",
        "decide",
    )
    ROOT_SESSION_POLICY = _Rule("A session policy, where there is one, binds a root user's session too.", "layers")
    MANY_VALUES_WITHOUT_SET_OPERATOR = _Rule(
        "A key with many values compared without a set operator does not match, negated or not.", "conditions"
    )
    EMPTY_MANY_VALUED_KEY = _Rule("A many-valued key without values is absent; an empty text is present.", "asked")
    VARIABLE_IS_LITERAL = _Rule("Wildcards in the value of a variable are plain characters.", "variables")
    VARIABLE_OF_MANY_VALUES = _Rule("A many-valued key used as a variable has no value.", "variables")
    NOT_RESOURCE_UNRESOLVED = _Rule(
        "A NotResource with a variable that has no value makes its statement not match, Allow or Deny.", "statement"
    )
    NOT_EVALUABLE_COUNTS_AGAINST = _Rule(
        "What reseal can not evaluate counts against the caller: a Deny applies, an Allow does not.", "statement"
    )
    ACTION_PREFIX_HAS_NO_WILDCARDS = _Rule("The service prefix of an action is compared as it stands.", "match")
    PATTERN_THAT_IS_NO_ARN = _Rule(
        "A Resource pattern with fewer than six parts is matched against the whole text; in an Arn operator only "
        "`*` is, and it matches every ARN.",
        "match",
    )
    OPERATOR_CASE = _Rule("The names of condition operators ignore case.", "operators")
    DATE_FORMS = _Rule(
        "Four digits are a year, other numbers epoch seconds; a date without a zone is UTC.", "operators"
    )
    SESSION_ARNS_HAVE_NO_IDS = _Rule(
        "Session ARNs in a Principal are compared as text, not resolved to ids.", "principals"
    )
    ROLE_BY_NAME = _Rule(
        "Without a recorded id a role in a Principal is compared by account and name, whatever its path.", "principals"
    )
    NOT_PRINCIPAL_EXEMPTIONS = _Rule(
        "NotPrincipal exempts a session if its own ARN, its role or its account is listed.", "statement"
    )
    EMPTY_LISTS = _Rule(
        "Empty lists of statements and values are accepted; of actions and resources where a statement may lack them.",
        "reader",
    )

    @property
    def text(self) -> str:
        return self.value.text

    @property
    def where(self) -> str:
        return self.value.where
