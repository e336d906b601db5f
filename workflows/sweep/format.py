"""What `strategy:` and `verdicts:` of a sweep file may hold: GitHub's words where GitHub has them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from workflows.format_model import Model

Axis = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
# A value may be a mapping or a list as well: `values.labelled` lays a text in its place before the form is read.
_ANY = {"anyOf": [{"type": "string", "maxLength": 1000}, {"type": "object"}, {"type": "array"}]}
Value = Annotated[str, StringConstraints(max_length=1000), WithJsonSchema(_ANY)]


def _listed(value: object) -> object:
    """One value, or a list of them."""
    return [value] if isinstance(value, str) else value


Values = Annotated[
    tuple[Value, ...], BeforeValidator(_listed, json_schema_input_type=Value | tuple[Value, ...])  # for editors
]
Count = Annotated[int, Field(ge=1)]


class RandomSpec(Model):
    random: Count = Field(description="so many cells, chosen by the file's seed")


class StrategySpec(Model):
    matrix: dict[Axis, tuple[Value, ...]] = Field(default_factory=dict, description="axis: its values")
    include: tuple[dict[Axis, Value], ...] = Field(
        (), description="adds keys to the cells that it does not contradict; a cell of its own where there is none"
    )
    exclude: tuple[dict[Axis, Value], ...] = Field((), description="leaves out every cell that has these values")
    sample: Literal["all", "pairwise"] | RandomSpec = "all"
    fail_fast: Literal["true", "false"] = Field("false", description="end at the first cell that is not as expected")


class ThenSpec(Model):
    """What a cell is to come to: the first step that does not come to OK, or the end."""

    fails_at: str | None = Field(None, description="id of the step")
    why: str | None = Field(None, description="word of the cause: no-statement, condition, key-state, ...")
    cause: str | None = Field(None, description="name or code in the table of causes")
    error: str | None = Field(None, description="code of the error at once")
    later: str | None = Field(None, description="what became of the accepted call: KEY_NOT_ACCESSIBLE, ...")
    ends: str | None = Field(None, description="state of the workflow; `end` where there is no workflow")

    @model_validator(mode="after")
    def _one_of_two(self) -> ThenSpec:
        if (self.fails_at is None) == (self.ends is None):
            raise ValueError("`then:` has either `fails-at:` or `ends:`")
        if self.ends is not None and any((self.why, self.cause, self.error, self.later)):
            raise ValueError("`why:`, `cause:`, `error:` and `later:` belong to `fails-at:`")
        if self.error is not None and self.later is not None:
            raise ValueError("a step fails either at once (`error:`) or later (`later:`)")
        return self


class VerdictSpec(Model):
    """A row of the verdicts; the first that fits a cell decides."""

    when: dict[Axis, Values] | None = Field(None, description="axis: a value, or a list of values")
    otherwise: Literal["true"] | None = Field(None, description="every cell that is left")
    then: ThenSpec

    @model_validator(mode="after")
    def _when_or_otherwise(self) -> VerdictSpec:
        if (self.when is None) == (self.otherwise is None):
            raise ValueError("a verdict has either `when:` or `otherwise: true`")
        return self


class SweepSpec(BaseModel):
    """The part of a file that makes it a sweep."""

    model_config = Model.model_config

    strategy: StrategySpec
    verdicts: tuple[VerdictSpec, ...] | None = None
