"""The one room that imports `cryptography`: secrets, KMS ciphertexts, sealed blocks, values sealed at rest.

Nothing here draws randomness or reads a clock: whoever seals passes `entropy` in, and equal arguments give equal bytes.
The layouts are fixed by docs/formats.md, whose golden bytes the tests reproduce.

    material   secrets and what derives from them        cipher     AES-256-GCM for blocks and for values at rest
    envelope   what KMS answers as a CiphertextBlob
"""
