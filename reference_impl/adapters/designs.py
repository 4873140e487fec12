"""Designs of `models/` as switches of the cache, and what the model says of any set of barriers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fencepost.checking import prepare
from fencepost.core.results import Finding, Verdict
from fencepost.core.system import Design, Expectation, System
from fencepost.engines.explore import explore
from fencepost.loading import load_model
from reference_impl.adapters.absent import ABSENT, ABSENT_FROM_THE_MONITOR, SAME
from reference_impl.barriers import Handoff

ROOT = Path(__file__).parents[2]

AROUND_A_TRANSFER = frozenset(
    {
        "abort_is_deferred",
        "abort_is_sent",
        "abort_stops_chunks",
        "abort_leaves_queue",
        "count_outlives_room",
        "ack_target_outlives_room",
        "cleared_room_answers_later",
        "source_waits_for_writes",
        "rejection_is_reported",
    }
)
"""What surrounds a transfer as `rdma_write_completion` has it, where nothing is lost on the way."""
RELIABLE = frozenset({"aborts_arrive", "answers_arrive", "nodes_stay_reachable"})
WITHIN_A_TRANSFER = frozenset(
    {
        "reformat_waits_for_all_parts",
        "completion_follows_visibility",
        "error_follows_flush",
        "success_waits_for_record",
        "failed_is_sticky",
        "failure_is_announced",
    }
)
"""What `slot_lifecycle` takes for granted of each transfer."""


@dataclass(frozen=True)
class Deployment:
    """A handoff: its switches, and the promises about the world that are kept."""

    on: Handoff
    assumed: frozenset[str]


def handoff(model: str, barriers: Iterable[str]) -> Deployment:
    """The cache as a design of `slot_lifecycle` or `rdma_write_completion` has it.

    What the other model is about is as it is in that model's safe designs.
    """
    names = {SAME.get(name, name) for name in barriers}
    around = WITHIN_A_TRANSFER if model == "slot_lifecycle" else AROUND_A_TRANSFER | RELIABLE
    names |= around
    switches = {name for name in names if name not in ABSENT}
    return Deployment(Handoff.on(switches), frozenset(names - switches))


@cache
def system(model: str, **sizes: int) -> System:
    """A model of this repository, recorded, at its own sizes but for those that are given."""
    return prepare(load_model(model, ROOT), sizes)


@cache
def design(model: str, name: str) -> frozenset[str]:
    """The barriers of a design."""
    return next(d.barriers for d in system(model).designs if d.name == name)


def absent(model: str) -> Mapping[str, str]:
    """The barriers of a model that are no switch, each with the reason."""
    named = {barrier.name for barrier in system(model).barriers}
    reasons = ABSENT_FROM_THE_MONITOR if model == "speculation_monitor" else ABSENT
    return {name: reason for name, reason in reasons.items() if name in named}


@cache
def violations(model: str, barriers: frozenset[str]) -> tuple[Finding, ...]:
    """What is violated where these barriers are on and no others, by exhaustive search."""
    asked = Design("asked", barriers, Expectation())
    answer = explore(system(model), asked).answer
    return tuple(f for f in answer.findings if f.verdict is Verdict.VIOLATED)
