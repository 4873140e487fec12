"""Ten small programs of known kinds of missing order, each with its corrected twin.

Each takes a device and whether it is corrected; the names are the kinds.
"""

from __future__ import annotations

from fencepost.streams import Device, whole
from fencepost.streams.copies import copy
from fencepost.streams.memory import SparseMemory

SIZE = 64


def fill(device: Device, start: int, value: int):
    memory = device.memory
    return lambda: memory.write(start, bytes([value]) * SIZE)


class Setting:
    """A load and a compute stream, with a block of the compute stream."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.load, self.compute = device.stream("load"), device.stream("compute")
        self.block = device.allocate(SIZE, self.compute, "weights")
        device.wait_stream(self.load, self.compute)

    def write(self, stream, value: int, name: str = "write", block=None):
        start = (block or self.block).start
        self.device.submit(
            stream,
            name,
            writes=[whole(start, SIZE, "weights")],
            run=fill(self.device, start, value),
        )

    def read(self, stream, name: str = "read", block=None):
        self.device.submit(
            stream, name, reads=[whole((block or self.block).start, SIZE, "weights")]
        )


def read_after_write(device: Device, corrected: bool) -> None:
    s = Setting(device)
    s.write(s.load, 1)
    if corrected:
        device.wait_stream(s.compute, s.load)
    s.read(s.compute)


def write_after_read(device: Device, corrected: bool) -> None:
    s = Setting(device)
    s.write(s.compute, 1)
    s.read(s.compute)
    ready = device.event("read")
    device.record(ready, s.compute)
    if corrected:
        device.wait(s.load, ready)
    else:
        s.device.wait_stream(s.compute, s.load)
    s.write(s.load, 2)


def write_after_write(device: Device, corrected: bool) -> None:
    s = Setting(device)
    s.write(s.compute, 1)
    if corrected:
        device.wait_stream(s.load, s.compute)
    s.write(s.load, 2)


def missing_record_stream(device: Device, corrected: bool) -> None:
    s = Setting(device)
    s.write(s.compute, 1)
    device.wait_stream(s.load, s.compute)
    s.read(s.load)
    if corrected:
        device.record_stream(s.block, s.load)
    device.free(s.block)
    s.write(s.compute, 2, "next tenant", device.allocate(SIZE, s.compute, "next"))


def unrecorded_event(device: Device, corrected: bool) -> None:
    s = Setting(device)
    ready = device.event("ready")
    s.write(s.load, 1)
    if corrected:
        device.record(ready, s.load)
    device.wait(s.compute, ready)
    s.read(s.compute)
    device.record(ready, s.load)


def event_reused(device: Device, corrected: bool) -> None:
    s = Setting(device)
    ready = device.event("ready")
    s.write(s.load, 1)
    device.record(ready, s.load)
    if not corrected:
        device.record(ready, s.compute)
    device.wait(s.compute, ready)
    s.read(s.compute)


def wait_on_the_wrong_event(device: Device, corrected: bool) -> None:
    s = Setting(device)
    other = device.allocate(SIZE, s.compute, "other")
    device.wait_stream(s.load, s.compute)
    first, second = device.event("first"), device.event("second")
    s.write(s.load, 1, block=other)
    device.record(first, s.load)
    s.write(s.load, 2)
    device.record(second, s.load)
    device.wait(s.compute, second if corrected else first)
    s.read(s.compute)


def host_overwrites_a_pinned_buffer(device: Device, corrected: bool) -> None:
    s = Setting(device)
    pinned = device.allocate_pinned(SIZE, "staging")
    memory = device.memory
    source, target = whole(pinned.start, SIZE, "staging"), whole(s.block.start, SIZE, "weights")
    for value in (1, 2):
        device.access("fill", writes=[source], run=fill(device, pinned.start, value))
        copy(
            device,
            s.load,
            target,
            source,
            to="device",
            from_="pinned",
            non_blocking=not corrected,
            pinned=pinned,
            run=lambda: memory.write(s.block.start, memory.read(pinned.start, SIZE)),
        )


def completion_polled_too_early(device: Device, corrected: bool) -> None:
    s = Setting(device)
    nic, other = device.nic("nic"), device.allocate(SIZE, s.compute, "other")
    device.synchronize(s.compute)
    writes = [
        device.post(
            nic,
            f"put {block.label}",
            writes=[whole(block.start, SIZE, block.label)],
            run=fill(device, block.start, 3),
        )
        for block in (other, s.block)
    ]
    # Two writes were posted; the first completion says nothing about the second.
    device.complete(writes[corrected])
    s.read(s.compute)


def double_buffer_reused(device: Device, corrected: bool) -> None:
    s = Setting(device)
    buffers = [s.block, device.allocate(SIZE, s.compute, "other buffer")]
    device.wait_stream(s.load, s.compute)
    consumed = [device.event("consumed 0"), device.event("consumed 1")]
    for layer in range(6):
        side = layer % 2
        if corrected:
            device.wait(s.load, consumed[side])
        s.write(s.load, layer, "load", buffers[side])
        device.wait_stream(s.compute, s.load)
        s.read(s.compute, "use", buffers[side])
        device.record(consumed[side], s.compute)


KINDS = {
    "read after write": read_after_write,
    "write after read": write_after_read,
    "write after write": write_after_write,
    "missing record_stream": missing_record_stream,
    "unrecorded event": unrecorded_event,
    "event reused": event_reused,
    "wait on the wrong event": wait_on_the_wrong_event,
    "host overwrites a pinned buffer": host_overwrites_a_pinned_buffer,
    "completion polled too early": completion_polled_too_early,
    "double buffer reused": double_buffer_reused,
}


def device_with_memory(policy) -> Device:
    return Device(policy, memory=SparseMemory())
