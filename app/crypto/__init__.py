"""The one room that imports `cryptography`: secrets, KMS ciphertexts, sealed blocks, values sealed at rest.

Nothing here reads a clock, and nothing draws randomness that can do without: whoever seals passes `entropy` in, and
equal arguments give equal bytes. RSA pairs, OAEP, PSS, ML-DSA and ML-KEM can not; they draw from the system, and are
listed as not deterministic. The layouts are fixed by docs/formats.md, whose golden bytes the tests reproduce.

    material   secrets and what derives from them        asymmetric   key pairs, as KMS makes and shows them
    cipher     AES-256-GCM for blocks, values at rest    signatures   RSA, ECDSA, Ed25519, ML-DSA
    envelope   what KMS answers as a CiphertextBlob      exchange     ECDH, ML-KEM
    macs       HMAC                                      oaep         encryption under RSA keys
                                                         wrapping     imported material, unwrapped
"""
