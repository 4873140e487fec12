"""`--timeout` and `--max-memory` bind whatever engine answers, and leave it UNDECIDED."""

from __future__ import annotations

import time

import pytest

from fencepost import *
from fencepost.core.limits import MEMORY_LIMIT, TIME_LIMIT, Limits
from fencepost.core.results import Verdict
from fencepost.engines.fuzz import campaign, fuzz, walk
from fencepost.language import build
from fencepost.running import ENGINES, Asked, engine


class Tokens(Model):
    """Tokens go round among many holders; a reading for any size exists."""

    holders = Parameter(12, low=1)
    Holder = Index(holders)
    lends = Barrier("a token is lent by who has it", buys=["who_has_had"])
    has = Array(Holder, of=bool, initial=True)
    had = Array(Holder, of=bool, initial=True)
    marked = Array(Holder, of=bool)

    @action(giver=Holder, taker=Holder)
    def give(self, giver, taker):
        if self.lends:
            require(self.has[giver] and not self.has[taker])
        self.has[giver] = False
        self.has[taker] = True
        self.had[taker] = True

    @action(holder=Holder)
    def lose(self, holder):
        require(self.has[holder])
        self.has[holder] = False

    @action(holder=Holder)
    def mark(self, holder):
        self.marked[holder] = not self.marked[holder]

    lent = Design(lends, expect=holds)


@always(Tokens)
def who_has_had(m, holder: Tokens.Holder):
    """Whoever has a token has had one."""
    return not m.has[holder] or m.had[holder]


SYSTEM = build(Tokens, [who_has_had])
SECONDS = 0.001


def of(name: str, limits: Limits):
    return engine(name, Asked())(SYSTEM, SYSTEM.design("lent"), limits=limits).answer


@pytest.mark.parametrize("name", ENGINES)
def test_time_ends_every_engine(name: str):
    began = time.perf_counter()
    answer = of(name, Limits(seconds=SECONDS))
    assert answer.stopped == TIME_LIMIT
    assert answer.verdict is Verdict.UNDECIDED
    assert time.perf_counter() - began < 30


@pytest.mark.parametrize("name", ENGINES)
def test_memory_ends_every_engine(name: str):
    answer = of(name, Limits(memory_bytes=1000))
    assert answer.stopped == MEMORY_LIMIT
    assert answer.verdict is Verdict.UNDECIDED


def test_what_fuzzing_keeps_grows_to_its_limit():
    """Ends where the states that were come to take more than the limit, not at once."""
    told: list[int] = []
    design = SYSTEM.design("lent")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(campaign, "PROGRESS_S", 0.0)
        free = fuzz(SYSTEM, design, examples=40, progress=lambda p: told.append(p.bytes)).answer
    assert free.stopped == ""
    assert told == sorted(told)
    half = (told[0] + told[-1]) // 2
    cut = fuzz(SYSTEM, design, examples=40, limits=Limits(memory_bytes=half)).answer
    assert cut.stopped == MEMORY_LIMIT
    assert 20 < cut.states < free.states


def test_walks_take_the_same_memory_however_many_there_are():
    told: list[int] = []
    design, enough = SYSTEM.design("lent"), Limits(memory_bytes=1 << 28)
    answer = walk(
        SYSTEM,
        design,
        walks=20_000,
        limits=enough,
        progress=lambda progress: told.append(progress.bytes),
    ).answer
    assert answer.stopped == ""
    assert told and len(set(told)) == 1 and told[0] > 0
