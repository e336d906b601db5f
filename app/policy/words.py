"""The words of explanations: how principals, keys, policies and causes are named to a reader.

One vocabulary for the terminal, for JSON and for pages. Names of accounts are the reader's own where he has given some
("target"), else their ids; long ids are cut where the whole one stands nearby.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from app.policy.causes import Cause, Word
from app.policy.explain_trace import Element, Spot, Trace
from app.policy.principals import Match, account_named
from app.policy.question import LayerKind, PrincipalKind, Rule
from app.policy.trace import Effect, Why

WHO_CUT: Final = 8  # characters of a key's or grant's id that tell it from the others of a world


@dataclass(frozen=True, slots=True)
class Names:
    """What the reader calls the accounts: id -> name."""

    accounts: Mapping[str, str] = field(default_factory=dict[str, str])

    def account(self, id: str, whose: str) -> str:
        """As a subject: "target account", else "caller's account 444455556666"."""
        return f"{self.accounts[id]} account" if id in self.accounts else f"{whose} account {id}"

    def who(self, arn: str) -> str:
        """A user or role session as "target/importer"; a service's name as it stands."""
        account, name = account_of(arn), arn or "a caller without credentials"
        if account:
            tail = arn.split(":", 5)[5]
            kind, _, path = tail.partition("/")
            name = path.split("/")[0] if kind == "assumed-role" else path.rpartition("/")[2] or kind
        return f"{self.accounts.get(account, account)}/{name}" if account else name

    def thing(self, arn: str) -> str:
        """A key as "source key 1234abcd…" or "key 1234abcd… of 111122223333"; another resource by its id."""
        account, kind, id = account_of(arn), *_kind_and_id(arn)
        if not kind:
            return id
        if id == "*":
            return f"a new {kind}"
        if account in self.accounts:
            return f"{self.accounts[account]} {kind} {cut(id)}"
        return f"{kind} {cut(id)} of {account}" if account else f"{kind} {cut(id)}"


def account_of(arn: str) -> str:
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[0] == "arn" else ""


def _kind_and_id(arn: str) -> tuple[str, str]:
    if not arn.startswith("arn:"):
        return "", arn
    tail = arn.split(":", 5)[5]
    kind, slash, id = tail.partition("/")
    return (kind, id) if slash else ("", tail)


def cut(id: str) -> str:
    """Ids of EC2 and names stay whole: people look for them by their end."""
    is_long = len(id) > 20 and not id.startswith(("snap-", "vol-", "ami-", "i-", "alias/"))
    return f"{id[: id.index('-', 4) if id.startswith('mrk-') else WHO_CUT]}…" if is_long else id


def plain_name(arn: str) -> str:
    return Names().who(arn).rpartition("/")[2]


# Policies.

KIND: Final = {  # because.kind of ecosystem.md 7.2; the owner's side goes by its rule
    LayerKind.IDENTITY: "identity",
    LayerKind.BOUNDARY: "boundary",
    LayerKind.SESSION: "session",
    LayerKind.SCP: "scp",
    LayerKind.RCP: "rcp",
    LayerKind.GRANT: "grant",
    LayerKind.ENDPOINT: "endpoint",
}
OWNER_KIND: Final = {Rule.KMS_KEY: "key-policy", Rule.RETIRE: "key-policy", Rule.TRUST: "trust", Rule.PLAIN: "resource"}
STATE_KIND: Final = {Word.KEY_STATE: "key-state", Word.SHARING: "sharing", Word.VISIBILITY: "sharing"}

_OWNER_POLICY: Final = {
    Rule.KMS_KEY: "key policy",
    Rule.RETIRE: "grant",
    Rule.TRUST: "trust policy",
    Rule.PLAIN: "resource policy",
    Rule.NONE: "resource policy",
}
_ONE: Final = {
    LayerKind.IDENTITY: "identity policy",
    LayerKind.BOUNDARY: "permissions boundary",
    LayerKind.SESSION: "session policy",
    LayerKind.SCP: "service control policy",
    LayerKind.RCP: "resource control policy",
    LayerKind.ENDPOINT: "VPC endpoint policy",
    LayerKind.GRANT: "grant",
}


def policy_of(kind: LayerKind, rule: Rule) -> str:
    """What a policy of that layer is called: "key policy"."""
    return _OWNER_POLICY[rule] if kind is LayerKind.RESOURCE else _ONE[kind]


def kind_of(kind: LayerKind, rule: Rule) -> str:
    return OWNER_KIND.get(rule, "unknown") if kind is LayerKind.RESOURCE else KIND[kind]


def title(place: Spot, rule: Rule, names: Names) -> str:
    """A policy named in full: "key policy of 1234abcd… in 111122223333"."""
    policy, name = policy_of(place.layer, rule), place.policy
    if place.layer is LayerKind.RESOURCE:
        return f"{policy} of {cut(_kind_and_id(place.attached_to)[1])} in {place.account}"
    if place.layer is LayerKind.GRANT:
        return f"grant {cut(name)} on {Names().thing(place.attached_to)}"
    if name.startswith("arn:"):
        policy, name = (
            ("managed policy", plain_name(name)) if place.layer is LayerKind.IDENTITY else (policy, plain_name(name))
        )
    holder = names.who(place.attached_to) if place.attached_to.startswith("arn:") else place.attached_to
    quoted = f' "{name}"' if name else ""
    return f"{policy}{quoted} of {holder}"


# Elements of a statement.


def missed(element: Element, trace: Trace, names: Names) -> str:
    """Why an element did not match, to stand behind a caret."""
    if element.why not in (Why.COMPARED, Why.KEY_ABSENT):
        return element.why.value
    kind = element.element
    if kind == "Condition":
        return request_has(element)
    if kind.startswith("Not"):
        return f"{_subject(kind[3:], trace, names)} is excepted here"
    if kind == "Principal" and trace.principal.account and all(account_named(text) for text in element.wanted):
        return f"{names.who(trace.principal.arn)} is in another account"
    subject = _subject(kind, trace, names)
    return f"{subject} is not among these" if len(element.wanted) > 1 else f"does not match {subject}"


def _subject(kind: str, trace: Trace, names: Names) -> str:
    if kind == "Principal":
        return names.who(trace.principal.arn)
    return trace.action if kind == "Action" else trace.resource


def request_has(element: Element) -> str:
    """What the request carries for the key of a condition."""
    if not element.found:
        return f"the request carries no {element.key}"
    shown = ", ".join(f'"{value}"' for value in element.found[:3]) + ("…" if len(element.found) > 3 else "")
    return f"the request has {shown}"


_MATCHES: Final = {
    Match.ACCOUNT: "matches the caller's account",
    Match.THROUGH: "matches the caller's role",
    Match.DIRECT: "matches the caller",
    Match.NONE: "matches",
}


def met(element: Element, effect: Effect) -> str:
    """What to say of an element that matched: of a condition that it would hold, so that one that fails stands out."""
    if element.element == "Condition":
        return "holds: " + request_has(element) if effect is Effect.DENY else "would hold"
    if element.element == "Principal" and "*" in element.wanted:
        return "matches everyone"
    if element.element == "Principal" and any(account_named(text) for text in element.wanted):
        return _MATCHES[element.closeness]
    return _MATCHES[Match.DIRECT] if element.element == "Principal" else "matches"


# How the sides combine: one sentence for the rule that applied.


def rule_sentence(trace: Trace) -> str:
    caller, owner = trace.principal, trace.resource_account
    if trace.decision.value == "ExplicitlyDenied":
        return "An explicit Deny ends the matter, whatever else allows it."
    if caller.kind is PrincipalKind.SERVICE:
        return f"{caller.arn} acts as itself: only a grant or the key policy can allow it."
    if trace.rule is Rule.RETIRE:
        return "Only a principal that the grant itself names may retire it."
    if caller.kind is PrincipalKind.ANONYMOUS:
        return "Without credentials, only the resource's own policy can allow it."
    thing = _kind_and_id(trace.resource)[0] or "resource"
    if trace.is_across and (trace.rule is Rule.NONE or trace.cause is Cause.NEVER_ACROSS_ACCOUNTS):
        apart = f"Caller ({caller.account}) and {thing} ({owner}) are in different accounts"
        return f"{apart}, and no policy can allow this across accounts. {REMEDY[Cause.NEVER_ACROSS_ACCOUNTS]}"
    if trace.rule is Rule.NONE:
        return "Only the policies on the caller's side decide: the resource has none of its own."
    if trace.is_across:
        return (
            f"Both sides must say yes, because caller ({caller.account}) and {thing} ({owner}) are in different "
            "accounts."
        )
    return _IN_ACCOUNT[trace.rule].format(account=owner)


_IN_ACCOUNT: Final = {
    Rule.KMS_KEY: (
        "Caller and key are both in {account}. The key policy comes first: it allows the caller itself, or it lets the "
        "account's identity policies count."
    ),
    Rule.TRUST: "Caller and role are both in {account}. The role's trust policy must let the caller in.",
    Rule.PLAIN: "Caller and resource are both in {account}. Either side may allow.",
}


# What a cause without a policy is about, by the beginning of its name: how the ids of such things begin.
ABOUT: Final = {
    "KEY": ("arn:aws:kms:", "alias/", "mrk-"),
    "ALIAS": ("alias/", "arn:aws:kms:"),
    "GRANT": ("arn:aws:kms:",),
    "SNAPSHOT": ("snap-",),
    "DEFAULT": ("snap-",),
    "ENCRYPTED": ("snap-",),
    "VOLUME": ("vol-",),
    "PRINCIPAL": ("arn:aws:iam:",),
}
NOT_SIMULATED: Final = "reseal does not simulate"  # how such a refusal's text begins

# What would have to be otherwise, where no policy decides: what the reader may do about it.

REMEDY: Final = {
    Cause.NEVER_ACROSS_ACCOUNTS: "The owner has to do it, or hand out a role in its account.",
    Cause.GRANT_NOT_FOUND: "Make a new grant (kms:CreateGrant).",
    Cause.GRANT_TOO_WIDE: "Ask for no more operations, and no looser constraint, than the grant that the caller holds.",
    Cause.GRANT_TOKEN_INVALID: "Use the token that CreateGrant answered for this key.",
    Cause.KEY_DISABLED: "It would work with the key enabled (kms:EnableKey, in the key's account).",
    Cause.KEY_PENDING_DELETION: "Cancel the deletion (kms:CancelKeyDeletion), then enable the key (kms:EnableKey).",
    Cause.KEY_PENDING_IMPORT: "Import the same key material again (kms:ImportKeyMaterial).",
    Cause.KEY_NOT_FOUND: "Look at the id, the account and the Region: keys do not leave theirs.",
    Cause.ALIAS_NOT_FOUND: "Aliases are looked up in the caller's account and Region; name a key elsewhere by its ARN.",
    Cause.KEY_WRONG_KIND: "It needs a symmetric key for encryption (SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT).",
    Cause.CIPHERTEXT_INVALID: "Pass the encryption context, and name the key, with which it was encrypted.",
    Cause.SNAPSHOT_NOT_SHARED: "Its owner has to share it (ec2:ModifySnapshotAttribute, CreateVolumePermission).",
    Cause.SNAPSHOT_NOT_FOUND: "Look at the id and the Region.",
    Cause.SNAPSHOT_NOT_COMPLETE: "Wait until it is completed.",
    Cause.DEFAULT_KEY_CANNOT_BE_SHARED: "Copy it under a customer managed key first, and share the copy.",
    Cause.ENCRYPTED_CANNOT_BE_PUBLIC: "Share it with single accounts.",
    Cause.SNAPSHOT_NOT_OWNED: "Its owner has to do it; a copy of one's own can be shared on.",
    Cause.CREDENTIALS_UNKNOWN: "Look at the access key id, and at which world it was issued in.",
    Cause.SESSION_EXPIRED: "Assume the role again.",
    Cause.POLICY_LOCKS_OUT: "Keep a statement that lets the caller use kms:PutKeyPolicy.",
}  # fmt: skip


# What failed later, by the operation that had been answered: (how the title says it, what the caller sees).

LATER: Final = {
    "ec2:CopySnapshot": ("the copy of {source} failed later", '{made}: State=error, StateMessage="{message}"'),
    "ec2:CreateVolume": ("the new volume vanished", '{made}: answered State=creating, then gone ("does not exist")'),
    "ec2:CreateSnapshot": ("the snapshot failed later", '{made}: State=error, StateMessage="{message}"'),
}
LATER_ELSE: Final = ("{operation} failed later", "{made}: {code}")
FORWARDED_BY: Final = {"ec2": "EBS", "ebs": "EBS"}  # who calls KMS below an operation of that service


# Layers of one account, as subjects of "says".

SIDE: Final = {
    LayerKind.IDENTITY: "identity policies",
    LayerKind.BOUNDARY: "the permissions boundary",
    LayerKind.SESSION: "the session policy",
    LayerKind.SCP: "service control policies",
    LayerKind.RCP: "resource control policies",
    LayerKind.ENDPOINT: "the endpoint policy",
}


def says(side: str) -> str:
    return "say" if side.endswith("policies") else "says"


LOOKED: Final = {
    LayerKind.BOUNDARY: "boundary",
    LayerKind.SCP: "SCP",
    LayerKind.RCP: "RCP",
    LayerKind.ENDPOINT: "endpoint policy",
}
