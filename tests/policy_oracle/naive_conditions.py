"""Conditions, word for word from policy-evaluation.md section 2. Slow and obvious on purpose; see naive_text.py."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from datetime import UTC, datetime

from .naive_text import ONE, STAR, is_like, key_value, listed, resolve, six_parts_match, with_wildcards
from .plain import Question, Statement

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
