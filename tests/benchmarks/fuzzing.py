"""How surely random runs find the violations of the broken designs, and how short they are.

`python -m tests.benchmarks.fuzzing` prints a table with a row for each violation that a design of
`models/` is expected to have and that random runs can show (a property `always`, a fault, a stuck
state): in how many of so many seeds it is found, how long the runs found are, how long the shortest
run is, and how long a seed took. `--engine walk` does the same for compiled walks, and `--nearby 1`
for fuzzing that looks at the states of its runs alone.
"""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from fencepost.checking import prepare
from fencepost.core.results import Result, Verdict
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, Design, System
from fencepost.engines.fuzz import fuzz, walk
from fencepost.loading import load_models

ROOT = Path(__file__).resolve().parents[2]
ROW = "{:<24}{:<31}{:<26}{:>7}  {:<9}{:>9}{:>9}"


def violations(system: System, design: Design) -> dict[str, int | None]:
    """What random runs can show of what is expected of a design, with its shortest length."""
    safety = {p.name for p in system.properties if p.kind == "always"}
    safety |= {NO_FAULT, NO_STUCK_STATE}
    return {v.property: v.steps for v in design.expect.violations if v.property in safety}


def rows(system: System, design: Design, run: Callable[..., Result], seeds: int) -> Iterator[str]:
    """A row for each violation of a design."""
    expected = violations(system, design)
    if not expected:
        return
    lengths: dict[str, list[int]] = defaultdict(list)
    times: list[float] = []
    for seed in range(seeds):
        result = run(system, design, properties=list(expected), seed=seed)
        times.append(result.cost.search_s)
        for finding in result.answer.findings:
            if finding.verdict is Verdict.VIOLATED and finding.trace is not None:
                lengths[finding.property].append(len(finding.trace))
    for name, shortest in expected.items():
        found = lengths[name]
        told = "" if not found else f"{min(found)}..{max(found)}"
        if found and min(found) == max(found):
            told = str(found[0])
        yield ROW.format(
            system.name,
            design.name,
            name,
            f"{len(found)}/{seeds}",
            told,
            shortest if shortest is not None else "",
            f"{statistics.median(times):.2f}",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--engine", choices=("fuzz", "walk"), default="fuzz")
    parser.add_argument("--nearby", type=int, default=None)
    parser.add_argument("models", nargs="*")
    asked = parser.parse_args()
    run: Callable[..., Result] = walk if asked.engine == "walk" else fuzz
    if asked.nearby is not None:
        run = partial(run, nearby=asked.nearby)
    print(ROW.format("model", "design", "violated", "seeds", "length", "shortest", "median s"))
    for source in load_models(asked.models, ROOT, []):
        system = prepare(source)
        for design in system.designs:
            for row in rows(system, design, run, asked.seeds):
                print(row, flush=True)


if __name__ == "__main__":
    main()
