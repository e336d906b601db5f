"""What a scenario calls things, and what they are in the cloud that it runs in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflows.expressions import fill, search


@dataclass(frozen=True, slots=True)
class Names:
    """Names of a run, at some point of it."""

    scope: Mapping[str, Any]  # for references
    accounts: Mapping[str, str]  # alias -> id
    callers: Mapping[str, tuple[str, ...]]  # principal -> ARNs it shows up under; one that ends in "/" is a prefix
    things: Mapping[str, str]  # step -> id of the main thing it made

    def node(self, name: str) -> str:
        """The id of the node that a name means: a step, a principal, a member of a step's result, or itself."""
        filled = str(fill(name, self.scope))
        if filled in self.things:
            return self.things[filled]
        account, slash, principal = filled.partition("/")
        if slash and principal == "root" and account in self.accounts:
            return self.accounts[account]
        if self.callers.get(filled):
            return self.callers[filled][0]
        head, dot, rest = filled.partition(".")
        if dot and head in self.scope:
            return str(search(rest, self.scope[head]) or filled)
        return filled

    def is_caller(self, principal: str, arn: str) -> bool:
        account, _, name = principal.partition("/")
        known = self.callers.get(principal, ())
        if name == "root":
            known = (f"arn:aws:iam::{self.accounts.get(account, '')}:root",)
        return any(arn == each or (each.endswith("/") and arn.startswith(each)) for each in known)
