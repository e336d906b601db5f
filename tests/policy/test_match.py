"""Matching text, the hostile patterns included."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.policy.match import Literal, action_test, arn_test, glob, resource_test
from app.policy.variables import render, template
from tests.work import steps


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("kms:Decrypt", "kms:decrypt", True),
        ("KMS:DEcrypt", "kms:decrypt", True),
        ("kms:De*", "kms:decrypt", True),
        ("kms:*crypt", "kms:decrypt", True),
        ("kms:De?crypt", "kms:decrypt", False),
        ("kms:D?crypt", "kms:decrypt", True),
        ("kms:*", "kms:decrypt", True),
        ("kms:*", "ec2:decrypt", False),
        ("*", "kms:decrypt", True),
    ],
)
def test_actions_ignore_case(pattern: str, text: str, fits: bool) -> None:
    assert action_test(pattern)(text) is fits


@pytest.mark.parametrize(
    ("pattern", "resource", "fits"),
    [
        ("*", "*", True),
        ("*", "arn:aws:kms:r:1:key/a", True),
        ("arn:aws:kms:r:1:key/a", "*", False),
        ("arn:aws:kms:r:1:key/*", "arn:aws:kms:r:1:key/a/b:c", True),
        ("arn:aws:kms:*:key/a", "arn:aws:kms:r:1:key/a", True),  # inferred: fewer than six parts, matched as a text
        ("arn:aws:kms:*:1:key/a", "arn:aws:kms:r:1:key/a", True),
        ("arn:aws:kms:*:*:a", "arn:aws:kms:r:1:key:a", False),
        ("arn:aws:ec2:r::snapshot/*", "arn:aws:ec2:r::snapshot/s", True),
        ("arn:aws:ec2:r:1:snapshot/*", "arn:aws:ec2:r::snapshot/s", False),
        ("arn:aws:ec2:r:*:snapshot/*", "arn:aws:ec2:r::snapshot/s", True),
        ("arn:aws:ec2:r:?:snapshot/*", "arn:aws:ec2:r::snapshot/s", False),
        ("arn:aws:kms:r:1:KEY/a", "arn:aws:kms:r:1:key/a", False),
        ("arn:aws:kms:r:1:key/a\n", "arn:aws:kms:r:1:key/a", False),
    ],
)
def test_resources_match_part_by_part(pattern: str, resource: str, fits: bool) -> None:
    if pattern == "arn:aws:kms:*:key/a":
        assert arn_test((pattern,)) is None
    assert resource_test((pattern,))(resource) is fits


def naive(pattern: str, text: str) -> bool:
    """The definition, by recursion."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(naive(pattern[1:], text[skip:]) for skip in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and naive(pattern[1:], text[1:])


@settings(max_examples=500, deadline=None)
@given(st.text("ab*?.\n", max_size=8), st.text("ab.\n", max_size=8))
def test_a_glob_means_what_its_definition_says(pattern: str, text: str) -> None:
    assert glob((pattern,))(text) is naive(pattern, text)


@given(st.text("ab*?", max_size=8), st.text("ab*?", max_size=8))
def test_a_literal_has_no_wildcards(pattern: str, text: str) -> None:
    assert glob((Literal(pattern),))(text) is (pattern == text)


@pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "a*" * 40 + "b", "*?" * 40 + "b", "*" * 500 + "b", "*a*" * 700])
def test_a_hostile_pattern_comes_back(pattern: str) -> None:
    """A naive expression, which tries again from every star, would not end here."""
    assert glob((pattern,))("a" * 4000) is (set(pattern) <= {"*", "a"})


@pytest.mark.parametrize("text", ["${" * 8000, "${a" + " " * 16000, "${a,'" * 4000, "${a" * 8000, "${*" * 8000])
def test_hostile_variables_are_cut_in_steps_that_grow_with_the_text(text: str) -> None:
    assert render(template(text, variables=True), lambda _: None) == (text,)
    whole, half = (steps(partial(template, part, variables=True)) for part in (text, text[: len(text) // 2]))
    assert whole < 3 * half
