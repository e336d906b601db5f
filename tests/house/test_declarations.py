"""What operations declare is true, complete and what the pages say."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

from app import coverage, services
from app.kernel import shapes
from app.kernel.errors import AwsError
from app.kernel.operation import Operation
from app.services import all_services

CLOUD = all_services()
OPERATIONS = sorted(CLOUD.operations.values(), key=lambda each: each.id)
VERBS = "Get List Describe Create Delete Update Put Add Remove Attach Detach Tag Untag Set Enable Disable"
SELF_EXPLAINING = re.compile(rf"({VERBS.replace(' ', '|')})[A-Z]\w*")


def each_operation() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.id)


@each_operation()
def test_every_declared_parameter_is_one_of_awss(operation: Operation) -> None:
    """Method: the members of botocore's input shape."""
    shape = shapes.operation_model(operation.service, operation.name).input_shape
    assert operation.declared - set(shape.members if shape else ()) == set()


@each_operation()
def test_a_parameter_is_honoured_or_inert_and_never_both(operation: Operation) -> None:
    assert operation.honours & operation.inert.keys() == set()


@each_operation()
def test_every_inert_parameter_says_why(operation: Operation) -> None:
    assert [name for name, why in operation.inert.items() if len(why.split()) < 3] == []


@each_operation()
def test_every_declared_error_says_where_it_was_seen(operation: Operation) -> None:
    """A text without a source is a guess that nobody can tell from knowledge."""
    errors = (*operation.answers, *operation.settles)
    assert [error.code for error in errors if not error.seen] == []
    assert all(400 <= error.status < 600 for error in errors)


@each_operation()
def test_every_operation_is_documented_or_explained_by_its_name(operation: Operation) -> None:
    assert operation.handler.__doc__ or SELF_EXPLAINING.fullmatch(operation.name)


@each_operation()
def test_every_operation_lives_in_a_service_that_answers_for_its_prefix(operation: Operation) -> None:
    """Method: its service's events and refusals are found by the prefix of the operation."""
    assert operation.service in CLOUD.by_prefix
    assert operation.id in CLOUD.by_prefix[operation.service].operations


def test_every_error_of_a_service_says_where_it_was_seen() -> None:
    """Also those that no operation declares. Method: every `AwsError` at the level of a module of app.services."""
    for found in pkgutil.walk_packages(services.__path__, "app.services."):
        for name, value in vars(importlib.import_module(found.name)).items():
            assert not isinstance(value, AwsError) or value.seen, f"{found.name}.{name}"


def test_no_operation_declares_an_error_twice() -> None:
    for operation in OPERATIONS:
        declared = [(error.code, error.message) for error in operation.answers]
        assert len(set(declared)) == len(declared), operation.id


def test_what_clients_would_retry_is_never_our_own_refusal() -> None:
    """SDKs repeat 5xx: a refusal of ours is 400, in the words "reseal does not simulate"."""
    for service in CLOUD.all:
        error = service.missing("X of Y") if service.missing else None
        if error is not None:
            assert (error.status, error.message.startswith("reseal does not simulate X of Y")) == (400, True)


def test_the_generated_pages_are_what_the_declarations_say() -> None:
    """`make docs` writes them."""
    assert [path.name for path in coverage.stale(CLOUD)] == []


def test_a_stale_page_would_be_found(tmp_path, monkeypatch) -> None:
    """Method: the same check over a folder with an old page."""
    (tmp_path / "coverage.md").write_text("old")
    (tmp_path / "fidelity.md").write_text("by hand\n")
    monkeypatch.setattr(coverage, "DOCS", tmp_path)
    assert [path.name for path in coverage.stale(CLOUD)] == ["coverage.md", "fidelity.md"]
