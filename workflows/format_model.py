"""What all models of the scenario format share: strict, named with hyphens in files."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

Words = Annotated[
    tuple[str, ...],
    BeforeValidator(
        lambda value: (value,) if isinstance(value, str) else value, json_schema_input_type=str | tuple[str, ...]
    ),
]
Tree = dict[str, Any]


def _hyphened(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


class Model(BaseModel):
    """Strict: an unknown key is a mistake. Names are written with hyphens in files."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_hyphened, populate_by_name=False)
