"""The closed table of causes: why something was refused, in one place for explanations, scenarios and reports.

Every refusal of reseal names exactly one row. The engine in this room produces those that policies decide; services
produce the rest (key states, sharing, credentials, parameters). Codes: D1xx identity policy, D2xx the resource's own
policy, D3xx grant, D4xx condition, D5xx key state, D6xx boundary, SCP, RCP, session, endpoint, D7xx sharing and
visibility, D8xx credentials, D9xx parameters. A code is never given to another cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from app.policy.question import LayerKind, Rule


class Word(StrEnum):
    """What a scenario writes after `why:`."""

    NO_STATEMENT = "no-statement"
    EXPLICIT_DENY = "explicit-deny"
    CONDITION = "condition"
    BOUNDARY = "boundary"
    SCP = "scp"
    RCP = "rcp"
    SESSION = "session"
    ENDPOINT = "endpoint"
    GRANT = "grant"
    KEY_STATE = "key-state"
    SHARING = "sharing"
    VISIBILITY = "visibility"
    CREDENTIALS = "credentials"
    CROSS_ACCOUNT = "cross-account"
    PARAMETERS = "parameters"
    CIPHERTEXT = "ciphertext"
    LIMIT = "limit"
    NOT_SIMULATED = "not-simulated"


@dataclass(frozen=True, slots=True)
class _Row:
    code: str
    layer: LayerKind | None  # the kind of policy that refuses; None where no policy decides
    word: Word
    sentence: str


_IDENTITY, _RESOURCE, _GRANT = LayerKind.IDENTITY, LayerKind.RESOURCE, LayerKind.GRANT
_BOUNDARY, _SESSION, _ENDPOINT = LayerKind.BOUNDARY, LayerKind.SESSION, LayerKind.ENDPOINT
_SCP, _RCP = LayerKind.SCP, LayerKind.RCP


class Cause(Enum):
    """A row: its name is what reports show, its code what `reseal explain` takes."""

    IDENTITY_SILENT = _Row("D101", _IDENTITY, Word.NO_STATEMENT, "no identity policy of the caller allows the action")
    IDENTITY_DENIES = _Row("D102", _IDENTITY, Word.EXPLICIT_DENY, "an identity policy of the caller denies the action")

    KEY_POLICY_SILENT = _Row(
        "D201",
        _RESOURCE,
        Word.NO_STATEMENT,
        "the key policy allows the action neither to the caller nor to its account",
    )
    ACCOUNT_NOT_DELEGATED = _Row(
        "D202",
        _RESOURCE,
        Word.NO_STATEMENT,
        "an identity policy allows the action, but the key policy does not let identity policies of this account count",
    )
    KEY_POLICY_DENIES = _Row("D203", _RESOURCE, Word.EXPLICIT_DENY, "the key policy denies the action")
    RESOURCE_POLICY_SILENT = _Row(
        "D204",
        _RESOURCE,
        Word.NO_STATEMENT,
        "the resource's policy allows the action neither to the caller nor to its account",
    )
    RESOURCE_POLICY_DENIES = _Row("D205", _RESOURCE, Word.EXPLICIT_DENY, "the resource's policy denies the action")
    TRUST_SILENT = _Row(
        "D206", _RESOURCE, Word.NO_STATEMENT, "the role's trust policy does not let the caller assume it"
    )
    TRUST_DENIES = _Row("D207", _RESOURCE, Word.EXPLICIT_DENY, "the role's trust policy denies the caller")
    NEVER_ACROSS_ACCOUNTS = _Row(
        "D208", None, Word.CROSS_ACCOUNT, "no policy can allow this action on a resource of another account"
    )

    GRANT_CONSTRAINT = _Row(
        "D301",
        _GRANT,
        Word.GRANT,
        "a grant names the caller and the operation, but the encryption context breaks its constraint",
    )
    GRANT_LACKS_OPERATION = _Row("D302", _GRANT, Word.GRANT, "a grant names the caller, but not this operation")
    GRANT_NOT_FOUND = _Row("D303", _GRANT, Word.GRANT, "there is no such grant, or it was revoked or retired")
    GRANT_NOT_RETIRABLE = _Row("D304", _GRANT, Word.GRANT, "the grant does not let the caller retire it")
    GRANT_TOO_WIDE = _Row("D305", _GRANT, Word.GRANT, "a grant made under a grant may not give more than its parent")
    GRANT_TOKEN_INVALID = _Row("D306", _GRANT, Word.GRANT, "the grant token is no token of a grant of this key")

    IDENTITY_CONDITION = _Row(
        "D401",
        _IDENTITY,
        Word.CONDITION,
        "an identity policy would allow the action, but a condition of it does not hold",
    )
    KEY_POLICY_CONDITION = _Row(
        "D402", _RESOURCE, Word.CONDITION, "the key policy would allow the action, but a condition of it does not hold"
    )
    RESOURCE_POLICY_CONDITION = _Row(
        "D403",
        _RESOURCE,
        Word.CONDITION,
        "the resource's policy would allow the action, but a condition of it does not hold",
    )
    TRUST_CONDITION = _Row(
        "D404",
        _RESOURCE,
        Word.CONDITION,
        "the trust policy would let the caller in, but a condition of it does not hold",
    )
    BOUNDARY_CONDITION = _Row(
        "D405",
        _BOUNDARY,
        Word.CONDITION,
        "the permissions boundary would allow the action, but a condition does not hold",
    )
    SESSION_CONDITION = _Row(
        "D406",
        _SESSION,
        Word.CONDITION,
        "the session policy would allow the action, but a condition of it does not hold",
    )
    SCP_CONDITION = _Row(
        "D407",
        _SCP,
        Word.CONDITION,
        "a service control policy would allow the action, but a condition of it does not hold",
    )
    ENDPOINT_CONDITION = _Row(
        "D408",
        _ENDPOINT,
        Word.CONDITION,
        "the VPC endpoint's policy would allow the action, but a condition does not hold",
    )

    KEY_DISABLED = _Row("D501", None, Word.KEY_STATE, "the key is disabled")
    KEY_PENDING_DELETION = _Row("D502", None, Word.KEY_STATE, "the key is scheduled for deletion")
    KEY_PENDING_IMPORT = _Row(
        "D503", None, Word.KEY_STATE, "the key has no key material: none was imported, or it expired"
    )
    KEY_UNAVAILABLE = _Row("D504", None, Word.KEY_STATE, "the key's store can not be reached")
    KEY_NOT_FOUND = _Row("D505", None, Word.VISIBILITY, "there is no such key in this account and Region")
    KEY_WRONG_KIND = _Row("D506", None, Word.KEY_STATE, "a key of this kind can not do the operation")
    KEY_STATE_INVALID = _Row("D507", None, Word.KEY_STATE, "the key's state does not permit the operation")
    CIPHERTEXT_INVALID = _Row(
        "D508", None, Word.CIPHERTEXT, "the ciphertext is damaged, or the key or the encryption context is another"
    )
    ALIAS_NOT_FOUND = _Row("D509", None, Word.VISIBILITY, "there is no such alias in this account and Region")

    BOUNDARY_SILENT = _Row("D601", _BOUNDARY, Word.BOUNDARY, "the permissions boundary does not allow the action")
    BOUNDARY_DENIES = _Row("D602", _BOUNDARY, Word.BOUNDARY, "the permissions boundary denies the action")
    SESSION_SILENT = _Row("D603", _SESSION, Word.SESSION, "no session policy allows the action")
    SESSION_DENIES = _Row("D604", _SESSION, Word.SESSION, "a session policy denies the action")
    SCP_SILENT = _Row(
        "D605", _SCP, Word.SCP, "at one level of the organization no service control policy allows the action"
    )
    SCP_DENIES = _Row("D606", _SCP, Word.SCP, "a service control policy denies the action")
    RCP_DENIES = _Row("D607", _RCP, Word.RCP, "a resource control policy of the owner's organization denies the action")
    ENDPOINT_SILENT = _Row("D608", _ENDPOINT, Word.ENDPOINT, "the VPC endpoint's policy does not allow the action")
    ENDPOINT_DENIES = _Row("D609", _ENDPOINT, Word.ENDPOINT, "the VPC endpoint's policy denies the action")

    SNAPSHOT_NOT_SHARED = _Row("D701", None, Word.SHARING, "the snapshot is not shared with this account")
    SNAPSHOT_NOT_FOUND = _Row("D702", None, Word.VISIBILITY, "there is no such snapshot in this Region")
    SNAPSHOT_NOT_COMPLETE = _Row("D703", None, Word.SHARING, "the snapshot is not complete")
    DEFAULT_KEY_CANNOT_BE_SHARED = _Row(
        "D704", None, Word.SHARING, "the snapshot is encrypted under an AWS managed key, which no other account can use"
    )
    ENCRYPTED_CANNOT_BE_PUBLIC = _Row("D705", None, Word.SHARING, "an encrypted snapshot can not be made public")
    SNAPSHOT_NOT_OWNED = _Row("D706", None, Word.SHARING, "only the owner of a snapshot may do this with it")
    SNAPSHOT_IN_USE = _Row("D707", None, Word.SHARING, "the snapshot is in use")
    VOLUME_NOT_FOUND = _Row("D708", None, Word.VISIBILITY, "there is no such volume in this account and Region")
    PRINCIPAL_NOT_FOUND = _Row("D709", None, Word.VISIBILITY, "there is no such user, role or policy in this account")
    SNAPSHOT_LOCKED = _Row("D710", None, Word.SHARING, "the snapshot is locked")
    SNAPSHOT_ARCHIVED = _Row("D711", None, Word.SHARING, "the snapshot is archived and has to be restored first")
    PUBLIC_SHARING_BLOCKED = _Row("D712", None, Word.SHARING, "the account blocks public sharing of its snapshots")
    IMAGE_NOT_SHARED = _Row("D713", None, Word.SHARING, "the image is not shared with this account")
    IMAGE_NOT_OWNED = _Row("D714", None, Word.SHARING, "only the owner of an image may do this with it")
    IMAGE_NOT_FOUND = _Row(
        "D715", None, Word.VISIBILITY, "there is no such image in this Region, or it was deregistered"
    )
    INSTANCE_NOT_FOUND = _Row("D716", None, Word.VISIBILITY, "there is no such instance in this account and Region")
    VOLUME_IN_USE = _Row("D717", None, Word.SHARING, "the volume is attached to an instance")

    CREDENTIALS_UNKNOWN = _Row("D801", None, Word.CREDENTIALS, "the access key is not known")
    SIGNATURE_WRONG = _Row("D802", None, Word.CREDENTIALS, "the signature does not fit the request")
    SESSION_EXPIRED = _Row("D803", None, Word.CREDENTIALS, "the session's credentials have expired")
    CREDENTIALS_MISSING = _Row("D804", None, Word.CREDENTIALS, "the request carries no credentials")
    CREDENTIALS_INACTIVE = _Row("D805", None, Word.CREDENTIALS, "the access key is inactive")

    PARAMETERS = _Row("D901", None, Word.PARAMETERS, "a parameter is missing, malformed, or contradicts another")
    POLICY_MALFORMED = _Row("D902", None, Word.PARAMETERS, "the policy document is malformed")
    POLICY_LOCKS_OUT = _Row(
        "D903", None, Word.PARAMETERS, "the new key policy would not let the caller change it again"
    )
    LIMIT_EXCEEDED = _Row("D904", None, Word.LIMIT, "a quota of the account or the resource is exhausted")
    NOT_SIMULATED = _Row("D905", None, Word.NOT_SIMULATED, "reseal does not simulate this")

    @property
    def code(self) -> str:
        return self.value.code

    @property
    def layer(self) -> LayerKind | None:
        return self.value.layer

    @property
    def word(self) -> Word:
        return self.value.word

    @property
    def sentence(self) -> str:
        return self.value.sentence


BY_CODE: Final = {cause.code: cause for cause in Cause}
assert len(BY_CODE) == len(Cause), "a code belongs to one cause"


@dataclass(frozen=True, slots=True)
class Refusals:
    """The three ways in which one layer refuses."""

    denies: Cause
    silent: Cause
    condition: Cause  # silent, but a statement would allow were it not for its condition


_KEY: Final = Refusals(Cause.KEY_POLICY_DENIES, Cause.KEY_POLICY_SILENT, Cause.KEY_POLICY_CONDITION)
_PLAIN: Final = Refusals(Cause.RESOURCE_POLICY_DENIES, Cause.RESOURCE_POLICY_SILENT, Cause.RESOURCE_POLICY_CONDITION)

OWNER_REFUSALS: Final = {
    Rule.KMS_KEY: _KEY,
    Rule.RETIRE: Refusals(Cause.KEY_POLICY_DENIES, Cause.GRANT_NOT_RETIRABLE, Cause.GRANT_NOT_RETIRABLE),
    Rule.TRUST: Refusals(Cause.TRUST_DENIES, Cause.TRUST_SILENT, Cause.TRUST_CONDITION),
    Rule.PLAIN: _PLAIN,
    Rule.NONE: Refusals(Cause.RESOURCE_POLICY_DENIES, Cause.NEVER_ACROSS_ACCOUNTS, Cause.NEVER_ACROSS_ACCOUNTS),
}

REFUSALS: Final = {
    LayerKind.SCP: Refusals(Cause.SCP_DENIES, Cause.SCP_SILENT, Cause.SCP_CONDITION),
    LayerKind.RCP: Refusals(Cause.RCP_DENIES, Cause.RCP_DENIES, Cause.RCP_DENIES),  # an RCP only denies
    LayerKind.ENDPOINT: Refusals(Cause.ENDPOINT_DENIES, Cause.ENDPOINT_SILENT, Cause.ENDPOINT_CONDITION),
    LayerKind.BOUNDARY: Refusals(Cause.BOUNDARY_DENIES, Cause.BOUNDARY_SILENT, Cause.BOUNDARY_CONDITION),
    LayerKind.SESSION: Refusals(Cause.SESSION_DENIES, Cause.SESSION_SILENT, Cause.SESSION_CONDITION),
    LayerKind.IDENTITY: Refusals(Cause.IDENTITY_DENIES, Cause.IDENTITY_SILENT, Cause.IDENTITY_CONDITION),
}


def refusals(layer: LayerKind, rule: Rule) -> Refusals:
    """How this layer refuses; the owner's policy goes by the name that its rule gives it."""
    return OWNER_REFUSALS[rule] if layer is LayerKind.RESOURCE else REFUSALS[layer]
