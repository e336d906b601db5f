"""AWS's own shapes: what an operation takes and answers, and AWS's words for what does not fit.

The models are botocore's. They and botocore itself are loaded on first use and kept: importing this module is free, the
first `kms` costs about 60 ms, a later call nothing. A shape is compiled once into a closure that checks values, so that
a call pays for its own parameters and not for the size of the model.

Two families judge parameters differently. Services of Coral's kind (KMS, EBS, IAM, ...) check the whole model before
the operation begins and report every violation at once. EC2 lets each operation check in its own order, so only types
and unknown names are judged here, and `missing_parameter` is a function its operations call. Sensitive values and blobs
are never echoed.

Sources: kms.md 1.2 [V], casebook 295 [V], ebs.md 1.10 [O]. `INFERRED` names what no reference page shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from app.kernel.errors import AwsError, not_simulated

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.model import OperationModel, ServiceModel

SERVICES = ("kms", "ec2", "ebs", "iam", "sts", "cloudtrail", "organizations", "s3", "rds", "sqs", "rbin", "iam-toolbox")

INFERRED = (
    "SerializationException texts of a wrong type (form known from other Coral services)",
    "the code and text for a wrong type in the query and ec2 protocols",
    "constraints of a list's or map's elements, reported at the list or map: 'Member must satisfy constraint: [...]'",
    "'Value null at' for a missing member, and 'Value at' for a list of structures",
)

# Members whose constraints the operation itself judges, with a text of its own (casebook 295, ebs.md 6).
JUDGED_BY_OPERATION: Mapping[str, frozenset[str]] = {
    "ebs": frozenset({"DataLength", "ChecksumAlgorithm", "ChecksumAggregationMethod", "MaxResults"})
    | frozenset({"BlockToken", "NextToken", "Checksum"}),
    "cloudtrail": frozenset({"MaxResults"}),
    "iam": frozenset({"AttachmentName"}),  # takes `*` and `?` [D], which its pattern does not
}

Shape = Any  # botocore's shapes: their cached properties are opaque to type checkers
Path = tuple[str | int, ...]
Checker = Callable[[Any, Path, list[str]], None]
Side = Literal["input", "output"]


# --- models -----------------------------------------------------------------------------------------------------------


@cache
def _loader() -> Loader:
    from botocore.loaders import Loader

    return Loader()


@cache
def service_model(service: str) -> ServiceModel:
    """The model of one of `SERVICES`; KeyError for any other name."""
    if service not in SERVICES:
        raise KeyError(service)
    from botocore.model import ServiceModel

    return ServiceModel(_loader().load_service_model(service, "service-2"), service)


@cache
def operation_model(service: str, name: str) -> OperationModel:
    """The model of an operation; KeyError where AWS has none of that name."""
    if name not in _operation_names(service):
        raise KeyError(f"{service}:{name}")
    return service_model(service).operation_model(name)


@cache
def _operation_names(service: str) -> frozenset[str]:
    if service not in SERVICES:
        return frozenset()
    names: Any = service_model(service).operation_names
    return frozenset(names)


def exists(service: str, name: str) -> bool:
    return name in _operation_names(service)


# --- the questions ----------------------------------------------------------------------------------------------------


def validate(service: str, name: str, parameters: Mapping[str, Any]) -> AwsError | None:
    """Whether `parameters` fit the operation's input, in the service's own words; None where they do.

    One unknown name or wrong type is reported alone; violated constraints are reported together.
    """
    found: list[str] = []
    try:
        _checker(service, name)(parameters, (), found)
    except _Unknown as unknown:
        return _unknown_error(service, unknown.path)
    except _WrongType as wrong:
        return _type_error(service, wrong)
    return _constraint_error(service, found) if found else None


@cache
def sensitive_members(service: str, name: str, side: Side = "input") -> frozenset[str]:
    """Dotted paths of the members that the model marks sensitive: `Plaintext`, `Blocks[]`, `Credentials.SecretKey`."""
    model = operation_model(service, name)
    shape = model.input_shape if side == "input" else model.output_shape
    return frozenset(_sensitive(shape, "", ())) if shape is not None else frozenset()


def missing_parameter(name: str) -> AwsError:
    """EC2's answer where an operation needs a parameter that was not sent."""
    return AwsError("MissingParameter", f"The request must contain the parameter {name}", seen="ebs.md 1.10 [V]")


# --- errors -----------------------------------------------------------------------------------------------------------


class _WrongType(Exception):
    def __init__(self, path: Path, value: object, expected: str) -> None:
        self.path, self.value, self.expected = path, value, expected


class _Unknown(Exception):
    def __init__(self, path: Path) -> None:
        self.path = path


_CORAL_NAMES = {"integer": "Integer", "long": "Long", "string": "String", "boolean": "Boolean", "double": "Double"}
_CORAL_TOKENS = ((bool, "BOOLEAN"), (str, "STRING_VALUE"), (int, "NUMBER_VALUE"), (float, "DECIMAL_VALUE"))


def protocol_family(service: str) -> Literal["json", "query", "ec2", "rest-json", "rest-xml"]:
    """The protocol without its version, as botocore names it."""
    return _FAMILIES[service]


_FAMILIES: Mapping[str, Any] = {
    "kms": "json",
    "cloudtrail": "json",
    "organizations": "json",
    "sqs": "json",
    "ec2": "ec2",
    "iam": "query",
    "sts": "query",
    "rds": "query",
    "ebs": "rest-json",
    "rbin": "rest-json",
    "iam-toolbox": "rest-json",
    "s3": "rest-xml",
}


def _type_error(service: str, wrong: _WrongType) -> AwsError:
    family = protocol_family(service)
    if family == "ec2":
        text = f"Value ({_echo(wrong.value)}) for parameter {_dotted(service, wrong.path)} is invalid."
        return AwsError("InvalidParameterValue", f"{text} Expected: {wrong.expected}.", seen="inferred")
    if family == "query":
        return AwsError(
            "MalformedInput", f"Expected {wrong.expected} at '{_dotted(service, wrong.path)}'", seen="inferred"
        )
    return AwsError("SerializationException", _coral_type_text(wrong), seen="inferred")


def _coral_type_text(wrong: _WrongType) -> str:
    if isinstance(wrong.value, Mapping):
        return "Start of structure or map found where not expected."
    if isinstance(wrong.value, (list, tuple)):
        return "Start of list found where not expected."
    token = next((name for kind, name in _CORAL_TOKENS if isinstance(wrong.value, kind)), "VALUE")
    if wrong.expected in ("structure", "map", "list"):
        return "Unexpected field type"
    return f"{token} cannot be converted to {_CORAL_NAMES.get(wrong.expected, wrong.expected.capitalize())}"


def _unknown_error(service: str, path: Path) -> AwsError:
    name = _dotted(service, path)
    if protocol_family(service) == "ec2":
        return AwsError("UnknownParameter", f"The parameter {name} is not recognized", seen="known")
    return not_simulated(f"the parameter {name} of {service}", _validation_code(service))


def _constraint_error(service: str, found: list[str]) -> AwsError:
    alone = next((text for text in found if text.startswith(_IAM_NAME_TEXT)), None)
    if alone:
        return AwsError(_validation_code(service), alone, seen="known")
    noun = "error" if len(found) == 1 else "errors"
    return AwsError(
        _validation_code(service), f"{len(found)} validation {noun} detected: {'; '.join(found)}", seen="kms.md 1.2 [V]"
    )


def _validation_code(service: str) -> str:
    return "ValidationError" if protocol_family(service) == "query" else "ValidationException"


# --- paths ------------------------------------------------------------------------------------------------------------


def _dotted(service: str, path: Path) -> str:
    """A path in the service's own spelling: `tags.1.member.tagKey`, EC2's `Filter.1.Value`."""
    if protocol_family(service) == "ec2":
        return ".".join(str(step) for step in path)
    return ".".join(f"{step}.member" if isinstance(step, int) else lower_camel(step) for step in path)


def lower_camel(name: str) -> str:
    """`SnapshotId` -> `snapshotId`; `DryRun` -> `dryRun`."""
    return name[:1].lower() + name[1:]


def _label(service: str, member: str, shape: Shape) -> str:
    """What a member is called in a path; EC2 uses the name on the wire."""
    return ec2_name(member, shape) if protocol_family(service) == "ec2" else member


def ec2_name(member: str, shape: Shape) -> str:
    """A member's name in an EC2 request: its queryName, else its locationName with a capital, else its own."""
    name = shape.serialization.get("queryName") or shape.serialization.get("name") or member
    return name[:1].upper() + name[1:] if "queryName" not in shape.serialization else name


# --- walking the model ------------------------------------------------------------------------------------------------


def _sensitive(shape: Shape, path: str, above: tuple[str, ...]) -> Iterator[str]:
    if shape.metadata.get("sensitive"):
        yield path
    elif shape.name in above:  # a shape that holds itself has named its members one level up
        return
    elif shape.type_name == "structure":
        for name, inner in shape.members.items():
            yield from _sensitive(inner, f"{path}.{name}" if path else name, (*above, shape.name))
    elif shape.type_name == "list":
        yield from _sensitive(shape.member, f"{path}[]", (*above, shape.name))
    elif shape.type_name == "map":
        yield from _sensitive(shape.value, f"{path}{{}}", (*above, shape.name))


# --- checkers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Constraint:
    """One limit of the model: whether a value keeps it, and AWS's text where it does not."""

    holds: Callable[[Any], bool]
    text: str
    ends_search: bool = False


@cache
def _checker(service: str, name: str) -> Checker:
    shape = operation_model(service, name).input_shape
    return _compile(_Compiler(service, protocol_family(service) != "ec2", {}), shape) if shape else _takes_nothing


@dataclass(frozen=True, slots=True)
class _Compiler:
    """What compiling needs to know; `done` lets a shape that holds itself find its own checker."""

    service: str
    constrained: bool
    done: dict[tuple[str, bool], Checker]

    def without_constraints(self) -> _Compiler:
        return _Compiler(self.service, False, self.done)


def _takes_nothing(value: Any, path: Path, found: list[str]) -> None:
    for name in value:
        raise _Unknown((*path, name))


def _compile(compiler: _Compiler, shape: Shape) -> Checker:
    key = (shape.name, compiler.constrained)
    known = compiler.done.get(key)
    if known is not None:
        return known
    compiler.done[key] = lambda value, path, found: compiler.done[key](value, path, found)
    build = {"structure": _structure, "list": _list, "map": _map}.get(shape.type_name, _scalar)
    compiler.done[key] = build(compiler, shape)
    return compiler.done[key]


def _structure(compiler: _Compiler, shape: Shape) -> Checker:
    judged = JUDGED_BY_OPERATION.get(compiler.service, frozenset())
    members = {
        name: (
            _label(compiler.service, name, inner),
            _compile(compiler.without_constraints() if name in judged else compiler, inner),
        )
        for name, inner in shape.members.items()
    }
    required = tuple(shape.required_members) if compiler.constrained else ()

    def check(value: Any, path: Path, found: list[str]) -> None:
        if not isinstance(value, Mapping):
            raise _WrongType(path, value, "structure")
        for name in required:
            if value.get(name) is None:
                found.append(_violation(compiler.service, " null", (*path, members[name][0]), _NOT_NULL))
        for name, item in value.items():
            member = members.get(name)
            if member is None:
                raise _Unknown((*path, name))
            if item is not None:
                member[1](item, (*path, member[0]), found)

    return check


def _list(compiler: _Compiler, shape: Shape) -> Checker:
    """A list's elements: structures are checked each at its own path, scalars at the list's (`INFERRED`)."""
    limits = _limits(compiler, shape)
    scalar = shape.member.type_name not in ("structure", "list", "map")
    inner = _compile(compiler.without_constraints() if scalar else compiler, shape.member)
    elements = _limits(compiler, shape.member) if scalar else ()
    service, shown = compiler.service, scalar and not _hidden(shape, shape.member)

    def check(value: Any, path: Path, found: list[str]) -> None:
        if not isinstance(value, (list, tuple)):
            raise _WrongType(path, value, "list")
        quoted = f" '[{', '.join(map(_echo, value))}]'" if shown else ""
        _apply(service, limits, value, quoted, path, found)
        for index, item in enumerate(value, 1):
            inner(item, (*path, index), found)
        if not all(_keeps(item, elements) for item in value):
            found.append(_violation(service, quoted, path, _nested("Member", elements)))

    return check


def _map(compiler: _Compiler, shape: Shape) -> Checker:
    limits = _limits(compiler, shape)
    keys = _limits(compiler, shape.key)
    inner = _compile(compiler, shape.value)

    def check(value: Any, path: Path, found: list[str]) -> None:
        if not isinstance(value, Mapping):
            raise _WrongType(path, value, "map")
        _apply(compiler.service, limits, value, "", path, found)
        for key, item in value.items():
            if not isinstance(key, str):
                raise _WrongType(path, key, "string")
            inner(item, (*path, key), found)
        if not all(_keeps(key, keys) for key in value):
            found.append(_violation(compiler.service, "", path, _nested("Map keys", keys)))

    return check


def _scalar(compiler: _Compiler, shape: Shape) -> Checker:
    fits = _TYPES[shape.type_name]
    limits, hidden, service = _limits(compiler, shape), _hidden(shape), compiler.service
    expected = shape.type_name

    def check(value: Any, path: Path, found: list[str]) -> None:
        if not fits(value):
            raise _WrongType(path, value, expected)
        if limits:
            _apply(service, limits, value, "" if hidden else f" '{_echo(value)}'", path, found)

    return check


def _apply(service: str, limits: Iterable[_Constraint], value: Any, quoted: str, path: Path, found: list[str]) -> None:
    """Every limit that `value` breaks; after one that ends the search, no pattern sees a value of hostile length."""
    for limit in limits:
        if not limit.holds(value):
            found.append(_violation(service, quoted, path, limit.text))
            if limit.ends_search:
                return


def _keeps(value: Any, limits: Iterable[_Constraint]) -> bool:
    return all(limit.holds(value) for limit in limits)


def _violation(service: str, quoted: str, path: Path, text: str) -> str:
    if text == _IAM_NAME_TEXT:
        return f"{_IAM_NAME_TEXT} {_dotted(service, path)} is invalid. {_IAM_NAME_RULE}"
    return f"Value{quoted} at '{_dotted(service, path)}' failed to satisfy constraint: {text}"


def _nested(what: str, limits: Iterable[_Constraint]) -> str:
    return f"{what} must satisfy constraint: [{', '.join(limit.text for limit in limits)}]"


def _hidden(*shapes: Shape) -> bool:
    return any(shape.metadata.get("sensitive") or shape.type_name == "blob" for shape in shapes)


def _echo(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else type(value).__name__


# --- limits -----------------------------------------------------------------------------------------------------------

_NOT_NULL = "Member must not be null"
_IAM_NAME_TEXT = "The specified value for"
_IAM_NAME_RULE = "It must contain only alphanumeric characters and/or the following: +=,.@_-"


def _limits(compiler: _Compiler, shape: Shape) -> tuple[_Constraint, ...]:
    """The limits of one shape, cheapest first, so that a pattern only ever sees a value of allowed length."""
    if not compiler.constrained:
        return ()
    metadata = shape.metadata
    numeric = shape.type_name in ("integer", "long", "float", "double")
    return (
        *_bounds(metadata, numeric),
        *_enum(metadata),
        *(_pattern(compiler.service, metadata) if shape.type_name == "string" else ()),
    )


def _bounds(metadata: Mapping[str, Any], numeric: bool) -> Iterator[_Constraint]:
    noun = "value" if numeric else "length"
    low, high = metadata.get("min"), metadata.get("max")
    if high is not None:
        yield _Constraint(
            (lambda v: v <= high) if numeric else (lambda v: len(v) <= high),
            f"Member must have {noun} less than or equal to {high}",
            ends_search=True,
        )
    if low is not None:
        yield _Constraint(
            (lambda v: v >= low) if numeric else (lambda v: len(v) >= low),
            f"Member must have {noun} greater than or equal to {low}",
        )


def _enum(metadata: Mapping[str, Any]) -> Iterator[_Constraint]:
    values = metadata.get("enum")
    if values:
        allowed = frozenset(values)
        yield _Constraint(allowed.__contains__, f"Member must satisfy enum value set: [{', '.join(values)}]")


def _pattern(service: str, metadata: Mapping[str, Any]) -> Iterator[_Constraint]:
    pattern = metadata.get("pattern")
    matcher = _python_pattern(pattern) if pattern else None
    if matcher is None:
        return
    is_iam_name = service == "iam" and pattern == r"[\w+=,.@-]+"
    text = _IAM_NAME_TEXT if is_iam_name else f"Member must satisfy regular expression pattern: {pattern}"
    yield _Constraint(lambda v: matcher.fullmatch(v) is not None, text)


_JAVA_CLASSES = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": r"\s", r"\p{S}": r"\W", r"\p{P}": r"\W", r"\p{M}": r"\W"}


@cache
def _python_pattern(pattern: str) -> re.Pattern[str] | None:
    """A model's Java pattern in Python, `\\p{..}` widened to the nearest class; None where Python can not say it.

    Java's `\\w`, `\\d` and `\\s` are ASCII unless the pattern itself speaks of Unicode properties.
    """
    flags = 0 if r"\p{" in pattern else re.ASCII
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern, flags)
    except re.error:
        return None


def _whole(bits: int) -> Callable[[Any], bool]:
    edge = 1 << (bits - 1)
    return lambda value: type(value) is int and -edge <= value < edge


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "character": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _whole(32),
    "long": _whole(64),
    "float": _number,
    "double": _number,
    "blob": lambda value: isinstance(value, (bytes, bytearray, memoryview)),
    "timestamp": lambda value: isinstance(value, datetime),
}
