"""The policy engine as a specification: golden cases (cases/*.yaml), laws (test_laws.py), and a trace that is recounted."""
