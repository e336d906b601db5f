"""docs/scenario-format.md: how a scenario file is written. The tables are made from the models, the rest by hand.

    python -m workflows.format_page            write the page
    python -m workflows.format_page --check    1 if it is not what the models say

The page is written by hand, but for what follows a mark: after `<!-- table: StepSpec -->` the table of that model,
after `<!-- keys: -->` one of keys that are carried out before the models see a file, after `<!-- words: -->` a closed
list of words. The heading above a table names its model: whatever takes a step links there.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from app.kernel.edge import EdgeKind
from app.policy.causes import Word
from workflows import catalogue, format, format_expect, schema
from workflows.format_model import Model

PAGE: Final = Path(__file__).parents[1] / "docs/scenario-format.md"
COLUMNS: Final = ("key", "takes", "what it means", "default")
REQUIRED: Final = "**required**"
_MARK: Final = re.compile(r"(<!-- (table|keys|words): (\S+) -->\n)(?:\n(?:[|-] .*\n)+)?")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)

Schema = Mapping[str, Any]
Places = Mapping[str, str]  # model -> a link to its table


def page(text: str) -> str:
    """The page, made anew after every mark. KeyError where a mark names what is not there, or a key takes a model that
    has no table.
    """
    places = _places(text)
    return _MARK.sub(lambda found: f"{found[1]}\n{_made(found[2], found[3], places)}", text)


def models() -> dict[str, type[Model]]:
    """The models of a scenario file, by name."""
    found = [*vars(format).values(), *vars(format_expect).values()]
    return {each.__name__: each for each in found if _is_model(each)}


def _is_model(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Model) and value is not Model


def _places(text: str) -> Places:
    """Each model of the page, linked to the heading above its table: `[step](#step)`."""
    found: dict[str, str] = {}
    for mark in _MARK.finditer(text):
        *_, heading = _HEADING.findall(text[: mark.start()])
        found[mark[3]] = f"[{heading.lower()}](#{heading.lower().replace(' ', '-')})"
    return found


def _made(kind: str, name: str, places: Places) -> str:
    if kind == "words":
        return f"- {', '.join(f'`{word}`' for word in _words()[name])}\n"
    rows = _rows(models()[name], places) if kind == "table" else _key_rows(name, places)
    return "".join(map(_line, (COLUMNS, ["---"] * len(COLUMNS), *rows)))


def _words() -> Mapping[str, Iterable[str]]:
    return {"why": Word, "edges": get_args(EdgeKind), "workflows": catalogue.NAMES}


def _rows(model: type[Model], places: Places) -> Iterator[Sequence[str]]:
    properties = model.model_json_schema(by_alias=True)["properties"]
    for field in model.model_fields.values():
        said = properties[field.alias]
        default = REQUIRED if field.is_required() else _default(said.get("default"))
        yield f"`{field.alias}`", takes(said, places), str(field.description), default


def _key_rows(name: str, places: Places) -> Iterator[Sequence[str]]:
    """Keys that no model has: of a file that extends another, and of a step before it is read."""
    whole = schema.scenario((), ())
    said = {"extending": whole["properties"], "step": whole["$defs"]["StepSpec"]["properties"]}[name]
    for key in format.EXTENDING_KEYS if name == "extending" else format.STEP_KEYS:
        yield f"`{key}`", takes(said[key], places), str(said[key]["description"]), ""


def _default(value: object) -> str:
    """What a key is when it is left out; nothing for what is simply not there."""
    if value in (None, "", [], ()):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


# What a key takes, in words.


def takes(said: Schema, places: Places) -> str:
    """A JSON schema in a reader's words. KeyError for a model that has no table."""
    examples = "".join(f" (`{each}`)" for each in said.get("examples", ()))
    return _kind(said, places) + examples


def _kind(said: Schema, places: Places) -> str:
    if "anyOf" in said:
        found = (takes(each, places) for each in said["anyOf"] if each.get("type") != "null")
        return " or ".join(dict.fromkeys(found))
    if "$ref" in said:
        return places[said["$ref"].rpartition("/")[2]]
    if words := [said["const"]] if "const" in said else said.get("enum"):
        return ", ".join(f"`{word}`" for word in words)
    return _KINDS[_first(said["type"])](said, places)


def _first(kind: str | Sequence[str]) -> str:
    """The form that is meant; others that a YAML library makes of it stand behind."""
    return kind if isinstance(kind, str) else kind[0]


def _array(said: Schema, places: Places) -> str:
    if "prefixItems" in said:
        return f"list of {len(said['prefixItems'])} texts"
    return _of("list", takes(said["items"], places))


def _of(kind: str, inner: str) -> str:
    """A list or mapping of what its values take."""
    if " or " in inner:
        return f"{kind}, each {inner}"
    return f"{kind} of {inner.replace('text', 'texts').replace('mapping', 'mappings')}"


def _object(said: Schema, places: Places) -> str:
    inner: list[Any] = [*said.get("patternProperties", {}).values(), said.get("additionalProperties")]
    values = [takes(each, places) for each in inner if each not in (None, True, False) and "properties" not in said]
    return _of("mapping", values[0]) if values else "mapping"


def _integer(said: Schema, _: Places) -> str:
    least, most = said.get("minimum"), said.get("maximum")
    return "whole number" + (f", {least} to {most}" if most else f" from {least}")


_KINDS: Final[Mapping[str, Callable[[Schema, Places], str]]] = {
    "string": lambda said, places: "text",
    "boolean": lambda said, places: "`true` or `false`",
    "integer": _integer,
    "array": _array,
    "object": _object,
}


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def main(arguments: Sequence[str]) -> int:
    """0 written or equal, 1 the page differs."""
    kept = PAGE.read_text(encoding="utf-8")
    made = page(kept)
    if "--check" not in arguments:
        PAGE.write_text(made, encoding="utf-8")
        return 0
    if kept == made:
        return 0
    sys.stderr.write("docs/scenario-format.md differs: python -m workflows.format_page\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
