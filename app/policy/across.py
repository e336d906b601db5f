"""What a key policy or grant can give to another account.

"If you give a user in a different account permission for other operations, those permissions have no effect." [V: KX,
policy-evaluation.md 4.6; one by one in kms.md 1; for the two that neither names inferred.py,
ENCAPSULATION_ACROSS_ACCOUNTS]. A Deny has its effect all the same, and a service, which has no account, is in no other.
"""

from __future__ import annotations

from typing import Final

_NAMES: Final = (
    *("Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "Encapsulate", "Decapsulate", "DeriveSharedSecret"),
    *("GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair"),
    *("GenerateDataKeyPairWithoutPlaintext", "Sign", "Verify", "GenerateMac", "VerifyMac"),
    *("DescribeKey", "GetPublicKey", "GetKeyRotationStatus"),
    *("CreateGrant", "ListGrants", "RetireGrant", "RevokeGrant"),
)
KMS_ACROSS_ACCOUNTS: Final = frozenset(f"kms:{name.lower()}" for name in _NAMES)  # as Asked has actions
