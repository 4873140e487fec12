"""How fast bounded search is: beside exploring where both can answer, and where exploring cannot.

    python -m tests.benchmarks.bounded
    python -m tests.benchmarks.bounded --large

Both find the shortest violation of `decode_reads_own_bytes` in `as_reported` of slot_lifecycle; the
lengths must be equal. The large sizes have more states than memory holds. Seconds are of this
process (what else runs on the machine counts little) and of the clock.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fencepost.checking import prepare
from fencepost.core.results import Result, grouped
from fencepost.core.system import System
from fencepost.engines.explore import explore
from fencepost.engines.prove import bounded
from fencepost.loading import load_models

ROOT = Path(__file__).resolve().parents[2]
DESIGN, PROPERTY = "as_reported", "decode_reads_own_bytes"
BOTH = ((2, 1, 2), (2, 1, 3), (2, 1, 4), (3, 1, 2))
LARGE = ((6, 3, 2), (4, 2, 4))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--large", action="store_true", help="only sizes that are not explored")
    large = parser.parse_args().large
    [source] = load_models(["slot_lifecycle"], ROOT, [])
    print(
        f"{'requests slots chunks':24}{'engine':>10}{'steps':>7}{'states':>14}{'cpu s':>9}{'s':>9}"
    )
    equal = True
    for sizes in () if large else BOTH:
        system = prepare(source, dict(zip(("requests", "slots", "chunks"), sizes, strict=True)))
        equal &= row(sizes, system, "explore", explored) == row(sizes, system, "bounded", searched)
    for sizes in LARGE:
        system = prepare(source, dict(zip(("requests", "slots", "chunks"), sizes, strict=True)))
        equal &= row(sizes, system, "bounded", searched) is not None
    return 0 if equal else 1


def explored(system: System) -> Result:
    return explore(system, system.design(DESIGN), properties=[PROPERTY], first=True)


def searched(system: System) -> Result:
    return bounded(system, system.design(DESIGN), properties=[PROPERTY])


def row(
    sizes: tuple[int, ...], system: System, name: str, run: Callable[[System], Result]
) -> int | None:
    """Print a row; the length of the shortest violation, or None without one."""
    began, began_cpu = time.perf_counter(), time.process_time()
    answer = run(system).answer
    taken, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    trace = answer.findings[0].trace
    length = None if trace is None else len(trace)
    states = grouped(answer.states) if answer.states else ""
    shown = " ".join(map(str, sizes))
    print(f"{shown:24}{name:>10}{length!s:>7}{states:>14}{cpu:9.1f}{taken:9.1f}", flush=True)
    return length


if __name__ == "__main__":
    sys.exit(main())
