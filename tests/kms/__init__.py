"""KMS as a specification: what it answers, in which words, and why. References: kms.md by section."""
