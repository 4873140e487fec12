"""How long liveness takes to decide, beside the search that comes before it.

    python -m tests.benchmarks.liveness
    python -m tests.benchmarks.liveness --design safe --set requests=2 --set slots=2 --set chunks=2

Without options: the slot protocol at 1.1 million states. "search" is the search alone, each further
line the time on top of it for one property with all its instances, or for all; "memory" is what the
run takes at its largest, as it is known beforehand.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from fencepost.core.results import grouped
from fencepost.core.system import LIVENESS
from fencepost.engines.explore import explore
from fencepost.language import build
from fencepost.loading import load_model

ROOT = Path(__file__).resolve().parents[2]
MILLION = {"requests": 2, "slots": 2, "chunks": 3}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.liveness")
    parser.add_argument("--model", default="slot_lifecycle")
    parser.add_argument("--design", default="safe")
    parser.add_argument("--set", action="append", default=[], type=lambda word: word.split("="))
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    sizes = {name: int(value) for name, value in options.set} or MILLION
    source = load_model(options.model, ROOT)
    system = build(source.model, source.properties, sizes)
    design = system.design(options.design)
    lively = [p.name for p in system.properties if p.kind in LIVENESS]

    def seconds(asked: list[str]) -> tuple[float, int]:
        results = [explore(system, design, properties=asked) for _ in range(options.repeats)]
        median = statistics.median(result.cost.search_s for result in results)
        return median, results[0].cost.bytes_peak

    first = explore(system, design, properties=["no_fault"]).answer
    search, memory = seconds(["no_fault"])
    print(f"{system.name} {design.name} {sizes}: {grouped(first.states)} states, ", end="")
    print(f"{grouped(first.transitions)} transitions")
    print(f"{'search':30} {search:7.2f} s {memory / 1e6:7.0f} MB")
    for name in [*([n] for n in lively), lively]:
        taken, memory = seconds(name)
        shown = name[0] if len(name) == 1 else "all of them"
        print(f"{shown:30} {taken - search:7.2f} s {memory / 1e6:7.0f} MB")


if __name__ == "__main__":
    main()
