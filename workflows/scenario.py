"""Reading a scenario file: extends and change, files, the format, and then every check that needs no run.

`load` answers a `Scenario` or raises `InvalidFile` with all mistakes, each at file:line:column. The tree with its
places is kept beside the typed form, so that what goes wrong in a run points at its line as well.
"""

# pyright: basic

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from workflows.files import Files, Shelf, beside
from workflows.scenario_extends import EXTENDS_DEPTH_MAX, extended
from workflows.scenario_steps import SECTIONS, decided
from workflows.sources import Source
from workflows.verify import suggest
from workflows.yaml_marks import InvalidFile, Mark, Mistake, Node, at, plain

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    from workflows.format import ScenarioSpec, StepSpec
    from workflows.verify import Operations

Form = TypeVar("Form", bound="BaseModel")
_POLICY_KEYS = ("trust", "boundary", "session-policy", "endpoint")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A valid scenario: its typed form, the tree it came from, and the policy files it names."""

    spec: ScenarioSpec
    tree: Node
    path: str  # as it was given
    files: Mapping[str, str]  # content of a file that the scenario names -> its path

    def mark(self, *path: str | int) -> Mark:
        return at(self.tree, path)

    def step_mark(self, step: StepSpec, *path: str | int) -> Mark:
        """The place of a step, or of a part of it."""
        for section in SECTIONS:
            for index, each in enumerate(getattr(self.spec, section)):
                if each is step:
                    return self.mark(section, index, *path)
        for index, each in enumerate(self.spec.explore.steps if self.spec.explore else ()):
            if each is step:
                return self.mark("explore", "steps", index, *path)
        return self.tree.mark


def load(path: str | Path, operations: Operations | None = None, *, source: Source | None = None) -> Scenario:
    """The scenario in a file; InvalidFile with every mistake in it. `source`: where files are read, else the disk.

    `operations` are those of the cloud it is to run in, for verifying its workflow; without them that is left out.
    """
    shelf = Shelf(source)
    sweep = sweep_tree(shelf, str(path))
    if sweep is not None:
        what = f"this is a sweep, many scenarios in one file: `reseal sweep {path}` runs it"
        raise InvalidFile(sweep.mistake(what, "strategy"))
    return assembled(Files(shelf), str(path), operations)


def sweep_tree(shelf: Shelf, path: str) -> Node | None:
    """The tree that makes a file a sweep: its own, or that of a file it extends. None for a plain scenario."""
    for _ in range(EXTENDS_DEPTH_MAX):
        tree = shelf.tree(path)
        if tree.get("strategy") is not None:
            return tree
        extends = tree.get("extends")
        if extends is None or not isinstance(extends.value, str) or "${{" in extends.value:
            return None
        path = beside(path, extends.value)
        shelf.text(path, extends.mark)
    return None


def assembled(
    files: Files, path: str, operations: Operations | None, *, seed: str | None = None, checked: bool = False
) -> Scenario:
    """The scenario that `path` is, read through `files`. Raises as `load`.

    `seed`: of one that says none; `checked`: somebody has checked it before, so that only its form is.
    """
    from workflows.scenario_check import mistakes

    tree = decided(files, _with_contents(files, extended(files, path)))
    if seed is not None and tree.get("seed") is None:
        tree = replace(tree, value=dict(tree.items()) | {"seed": Node(seed, tree.mark, {})})
    scenario = Scenario(typed(_spec_model(), tree), tree, path, files.contents)
    found = [] if checked else list(mistakes(scenario, operations))
    found.sort(key=lambda each: (each.mark.file, each.mark.line, each.mark.column))
    if found:
        raise InvalidFile(*found)
    return scenario


def _spec_model() -> type[ScenarioSpec]:
    from workflows.format import ScenarioSpec

    return ScenarioSpec


# --- policies ---


def _with_contents(files: Files, tree: Node) -> Node:
    """The tree with the text of every policy file in the place of its name."""
    value = dict(tree.items())
    for section in SECTIONS:
        if section in value:
            value[section] = _steps_with_contents(files, value[section])
    explore = value.get("explore")
    if explore is not None and explore.get("steps") is not None:
        meanwhile = _steps_with_contents(files, explore["steps"])
        value["explore"] = replace(explore, value=dict(explore.items()) | {"steps": meanwhile})
    principals = value.get("principals")
    if principals is not None:
        value["principals"] = _mapped(principals, lambda node: _principal_with_contents(files, node))
    return replace(tree, value=value)


def _mapped(node: Node, change: Any) -> Node:
    if isinstance(node.value, dict):
        return replace(node, value={key: change(inner) for key, inner in node.value.items()})
    return node


def _steps_with_contents(files: Files, steps: Node) -> Node:
    return replace(steps, value=[_step_with_contents(files, step) for step in steps])


def _step_with_contents(files: Files, step: Node) -> Node:
    if step.get("with") is None:
        return step
    return replace(step, value=dict(step.items()) | {"with": _deep(files, step["with"])})


def _deep(files: Files, node: Node) -> Node:
    """`file://` anywhere in the parameters of a call, as the `aws` CLI reads it."""
    if isinstance(node.value, dict):
        return _mapped(node, lambda inner: _deep(files, inner))
    if isinstance(node.value, list):
        return replace(node, value=[_deep(files, inner) for inner in node.value])
    if isinstance(node.value, str) and node.value.startswith("file://"):
        return files.policy(node, node.value)
    return node


def _principal_with_contents(files: Files, principal: Node) -> Node:
    def content(node: Node) -> Node:
        return files.policy(node, node.value) if isinstance(node.value, str) else node

    value = dict(principal.items())
    for key in _POLICY_KEYS:
        if key in value:
            value[key] = content(value[key])
    policies = value.get("policies")
    if policies is not None:
        value["policies"] = replace(policies, value=[content(each) for each in policies])
    return replace(principal, value=value) if isinstance(principal.value, dict) else principal


# --- the format ---


def typed(model: type[Form], tree: Node) -> Form:
    """A tree in its form; InvalidFile with every part of it that has another."""
    from pydantic import ValidationError

    try:
        return model.model_validate(plain(tree))
    except ValidationError as error:
        raise InvalidFile(*_translated(model, tree, error.errors())) from None


def _translated(model: type[BaseModel], tree: Node, errors: list[ErrorDetails]) -> Iterator[Mistake]:
    for error in errors:
        loc = tuple(part for part in error["loc"] if not isinstance(part, str) or not _is_tag(part))
        yield Mistake(at(tree, loc), _words(error, loc, model))


def _is_tag(part: str) -> bool:
    """pydantic's names for the branches of a union, which stand in no file."""
    return part in ("str", "[key]") or "[" in part or "(" in part


def _words(error: ErrorDetails, loc: tuple[str | int, ...], root: type[BaseModel]) -> str:
    what = ".".join(str(part) for part in loc if isinstance(part, str))
    if error["type"] == "extra_forbidden":
        known = _known_keys(root, loc[:-1])
        if loc[-1] == "repair":
            return "`repair:` is not checked by this version; remove it"
        return f"unknown key {loc[-1]!r}{suggest(str(loc[-1]), known) or '; known are ' + ', '.join(known)}"
    if error["type"] == "missing":
        return f"`{loc[-1]}:` is missing"
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    if error["type"] == "string_pattern_mismatch":
        return f"{what}: {error['input']!r} does not have the form {error.get('ctx', {}).get('pattern')}"
    return f"{what}: {error['msg'][0].lower()}{error['msg'][1:]}, not {error['input']!r}"


def _known_keys(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The keys that may stand at a path, found by walking the models."""
    from pydantic import BaseModel

    def inner(annotation: Any) -> Any:
        """The model inside of an Optional, a tuple, a dict or an Annotated."""
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
        return next((found for each in get_args(annotation) if (found := inner(each))), None)

    current: Any = model
    for part in path:
        fields = {field.alias: field for field in current.model_fields.values()} if current else {}
        if part in fields:
            current = inner(fields[part].annotation)
    return sorted(str(field.alias) for field in current.model_fields.values()) if current else []
