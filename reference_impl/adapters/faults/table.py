"""Every seeded fault, and who finds it first: `python -m reference_impl.adapters.faults.table`.

With names of faults, only these. The exit code is 1 where one is not found by who should.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache

from fencepost.checking import prepare
from fencepost.core.system import System
from fencepost.engines.conform.adapter import Adapter
from fencepost.loading import load_model
from reference_impl.adapters import handoff_runs, hierarchical_runs, layer_split_runs
from reference_impl.adapters.conformance.async_cache_load import TwoTiers
from reference_impl.adapters.conformance.layer_split import Ranks
from reference_impl.adapters.conformance.rdma_write_completion import RdmaWriteCompletion
from reference_impl.adapters.conformance.slot_lifecycle import SlotLifecycle
from reference_impl.adapters.designs import ROOT, design, handoff
from reference_impl.adapters.faults.fault import Fault, FoundBy
from reference_impl.adapters.faults.finding import differs, first_finder
from reference_impl.adapters.faults.handoff import HANDOFF
from reference_impl.adapters.faults.hierarchical import TWO_TIERS
from reference_impl.adapters.faults.layer_split import LAYER_SPLIT
from reference_impl.adapters.faults.records import RECORDS
from reference_impl.adapters.outcomes import Outcome
from reference_impl.adapters.rounds import Rounds
from reference_impl.barriers import ABSENT, AsyncCacheLoad, LayerSplit

FAULTS = (*HANDOFF, *RECORDS, *TWO_TIERS, *LAYER_SPLIT)
ADAPTERS: Mapping[str, type[Adapter]] = {
    "slot_lifecycle": SlotLifecycle,
    "rdma_write_completion": RdmaWriteCompletion,
    "async_cache_load": TwoTiers,
    "layer_split": Ranks,
}
SEEDS = 14
"""Schedules on which properties, tokens and races are looked at."""
HEAD = ("fault", "model", "design", "found by", "what is found")


def _adapter(model: str, sizes: Mapping[str, int]) -> type[Adapter]:
    """The one of the model; a single turn has one that stops in the middle of it."""
    one_turn = model == "layer_split" and sizes.get("turns") == 1
    return Rounds if one_turn else ADAPTERS[model]


def _handoff(model: str, name: str) -> Callable[[int], Outcome]:
    made = handoff(model, design(model, name))
    return lambda seed: handoff_runs.run(made.on, made.assumed, seed)


def _two_tiers(model: str, name: str) -> Callable[[int], Outcome]:
    on = AsyncCacheLoad.on(design(model, name))
    return lambda seed: hierarchical_runs.run(on, seed)


def _ranks(model: str, name: str) -> Callable[[int], Outcome]:
    barriers = design(model, name)
    on, assumed = LayerSplit.on(barriers - ABSENT.keys()), barriers & ABSENT.keys()
    return lambda seed: layer_split_runs.run(on, assumed, seed)


RUNS: Mapping[str, Callable[[str, str], Callable[[int], Outcome]]] = {
    "slot_lifecycle": _handoff,
    "rdma_write_completion": _handoff,
    "async_cache_load": _two_tiers,
    "layer_split": _ranks,
}


@cache
def _system(model: str, sizes: tuple[tuple[str, int], ...]) -> System:
    return prepare(load_model(model, ROOT), dict(sizes))


def found(model: str, name: str, sizes: Mapping[str, int]) -> tuple[FoundBy, str] | None:
    """Who finds something in the cache as it is, and what, at a design and at these sizes beside
    those of the adapter; None where nobody does."""
    adapter = _adapter(model, sizes)
    system = _system(model, tuple(sorted({**adapter.sizes, **sizes}.items())))
    run = RUNS[model](model, name)
    return first_finder(lambda: differs(system, name, adapter), lambda: map(run, range(SEEDS)))


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
