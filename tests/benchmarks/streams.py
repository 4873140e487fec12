"""How fast the detector of virtual CUDA is, and what a long trace takes.

    python -m tests.benchmarks.streams

The pipeline is four layers on three streams: each layer is loaded, computed when it is there, and
written back when it is computed, with an event for each step. A detector run reads the recorded
trace of it once. The long trace is the same pipeline with as many layers as give the operations
asked for, over sixty-four buffers, with one wait left out in each hundred layers. Seconds are those
of the processor, which other programs on the machine disturb least.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time

from fencepost.streams import Device, whole
from fencepost.streams.calls import Trace
from fencepost.streams.detect import races

SIZE = 1 << 20
RUNS_A_SECOND = 2_000
SECONDS, BYTES = 60, 2 << 30


def pipeline(layers: int, *, buffers: int = 4, left_out: int = 0) -> Device:
    """A device after load, compute and write-back of each layer."""
    device = Device()
    load, compute, back = (device.stream(name) for name in ("load", "compute", "back"))
    blocks = [device.allocate(SIZE, compute, f"layer {n}") for n in range(buffers)]
    host = [device.allocate_pinned(SIZE, f"host {n}") for n in range(buffers)]
    device.wait_stream(load, compute)
    done = [device.event(f"written back {n}") for n in range(buffers)]
    loaded, computed = device.event("loaded"), device.event("computed")
    for layer in range(layers):
        side = layer % buffers
        here = whole(blocks[side].start, SIZE, f"layer {side}")
        there = whole(host[side].start, SIZE, f"host {side}")
        device.wait(load, done[side])
        device.submit(load, "load", reads=[there], writes=[here])
        device.record(loaded, load)
        if not left_out or layer % left_out != left_out - 1:
            device.wait(compute, loaded)
        device.submit(compute, "compute", reads=[here], writes=[here])
        device.record(computed, compute)
        device.wait(back, computed)
        device.submit(back, "write back", reads=[here], writes=[there])
        device.record(done[side], back)
    return device


def runs_a_second(trace: Trace, seconds: float = 0.5, repeats: int = 5) -> float:
    """The median of several measurements."""
    found = []
    for _ in range(repeats):
        count, began = 0, time.process_time()
        while time.process_time() - began < seconds:
            races(trace)
            count += 1
        found.append(count / (time.process_time() - began))
    return statistics.median(found)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--operations", type=int, default=100_000)
    operations = options.parse_args().operations
    device = pipeline(4)
    assert not races(device.trace)
    speed = runs_a_second(device.trace)
    print(f"4-layer pipeline, {len(device.trace.calls)} calls: {speed:,.0f} detector runs/s")
    began = time.process_time()
    long = pipeline(operations // 3, buffers=64, left_out=100)
    recorded = time.process_time()
    audit = long.audit()
    took = time.process_time() - recorded
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"{audit.operations:,} operations ({audit.calls:,} calls): recorded in "
        f"{recorded - began:.1f} s, audited in {took:.1f} s, {peak >> 20:,} MiB at most; "
        f"{len(audit.findings)} finding(s), {sum(len(f.occurrences) for f in audit.findings):,} "
        "occurrences"
    )
    return 0 if speed >= RUNS_A_SECOND and took < SECONDS and peak < BYTES else 1


if __name__ == "__main__":
    raise SystemExit(main())
