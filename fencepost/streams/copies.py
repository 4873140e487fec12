"""Copies between host and device with CUDA's rules about who waits and when the source is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from fencepost.core.errors import Location
from fencepost.streams.calls import Operation
from fencepost.streams.device import Device
from fencepost.streams.queues import Block, Queue
from fencepost.streams.regions import Bytes
from fencepost.streams.sites import caller

Where = Literal["device", "pinned", "pageable"]


def copy(
    device: Device,
    stream: Queue,
    target: Bytes,
    source: Bytes,
    *,
    to: Where,
    from_: Where,
    non_blocking: bool = False,
    pinned: Block | None = None,
    read: Callable[[], object] | None = None,
    run: Callable[[], object] | None = None,
    site: Location | None = None,
) -> Operation:
    """One `cudaMemcpyAsync`, and the synchronisation that PyTorch adds without `non_blocking`.

    - From pageable memory the source is read at the call (`read` does it), as it is staged.
    - From pinned memory the source is read when the copy runs; `pinned`, the block that is used,
      rests after its free until then.
    - To pageable memory the copy writes when it runs, and the host does not wait for it: CUDA
      promises that it does, and code that relies on that breaks with pinned memory.
    - Within the device a copy is a kernel and never waits.
    """
    place = site or caller()
    reads: tuple[Bytes, ...] = (source,)
    if from_ == "pageable":
        device.access("copy: stage", reads=reads, run=read, site=place)
        reads = ()
    made = device.submit(stream, "copy", reads=reads, writes=(target,), run=run, site=place)
    if pinned is not None:
        device.record_stream(pinned, stream, automatic=True, site=place)
    if not non_blocking and {to, from_} != {"device"}:
        device.synchronize(stream, why="copy", site=place)
    return made
