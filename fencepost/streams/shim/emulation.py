"""Custom kernels on the virtual device: a CPU emulation with the access set of each.

```python
@emulates("kernels.load_rows", reads=["host[rows]", "rows"], writes=["device[rows]"])
def load_rows(device, host, rows):
    device[rows] = host[rows]
```

`reads` and `writes` name arguments. `"cache[rows]"` stands for the rows of `cache` along its first
dimension that the values of the argument `rows` name. Where that is not enough, a function of the
kernel's arguments gives the tensors or views; it is called right before the kernel runs.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from fencepost.core.errors import InputError
from fencepost.streams.regions import Bytes, Region, intervals, strided
from fencepost.streams.shim.launches import Launch, Touches
from fencepost.streams.shim.shapes import map_tensors, shown, tensors_in
from fencepost.streams.shim.touched import rows

Accesses = Sequence[str] | Callable[..., Sequence[torch.Tensor]]
Function = TypeVar("Function", bound=Callable[..., Any])
ROWS = re.compile(r"(?P<buffer>\w+)(?:\[(?P<rows>\w+)\])?")


@dataclass(frozen=True)
class Emulation:
    """A custom kernel: its name, what it does on the CPU, what it reads and writes."""

    name: str
    function: Callable[..., Any]
    reads: Accesses
    writes: Accesses

    def bound(self, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a call by name."""
        bound = inspect.signature(self.function).bind(*args, **kwargs)
        bound.apply_defaults()
        return dict(bound.arguments)

    def touched(self, given: dict[str, Any]) -> tuple[list[Touch], list[Touch]]:
        """What a call reads and writes, as tensors with their bytes."""
        return _touched(self.reads, given), _touched(self.writes, given)


@dataclass(frozen=True)
class Touch:
    """Bytes of a tensor that a kernel reads or writes, from the address of its first element."""

    tensor: torch.Tensor
    regions: tuple[Region, ...]


REGISTERED: dict[str, Emulation] = {}


def emulates(name: str, *, reads: Accesses, writes: Accesses) -> Callable[[Function], Function]:
    """Register a function as the emulation of a custom kernel.

    `name` is `package.kernel` as the program calls it, or `library::operator` of torch. The
    arguments named in `writes` are the results; the function returns nothing.
    Raises `InputError` F222 where an access names no argument.
    """

    def register(function: Function) -> Function:
        known = inspect.signature(function).parameters
        for spelled in [a for given in (reads, writes) if not callable(given) for a in given]:
            match = ROWS.fullmatch(spelled)
            named = [n for n in match.groups() if n] if match else [spelled]
            for argument in named:
                if argument not in known:
                    raise InputError(
                        "F222",
                        f"the emulation of {name} has no argument {argument!r}",
                        why="reads and writes name arguments of the kernel",
                        write=f"one of {', '.join(known)}",
                    )
        REGISTERED[name] = Emulation(name, function, reads, writes)
        return function

    return register


def _touched(accesses: Accesses, given: dict[str, Any]) -> list[Touch]:
    if callable(accesses):
        return [_all_of(tensor) for tensor in accesses(**given)]
    found: list[Touch] = []
    for spelled in accesses:
        match = ROWS.fullmatch(spelled)
        if match is None:  # `emulates` has looked
            continue
        tensors: list[torch.Tensor] = []
        tensors_in(given[match["buffer"]], tensors)
        for tensor in tensors:
            if match["rows"]:
                touched = rows(tensor, 0, given[match["rows"]])
                found.append(Touch(tensor, intervals(0, touched)))
            else:
                found.append(_all_of(tensor))
    return found


def _all_of(tensor: torch.Tensor) -> Touch:
    return Touch(tensor, strided(0, tensor.shape, tensor.stride(), tensor.element_size()))


class EmulatedKernel:
    """What stands for a custom kernel: it is called, or launched as `kernel[grid](...)`."""

    def __init__(self, emulation: Emulation, runtime: Any) -> None:
        self.emulation = emulation
        self.runtime = runtime
        self.__name__ = emulation.name.rpartition(".")[2]
        self.__doc__ = emulation.function.__doc__

    def __getitem__(self, _grid: Any) -> EmulatedKernel:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        runtime, emulation = self.runtime, self.emulation
        with runtime.quiet():
            given = {
                name: map_tensors(value, runtime.kernel_argument)
                for name, value in emulation.bound(args, kwargs).items()
            }

            def late() -> tuple[Touches, Touches]:
                reads, writes = emulation.touched(given)
                return [_placed(runtime, t) for t in reads], [_placed(runtime, t) for t in writes]

            def kernel() -> None:
                with runtime.stalls.emulating(emulation.name):
                    emulation.function(**given)

            runtime.submit(Launch(emulation.name, [], [], kernel, late))


def _placed(runtime: Any, touch: Touch) -> Bytes:
    tensor = touch.tensor
    address = runtime.arena.address(tensor)
    regions = tuple(region.moved(address) for region in touch.regions)
    return Bytes(regions, shown(tensor.shape, tensor.dtype))


def audit_emulation(name: str, *args: Any, **kwargs: Any) -> list[str]:
    """Run a kernel twice, the second time with every undeclared byte changed; say what differs.

    The second run may change no byte of a result, and neither run may change a byte that is not
    declared as written. Tensors are given as plain CPU tensors and are not changed.
    """
    emulation = REGISTERED[name]
    before: dict[int, torch.Tensor] = {}

    def storage(tensor: torch.Tensor) -> int:
        found = tensor.untyped_storage()
        before.setdefault(found.data_ptr(), torch.tensor([], dtype=torch.uint8).set_(found).clone())
        return found.data_ptr()

    def run(*, perturbed: bool) -> tuple[dict[int, torch.Tensor], dict[int, torch.Tensor]]:
        copies = {address: value.clone() for address, value in before.items()}
        given = map_given(lambda t: _rebased(t, copies[t.untyped_storage().data_ptr()]))
        reads, writes = emulation.touched(given)
        addresses = {copy.data_ptr(): address for address, copy in copies.items()}
        read, written = _masks(copies, addresses, reads), _masks(copies, addresses, writes)
        if perturbed:
            for address, copy in copies.items():
                copy[~read[address]] ^= 0x55
        start = {address: copy.clone() for address, copy in copies.items()}
        emulation.function(**given)
        for address, copy in copies.items():
            changed = (copy != start[address]) & ~written[address]
            if changed.any():
                problems.append(f"{int(changed.sum())} bytes are written that are not declared")
        return copies, written

    def map_given(change: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, Any]:
        bound = emulation.bound(args, kwargs)
        return {name: map_tensors(value, change) for name, value in bound.items()}

    problems: list[str] = []
    tensors: list[torch.Tensor] = []
    tensors_in([*args, *kwargs.values()], tensors)
    for tensor in tensors:
        storage(tensor)
    plain, written = run(perturbed=False)
    disturbed, _ = run(perturbed=True)
    for address, value in plain.items():
        differs = (value != disturbed[address]) & written[address]
        if differs.any():
            problems.append(f"{int(differs.sum())} bytes written depend on bytes not declared read")
    return problems


def _rebased(tensor: torch.Tensor, storage: torch.Tensor) -> torch.Tensor:
    return torch.empty(0, dtype=tensor.dtype).set_(
        storage.untyped_storage(), tensor.storage_offset(), tensor.size(), tensor.stride()
    )


def _masks(
    copies: dict[int, torch.Tensor], addresses: dict[int, int], touched: list[Touch]
) -> dict[int, torch.Tensor]:
    masks = {address: torch.zeros(len(c), dtype=torch.bool) for address, c in copies.items()}
    for touch in touched:
        mask = masks[addresses[touch.tensor.untyped_storage().data_ptr()]]
        offset = touch.tensor.storage_offset() * touch.tensor.element_size()
        for region in touch.regions:
            for start, stop in region.pieces():
                mask[offset + start : offset + stop] = True
    return masks
