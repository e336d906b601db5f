"""JSON schemas for editors and other people's tools, made from what already says what is valid.

The scenario's is that of the models in `format.py`, with three things laid over it: a YAML library resolves scalars, so
where a text is expected a number is one too; a file with `extends:` says only what differs; and a call's parameters are
those of AWS's own shapes, for the operations that this cloud simulates. It is more patient than `reseal check`: what
one place of a file means for another (references, names, the workflow, parameters that are missing) is not its matter.
"""

# pyright: basic

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from app.kernel import shapes
from app.policy.causes import Cause, Word
from workflows.again import READING
from workflows.format import EXTENDING_KEYS, json_schema
from workflows.transition import Report

Schema = dict[str, Any]

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
SCENARIO_ID: Final = "scenario.v1.json"
EXAMPLES_MAX: Final = 30  # words of an enum that an editor offers; instance types have a thousand
_REFERENCE: Final = r"\$\{\{"
_SCALARS: Final[Mapping[str, Schema]] = {
    "Text": {"description": "a text; a mapping or a list is written as JSON, which is how policies may be given"},
    "Whole": {"type": ["integer", "string"], "pattern": rf"^-?\d+$|{_REFERENCE}"},
    "Number": {"type": ["number", "string"], "pattern": rf"^-?[\d.]+$|{_REFERENCE}"},
    "Flag": {"type": ["boolean", "string"], "pattern": rf"^(true|false)$|{_REFERENCE}"},
    "Moment": {"type": ["string", "number"], "description": "ISO 8601"},
    "Bytes": {"type": "string", "description": "base64"},
    "Reference": {"type": "string", "pattern": _REFERENCE},
}
_KINDS: Final[Mapping[str, str]] = {
    "boolean": "Flag", "integer": "Whole", "long": "Whole", "float": "Number", "double": "Number", "blob": "Bytes",
    "timestamp": "Moment",
}  # fmt: skip


# --- scenarios ---


def scenario(calls: Sequence[str], workflows: Sequence[str]) -> Schema:
    """The schema of `*.reseal.yaml`. `calls` are the operations that are simulated, as `service:Operation`."""
    schema = _patient(json_schema())
    definitions: Schema = schema["$defs"]
    step = definitions["StepSpec"]
    step.pop("required", None)
    step["anyOf"] = [{"required": ["id"]}, {"required": ["use"]}]
    step["properties"]["call"] |= {"enum": [*calls, None]} | {"type": ["string", "null"]}
    step["properties"]["call"].pop("anyOf", None)
    reads = [call for call in calls if call.partition(":")[2].startswith(READING)]
    definitions["FindAgainSpec"]["properties"]["call"]["enum"] = reads
    _words(definitions["DecisionSpec"]["properties"])
    schema["properties"]["workflow"] |= {"enum": [*workflows, None]}
    schema["properties"]["reseal"] |= {"enum": [1, "1"]}
    schema["properties"]["reseal"].pop("const", None)
    shaped = _Shaped(definitions)
    step["allOf"] = [_parameters(call, shaped) for call in calls]
    definitions["StepChange"] = step | {"anyOf": [{}], "description": "what differs in a step of the extended file"}
    schema["properties"] |= _extending(schema["properties"])
    schema["required"] = ["reseal"]
    schema |= {"if": {"required": ["extends"]}, "then": {}, "else": _whole()}
    return {"$schema": DRAFT, "$id": SCENARIO_ID, "title": "reseal scenario, version 1"} | schema


def _words(decision: Schema) -> None:
    """The closed table of causes, and the words that stand for them."""
    decision["why"] |= {"enum": [*(word.value for word in Word), None]}
    decision["cause"] |= {"enum": [*Cause.__members__, *(cause.code for cause in Cause), None]}
    named = {"account": {"$ref": "#/$defs/Text"}, "policy": {"$ref": "#/$defs/Text"}}
    why = {"enum": [word.value for word in Word]}
    decision["blocked-by"] |= {"properties": {**named, "why": why}, "additionalProperties": False}


def _whole() -> Schema:
    """What a file that extends no other must have, as well as each of its steps."""
    does = {"oneOf": [{"required": ["call", "as"]}, {"required": ["advance"]}, {"required": ["use"]}]}
    steps = {"properties": {key: {"items": does} for key in ("given", "steps")}}
    without: Schema = {"properties": dict.fromkeys(EXTENDING_KEYS, False)}
    return {"required": ["reseal", "name", "accounts"], "allOf": [steps, without]}


def _extending(sections: Schema) -> Schema:
    step, change = {"$ref": "#/$defs/StepSpec"}, {"$ref": "#/$defs/StepChange"}
    inserted = {"type": "object", "additionalProperties": {"anyOf": [step, {"type": "array", "items": step}]}}
    others = {key: sections[key] for key in sections if key not in EXTENDING_KEYS}
    said: Mapping[str, Schema] = {
        "extends": {"type": "string", "description": "the file beside this one that is extended"},
        "change": {
            "type": "object", "properties": others, "additionalProperties": change,
            "description": "a step by its id, or a section: what differs",
        },
        "stop-after": {"type": "string", "description": "id of the last step; those after it are left out"},
        "insert-before": inserted | {"description": "id of a step: the step, or the steps, that come before it"},
        "insert-after": inserted | {"description": "id of a step: the step, or the steps, that come after it"},
        "remove": {"type": "array", "items": {"type": "string"}, "description": "ids of steps that are left out"},
    }  # fmt: skip
    return {key: said[key] for key in EXTENDING_KEYS}


def _patient(node: Any) -> Any:
    """A schema for what a YAML library makes of a file: `7` is a number where the format has a text."""
    if isinstance(node, list):
        return [_patient(each) for each in node]
    if not isinstance(node, dict):
        return node
    inner = {key: _patient(each) for key, each in node.items()}
    if "patternProperties" in inner:  # of a mapping whose names have a form: no other name is one
        inner.setdefault("additionalProperties", False)
    if words := [inner["const"]] if isinstance(inner.get("const"), str) else inner.get("enum", ()):
        return _with_flags(inner, words)
    kind = inner.get("type")
    if kind == "string" and "enum" not in inner and "const" not in inner:
        return inner | {"type": ["string", "number", "boolean"]}
    if kind in ("integer", "number", "boolean"):
        return inner | {"type": [kind, "string"]}
    return inner


def _with_flags(node: Schema, words: Sequence[Any]) -> Schema:
    """Where `true` and `false` are words of the format, a YAML library has made booleans of them."""
    flags = [word == "true" for word in words if word in ("true", "false")]
    if not flags:
        return node
    others = {key: value for key, value in node.items() if key not in ("const", "enum", "type")}
    return others | {"enum": [*words, *flags]}


# --- parameters of calls ---


class _Shaped:
    """AWS's shapes as definitions; each stands once, so shapes that hold themselves end."""

    def __init__(self, definitions: Schema) -> None:
        self._definitions = definitions
        definitions |= {name: dict(each) for name, each in _SCALARS.items()}

    def of(self, service: str, shape: Any) -> Schema:
        if shape.type_name in ("structure", "list", "map"):
            return self._named(f"{service}.{shape.name}", lambda: self._complex(service, shape))
        found: Schema = {"$ref": f"#/$defs/{_KINDS.get(shape.type_name, 'Text')}"}
        words = list(getattr(shape, "enum", ()) or ())
        return found | {"examples": words} if 0 < len(words) <= EXAMPLES_MAX else found

    def _complex(self, service: str, shape: Any) -> Schema:
        if shape.type_name == "list":
            return {"type": ["array", "string"], "pattern": _REFERENCE, "items": self.of(service, shape.member)}
        if shape.type_name == "map":
            values = self.of(service, shape.value)
            return {"type": ["object", "string"], "pattern": _REFERENCE, "additionalProperties": values}
        members = {name: self.of(service, member) for name, member in shape.members.items()}
        return {
            "type": ["object", "string"], "pattern": _REFERENCE, "properties": members, "additionalProperties": False,
        }  # fmt: skip

    def _named(self, name: str, make: Callable[[], Schema]) -> Schema:
        if name not in self._definitions:
            self._definitions[name] = {}
            self._definitions[name] = make()
        return {"$ref": f"#/$defs/{name}"}


def _parameters(call: str, shaped: _Shaped) -> Schema:
    """`if` a step makes this call, `then` its `with` has these parameters."""
    service, _, name = call.partition(":")
    shape: Any = shapes.operation_model(service, name).input_shape
    takes = shaped.of(service, shape) if shape is not None else {"maxProperties": 0}
    made = {"properties": {"call": {"const": call}}, "required": ["call"]}
    return {"if": made, "then": {"properties": {"with": takes}}}


# --- reports ---


def report() -> Schema:
    """The schema of what `reseal run --json` prints for a run."""
    import msgspec

    (_, definitions) = msgspec.json.schema_components((Report,), ref_template="#/$defs/{name}")
    whole = definitions.pop("Report")
    more = {"reseal": {"const": 1}, "ok": {"type": "boolean"}, "explanations": {"type": "array"}}
    return {"$schema": DRAFT, "$id": "report.v1.json", "$defs": definitions} | whole | {
        "properties": more | whole["properties"], "required": ["reseal", "ok", *whole["required"]],
    }  # fmt: skip
