"""A monitor of speculative decoding: counts of accepted drafts say when a cache may be corrupt.

A draft model proposes tokens, the target model verifies them in one step, and both read a cache.
Few drafts are accepted where they see different keys and values; nearly all where a request repeats
itself. The published rule (GLM-5, https://z.ai/blog/scaling-pain) aborts a request after more than
128 tokens for an accept length below 1.4 or an accept rate above 0.96; what it leaves open is a
switch here, as it is in `models/speculation_monitor.py`. The decode node that feeds the monitor is
`load/drafting.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from reference_impl.barriers import SpeculationMonitor as Switches


class Verdict(Enum):
    """What the monitor thinks of a request after a step."""

    PASS, SUSPECT, ABORT = range(3)


@dataclass(frozen=True)
class Rule:
    """The numbers of the rule; `guard` counts tokens, `window` verdicts in a row, and `span` the
    steps that a verdict is about where counts start over."""

    low_length: float = 1.4
    high_rate: float = 0.96
    guard: int = 128
    window: int = 2
    span: int = 1
    retries: int = 1


@dataclass
class Counts:
    """What is counted of one attempt; drafts and steps only since they started over."""

    tokens: int = 0
    steps: int = 0
    drafted: int = 0
    accepted: int = 0
    lows: int = 0
    highs: int = 0

    @property
    def accept_length(self) -> float:
        """Tokens of a step: what was accepted, and the one that the target model adds."""
        return 1 + self.accepted / self.steps

    @property
    def accept_rate(self) -> float:
        """Accepted drafts of all drafts."""
        return self.accepted / self.drafted


class Monitor:
    """Counts for each request, and the verdicts on them."""

    def __init__(self, rule: Rule, on: Switches) -> None:
        self.rule, self.on = rule, on
        self.counts: dict[int, Counts] = {}
        self.attempts: dict[int, int] = {}

    def begin(self, request: int) -> None:
        """An attempt at a request begins."""
        self.attempts[request] = self.attempts.get(request, 0) + 1
        if self.on.attempt_counts_anew or request not in self.counts:
            self.counts[request] = Counts()

    def may_retry(self, request: int) -> bool:
        """Whether an aborted request gets another attempt."""
        return not self.on.retries_are_counted or self.attempts[request] <= self.rule.retries

    def see(self, request: int, drafted: int, accepted: int) -> Verdict:
        """Judge a request after a step, of whose `drafted` tokens so many were accepted."""
        counts, on, rule = self.counts[request], self.on, self.rule
        counts.tokens += accepted + 1
        counts.steps += 1
        counts.drafted += drafted
        counts.accepted += accepted
        if on.counts_start_over and counts.steps < rule.span:
            return Verdict.PASS
        past_guard = counts.tokens > rule.guard
        judges_length = on.low_length_aborts and (past_guard or not on.guard_covers_length)
        judges_rate = on.high_rate_aborts and (past_guard or not on.guard_covers_rate)
        low = judges_length and counts.accept_length < rule.low_length
        high = judges_rate and counts.accept_rate > rule.high_rate
        counts.lows = counts.lows + 1 if low else 0
        counts.highs = counts.highs + 1 if high else 0
        if on.counts_start_over:
            counts.steps = counts.drafted = counts.accepted = 0
        lasts_low = counts.lows >= (rule.window if on.low_length_persists else 1)
        lasts_high = counts.highs >= (rule.window if on.high_rate_persists else 1)
        if (low and lasts_low) or (high and lasts_high):
            return Verdict.ABORT
        return Verdict.SUSPECT if low or high else Verdict.PASS
