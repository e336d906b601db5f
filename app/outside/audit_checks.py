"""Checks of any policy: its elements, names and types. Codes are Access Analyzer's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from app.outside.audit_paper import ERROR, SUGGESTION, WARNING, WITH_PRINCIPALS, Issue, Sheet
from app.outside.audit_words import (
    CHECKED_PREFIXES,
    FAMILY_OF,
    actions_of,
    misspelt_service,
    nearest_key,
    type_of,
)
from app.outside.reading import member
from app.policy.conditions import comparison
from app.policy.document import VERSIONS, DocumentKind
from app.policy.match import action_test
from app.policy.principals import is_aws_principal, is_service
from app.policy.scan import Array, Object

Check = Callable[[Sheet], Iterator[Issue]]

_ELEMENTS: Final = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_ACTION: Final = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_ARN: Final = re.compile(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:.+", re.DOTALL)
_SIZE_MAX: Final = {  # characters without white space (policy-evaluation.md 1.1)
    DocumentKind.IDENTITY: 10_240, DocumentKind.BOUNDARY: 6_144, DocumentKind.SESSION: 2_048,
    DocumentKind.RESOURCE: 32_768, DocumentKind.SCP: 5_120, DocumentKind.RCP: 5_120, DocumentKind.TRUST: 4_096,
    DocumentKind.ENDPOINT: 20_480,
}  # fmt: skip


def version(sheet: Sheet) -> Iterator[Issue]:
    found = sheet.version
    if found is None:
        text = "Version is missing, so it counts as 2008-10-17: policy variables are then plain text"
        yield Issue(WARNING, "MISSING_VERSION", text, sheet.root.mark)
    elif found.value not in VERSIONS:
        yield Issue(ERROR, "INVALID_VERSION", f"Version is {' or '.join(VERSIONS)}, not {found.value}", found.mark)
    if (found is None or found.value == VERSIONS[0]) and "${" in sheet.text:
        mark = found.mark if found else sheet.root.mark
        yield Issue(WARNING, "VARIABLES_NEED_VERSION_2012", "policy variables need Version 2012-10-17", mark, True)


def size(sheet: Sheet) -> Iterator[Issue]:
    count, most = len(re.sub(r"\s", "", sheet.text)), _SIZE_MAX[sheet.kind]
    if count > most:
        text = f"{count} characters without white space; a {sheet.kind} may have {most}"
        yield Issue(ERROR, "POLICY_SIZE_EXCEEDS_QUOTA", text, sheet.root.mark)


def elements(sheet: Sheet) -> Iterator[Issue]:
    for one in sheet.root.members:
        if one.name not in ("Version", "Id", "Statement"):
            yield Issue(ERROR, "UNSUPPORTED_ELEMENT", f"a policy has no element {one.name}", one.name_mark)
    for part in sheet.parts:
        for one in part.node.members:
            if one.name not in _ELEMENTS:
                yield Issue(ERROR, "UNSUPPORTED_ELEMENT", f"a statement has no element {one.name}", one.name_mark)
        for name in ("Principal", "Action", "Resource"):
            if part.has(name) and part.has(f"Not{name}"):
                text = f"{name} and Not{name} exclude one another"
                yield Issue(ERROR, "UNSUPPORTED_ELEMENT_COMBINATION", text, part.mark(f"Not{name}"))


def missing(sheet: Sheet) -> Iterator[Issue]:
    for part in sheet.parts:
        if not part.has("Effect"):
            yield Issue(ERROR, "MISSING_EFFECT", "the statement lacks Effect", part.node.mark)
        elif part.effect not in ("Allow", "Deny"):
            text = f"Effect is Allow or Deny, case counts, not {part.effect or 'this'}"
            yield Issue(ERROR, "INVALID_EFFECT", text, part.mark("Effect"))
        if not part.has("Action") and not part.has("NotAction"):
            yield Issue(ERROR, "MISSING_ACTION", "the statement lacks Action: it has no effect", part.node.mark)
        takes_resource = sheet.kind is not DocumentKind.TRUST
        if takes_resource and not part.has("Resource") and not part.has("NotResource"):
            yield Issue(ERROR, "MISSING_RESOURCE", "the statement lacks Resource: it has no effect", part.node.mark)
        if not takes_resource and part.has("Resource"):
            yield Issue(ERROR, "UNSUPPORTED_ELEMENT", "a trust policy has no Resource", part.mark("Resource"))


def principals(sheet: Sheet) -> Iterator[Issue]:
    takes = sheet.kind in WITH_PRINCIPALS
    for part in sheet.parts:
        named = part.has("Principal") or part.has("NotPrincipal")
        if takes and not named:
            yield Issue(ERROR, "MISSING_PRINCIPAL", f"a statement of a {sheet.kind} names principals", part.node.mark)
        if not takes and named:
            text = f"a {sheet.kind} names no principals: it means whoever holds it"
            yield Issue(ERROR, "UNSUPPORTED_ELEMENT", text, part.mark("Principal", "NotPrincipal"))
        for kind, text in part.principals if takes else ():
            if not _may_stand(kind, text.value):
                yield Issue(ERROR, "INVALID_PRINCIPAL_FORMAT", _principal(kind, text.value), text.mark)


_PRINCIPAL_KINDS: Final = ("AWS", "Service", "Federated", "CanonicalUser")


def _may_stand(kind: str, text: str) -> bool:
    if kind == "AWS":
        return is_aws_principal(text)
    return is_service(text) if kind == "Service" else kind in _PRINCIPAL_KINDS


def _principal(kind: str, text: str) -> str:
    if ":group/" in text:
        return f"{text}: a group is no principal; name its users or a role"
    if "*" in text and text != "*":
        return f"{text}: an ARN here has no wildcards; use * with a condition on aws:PrincipalArn"
    return f"{text} can not stand under {kind}"


def actions(sheet: Sheet) -> Iterator[Issue]:
    for part in sheet.parts:
        for one in part.texts("Action", "NotAction"):
            if not _ACTION.fullmatch(one.value):
                yield Issue(ERROR, "INVALID_ACTION", f"an action is service:Name, not {one.value!r}", one.mark)
                continue
            prefix = one.value.partition(":")[0].lower()
            known = actions_of(prefix)
            if known and not any(map(action_test(one.value), (f"{prefix}:{name}" for name in known))):
                yield Issue(ERROR, "INVALID_ACTION", f"{prefix} has no action {one.value}{_meant(one.value)}", one.mark)
            elif one.value != "*" and not known and (meant := misspelt_service(prefix)):
                text = f"there is no service {prefix}; {meant} may be meant"
                yield Issue(ERROR, "INVALID_SERVICE_IN_ACTION", text, one.mark)


def _meant(action: str) -> str:
    return "; kms:ReEncryptFrom and kms:ReEncryptTo are its actions" if action.lower() == "kms:reencrypt" else ""


def resources(sheet: Sheet) -> Iterator[Issue]:
    for part in sheet.parts:
        for one in part.texts("Resource", "NotResource"):
            if one.value == "*":
                continue
            if not one.value.startswith("arn:"):
                yield Issue(ERROR, "INVALID_ARN_PREFIX", f"a resource is * or an ARN, not {one.value!r}", one.mark)
            elif not _ARN.fullmatch(one.value):
                yield Issue(ERROR, "MISSING_ARN_FIELD", f"{one.value} has fewer than six parts", one.mark)
            elif (account := one.value.split(":")[4]) and not re.fullmatch(r"\d{12}|aws|[\d*?$].*", account):
                yield Issue(ERROR, "INVALID_ARN_ACCOUNT", f"{account} is no account id", one.mark)


def operators(sheet: Sheet) -> Iterator[Issue]:
    for part in sheet.parts:
        for one in part.conditions:
            how = comparison(one.operator.value)
            if how is None:
                text = f"there is no condition operator {one.operator.value}"
                yield Issue(ERROR, "INVALID_CONDITION_OPERATOR", text, one.operator.mark)
                continue
            yield from _values(one, how.operator.name)


def _values(one: object, name: str) -> Iterator[Issue]:
    from app.outside.audit_paper import Asks
    from app.policy.operators import OPERATORS

    assert isinstance(one, Asks)
    prepare = OPERATORS[name.lower()].prepare
    for value in one.values:
        is_variable = "${" in value.value
        if not is_variable and prepare((value.value,)) is None:
            text = f"{value.value!r} is no value of {one.operator.value}: it never matches"
            yield Issue(ERROR, "DATA_TYPE_MISMATCH", text, value.mark)
        has_wildcard = "*" in value.value or "?" in value.value
        if has_wildcard and not is_variable and name.lower() in ("stringequals", "stringnotequals"):
            text = f"{one.operator.value} takes {value.value!r} as it stands; StringLike has wildcards"
            yield Issue(WARNING, "WILDCARD_WITHOUT_LIKE_OPERATOR", text, value.mark)


def keys(sheet: Sheet) -> Iterator[Issue]:
    for part in sheet.parts:
        for one in part.conditions:
            prefix, key = one.key.value.partition(":")[0].lower(), one.key.value
            if prefix not in CHECKED_PREFIXES:
                continue
            type = type_of(key)
            if type is None:
                code = "INVALID_GLOBAL_CONDITION_KEY" if prefix == "aws" else "INVALID_SERVICE_CONDITION_KEY"
                near = nearest_key(key)
                text = f"there is no condition key {key}" + (f"; {near} may be meant" if near else "")
                yield Issue(ERROR, code, text, one.key.mark)
                continue
            families = tuple(family for letter in type.rstrip("[]") for family in FAMILY_OF[letter])
            if not one.base.startswith((*families, "null")):
                text = f"{one.operator.value} can not compare {key}: use {' or '.join(families)}"
                yield Issue(ERROR, "TYPE_MISMATCH", text, one.key.mark)
            if type.endswith("[]") and not one.set and one.base != "null":
                text = f"{key} has many values: it needs ForAnyValue or ForAllValues"
                yield Issue(WARNING, "MULTIVALUED_KEY_WITHOUT_SET_OPERATOR", text, one.key.mark, True)


def sids(sheet: Sheet) -> Iterator[Issue]:
    seen = set[str]()
    plain = sheet.kind not in (DocumentKind.RESOURCE, DocumentKind.TRUST, DocumentKind.ENDPOINT)
    for part in sheet.parts:
        for sid in part.texts("Sid"):
            if sid.value in seen:
                yield Issue(
                    ERROR if plain else WARNING, "UNIQUE_SIDS_RECOMMENDED", f"Sid {sid.value!r} stands twice", sid.mark
                )
            if plain and not re.fullmatch(r"[A-Za-z0-9]*", sid.value):
                yield Issue(ERROR, "INVALID_SID", f"a Sid holds letters and digits only, not {sid.value!r}", sid.mark)
            seen.add(sid.value)


def emptiness(sheet: Sheet) -> Iterator[Issue]:
    for part in sheet.parts:
        for name in ("Action", "NotAction", "Resource", "NotResource", "Principal", "Condition"):
            node = member(part.node, name)
            is_empty = (isinstance(node, Array) and not node.items) or (isinstance(node, Object) and not node.members)
            if is_empty and node is not None:
                kind = "ARRAY" if isinstance(node, Array) else "OBJECT"
                yield Issue(SUGGESTION, f"EMPTY_{kind}_{name.upper()}", f"{name} is empty", node.mark)
        for one in part.conditions:
            if not one.values:
                yield Issue(SUGGESTION, "EMPTY_ARRAY_CONDITION", f"{one.key.value} has no values", one.key.mark)


def redundancy(sheet: Sheet) -> Iterator[Issue]:
    bodies = dict[str, int]()
    for part in sheet.parts:
        for element in ("Action", "Resource"):
            texts = part.texts(element)
            for nth, one in enumerate(texts):
                wider = [two for mth, two in enumerate(texts) if mth != nth and _covers(element, two.value, one.value)]
                if wider and (wider[0].value != one.value or texts.index(wider[0]) < nth):
                    text = f"{one.value} is covered by {wider[0].value}"
                    yield Issue(SUGGESTION, f"REDUNDANT_{element.upper()}", text, one.mark)
        body = _without_sid(sheet, part.node)
        if body in bodies:
            text = f"the statement says what statement {bodies[body]} says"
            yield Issue(SUGGESTION, "REDUNDANT_STATEMENT", text, part.node.mark)
        bodies.setdefault(body, part.index)


def _covers(element: str, wide: str, narrow: str) -> bool:
    if element == "Action":
        return action_test(wide)(narrow.lower().replace("?", "\0")) if "*" not in narrow else wide == "*" != narrow
    return wide == "*" or wide == narrow


def _without_sid(sheet: Sheet, node: Object) -> str:
    pieces = (sheet.text[one.value.mark.offset : one.value.mark.end] for one in node.members if one.name != "Sid")
    return "".join(sorted(re.sub(r"\s", "", piece) for piece in pieces))


CHECKS: Final[tuple[Check, ...]] = (
    version, size, elements, missing, principals, actions, resources, operators, keys, sids, emptiness, redundancy,
)  # fmt: skip
