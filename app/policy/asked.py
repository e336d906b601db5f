"""A question, prepared to be compared with many statements: the names of the caller, and context keys in lower case."""

from __future__ import annotations

from app.policy.principals import names_of
from app.policy.question import ContextValue, Question


class Asked:
    """One question under evaluation. Derived values only; nothing here outlives the decision."""

    __slots__ = ("_context", "action", "has_boundary", "names", "question", "resource")

    def __init__(self, question: Question) -> None:
        self.question = question
        self.action = question.action.lower()
        self.resource = question.resource
        self.names = names_of(question.principal)
        self.has_boundary = question.layers.boundary is not None
        self._context: dict[str, ContextValue] | None = None

    def value(self, key: str) -> ContextValue | None:
        """The value of a condition key, given in lower case; None where the request does not carry it.

        All of a key ignores case, what follows `kms:EncryptionContext:` and `aws:PrincipalTag/` too. An empty tuple
        is absent (inferred.py, EMPTY_MANY_VALUED_KEY).
        """
        if self._context is None:
            self._context = {key.lower(): value for key, value in self.question.context.items()}
        value = self._context.get(key)
        return None if value == () else value
