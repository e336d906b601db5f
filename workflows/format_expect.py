"""What a step expects, and what holds in the end: the part of the scenario format that is judged."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from workflows.format_model import Model, Tree, Words


class ErrorSpec(Model):
    """A refusal, as the caller sees it."""

    code: str = Field(description="AWS's code; `*` and `?` are wildcards", examples=["AccessDeniedException"])
    message: str | Tree | None = Field(None, description="the whole message, or {like: pattern}")


class DecisionSpec(Model):
    """A decision that the step set off, at once or later."""

    call: str = Field(description="the action that was decided", examples=["kms:CreateGrant"])
    caller: str | None = Field(None, description="who asked: account/principal")
    result: Literal["allow", "implicit-deny", "explicit-deny", "deny"] | None = Field(
        None, description="what was decided; `deny` is either of the two"
    )
    cause: str | None = Field(None, description="name or code in the table of causes")
    why: str | None = Field(None, description="the cause's word: no-statement, explicit-deny, condition, ...")
    blocked_by: Tree | None = Field(
        None, description="the side that refused: {account, policy, why}, of which any may be left out"
    )
    allowed_by: tuple[Tree, ...] = Field(
        (), description="statements that allow it nevertheless: [{account, policy, statement}]"
    )


_NODE = "a step (the thing it made), step.MEMBER, account/principal, account/root, or an id of AWS"


class EdgeSpec(Model):
    """An edge of the graph of keys, between two things."""

    from_: str = Field(description=f"where it begins: {_NODE}")
    to: str = Field(description="where it ends, named alike")
    kind: str | None = Field(None, description="its kind; left out: any")
    allows: Words = Field((), description="actions that it lets through, each of them")


class PathSpec(Model):
    """One thing that rests on another, over any number of edges."""

    from_: str = Field(description=f"what rests: {_NODE}")
    to: str = Field(description="on what it rests, named alike")


class GraphSpec(Model):
    """The graph of keys, after the step."""

    gained: tuple[EdgeSpec, ...] = Field((), description="edges that are there, and were not before the step")
    missing: tuple[EdgeSpec, ...] = Field((), description="edges that are not there")
    path: PathSpec | None = Field(None, description="one thing rests on another")
    no_path: PathSpec | None = Field(None, description="one thing does not rest on another")


def _code(value: object) -> object:
    return {"code": value} if isinstance(value, str) else value


class ActSpec(Model):
    """One part of a repair: an edit of a policy, or a step (a call)."""

    file: str | None = Field(None, description="the policy's file, beside the scenario")
    statement: str | None = Field(None, description="the Sid of the statement that is edited")
    add: Tree | None = Field(
        None, description="what comes into the statement, or stands in a new one: {Action: kms:CreateGrant}"
    )
    remove: Literal["statement"] | Tree | None = Field(None, description="what goes; `statement`: all of it")
    call: str | None = Field(None, description="instead of an edit: the call of a step", examples=["kms:EnableKey"])
    with_: Tree | None = Field(None, description="of that call: its parameters, as far as they matter")

    @model_validator(mode="after")
    def _edit_or_step(self) -> ActSpec:
        if (self.call is None) == (self.add is None and self.remove is None):
            raise ValueError("a part of a repair has `add:` or `remove:`, or is a step with `call:`")
        return self


Acts = Annotated[
    tuple[ActSpec, ...],
    BeforeValidator(
        lambda value: (value,) if isinstance(value, dict) else value,
        json_schema_input_type=ActSpec | tuple[ActSpec, ...],
    ),
]


class RepairSpec(Model):
    """The smallest repairs of a refused step; each was tried in a fork, so there the step succeeded."""

    size: int | None = Field(
        None, ge=0, description="edits and steps of the smallest; 0, or `repair: none`: there is none"
    )
    any_of: tuple[Acts, ...] = Field((), description="one of these is offered: an edit or step, or a list of several")

    @model_validator(mode="after")
    def _claims_something(self) -> RepairSpec:
        if self.size is None and not self.any_of:
            raise ValueError("`repair:` is not checked without `size:` or `any-of:`")
        if self.size == 0 and self.any_of:
            raise ValueError("a repair of size 0 is none, so `any-of:` can not be offered")
        return self


Repairs = Annotated[
    RepairSpec | None,
    BeforeValidator(
        lambda value: {"size": 0} if value == "none" else value,
        json_schema_input_type=Literal["none"] | RepairSpec | None,
    ),
]


class ExpectSpec(Model):
    """Partial trees: what is not stated is not checked. Keys may be JMESPath; `{like: pattern}` has IAM's wildcards."""

    response: Tree | None = Field(None, description="the answer at once, a partial tree")
    later: Tree | None = Field(None, description="what the call made, described once it has settled")
    error: Annotated[ErrorSpec | None, BeforeValidator(_code, json_schema_input_type=ErrorSpec | str | None)] = Field(
        None, description="what the step is refused with: a code, or {code, message}; without it a refusal is a failure"
    )
    cause: str | None = Field(
        None,
        description="of the innermost refusal, at once or later: its name or code in the table of causes; for what no "
        "policy decides (key states, sharing, credentials, parameters)",
    )
    events: tuple[Tree, ...] = Field(
        (), description="CloudTrail events that it set off, in this order, others between them; `account:` is an alias"
    )
    no_events: tuple[Tree, ...] = Field(
        (), description="CloudTrail events that the step may not set off, in any account"
    )
    decision: DecisionSpec | None = Field(None, description="what policies decided, and who refused")
    graph: GraphSpec | None = Field(None, description="the graph of keys after the step")
    repair: Repairs = Field(
        None,
        description="what would make the step succeed, or `none`; each was tried in a fork. Checked by `reseal run`",
    )


class DataExpectSpec(Model):
    """Bytes that are read back."""

    same: tuple[str, str] = Field(description="two steps whose volumes must be equal, block by block")


class FinallyExpectSpec(Model):
    """What holds in the end."""

    state: str | None = Field(None, description="where the workflow ended; needs `workflow:`")
    data: DataExpectSpec | None = Field(None, description="volumes whose bytes are read back and compared")
    graph: GraphSpec | None = Field(
        None, description="the graph of keys in the end; here `gained:` means an edge that is there"
    )


class FinallySpec(Model):
    """After the last step."""

    expect: FinallyExpectSpec = Field(description="what holds then")
