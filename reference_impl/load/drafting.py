"""A decode node that drafts tokens, verifies them in one step, and asks the monitor about it.

The draft model reads a cache of its own, which nobody else writes to: that is why a damaged cache
of the target shows in what is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch import Tensor

from reference_impl.attention import SmallModel
from reference_impl.barriers import Handoff
from reference_impl.decode import DecodeNode, Phase, Request
from reference_impl.load.oracle import Dense
from reference_impl.slot_pool import Paged, SlotPool
from reference_impl.transport import Peer

DRAFTS = 2
"""How many tokens are proposed for a step, as in `models/speculation_monitor.py`."""


@dataclass(frozen=True)
class Part:
    """The tokens of one request in a batch: so many, from row `start` of its cache."""

    count: int
    start: int
    cache: Paged


class Target(Protocol):
    """A model that verifies a batch."""

    def verify_batch(self, tokens: Tensor, parts: Sequence[Part]) -> Tensor:
        """The token after each of `tokens`, int64 [n] on the device, those of one request behind
        those of the other; int64 [n]."""


@dataclass(frozen=True)
class Step:
    """What a decode step did: drafts proposed and accepted. It made `accepted + 1` tokens."""

    drafted: int
    accepted: int


def reading(model: SmallModel, chosen: int) -> SmallModel:
    """The same model with an attention that reads so many rows: a draft of it."""
    made = copy(model)
    made.shape = replace(model.shape, chosen=chosen)
    return made


class Draft:
    """A draft model in ordinary memory, and its own cache of each request.

    `at_work` is entered around its computations.
    """

    def __init__(
        self,
        model: SmallModel,
        at_work: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.model, self._at_work = model, at_work
        self._caches: dict[int, tuple[Dense, int]] = {}

    def propose(self, request: Request, count: int) -> list[int]:
        """The next `count` tokens after those that a request has."""
        cache, known = self._caches.pop(request.number, (Dense(self.model.shape.layers), 0))
        tokens = [*request.prompt, *request.tokens]
        proposed: list[int] = []
        with self._at_work():
            while len(proposed) < count:
                new = [*tokens, *proposed][known:]
                proposed.append(int(self.model.forward(torch.tensor(new), known, cache)))
                known += len(new)
            known = len(tokens)
            cache.keep(known)
        self._caches[request.number] = cache, known
        return proposed

    def forget(self, number: int) -> None:
        """A request has ended."""
        self._caches.pop(number, None)


@dataclass
class History:
    """What the steps of an attempt came to, and at which token each began."""

    steps: list[Step] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)


class SpeculatingDecodeNode(DecodeNode):
    """A decode node whose step brings every request of its batch on, by one token or more.

    `after_step` is told of each step of a request that goes on, and may abort it.
    """

    def __init__(
        self,
        model: SmallModel,
        pool: SlotPool,
        on: Handoff,
        *peers: Peer,
        target: Target,
        draft: Draft,
    ) -> None:
        super().__init__(model, pool, on, *peers)
        self.target, self.draft = target, draft
        self.after_step: Callable[[Request, Step], object] = lambda _request, _step: None
        self.histories: dict[int, History] = {}

    def step(self) -> bool:
        """Start what was received, and bring on what decodes."""
        requests = list(self.requests.values())
        batch = [request for request in requests if request.phase is Phase.DECODING]
        started = [self.start(r) for r in requests if r.phase is Phase.RECEIVED]
        if batch:
            self._verify(batch)
        return bool(batch) or any(started)

    def _verify(self, batch: Sequence[Request]) -> None:
        """Verify drafts: those that the target agrees with stand, and one token of its own."""
        asked = [self._ask(request) for request in batch]
        parts = []
        for request, tokens in zip(batch, asked, strict=True):
            assert request.slot is not None
            start = len(request.prompt) + len(request.tokens) - 1
            parts.append(Part(len(tokens), start, Paged(self.pool, request.slot)))
        with torch.cuda.stream(self.stream):
            ids = torch.tensor([token for tokens in asked for token in tokens], device="cuda")
            found = self.target.verify_batch(ids, parts).tolist()
        for request, tokens in zip(batch, asked, strict=True):
            self._accept(request, tokens[1:], found[: len(tokens)])
            del found[: len(tokens)]

    def _ask(self, request: Request) -> list[int]:
        """The newest token and the drafts after it, as many as may still be wanted."""
        left = request.count - len(request.tokens)
        return [request.tokens[-1], *self.draft.propose(request, min(DRAFTS, left - 1))]

    def _accept(self, request: Request, drafts: list[int], found: list[int]) -> None:
        accepted = 0
        while accepted < len(drafts) and drafts[accepted] == found[accepted]:
            accepted += 1
        step = Step(len(drafts), accepted)
        history = self.histories.setdefault(request.number, History())
        history.steps.append(step)
        history.begins.append(len(request.tokens))
        for token in found[: accepted + 1]:
            self._take(request, token)
        self.after_step(request, step)
