"""Whether a request is for AWS, and which world, service, Region and operation it means.

One endpoint serves all: an EBS path looks like an S3 bucket, an IAM form like an EC2 form. So the credential scope is
asked first, then X-Amz-Target, then Action and Version, then the path (wire.md, "Service routing"). Who signed for one
service can not call another: a target that contradicts the scope is refused, a form is read as the scope's service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from app.doors.wire import protocols, refusals, rest, sigv4
from app.doors.wire.http import HttpRequest, Unreadable
from app.doors.wire.sigv4 import Signature
from app.kernel import shapes
from app.kernel.errors import AwsError

DEFAULT_REGION = "us-east-1"

# X-Amz-Target's prefix -> service; a test holds this against the models.
TARGETS: Mapping[str, str] = {
    "TrentService": "kms",
    "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101": "cloudtrail",
    "CloudTrail_20131101": "cloudtrail",
    "AWSOrganizationsV20161128": "organizations",
    "AmazonSQS": "sqs",
}

# Version of an unsigned form -> service; only AssumeRoleWithSAML and AssumeRoleWithWebIdentity come so.
VERSIONS: Mapping[str, str] = {"2011-06-15": "sts", "2010-05-08": "iam", "2016-11-15": "ec2", "2014-10-31": "rds"}

# Services that sign under another's name, told apart by their paths: signing name -> (service, start of the path).
SIGNED_ALIKE: Mapping[str, tuple[str, str]] = {"iam": ("iam-toolbox", "/authorization-details/")}

_WORLD = re.compile(r"/w/([^/]+)(/.*)?", re.DOTALL)
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes as far as its headers tell; `family` always tells how to answer."""

    world: str | None  # None: no prefix
    path: str  # raw, without the world prefix
    service: str
    family: str
    region: str
    signature: Signature | AwsError

    @property
    def is_known(self) -> bool:
        return self.service in shapes.SERVICES


def is_for_aws(request: HttpRequest) -> bool:
    """Whether the headers alone say that this is for an AWS service."""
    return sigv4.is_signed(request) or "x-amz-target" in request.first


def may_be_form(request: HttpRequest) -> bool:
    """Whether this could be an unsigned Action form: then its body has to be looked at."""
    path = without_world(request.path)[1]
    return request.method == "POST" and path in ("", "/") and request.header("content-type").startswith(_FORM)


def is_action_form(request: HttpRequest) -> bool:
    return b"Action=" in request.body[:65_536] and b"Version=" in request.body[:65_536]


def without_world(path: str) -> tuple[str | None, str]:
    """The world that a raw path names with `/w/<world>`, and the rest of the path."""
    match = _WORLD.fullmatch(path)
    return (unquote(match[1]), match[2] or "/") if match else (None, path)


def route(request: HttpRequest) -> Route:
    """The route of a request that `is_for_aws`, or is an Action form."""
    world, path = without_world(request.path)
    signature = sigv4.read_signature(request)
    scoped = signature.service if isinstance(signature, Signature) else ""
    service = _behind(scoped, path) or _target_service(request) or _form_service(request)
    region = signature.region if isinstance(signature, Signature) else DEFAULT_REGION
    return Route(world, path, service, _family(service, request), region, signature)


def _behind(scoped: str, path: str) -> str:
    """The service that a signing name stands for on this path."""
    service, start = SIGNED_ALIKE.get(scoped, ("", "/"))
    return service if service and path.startswith(start) else scoped


def _family(service: str, request: HttpRequest) -> str:
    """The service's protocol; of a service that we do not know, the one that the request looks like."""
    if service in shapes.SERVICES:
        return shapes.protocol_family(service)
    if "x-amz-target" in request.first:
        return "json"
    return "query" if request.header("content-type").startswith(_FORM) else "rest-json"


def _target_service(request: HttpRequest) -> str:
    return TARGETS.get(request.header("x-amz-target").rpartition(".")[0], "")


def _form_service(request: HttpRequest) -> str:
    if not request.header("content-type").startswith(_FORM):
        return ""
    return VERSIONS.get(_field(request, "Version"), "")


def _field(request: HttpRequest, name: str) -> str:
    try:
        return dict(protocols.form(request)).get(name, "")
    except Unreadable:
        return ""


def operation_of(route: Route, request: HttpRequest) -> str | AwsError:
    """The operation's name, which the service's model has; an AWS error where there is none."""
    if not route.is_known:
        return refusals.unknown_operation(route.family, f"the service {_shown(route.service)}")
    if route.family == "json":
        return _target_operation(route, request)
    if route.family in ("query", "ec2"):
        return _form_operation(route, request)
    name = rest.operation_at(route.service, request.method, route.path) if route.family == "rest-json" else None
    return name or refusals.unknown_operation(route.family, f"{request.method} on this path of {route.service}")


def _target_operation(route: Route, request: HttpRequest) -> str | AwsError:
    prefix, _, name = request.header("x-amz-target").rpartition(".")
    if TARGETS.get(prefix) not in (route.service, None):
        return refusals.BAD_SCOPE(why=f"Credential should be scoped to correct service: '{TARGETS[prefix]}'.")
    return _existing(route, name)


def _form_operation(route: Route, request: HttpRequest) -> str | AwsError:
    name = dict(protocols.form(request)).get("Action", "")
    return _existing(route, name) if name else refusals.missing_action()


def _existing(route: Route, name: str) -> str | AwsError:
    if shapes.exists(route.service, name):
        return name
    return refusals.unknown_operation(route.family, f"{route.service}:{_shown(name)}")


def _shown(name: str) -> str:
    """A name out of the request in an answer: only where it could be one."""
    return name if name.isascii() and name.replace("-", "_").isidentifier() and len(name) <= 128 else "(no name)"
