"""A server for `reference_impl.load` on the virtual device: designs, a wire, and bad luck.

A write lands some ticks after it was posted, a few of them much later; of what a design does not
take for granted, a little goes wrong: aborts and answers get lost, writes fail.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch

from fencepost.streams import virtual_cuda
from fencepost.streams.policies import InOrder
from fencepost.streams.queues import Queue
from fencepost.streams.shim.session import VirtualDevice
from reference_impl.adapters.designs import Deployment, handoff, system
from reference_impl.adapters.fused import Fused, on_host, verify
from reference_impl.adapters.virtual import Handle, Hosts, LandsWhenTold, VirtualChannel, VirtualNic
from reference_impl.attention import Dense, Shape, SmallModel
from reference_impl.barriers import SpeculationMonitor as Switches
from reference_impl.load.drafting import Draft, SpeculatingDecodeNode
from reference_impl.load.prefixes import ReusingPrefillNode, WithPrefixes
from reference_impl.load.workload import LONGEST_INPUT, LONGEST_OUTPUT
from reference_impl.messages import Abort, Answer, Failure, Message, Records, Success
from reference_impl.prefill import Target
from reference_impl.slot_pool import SlotPool
from reference_impl.transport import Region

SHAPE = Shape(layers=1, positions=LONGEST_INPUT + LONGEST_OUTPUT)
BATCH = 4
"""The decode node's pages are for so many of the longest requests."""
KEPT_PAGES = 64
"""Pages of prompts that the prefill node keeps."""
DRAFT_READS = 5
"""Rows that the draft model's attention reads, of those that the target's does."""
RULES = "speculation_monitor"
MODELS = ("slot_lifecycle", "rdma_write_completion")


@dataclass(frozen=True)
class Found:
    """A design by its name, as MODEL/DESIGN."""

    name: str
    deployment: Deployment
    is_safe: bool


def find(name: str) -> Found:
    """A design of the handoff.

    Raises `LookupError` where there is none.
    """
    model, _, chosen = name.partition("/")
    if model not in MODELS:
        raise LookupError(f"{name}: a design is one of {', '.join(MODELS)}, a slash, and its name")
    for one in system(model).designs:
        if one.name == chosen:
            return Found(name, handoff(model, one.barriers), not one.expect.violations)
    names = ", ".join(one.name for one in system(model).designs)
    raise LookupError(f"{model} has no design {chosen!r}; it has {names}")


def reading(name: str) -> Switches:
    """The monitor's rule as a design of its model reads it.

    Raises `LookupError` where there is none.
    """
    designs = {one.name: one.barriers for one in system(RULES).designs}
    if name not in designs:
        raise LookupError(f"{RULES} has no design {name!r}; it has {', '.join(designs)}")
    return Switches.on(designs[name] & set(Switches.names()))


def listed() -> Iterator[str]:
    """The designs that can be served, and the readings of the rule, a line each."""
    for model in (*MODELS, RULES):
        for one in system(model).designs:
            violated = ", ".join(v.property for v in one.expect.violations)
            yield f"{model}/{one.name}: " + (f"violates {violated}" if violated else "safe")


@dataclass(frozen=True, kw_only=True)
class Luck:
    """How likely bad luck is, a write or a message at a time; delays in ticks."""

    late: float = 0.1
    fails: float = 0.002
    lost: float = 0.02
    usual_delay: int = 3
    late_delay: int = 60


class _Nic(VirtualNic):
    """A NIC whose writes land at a tick that is drawn when they are posted."""

    def __init__(
        self, virtual: VirtualDevice, policy: LandsWhenTold, draw: random.Random, luck: Luck
    ) -> None:
        super().__init__(virtual, policy)
        self._draw, self._luck = draw, luck
        self.tick = 0
        self.flying: list[tuple[int, Handle]] = []
        self._idle: list[Queue] = []

    def peek(self, tensor: torch.Tensor) -> torch.Tensor:
        """Nobody observes these writes, so nothing is copied."""
        return tensor

    def queue(self) -> Queue:
        """One that no write is on, so that writes land in any order."""
        return self._idle.pop() if self._idle else super().queue()

    def post(self, regions: Sequence[Region]) -> Handle:
        """As in `Transport`."""
        handle = super().post(regions)
        draw, luck = self._draw, self._luck
        longest = luck.late_delay if draw.random() < luck.late else luck.usual_delay
        self.flying.append((self.tick + draw.randint(1, longest), handle))
        handle.failed = draw.random() < luck.fails
        return handle

    def go_on(self, tick: int) -> None:
        """What is due lands."""
        self.tick = tick
        due = [handle for at, handle in self.flying if at <= tick]
        self.flying = [entry for entry in self.flying if entry[0] > tick]
        for handle in due:
            if not handle.landed:
                self.land(handle)
            self.posted.remove(handle)
            self._idle.append(handle.queue)


class VirtualMachine:
    """A `Machine` on the virtual device."""

    def __init__(
        self, virtual: VirtualDevice, policy: LandsWhenTold, made: Deployment, luck: Luck, seed: int
    ) -> None:
        self.virtual, self.assumed, self.luck = virtual, made.assumed, luck
        self._draw = random.Random(seed)
        self._hosts = Hosts(virtual)
        self._nic = _Nic(virtual, policy, self._draw, luck)
        model = SmallModel(SHAPE)
        fused = Fused(virtual, on_host(virtual, model))
        self._host = fused.host
        longest = SHAPE.pages(LONGEST_INPUT + LONGEST_OUTPUT)
        pool, records = SlotPool(SHAPE, BATCH * longest), Records.of(BATCH * longest)
        sources = SlotPool(SHAPE, BATCH * longest)
        torch.cuda.synchronize()
        self._up = _Wire(
            virtual, self._draw, luck, () if self._holds("aborts_arrive") else (Abort,)
        )
        heard = () if self._holds("answers_arrive") else (Answer, Success, Failure)
        self._down = _Wire(virtual, self._draw, luck, heard)
        with self.as_decode():
            self.decode = SpeculatingDecodeNode(
                model,
                pool,
                records,
                self._nic,
                (self._down, self._up),
                made.on,
                target=fused,
                draft=Draft(self._host.reading(DRAFT_READS), virtual.runtime.quiet),
            )
        with self.as_prefill():
            other = on_host(virtual, model.with_heads_reversed())
            reversed_model = WithPrefixes(Fused(virtual, other), KEPT_PAGES)
            self.prefill = ReusingPrefillNode(
                reversed_model,
                sources,
                Target(pool, records),
                self._nic,
                (self._up, self._down),
                made.on,
            )

    def _holds(self, promise: str) -> bool:
        return promise in self.assumed

    def as_decode(self) -> AbstractContextManager[None]:
        """As in `Machine`."""
        return self._hosts.acting("decode")

    def as_prefill(self) -> AbstractContextManager[None]:
        """As in `Machine`."""
        return self._hosts.acting("prefill")

    def go_on(self, tick: int) -> None:
        """As in `Machine`."""
        self._nic.go_on(tick)

    def may_pass_deadline(self, number: int) -> bool:
        """As in `Machine`; where a timeout outlasts writes, none of the request is under way."""
        posted = self.prefill.under_way.get(number, [])
        if self._holds("timeout_outlasts_writes") and any(
            isinstance(handle, Handle) and not handle.landed for handle in posted
        ):
            return False
        self.prefill.ended_leases.add(number)
        return True

    def right(self, prompt: tuple[int, ...], count: int, found: Sequence[int]) -> tuple[int, ...]:
        """As in `Machine`: one forward says whether `found` is right, and else each token has its
        own."""
        with self.virtual.runtime.quiet():
            return alone(self._host, prompt, count, found)


def alone(
    model: SmallModel, prompt: tuple[int, ...], count: int, found: Sequence[int] = ()
) -> tuple[int, ...]:
    """The tokens of a request that nothing overlaps with, computed in ordinary memory.

    `found` may be right: then one forward over all of it says so, as each of its tokens is the one
    that follows those before it.
    """
    cache, tokens = Dense(model.shape.layers), [*found][:count]
    rows = torch.tensor([*prompt, *tokens[:-1]])
    after = verify(model, rows, 0, cache).tolist()[len(prompt) - 1 :]
    right = 0
    while right < len(tokens) and tokens[right] == after[right]:
        right += 1
    tokens = after[: right + 1] if right < len(tokens) else tokens or after[:1]
    known = len(prompt) + len(tokens) - 1
    for parts in (cache.indices, cache.rows):
        parts[:] = [None if part is None else part[:known] for part in parts]
    while len(tokens) < count:
        tokens += verify(model, torch.tensor(tokens[-1:]), known, cache).tolist()
        known += 1
    return tuple(tokens)


class _Wire(VirtualChannel):
    """A channel that loses some messages of the kinds that may get lost."""

    def __init__(
        self, virtual: VirtualDevice, draw: random.Random, luck: Luck, lossy: tuple[type, ...]
    ) -> None:
        super().__init__(virtual, lambda _: None)
        self._draw, self._luck, self._lossy = draw, luck, lossy

    def send(self, message: Message) -> None:
        """As in `Channel`."""
        super().send(message)
        if isinstance(message, self._lossy) and self._draw.random() < self._luck.lost:
            self.under_way.pop()


@contextmanager
def machine(made: Deployment, luck: Luck, seed: int) -> Iterator[VirtualMachine]:
    """A server on a device of its own, until the end of the context."""
    policy = LandsWhenTold(InOrder())
    with virtual_cuda(policy=policy) as virtual:
        yield VirtualMachine(virtual, policy, made, luck, seed)
