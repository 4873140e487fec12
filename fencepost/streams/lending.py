"""Memory of the device and pinned memory of the host, as the caching allocators lend it."""

from __future__ import annotations

from functools import partial
from threading import get_ident

from fencepost.core.errors import InputError, Location
from fencepost.streams.allocator import Allocator
from fencepost.streams.calls import Allocate, Free, RecordStream
from fencepost.streams.memory import POISON, Memory
from fencepost.streams.policies import Policy
from fencepost.streams.queues import Block, Host, Mark, Queue
from fencepost.streams.recording import Choices, Recording, Turns
from fencepost.streams.regions import whole
from fencepost.streams.sites import caller


class Lending(Recording):
    """Blocks, and what their frees mean."""

    def __init__(
        self,
        policy: Policy,
        most_queued: int,
        choices: Choices | None,
        turns: Turns | None,
        memory: Memory | None,
        ranges: tuple[tuple[int, int], tuple[int, int]],
    ) -> None:
        super().__init__(policy, most_queued, choices, turns)
        self.memory = memory
        self._keeps_kernels = memory is not None
        self.allocator, self.pinned = Allocator(*ranges[0]), Allocator(*ranges[1])
        self.blocks: dict[int, Block] = {}
        """The live blocks, by address."""
        self._lent = 0

    def allocate(
        self, size: int, stream: Queue, label: str = "", *, site: Location | None = None
    ) -> Block:
        """A block of device memory from the pool of a stream."""
        if self.turns is not None:
            self.turns.switch()
        with self._lock:
            host = self._hosts.get(get_ident()) or self.here()
            if stream not in self._streams:
                self._is_stream(stream)
            start = self.allocator.allocate(size, stream)
            return self._block(start, size, host, stream, label, site, pinned=False)

    def allocate_pinned(self, size: int, label: str = "", *, site: Location | None = None) -> Block:
        """A block of pinned host memory."""
        with self._call() as host:
            start = self.pinned.allocate(size, None)
            return self._block(start, size, host, None, label, site, pinned=True)

    def free(
        self, block: Block, *, keeps_addresses: bool = False, site: Location | None = None
    ) -> None:
        """Give a block back; with `keeps_addresses`, nobody is lent its addresses yet.

        The allocator writes poison as its stream; the block rests until all work queued now on
        the streams that were recorded on it is done. Raises `InputError` F202 if it is free.
        """
        if self.turns is not None:
            self.turns.switch()
        with self._lock:
            host = self._hosts.get(get_ident()) or self.here()
            if not block.live:
                self._is_live(block)
            block.live = False
            memory, start, size = self.memory, block.start, block.size
            del self.blocks[start]
            owner = block.queue or host
            run = None if memory is None else partial(memory.fill, start, size, POISON)
            written = (whole(start, size, block.label),)
            poison = self._operation("free", host, owner.number, (), written, run, None, site)
            self.trace.calls.append(Free(host.number, block.number, poison))
            rest: tuple[Mark, ...] = ()
            if block.used_by:
                others = dict.fromkeys(q for q in block.used_by if q is not block.queue)
                rest = tuple(self._mark(other) for other in others)
            if block.queue is None:
                self._poison_after(rest, poison)
                if block.pinned:
                    self.pinned.free(block, rest)
            else:
                before = self._before(block.queue) if self._blocking else ()
                if rest or before:
                    self._poison_after((block.queue.end(), *before, *rest), poison)
                else:
                    self._put(block.queue, poison)
                self.allocator.free(block, rest, keeps_addresses=keeps_addresses)
            if not self.policy.lazy or self._waiting > self.most_queued:
                self._went_on()

    def give_back(self, block: Block) -> None:
        """The addresses of a block may be lent again, which were kept when it was freed."""
        with self._lock:
            self.allocator.give_back(block)

    def record_stream(
        self, block: Block, stream: Queue, *, site: Location | None = None, automatic: bool = False
    ) -> None:
        """After its free, the block rests until this stream's work is done.

        `automatic` marks what the allocator does by itself, as it does for pinned blocks.
        """
        with self._call() as host:
            self._is_live(block)
            self.trace.calls.append(
                RecordStream(host.number, block.number, stream.number, automatic, site or caller())
            )
            block.used_by += (stream,)

    def register(
        self, start: int, size: int, label: str = "", *, site: Location | None = None
    ) -> Block:
        """Memory of the host that the program brings itself; it is never lent again."""
        with self._call() as host:
            return self._block(start, size, host, None, label, site, pinned=False)

    def let_go_of_kernels(self) -> None:
        """Kernels that have run are kept no more, and nothing can be replayed from now on."""
        with self._lock:
            self._keeps_kernels = False
            waiting = {id(item.operation) for queue in self.queues for item in queue.items}
            waiting |= {id(poison) for _, poison in self._poisons}
            for operation in self.trace.every_operation():
                if id(operation) not in waiting:
                    operation.run = None

    def _block(
        self,
        start: int,
        size: int,
        host: Host,
        stream: Queue | None,
        label: str,
        site: Location | None,
        *,
        pinned: bool,
    ) -> Block:
        block = Block(self._lent, start, size, stream, label, pinned=pinned)
        self._lent += 1
        self.blocks[start] = block
        agent = (stream or host).number
        place = site or caller()
        self.trace.calls.append(
            Allocate(host.number, block.number, agent, start, size, label, pinned, place)
        )
        return block

    def _is_live(self, block: Block) -> None:
        if not block.live:
            raise InputError(
                "F202",
                f"the block {block.label or block.number} is free already",
                why="its bytes may belong to somebody else by now",
                write="record_stream() and free() once, while the block is in use",
            )
