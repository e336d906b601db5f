"""What the operations of IAM, STS, Organizations and CloudTrail declare, held against botocore's models."""

from __future__ import annotations

import pytest

from app.kernel import shapes
from app.kernel.operation import Operation
from app.services.cloudtrail import CLOUDTRAIL
from app.services.iam import IAM
from app.services.organizations import ORGANIZATIONS
from app.services.sts import STS
from iam.lab import SOURCE, Lab

SERVICES = (IAM, STS, ORGANIZATIONS, CLOUDTRAIL)
OPERATIONS = [operation for service in SERVICES for operation in service.operations.values()]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_every_parameter_declared_is_one_of_the_model(operation: Operation) -> None:
    model = shapes.operation_model(operation.service, operation.name)
    members = set(model.input_shape.members) if model.input_shape else set()
    assert operation.declared <= members
    assert not operation.honours & operation.inert.keys()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_every_error_says_where_its_text_comes_from_and_fits_the_model(operation: Operation) -> None:
    """Modelled codes have the model's status; codes beside the model are the services' common ones."""
    model = shapes.operation_model(operation.service, operation.name)
    modelled = {_code(shape): shape.metadata.get("error", {}).get("httpStatusCode") for shape in model.error_shapes}
    for error in operation.answers:
        assert error.seen
        assert error.code in {*modelled, *_BESIDE_THE_MODEL}
        status = modelled.get(error.code)
        assert status is None or error.status == status


_BESIDE_THE_MODEL = {  # codes that real calls answer though botocore does not model them for the operation
    "ValidationError",
    "AccessDenied",
    "AccessDeniedException",
    "InvalidClientTokenId",
    "UnsupportedOperation",
    "InvalidParameterValue",
    "NoSuchEntity",
    "InvalidInput",
    "LimitExceeded",
    "MalformedPolicyDocument",
    "EntityAlreadyExists",
    "UnmodifiableEntity",
    "InvalidInputException",
    "ConstraintViolationException",
}


def _code(shape: object) -> str:
    return shape.metadata.get("error", {}).get("code", shape.name)  # type: ignore[attr-defined]


def test_an_undeclared_parameter_is_refused_in_words(lab: Lab) -> None:
    alice = lab.user(SOURCE, "alice")
    code, message = lab.refused(
        alice,
        "sts:AssumeRole",
        RoleArn=f"arn:aws:iam::{SOURCE}:role/x",
        RoleSessionName="visit",
        SerialNumber="arn:aws:iam::111111111111:mfa/alice",
        TokenCode="123456",
    )
    assert code == "ValidationError"
    assert message == "reseal does not simulate SerialNumber, TokenCode of AssumeRole"


def test_an_unknown_operation_is_refused_in_words(lab: Lab) -> None:
    assert lab.refused(SOURCE, "iam:CreateVirtualMFADevice", VirtualMFADeviceName="x") == (
        "InvalidAction",
        "reseal does not simulate iam:CreateVirtualMFADevice",
    )
    code, message = lab.refused(SOURCE, "cloudtrail:CreateTrail", Name="x", S3BucketName="y")
    assert message.startswith("reseal does not simulate")
    assert code
