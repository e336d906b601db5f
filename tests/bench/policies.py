"""How fast is the policy engine? Decisions a second on the questions of a share, counterfactuals, and the worst cases.

Seconds are this process's own (`process_time`), so that whatever else the machine does counts little; each figure is
the median of several rounds, with the slowest and the fastest beside it. iam-simulate is asked the same questions, in
a program of its own, by the clock on the wall; where it does not answer as we do, that is printed.
"""

from __future__ import annotations

import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count, islice, product
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[2]))  # for what tests share: hostile patterns, large policies and keys

from iam_simulate import Unavailable, measured
from policy_mix import CALLERS, EBS, SOURCE_KEY, Texts, bodies

from app.policy.decide import decide
from app.policy.document import DocumentKind, parse
from app.policy.match import glob
from app.policy.question import Layers, Question
from tests.policy_proofs.hostile import pairs
from tests.policy_proofs.large import Grants, about_many_statements, statements_within

ROUNDS: Final = 15
VARIANTS: Final = 10_000
HOSTILE_PAIRS: Final = 100_000
GRANTS: Final = 50_000
read_anew: Final = parse.__wrapped__  # without what `parse` remembers of a text


@dataclass(frozen=True, slots=True)
class Rate:
    """How many a second, in each round."""

    name: str
    rates: tuple[float, ...]
    aim: int = 0

    def line(self) -> str:
        aim = f"   aim {self.aim:,}" if self.aim else ""
        low, high = min(self.rates), max(self.rates)
        return f"  {self.name:58} {statistics.median(self.rates):10,.0f}   ({low:,.0f} to {high:,.0f}){aim}"


def seconds(action: Callable[[], object]) -> float:
    begun = time.process_time()
    action()
    return time.process_time() - begun


def rate(name: str, many: int, once: Callable[[], object], aim: int = 0, *, repeat: int = 1) -> Rate:
    """`once` makes so many decisions; `repeat` times a round."""
    once()
    rounds = (seconds(lambda: [once() for _ in range(repeat)]) for _ in range(ROUNDS))
    return Rate(name, tuple(many * repeat / taken for taken in rounds), aim)


# --- decisions a second -----------------------------------------------------------------------------------------------


def rates(texts: list[Texts]) -> Iterator[Rate]:
    asked = [one.question() for one in texts]
    many = len(asked)
    yield rate("policies parsed beforehand", many, lambda: [decide(one) for one in asked], 40_000, repeat=20)
    yield rate("with the full trace", many, lambda: [decide(one, trace=True) for one in asked], 15_000, repeat=5)
    fresh = list(islice(elsewhere(asked), (ROUNDS + 1) * 5))
    yield rate(
        "with the full trace, of things never asked about before", many,
        lambda: [decide(one, trace=True) for one in fresh.pop()], repeat=4,
    )  # fmt: skip
    yield rate(
        "from texts, with the trace (texts remembered, as in a server)", many,
        lambda: [decide(one.question(), trace=True) for one in texts], 6_000, repeat=5,
    )  # fmt: skip
    yield rate(
        "from texts, with the trace (every text read anew)", many,
        lambda: [decide(one.question(read_anew), trace=True) for one in texts],
    )  # fmt: skip


def elsewhere(asked: list[Question]) -> Iterator[list[Question]]:
    """The same questions, each time about resources, and with a context, that nobody has asked about before."""
    for number in count():
        yield [
            replace(
                one,
                resource=f"{one.resource}{number:06d}",
                context={**one.context, "kms:EncryptionContext:aws:ebs:id": f"vol-{number}"},
            )
            for one in asked
        ]  # fmt: skip


# --- one question, varied ---------------------------------------------------------------------------------------------


def variants(question: Question) -> Iterator[Question]:
    """By another caller or action, with and without the service in between, without one key, without one policy."""
    contexts = [
        {key: value for key, value in context.items() if key != left_out}
        for context in (dict(question.context), {**question.context, **EBS})
        for left_out in ("", *question.context)
    ]
    names = ("CreateGrant", "Decrypt", "Encrypt", "ReEncryptFrom", "ReEncryptTo", "DescribeKey", "PutKeyPolicy", "Sign")
    actions = [f"kms:{name}" for name in names]
    for caller, action, context, layers in product(CALLERS.values(), actions, contexts, one_left_out(question.layers)):
        yield replace(question, principal=caller, action=action, context=context, layers=layers)


def one_left_out(layers: Layers) -> list[Layers]:
    """The layers as they are, and with each policy left out in turn."""
    without_identity = (layers.identity[:n] + layers.identity[n + 1 :] for n in range(len(layers.identity)))
    return [
        layers,
        replace(layers, resource=None),
        replace(layers, boundary=None),
        *(replace(layers, identity=kept) for kept in without_identity),
        *(replace(layers, scps=tuple(other for other in layers.scps if other != level)) for level in layers.scps),
        replace(layers, rcps=()),
    ]


def counterfactuals(question: Question) -> None:
    asked = sum(1 for one in islice(variants(question), VARIANTS) if decide(one))
    assert asked == VARIANTS


# --- the worst cases --------------------------------------------------------------------------------------------------


def worst_hostile() -> float:
    """Without Python's collector of garbage, whose pauses are those of everything that this process remembers."""
    gc.disable()
    worst = max(seconds(lambda: glob((pattern,))(text)) for pattern, text in pairs(HOSTILE_PAIRS))  # noqa: B023
    gc.enable()
    return worst


def worst_cases() -> Iterator[tuple[str, float, int]]:
    """(what, seconds, the aim in milliseconds)"""
    yield f"the worst of {HOSTILE_PAIRS:,} hostile patterns, compiled and matched", worst_hostile(), 20
    for many in (statements_within(), 1000):
        asked = about_many_statements(many)
        resource = asked.layers.resource
        assert resource
        text = resource.document.text
        size = f"a policy of {many:,} statements with two conditions, {len(text) / 1024:.0f} KiB"
        yield f"{size}: a decision", median(lambda: decide(asked)), 20  # noqa: B023
        yield f"{size}: with its trace", median(lambda: decide(asked, trace=True)), 20  # noqa: B023
        yield f"{size}: reading it", median(lambda: read_anew(text, DocumentKind.RESOURCE)), 0  # noqa: B023
    grants = Grants(GRANTS)
    for action, what in (("kms:Decrypt", "allowed by one"), ("kms:Encrypt", "by 5,000"), ("kms:Sign", "by none")):
        found = median(lambda: decide(grants.ask(action)))  # noqa: B023
        yield f"{action} among {GRANTS:,} grants on a key, {what}, layers included", found, 5


def median(action: Callable[[], object]) -> float:
    action()
    return statistics.median(seconds(action) for _ in range(ROUNDS))


# --- the report -------------------------------------------------------------------------------------------------------


def beside(texts: list[Texts]) -> Iterable[str]:
    """iam-simulate's rate, and where it decides otherwise."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            verdicts, taken = measured([one.body for one in texts], Path(folder))
    except Unavailable as reason:
        return [f"  iam-simulate was not measured: {reason}"]
    lines = [Rate("iam-simulate (npm), reading and explaining each", tuple(len(texts) / one for one in taken)).line()]
    for one, verdict in zip(texts, verdicts, strict=True):
        ours = decide(one.question())
        if ours.effect.value != verdict:
            request = one.body["request"]
            lines.append(f"    {request['principal']} {request['action']}: we say {ours.effect.value}, it {verdict}")
    return [*lines, f"    {len(texts)} questions, {len(texts) - len(lines) + 1} decided alike"]


def main() -> None:
    texts = [Texts.of(body) for body in bodies()]
    allowed = sum(decide(one.question()).allowed for one in texts)
    policies = statistics.mean(sum(map(len, one.texts.values())) for one in texts)
    print(f"\npolicy decisions a second: {len(texts)} questions, {allowed} allowed, {policies:.1f} policies each")
    for one in rates(texts):
        print(one.line())
    print("\n".join(beside(texts)))
    share = next(one.question() for one in texts if one.body["request"]["resource"] == SOURCE_KEY)
    taken = median(lambda: counterfactuals(share))
    print(f"\ncounterfactuals\n  {VARIANTS:,} variants of one question {taken:16.3f} s   aim 2 s")
    print("\nthe worst cases")
    for what, found, aim in worst_cases():
        print(f"  {what:80} {found * 1e3:9.3f} ms{f'   aim {aim} ms' if aim else ''}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
