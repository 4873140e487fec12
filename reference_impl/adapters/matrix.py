"""What each barrier buys: the cache without it, on schedules that seeds decide, beside the model.

`python -m reference_impl.adapters.matrix [MODEL | BARRIER]...` prints the table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from reference_impl.adapters import (
    handoff_runs,
    hierarchical_runs,
    layer_split_runs,
    speculation_runs,
)
from reference_impl.adapters.absent import ABSENT, ASSUMED
from reference_impl.adapters.designs import absent, design, handoff, system, violations
from reference_impl.adapters.expectations import (
    BASES,
    FAVOURED,
    LATE,
    NO_RACE,
    NO_ROW,
    NO_TOKENS,
    READS,
    SAFETY,
    SEEN_AT_THE_END,
)
from reference_impl.adapters.outcomes import Outcome
from reference_impl.barriers import AsyncCacheLoad, LayerSplit, SpeculationMonitor

MOST_RUNS = 300
"""Schedules that are tried before a sign counts as one that a barrier does not give."""
CLEAN_RUNS = 20
"""Schedules on which the design with the barrier must show nothing."""
HEAD = ("barrier", "kind", "design", "the model without it", "race", "property", "tokens")


@dataclass(frozen=True)
class Case:
    """A barrier, and a design that has it and is worse without it; no barrier ("") for a design
    that is run as it is."""

    model: str
    barrier: str
    base: str

    @property
    def kind(self) -> str:
        """`edge`, `guard`, or `assumed` of the world."""
        if ABSENT.get(self.barrier) == ASSUMED:
            return "assumed"
        return next(b.kind for b in system(self.model).barriers if b.name == self.barrier)

    @property
    def barriers(self) -> frozenset[str]:
        """What is on in the design."""
        return design(self.model, self.base)

    @property
    def verdict(self) -> tuple[str, ...]:
        """The properties that the model has violated without the barrier, and not with it."""
        kept = {finding.property for finding in violations(self.model, self.barriers)}
        without = violations(self.model, self.barriers - {self.barrier})
        return tuple(dict.fromkeys(f.property for f in without if f.property not in kept))

    def run(self, seed: int, *, on: bool = False) -> Outcome:
        """The cache without the barrier, or with it `on`, on one schedule."""
        barriers = self.barriers if on else self.barriers - {self.barrier}
        return PERFORM[self.model](self, barriers, seed)


@dataclass(frozen=True)
class Sign:
    """Something that was seen, and on which of the schedules first."""

    run: int
    what: str

    def __str__(self) -> str:
        return f"run {self.run}: {self.what}"


@dataclass(frozen=True)
class Row:
    """What a barrier buys, as the signs of its absence."""

    case: Case
    verdict: tuple[str, ...]
    race: Sign | None = None
    failed: Sign | None = None
    tokens: Sign | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """One cell for each of `HEAD`."""
        case = self.case
        return (
            case.barrier,
            case.kind,
            case.base,
            ", ".join(self.verdict[:1]),
            str(self.race or ""),
            str(self.failed or ""),
            str(self.tokens or ""),
        )


Perform = Callable[[Case, frozenset[str], int], Outcome]


def _handoff(case: Case, barriers: frozenset[str], seed: int) -> Outcome:
    made = handoff(case.model, barriers)
    favour, late = FAVOURED.get(case.barrier, "abort"), LATE.get(case.barrier, "")
    return handoff_runs.run(made.on, made.assumed, seed, favour, late)


def _hierarchical(_: Case, barriers: frozenset[str], seed: int) -> Outcome:
    return hierarchical_runs.run(AsyncCacheLoad.on(barriers), seed)


def _layer_split(_: Case, barriers: frozenset[str], seed: int) -> Outcome:
    assumed = barriers & ABSENT.keys()
    return layer_split_runs.run(LayerSplit.on(barriers - assumed), assumed, seed)


def _speculation(_: Case, barriers: frozenset[str], seed: int) -> Outcome:
    switches = barriers - absent("speculation_monitor").keys()
    return speculation_runs.run(SpeculationMonitor.on(switches), seed)


PERFORM: Mapping[str, Perform] = {
    "slot_lifecycle": _handoff,
    "rdma_write_completion": _handoff,
    "async_cache_load": _hierarchical,
    "layer_split": _layer_split,
    "speculation_monitor": _speculation,
}


def cases(names: Iterable[str] = ()) -> Iterator[Case]:
    """Every barrier that the cache has (of the models and barriers named, if any are), with the
    first safe design that breaks without it."""
    wanted = set(names)
    for model in PERFORM:
        for barrier in system(model).barriers:
            name = barrier.name
            if wanted and not wanted & {model, name}:
                continue
            if name in NO_ROW or absent(model).get(name, ASSUMED) != ASSUMED:
                continue
            yield Case(model, name, _base(model, name))


def _base(model: str, barrier: str) -> str:
    if barrier in BASES:
        return BASES[barrier]
    for candidate in system(model).designs:
        if candidate.expect.violations or barrier not in candidate.barriers:
            continue
        if violations(model, candidate.barriers - {barrier}):
            return candidate.name
    raise LookupError(f"no safe design of {model} needs {barrier}: name another in BASES")


def wanted(case: Case, verdict: tuple[str, ...]) -> tuple[set[str], bool, bool]:
    """The properties of which one has to fail, and whether a race and a token have to be seen.

    A barrier that buys safety has to show it: what the model says of liveness besides is not asked.
    """
    safety = set(verdict) & SAFETY
    race = bool(safety) and case.kind != "assumed" and case.barrier not in NO_RACE
    tokens = bool(safety & READS) and case.barrier not in NO_TOKENS
    return safety or set(verdict) & SEEN_AT_THE_END, race, tokens


def examine(case: Case) -> Row:
    """Run the cache without the barrier, schedule after schedule, until all was seen that the
    model promises; what is not seen in `MOST_RUNS` is missing in the row."""
    verdict = case.verdict
    properties, wants_race, wants_tokens = wanted(case, verdict)
    race = failed = tokens = None
    for seed in range(MOST_RUNS):
        outcome = case.run(seed)
        if race is None and outcome.races and wants_race:
            race = Sign(seed, outcome.races[0].kind)
        seen = outcome.failed & properties
        if failed is None and seen:
            failed = Sign(seed, min(seen, key=verdict.index))
        if tokens is None and outcome.changed and wants_tokens:
            tokens = Sign(seed, str(outcome.changed[0]))
        if failed and (race or not wants_race) and (tokens or not wants_tokens):
            break
    return Row(case, verdict, race, failed, tokens)


@cache
def with_it(case: Case) -> tuple[frozenset[str], int, int]:
    """What is seen with the barrier on: properties that fail, runs with changed tokens, and with
    races."""
    outcomes = [case.run(seed, on=True) for seed in range(CLEAN_RUNS)]
    return (
        frozenset().union(*(outcome.failed for outcome in outcomes)),
        sum(bool(outcome.changed) for outcome in outcomes),
        sum(bool(outcome.races) for outcome in outcomes),
    )


def table(rows: Iterable[Row]) -> Iterator[str]:
    """The rows as lines of a table, one table a model."""
    by_model: dict[str, list[tuple[str, ...]]] = {}
    for row in rows:
        by_model.setdefault(row.case.model, [HEAD]).append(row.cells)
    for model, cells in by_model.items():
        yield f"{model}:"
        yield from aligned(cells)
        yield ""


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows of cells as lines in which columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()


def main(names: list[str]) -> int:
    """Print the table; the exit code is 1 where a sign is missing."""
    rows = []
    for case in cases(names):
        print(f"{case.model}: {case.barrier}", file=sys.stderr)  # noqa: T201  # progress
        rows.append(examine(case))
    for line in table(rows):
        print(line)  # noqa: T201  # the table is what was asked for
    missing = [row for row in rows if row.failed is None]
    return 1 if missing or not rows else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
