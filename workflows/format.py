"""The scenario format, version 1: what a `*.reseal.yaml` file may hold (reference/ecosystem.md 3.3).

These models are the one source of validation, of the editor's JSON schema and of the documentation. Scalars arrive as
text (`yaml_marks`) and are converted here by what the field is; parameters of calls are converted by AWS's own shapes.
"""

# pyright: basic

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from workflows.format_expect import ExpectSpec, FinallySpec
from workflows.format_model import Model, Tree, Words

AccountId = Annotated[str, StringConstraints(pattern=r"^\d{12}$"), Field(examples=["111122223333"])]
Alias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$"), Field(examples=["source"])]
StepId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$"), Field(examples=["copy"])]
PrincipalName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}/[\w.@+=,-]{1,64}$"),
    Field(examples=["target/importer"]),
]
Document = str | dict[str, Any]  # a path beside the scenario, with or without file://, or the policy itself

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def _duration(value: object) -> object:
    """`8d`, `90m`, `500ms` in milliseconds."""
    found = re.fullmatch(r"(\d{1,9})(ms|s|m|h|d)", value) if isinstance(value, str) else None
    if not found:
        raise ValueError("a duration is a whole number and ms, s, m, h or d, such as 8d")
    return int(found[1]) * _UNITS[found[2]]


def _nothing_is_empty(value: object) -> object:
    return () if value is None else value


Duration = Annotated[
    int,
    BeforeValidator(
        _duration, json_schema_input_type=Annotated[str, StringConstraints(pattern=r"^\d{1,9}(ms|s|m|h|d)$")]
    ),
    Field(examples=["8d"]),
]


class PrincipalSpec(Model):
    """A user or role that the scenario makes, with its policies; or somebody whom one of its steps signs in."""

    user: str | None = Field(None, description="name of an IAM user to make")
    role: str | None = Field(None, description="name of an IAM role to make; calls come from a session of it")
    path: str = Field(
        "/", pattern=r"^/([!-.0-~]+/)*$", max_length=512, description="of its ARN in IAM, such as /teams/storage/"
    )
    policies: tuple[Document, ...] = Field((), description="its identity policies: files, or the policies themselves")
    trust: Document | None = Field(
        None, description="a role's trust policy; left out: its own account, and so whoever may assume it there"
    )
    boundary: Document | None = Field(None, description="its permissions boundary")
    session_policy: Document | None = Field(
        None, description="the session policy that its role is assumed with: what its calls may do at most"
    )
    endpoint: Document | None = Field(
        None, description="policy of the VPC endpoint that its calls go through, to every service; reseal only"
    )
    credentials: Literal["none", "wrong-secret"] | None = Field(
        None,
        description="`none`: somebody who signs nothing. `wrong-secret`: its access key, signed with another secret",
    )
    signed_in_by: StepId | None = Field(
        None,
        description="the step whose answer holds its credentials: sts:AssumeRole, sts:GetFederationToken, "
        "sts:GetSessionToken or iam:CreateAccessKey; it calls from then on",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> PrincipalSpec:
        if self.signed_in_by is not None:
            if self.model_fields_set != {"signed_in_by"}:
                raise ValueError("`signed-in-by:` is somebody whom a step makes, so it has nothing beside it")
            return self
        if self.credentials == "none":
            if self.model_fields_set != {"credentials"}:
                raise ValueError("`credentials: none` is nobody, so it has nothing beside it")
            return self
        if (self.user is None) == (self.role is None):
            raise ValueError("a principal has either `user:` or `role:`, or a step that it is `signed-in-by:`")
        if self.user is not None and (self.trust is not None or self.session_policy is not None):
            raise ValueError("`trust:` and `session-policy:` belong to roles")
        return self


class DataSpec(Model):
    """Real bytes in a volume or a block, so that a read can be compared; made by public calls only."""

    fill: Literal["pattern"] = Field(description="bytes that differ in every block; the same in every run")
    blocks: int | None = Field(
        None,
        ge=1,
        le=2048,
        description="of a volume: so many blocks of 512 KiB, from its beginning; of a single block: left out",
    )


class FindAgainSpec(Model):
    """How to find out whether a step has already happened, at an endpoint that can not tell (real AWS)."""

    as_: PrincipalName | None = Field(None, description="who looks; the step's own principal if left out")
    call: str = Field(description="the call that looks for it", examples=["ec2:DescribeSnapshots"])
    with_: Tree = Field(default_factory=dict, description="its parameters, in AWS's own names")
    found: str = Field(
        description="JMESPath on what that call answers: the step's own answer, or nothing where it has not happened"
    )


class StepSpec(Model):
    """One call of one principal, or a time that passes."""

    id: StepId = Field(description="its name in references, reports and changes; once in a file")
    name: str | None = Field(None, description="what people read, where the id is too short")
    as_: PrincipalName | None = Field(None, description="who calls: account/principal; account/root is always there")
    call: str | None = Field(
        None, description="service:Operation, as IAM writes actions", examples=["ec2:CopySnapshot"]
    )
    with_: Tree = Field(default_factory=dict, description="the call's parameters, in AWS's own names")
    region: str | None = Field(None, description="where it is called; the scenario's `region` if left out")
    data: DataSpec | None = Field(None, description="real bytes: of ec2:CreateVolume and ebs:PutSnapshotBlock")
    wait: Tree | None = Field(None, description="what the resource must be once it has settled: {State: completed}")
    save: dict[str, str] = Field(
        default_factory=dict, description="name: JMESPath on the answer; `${{ copy.NAME }}` in later steps"
    )
    aside: bool = Field(False, description="not a step of the workflow, but something that happens meanwhile")
    find_again: FindAgainSpec | None = Field(
        None, description="how a run that was broken off at AWS finds out whether this call had been made"
    )
    advance: Duration | None = Field(None, description="instead of a call: move the world's clock on")
    expect: ExpectSpec | None = Field(None, description="what it is to come to; left out: it succeeds, and no more")

    @model_validator(mode="after")
    def _call_or_advance(self) -> StepSpec:
        if (self.call is None) == (self.advance is None):
            raise ValueError("a step has either `call:` or `advance:`")
        if self.call is not None and self.as_ is None:
            raise ValueError("a call needs `as: account/principal`")
        if self.data and self.call not in ("ec2:CreateVolume", "ebs:PutSnapshotBlock"):
            raise ValueError("`data:` belongs to ec2:CreateVolume and ebs:PutSnapshotBlock")
        if self.data and (self.data.blocks is None) == (self.call == "ec2:CreateVolume"):
            raise ValueError("`blocks:` belongs to the data of a volume, and only there")
        return self


Steps = Annotated[
    tuple[StepSpec, ...], BeforeValidator(_nothing_is_empty, json_schema_input_type=tuple[StepSpec, ...] | None)
]
Accounts = Annotated[
    dict[Alias, AccountId | None],
    BeforeValidator(
        lambda value: dict.fromkeys(value) if isinstance(value, list) else value,
        json_schema_input_type=dict[Alias, AccountId | None] | list[Alias],
    ),
]


class EndSpec(Model):
    """An end that may come about when the calls come in another order, or something is done meanwhile."""

    why: str = Field(description="how it can happen")
    end: str | None = Field(None, description="of the workflow, or `unfinished`; the name itself if left out")
    at: Words = Field(
        (), description="steps that lead there, or a step and its outcome: `copy: later SOURCE_NOT_FOUND`"
    )
    can_read: dict[str, Words] = Field(default_factory=dict, description="step: accounts that can read what it made")
    can_not_read: dict[str, Words] = Field(default_factory=dict, description="step: accounts that can not read it")


def _why(value: object) -> object:
    return {"why": value} if isinstance(value, str) else value


class ExploreSpec(Model):
    """What `reseal explore` may insert, and the ends that are foreseen. Without `ends:` those of the workflow are."""

    disturb: Words = Field((), description="ready ones: `disable-key`, `unshare`, `NAME=STEP`, ... or `all`")
    in_order: bool = Field(False, description="the steps come in the order of the file; only disturbances vary")
    at_most: int = Field(0, ge=0, description="so many disturbances in one order; 0: all of them")
    steps: Steps = Field((), description="disturbances said as steps, each by somebody, once at most")
    ends: dict[str, Annotated[EndSpec, BeforeValidator(_why, json_schema_input_type=str | EndSpec)]] = Field(
        default_factory=dict,
        description="name: an end that may come about, or only why; left out: all of the workflow's",
    )


class ScenarioSpec(Model):
    """A scenario file after `extends` and `change` have been carried out."""

    reseal: Literal["1"] = Field(description="the version of this format")
    name: str = Field(description="what the run is called; account ids that are made up follow from it")
    description: str = Field("", description="a sentence or two for the reports")
    workflow: str | None = Field(None, description="the checked state machine that the steps must follow")
    seed: str | None = Field(
        None, description="of a world in memory: ids and keys follow from it, and are the same in every run"
    )
    clock: Literal["instant", "manual", "real"] = Field(
        "instant",
        description=(
            "`instant`: what AWS does after the answer is done at once. `manual`: it takes its time, on a clock that "
            "moves only by waiting and by `advance:`. `real`: it takes its time, on a clock that runs"
        ),
    )
    portable: bool = Field(
        False,
        description=(
            "runs at any AWS endpoint that knows 12-digit keys, with the same answers, errors and settled resources: "
            "nothing in it moves a clock, rests on the seed, or is claimed by evidence alone (events, decisions, the "
            "graph, repairs are not checked there). Said of the file itself: what extends it says so anew"
        ),
    )
    region: str = Field("us-east-1", description="where calls are made, unless a step says otherwise")
    accounts: Accounts = Field(description="alias: account id; or a list of aliases, whose ids are made up")
    principals: dict[PrincipalName, PrincipalSpec] = Field(
        default_factory=dict, description="account/name: who calls, beside the root of each account"
    )
    given: Steps = Field((), description="what is there before it begins: steps that are not part of the claim")
    steps: Steps = Field((), description="what it is about, in this order")
    finally_: FinallySpec | None = Field(None, description="what holds after the last step")
    explore: ExploreSpec | None = Field(None, description="for `reseal explore`: every order of the calls")


CLOCKS: dict[str, tuple[str, str]] = {  # clock word -> (mode, settling)
    "instant": ("manual", "instant"),
    "manual": ("manual", "lifelike"),
    "real": ("real", "lifelike"),
}
EXTENDING_KEYS = ("extends", "change", "stop-after", "insert-before", "insert-after", "remove")


STEP_KEYS = {  # carried out before a step is checked, and gone then
    "use": "file of the step, or of the steps, that stand here",
    "if": "leave the step out where this is false; over matrix, accounts and region",
}


def json_schema() -> dict[str, Any]:
    """The JSON schema of scenario and sweep files, for editors."""
    from workflows.sweep.format import SweepSpec

    schema = ScenarioSpec.model_json_schema(by_alias=True)
    sweep = SweepSpec.model_json_schema(by_alias=True)
    schema["$defs"] |= sweep["$defs"]
    schema["properties"] |= {key: {} for key in EXTENDING_KEYS} | sweep["properties"]
    schema["required"] = ["reseal"]
    schema["properties"]["reseal"] = {"const": 1}
    step = schema["$defs"]["StepSpec"]
    step["properties"] |= {key: {"type": "string", "description": what} for key, what in STEP_KEYS.items()}
    step["anyOf"] = [{"required": step.pop("required")}, {"required": ["use"]}]
    return _with_references(schema)


def _with_references(schema: Any) -> Any:
    """The schema with `${{ }}` allowed wherever a text must have a form: an editor does not know what it stands for."""
    if isinstance(schema, list):
        return [_with_references(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _with_references(each) for key, each in schema.items()}
    return inner | ({"pattern": rf"({schema['pattern']})|\$\{{\{{"} if isinstance(schema.get("pattern"), str) else {})
