"""The caching allocator of the device, and the one of pinned host memory.

A freed block goes back to the stream that allocated it and is lent again at once, as PyTorch does.
With `record_stream`, or while a copy still uses pinned memory, it rests until that work has run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fencepost.streams.shim.launches import Launch, Span
from fencepost.streams.shim.queues import Operation, Queues, Stream


@dataclass(eq=False)
class Block:
    """A block of memory: where it is, and who has it."""

    address: int
    size: int
    owner: Stream
    users: list[Stream] = field(default_factory=list)
    resting: list[Operation] = field(default_factory=list)


class OutOfMemory(RuntimeError):
    """The range of addresses is used up; `torch.cuda.OutOfMemoryError` for the program."""


class Blocks:
    """Pools of freed blocks by owner and size, in one range of addresses."""

    def __init__(
        self,
        queues: Queues,
        start: int,
        stop: int,
        poison: Callable[[int, int], object] | None = None,
    ) -> None:
        self.queues = queues
        self.next = self.start = start
        self.stop = stop
        self.poison = poison
        self.on_device = poison is not None
        self.live: dict[int, Block] = {}
        self.free_blocks: defaultdict[tuple[Stream, int], list[Block]] = defaultdict(list)
        self.allocated = 0
        self.peak = 0

    @property
    def reserved(self) -> int:
        """Bytes that were ever lent."""
        return self.next - self.start

    def allocate(self, size: int) -> int:
        """The address of a block for the current stream."""
        queues = self.queues
        owner = queues.current() if self.on_device else queues.default
        pool = self.free_blocks[owner, size]
        for block in reversed(pool):
            if all(mark.done for mark in block.resting):
                pool.remove(block)
                if block.resting:
                    queues.forget(block.address, block.address + size)
                break
        else:
            if self.next + size > self.stop:
                raise OutOfMemory(f"the virtual device has no {size} bytes left")
            block = Block(self.next, size, owner)
            self.next += size
        block.users, block.resting = [], []
        self.live[block.address] = block
        self.allocated += size
        self.peak = max(self.peak, self.allocated)
        return block.address

    def free(self, address: int) -> None:
        """Give a block back; without `record_stream` its bytes are overwritten from then on."""
        block = self.live.pop(address)
        self.allocated -= block.size
        users = [user for user in block.users if user is not block.owner or not self.on_device]
        if users:
            block.resting = [self.queues.mark(user, named=False) for user in dict.fromkeys(users)]
            if self.on_device:
                block.resting.append(self.queues.mark(block.owner, named=False))
        elif self.poison is not None:
            poison, size = self.poison, block.size
            whole = Span(address, ((0, size),), "the freed block")
            launch = Launch("free", [], [whole], kernel=lambda: poison(address, size))
            self.queues.submit(launch, block.owner)
        else:
            self.queues.forget(address, address + block.size)
        self.free_blocks[block.owner, block.size].append(block)

    def use(self, address: int, stream: Stream) -> None:
        """A stream uses a block besides its owner."""
        block = self.live.get(address)
        if block is not None and stream not in block.users:
            block.users.append(stream)


def memory_names(blocks: Blocks, check_device: Any) -> dict[str, Any]:
    """The questions of `torch.cuda` about memory."""

    def reset_peak(device: Any = None) -> None:
        check_device(device)
        blocks.peak = blocks.allocated

    def asked(answer: Any) -> Any:
        def ask(device: Any = None) -> Any:
            check_device(device)
            return answer()

        return ask

    total = blocks.stop - blocks.start
    return {
        "memory_allocated": asked(lambda: blocks.allocated),
        "max_memory_allocated": asked(lambda: blocks.peak),
        "memory_reserved": asked(lambda: blocks.reserved),
        "max_memory_reserved": asked(lambda: blocks.reserved),
        "memory_cached": asked(lambda: blocks.reserved),
        "reset_peak_memory_stats": reset_peak,
        "reset_max_memory_allocated": reset_peak,
        "mem_get_info": asked(lambda: (total - blocks.reserved, total)),
        "memory_stats": asked(
            lambda: {
                "allocated_bytes.all.current": blocks.allocated,
                "allocated_bytes.all.peak": blocks.peak,
                "reserved_bytes.all.current": blocks.reserved,
                "reserved_bytes.all.peak": blocks.reserved,
            }
        ),
    }
