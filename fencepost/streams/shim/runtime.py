"""The virtual device as the operators of torch see it: memory, launches, accesses of the host."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.graph import GradientEdge

from fencepost.core.errors import Location
from fencepost.streams.queues import Host
from fencepost.streams.regions import Bytes, strided
from fencepost.streams.shim.aliases import Alias, Aliases, bytes_at
from fencepost.streams.shim.arena import ALIGNMENT, Arena, Lent
from fencepost.streams.shim.errors import several_streams
from fencepost.streams.shim.gradients import Differentiated, Ends
from fencepost.streams.shim.handed_out import HandedOut
from fencepost.streams.shim.launches import Launch, Once
from fencepost.streams.shim.moves import Moves
from fencepost.streams.shim.native_libraries import Libraries
from fencepost.streams.shim.quiet import Quiet
from fencepost.streams.shim.shapes import (
    WITHOUT_TENSORS,
    Outline,
    ShapeRules,
    outline_of,
    shown,
)
from fencepost.streams.shim.sites import place_of
from fencepost.streams.shim.stalls import Stalls

if TYPE_CHECKING:
    from fencepost.streams.shim.bridge import Bridge

aten = torch.ops.aten
Released = tuple[int, Location, Host | None]
"""A block that torch has let go of: its address, where that was, and in which thread."""
DEVICE, HOST = "device", "host"


class Runtime:
    """One virtual device under torch.

    `bridge` is the torch-free device below: streams, allocator and detector.
    """

    def __init__(self, bridge: Bridge, arena: Arena) -> None:
        self.bridge = bridge
        self.arena = arena
        self.on_device = arena.on_device
        self.moves = Moves(self)
        self.aliases = Aliases(arena, self.moves)
        self.shapes = ShapeRules()
        self.here = bridge.here
        self.generator = torch.Generator()
        self.released: deque[Released] = deque()
        self.differentiated = Differentiated()
        self.handed_out = HandedOut(self)
        self.libraries = Libraries()
        self.stalls = Stalls(bridge, self._is_watched_at)
        self._watched: dict[int, int] = {}
        self._registered: dict[int, int] = {}

    # Where tensors are.

    def place_for(self, device: Any, there: bool) -> str:
        """Where a factory puts its tensor.

        torch's own code asks for the device of another tensor, which is the CPU here; then it is
        the place of the call that the program made.
        """
        if device is not None and device.type == "cuda":
            return DEVICE
        place = self.here.place
        if place is None:
            return DEVICE if there else HOST
        if not isinstance(place, str):
            place = self.here.place = self.place_among(place)
        return place

    def place_among(self, arguments: Iterable[Any]) -> str:
        """Where a call belongs that names no device: on it if one of its tensors is there."""
        on_device = self.on_device
        for value in arguments:
            if type(value) in WITHOUT_TENSORS:
                continue
            if isinstance(value, torch.Tensor):
                if on_device(value):
                    return DEVICE
            elif isinstance(value, list | tuple):
                for item in value:
                    if isinstance(item, torch.Tensor) and on_device(item):
                        return DEVICE
        return HOST

    def is_pinned(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor is in pinned host memory."""
        if tensor.layout is not torch.strided:
            return False
        address = self.arena.address(tensor)
        if self.arena.middle <= address < self.arena.end:
            return True
        return any(start <= address < start + n for start, n in self._registered.items())

    def register(self, address: int, size: int) -> int:
        """`cudaHostRegister`: host memory of the program's own becomes pinned."""
        self.handed_out.registered(address)
        self._registered[address] = size
        self._watched[address] = size
        self.bridge.watch(address, size)
        return 0

    def unregister(self, address: int) -> int:
        """`cudaHostUnregister`."""
        del self._registered[address], self._watched[address]
        self.bridge.memory.outside.pop(address, None)
        return 0

    def alias(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor as a queued kernel holds it: it keeps no block of the device alive."""
        known = self.aliases.of(tensor)
        if known is not None:
            return known.tensor
        arena = self.arena
        address = tensor.data_ptr() or arena.address(tensor)
        if not arena.base <= address < arena.end:
            return tensor.detach()
        address = self._place(tensor, address)
        raw = arena.alias(address, tensor.size(), tensor.stride(), tensor.dtype)
        if tensor.is_conj():
            raw = raw.conj()
        return raw._neg_view() if tensor.is_neg() else raw

    def is_watched(self, tensor: torch.Tensor) -> bool:
        """Whether a copy that nobody waits for may still use this host memory."""
        if tensor.layout is not torch.strided or self.on_device(tensor):
            return False
        return self._is_watched_at(self.arena.address(tensor))

    def _is_watched_at(self, address: int) -> bool:
        if self.arena.middle <= address < self.arena.end:
            return True
        return any(start <= address < start + n for start, n in self._watched.items())

    def is_seen(self, tensor: torch.Tensor) -> bool:
        """Whether kernels may use the tensor's bytes."""
        return self.on_device(tensor) or self.is_watched(tensor)

    def watch(self, tensor: torch.Tensor) -> None:
        """Look at the host's accesses to pageable memory from now on."""
        storage = tensor.untyped_storage()
        address, size = storage.data_ptr(), storage.nbytes()
        if address not in self._watched:
            self.handed_out.used(storage, shown(tensor.shape, tensor.dtype))
        self._watched[address] = size
        self.bridge.watch(address, size, storage)

    def hold_pinned(self, tensor: torch.Tensor) -> None:
        """A pinned block is not lent again before the copy that uses it has run."""
        address = tensor.untyped_storage().data_ptr()
        if self.arena.middle <= address < self.arena.end:
            self.bridge.use_pinned(address)

    def bytes_of(self, tensor: torch.Tensor) -> Bytes:
        """The bytes of a tensor."""
        address = self._place(tensor, tensor.data_ptr() or self.arena.address(tensor))
        return bytes_at(address, tensor.shape, tensor.stride(), tensor.dtype)

    def _place(self, tensor: torch.Tensor, address: int) -> int:
        """Where a tensor's elements lie that torch believes at an address."""
        if not self.moves.known:
            return address
        return self.moves.place(address, tensor.shape, tensor.stride(), tensor.element_size())

    def argument(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor as a kernel sees it: an alias on the device, a host value as it is now."""
        known = self.aliases.of(tensor)
        if known is not None and known.there:
            return known.tensor
        if self.on_device(tensor):
            return self.alias(tensor)
        if self.is_watched(tensor):
            self.host_access("argument of a kernel", [tensor], [])
        return tensor.detach().clone()

    # Memory.

    def allocate(self, outline: Outline) -> torch.Tensor:
        """A tensor on the device, from the current stream's blocks."""
        return self.allocate_known(outline)[0]

    def allocate_known(self, outline: Outline) -> tuple[torch.Tensor, Alias]:
        """A tensor on the device, and what kernels know it by."""
        if self.released:
            self.settle()
        address = self.bridge.allocate(outline.block, outline.label)
        form = outline.shape, outline.stride, outline.dtype
        made = self.arena.lend(address, outline.held, *form, self._let_go)
        return made, self.aliases.known.get((address, *form)) or self.aliases.at(address, *form)

    def pinned(self, outline: Outline) -> torch.Tensor:
        """A tensor in pinned host memory."""
        if self.released:
            self.settle()
        address = self.bridge.allocate_pinned(outline.block, outline.label)
        form = outline.shape, outline.stride, outline.dtype
        return self.arena.lend(address, outline.held, *form, self._let_go)

    def allocate_block(self, size: int, label: str) -> int:
        """The address of a block of the current stream, for a storage."""
        return self.bridge.allocate(-(-size // ALIGNMENT) * ALIGNMENT, label)

    def _let_go(self, lent: Lent) -> None:
        """The last reference may die anywhere, even inside the device: it is only noted here."""
        host = self.bridge.device.known_host
        self.released.append((lent.address, place_of(sys._getframe()), host))

    def settle(self) -> None:
        """Free what torch has let go of; called before anything that the program can order.

        Each free is a call of the thread that let go, whoever comes here first.
        """
        while self.released:
            try:
                released = self.released.popleft()
            except IndexError:  # another thread was quicker
                return
            if not (self.moves.known and self.moves.gone(released)):
                self.bridge.free(*released)

    def adopt(self, value: torch.Tensor) -> torch.Tensor:
        """A result that was computed at once, as a tensor on the device."""
        made = self.allocate(outline_of(value))
        out = self.alias(made)
        self.bridge.hold(value.nbytes)
        self.submit(Launch("result", [], [self.bytes_of(made)], lambda: out.copy_(value)))
        return made

    def pin(self, source: torch.Tensor) -> torch.Tensor:
        """A pinned copy of a host tensor."""
        if self.on_device(source):
            raise RuntimeError(
                "cannot pin 'torch.cuda.FloatTensor' only dense CPU tensors can be pinned"
            )
        made = self.pinned(self.shapes.infer(aten.clone.default, (source,), {}))
        made.copy_(source)
        reads = [source] if self.is_watched(source) else []
        self.host_access("pin_memory", reads, [made])
        return made

    def resize(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        """`resize_`: within the block where it fits, else a new block."""
        tensor, size = args[0], tuple(args[1])
        if not self.on_device(tensor):
            return aten.resize_.default(*args, **kwargs)
        outline = outline_of(torch.empty(size, dtype=tensor.dtype, device="meta"))
        start = tensor.storage_offset() * tensor.element_size()
        storage = tensor.untyped_storage()
        if self.moves.known and start + outline.span > storage.nbytes():
            storage.resize_(start + outline.span)
        if start + outline.span <= storage.nbytes():
            return tensor.as_strided_(size, outline.stride)
        made = self.allocate(outline)
        common = min(tensor.numel(), made.numel())
        if common:
            flat = tensor.as_strided((common,), (1,))
            out, value = self.alias(made.reshape(-1)[:common]), self.alias(flat)
            reads, writes = [self.bytes_of(flat)], [self.bytes_of(made.reshape(-1)[:common])]
            self.submit(Launch("resize_", reads, writes, lambda: out.copy_(value)))
        return tensor.set_(made.untyped_storage(), 0, outline.shape, outline.stride)

    # Launches and the host.

    def submit(self, launch: Launch) -> None:
        """Queue a kernel on the current stream."""
        if self.released:
            self.settle()
        self.bridge.submit(launch)

    def host_access(
        self, name: str, reads: Sequence[torch.Tensor], writes: Sequence[torch.Tensor]
    ) -> None:
        """The calling thread has read or written memory that copies may use."""
        self.settle()
        again = None
        if writes and self.bridge.keeps:
            written = [(tensor.detach(), tensor.detach().clone()) for tensor in writes]
            self.bridge.hold(sum(value.nbytes for _, value in written))
            again = partial(_write_again, written)
        bytes_of = self.bytes_of
        self.bridge.host_access(
            name, list(map(bytes_of, reads)), list(map(bytes_of, writes)), again
        )

    def synchronize_stream(self) -> None:
        """The host waits for the current stream."""
        self.settle()
        self.bridge.synchronize_stream()

    def run_ahead(self) -> None:
        """The current stream runs up to here; this orders nothing."""
        self.bridge.run_ahead()

    def scalar(self, tensor: torch.Tensor) -> Any:
        """`item()`: the host waits for the current stream and reads one element."""
        if not self.on_device(tensor):
            if self.is_watched(tensor):
                self.host_access("item", [tensor], [])
            return aten._local_scalar_dense.default(tensor)
        value = self.alias(tensor)
        found: list[Any] = []
        self.submit(
            Launch(
                "item",
                [self.bytes_of(tensor)],
                [],
                Once(lambda: found.append(aten._local_scalar_dense.default(value))),
            )
        )
        self.synchronize_stream()
        return found[0]

    def about(self, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A question about a tensor that its data does not answer."""
        if operator is aten.is_pinned.default:
            return self.is_pinned(args[0])
        return operator(*args, **kwargs)

    def kernel_argument(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor as a custom kernel sees it: it reads pinned memory itself, when it runs."""
        raw = self.alias(tensor) if self.is_pinned(tensor) else self.argument(tensor)
        return raw.detach()  # its own, for a function of the program's may change its sizes

    def begins_on_device(self, output: torch.Tensor | GradientEdge) -> bool:
        """Whether a backward pass that begins here begins on the device."""
        if isinstance(output, torch.Tensor):
            return self.on_device(output)
        variable = getattr(output.node, "variable", None)  # of a leaf
        if variable is not None:
            return self.on_device(variable)
        return self.differentiated.on_device(output.node)

    def check_backward(self, outputs: Sequence[torch.Tensor | GradientEdge], ends: Ends) -> None:
        """Refuse a backward pass that CUDA would run on other streams than the current one."""
        nodes = (o.grad_fn if isinstance(o, torch.Tensor) else o.node for o in outputs)
        roots = [node for node in nodes if node is not None]
        if self.differentiated.elsewhere(roots, self.bridge.current(), ends):
            raise several_streams()

    def quiet(self) -> Quiet:
        """A context in which torch is plain CPU torch for the calling thread."""
        return Quiet(self.here)

    def record_stream(self, tensor: torch.Tensor, stream: Any) -> None:
        """`Tensor.record_stream`: once freed, the block rests until this stream's work is done."""
        self.settle()
        if self.on_device(tensor):
            start = self.moves.start(tensor.untyped_storage().data_ptr())
            self.bridge.record_stream(start, stream.native)

    def nothing(self, name: str, length: int) -> None:
        """A kernel that takes time and touches no data."""
        self.submit(Launch(f"{name}({length})", [], []))

    def storage_bytes(self, tensor: torch.Tensor) -> Bytes:
        """The bytes of all that a tensor's storage holds."""
        storage = tensor.untyped_storage()
        start = self.moves.start(storage.data_ptr())
        whole = strided(start, (storage.nbytes(),), (1,), 1)
        return Bytes(whole, shown(tensor.shape, tensor.dtype))

    def pickled(self, tensor: torch.Tensor) -> None:
        """`pickle` and `torch.save` read the whole storage, after the current stream."""
        bytes_ = self.storage_bytes(tensor)
        if self.on_device(tensor):
            self.submit(Launch("pickle", [bytes_], []))
            self.synchronize_stream()
            self.moves.mirror(tensor.untyped_storage())
        elif self.is_watched(tensor):
            self.settle()
            self.bridge.host_access("pickle", [bytes_], [])


def _write_again(written: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """What the host wrote, in a replay."""
    for tensor, value in written:
        tensor.copy_(value)
