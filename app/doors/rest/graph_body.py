"""What questions of the graph are asked with, where a query string does not hold it: an edit, a saved graph."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

PAIRS_MAX = 500  # of principal and thing, each tried twice


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class EditCall(Body):
    """A call, with AWS's parameter names; blobs in base64."""

    operation: str = Field(max_length=120, examples=["kms:DisableKey"])
    parameters: dict[str, Any] = Field(default_factory=dict)
    caller: str = Field(alias="as", max_length=2048, description="ARN, account/name or account/root")
    region: str = Field(default="us-east-1", max_length=40)


class EditPolicy(Body):
    """A policy put in place: of a key its key policy; of a user or role its inline policy `reseal`."""

    holder: str = Field(alias="on", max_length=2048, description="key, user or role")
    document: dict[str, Any]


class NewEdit(Body):
    """One edit, a call or a policy; `of` and `readers` narrow what is tried before and after it."""

    call: EditCall | None = None
    policy: EditPolicy | None = None
    of: list[str] = Field(default_factory=list, max_length=50, description="snapshots, volumes, images")
    readers: list[str] = Field(default_factory=list, max_length=50, description="principals")
    limit: int = Field(default=100, ge=1, le=PAIRS_MAX)


class SavedGraph(Body):
    """A graph as `GET /graph?format=json` answered it."""

    graph: dict[str, Any]
