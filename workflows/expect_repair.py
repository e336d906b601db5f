"""`expect.repair`: whether the smallest repairs of a refused step are those that a scenario says.

Repairs come in their JSON form (app.policy.repair_words.to_json), from this process or from a server. An edit is looked
at as what it adds to a statement: the path `/Statement/1/Action` and the value `kms:CreateGrant` are
`{Action: kms:CreateGrant}`, so that a scenario says it in the words of a policy.
"""

# pyright: basic

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from os.path import dirname, join, normpath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workflows.format_expect import ActSpec, RepairSpec

Repair = Mapping[str, Any]
Difference = tuple[tuple[str | int, ...], str]
Fits = Callable[[Any, Any], bool]  # (expected, actual): partial trees


def differences(wanted: RepairSpec, offered: Sequence[Repair], scenario: str, fits: Fits) -> Iterator[Difference]:
    """`offered`: the smallest first. `scenario`: path of the file, which the names of policy files are beside."""
    path = ("expect", "repair")
    if wanted.size == 0:
        if offered:
            yield path, f"one is offered: {', '.join(offered[0]['says'])}"
        return
    if not offered:
        yield path, "no repair was found"
        return
    smallest = [one for one in offered if one["size"] == offered[0]["size"]]
    if wanted.size is not None and smallest[0]["size"] != wanted.size:
        yield (*path, "size"), f"the smallest repair has the size {smallest[0]['size']}"
    if wanted.any_of and not any(_is(acts, one, scenario, fits) for acts in wanted.any_of for one in smallest):
        shown = "; or ".join(", ".join(one["says"]) for one in smallest)
        yield (*path, "any-of"), f"none of these is offered, but: {shown}"


def _is(acts: Sequence[ActSpec], repair: Repair, scenario: str, fits: Fits) -> bool:
    """Does each of the parts that are named stand in the repair? Other parts may stand beside them."""
    return all(_has(act, repair, scenario, fits) for act in acts)


def _has(act: ActSpec, repair: Repair, scenario: str, fits: Fits) -> bool:
    if act.call is not None:
        steps = (one for one in repair.get("steps", ()) if one["call"] == act.call)
        return any(act.with_ is None or fits(act.with_, one["with"]) for one in steps)
    return any(_is_edit(act, edit, scenario, fits) for edit in repair["edits"])


def _is_edit(act: ActSpec, edit: Mapping[str, Any], scenario: str, fits: Fits) -> bool:
    if act.file is not None and not _same_file(act.file, edit["file"], scenario):
        return False
    if act.statement is not None and act.statement not in (edit["statement"], _sid(edit.get("add"))):
        return False
    if act.remove == "statement":
        return _strikes(edit)
    return (act.add is None or fits(act.add, _tree(edit, "add"))) and (
        act.remove is None or fits(act.remove, _tree(edit, "remove"))
    )


def _strikes(edit: Mapping[str, Any]) -> bool:
    """Does the whole statement go? Its path is that of the statement itself: `/Statement/1`, or `/Statement` alone."""
    steps = edit["path"].split("/")[2:]
    return bool(edit.get("remove")) and "add" not in edit and (not steps or (len(steps) == 1 and steps[0].isdigit()))


def _same_file(named: str, known: str | None, scenario: str) -> bool:
    return known is not None and normpath(join(dirname(scenario), named.removeprefix("file://"))) == normpath(known)


def _sid(value: Any) -> str | None:
    return value.get("Sid") if isinstance(value, Mapping) else None


def _tree(edit: Mapping[str, Any], op: str) -> Any:
    """What the edit adds or removes, as it stands within the statement; None where it does no such thing."""
    if op not in edit:
        return None
    steps = [step.replace("~1", "/").replace("~0", "~") for step in edit["path"].split("/")[1:]]
    inner = steps[2:] if steps[1:2] and steps[1].isdigit() else steps[1:]
    tree = edit[op]
    for step in reversed(inner):
        tree = {step: tree}
    return tree
