"""A monitor of speculative decoding: counts of accepted drafts say when a cache may be corrupt.

A draft model proposes tokens, the target model verifies them in one step, and both read a cache.
Few drafts are accepted where they see different keys and values; nearly all where a request repeats
itself. The published rule (GLM-5, https://z.ai/blog/scaling-pain) aborts a request after more than
128 tokens for an accept length below 1.4 or an accept rate above 0.96; what it leaves open is a
switch here, as it is in `models/speculation_monitor.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import torch
from torch import Tensor

from reference_impl.attention import SmallModel
from reference_impl.barriers import SpeculationMonitor as Switches
from reference_impl.slot_pool import Paged, Slot, SlotPool


class Verdict(Enum):
    """What the monitor thinks of a request after a step."""

    PASS = "pass"  # noqa: S105  # no password
    SUSPECT = "suspect"
    ABORT = "abort"


@dataclass(frozen=True)
class Rule:
    """The numbers of the rule; `guard` counts tokens, `window` verdicts in a row."""

    low_length: float = 1.4
    high_rate: float = 0.96
    guard: int = 128
    window: int = 2
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


@dataclass(frozen=True)
class Postmortem:
    """The case of an aborted request.

    history: drafted and accepted of each step; index_keys and keys_values: the pages of its slot on
    the host, float32 [pages, layers, page_rows, ...].
    """

    request: int
    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    slot: Slot
    free_pages: int
    history: tuple[tuple[int, int], ...]
    index_keys: Tensor
    keys_values: Tensor


class Monitor:
    """Counts for each request, and the verdicts on them."""

    def __init__(self, rule: Rule, on: Switches) -> None:
        self.rule, self.on = rule, on
        self.counts: dict[int, Counts] = {}
        self.attempts: dict[int, int] = {}
        self.history: dict[int, list[tuple[int, int]]] = {}

    def begin(self, request: int) -> None:
        """An attempt at a request begins."""
        self.attempts[request] = self.attempts.get(request, 0) + 1
        if self.on.attempt_counts_anew or request not in self.counts:
            self.counts[request] = Counts()
        self.history[request] = []

    def may_retry(self, request: int) -> bool:
        """Whether an aborted request gets another attempt."""
        return not self.on.retries_are_counted or self.attempts[request] <= self.rule.retries

    def see(self, request: int, drafted: int, accepted: int) -> Verdict:
        """Judge a request after a step, of whose `drafted` tokens so many were accepted."""
        counts, on, rule = self.counts[request], self.on, self.rule
        self.history[request].append((drafted, accepted))
        counts.tokens += accepted + 1
        counts.steps += 1
        counts.drafted += drafted
        counts.accepted += accepted
        past_guard = counts.tokens > rule.guard
        judges_length = on.low_length_aborts and (past_guard or not on.guard_covers_length)
        judges_rate = on.high_rate_aborts and (past_guard or not on.guard_covers_rate)
        low = judges_length and counts.accept_length < rule.low_length
        high = judges_rate and counts.accept_rate > rule.high_rate
        counts.lows = counts.lows + 1 if low else 0
        counts.highs = counts.highs + 1 if high else 0
        if on.counts_start_over:
            counts.steps = counts.drafted = counts.accepted = 0
        if low and counts.lows >= (rule.window if on.low_length_persists else 1):
            return Verdict.ABORT
        if high and counts.highs >= (rule.window if on.high_rate_persists else 1):
            return Verdict.ABORT
        return Verdict.SUSPECT if low or high else Verdict.PASS


@dataclass
class Decoding:
    """A request that is decoded speculatively; `drafts` are the pages of the draft model."""

    number: int
    prompt: tuple[int, ...]
    slot: Slot
    drafts: Slot
    tokens: list[int] = field(default_factory=list)

    @property
    def written(self) -> int:
        """Rows that both caches hold: all but that of the newest token."""
        return len(self.prompt) + len(self.tokens) - 1


class Speculation:
    """A draft and a target model, a pool of pages for each, and the monitor that they feed."""

    def __init__(
        self,
        target: SmallModel,
        draft: SmallModel,
        pools: tuple[SlotPool, SlotPool],
        monitor: Monitor,
        drafts: int = 2,
    ) -> None:
        self.target, self.draft, self.monitor, self.drafts = target, draft, monitor, drafts
        self.pool, self.draft_pool = pools
        self.cases: list[Postmortem] = []

    def begin(self, number: int, prompt: tuple[int, ...], most: int) -> Decoding | None:
        """Compute a prompt in both caches; None where there is no room for `most` tokens more."""
        pages = self.target.shape.pages(len(prompt) + most + self.drafts)
        slot = self.pool.take(number, pages)
        drafts = self.draft_pool.take(number, pages) if slot is not None else None
        if slot is None or drafts is None:
            if slot is not None:
                self.pool.give_back(slot)
            return None
        made = Decoding(number, prompt, slot, drafts)
        ids = torch.tensor(prompt, device="cuda")
        self.draft.forward(ids, 0, Paged(self.draft_pool, drafts))
        made.tokens.append(int(self.target.forward(ids, 0, Paged(self.pool, slot))))
        self.monitor.begin(number)
        return made

    def step(self, decoding: Decoding) -> Verdict:
        """Draft, verify, keep what is accepted and one token more; abort if the monitor says so."""
        start = decoding.written
        drafted = self._propose(decoding, start)
        ids = torch.tensor([decoding.tokens[-1], *drafted], device="cuda")
        verified = self.target.verify(ids, start, Paged(self.pool, decoding.slot)).tolist()
        accepted = 0
        while accepted < len(drafted) and drafted[accepted] == verified[accepted]:
            accepted += 1
        decoding.tokens += verified[: accepted + 1]
        verdict = self.monitor.see(decoding.number, len(drafted), accepted)
        if verdict is Verdict.ABORT:
            self.cases.append(self._postmortem(decoding))
            self.end(decoding)
        return verdict

    def _propose(self, decoding: Decoding, start: int) -> list[int]:
        """The draft model's next tokens; its last row is one that the target has yet to accept."""
        cache, proposed = Paged(self.draft_pool, decoding.drafts), [decoding.tokens[-1]]
        for place in range(self.drafts + 1):
            token = torch.tensor(proposed[-1:], device="cuda")
            proposed.append(int(self.draft.forward(token, start + place, cache)))
        return proposed[1 : self.drafts + 1]

    def end(self, decoding: Decoding) -> None:
        """Give the pages back; every step was waited for, so nothing still writes into them."""
        self.pool.give_back(decoding.slot)
        self.draft_pool.give_back(decoding.drafts)

    def _postmortem(self, decoding: Decoding) -> Postmortem:
        pages = list(decoding.slot.pages)
        return Postmortem(
            decoding.number,
            decoding.prompt,
            tuple(decoding.tokens),
            decoding.slot,
            self.pool.free,
            tuple(self.monitor.history[decoding.number]),
            self.pool.index_keys[pages].cpu(),
            self.pool.keys_values[pages].cpu(),
        )
