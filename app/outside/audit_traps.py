"""Checks for what is allowed by mistake, and for what key policies do that people do not expect.

Sources: policy-evaluation.md 2.2, 3.3, 4.6 to 4.9, 6; kms.md 5, 6, 10.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from app.outside.audit_checks import Check
from app.outside.audit_paper import ERROR, SECURITY, WARNING, Issue, Part, Sheet
from app.outside.audit_words import FAMILIES, type_of
from app.policy.document import DocumentKind
from app.policy.match import action_test
from app.policy.principals import account_named

_HOLDERS: Final = (DocumentKind.IDENTITY, DocumentKind.SESSION)
_NARROW: Final = ("aws:principal", "aws:source", "kms:calleraccount", "kms:viaservice", "aws:userid", "aws:vpce")
_DEPUTY: Final = (
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "kms:encryptioncontext",
)
_ACROSS: Final = re.compile(
    r"kms:(Encrypt|Decrypt|ReEncrypt|GenerateDataKey|CreateGrant|DescribeKey|GetPublicKey|ListGrants|RetireGrant"
    r"|RevokeGrant|GetKeyRotationStatus|Sign|Verify|GenerateMac|VerifyMac|DeriveSharedSecret)",
    re.IGNORECASE,
)


def everyone(sheet: Sheet) -> Iterator[Issue]:
    if sheet.kind not in (DocumentKind.RESOURCE, DocumentKind.TRUST):
        return
    for part in sheet.parts:
        for kind, text in part.principals:
            if part.allows and kind == "AWS" and text.value == "*" and not part.asks_for(*_NARROW):
                said = "everybody is let in: name principals, or ask for aws:PrincipalOrgID or kms:CallerAccount"
                yield Issue(SECURITY, "PRINCIPAL_STAR_WITHOUT_CONDITION", said, text.mark, True)


def not_principal(sheet: Sheet) -> Iterator[Issue]:
    for part in sheet.parts:
        if part.has("NotPrincipal"):
            text = "Allow with NotPrincipal lets everybody else in, other accounts too"
            if part.allows:
                yield Issue(SECURITY, "ALLOW_WITH_NOT_PRINCIPAL", text, part.mark("NotPrincipal"))
            else:
                text = "Deny with NotPrincipal denies every principal that has a permissions boundary"
                yield Issue(WARNING, "DENY_WITH_NOT_PRINCIPAL", text, part.mark("NotPrincipal"), True)


def negatives(sheet: Sheet) -> Iterator[Issue]:
    for part in sheet.parts:
        if part.allows and sheet.kind in _HOLDERS:
            if part.has("NotAction") and any(one.value == "*" for one in part.texts("Resource")):
                text = "Allow with NotAction and Resource * allows every action of every other service"
                yield Issue(SECURITY, "ALLOW_WITH_NOT_ACTION", text, part.mark("NotAction"), True)
            if part.has("NotResource"):
                text = "Allow with NotResource allows all other resources, those still to come too"
                yield Issue(SECURITY, "ALLOW_WITH_NOT_RESOURCE", text, part.mark("NotResource"), True)


def passing_roles(sheet: Sheet) -> Iterator[Issue]:
    for part in sheet.parts:
        resources = [one for one in part.texts("Resource") if one.value == "*"]
        if sheet.kind not in _HOLDERS or not part.allows or not resources:
            continue
        for one in part.actions:
            if one.value == "*":
                text = "every action on every resource is allowed, iam:PassRole among them"
                yield Issue(SECURITY, "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE", text, one.mark)
            elif one.value.lower().startswith("iam:") and action_test(one.value)("iam:passrole"):
                code = f"PASS_ROLE_WITH_STAR_IN_{'ACTION_AND_' if '*' in one.value else ''}RESOURCE"
                yield Issue(SECURITY, code, "any role may be passed, administrators' too: name the roles", one.mark)
            elif action_test(one.value)("iam:createservicelinkedrole") and one.value.lower().startswith("iam:"):
                text = "service-linked roles of any service may be made: name the service's role"
                yield Issue(SECURITY, "CREATE_SLR_WITH_STAR_IN_RESOURCE", text, one.mark)


def for_all_values(sheet: Sheet) -> Iterator[Issue]:
    for part in sheet.parts:
        for one in part.conditions:
            is_single = not (type_of(one.key.value) or "[]").endswith("[]")
            if one.set != "forallvalues":
                continue
            if is_single:
                text = f"ForAllValues holds where the request has no {one.key.value}: leave it out"
                refused = sheet.kind is DocumentKind.RESOURCE and one.key.value.lower().startswith(tuple(FAMILIES))
                yield Issue(
                    ERROR if refused else SECURITY, "FORALLVALUES_WITH_SINGLE_VALUED_KEY", text, one.operator.mark
                )
            elif part.allows:
                text = f"ForAllValues in an Allow holds where the request has no {one.key.value}: add Null false"
                yield Issue(WARNING, "FORALLVALUES_HOLDS_WHEN_ABSENT", text, one.operator.mark, True)


def confused_deputy(sheet: Sheet) -> Iterator[Issue]:
    if sheet.kind is not DocumentKind.RESOURCE:
        return
    for part in sheet.parts:
        for kind, text in part.principals:
            if part.allows and kind == "Service" and not part.asks_for(*_DEPUTY):
                said = f"any customer of {text.value} can have it act here: ask for aws:SourceAccount or aws:SourceArn"
                yield Issue(SECURITY, "RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL", said, text.mark)


def external_id(sheet: Sheet) -> Iterator[Issue]:
    """A trust policy that lets another account in by its root, with nothing more asked."""
    if sheet.kind is not DocumentKind.TRUST:
        return
    for part in sheet.parts:
        for kind, text in part.principals:
            if part.allows and kind == "AWS" and account_named(text.value) and not part.conditions:
                said = f"every principal of {account_named(text.value)} that its own policies let may assume this role"
                yield Issue(WARNING, "TRUST_OF_WHOLE_ACCOUNT", said, text.mark, True)


def negated_deny(sheet: Sheet) -> Iterator[Issue]:
    """A negated operator holds where the key is absent: such a Deny meets service principals and whoever lacks it."""
    for part in sheet.parts:
        spared = part.asks_for("aws:principalisawsservice", "aws:viaawsservice", "aws:principalservicename")
        for one in part.conditions if part.effect == "Deny" and not spared else ():
            is_negated = "not" in one.base and not one.operator.value.endswith("IfExists")
            if is_negated and one.key.value.lower() in _OFTEN_ABSENT:
                text = f"{one.operator.value} holds where {one.key.value} is absent: AWS services are denied too"
                yield Issue(WARNING, "DENY_HOLDS_WHEN_KEY_IS_ABSENT", text, one.key.mark, True)


_OFTEN_ABSENT: Final = frozenset(
    {"aws:principalorgid", "aws:sourceip", "aws:sourcevpce", "aws:sourcevpc", "aws:principalorgpaths", "kms:viaservice"}
)


def mfa(sheet: Sheet) -> Iterator[Issue]:
    for part in sheet.parts:
        for one in part.conditions:
            if part.effect == "Deny" and one.operator.value == "Bool" and _is_mfa_false(one.key.value, one.values):
                text = "long-term keys carry no aws:MultiFactorAuthPresent: this Deny misses them; use BoolIfExists"
                yield Issue(SECURITY, "MFA_DENY_MISSES_LONG_TERM_KEYS", text, one.operator.mark, True)


def _is_mfa_false(key: str, values: tuple[object, ...]) -> bool:
    is_false = any(getattr(one, "value", "").lower() == "false" for one in values)
    return key.lower() == "aws:multifactorauthpresent" and is_false


# Keys.


def no_way_back(sheet: Sheet) -> Iterator[Issue]:
    """A key policy under which nobody can change it again; and one that leaves IAM policies without effect."""
    if not sheet.is_key_policy or not sheet.parts:
        return
    if not any(part.allows and part.names("kms:PutKeyPolicy") for part in sheet.parts):
        text = "no statement allows kms:PutKeyPolicy: the key policy could never be changed, and KMS refuses it"
        yield Issue(ERROR, "KEY_POLICY_LOCKS_OUT", text, sheet.root.mark, True)
    if not any(part.allows and _names_account(part) for part in sheet.parts):
        text = "no statement names an account's root: identity policies have no effect on this key, and if the named "
        text += "principals are deleted nobody can use or mend it"
        yield Issue(WARNING, "KEY_POLICY_WITHOUT_ACCOUNT_ROOT", text, sheet.root.mark, True)


def _names_account(part: Part) -> bool:
    return any(kind == "AWS" and (text.value == "*" or account_named(text.value)) for kind, text in part.principals)


def grants_for_anything(sheet: Sheet) -> Iterator[Issue]:
    narrowing = ("kms:grantisforawsresource", "kms:granteeprincipal", "kms:grantoperations", "kms:viaservice")
    for part in sheet.parts:
        for one in part.actions:
            is_grant = one.value.lower().startswith("kms:") and action_test(one.value)("kms:creategrant")
            if part.allows and is_grant and one.value.lower() != "kms:*" and not part.asks_for(*narrowing):
                text = "whoever may make grants may hand out any operation on the key: ask for "
                text += "kms:GrantIsForAWSResource true"
                yield Issue(SECURITY, "CREATE_GRANT_WITHOUT_AWS_RESOURCE", text, one.mark, True)


def dead_resources(sheet: Sheet) -> Iterator[Issue]:
    for part in sheet.parts:
        about_keys = part.actions and all(one.value.lower().startswith("kms:") for one in part.actions)
        for one in part.texts("Resource"):
            if sheet.is_key_policy and one.value != "*":
                text = "in a key policy Resource is *, this key; another ARN has no effect"
                yield Issue(WARNING, "KEY_POLICY_RESOURCE_IS_NOT_STAR", text, one.mark, True)
            elif about_keys and ":alias/" in one.value and not any("alias" in it.value.lower() for it in part.actions):
                text = "an alias's ARN says nothing about its key: name the key, or ask for kms:ResourceAliases"
                yield Issue(WARNING, "ALIAS_IN_KEY_RESOURCE", text, one.mark, True)


def via_what(sheet: Sheet) -> Iterator[Issue]:
    for part in sheet.parts:
        for one in part.conditions:
            for value in one.values if one.key.value.lower() == "kms:viaservice" else ():
                if value.value.startswith("ebs."):
                    text = "EBS calls KMS through ec2.REGION.amazonaws.com, its direct APIs too"
                    yield Issue(WARNING, "VIA_SERVICE_OF_EBS_IS_EC2", text, value.mark, True)
                elif not re.fullmatch(r"[a-z0-9*?-]+\.[a-z0-9*?-]+\.amazonaws\.com(?:\.cn)?|[*]|.*\*.*", value.value):
                    text = f"kms:ViaService is SERVICE.REGION.amazonaws.com, never {value.value}"
                    yield Issue(WARNING, "VIA_SERVICE_MALFORMED", text, value.mark, True)


def without_effect(sheet: Sheet) -> Iterator[Issue]:
    """What a key policy can not give: RetireGrant to anybody; management to another account; ids of the deleted."""
    if not sheet.is_key_policy:
        return
    owners = {account_named(text.value) for part in sheet.parts if part.names("kms:PutKeyPolicy")
              for _, text in part.principals} - {""}  # fmt: skip
    for part in sheet.parts:
        for one in part.actions:
            if one.value.lower() == "kms:retiregrant":
                text = "kms:RetireGrant has no effect in a key policy: the grant decides"
                yield Issue(WARNING, "RETIRE_GRANT_IN_KEY_POLICY", text, one.mark, True)
        foreign = [text for _, text in part.principals if (id := _account(text.value)) and owners and id not in owners]
        dead = [
            one for one in part.actions if ":" in one.value and not _ACROSS.match(one.value) and one.value != "kms:*"
        ]
        if part.allows and foreign and dead:
            text = f"{dead[0].value} can not be given to another account: it has no effect there"
            yield Issue(WARNING, "NO_EFFECT_ACROSS_ACCOUNTS", text, dead[0].mark, True)


def _account(principal: str) -> str:
    found = re.search(r":(?:iam|sts)::(\d{12}):", principal)
    return account_named(principal) or (found.group(1) if found else "")


def deleted(sheet: Sheet) -> Iterator[Issue]:
    for part in sheet.parts:
        for _, text in part.principals:
            if re.fullmatch(r"A(?:ROA|IDA)[A-Z0-9]{5,}", text.value):
                said = f"{text.value} is the id of a principal that was deleted; one made again by its name is another"
                yield Issue(WARNING, "PRINCIPAL_WAS_DELETED", said, text.mark, True)


def denying_scp(sheet: Sheet) -> Iterator[Issue]:
    if sheet.kind is DocumentKind.SCP and sheet.parts and not any(part.allows for part in sheet.parts):
        text = "it only denies: a level that has no other policy allows nothing at all"
        yield Issue(WARNING, "SCP_ALLOWS_NOTHING", text, sheet.root.mark, True)
    if sheet.kind is DocumentKind.RCP:
        for part in sheet.parts:
            if part.allows:
                yield Issue(
                    ERROR, "RCP_CAN_ONLY_DENY", "a resource control policy can only deny", part.mark("Effect"), True
                )


TRAPS: Final[tuple[Check, ...]] = (
    everyone, not_principal, negatives, passing_roles, for_all_values, confused_deputy, external_id, negated_deny, mfa,
    no_way_back, grants_for_anything, dead_resources, via_what, without_effect, deleted, denying_scp,
)  # fmt: skip
