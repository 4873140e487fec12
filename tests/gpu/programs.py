"""Small programs of known kinds: each broken in one way, beside the same program put right.

They are ordinary torch and know nothing of checking, so the same bodies run on the virtual device
and on a GPU. Each takes `fixed`, and returns a host value that is right in every legal order when
`fixed`. `window` is called where a GPU should be slow, to widen the window of the race.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

Window = Callable[[], None]
SIZE = 1024


@dataclass(frozen=True)
class Program:
    """A pair of programs, what each returns when it is right, and the kind of its fault."""

    name: str
    kind: str
    body: Callable[[bool, Window], Any]
    right: Any


PROGRAMS: list[Program] = []


def program(kind: str, right: Any) -> Callable[[Callable[[bool, Window], Any]], Any]:
    def register(body: Callable[[bool, Window], Any]) -> Any:
        PROGRAMS.append(Program(body.__name__, kind, body, right))
        return body

    return register


def ready() -> None:
    """What was set up on the default stream is there for every stream."""
    torch.cuda.synchronize()


@program("read after write", 2.0 * SIZE)
def read_after_write(fixed: bool, window: Window) -> float:
    x = torch.zeros(SIZE, device="cuda")
    load, compute = torch.cuda.Stream(), torch.cuda.Stream()
    ready()
    with torch.cuda.stream(load):
        window()
        x.fill_(1.0)
        loaded = load.record_event()
    with torch.cuda.stream(compute):
        if fixed:
            compute.wait_event(loaded)
        total = (x * 2).sum()
    torch.cuda.synchronize()
    return total.item()


@program("write after read", 1.0 * SIZE)
def write_after_read(fixed: bool, window: Window) -> float:
    x = torch.ones(SIZE, device="cuda")
    total = torch.zeros((), device="cuda")
    reader, writer = torch.cuda.Stream(), torch.cuda.Stream()
    ready()
    with torch.cuda.stream(reader):
        window()
        total.copy_(x.sum())
    with torch.cuda.stream(writer):
        if fixed:
            writer.wait_stream(reader)
        x.zero_()
    torch.cuda.synchronize()
    return total.item()


@program("write after write", 2.0 * SIZE)
def write_after_write(fixed: bool, window: Window) -> float:
    x = torch.zeros(SIZE, device="cuda")
    first, second = torch.cuda.Stream(), torch.cuda.Stream()
    ready()
    with torch.cuda.stream(first):
        window()
        x.fill_(1.0)
    with torch.cuda.stream(second):
        if fixed:
            second.wait_stream(first)
        x.fill_(2.0)
    torch.cuda.synchronize()
    return x.sum().item()


@program("missing record_stream", 1.0 * SIZE)
def missing_record_stream(fixed: bool, window: Window) -> float:
    side = torch.cuda.Stream()
    out = torch.zeros((), device="cuda")
    x = torch.ones(SIZE, device="cuda")
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        window()
        out.copy_(x.sum())
    if fixed:
        x.record_stream(side)
    del x
    y = torch.full((SIZE,), 7.0, device="cuda")
    torch.cuda.synchronize()
    del y
    return out.item()


@program("unrecorded event", 1.0 * SIZE)
def unrecorded_event(fixed: bool, window: Window) -> float:
    x = torch.zeros(SIZE, device="cuda")
    load, compute = torch.cuda.Stream(), torch.cuda.Stream()
    loaded = torch.cuda.Event()
    ready()
    if not fixed:
        compute.wait_event(loaded)
    with torch.cuda.stream(load):
        window()
        x.fill_(1.0)
        loaded.record()
    if fixed:
        compute.wait_event(loaded)
    with torch.cuda.stream(compute):
        total = x.sum()
    torch.cuda.synchronize()
    return total.item()


@program("event reused", 1.0 * SIZE)
def event_reused(fixed: bool, window: Window) -> float:
    x, y = torch.zeros(SIZE, device="cuda"), torch.zeros(SIZE, device="cuda")
    load, other, compute = (torch.cuda.Stream() for _ in range(3))
    done = torch.cuda.Event()
    ready()
    with torch.cuda.stream(load):
        window()
        x.fill_(1.0)
        done.record()
    with torch.cuda.stream(other):
        y.fill_(3.0)
        mine = torch.cuda.Event() if fixed else done
        mine.record()
    with torch.cuda.stream(compute):
        compute.wait_event(done)
        total = x.sum()
    torch.cuda.synchronize()
    return total.item()


@program("wait on the wrong event", 1.0 * SIZE)
def wrong_event(fixed: bool, window: Window) -> float:
    layers = [torch.zeros(SIZE, device="cuda") for _ in range(2)]
    load, compute = torch.cuda.Stream(), torch.cuda.Stream()
    ready()
    events = []
    with torch.cuda.stream(load):
        for layer in layers:
            window()
            layer.fill_(1.0)
            events.append(load.record_event())
    with torch.cuda.stream(compute):
        compute.wait_event(events[1 if fixed else 0])
        total = layers[1].sum()
    torch.cuda.synchronize()
    return total.item()


@program("host overwrites a pinned buffer", 1.0 * SIZE)
def pinned_overwritten(fixed: bool, window: Window) -> float:
    staging = torch.ones(SIZE).pin_memory()
    x = torch.zeros(SIZE, device="cuda")
    ready()
    window()
    x.copy_(staging, non_blocking=True)
    if fixed:
        torch.cuda.current_stream().synchronize()
    staging.fill_(9.0)
    torch.cuda.synchronize()
    return x.sum().item()


@program("completion polled too early", 1.0 * SIZE)
def polled_too_early(fixed: bool, window: Window) -> float:
    x = torch.ones(SIZE, device="cuda")
    result = torch.zeros(SIZE).pin_memory()
    ready()
    done = torch.cuda.Event()
    if not fixed:
        done.record()
    window()
    result.copy_(x, non_blocking=True)
    if fixed:
        done.record()
    while not done.query():
        pass
    total = result.sum().item()
    torch.cuda.synchronize()
    return total


@program("double buffer reused", [1.0 * SIZE, 2.0 * SIZE, 3.0 * SIZE, 4.0 * SIZE])
def double_buffer(fixed: bool, window: Window) -> list[float]:
    buffers = [torch.zeros(SIZE, device="cuda") for _ in range(2)]
    totals = torch.zeros(4, device="cuda")
    load, compute = torch.cuda.Stream(), torch.cuda.Stream()
    read: list[Any] = [None, None]
    ready()
    for step in range(4):
        buffer = buffers[step % 2]
        with torch.cuda.stream(load):
            if fixed and read[step % 2] is not None:
                load.wait_event(read[step % 2])
            buffer.fill_(step + 1.0)
            loaded = load.record_event()
        with torch.cuda.stream(compute):
            compute.wait_event(loaded)
            window()
            totals[step].copy_(buffer.sum())
            read[step % 2] = compute.record_event()
    torch.cuda.synchronize()
    return totals.tolist()


@program("read after write, of a part through a view", 4.0)
def through_a_view(fixed: bool, window: Window) -> float:
    x = torch.zeros(SIZE, device="cuda")
    first, second = torch.cuda.Stream(), torch.cuda.Stream()
    ready()
    with torch.cuda.stream(first):
        window()
        x[8:16].fill_(1.0)
    with torch.cuda.stream(second):
        if fixed:
            second.wait_stream(first)
        total = x[10:14].sum()
    torch.cuda.synchronize()
    return total.item()


@program("rows of a cache that overlap", 4.0)
def rows_overlap(fixed: bool, window: Window) -> float:
    cache = torch.zeros(16, 4, device="cuda")
    mine, theirs = torch.tensor([1, 3], device="cuda"), torch.tensor([3, 5], device="cuda")
    values = torch.ones(2, 4, device="cuda")
    first, second = torch.cuda.Stream(), torch.cuda.Stream()
    ready()
    with torch.cuda.stream(first):
        window()
        cache.index_copy_(0, mine, values)
    with torch.cuda.stream(second):
        total = cache.index_select(0, theirs + 2 if fixed else theirs).sum() + 4.0 * fixed
    torch.cuda.synchronize()
    return total.item()


@program("copy to the host not waited for", 1.0 * SIZE)
def host_reads_too_early(fixed: bool, window: Window) -> float:
    x = torch.ones(SIZE, device="cuda")
    ready()
    window()
    result = x.to("cpu", non_blocking=True)
    if fixed:
        torch.cuda.synchronize()
    total = result.sum().item()
    torch.cuda.synchronize()
    return total


@program("two threads, one stream each", 1.0 * SIZE)
def between_threads(fixed: bool, window: Window) -> float:
    x = torch.zeros(SIZE, device="cuda")
    found: list[float] = []
    recorded: list[Any] = []
    ready()

    def load() -> None:
        with torch.cuda.stream(torch.cuda.Stream()):
            window()
            x.fill_(1.0)
            recorded.append(torch.cuda.current_stream().record_event())

    def compute() -> None:
        with torch.cuda.stream(torch.cuda.Stream()):
            if fixed:
                torch.cuda.current_stream().wait_event(recorded[0])
            found.append(x.sum().item())

    for body in (load, compute):
        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
    torch.cuda.synchronize()
    return found[0]


@program("the default stream does not wait for a side stream", 1.0 * SIZE)
def default_stream(fixed: bool, window: Window) -> float:
    x = torch.zeros(SIZE, device="cuda")
    side = torch.cuda.Stream()
    ready()
    with torch.cuda.stream(side):
        window()
        x.fill_(1.0)
    if fixed:
        torch.cuda.current_stream().wait_stream(side)
    return x.sum().item()
