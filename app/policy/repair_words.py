"""A repair as a person applies it: the lines that change, the commands that save it, and its JSON form."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Final

from app.policy.explain_values import Mending
from app.policy.question import LayerKind, Place, Rule
from app.policy.repair import Repair
from app.policy.repair_edit import Edit, apply
from app.policy.words import account_of, plain_name, policy_of

Texts = Callable[[Place], str]  # the text of a policy now; "" for one that is new
Locate = Callable[[str], str | None]


def diff(before: str, after: str) -> list[str]:
    """The lines that go and come, with their numbers: `11 -  ...`, `11 +  ...`."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[str] = []
    broad = len(str(max(len(old), len(new), 1)))
    for tag, old_from, old_to, new_from, new_to in difflib.SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if tag != "equal":
            lines += [f"{at + 1:>{broad}} - {old[at]}".rstrip() for at in range(old_from, old_to)]
            lines += [f"{at + 1:>{broad}} + {new[at]}".rstrip() for at in range(new_from, new_to)]
    return lines


def commands(repair: Repair, rule: Rule, file_of: Callable[[Place], str]) -> list[str]:
    """The `aws` commands that save the edited documents from their files, one a policy, each for the account it is of.

    A session policy is passed anew when the role is assumed, and a VPC endpoint's is saved with the endpoint's id,
    which no trace holds: for those the line says so, as a comment.
    """
    places = dict.fromkeys(edit.place for edit in repair.edits)
    return [_command(place, rule, f"file://{file_of(place)}") for place in places]


def _command(place: Place, rule: Rule, file: str) -> str:
    match place.layer:
        case LayerKind.RESOURCE:
            command = _OWNER.get(rule, "# save {file} as the policy of {on}")
        case LayerKind.SCP | LayerKind.RCP:
            command = "aws organizations update-policy --policy-id {id} --content {file}"
        case LayerKind.SESSION | LayerKind.ENDPOINT:
            command = _BY_HAND[place.layer]
        case _:
            is_managed = place.policy.startswith("arn:")
            command = _MANAGED if is_managed else _INLINE[":role/" in place.attached_to]
    filled = command.format(
        file=file, on=place.attached_to, policy=place.policy, name=plain_name(place.attached_to),
        id=place.policy.rpartition("/")[2],
    )  # fmt: skip
    account = place.account or account_of(place.attached_to)
    return f"{filled}  # in account {account}" if account and not filled.startswith("#") else filled


_OWNER: Final = {
    Rule.KMS_KEY: "aws kms put-key-policy --key-id {on} --policy-name default --policy {file}",
    Rule.TRUST: "aws iam update-assume-role-policy --role-name {name} --policy-document {file}",
}
_MANAGED: Final = "aws iam create-policy-version --policy-arn {policy} --set-as-default --policy-document {file}"
_INLINE: Final = (
    "aws iam put-user-policy --user-name {name} --policy-name {policy} --policy-document {file}",
    "aws iam put-role-policy --role-name {name} --policy-name {policy} --policy-document {file}",
)
_BY_HAND: Final = {
    LayerKind.SESSION: "# assume the role again, with {file} as its session policy",
    LayerKind.ENDPOINT: "# save {file} as the policy of the VPC endpoint",
}


def mending(
    repair: Repair, rule: Rule, texts: Texts, locate: Locate, *, verified: bool, others_kept: int | None = None
) -> Mending:
    """As an explanation shows it. `others_kept`: how many other decisions were made again and stayed as they were."""
    kept = "" if others_kept is None else f"; keeps every other decision of this world the same: {others_kept} checked"
    tried = "" if verified else "; not tried in a world yet"
    edits = f"{repair.size} edit{'' if repair.size == 1 else 's'}"
    changed = list(after(repair, texts))
    return Mending(
        headline=f"smallest repair ({edits}{kept}{tried}): {', '.join(repair.sentences)}",
        changes=tuple(
            (_named(place, before, rule, locate), tuple(diff(before, now))) for place, before, now in changed
        ),
        notes=repair.side_effects,
        commands=tuple(commands(repair, rule, lambda place: locate(texts(place)) or f"{place.layer}.json")),
        body=to_json(repair, texts, locate, verified=verified),
    )


def _named(place: Place, text: str, rule: Rule, locate: Locate) -> str:
    return locate(text) or f"{policy_of(place.layer, rule)} {place.policy} of {place.attached_to}"


def to_json(repair: Repair, texts: Texts, locate: Locate, *, verified: bool) -> dict[str, object]:
    """The form of ecosystem.md 7.2. `verified`: was the whole call tried with it, in a fork?"""
    return {
        "edits": [_edit(edit, locate(texts(edit.place))) for edit in repair.edits],
        "size": repair.size,
        "verified": verified,
        "side_effects": list(repair.side_effects),
        "says": list(repair.sentences),
    }


def _edit(edit: Edit, file: str | None) -> dict[str, object]:
    value = edit.value if edit.value is not None else True  # `remove` of the whole value at the path
    return {
        "file": file,
        "path": edit.path,
        edit.op.value: value,
        "account": edit.place.account,
        "policy": edit.place.policy,
    }


def after(repair: Repair, texts: Texts) -> Iterator[tuple[Place, str, str]]:
    """(policy, its text, its text when repaired), each policy once."""
    for place in dict.fromkeys(edit.place for edit in repair.edits):
        before = changed = texts(place)
        for edit in repair.edits:
            if edit.place == place:
                changed = apply(changed, edit)
        yield place, before, changed
