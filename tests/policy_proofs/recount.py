"""A pytest plugin: every decision of the whole suite is recounted from its trace alone, by tests/policy/checker.py.

While a test runs, each decision that the kernel notes in a log, in this process, is asked for with its trace; the
checker, which sees the trace's JSON and no policy, must come to the same verdict, and so must the decision as it was
noted (an allowed one was made without a trace). What differs fails the test in which it was noted, or whose fixtures
noted it. RESEAL_RECOUNT says how many are recounted: 1 every one (the default), n one in n, 0 none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from typing import Any, Final

import pytest

from app.kernel import authority
from app.policy.decide import decide
from app.policy.question import Question
from app.policy.trace import Decision, to_json
from tests.policy.checker import judge

EVERY: Final = int(os.environ.get("RESEAL_RECOUNT", "1"))
_COUNTED: Final = "decisions_recounted"  # under this name a worker of pytest-xdist reports it
_SAME: Final = ("allowed", "effect", "cause", "layer", "on_owner_side")


def difference(question: Question, noted: Decision) -> str:
    """What does not agree about a decision; "" where all does."""
    traced = noted if noted.layers else decide(question, trace=True)
    counted = judge(to_json(traced, question))
    asked = f"{question.principal.arn} {question.action} {question.resource}"
    if counted != noted.effect.value:
        return f"{asked}: noted {noted.effect.value}, but the trace tells {counted}"
    apart = [name for name in _SAME if getattr(noted, name) != getattr(traced, name)]
    return f"{asked}: with and without a trace it differs in {', '.join(apart)}" if apart else ""


class Recount:
    """Stands in for the kernel's `note` during the session."""

    def __init__(self, note: Callable[..., str]) -> None:
        self._note = note
        self._noted = 0
        self._wrong: list[str] = []
        self.counted = 0

    def __call__(self, draft: Any, call: Any, question: Question, decision: Decision) -> str:
        self._noted += 1
        if self._noted % EVERY == 0:
            self.counted += 1
            if found := difference(question, decision):
                self._wrong.append(found)
        return self._note(draft, call, question, decision)

    # hooks

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, Any, Any]:
        result = yield
        wrong, self._wrong = self._wrong, []
        assert not wrong, "decisions that their traces do not bear out:\n" + "\n".join(wrong)
        return result

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.counted += getattr(node, "workeroutput", {}).get(_COUNTED, 0)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        authority.note = self._note
        if (output := getattr(session.config, "workeroutput", None)) is not None:
            output[_COUNTED] = self.counted

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.counted:
            terminalreporter.write_line(f"{self.counted:,} decisions recounted from their traces")


def pytest_configure(config: pytest.Config) -> None:
    if EVERY > 0:
        recount = Recount(authority.note)
        authority.note = recount
        config.pluginmanager.register(recount, "recount")
