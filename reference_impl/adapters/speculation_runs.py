"""The monitor and the balancer performed on accept histories that a seed draws.

A history goes as `models/speculation_monitor.py` says that requests go: in its opening a sound one
does as it likes, and later it has one extreme step at a time; of a garbled one no draft is
accepted, of a looping one all are. The numbers of the rule are the model's. A cache is corrupted at
a step that goes through all steps as the seed does.
"""

from __future__ import annotations

import random
from enum import Enum

from reference_impl.adapters.outcomes import Outcome
from reference_impl.barriers import SpeculationMonitor as Switches
from reference_impl.speculation import Monitor, Rule, Verdict

RULE = Rule(guard=3, window=2, span=1, retries=1)
DRAFTS = 2
MOST_STEPS = 24
"""A corrupt answer that is so long has no end."""
MOST_ATTEMPTS = 6
"""A request that is tried so often is tried for ever."""
CORRUPTED = 8
"""A cache is corrupted at one of so many first steps, or never."""


class Cache(Enum):
    """What the keys and values of a request are worth, which an observer knows."""

    SOUND = "sound"
    GARBLED = "garbled"
    LOOPING = "looping"


def run(on: Switches, seed: int) -> Outcome:
    """All attempts at one request."""
    return _Run(on, seed).perform()


class _Run:
    def __init__(self, on: Switches, seed: int) -> None:
        self.seed, self.draw = seed, random.Random(seed)
        self.monitor, self.outcome = Monitor(RULE, on), Outcome()

    def perform(self) -> Outcome:
        """Until the request is finished or given up, or will never be."""
        failed = self.outcome.failed
        for attempt in range(MOST_ATTEMPTS):
            if attempt > RULE.retries:
                failed.add("retries_are_bounded")
            ended = self._attempt()
            if ended is None:
                failed |= {"request_ends", "slot_becomes_free"}
            if ended is not Verdict.ABORT:
                return self.outcome
            if not self.monitor.may_retry(0):
                self.outcome.log.append("give up")
                return self.outcome
        failed.add("request_ends")
        return self.outcome

    def _attempt(self) -> Verdict | None:
        """How an attempt ended; None if it never does."""
        draw, monitor = self.draw, self.monitor
        monitor.begin(0)
        counts, cache = monitor.counts[0], Cache.SOUND
        corruption = draw.choice((Cache.GARBLED, Cache.LOOPING, None))
        length, tokens, unnoticed, surprised = draw.randint(2, MOST_STEPS), 0, 0, False
        for step in range(MOST_STEPS):
            if corruption is not None and step == self.seed % CORRUPTED:
                cache, surprised = corruption, False
                self.outcome.log.append(f"corrupt: {cache.value}")
            if cache is Cache.SOUND and step == length:
                self.outcome.log.append("finish")
                return Verdict.PASS
            accepted = self._accepted(cache, surprised=surprised)
            tokens += accepted + 1
            if tokens > RULE.guard:
                surprised = cache is Cache.SOUND and accepted != 1
                unnoticed += cache is not Cache.SOUND
            if unnoticed > RULE.window:
                self.outcome.failed.add(f"{cache.value}_request_is_caught")
            verdict = monitor.see(0, DRAFTS, accepted)
            self.outcome.log.append(f"{accepted} of {DRAFTS}: {verdict.name.lower()}")
            if verdict is Verdict.ABORT:
                if cache is Cache.SOUND:
                    self.outcome.failed.add("sound_request_is_not_aborted")
                return verdict
            if counts.tokens <= RULE.guard and counts.lows + counts.highs:
                self.outcome.failed.add("opening_is_passed_over")
        return Verdict.PASS if cache is Cache.SOUND else None

    def _accepted(self, cache: Cache, *, surprised: bool) -> int:
        """Of `DRAFTS` drafts."""
        match cache:
            case Cache.GARBLED:
                return 0
            case Cache.LOOPING:
                return DRAFTS
            case _:
                return 1 if surprised else self.draw.randint(0, DRAFTS)
