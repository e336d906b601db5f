"""The policy engine as a specification: golden cases (cases/*.yaml), laws, and a trace that is recounted."""
