"""Virtual CUDA: streams, events, memory and NICs of a device that is not there, audited for order.

A `Device` takes the calls that a host makes, performs queued work late and in any order that CUDA
allows (see `policies`), and keeps a `Trace` of the calls. Everything else reads the trace: which
operation is ordered before which is decided by the calls alone, so one run in any schedule finds
every missing edge of the path that the host took.

    device = Device()
    load, compute = device.stream("load"), device.stream("compute")
    block = device.allocate(4096, compute, "weights")
    device.wait_stream(load, compute)
    device.submit(load, "copy", writes=[whole(block.start, 4096, "weights")], run=...)
    device.submit(compute, "matmul", reads=[whole(block.start, 4096, "weights")], run=...)
    audit = device.audit()          # one finding: compute does not wait for load

**Addresses.** Bytes are named by plain addresses; `device=` and `pinned=` give the ranges in which
the allocators lend blocks (put an arena there), and any other address is ordinary host memory.
`whole(start, size, label)` names bytes, `strided(start, shape, strides, itemsize)` a view,
`intervals(start, pairs)` rows; `Bytes(regions, label)` is what `reads=` and `writes=` list. An
operation whose accesses depend on values gives `late=`, a function that returns (reads, writes) and
is called right before the operation runs.

**Hosts.** The calling thread is the host; a thread that is new calls
`device.host(name, known=token)`, where `token = device.send()` was made by the thread that started
it. `send` and `receive` are every edge between hosts: start, join, lock, condition, event,
semaphore, queue, future and message. In one thread, `with device.acting(host)` makes calls as
another.

**Queues.** `submit`, `access` (the host's own reads and writes; call it after it has written),
`record`, `wait`, `wait_stream`, `synchronize`, `query`; `copies.copy` follows CUDA's rules for
pinned and pageable memory. `device.default` is the legacy default stream, `stream()` makes a
non-blocking one. `run_ahead(stream)` performs queued work and is no edge. NICs: `nic`, `post`,
`poll`, `complete`, and a token that arrives with a write.

**Memory.** `allocate`, `allocate_pinned`, `register`, `free`, `record_stream`. A free is a write of
poison by the block's stream. `device.blocks` has the live blocks by address, `device.allocator` the
bytes in `used` and at `peak`.

**Answers.** `device.audit()` gives an `Audit` of plain frozen data: findings with both accesses,
the missing edge (checked), occurrences, severity. On a `Trace`: `detect.races`, `explore.outcomes`,
`explore.interleavings`, `explore.explore` (host choices, by running a program again),
`mutate.mutate`, `graph.happens_before`, `replay.both_orders`. Errors are `InputError`s.

**Torch.** `virtual_cuda()` is a context in which `torch.cuda` is a virtual device; only `shim` and
`adapters` import torch, and they are imported when the context is entered. Its `trace` is one like
any other. `explore_cuda` runs a torch program on every path that its queries and threads may take.
"""

from fencepost.streams.device import Device
from fencepost.streams.findings import Access, Audit, Edge, Finding, Occurrence
from fencepost.streams.policies import Eager, InOrder, NewestFirst, Priorities, Random, Script
from fencepost.streams.regions import Bytes, Region, interval, intervals, strided, whole
from fencepost.streams.virtual import current_device, explore_cuda, virtual_cuda

__all__ = [
    "Access",
    "Audit",
    "Bytes",
    "Device",
    "Eager",
    "Edge",
    "Finding",
    "InOrder",
    "NewestFirst",
    "Occurrence",
    "Priorities",
    "Random",
    "Region",
    "Script",
    "current_device",
    "explore_cuda",
    "interval",
    "intervals",
    "strided",
    "virtual_cuda",
    "whole",
]
