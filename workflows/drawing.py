"""A workflow's rows as pictures. `unforeseen` is drawn nowhere, since no row leads there."""

from __future__ import annotations

from workflows.machine import End, Workflow


def mermaid(workflow: Workflow) -> str:
    """A Mermaid state diagram, for Markdown pages."""
    lines = ["stateDiagram-v2", f"    [*] --> {workflow.start}"]
    lines += [f"    {step.name}: {step.name}<br/>{step.as_} {step.call.replace(':', '.')}" for step in workflow.steps]
    lines += [f"    {state} --> {target}: {outcome}" for state, outcome, target in workflow.next]
    lines += [f"    {state.name} --> [*]" for state in workflow.states if isinstance(state, End)]
    return "\n".join(lines) + "\n"
