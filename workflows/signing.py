"""Principals whom a step signs in: what it answered holds their credentials (`signed-in-by:`).

Secrets are handed to the port and kept nowhere else. A run that is taken up again where the answer can not be had again
leaves them signed out: their calls then stop the run, and say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from workflows.params import HIDDEN
from workflows.port import Credentials, Port
from workflows.verify import suggest
from workflows.yaml_marks import Mistake

if TYPE_CHECKING:
    from workflows.course import Course
    from workflows.format import StepSpec
    from workflows.scenario import Scenario

# Operation -> the member of its answer that holds credentials.
SIGNS_IN: Final[Mapping[str, str]] = {
    "sts:AssumeRole": "Credentials",
    "sts:GetFederationToken": "Credentials",
    "sts:GetSessionToken": "Credentials",
    "iam:CreateAccessKey": "AccessKey",
}


def sign_in(course: Course, port: Port, step: StepSpec, answer: Mapping[str, Any]) -> None:
    """Sign in everybody whom the step does, where it answered."""
    found: Mapping[str, Any] = answer.get(SIGNS_IN.get(str(step.call), ""), {})
    if not found or found["SecretAccessKey"] == HIDDEN:
        return
    keys = Credentials(found["AccessKeyId"], found["SecretAccessKey"], found.get("SessionToken", ""))
    for name, spec in course.scenario.spec.principals.items():
        if spec.signed_in_by == step.id:
            port.sign_in(name, keys)
            course.callers[name] = _caller(answer, course.accounts[name.partition("/")[0]])


def _caller(answer: Mapping[str, Any], account: str) -> tuple[str, ...]:
    """The ARNs under which they show up as callers, as far as the answer tells."""
    who = answer.get("AssumedRoleUser") or answer.get("FederatedUser")
    if who:
        return (str(who["Arn"]),)
    user = answer.get("AccessKey", {}).get("UserName")
    return (f"arn:aws:iam::{account}:user/{user}",) if user else ()


def mistakes(scenario: Scenario, name: str) -> Iterator[Mistake]:
    """The step that signs a principal in must be one that can, and come before all that it does."""
    by, mark = str(scenario.spec.principals[name].signed_in_by), scenario.mark("principals", name, "signed-in-by")
    steps = (*scenario.spec.given, *scenario.spec.steps)
    index = next((n for n, step in enumerate(steps) if step.id == by), None)
    if index is None:
        yield Mistake(mark, f"there is no step {by!r}" + suggest(by, [step.id for step in steps]))
    elif steps[index].call not in SIGNS_IN:
        yield Mistake(
            mark, f"the answer of {steps[index].call} holds no credentials, but that of {', '.join(SIGNS_IN)}"
        )
    elif early := next((step for step in steps[: index + 1] if step.as_ == name), None):
        yield Mistake(scenario.step_mark(early, "as"), f"{name} is signed in by {by}, which comes later")
