"""What is counted under load. Every attempt of a request is compared with the oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from statistics import fmean

from reference_impl.barriers import SpeculationMonitor as Switches
from reference_impl.load.drafting import History, Step
from reference_impl.load.workload import INPUT_SCALE
from reference_impl.speculation import Monitor, Rule, Verdict

LENGTHS = (1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.4)
RATES = (0.6, 0.7, 0.8, 0.9, 0.96)


class End(Enum):
    """How an attempt ended."""

    DELIVERED = "delivered"
    LEFT = "left by its user"
    MONITOR = "aborted by the monitor"
    FAILED = "failed on the way"
    STUCK = "still held at the end"


@dataclass(frozen=True)
class Attempt:
    """An attempt that has ended: what it made, what the oracle makes, and what the monitor said.

    `right` has as many tokens as the request asked for.
    """

    end: End
    tokens: tuple[int, ...]
    right: tuple[int, ...]
    history: History
    is_suspected: bool = False
    """Whether the monitor aborts it, or would if it acted."""

    @property
    def wrong_at(self) -> int | None:
        """The first token that is not the oracle's."""
        pairs = zip(self.tokens, self.right, strict=False)
        return next((place for place, (a, b) in enumerate(pairs) if a != b), None)

    @property
    def is_abnormal(self) -> bool:
        """Whether a token is not the oracle's."""
        return self.wrong_at is not None


@dataclass(frozen=True)
class Quality:
    """How a monitor did against the oracle: of `abnormal` attempts it aborts `detected`, and of
    `sound` ones `false_aborts`."""

    abnormal: int
    detected: int
    sound: int
    false_aborts: int

    @classmethod
    def of(cls, outcomes: Iterable[tuple[bool, bool]]) -> Quality:
        """From pairs: is the attempt abnormal, is it aborted."""
        counted = Counter(outcomes)
        return cls(
            counted[True, True] + counted[True, False],
            counted[True, True],
            counted[False, True] + counted[False, False],
            counted[False, True],
        )

    @property
    def detection_rate(self) -> float | None:
        """None where nothing was abnormal."""
        return self.detected / self.abnormal if self.abnormal else None

    @property
    def false_abort_rate(self) -> float | None:
        """None where nothing was sound."""
        return self.false_aborts / self.sound if self.sound else None


@dataclass
class Tally:
    """Counts of a run; seconds are of the processor that plays the node, ticks are the load's."""

    requests: int = 0
    attempts: Counter[End] = field(default_factory=Counter)
    abnormal: Counter[End] = field(default_factory=Counter)
    """Of the attempts, those with a token that is not the oracle's."""
    retries: int = 0
    given_up: int = 0
    """Requests that were aborted or failed, and had no attempt left."""
    rejected: int = 0
    """Handoffs that the prefill node rejected."""
    lost_nodes: int = 0
    rows: int = 0
    reused: int = 0
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0
    tokens: int = 0
    first_token_ticks: list[int] = field(default_factory=list)
    decode_ticks: list[float] = field(default_factory=list)
    """Ticks a token after the first, of each delivered answer."""
    occupancy: list[float] = field(default_factory=list)
    """Share of the decode node's pages that are taken, at each tick."""
    input_lengths: Counter[int] = field(default_factory=Counter)
    output_lengths: Counter[int] = field(default_factory=Counter)
    judged: list[Attempt] = field(default_factory=list)
    """Attempts that came to decode, with their accept histories."""

    def add(self, attempt: Attempt) -> None:
        """Count an attempt that has ended."""
        self.attempts[attempt.end] += 1
        self.abnormal[attempt.end] += attempt.is_abnormal
        if attempt.history.steps:
            self.judged.append(attempt)

    @property
    def delivered(self) -> int:
        """Answers that reached their user."""
        return self.attempts[End.DELIVERED]

    @property
    def abnormal_outputs(self) -> int:
        """Answers that reached their user and are not the oracle's."""
        return self.abnormal[End.DELIVERED]

    @property
    def per_ten_thousand(self) -> float | None:
        """Abnormal outputs in 10 000 delivered; None where none was delivered."""
        return 1e4 * self.abnormal_outputs / self.delivered if self.delivered else None

    @property
    def hit_rate(self) -> float | None:
        """Share of prompt rows that were copied from an earlier prompt, of those prefilled."""
        return self.reused / self.rows if self.rows else None

    @property
    def mean_occupancy(self) -> float | None:
        """Over all ticks."""
        return fmean(self.occupancy) if self.occupancy else None

    @property
    def prefill_milliseconds(self) -> float | None:
        """A row that was computed and not copied."""
        computed = self.rows - self.reused
        return 1e3 * self.prefill_seconds / computed if computed else None

    @property
    def decode_milliseconds(self) -> float | None:
        """A token that was generated."""
        return 1e3 * self.decode_seconds / self.tokens if self.tokens else None

    @property
    def mean_input(self) -> float | None:
        """Tokens of an input, in production's measure."""
        total = sum(length * count for length, count in self.input_lengths.items())
        count = self.input_lengths.total()
        return INPUT_SCALE * total / count if count else None

    def noted(self) -> Quality:
        """How the monitor of the run itself did."""
        return Quality.of((a.is_abnormal, a.is_suspected) for a in self.judged)

    def replayed(self, rule: Rule, on: Switches) -> Quality:
        """How a monitor with another rule would have done on the same attempts.

        Exact where the run's own monitor only watched: one that acts cuts attempts short.
        """
        return Quality.of(
            (a.is_abnormal, first_abort(rule, on, a.history.steps) is not None) for a in self.judged
        )


def first_abort(rule: Rule, on: Switches, steps: Iterable[Step]) -> int | None:
    """After which of the steps of an attempt (from 0) a monitor would abort it."""
    monitor = Monitor(rule, on)
    monitor.begin(0)
    for place, step in enumerate(steps):
        if step.drafted and monitor.see(0, step.drafted, step.accepted) is Verdict.ABORT:
            return place
    return None


def quantile(values: list[int] | list[float], share: float) -> float | None:
    """The smallest value that so many of the values do not exceed; None of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
