"""Stands between the shim and its device, and runs every kernel again on changed bytes.

What a kernel is said to read and write is what it reads and writes:

- before a second run each byte that it is not said to read is changed: what it is said to write
  comes out the same, and no other byte changes in either run;
- before further runs one tensor that it is said to read is changed, in several ways: `of_no_use`
  names those with which nothing ever came out otherwise, and `never_written` those that it is said
  to write and that no run changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from fencepost.streams.regions import Bytes
from fencepost.streams.shim.launches import Launch, Touches
from fencepost.streams.shim.quiet import Quiet

Argument = tuple[str, int]
"""A kernel, and which of the tensors that it is said to read, or to write."""


class Audit:
    """In place of `submit` of a bridge; `in_use=False` leaves out the further runs."""

    def __init__(self, runtime: Any, *, in_use: bool = False) -> None:
        self.runtime = runtime
        self.submit = runtime.bridge.submit
        self.in_use = in_use
        self.problems: list[str] = []
        self.reads: dict[Argument, bool] = {}
        self.writes: dict[Argument, bool] = {}

    @property
    def of_no_use(self) -> set[Argument]:
        """What was read, as is said, and made no difference."""
        return {argument for argument, used in self.reads.items() if not used}

    @property
    def never_written(self) -> set[Argument]:
        """What was written, as is said, and kept its bytes whatever they were."""
        return {argument for argument, used in self.writes.items() if not used}

    def __call__(self, launch: Launch, *others: Any) -> Any:
        kernel, late = launch.kernel, launch.late
        touched: list[tuple[Touches, Touches]] = []

        def remembered() -> tuple[Touches, Touches]:
            touched.append(late())
            return touched[0]

        def audited() -> None:
            reads, writes = touched[0] if touched else ([], [])
            with Quiet(self.runtime.here):
                self.audit(launch.name, kernel, launch.reads + reads, launch.writes + writes)

        launch.kernel = audited
        launch.late = remembered if late else None
        return self.submit(launch, *others)

    def audit(
        self, name: str, kernel: Callable[[], object], reads: Touches, writes: Touches
    ) -> None:
        allocator = self.runtime.bridge.device.allocator
        memory = self.runtime.arena._bytes[: allocator.reserved]
        read, written = self.mask(memory, reads), self.mask(memory, writes)
        before = memory.clone()
        kernel()
        after = memory.clone()
        self.expect(not ((after != before) & ~written).any(), f"{name} writes more than it says")
        disturbed = torch.where(read, before, before ^ 1)
        memory.copy_(disturbed)
        kernel()
        again = memory.clone()
        self.expect(not ((again != disturbed) & ~written).any(), f"{name} writes more than it says")
        self.expect(not ((again != after) & written).any(), f"{name} reads more than it says")
        if self.in_use and writes:  # else it is the host that sees what comes out
            changed = [(before, after), (disturbed, again)]
            for number, bytes_ in enumerate(reads):
                self.look(memory, before, after, kernel, written, (name, number), bytes_, changed)
            for number, bytes_ in enumerate(writes):
                place = self.mask(memory, [bytes_])
                wrote = any(((one != other) & place).any() for one, other in changed)
                if place.any():
                    self.writes[name, number] = self.writes.get((name, number), False) or wrote
        memory.copy_(before)
        kernel()  # the host may have been given what came out
        memory.copy_(torch.where(written, after, before))

    def look(
        self,
        memory: torch.Tensor,
        before: torch.Tensor,
        after: torch.Tensor,
        kernel: Callable[[], object],
        written: torch.Tensor,
        argument: Argument,
        bytes_: Bytes,
        changed: list[tuple[torch.Tensor, torch.Tensor]],
    ) -> None:
        """Whether a change of one tensor that is read makes a difference."""
        place = self.mask(memory, [bytes_])
        if not place.any() or self.reads.setdefault(argument, False):
            return
        for other in values(before[place], bytes_.label):
            memory.copy_(before)
            memory[place] = other
            start = memory.clone()
            try:
                kernel()
            except (RuntimeError, IndexError, ValueError):
                self.reads[argument] = True
            else:
                changed.append((start, memory.clone()))
                if ((memory != after) & written).any():
                    self.reads[argument] = True
            if self.reads[argument]:
                break

    def mask(self, memory: torch.Tensor, touches: Touches) -> torch.Tensor:
        mask = torch.zeros(len(memory), dtype=torch.bool)
        base = self.runtime.arena.base
        for region in [region for bytes_ in touches for region in bytes_.regions]:
            for start, stop in region.pieces():
                mask[start - base : stop - base] = True
        return mask

    def expect(self, holds: bool, problem: str) -> None:
        if not holds:
            self.problems.append(problem)


def values(raw: torch.Tensor, label: str) -> Iterator[torch.Tensor]:
    """Other bytes for those of a tensor; an index stays one."""
    dtype = getattr(torch, label.partition("[")[0])
    value = raw.view(dtype)
    if dtype is torch.bool:
        yield (~value).view(torch.uint8)
    elif dtype.is_floating_point or dtype.is_complex:
        zero, nan, far = (torch.full_like(value, n) for n in (0, torch.nan, torch.inf))
        for other in (value * -3 + 1, nan, value.roll(1), zero, far, -far):
            yield other.to(dtype).view(torch.uint8)
    else:
        for other in (value.roll(1), value - value, value.flip(0) + 1, value ^ 1):
            yield other.view(torch.uint8)
