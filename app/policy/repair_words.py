"""A repair as a person applies it: the lines that change, the commands that save it, and its JSON form."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from app.policy import repair_steps
from app.policy.explain_values import Mending
from app.policy.question import LayerKind, Place, Rule
from app.policy.repair import Repair
from app.policy.repair_edit import Edit, apply, sid_at
from app.policy.repair_others import Others
from app.policy.repair_steps import Step
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
    """The `aws` commands that make the repair: the steps, then one that saves each edited document from its file.

    A session policy is passed anew when the role is assumed, and a VPC endpoint's is saved with the endpoint's id,
    which no trace holds: for those the line says so, as a comment.
    """
    lines: list[str] = []
    for step in repair.steps:
        lines.append(repair_steps.command(step))
        lines += [f"aws {step.settles} --region {step.region}"] if step.settles else []
    lines += [f'# then the request again, with "${one.name}" where it said {one.value}' for one in repair.instead]
    places = dict.fromkeys(edit.place for edit in repair.edits)
    return lines + [_command(place, rule_of(place, rule), f"file://{file_of(place)}") for place in places]


def rule_of(place: Place, default: Rule) -> Rule:
    """A repair may edit several resources' policies; each goes by the rule of its own resource."""
    service = place.attached_to.split(":")[2] if place.attached_to.startswith("arn:") else ""
    return {"kms": Rule.KMS_KEY, "iam": Rule.TRUST}.get(service, default)


def _command(place: Place, rule: Rule, file: str) -> str:
    match place.layer:
        case LayerKind.RESOURCE:
            command = _OWNER.get(rule, "# save {file} as the policy of {on}")
        case LayerKind.SCP | LayerKind.RCP:
            command = "aws organizations update-policy --policy-id {id} --content {file}"
        case LayerKind.SESSION | LayerKind.ENDPOINT:
            command = _BY_HAND[place.layer]
        case _:
            command = _MANAGED if place.policy.startswith("arn:") else _INLINE[holder_of(place)]
    filled = command.format(
        file=file, on=place.attached_to, policy=place.policy, name=plain_name(place.attached_to),
        id=place.policy.rpartition("/")[2],
    )  # fmt: skip
    account = place.account or account_of(place.attached_to)
    return f"{filled}  # in account {account}" if account and not filled.startswith("#") else filled


def holder_of(place: Place) -> str:
    """ "user", "role" or "group": what an inline policy stands in."""
    return place.attached_to.rpartition(":")[2].partition("/")[0]


_OWNER: Final = {
    Rule.KMS_KEY: "aws kms put-key-policy --key-id {on} --policy-name default --policy {file}",
    Rule.TRUST: "aws iam update-assume-role-policy --role-name {name} --policy-document {file}",
}
_MANAGED: Final = "aws iam create-policy-version --policy-arn {policy} --set-as-default --policy-document {file}"
_INLINE: Final = {
    holder: f"aws iam put-{holder}-policy --{holder}-name {{name}} --policy-name {{policy}} --policy-document {{file}}"
    for holder in ("user", "role", "group")
}
_BY_HAND: Final = {
    LayerKind.SESSION: "# assume the role again, with {file} as its session policy",
    LayerKind.ENDPOINT: "# save {file} as the policy of the VPC endpoint",
}


def terraform(repair: Repair, rule: Rule, file_of: Callable[[Place], str]) -> list[str]:
    """The resources that hold what the repair makes: the steps', then one for each edited document, read from its file.

    They are to be merged into what the account's configuration says already; names are made up from AWS's.
    """
    places = dict.fromkeys(edit.place for edit in repair.edits)
    blocks = [repair_steps.terraform(step) for step in repair.steps]
    return blocks + [_resource(place, rule_of(place, rule), f'file("{file_of(place)}")') for place in places]


def _resource(place: Place, rule: Rule, file: str) -> str:
    name = plain_name(place.attached_to)
    make, quoted = repair_steps.resource, json.dumps(name)
    match place.layer:
        case LayerKind.RESOURCE if rule is Rule.KMS_KEY:
            return make("aws_kms_key_policy", name, key_id=json.dumps(place.attached_to), policy=file)
        case LayerKind.RESOURCE if rule is Rule.TRUST:
            return make("aws_iam_role", name, name=quoted, assume_role_policy=file)
        case LayerKind.SCP | LayerKind.RCP:
            return make("aws_organizations_policy", place.policy.rpartition("/")[2], content=file)
        case LayerKind.IDENTITY | LayerKind.BOUNDARY if place.policy.startswith("arn:"):
            policy = plain_name(place.policy)
            return make("aws_iam_policy", policy, name=json.dumps(policy), policy=file)
        case LayerKind.IDENTITY:
            holder = holder_of(place)
            arguments = {"name": json.dumps(place.policy), holder: quoted, "policy": file}
            return make(f"aws_iam_{holder}_policy", f"{name}_{place.policy}", **arguments)
        case _:
            return f"# Terraform has no resource for this {policy_of(place.layer, rule)}: {file}"


def mending(
    repair: Repair, rule: Rule, texts: Texts, locate: Locate, *, verified: bool, others_kept: int | None = None,
    others: Others | None = None, notes: tuple[str, ...] = (),
) -> Mending:  # fmt: skip
    """As an explanation shows it. `others_kept`: how many other decisions were made again and stayed as they were.

    `others` says the same and which did not; `notes` is what the trial found.
    """
    body = to_json(repair, texts, locate, verified=verified, others=others, notes=notes)
    if others is None and others_kept is not None:
        body["others_kept"] = others_kept
    changed = list(after(repair, texts))
    files = {place: locate(before) for place, before, _ in changed}

    def file_of(place: Place) -> str:
        return files[place] or f"{place.layer}.json"

    body["documents"] = [_document(place, before, now, files[place], rule) for place, before, now in changed]
    body["commands"] = commands(repair, rule, file_of)
    body["terraform"] = terraform(repair, rule, file_of)
    return shown(body)


def _document(place: Place, before: str, now: str, file: str | None, rule: Rule) -> dict[str, object]:
    name = f"{policy_of(place.layer, rule_of(place, rule))} {place.policy} of {place.attached_to}"
    return {
        "layer": place.layer.value, "account": place.account, "policy": place.policy,
        "attached_to": place.attached_to, "name": name, "file": file, "before": before, "after": now,
    }  # fmt: skip


def shown(body: dict[str, Any]) -> Mending:
    """A repair from its JSON form, which holds all there is to show: it may have come from a server."""
    changes = tuple((one["file"] or one["name"], tuple(diff(one["before"], one["after"]))) for one in body["documents"])
    return Mending(_headline(body), changes, tuple(body["side_effects"]), tuple(body["commands"]), body)


def _headline(body: Mapping[str, Any]) -> str:
    """`smallest repair (1 edit; keeps ...): add kms:CreateGrant`."""
    edits, steps, kept = len(body["edits"]), len(body.get("steps", ())), body.get("others_kept")
    counts = [
        f"{count} {word}{'' if count == 1 else 's'}" for count, word in ((edits, "edit"), (steps, "step")) if count
    ]
    facts = [" and ".join(counts)]
    if kept is not None:
        same = "the same" if not body.get("others_opened") else "the same but those below"
        facts.append(f"keeps every other decision of this world {same}: {kept} checked")
    if not body["verified"]:
        facts.append("checked by the evaluator, not replayed")
    return f"smallest repair ({'; '.join(facts)}): {', '.join(body['says'])}"


def in_one_line(mending: Mending) -> str:
    """`in 111122223333, policies/source-key.json: add kms:CreateGrant`."""
    body: Any = mending.body
    edited = [f"{one['account'] or '(its account)'}, {one['file'] or one['name']}" for one in body["documents"]]
    places = dict.fromkeys([*(one["account"] for one in body["steps"]), *edited])
    return f"in {' and in '.join(places)}: {', '.join(body['says'])}"


def relabelled(mending: Mending, locate: Locate, rule: Rule = Rule.NONE) -> Mending:
    """With the files that the reader knows the policies by, where whoever made the repair knew of none."""
    body = dict(mending.body)
    documents: Any = body["documents"]
    names = {_key(one): locate(one["before"]) or one["file"] for one in documents}
    body["documents"] = [{**one, "file": names[_key(one)]} for one in documents]
    body["edits"] = [{**one, "file": names.get(_key(one))} for one in body["edits"]]  # type: ignore[attr-defined]
    for part in ("commands", "terraform"):
        body[part] = [_with_files(line, documents, names) for line in body[part]]  # type: ignore[attr-defined]
    return shown(body)


def _key(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return one["account"], one["policy"], one["attached_to"]


def _with_files(line: str, documents: Any, names: Mapping[tuple[str, str, str], str | None]) -> str:
    """A line that reads a document from a file without a name of the reader's, with that name."""
    for one in documents:
        old, new = one["file"] or f"{one['layer']}.json", names[_key(one)]
        if new and _means(line, one):
            line = line.replace(f"file://{old}", f"file://{new}").replace(f'file("{old}")', f'file("{new}")')
    return line


def _means(line: str, document: Mapping[str, Any]) -> bool:
    known = (document["attached_to"], plain_name(document["attached_to"]), document["policy"])
    return any(name and name in line for name in known)


def to_json(
    repair: Repair, texts: Texts, locate: Locate, *, verified: bool, others: Others | None = None,
    notes: tuple[str, ...] = (),
) -> dict[str, Any]:  # fmt: skip
    """The form of ecosystem.md 7.2. `verified`: was the whole call tried with it, in a fork?"""
    told = {
        "edits": list(_edits(repair, texts, locate)),
        "steps": [_step(step) for step in repair.steps],
        "size": repair.size,
        "verified": verified,
        "side_effects": [*repair.side_effects, *notes, *(others.sentences if others else ())],
        "says": list(repair.sentences),
    }
    if others is not None:
        told["others_kept"] = others.kept
        told["others_opened"] = [dict(zip(("caller", "action", "resource"), one, strict=True)) for one in others.opened]
    return told


def _edits(repair: Repair, texts: Texts, locate: Locate) -> Iterator[dict[str, object]]:
    """The edits in order; a later one may lead into a statement that an earlier one adds."""
    now: dict[Place, str] = {}
    for edit in repair.edits:
        text = now.get(edit.place, texts(edit.place))
        yield _edit(edit, text, locate(texts(edit.place)))
        now[edit.place] = apply(text, edit)


def _edit(edit: Edit, text: str, file: str | None) -> dict[str, object]:
    value = edit.value if edit.value is not None else True  # `remove` of the whole value at the path
    return {
        "file": file,
        "path": edit.path,
        edit.op.value: value,
        "account": edit.place.account,
        "policy": edit.place.policy,
        "attached_to": edit.place.attached_to,
        "statement": sid_at(text, edit.path) if text else "",
    }


def _step(step: Step) -> dict[str, object]:
    return {"account": step.account, "region": step.region, "call": step.operation, "with": step.parameters}


def after(repair: Repair, texts: Texts) -> Iterator[tuple[Place, str, str]]:
    """(policy, its text, its text when repaired), each policy once."""
    for place in dict.fromkeys(edit.place for edit in repair.edits):
        before = changed = texts(place)
        for edit in repair.edits:
            if edit.place == place:
                changed = apply(changed, edit)
        yield place, before, changed
