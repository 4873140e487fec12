"""How many orders a trace allows, counted exactly."""

from __future__ import annotations

from fencepost.streams.calls import Trace
from fencepost.streams.placed import placed

Heads = tuple[int, ...]


def interleavings(trace: Trace, *, marks: bool = False) -> int:
    """The linear extensions of the happens-before order of a trace's operations.

    With `marks`, records and waits count as steps of their streams, too. Each agent performs a
    chain, so a set of operations closed under "before" is one number per agent; the orders are the
    paths through these sets, summed level by level. Time and room grow with the number of the sets
    (at most the product of the chains' lengths), not with the count.
    """
    chains: dict[int, list[tuple[int, ...]]] = {}
    steps = placed(trace, marks=marks)
    agents = sorted({step.agent for step in steps})
    for step in steps:
        before = (step.clock[agent] - (agent == step.agent) for agent in agents)
        chains.setdefault(step.agent, []).append(tuple(before))
    lists = [chains[agent] for agent in agents]
    level: dict[Heads, int] = {(0,) * len(agents): 1}
    for _ in steps:
        after: dict[Heads, int] = {}
        for heads, ways in level.items():
            for agent, chain in enumerate(lists):
                head = heads[agent]
                if head < len(chain) and all(
                    have >= need for have, need in zip(heads, chain[head], strict=True)
                ):
                    moved = (*heads[:agent], head + 1, *heads[agent + 1 :])
                    after[moved] = after.get(moved, 0) + ways
        level = after
    return sum(level.values())
