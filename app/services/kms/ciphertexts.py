"""Encrypt, Decrypt and ReEncrypt (kms.md 3).

Decrypt asks about the key that the ciphertext names; a KeyId only narrows it down, but an RSA key has to be named.
Whatever is wrong with a ciphertext or its context is one error without a text. What a call reveals it reveals in its
answer only: records, log and events never see a plaintext.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from app.crypto import envelope
from app.kernel.authority import AUTHORIZE, Resource
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.errors import AwsError
from app.kernel.operation import operation
from app.policy.causes import Cause
from app.services.kms.checks import DRY_RUN, GRANT_TOKENS, KEY_STATE, algorithm_sent, allowed_on_key
from app.services.kms.encrypting import ENCRYPTS, decrypted, encrypted, require_room
from app.services.kms.errors import (
    CONTEXT_UNFIT,
    DRY_RUN_OK,
    HIDDEN,
    INCORRECT_KEY,
    INVALID_CIPHERTEXT,
    INVALID_GRANT_TOKEN,
    KEY_NOT_FOUND,
    PLAINTEXT_TOO_LONG,
    VALIDATION,
    WRONG_ALGORITHM,
    WRONG_USAGE,
    null,
)
from app.services.kms.keyref import KEY, KeyArn, find_key, hide, key_of, note_key, parse_key_arn, resource_of
from app.services.kms.records import Key
from app.services.kms.specs import SYMMETRIC, is_symmetric, material_id_of
from app.services.kms.states import CREATING, DISABLED, IMPORT, PENDING, UNAVAILABLE

IGNORE: Final = "IGNORE_CIPHERTEXT"
_BARE_ID: Final = re.compile(r"[0-9a-f-]{36}|mrk-[0-9a-f]{32}")
ERRORS: Final[tuple[AwsError, ...]] = (
    KEY_NOT_FOUND, HIDDEN, DISABLED, PENDING, IMPORT, UNAVAILABLE, CREATING, INVALID_GRANT_TOKEN, DRY_RUN_OK,
)  # fmt: skip
FIT_ERRORS: Final = (WRONG_USAGE, WRONG_ALGORITHM, CONTEXT_UNFIT)
BY_ARN: Final = "yes, by key ARN or alias ARN"

Context = Mapping[str, str]


def context_sent(call: Call, parameter: str = "EncryptionContext") -> Context:
    return call[parameter] or {}


# --- ciphertexts ------------------------------------------------------------------------------------------------------


class CIPHERTEXT:
    """A check: finds the key of a ciphertext, or the one that the request names for it."""

    def __init__(self, parameter: str, action: str) -> None:
        self.parameter, self.action = parameter, action

    def __call__(self, draft: Draft, call: Call) -> None:
        head = None if _ignores_ciphertext(call, self.parameter) else _header(call)
        named = call[self.parameter]
        if named is not None:
            key = self._by_name(draft, call, named, head)
        elif head is not None:
            key = self._by_header(draft, call, head)
        else:
            INVALID_CIPHERTEXT.refuse()
        draft.frame.memo["header"] = head
        note_key(draft, call, self.parameter, key)

    def _by_header(self, draft: Draft, call: Call, head: KeyArn) -> Key:
        key = _key_at(draft, head) if head.region == call.region else None
        if key is None:
            hide(call, self.action, Cause.KEY_NOT_FOUND, "on the resource associated with this ciphertext")
        return key

    def _by_name(self, draft: Draft, call: Call, named: str, head: KeyArn | None) -> Key:
        """A bare id may be that of another account's key, if the ciphertext names that one."""
        own = draft.get(Key, call.account, call.region, named)
        if own is None and _BARE_ID.fullmatch(named) and head and head.key_id == named and head.region == call.region:
            named = _arn(head)
        return find_key(draft, call, named, aliases=True, action=self.action)


def _header(call: Call) -> KeyArn | None:
    """The symmetric key that the ciphertext says it is under, not yet proven. None: it says nothing.

    A multi-Region key is looked for in the Region of the call: all related keys open what one of them sealed.
    """
    try:
        named = parse_key_arn(envelope.header(bytes(call["CiphertextBlob"])).key_arn)
    except envelope.CiphertextError:
        return None
    return replace(named, region=call.region) if named and named.key_id.startswith("mrk-") else named


def _key_at(draft: Draft, at: KeyArn) -> Key | None:
    return draft.get(Key, at.account, at.region, at.key_id)


def _arn(at: KeyArn) -> str:
    return f"arn:aws:kms:{at.region}:{at.account}:key/{at.key_id}"


def _ignores_ciphertext(call: Call, parameter: str) -> bool:
    """IGNORE_CIPHERTEXT: a dry run that looks at authorization only, and has to name the key."""
    if IGNORE not in (call["DryRunModifiers"] or ()):
        if call["CiphertextBlob"] is None:
            VALIDATION.refuse(text=null("ciphertextBlob"))
        return False
    if not call["DryRun"] or call[parameter] is None:
        VALIDATION.refuse(text=f"DryRunModifiers {IGNORE} needs DryRun and {parameter}.")
    return True


class OPEN:
    """A check: the ciphertext is the key's, and opens under its context. Leaves the plaintext for the handler."""

    def __init__(self, parameter: str, algorithm: str, context: str) -> None:
        self.parameter, self.algorithm, self.context = parameter, algorithm, context
        self.fits = ENCRYPTS(parameter, algorithm, context)

    def __call__(self, draft: Draft, call: Call) -> None:
        key, head, algorithm = self._found(draft, call)
        if head is not None and algorithm == SYMMETRIC and key.arn != _arn(head):
            INCORRECT_KEY.refuse()  # whatever kind of key was named [V]
        self.fits(draft, call)
        if not _ignores_ciphertext(call, self.parameter):
            blob, context = bytes(call["CiphertextBlob"]), context_sent(call, self.context)
            draft.frame.memo["plaintext"] = decrypted(draft, key, algorithm, blob, context)

    def _found(self, draft: Draft, call: Call) -> tuple[Key, KeyArn | None, str]:
        return key_of(draft, self.parameter), draft.frame.memo["header"], algorithm_sent(call, self.algorithm)


def _material_of(key: Key, call: Call) -> str:
    """The material of a symmetric key that the ciphertext is under."""
    return envelope.header(bytes(call["CiphertextBlob"])).material_id if is_symmetric(key) else ""


def _note(draft: Draft, **members: str) -> None:
    """Material ids for CloudTrail, where there are any."""
    draft.frame.additional |= {name: value for name, value in members.items() if value}


class ROOM:
    """A check: the plaintext, that of the request or the one that was opened, fits under the key."""

    def __init__(self, key: str = "KeyId", algorithm: str = "EncryptionAlgorithm") -> None:
        self.key, self.algorithm = key, algorithm

    def __call__(self, draft: Draft, call: Call) -> None:
        plaintext = draft.frame.memo.get("plaintext", b"") if call.name == "ReEncrypt" else bytes(call["Plaintext"])
        require_room(key_of(draft, self.key), algorithm_sent(call, self.algorithm), plaintext)


# --- the operations ---------------------------------------------------------------------------------------------------


@operation(
    "kms", "Encrypt",
    honours=("KeyId", "Plaintext", "EncryptionContext", "GrantTokens", "EncryptionAlgorithm", "DryRun"),
    checks=(
        GRANT_TOKENS, KEY(aliases=True, across=True), allowed_on_key("kms:Encrypt"), KEY_STATE(),
        ENCRYPTS(), ROOM(), DRY_RUN,
    ),
    answers=(*ERRORS, *FIT_ERRORS, PLAINTEXT_TOO_LONG),
    across_accounts=BY_ARN,
    reads=True,
)  # fmt: skip
def encrypt(draft: Draft, call: Call) -> dict[str, Any]:
    """Encrypts 1 to 4,096 bytes, or what fits under an RSA key; the context is bound, not kept."""
    key, algorithm = key_of(draft), algorithm_sent(call, "EncryptionAlgorithm")
    blob = encrypted(draft, key, algorithm, bytes(call["Plaintext"]), context_sent(call))
    _note(draft, keyMaterialId=material_id_of(key))
    return {"CiphertextBlob": blob, "KeyId": key.arn, "EncryptionAlgorithm": algorithm}


def _source(draft: Draft, call: Call) -> Resource:
    return resource_of(key_of(draft, "SourceKeyId"))


def _destination(draft: Draft, call: Call) -> Resource:
    return resource_of(key_of(draft, "DestinationKeyId"))


@operation(
    "kms", "Decrypt",
    honours=(
        "CiphertextBlob", "EncryptionContext", "GrantTokens", "KeyId", "EncryptionAlgorithm", "DryRun",
        "DryRunModifiers",
    ),
    checks=(
        GRANT_TOKENS, CIPHERTEXT("KeyId", "kms:Decrypt"), allowed_on_key("kms:Decrypt"), KEY_STATE(),
        OPEN("KeyId", "EncryptionAlgorithm", "EncryptionContext"), DRY_RUN,
    ),
    answers=(*ERRORS, INVALID_CIPHERTEXT, INCORRECT_KEY, *FIT_ERRORS),
    across_accounts="yes; without a KeyId by the ciphertext of a symmetric key",
    reads=True,
)  # fmt: skip
def decrypt(draft: Draft, call: Call) -> dict[str, Any]:
    """Decrypts under the material that the ciphertext names, however often the key was rotated since."""
    key = key_of(draft)
    material_id = _material_of(key, call)
    _note(draft, keyMaterialId=material_id)
    return {
        "KeyId": key.arn,
        "Plaintext": draft.frame.memo["plaintext"],
        "EncryptionAlgorithm": algorithm_sent(call, "EncryptionAlgorithm"),
        **({"KeyMaterialId": material_id} if material_id else {}),
    }


_FROM: Final = "SourceEncryptionAlgorithm"
_TO: Final = "DestinationEncryptionAlgorithm"


@operation(
    "kms", "ReEncrypt",
    honours=(
        "CiphertextBlob", "SourceEncryptionContext", "SourceKeyId", "DestinationKeyId", "DestinationEncryptionContext",
        "SourceEncryptionAlgorithm", "DestinationEncryptionAlgorithm", "GrantTokens", "DryRun", "DryRunModifiers",
    ),
    checks=(
        GRANT_TOKENS,
        CIPHERTEXT("SourceKeyId", "kms:ReEncryptFrom"),
        KEY("DestinationKeyId", aliases=True, across=True, action="kms:ReEncryptTo"),
        AUTHORIZE(("kms:ReEncryptFrom", _source), ("kms:ReEncryptTo", _destination)),
        KEY_STATE("SourceKeyId", "DestinationKeyId"),
        ENCRYPTS("DestinationKeyId", _TO, "DestinationEncryptionContext"),
        OPEN("SourceKeyId", _FROM, "SourceEncryptionContext"),
        ROOM("DestinationKeyId", _TO),
        DRY_RUN,
    ),
    answers=(*ERRORS, INVALID_CIPHERTEXT, INCORRECT_KEY, *FIT_ERRORS, PLAINTEXT_TOO_LONG),
    across_accounts="yes, each key by its own policy",
    reads=True,
)  # fmt: skip
def re_encrypt(draft: Draft, call: Call) -> dict[str, Any]:
    """Opens a ciphertext and seals its plaintext under another key, context, or both; the plaintext stays inside."""
    source, destination = key_of(draft, "SourceKeyId"), key_of(draft, "DestinationKeyId")
    algorithm, context = algorithm_sent(call, _TO), context_sent(call, "DestinationEncryptionContext")
    blob = encrypted(draft, destination, algorithm, draft.frame.memo["plaintext"], context)
    source_id, destination_id = _material_of(source, call), material_id_of(destination)
    _note(draft, sourceKeyMaterialId=source_id, destinationKeyMaterialId=destination_id)
    return {
        "CiphertextBlob": blob,
        "SourceKeyId": source.arn,
        "KeyId": destination.arn,
        "SourceEncryptionAlgorithm": algorithm_sent(call, _FROM),
        "DestinationEncryptionAlgorithm": algorithm,
        **({"SourceKeyMaterialId": source_id} if source_id else {}),
        **({"DestinationKeyMaterialId": destination_id} if destination_id else {}),
    }
