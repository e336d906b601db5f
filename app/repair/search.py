"""Repairs that were tried and work: the smallest ones of a refusal, each found by making it in a fork of the world.

    refusal in the log -> the request, made once more in a fork as the world is now -> why it is refused there
      -> what may be done about that (policies: app.policy.repair; states: state.py) -> each tried in a fork
      -> one refusal less, and perhaps the next one: so on, fewest edits first and the narrowest of them

What is offered let the whole request succeed, at once and later, and no proper part of it does. A request of which the
log kept too little (secrets, large blobs) can not be made again: its repairs are checked by the evaluator alone, and
say so. The search is bounded by what it asks, never by time; where it reaches its bound it says so.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, count, islice
from typing import Any, Final

import msgspec

from app.kernel.call import Request
from app.kernel.cloud import Cloud, Still
from app.kernel.log import DecisionEntry
from app.policy.decide import decide
from app.policy.document import PolicySyntaxError
from app.policy.explain import UNKNOWN, Explanation, explain, text, to_json
from app.policy.explain_log import Story, story
from app.policy.explain_values import Mending
from app.policy.question import Place, Question, Rule
from app.policy.repair import NOTHING, Repair, candidates, edited, parts
from app.policy.repair_budget import CALL, JOB, Budget
from app.policy.repair_others import Others, others
from app.policy.repair_question import rebuilt
from app.policy.repair_words import after, mending
from app.policy.trace import every_policy
from app.repair.state import remedies
from app.repair.trial import CannotApply, Outcome, can_be_made, request_of, trace_of, trial
from app.services.iam.gaps import gaps_in

SIZE_MAX: Final = 5  # edits and steps of one repair
REPAIRS_MAX: Final = 8
OPTIONS_MAX: Final = (8, 3, 2, 1)  # of one refusal that are followed, by how much was repaired before it
OTHERS_MAX: Final = 500  # decisions asked again, the newest

Locate = Callable[[str], str | None]
WORKS_NOW: Final = "the request would succeed now: there is nothing left to repair"
NOTHING_HELPS: Final = "no edit of a policy and no step that reseal knows helps"
NONE_YET: Final = "no repair was found before the search reached its bound: there may be one"
MAY_BE_MORE: Final = "the search reached its bound: there may be more repairs"


def nowhere(text: str) -> str | None:
    """Where no file is known to hold a policy."""
    return None


@dataclass(frozen=True, slots=True)
class Offer:
    """A repair that works. `verified`: the whole request was made again with it, and succeeded."""

    repair: Repair
    texts: Mapping[Place, str]  # the policies that it edits, as they read before
    rule: Rule
    verified: bool
    others: Others = field(default_factory=Others)
    notes: tuple[str, ...] = ()

    def mending(self, locate: Locate = nowhere) -> Mending:
        return mending(
            self.repair, self.rule, lambda place: self.texts.get(place, ""), locate, verified=self.verified,
            others=self.others, notes=self.notes,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tried:
    """The repairs found, the smallest first. `remark` says why there is none, or that the search ended early.

    `complete`: all that reseal knows was tried, so that where nothing was found nothing helps.
    """

    offers: tuple[Offer, ...] = ()
    remark: str = ""
    complete: bool = True

    def mendings(self, locate: Locate = nowhere) -> tuple[Mending, ...]:
        return tuple(one.mending(locate) for one in self.offers)


@dataclass(frozen=True, slots=True)
class Told:
    """An explanation with its repairs, and the remark where there are none, or may be more. As in `Tried`."""

    explanation: Explanation
    remark: str = ""
    complete: bool = True

    @property
    def text(self) -> str:
        shown = text(self.explanation)
        return f"{shown}\nhelp: {self.remark}" if self.remark else shown

    @property
    def json(self) -> dict[str, object]:
        return {
            **to_json(self.explanation),
            "repairs_remark": self.remark,
            "repairs_complete": self.complete,
        }


def explained(cloud: Cloud | Still, about: str = "", *, tries: bool = True) -> Told | None:
    """The explanation of a refusal, with its repairs if it `tries` any; None where nothing was refused."""
    log = cloud.world.log
    token = about or next((entry.request_id for entry in log.refusals()), "")
    told = explain(log.about(token), token) if token else None
    if told is None:
        return None
    if gaps := gaps_in(cloud.world, str(to_json(told))):
        told = replace(told, decision=UNKNOWN, unknown=(*told.unknown, *gaps))
    found = repairs(cloud, token) if tries else Tried()
    return Told(replace(told, repairs=found.mendings()), found.remark, found.complete)


def repairs(cloud: Cloud | Still, about: str = "", *, budget: Budget | None = None) -> Tried:
    """What would make the refused request succeed in this world as it is now. `about` as for `explain`."""
    budget = budget or Budget()
    log = cloud.world.log
    token = about or next((entry.request_id for entry in log.refusals()), "")
    entries = log.about(token) if token else []
    told = story(entries, token)
    if told is None:
        return Tried(remark="nothing was refused there")
    request = request_of(log.about(told.failed.root), told.failed.root)
    if request is None:
        return _by_evaluator(cloud, told, budget)
    return Search(cloud, request, budget).run()


# The search.


@dataclass(frozen=True, slots=True)
class Node:
    """A repair so far, and the policies that were looked at on the way, as they read before it."""

    repair: Repair
    texts: Mapping[Place, str]
    rule: Rule = Rule.NONE


class Search:
    """Best first over repairs: what widens to no `*` before what does, fewest edits and steps, then the least reach."""

    def __init__(self, cloud: Cloud | Still, request: Request, budget: Budget) -> None:
        self._cloud, self._request, self._budget = cloud, request, budget
        self._queue: list[tuple[int, int, int, int, Node]] = []
        self._order = count()
        self._seen: set[tuple[Any, ...]] = set()
        self._found: list[tuple[Node, Outcome]] = []
        self._first: Question | None = None
        self._cut = False  # did the budget end a question's candidates early?
        self._left = False  # was anything that might have helped not followed?

    def run(self) -> Tried:
        now = self._tried(Node(NOTHING, {}))
        if now is None or now.story is None:
            return Tried(remark=WORKS_NOW)
        self._expand(Node(NOTHING, {}), now, now.story)
        self._exhaust()
        complete = self._budget.lasts and not self._cut and (bool(self._found) or not self._left)
        return Tried(tuple(self._offers()), self._remark(complete), complete)

    def _exhaust(self) -> None:
        """Try what is in the queue, as long as the budget lasts."""
        while self._queue and len(self._found) < REPAIRS_MAX and self._budget.lasts:
            node = heapq.heappop(self._queue)[-1]
            if self._found and _is_beyond(node.repair, self._found[0][0].repair):
                return
            outcome = self._tried(node)
            if outcome is None:
                continue
            if outcome.story is None:
                if self._is_smallest(node):
                    self._found.append((node, outcome))
            else:
                self._expand(node, outcome, outcome.story)

    def _remark(self, complete: bool) -> str:
        if complete:
            return "" if self._found else NOTHING_HELPS
        return MAY_BE_MORE if self._found else NONE_YET

    def _tried(self, node: Node) -> Outcome | None:
        """What becomes of the request with this repair; None where it can not be made."""
        self._budget.spend(CALL * (1 + node.repair.size))
        try:
            outcome = trial(self._cloud, self._request, node.repair, node.texts)
        except CannotApply:
            return None
        self._budget.spend(JOB * outcome.settled)
        return outcome

    def _is_smallest(self, node: Node) -> bool:
        """Does no proper part of it do?"""
        for part in parts(node.repair):
            outcome = self._tried(replace(node, repair=part))
            if outcome is not None and outcome.succeeded:
                return False
        return True

    def _expand(self, node: Node, outcome: Outcome, told: Story) -> None:
        question = _question(told)
        texts, rule = node.texts, node.rule
        if question is not None:
            texts, rule = {**_texts(question), **texts}, question.layers.rule
            self._first = self._first or question
        depth = min(node.repair.size, len(OPTIONS_MAX) - 1)
        options = iter(self._options(question, outcome, told))
        for option in islice(options, OPTIONS_MAX[depth]):
            further = Node(node.repair.then(option), texts, rule)
            acts = (frozenset(map(repr, further.repair.edits)), further.repair.steps)
            if further.repair.size > SIZE_MAX:
                self._left = True
            elif acts not in self._seen:
                self._seen.add(acts)
                repair = further.repair
                key = (repair.wide, repair.size, repair.reach, next(self._order))
                heapq.heappush(self._queue, (*key, further))
        self._left |= next(options, None) is not None

    def _options(self, question: Question | None, outcome: Outcome, told: Story) -> Iterable[Repair]:
        steps = remedies(outcome.world, told, self._request, ())
        if question is None:
            return steps
        with self._budget.share() as part:
            found = candidates(question, decide(question, trace=True), part)
        self._cut |= not part.lasts
        return chain(steps, found)

    def _offers(self) -> Iterator[Offer]:
        log = _Log(self._cloud, self._budget)
        for node, outcome in self._found:
            kept = log.others(self._first, node)
            yield Offer(node.repair, node.texts, node.rule, True, kept, outcome.notes)


def _is_beyond(repair: Repair, best: Repair) -> bool:
    """Is it not worth offering beside the best? One edit more may be; a `*` where it goes without one is not."""
    return repair.wide > best.wide or repair.size > best.size + 1


def _question(told: Story) -> Question | None:
    """The question by which it was refused; None where no policy decided, or the log does not hold it."""
    body = trace_of(told)
    if not body.get("documents") and not body.get("layers"):
        return None
    return rebuilt(body)


def _texts(question: Question) -> dict[Place, str]:
    return {policy.place: policy.document.text for policy in every_policy(question.layers)}


# Without a trial.


def _by_evaluator(cloud: Cloud | Still, told: Story, budget: Budget) -> Tried:
    """The log does not hold the request: the question is asked again with the edits, and only they are tried."""
    question = _question(told)
    if question is None:
        return Tried(remark="the log does not hold the request, so nothing could be tried")
    log, texts = _Log(cloud, budget), _texts(question)
    with budget.share() as part:
        wanted = candidates(question, decide(question, trace=True), part)
    smallest = [one for one in wanted if _needs_all(question, one) and can_be_made(cloud, one, texts)]
    narrow = min((one.wide for one in smallest), default=0)
    found = [one for one in smallest if one.wide == narrow]
    offers = (Offer(one, texts, question.layers.rule, False, log.others(question, Node(one, texts))) for one in found)
    if part.lasts:
        return Tried(tuple(offers), "" if found else NOTHING_HELPS)
    return Tried(tuple(offers), MAY_BE_MORE if found else NONE_YET, complete=False)


def _needs_all(question: Question, repair: Repair) -> bool:
    changed = (edited(question, part.edits) for part in parts(repair))
    return not any(one is not None and decide(one).allowed for one in changed)


# What else changes.


class _Log:
    """The newest decisions of a world, read once for all repairs of a search."""

    def __init__(self, cloud: Cloud | Still, budget: Budget) -> None:
        self._budget = budget
        entries = (entry for _, entry in cloud.world.log.entries() if isinstance(entry, DecisionEntry))
        newest = list(deque(entries, OTHERS_MAX))
        self._allowed = sum(entry.allowed for entry in newest)
        self._refused = [found for entry in reversed(newest) if not entry.allowed for found in _rebuilt(entry)]

    def others(self, repaired: Question | None, node: Node) -> Others:
        changes = tuple(after(node.repair, lambda place: node.texts.get(place, "")))
        edits = tuple(one for one in changes if one[1])  # a policy that is new was asked by nobody yet
        return others(self._refused, self._allowed, repaired, edits, self._budget)


def _rebuilt(entry: DecisionEntry) -> Iterator[Question]:
    """Nothing for a body in a form that this version does not read."""
    try:
        yield rebuilt(msgspec.json.decode(entry.body))
    except (msgspec.MsgspecError, KeyError, PolicySyntaxError):
        return
