"""Every seeded fault, and who finds it first: `python -m reference_impl.adapters.faults.table`.

With names of faults, only these. The exit code is 1 where one is not found by who should.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping

from fencepost.engines.conform.adapter import Adapter
from reference_impl.adapters.conformance.async_cache_load import TwoTiers
from reference_impl.adapters.conformance.layer_split import Ranks
from reference_impl.adapters.conformance.rdma_write_completion import RdmaWriteCompletion
from reference_impl.adapters.conformance.slot_lifecycle import SlotLifecycle
from reference_impl.adapters.designs import system
from reference_impl.adapters.faults.fault import Fault, FoundBy
from reference_impl.adapters.faults.finding import differs, first_finder
from reference_impl.adapters.faults.handoff import HANDOFF
from reference_impl.adapters.faults.hierarchical import TWO_TIERS
from reference_impl.adapters.faults.layer_split import LAYER_SPLIT
from reference_impl.adapters.faults.records import RECORDS
from reference_impl.adapters.matrix import Case, aligned
from reference_impl.adapters.rounds import Rounds

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


def found(model: str, name: str, sizes: Mapping[str, int]) -> tuple[FoundBy, str] | None:
    """Who finds something in the cache as it is, and what, at a design and at these sizes beside
    those of the adapter; None where nobody does."""
    adapter = _adapter(model, sizes)
    recorded, case = system(model, **{**adapter.sizes, **sizes}), Case(model, "", name)
    return first_finder(
        lambda: differs(recorded, name, adapter),
        lambda: (case.run(seed, on=True) for seed in range(SEEDS)),
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
    """Print the table; the exit code."""
    known = {fault.name: fault for fault in FAULTS}
    if unknown := [name for name in names if name not in known]:
        sys.stderr.write(f"no fault {unknown[0]!r}: one of {', '.join(known)}\n")
        return 2
    asked = [known[name] for name in names] or list(FAULTS)
    rows = []
    for fault, row in zip(asked, table(asked), strict=True):
        sys.stderr.write(f"{fault.name}: {row[3]}\n")
        rows.append(row)
    for line in aligned([HEAD, *rows]):
        print(line)  # noqa: T201  # the table is what was asked for
    wrong = [row for fault, row in zip(asked, rows, strict=True) if row[3] != fault.found_by]
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
