"""Every seeded fault, and who finds it first: `python -m reference_impl.adapters.faults.table`.

With names of faults, only these. The exit code is 1 where one is found by another than it should be.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache

from fencepost.checking import prepare
from fencepost.core.system import System
from fencepost.engines.conform.adapter import Adapter
from fencepost.loading import load_model
from reference_impl.adapters import handoff_runs
from reference_impl.adapters.conformance.slot_lifecycle import SlotLifecycle
from reference_impl.adapters.designs import ROOT, design, handoff
from reference_impl.adapters.faults.fault import Fault, FoundBy
from reference_impl.adapters.faults.finding import differs, first_finder
from reference_impl.adapters.faults.handoff import HANDOFF
from reference_impl.adapters.outcomes import Outcome

FAULTS = HANDOFF
ADAPTERS: Mapping[str, type[Adapter]] = {"slot_lifecycle": SlotLifecycle}
SEEDS = 14
"""Schedules on which properties, tokens and races are looked at."""
HEAD = ("fault", "model", "design", "found by", "what is found")


def _handoff(model: str, name: str) -> Iterable[Outcome]:
    made = handoff(model, design(model, name))
    return [handoff_runs.run(made.on, made.assumed, seed) for seed in range(SEEDS)]


RUNS: Mapping[str, Callable[[str, str], Iterable[Outcome]]] = dict.fromkeys(
    ("slot_lifecycle", "rdma_write_completion"), _handoff
)


@cache
def _system(model: str, sizes: tuple[tuple[str, int], ...]) -> System:
    return prepare(load_model(model, ROOT), dict(sizes))


def found(
    model: str, name: str, sizes: Mapping[str, int] | None = None
) -> tuple[FoundBy, str] | None:
    """Who finds something in the cache as it is, and what, at a design; None where nobody does."""
    system = _system(model, tuple((sizes or {}).items()))
    return first_finder(
        lambda: differs(system, name, ADAPTERS[model]), lambda: RUNS[model](model, name)
    )


def found_with(fault: Fault) -> tuple[FoundBy, str] | None:
    """Who finds a fault first, and what."""
    with fault.apply():
        return found(fault.model, fault.design, fault.sizes)


def table(faults: Iterable[Fault]) -> Iterator[tuple[str, ...]]:
    """A row of cells for each fault."""
    for fault in faults:
        who, what = found_with(fault) or ("nobody", "")
        yield fault.name, fault.model, fault.design, who, what


def main(names: list[str]) -> int:
    """Print the table, and below it what each fault is; the exit code."""
    known = {fault.name: fault for fault in FAULTS}
    if unknown := [name for name in names if name not in known]:
        sys.stderr.write(f"no fault {unknown[0]!r}: one of {', '.join(known)}\n")
        return 2
    asked = [known[name] for name in names] or list(FAULTS)
    rows = []
    for fault, row in zip(asked, table(asked), strict=True):
        sys.stderr.write(f"{fault.name}: {row[3]}\n")
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
    for line in (HEAD, *rows):
        print("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())  # noqa: T201  # asked for
    wrong = [row for fault, row in zip(asked, rows, strict=True) if row[3] != fault.found_by]
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
