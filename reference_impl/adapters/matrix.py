"""What each barrier buys: the cache without it, on schedules that a seed decides, beside the model.

`python -m reference_impl.adapters.matrix` prints the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from fencepost.streams.detect import Race
from reference_impl.adapters import handoff_runs, hierarchical_runs
from reference_impl.adapters.designs import design, handoff, system, violations
from reference_impl.adapters.outcomes import Changed, Outcome
from reference_impl.barriers import ABSENT, ASSUMED, AsyncCacheLoad

MOST_RUNS = 300
"""Schedules that are tried before a barrier counts as one that buys nothing."""
CLEAN_RUNS = 40
"""Schedules on which the design with the barrier must show nothing."""

SAFETY = frozenset(
    {
        "decode_reads_own_bytes",
        "write_reads_own_pages",
        "decodes_own_kv",
        "accepts_own_kv",
        "takes_own_first_token",
        "reformats_only_whole_kv",
        "announced_failure_is_final",
        "indexer_reads_own_keys",
        "attention_reads_own_kv",
        "fork_copies_own_bytes",
        "bytes_stay_in_place",
        "host_copies_are_genuine",
    }
)
"""Properties whose violation an observer of a run can see at once."""
LEAKS = frozenset(
    {
        "slot_can_be_freed",
        "slot_can_be_free",
        "request_ends",
        "request_is_closed",
        "device_page_can_be_free",
        "host_page_can_be_free",
        "request_is_released",
    }
)
"""Properties whose violation is seen at the end of a run."""


@dataclass(frozen=True)
class Case:
    """A barrier, and a design that has it and breaks without it; `favour` is an event."""

    model: str
    barrier: str
    base: str
    favour: str = "abort"

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


@dataclass(frozen=True)
class Row:
    """What a barrier buys. Numbers say on which of the schedules something was seen first."""

    case: Case
    verdict: tuple[str, ...]
    """Properties that the model says are violated without the barrier."""
    race: tuple[int, Race] | None = None
    property: tuple[int, str] | None = None
    tokens: tuple[int, Changed] | None = None
    guarded: bool = False
    """With the barrier the race is still there, and nothing comes of it."""


Perform = Callable[[Case, frozenset[str], int], Outcome]


def _perform_handoff(case: Case, barriers: frozenset[str], seed: int) -> Outcome:
    made = handoff(case.model, barriers)
    return handoff_runs.run(made.on, made.assumed, seed, case.favour)


def _perform_hierarchical(_: Case, barriers: frozenset[str], seed: int) -> Outcome:
    return hierarchical_runs.run(AsyncCacheLoad.on(barriers), seed)


PERFORM: Mapping[str, Perform] = {
    "slot_lifecycle": _perform_handoff,
    "rdma_write_completion": _perform_handoff,
    "async_cache_load": _perform_hierarchical,
}

FAILING = "fail_write"
FAVOURED = {
    "failure_is_deferred": FAILING,
    "failure_waits_for_writes": FAILING,
    "count_outlives_room": FAILING,
    "source_waits_for_writes": FAILING,
    "rejection_is_reported": "reject",
    "aborts_arrive": "lose_abort",
    "abort_is_sent_again": "lose_abort",
    "answers_arrive": "lose_answer",
    "nodes_stay_reachable": "lose_node",
    "lost_node_is_fenced": "lose_node",
    "error_waits_for_siblings": FAILING,
    "error_follows_flush": FAILING,
    "failure_is_announced": FAILING,
    "abort_is_answered": FAILING,
}
"""The event that a barrier is about, where it is not the cancellation of a request."""
BASES = {
    "record_carries_digest": "tag_and_digest",
    "abort_is_answered": "ack_is_lost",
    "host_synchronises": "host_synchronises_always",
}
"""Designs that are broken in another way, of barriers that no safe design needs."""
NOT_ENOUGH = {
    "fork_waits_for_first_layer": "a design with it breaks as the same without it, a little later",
}
"""Barriers that no design gains by, so that there is nothing to take away."""
REASONS = {
    "rejection_is_reported": "no race: what is read was never written, and nothing else writes",
    "source_waits_for_writes": "the slot that gets the foreign rows belongs to nobody who reads it",
    "failed_is_sticky": "a word of the host, not of the device, and nobody who decodes reads it",
}
"""Why a barrier that buys safety shows no race, or changes no token."""


def cases() -> Iterator[Case]:
    """Every barrier that the cache has, with the first safe design that breaks without it."""
    for model in PERFORM:
        for barrier in system(model).barriers:
            name = barrier.name
            if name in NOT_ENOUGH or (name in ABSENT and ABSENT[name] != ASSUMED):
                continue
            yield Case(model, name, _base(model, name), FAVOURED.get(name, "abort"))


def _base(model: str, barrier: str) -> str:
    if barrier in BASES:
        return BASES[barrier]
    for candidate in system(model).designs:
        if candidate.expect.violations or barrier not in candidate.barriers:
            continue
        if violations(model, candidate.barriers - {barrier}):
            return candidate.name
    raise LookupError(f"no design of {model} needs {barrier}: name one in BASES")


def examine(case: Case) -> Row:
    """Run the cache without the barrier until everything was seen that the model promises."""
    without = case.barriers - {case.barrier}
    with_it = {finding.property for finding in violations(case.model, case.barriers)}
    verdict = tuple(
        dict.fromkeys(
            f.property for f in violations(case.model, without) if f.property not in with_it
        )
    )
    leaks = set(verdict) & LEAKS
    safety = [name for name in verdict if name in SAFETY]
    wants_tokens = bool(safety) and case.barrier not in REASONS or case.barrier == "rejection_is_reported"
    race = property_ = tokens = None
    for seed in range(MOST_RUNS):
        outcome = PERFORM[case.model](case, without, seed)
        if race is None and outcome.races:
            race = seed, outcome.races[0]
        wanted = outcome.failed & (set(safety) or leaks)
        if property_ is None and wanted:
            property_ = seed, min(wanted, key=verdict.index)
        if tokens is None and outcome.changed:
            tokens = seed, outcome.changed[0]
        wants_race = bool(safety) and case.kind != "assumed" and case.barrier not in REASONS
        if property_ and (tokens or not wants_tokens) and (race or not wants_race):
            break
    return Row(case, verdict, race, property_, tokens)


@cache
def clean(model: str, base: str, favour: str) -> tuple[set[str], int, int]:
    """What the design with all its barriers shows: failed properties, changed tokens, races."""
    case = Case(model, "", base, favour)
    outcomes = [PERFORM[model](case, design(model, base), seed) for seed in range(CLEAN_RUNS)]
    return (
        set().union(*(outcome.failed for outcome in outcomes)),
        sum(len(outcome.changed) for outcome in outcomes),
        sum(len(outcome.races) for outcome in outcomes),
    )
