"""Keys as an account exports them, placed with their ids: what `reseal world import` asks of KMS.

Each key is told in AWS's own words: KeyMetadata of DescribeKey, the text of its policy, the entries of ListGrants and
of ListResourceTags. What encrypts is never exported, so a placed key has new material: whatever is encrypted from now
on opens, and no ciphertext from AWS does. Principals that a policy names and that do not exist here stay as they are
written, and are matched by their ARN.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from app.crypto import envelope
from app.crypto.material import material_id, new_material
from app.kernel.call import Call, Pairs
from app.kernel.clock import DAY_MS
from app.kernel.draft import Draft
from app.kernel.internal import internal, place
from app.kernel.operation import Answer
from app.kernel.records import replace
from app.policy.document import DocumentKind, parse, principals_named
from app.services.kms.keys import DELETE_JOB
from app.services.kms.materials import is_complete, seal
from app.services.kms.placing_materials import give_material
from app.services.kms.principals import resolved
from app.services.kms.records import Alias, Constraint, Grant, Key
from app.services.kms.related import elsewhere
from app.services.kms.rotating import YEAR_DAYS, book_rotation
from app.services.kms.specs import SPECS

Told = Mapping[str, Any]
ORIGINS: Final = ("AWS_KMS", "EXTERNAL")
_MADE: Final = ("material_id", "materials", "grants", "policy_ids")
_GRANT_MADE: Final = ("grantee_id", "retiring_id")
INFERRED: Final = (
    "`reseal world import`: a key has new material under the ids of the old, imported and multi-Region keys too, so no "
    "ciphertext made in AWS opens, and no material imported there can be imported again.",
    "`reseal world import`: automatic rotation is off where no file tells it.",
    "`reseal world import`: keys of custom key stores, and of key specs that reseal does not simulate, are left out.",
)


@internal("PlaceKeys")
def place_keys(draft: Draft, call: Call) -> Answer:
    """`keys`: metadata, policy, grants and tags each, of any account and Region; primaries before their replicas."""
    placed, left_out = list[tuple[str, str, bool]](), list[str]()
    for told in sorted(call["keys"], key=lambda one: _is_replica(one["metadata"])):
        if reason := _left_out(told["metadata"], call.at_ms):
            left_out.append(f"{told['metadata']['Arn']}: {reason}")
            continue
        placed += _place(draft, told)
    return {"placed": placed, "left_out": left_out}


def _is_replica(metadata: Told) -> bool:
    return (metadata.get("MultiRegionConfiguration") or {}).get("MultiRegionKeyType") == "REPLICA"


def _left_out(metadata: Told, at_ms: int) -> str:
    spec, origin = metadata.get("KeySpec") or "SYMMETRIC_DEFAULT", metadata.get("Origin") or "AWS_KMS"
    if origin not in ORIGINS:
        return f"reseal does not simulate custom key stores (Origin {origin})"
    usage = metadata.get("KeyUsage") or "ENCRYPT_DECRYPT"
    if spec not in SPECS or SPECS[spec].make is None or usage not in SPECS[spec].algorithms:
        return f"reseal does not simulate keys of KeySpec {spec} for {usage}"
    return "the date of its deletion has passed" if 0 < (metadata.get("DeletionDate") or 0) <= at_ms else ""


def _place(draft: Draft, told: Told) -> Iterator[tuple[str, str, bool]]:
    key = _key(draft, told)
    is_new = place(draft, key, _MADE, lambda one: _with_policy_ids(draft, one))
    if is_new:
        with elsewhere(draft, key.region):
            give_material(draft, key, told)
            _book(draft, key)
    yield "key", key.arn, is_new
    for grant in told["grants"]:
        yield "grant", grant["GrantId"], _place_grant(draft, key, grant)


def _book(draft: Draft, key: Key) -> None:
    """What the calendar owes the key. A replica rotates with its primary."""
    if key.deletion_ms:
        due = key.deletion_ms
        draft.later(DELETE_JOB, due_ms=due, about=(key.arn,), account=key.account, key_id=key.id, due=due)
    if key.rotation_days and not key.is_replica:
        book_rotation(draft, key)


def _key(draft: Draft, told: Told) -> Key:
    metadata, rotation = told["metadata"], told["rotation"]
    turned = rotation.get("KeyRotationEnabled") and rotation.get("NextRotationDate")
    deletion_ms = metadata.get("DeletionDate") or 0
    window = metadata.get("PendingDeletionWindowInDays") or (30 if deletion_ms else 0)
    return Key(
        account=metadata["AWSAccountId"],
        region=metadata["Region"],
        id=metadata["KeyId"],
        created_ms=metadata.get("CreationDate") or 0,
        state=metadata["KeyState"],
        description=metadata.get("Description") or "",
        origin=metadata.get("Origin") or "AWS_KMS",
        spec=metadata.get("KeySpec") or "SYMMETRIC_DEFAULT",
        usage=metadata.get("KeyUsage") or "ENCRYPT_DECRYPT",
        manager=metadata.get("KeyManager") or "CUSTOMER",
        multi_region=bool(metadata.get("MultiRegion")),
        primary_region=_primary_region(draft, metadata),
        policy=told["policy"],
        tags=tuple(sorted((tag["TagKey"], tag["TagValue"]) for tag in told["tags"])),
        rotation_days=(rotation.get("RotationPeriodInDays") or YEAR_DAYS) if turned else 0,
        next_rotation_ms=rotation["NextRotationDate"] if turned else 0,
        rotations_on_demand=sum(1 for one in told["materials"] if one.get("RotationType") == "ON_DEMAND"),
        scheduled_ms=deletion_ms - window * DAY_MS if deletion_ms else 0,
        window_days=window,
        deletion_ms=deletion_ms,
    )


def _primary_region(draft: Draft, metadata: Told) -> str:
    """Where the primary is not here, the first replica that was placed stands for it."""
    if not metadata.get("MultiRegion"):
        return ""
    account, id = metadata["AWSAccountId"], metadata["KeyId"]
    told = ((metadata.get("MultiRegionConfiguration") or {}).get("PrimaryKey") or {}).get("Region")
    if told and draft.get(Key, account, told, id) is not None:
        return str(told)
    related = next(draft.scan_index(Key, "related", account, id), None)
    return related.primary_region if related else metadata["Region"]


def _with_policy_ids(draft: Draft, key: Key) -> Key:
    named = principals_named(parse(key.policy, DocumentKind.RESOURCE, lenient=True))
    return replace(key, policy_ids=tuple(_ids(draft, named)))


def _ids(draft: Draft, principals: Iterable[str]) -> Iterator[tuple[str, str]]:
    for principal in principals:
        if unique_id := resolved(draft, principal):
            yield principal, unique_id


def _place_grant(draft: Draft, key: Key, told: Told) -> bool:
    grant = _grant(draft, key, told)
    is_new = place(draft, grant, _GRANT_MADE)
    if is_new:
        now = draft.get(Key, *key.key)
        assert now is not None
        draft.change(now, grants=now.grants + 1)
    return is_new


def _grant(draft: Draft, key: Key, told: Told) -> Grant:
    kind, pairs = _constraint(told.get("Constraints") or {})
    grantee = told.get("GranteePrincipal") or told.get("GranteeServicePrincipal") or ""
    retiring = told.get("RetiringPrincipal") or told.get("RetiringServicePrincipal") or ""
    return Grant(
        account=key.account,
        region=key.region,
        id=told["GrantId"],
        key_id=key.id,
        created_ms=told.get("CreationDate") or 0,
        grantee=grantee,
        grantee_id=resolved(draft, grantee) or "",
        retiring=retiring,
        retiring_id=(resolved(draft, retiring) if retiring else "") or "",
        operations=tuple(told["Operations"]),
        constraint=kind,
        pairs=pairs,
        source_arn=(told.get("Constraints") or {}).get("SourceArn") or "",
        by_service=bool(told.get("GranteeServicePrincipal")),
        retired_by_service=bool(told.get("RetiringServicePrincipal")),
        name=told.get("Name") or "",
        issuer=_account(told.get("IssuingAccount") or key.account),
    )


def _constraint(told: Told) -> tuple[Constraint, Pairs]:
    kinds: tuple[Constraint, ...] = ("EncryptionContextEquals", "EncryptionContextSubset")
    for kind in kinds:
        if told.get(kind):
            return kind, tuple(sorted(told[kind].items()))
    return "", ()


def _account(issuer: str) -> str:
    """IssuingAccount is an account's root ARN, or its id."""
    return issuer.split(":")[4] if issuer.startswith("arn:") else issuer


@internal("PlaceAliases")
def place_aliases(draft: Draft, call: Call) -> Answer:
    """`aliases`: entries of ListAliases with their account and Region; those of keys that were left out are too."""
    placed, left_out = list[tuple[str, str, bool]](), list[str]()
    for told in call["aliases"]:
        at = (told["Account"], told["Region"])
        if draft.get(Key, *at, told["TargetKeyId"]) is None:
            left_out.append(f"{told['AliasName']} of {told['Account']} in {told['Region']}: its key is not there")
            continue
        created = told.get("CreationDate") or 0
        updated = told.get("LastUpdatedDate") or created
        alias = Alias(
            account=at[0], region=at[1], id=told["AliasName"], key_id=told["TargetKeyId"],
            created_ms=created, updated_ms=updated,
        )  # fmt: skip
        placed.append(("alias", alias.arn, place(draft, alias)))
    return {"placed": placed, "left_out": left_out}


@internal("WrapDataKey")
def wrap_data_key(draft: Draft, call: Call) -> Answer:
    """A fresh data key of `bytes` under the key of `arn` and `context`, whatever the key's state.

    Answers CiphertextBlob and Plaintext. Of a key that is not here, or that waits for its material, nobody can open it:
    as it is in AWS once such a key is gone.
    """
    plaintext = b"".join(draft.entropy.draw("data key") for _ in range(-(-call["bytes"] // 32)))[: call["bytes"]]
    key = _at(draft, call["arn"])
    if key is not None and is_complete(draft, key):
        return {"CiphertextBlob": seal(draft, key, plaintext, call["context"]), "Plaintext": plaintext}
    id = call["arn"].rpartition("/")[2]
    lost = new_material(draft.entropy.draw("material that nobody has"))
    entropy = draft.entropy.draw("kms seal")
    sealed = envelope.seal(lost, call["arn"], material_id(id, lost), plaintext, call["context"], entropy)
    return {"CiphertextBlob": sealed, "Plaintext": plaintext}


def _at(draft: Draft, arn: str) -> Key | None:
    return draft.get(Key, arn.split(":")[4], arn.split(":")[3], arn.rpartition("/")[2])


@internal("HeldGrant")
def held_grant(draft: Draft, call: Call) -> Answer:
    """The grant on the key of `arn` that `grantee` holds for `context`, by a constraint: {"GrantId"}, "" for none."""
    key = _at(draft, call["arn"])
    held = draft.scan_index(Grant, "held", key.account, key.region, key.id, call["grantee"]) if key else ()
    return {"GrantId": next((one.id for one in held if dict(one.pairs) == call["context"]), "")}
