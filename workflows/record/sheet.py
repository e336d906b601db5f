"""The sheet that a recorded scenario is written on: its names, policies, references, and what is left out."""

# pyright: basic

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from workflows.port import Json
from workflows.record.references import References
from workflows.scenario_text import COMMENT

Step = dict[str, Any]
_RESERVED: Final = ("accounts", "region", "matrix")
_PERSON: Final = re.compile(r"arn:aws[\w-]*:iam::\d{12}:(?:user|role)/.+")
_UNIQUE_ID: Final = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{12,}")
_DAY_S: Final = 86_400


class Sheet:
    """`aliases`: account id -> alias. `living`: ARNs of the users and roles that there are when policies are put."""

    def __init__(self, aliases: Mapping[str, str], living: set[str], now_ms: int) -> None:
        self.aliases, self.references = aliases, References()
        self.policies: dict[str, str] = {}  # file -> text
        self.missing: dict[str, int] = {}  # what is left out -> how many times
        self._living, self._now_ms = living, now_ms
        self._ids: dict[str, int] = {}

    # names

    def id(self, stem: str) -> str:
        """A step's id that no other has."""
        stem = re.sub(r"[^a-z0-9_-]+", "-", stem.lower()).strip("-")[:40].strip("-")
        stem = stem if stem[:1].isalpha() and stem not in _RESERVED else f"step-{stem}".strip("-")
        while True:
            self._ids[stem] = self._ids.get(stem, 0) + 1
            number = self._ids[stem]
            id = stem if number == 1 else f"{stem}-{number}"
            if number == 1 or id not in self._ids:
                self._ids.setdefault(id, 1)
                return id

    def named(self, kind: str, account: str, label: str = "") -> str:
        """What a person would call a thing: as its owner labels it, else by its account where there are several."""
        if label:
            return label if kind in label.lower() else f"{label}-{kind}"
        return f"{self.aliases[account]}-{kind}" if len(self.aliases) > 1 else kind

    def root(self, account: str) -> str:
        return f"{self.aliases[account]}/root"

    def account(self, id: str) -> str:
        """A reference to an account that takes part; another's id as it is."""
        return f"${{{{ accounts.{self.aliases[id]} }}}}" if id in self.aliases else id

    # who there is

    def lives(self, principal: str) -> bool:
        """Can a policy or grant name it? Not a user or role that is gone."""
        return not _UNIQUE_ID.fullmatch(principal) and (not _PERSON.fullmatch(principal) or principal in self._living)

    def living(self, policy: Json) -> Json:
        """The policy without principals that are gone: no policy can be put that names one."""
        statements = policy.get("Statement") or []
        found = [self._statement(one) for one in (statements if isinstance(statements, list) else [statements])]
        return {**policy, "Statement": [one for one in found if one is not None]}

    def _statement(self, statement: Json) -> Json | None:
        principal = statement.get("Principal")
        if not isinstance(principal, dict) or "AWS" not in principal:
            return statement
        named = principal["AWS"]
        every = named if isinstance(named, list) else [named]
        left = [one for one in every if self.lives(one)]
        if len(left) == len(every):
            return statement
        self.miss(f"in a policy, {', '.join(one for one in every if one not in left)}, who is gone")
        return {**statement, "Principal": {**principal, "AWS": left}} if left else None

    def days_until(self, moment: str, least: int) -> int:
        if not moment:
            return least
        left_s = datetime.fromisoformat(moment).timestamp() - self._now_ms / 1000
        return max(least, min(30, round(left_s / _DAY_S)))

    # what is written

    def keep(self, name: str, value: Json) -> str:
        """A policy as a file beside the scenario; answers what a parameter says for it."""
        text = json.dumps(self.references.put(value), indent=2) + "\n"
        same = next((known for known, content in self.policies.items() if content == text and "/" not in name), "")
        file, number = same or f"policies/{name}.json", 1
        while self.policies.get(file, text) != text:
            number += 1
            file = f"policies/{name}-{number}.json"
        self.policies[file] = text
        return f"file://{file}"

    def miss(self, what: str) -> None:
        """Something is left out."""
        self.missing[what] = self.missing.get(what, 0) + 1

    @property
    def left_out(self) -> tuple[str, ...]:
        return tuple(f"{what} ({count} times)" if count > 1 else what for what, count in self.missing.items())

    def step(self, id: str, who: str, call: str, region: str, parameters: Json, comment: str = "", **more: Any) -> Step:
        made: Step = {COMMENT: comment} if comment else {}
        made |= {"id": id, "as": who, "call": call, "region": region}
        return made | ({"with": parameters} if parameters else {}) | more
