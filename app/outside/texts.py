"""The causes of an error text alone: what may stand behind words that somebody pasted.

A row is a form of AWS's words and the causes that they can have, likeliest first, each with the scenario of this
repository that shows it (checked: `python -m app.error_pages --check` runs them) and what helps. Texts that name a kind
of policy lead to that kind's causes by the table of the policy engine itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from app.outside.said import said
from app.outside.states import cause_of
from app.policy.causes import Cause, refusals
from app.policy.question import LayerKind, Rule
from app.policy.trace import Verdict
from app.policy.words import REMEDY


@dataclass(frozen=True, slots=True)
class Reason:
    """`scenario` "" where no scenario shows it."""

    cause: Cause
    scenario: str
    repair: str


@dataclass(frozen=True, slots=True)
class Wording:
    """`slug` names its page; `words` is the text as AWS writes it."""

    slug: str
    words: str
    pattern: str
    meaning: str
    reasons: tuple[Reason, ...]


_CREATE_GRANT: Final = "kms:CreateGrant on the source key, with kms:GrantIsForAWSResource true"
_BROKEN: Final = "scenarios/broken/"

WORDINGS: Final = (
    Wording(
        "given-key-id-is-not-accessible",
        "Given key ID is not accessible",
        r"Given key ID is not accessible",
        "A copy was answered 200 and failed later: a KMS call that EBS made for the caller was refused.",
        (
            Reason(
                Cause.KEY_POLICY_SILENT,
                f"{_BROKEN}key-policy-forgets-create-grant.reseal.yaml",
                f"In the source account, let the key policy allow {_CREATE_GRANT}, to the target account.",
            ),
            Reason(
                Cause.IDENTITY_SILENT,
                f"{_BROKEN}target-iam-silent.reseal.yaml",
                "In the target account, let an identity policy of the caller allow kms:CreateGrant on the source "
                "key's ARN.",
            ),
            Reason(
                Cause.KEY_POLICY_CONDITION,
                f"{_BROKEN}via-the-wrong-service.reseal.yaml",
                "Let the condition name the service that calls: kms:ViaService is ec2.REGION.amazonaws.com.",
            ),
            Reason(
                Cause.BOUNDARY_SILENT,
                f"{_BROKEN}boundary.reseal.yaml",
                "Let the caller's permissions boundary allow kms:CreateGrant on the source key too.",
            ),
            Reason(Cause.KEY_DISABLED, f"{_BROKEN}key-disabled.reseal.yaml", REMEDY[Cause.KEY_DISABLED]),
            Reason(Cause.IDENTITY_DENIES, "", "Take the call out of the Deny, or the caller out of whom it means."),
            Reason(Cause.SCP_DENIES, "", "Let the service control policies of the caller's organization allow it."),
            Reason(Cause.KEY_PENDING_DELETION, "", REMEDY[Cause.KEY_PENDING_DELETION]),
        ),
    ),
    Wording(
        "source-snapshot-is-not-found",
        "Source snapshot is not found",
        r"Source snapshot is not found",
        "A copy was answered 200 and failed later: the caller's account does not see the source in that Region.",
        (
            Reason(
                Cause.SNAPSHOT_NOT_SHARED, f"{_BROKEN}not-shared.reseal.yaml", REMEDY[Cause.SNAPSHOT_NOT_SHARED]
            ),
            Reason(Cause.SNAPSHOT_NOT_FOUND, "", REMEDY[Cause.SNAPSHOT_NOT_FOUND]),
        ),
    ),
    Wording(
        "default-key-cannot-be-shared",
        "Encrypted snapshots with EBS default key cannot be shared",
        r"EBS default key cannot be shared",
        "The snapshot is under aws/ebs, whose policy only its own account passes; AWS refuses to share it.",
        (
            Reason(
                Cause.DEFAULT_KEY_CANNOT_BE_SHARED,
                f"{_BROKEN}default-key-shared-anyway.reseal.yaml",
                REMEDY[Cause.DEFAULT_KEY_CANNOT_BE_SHARED],
            ),
        ),
    ),
    Wording(
        "encrypted-cannot-be-public",
        "Encrypted snapshots cannot be shared publicly.",
        r"cannot be shared publicly",
        "No encrypted snapshot can be made public: nobody could be given its key.",
        (Reason(Cause.ENCRYPTED_CANNOT_BE_PUBLIC, "", REMEDY[Cause.ENCRYPTED_CANNOT_BE_PUBLIC]),),
    ),
    Wording(
        "resource-does-not-exist-in-this-region",
        "because the resource does not exist in this Region, no resource-based policies allow access, or a "
        "resource-based policy explicitly denies access",
        r"resource does not exist in this Region, no resource-based policies allow",
        "Another account's key refused, or is not there; KMS tells a stranger no more, and no account's trail does.",
        (
            Reason(
                Cause.KEY_POLICY_SILENT,
                f"{_BROKEN}key-policy-forgets-create-grant.reseal.yaml",
                "In the key's account, let the key policy allow the action to the caller's account.",
            ),
            Reason(
                Cause.KEY_POLICY_CONDITION,
                f"{_BROKEN}via-the-wrong-service.reseal.yaml",
                "In the key's account, look at the conditions of the statement that names the caller's account.",
            ),
            Reason(Cause.KEY_POLICY_DENIES, "", "In the key's account, look for a Deny in the key policy."),
            Reason(Cause.RCP_DENIES, "", "Look at the resource control policies above the key's account."),
            Reason(Cause.KEY_NOT_FOUND, "", REMEDY[Cause.KEY_NOT_FOUND]),
        ),
    ),
    Wording(
        "not-authorized-to-use-key",
        "Not authorized to use key <key>",
        r"Not authorized to use key",
        "CopySnapshot asks kms:DescribeKey on the destination's key as the caller, before it answers.",
        (
            Reason(Cause.IDENTITY_SILENT, "", "Let the caller use kms:DescribeKey on the destination's key."),
            Reason(Cause.KEY_POLICY_SILENT, "", "Let the destination's key policy allow kms:DescribeKey."),
        ),
    ),
    Wording(
        "key-is-disabled",
        "<key ARN> is disabled.",
        r"key\S*(?: \S+)? is disabled",
        "The key is disabled: policies allow the call, and the key can not be used.",
        (
            Reason(Cause.KEY_DISABLED, f"{_BROKEN}key-disabled.reseal.yaml", REMEDY[Cause.KEY_DISABLED]),
        ),
    ),
    Wording(
        "key-is-pending-deletion",
        "<key ARN> is pending deletion.",
        r"is pending (?:replica )?deletion",
        "The key is scheduled for deletion. Cancelling leaves it disabled.",
        (Reason(Cause.KEY_PENDING_DELETION, "", REMEDY[Cause.KEY_PENDING_DELETION]),),
    ),
    Wording(
        "snapshot-does-not-exist",
        "The snapshot '<id>' does not exist.",
        r"[Ss]napshot (?:'?snap-\w+'? )?does not exist",
        "The caller's account does not see the snapshot in this Region.",
        (
            Reason(Cause.SNAPSHOT_NOT_SHARED, f"{_BROKEN}not-shared.reseal.yaml", REMEDY[Cause.SNAPSHOT_NOT_SHARED]),
            Reason(Cause.SNAPSHOT_NOT_FOUND, "", REMEDY[Cause.SNAPSHOT_NOT_FOUND]),
        ),
    ),
    Wording(
        "volume-does-not-exist",
        "The volume '<id>' does not exist.",
        r"volume '?vol-\w+'? does not exist",
        "Of a volume just created: CreateVolume was answered, then a KMS call for it was refused, and it vanished.",
        (
            Reason(Cause.IDENTITY_SILENT, "", "Let the caller use kms:ReEncryptFrom on the source key and "
                   "kms:ReEncryptTo, kms:GenerateDataKeyWithoutPlaintext and kms:CreateGrant on the volume's key."),
            Reason(Cause.KEY_POLICY_SILENT, "", "Let the source's key policy allow kms:ReEncryptFrom."),
            Reason(Cause.KEY_DISABLED, "", REMEDY[Cause.KEY_DISABLED]),
            Reason(Cause.VOLUME_NOT_FOUND, "", "Look at the id, the account and the Region."),
        ),
    ),
)  # fmt: skip


def wording_of(text: str) -> Wording | None:
    """The wording that the text holds: a row of the table, else one made from the kind of policy or code it names."""
    text = text[:4096]
    found = next((one for one in WORDINGS if re.search(one.pattern, text)), None)
    return found or _by_policy(text) or _by_code(text)


def _by_policy(text: str) -> Wording | None:
    """AWS names the kind of policy: its causes are those of the engine's table."""
    told = said(text)
    if told.layer is None or told.effect is None:
        return None
    is_key = told.action.startswith("kms:")
    rule = Rule.KMS_KEY if is_key else Rule.TRUST if "role trust" in text else Rule.PLAIN
    row = refusals(told.layer, rule)
    is_denied = told.effect is Verdict.EXPLICITLY_DENIED
    causes = (row.denies,) if is_denied else (row.silent, row.condition)
    if is_key and told.layer is LayerKind.RESOURCE and not is_denied:
        causes = (Cause.ACCOUNT_NOT_DELEGATED, *causes, Cause.GRANT_CONSTRAINT, Cause.GRANT_LACKS_OPERATION)
    action = told.action or "the action"
    help = (
        f"Take {action} out of the Deny."
        if is_denied
        else f"Let it allow {action} on this resource, conditions included."
    )
    words = f"{'explicit deny in' if is_denied else 'no Allow in'} {told.layer.value}"
    reasons = tuple(Reason(cause, _shown_by(cause), help) for cause in causes)
    return Wording("", words, "", "AWS names the kind of policy that refused, also where several do.", reasons)


def _by_code(text: str) -> Wording | None:
    code, _, message = text.partition(":")
    cause = cause_of(code.strip(), message)
    if cause is None:
        return None
    repair = REMEDY.get(cause, "Look at the request's parameters.")
    return Wording("", code.strip(), "", "No policy decides this.", (Reason(cause, _shown_by(cause), repair),))


def _shown_by(cause: Cause) -> str:
    return next((one.scenario for row in WORDINGS for one in row.reasons if one.cause is cause and one.scenario), "")


def as_text(wording: Wording) -> str:
    lines = [f'"{wording.words}"', f"  {wording.meaning}", ""]
    for nth, one in enumerate(wording.reasons, 1):
        lines.append(f"{nth}. {one.cause.code}  {one.cause.sentence}")
        lines.append(f"   repair: {one.repair}")
        lines += [f"   see it: reseal run {one.scenario}"] if one.scenario else []
    return "\n".join(lines)


def as_json(wording: Wording) -> dict[str, object]:
    return {
        "words": wording.words,
        "meaning": wording.meaning,
        "page": f"docs/errors/{wording.slug}.md" if wording.slug else None,
        "causes": [
            {
                "code": one.cause.code, "cause": one.cause.name, "sentence": one.cause.sentence, "repair": one.repair,
                "scenario": one.scenario or None,
            }
            for one in wording.reasons
        ],
    }  # fmt: skip
