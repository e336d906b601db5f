"""What KMS keeps: keys, their materials, aliases, grants, and the wrapping keys of imports.

A key is its ARN; the material is what encrypts. Rotation adds a material and leaves key, ARN, policy and grants alone,
so a ciphertext names both. A grant stands in an index once for each operation it gives and one pair of its constraint
(every ciphertext under it has to show that pair), so that a decision among 50,000 grants looks at those that can allow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Final, Literal

from app.crypto.material import Secret
from app.kernel.call import Pairs
from app.kernel.records import Index, Record
from app.policy.principals import entry_name
from app.services.kms.states import State

Origin = Literal["AWS_KMS", "EXTERNAL"]
MaterialState = Literal["CURRENT", "NON_CURRENT", "PENDING_ROTATION"]
RotationType = Literal["", "AUTOMATIC", "ON_DEMAND"]
GRANT_ID: Final = re.compile(r"[0-9a-f]{64}")
Constraint = Literal["", "EncryptionContextEquals", "EncryptionContextSubset"]


def key_arn(region: str, account: str, key_id: str) -> str:
    return f"arn:aws:kms:{region}:{account}:key/{key_id}"


def alias_arn(region: str, account: str, name: str) -> str:
    return f"arn:aws:kms:{region}:{account}:{name}"


class Key(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A key of any kind (`specs.py`); its id is a UUID, or `mrk-` and 32 hex digits."""

    kind = "kms.key"
    indexes: ClassVar = (Index("related", lambda it: ((it.account, it.id, it.region),) if it.primary_region else ()),)

    created_ms: int
    state: State = "Enabled"
    description: str = ""
    origin: Origin = "AWS_KMS"
    spec: str = "SYMMETRIC_DEFAULT"
    usage: str = "ENCRYPT_DECRYPT"
    manager: Literal["AWS", "CUSTOMER"] = "CUSTOMER"
    multi_region: bool = False
    primary_region: str = ""  # of a multi-Region key: where its primary is
    policy: str
    policy_ids: Pairs = ()  # principal ARN in the policy -> the unique id it stood for when the policy was saved
    tags: Pairs = ()
    material_id: str = ""  # of the current material; "" before the first import
    materials: int = 0  # made or imported so far
    rotation_days: int = 0  # 0: no automatic rotation
    next_rotation_ms: int = 0
    rotations_on_demand: int = 0
    rotating_since_ms: int = 0  # an on-demand rotation under way; 0: none
    scheduled_ms: int = 0  # since when it is pending deletion; 0: it is not
    window_days: int = 0  # of a key pending deletion, or pending that of its replicas
    deletion_ms: int = 0  # of a key pending deletion; 0 while it waits for its replicas
    grants: int = 0

    @property
    def arn(self) -> str:
        return key_arn(self.region, self.account, self.id)

    @property
    def is_replica(self) -> bool:
        return self.primary_region not in ("", self.region)

    @property
    def is_pending_deletion(self) -> bool:
        return self.state in ("PendingDeletion", "PendingReplicaDeletion")


class Material(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What a key encrypts, signs or authenticates with: bytes, or a private key in PKCS #8.

    Its id ends in its number, in the order in which the key got its materials. Only symmetric keys get a second one.
    """

    kind = "kms.material"
    indexes: ClassVar = (
        Index("key", lambda it: ((it.account, it.region, it.key_id, it.id),)),
        Index("material", lambda it: ((it.account, it.region, it.key_id, it.material_id),)),
    )

    key_id: str
    material_id: str  # KeyMaterialId, 64 hex digits
    secret: Secret | None  # None: imported, then deleted or expired
    state: MaterialState = "CURRENT"
    rotated_ms: int = 0  # when it became current by a rotation; 0: the first one, or not yet
    rotation_type: RotationType = ""
    description: str = ""  # imported material only, as is the rest
    expires_ms: int = 0  # 0: never


class Alias(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A name for a key; its id is the name, `alias/` included."""

    kind = "kms.alias"
    indexes: ClassVar = (Index("key", lambda it: ((it.account, it.region, it.key_id, it.id),)),)

    key_id: str
    created_ms: int
    updated_ms: int

    @property
    def arn(self) -> str:
        return alias_arn(self.region, self.account, self.id)


def fold_pair(name: str, value: str) -> str:
    """A pair of an encryption context as constraints compare it: names without regard to case (kms.md 5.2)."""
    return f"{name.lower()}={value}"


class Grant(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A grant on a key of its account and Region; its id is 64 hex digits."""

    kind = "kms.grant"
    indexes: ClassVar = (
        Index("key", lambda it: ((it.account, it.region, it.key_id, *it.order),)),
        Index("held", lambda it: ((it.account, it.region, it.key_id, it.grantee, *it.order),)),
        Index("name", lambda it: ((it.account, it.region, it.key_id, it.name, it.id),) if it.name else ()),
        Index("grantee", lambda it: it.grantee_keys()),
        Index("retiring", lambda it: ((it.region, it.retiring, *it.order),) if it.retiring else ()),
    )

    key_id: str
    created_ms: int
    grantee: str  # ARN, or a service's name
    grantee_id: str = ""  # unique id of the user or role that the ARN stood for
    retiring: str = ""
    retiring_id: str = ""
    operations: tuple[str, ...]
    constraint: Constraint = ""
    pairs: Pairs = ()
    source_arn: str = ""  # constraint on calls by services: on whose behalf they are made
    by_service: bool = False  # the grantee was named as a GranteeServicePrincipal
    retired_by_service: bool = False  # likewise the retiring one
    name: str = ""
    issuer: str  # account that made it
    visible_ms: int = 0  # from when on it counts without its token
    is_over: bool = False  # retired or revoked, where that has not reached everywhere yet

    @property
    def order(self) -> tuple[str, str]:
        return f"{self.created_ms:015d}", self.id

    @property
    def key_arn(self) -> str:
        return key_arn(self.region, self.account, self.key_id)

    def grantee_keys(self) -> Iterator[tuple[str, ...]]:
        entry = entry_name(self.grantee, {self.grantee: self.grantee_id} if self.grantee_id else None)
        pair = min((fold_pair(*pair) for pair in self.pairs), default="")
        for operation in self.operations:
            yield (self.account, self.region, self.key_id, entry, operation, pair, self.id)


class Wrapping(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A wrapping key handed out for an import; its id is in the import token."""

    kind = "kms.wrapping"
    indexes: ClassVar = (Index("key", lambda it: ((it.account, it.region, it.key_id, it.id),)),)

    key_id: str
    algorithm: str
    private: Secret  # PKCS #8 DER
    valid_to_ms: int
