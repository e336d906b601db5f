"""What a statement matches, word for word from policy-evaluation.md sections 1 to 3. Slow and obvious on purpose.

Nothing is parsed ahead, indexed, folded or remembered: every question reads the document's JSON anew. Sections in
brackets are those of the reference. Readings that the reference leaves open are marked "inferred".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from datetime import UTC, datetime

from .plain import Caller, Document, Question, Statement, Value

STAR, ONE = "\ue000", "\ue001"  # the wildcards an author wrote, once everything else is literal text

# ---------------------------------------------------------------- 1.1 one or a list


def listed(value: object) -> list[str]:
    """[1.1] A single value may stand without brackets; bare numbers and booleans are accepted."""
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


def statements(document: Document) -> list[Statement]:
    """[1.1] Statement: one object or a list."""
    found = document.get("Statement", [])
    return found if isinstance(found, list) else [found]


def has_variables(document: Document) -> bool:
    """[1.3] Only when Version is 2012-10-17; [1.1] absent means 2008-10-17."""
    return document.get("Version", "2008-10-17") == "2012-10-17"


# ---------------------------------------------------------------- 1.2 matching text


def with_wildcards(text: str) -> str:
    return text.replace("*", STAR).replace("?", ONE)


def is_like(pattern: str, text: str) -> bool:
    """[1.2] `*` any run of characters, also none; `?` exactly one."""
    expression = "".join(".*" if c == STAR else "." if c == ONE else re.escape(c) for c in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def action_matches(pattern: str, action: str) -> bool:
    """[1.2] Prefix and name match without regard to case; the prefix has no wildcards [I]."""
    if pattern == "*":
        return True
    wanted_service, _, wanted_name = pattern.lower().partition(":")
    service, _, name = action.lower().partition(":")
    return wanted_service == service and is_like(with_wildcards(wanted_name), name)


def six_parts_match(pattern: list[str], resource: list[str]) -> bool:
    """[1.2] The six parts one by one; an empty account or Region is matched by `*` and by empty only."""
    return len(pattern) == len(resource) == 6 and all(map(is_like, pattern, resource))


def resource_matches(pattern: str, question: Question, variables: bool) -> bool | None:
    """[1.2] None where a variable in the pattern can not be resolved [1.3].

    A pattern of fewer than six parts is matched against the whole text (inferred; the guide's page on Resource says
    that a wildcard at the end of a part can reach beyond colons).
    """
    if pattern == "*":
        return True
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        return is_like(with_wildcards(pattern), question["resource"])
    last = resolve(parts[5], question["context"]) if variables else with_wildcards(parts[5])
    if last is None:
        return None
    return six_parts_match([*map(with_wildcards, parts[:-1]), last], question["resource"].split(":", 5))


# ---------------------------------------------------------------- 1.3 variables


def key_value(name: str, context: dict[str, Value]) -> Value | None:
    """[2.2] Names of keys ignore case, tag names and encryption-context keys included. None: absent.

    A many-valued key without values is absent (inferred; the reference says so of ForAllValues only).
    """
    found = next((value for key, value in context.items() if key.lower() == name.lower()), None)
    return None if found == [] else found


def resolve(text: str, context: dict[str, Value]) -> str | None:
    """[1.3] The text with its variables put in, the author's wildcards marked; None where one has no value."""
    whole = ""
    for index, piece in enumerate(re.split(r"\$\{([^}]*)\}", text)):  # text and variables by turns
        value = variable_value(piece, context) if index % 2 else with_wildcards(piece)
        if value is None:
            return None
        whole += value
    return whole


def variable_value(inside: str, context: dict[str, Value]) -> str | None:
    """[1.3] `${*}`, `${?}`, `${$}` are those characters; a value is literal.

    A many-valued key can not be used: as if it were absent, so that a default speaks (inferred).
    """
    if inside in ("*", "?", "$"):
        return inside
    name, comma, default = inside.partition(",")
    value = key_value(name, context)
    if isinstance(value, str):
        return value
    return default.strip().strip("'") if comma else None


# ---------------------------------------------------------------- 2.1 operators: one value against one value


def unmarked(pattern: str) -> str:
    return pattern.replace(STAR, "*").replace(ONE, "?")


def instant(text: str) -> float | None:
    """[2.1] W3C ISO 8601, year up to fractional seconds, or epoch seconds.

    Inferred: four digits are a year, no zone is UTC, `t` and `z` are as good, seconds may be before the epoch.
    """
    if re.fullmatch(r"\d{4}", text):
        text += "-01-01"
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    if re.fullmatch(r"\d{4}-\d\d", text):
        text += "-01"
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def number(text: str) -> float | None:
    """[2.1] Integers or decimals."""
    return float(text) if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", text) else None


def ordered(name: str, left: float | None, right: float | None) -> bool:
    """[2.1] The six comparisons; what can not be read does not match."""
    if left is None or right is None:
        return False
    return {
        "equals": left == right,
        "lessthan": left < right,
        "lessthanequals": left <= right,
        "greaterthan": left > right,
        "greaterthanequals": left >= right,
    }[name]


def same_bytes(value: str, wanted: str) -> bool:
    try:
        return base64.b64decode(value, validate=True) == base64.b64decode(wanted, validate=True)
    except (binascii.Error, ValueError):
        return False


def in_network(value: str, wanted: str) -> bool:
    """[2.1] A bare address is /32 or /128; v4 and v6 never match one another."""
    try:
        address, network = ipaddress.ip_address(value), ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False
    return address.version == network.version and address in network


def compares(operator: str, value: str, wanted: str, question: Question, variables: bool) -> bool:
    """Does one value of the request match one value of the policy? `operator` is positive and in lower case."""
    context = question["context"]
    if operator.startswith(("string", "arn")):  # [1.3] variables stand in the values of String and Arn operators
        pattern = resolve(wanted, context) if variables else with_wildcards(wanted)
        return pattern is not None and text_matches(operator, value, pattern)
    if operator.startswith("numeric"):
        return ordered(operator.removeprefix("numeric"), number(value), number(wanted))
    if operator.startswith("date"):
        return ordered(operator.removeprefix("date"), instant(value), instant(wanted))
    if operator == "bool":
        return value.lower() in ("true", "false") and value.lower() == wanted.lower()
    return {"binaryequals": same_bytes, "ipaddress": in_network}[operator](value, wanted)


def text_matches(operator: str, value: str, pattern: str) -> bool:
    if operator == "stringequals":
        return value == unmarked(pattern)
    if operator == "stringequalsignorecase":
        return value.lower() == unmarked(pattern).lower()
    if operator == "stringlike":
        return is_like(pattern, value)
    return arn_matches(pattern, value)  # ArnEquals is ArnLike


def arn_matches(pattern: str, value: str) -> bool:
    """[2.1] Six parts, each with wildcards; a value that is no ARN does not match. `*` alone: any ARN (inferred)."""
    parts = value.split(":", 5)
    return six_parts_match([STAR] * 6 if pattern == STAR else pattern.split(":", 5), parts)


# ---------------------------------------------------------------- 2.2 combining


def conditions_hold(statement: Statement, question: Question, variables: bool) -> bool:
    """[2.2] Operators AND keys: all must be true."""
    return all(
        condition_holds(operator.lower(), key, listed(wanted), question, variables)
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def condition_holds(operator: str, key: str, wanted: list[str], question: Question, variables: bool) -> bool:
    value = key_value(key, question["context"])
    if operator == "null":  # [2.1] true: the key is absent; an empty string is present [I]
        return any((value is None) == (one.lower() == "true") for one in wanted)
    prefix, _, bare = operator.rpartition(":")
    if bare.endswith("ifexists"):  # [2.2] IfExists: true when the key is absent
        if value is None:
            return True
        bare = bare.removesuffix("ifexists")
    negated = "not" in bare
    positive = bare.replace("not", "")

    def matches_policy(one: str) -> bool:
        """[2.2] Values of one key: OR; for negated operators NOR, in each single comparison."""
        return any(compares(positive, one, each, question, variables) for each in wanted) != negated

    values = [] if value is None else [value] if isinstance(value, str) else value
    if prefix == "forallvalues":  # [2.2] also when the key is absent or empty
        return all(map(matches_policy, values))
    if prefix == "foranyvalue":  # [2.2] false when absent
        return any(map(matches_policy, values))
    if value is None:  # [2.2] absent: positive false, negated true
        return negated
    return isinstance(value, str) and matches_policy(value)  # [2.2] many-valued without a set operator: no match [I]


# ---------------------------------------------------------------- 3. principals

DIRECT, THROUGH, ACCOUNT = "direct", "through", "account"
WORTHS = (DIRECT, THROUGH, ACCOUNT)  # best first


def principal_worth(element: object, caller: Caller, saved_ids: dict[str, str]) -> str | None:
    """[3.2] How the best of the listed forms matches the caller; None where none does."""
    forms = {"AWS": element} if isinstance(element, str) else dict(element)  # type: ignore[call-overload]
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
