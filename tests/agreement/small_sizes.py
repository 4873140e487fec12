"""What is said of any size, beside exploring at small ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from fencepost.analyses.proofs import for_any_size
from fencepost.core.limits import Limits
from fencepost.core.results import Verdict
from fencepost.core.sizes import at_sizes, sorts
from fencepost.core.system import Design, System
from fencepost.engines.explore import explore

FEW = Limits(states=400_000)


def small_sizes(unbounded: System) -> Iterator[dict[str, int]]:
    """One of everything, two of each Index in turn, two of everything, three of the first."""
    names = [sort.name for sort in sorts(unbounded)]
    yield dict.fromkeys(names, 1)
    if len(names) > 1:
        yield from ({**dict.fromkeys(names, 1), name: 2} for name in names)
    yield dict.fromkeys(names, 2)
    yield from ({**dict.fromkeys(names, 2), name: 3} for name in names[:1])


@cache
def _at_small_sizes(system: System) -> list[System]:
    unbounded = for_any_size(system)
    return [at_sizes(unbounded, sizes) for sizes in small_sizes(unbounded)]


def contradictions(system: System, design: Design, proved: Sequence[str]) -> dict[str, str]:
    """Which of the properties, said to hold for any size, a run at a small size violates, and the
    sizes of the first such run."""
    found: dict[str, str] = {}
    if not proved:
        return found
    for sized in _at_small_sizes(system):
        answer = explore(sized, design, properties=proved, limits=FEW).answer
        for finding in answer.findings:
            if finding.verdict is Verdict.VIOLATED:
                found.setdefault(finding.property, str(sized.parameters))
    return found
