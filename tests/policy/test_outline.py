"""The outline of a policy says what its parse says, whichever way it was read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.policy.document import DocumentKind, PolicySyntaxError
from app.policy.outline import Allowance, _parsed, allowances

ROOT = "arn:aws:iam::111111111111:root"
TEXT = st.sampled_from(
    ["*", ROOT, "111111111111", "ec2.amazonaws.com", "a b", "", "kms:*", "kms:Decrypt", '\u20ac\\"\n']
)
TEXTS = TEXT | st.lists(TEXT, max_size=3)
STRANGE = st.sampled_from([None, True, 7, 1.5, {}, [], [[]], {"AWS": 1}, {"AWS": {"x": "y"}}])
PRINCIPAL = TEXT | st.dictionaries(st.sampled_from(["AWS", "Service", "Federated", "CanonicalUser", "Else"]), TEXTS)
ELEMENTS: dict[str, st.SearchStrategy[Any]] = {
    "Sid": TEXT,
    "Effect": st.sampled_from(["Allow", "Deny", "allow"]),
    "Principal": PRINCIPAL,
    "NotPrincipal": PRINCIPAL,
    "Action": TEXTS,
    "NotAction": TEXTS,
    "Resource": TEXTS,
    "Condition": st.just({"Bool": {"aws:MultiFactorAuthPresent": [True, 0]}}) | st.just({"No": {"x": ["y"]}}),
    "Else": TEXT,
}


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly with the three elements that make an allowance, now and then with what no statement holds."""
    names = draw(st.sets(st.sampled_from([*ELEMENTS, "Effect", "Principal", "Action"]), max_size=5))
    body = {name: draw(ELEMENTS[name]) for name in [*({"Effect", "Principal", "Action"} - names), *names]}
    for name in draw(st.sets(st.sampled_from([*body]), max_size=1)) if draw(st.integers(0, 3)) == 0 else ():
        body.pop(name)
    if draw(st.integers(0, 5)) == 0:
        body[draw(st.sampled_from([*ELEMENTS]))] = draw(STRANGE)
    return body


POLICIES = st.fixed_dictionaries(
    {"Statement": statements() | st.lists(statements(), max_size=3)},
    optional={"Version": st.sampled_from(["2012-10-17", "2008-10-17"]), "Id": TEXT, "Else": TEXT},
)


@pytest.mark.parametrize("kind", [DocumentKind.RESOURCE, DocumentKind.TRUST])
@settings(max_examples=400, deadline=None)
@given(policy=POLICIES)
def test_of_what_a_lenient_parse_takes_the_outline_is_the_same_either_way(
    kind: DocumentKind, policy: dict[str, Any]
) -> None:
    text = json.dumps(policy)
    try:
        parsed = list(_parsed(text, kind))
    except PolicySyntaxError:
        return
    assert list(allowances(text, kind)) == parsed


def test_an_outline_names_the_statement_its_principals_as_written_and_its_actions() -> None:
    text = json.dumps(
        {
            "Statement": [
                {"Sid": "A", "Effect": "Allow", "Principal": {"AWS": [ROOT], "Service": "x"}, "NotAction": "kms:Put*"},
                {"Effect": "Deny", "Principal": "*", "Action": "kms:*"},
                {"Effect": "Allow", "Principal": "*", "Action": ["kms:Decrypt", "kms:Encrypt"], "Resource": "*"},
            ]
        }
    )
    assert list(allowances(text, DocumentKind.RESOURCE)) == [
        Allowance("A", (("AWS", ROOT), ("Service", "x")), ("not kms:Put*",)),
        Allowance("Statement[2]", (("AWS", "*"),), ("kms:Decrypt", "kms:Encrypt")),
    ]


def test_what_no_policy_can_be_is_refused_as_a_parse_refuses_it() -> None:
    with pytest.raises(PolicySyntaxError, match="lacks Statement"):
        list(allowances("{}", DocumentKind.RESOURCE))
