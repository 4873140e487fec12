"""What a kernel is said to read and write is what it reads and writes, byte for byte.

Every kernel runs twice. Before the second run each byte that it is not said to read is changed; the
bytes that it is said to write come out the same, and no other byte changes in either run.
"""

from __future__ import annotations

import pytest
import torch

from fencepost.streams.shim.launches import Launch, Touches
from fencepost.streams.shim.quiet import Quiet
from fencepost.streams.virtual import virtual_cuda
from tests.unit.streams.shim.battery import CASES, Tensors, inputs


class Audit:
    """Stands between the shim and its device, and audits each launch."""

    def __init__(self, runtime) -> None:
        self.runtime = runtime
        self.submit = runtime.bridge.submit
        self.problems: list[str] = []

    def __call__(self, launch: Launch, *others):
        kernel, late = launch.kernel, launch.late
        touched: list[tuple[Touches, Touches]] = []

        def remembered():
            touched.append(late())
            return touched[0]

        def audited():
            reads, writes = touched[0] if touched else ([], [])
            with Quiet(self.runtime.here):
                self.audit(launch.name, kernel, launch.reads + reads, launch.writes + writes)

        launch.kernel = audited
        launch.late = remembered if late else None
        return self.submit(launch, *others)

    def audit(self, name: str, kernel, reads: Touches, writes: Touches) -> None:
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
        memory.copy_(torch.where(written, after, before))

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


@pytest.mark.parametrize("name", CASES)
def test_access_set(name: str):
    with virtual_cuda() as device:
        audit = Audit(device.runtime)
        device.runtime.bridge.submit = audit
        CASES[name](Tensors({n: t.to("cuda") for n, t in inputs().items()}))
        torch.cuda.synchronize()
    assert audit.problems == []


@pytest.mark.parametrize(
    ("reads", "writes", "problem"),
    [
        ([0], [1], "reads more"),
        ([0, 1], [], "writes more"),
    ],
)
def test_the_audit_finds_what_is_wrong(reads: list[int], writes: list[int], problem: str):
    with virtual_cuda() as device:
        runtime = device.runtime
        audit = Audit(runtime)
        x, y, out = (torch.ones(4, device="cuda") for _ in range(3))
        raw = [runtime.alias(t) for t in (x, y, out)]
        spans = [runtime.bytes_of(t) for t in (x, y)]
        launch = Launch(
            "sum",
            [spans[i] for i in reads],
            [runtime.bytes_of(out)] if writes else [],
            lambda: raw[2].copy_(raw[0] + raw[1]),
        )
        audit(launch)
        torch.cuda.synchronize()
    assert any(problem in found for found in audit.problems)
