"""The audit of a trace: races grouped by what is missing, with edges that were tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fencepost.streams.calls import NOWHERE, Free, Poll, Query, Trace
from fencepost.streams.clocks import Clocks
from fencepost.streams.detect import Race, ordered, races
from fencepost.streams.edges import applied, propose
from fencepost.streams.findings import Access, Audit, Edge, Finding, Occurrence
from fencepost.streams.memory import Memory
from fencepost.streams.replay import both_orders

MOST_TRIED = 1_000
"""Occurrences of one finding for which the missing edge is worked out; all of them are counted."""
MOST_ALONE = 64
"""Findings whose edges are tried one by one; the edges of further ones are tried all at once."""
MOST_REPLAYED = 20_000
"""Operations of a trace whose findings are replayed."""
MOST_SHOWN = 4
"""Occurrences of one finding that are replayed until one shows different bytes."""
MOST_PERFORMED = 500_000
"""Operations that all replays of a trace perform, about."""


def assess(trace: Trace, *, memory: Memory | None = None) -> Audit:
    """What nothing orders in a trace.

    With `memory`, the two orders of each finding's first occurrences are performed on it; then the
    severity is `confirmed` where they give different bytes.
    """
    found = _findings(trace, memory if trace.operations <= MOST_REPLAYED else None)
    agents = trace.agents
    return Audit(
        findings=found,
        operations=trace.operations,
        calls=len(trace.calls),
        streams=sum(agent.kind == "stream" for agent in agents),
        hosts=sum(agent.kind == "host" for agent in agents),
        choices=sum(isinstance(call, Query | Poll) for call in trace.calls),
        pending=sum(isinstance(call, Query | Poll) and not call.answer for call in trace.calls),
        unordered_calls=_unordered_calls(trace),
        notes=tuple(trace.notes),
        unseen=tuple(trace.unseen),
    )


def _findings(trace: Trace, memory: Memory | None) -> tuple[Finding, ...]:
    """One for each missing edge; what its edge orders besides is a consequence of it."""
    grouped: dict[object, list[Race]] = {}
    # What comes last before an operation comes first here: a wait for it covers what is earlier.
    for race in sorted(races(trace), key=lambda r: (r.second.number, -r.first.number)):
        grouped.setdefault(_key(race), []).append(race)
    groups = list(grouped.values())
    tried = [group[:MOST_TRIED] for group in groups]
    proposals = iter(propose(trace, [race for group in tried for race in group]))
    proposed = [[next(proposals) for _ in group] for group in tried]
    findings: list[Finding] = []
    replays = _Replays(trace, memory)
    left = list(range(len(groups)))
    while left:
        alone = len(findings) < MOST_ALONE
        applying = left[:1] if alone else left
        edges = [proposal for number in applying for proposal in proposed[number]]
        pairs = {_pair(race) for number in left for race in tried[number]}
        then = ordered(applied(trace, edges), pairs)
        enough = {n for n in left if all(_pair(race) in then for race in tried[n])}
        made = {}
        for number in sorted({*applying, *enough}):
            best, group = proposed[number][0], groups[number]
            edge = Edge(best.kind, best.text, best.event, number in enough, best.recorded)
            made[number] = _finding(trace, group, edge, replays.evidence(group))
        if alone:
            first, *others = made.values()
            findings.append(replace(first, consequences=tuple(others)))
        else:
            findings += made.values()
        left = [number for number in left if number not in made]
    return tuple(findings)


class _Replays:
    """Performs orders of a trace for as long as that takes no unreasonable time."""

    def __init__(self, trace: Trace, memory: Memory | None) -> None:
        self._trace, self._memory = trace, memory
        self._left = MOST_PERFORMED

    def evidence(self, group: Sequence[Race]) -> str:
        """What the two orders of a race differ in; empty where nothing was seen to."""
        for race in group[:MOST_SHOWN]:
            if self._memory is None or self._left <= 0:
                break
            self._left -= 2 * self._trace.operations
            found = both_orders(self._trace, race, self._memory)
            if found:
                return found
        return ""


def _pair(race: Race) -> tuple[int, int]:
    return race.first.number, race.second.number


def _key(race: Race) -> object:
    first, second = race.first, race.second
    sites = (first.site, second.site)
    named = () if all(site.line for site in sites) else (first.agent, second.agent)
    return sites, first.name, second.name, race.kind, named


def _finding(trace: Trace, group: Sequence[Race], edge: Edge, evidence: str) -> Finding:
    race = group[0]
    block = race.block
    base = block.start if block is not None else 0
    label = ""
    if block is not None:
        label = block.label or f"block {block.block}"
    return Finding(
        kind=race.kind,
        first=_access(trace, race, second=False),
        second=_access(trace, race, second=True),
        block=label,
        start=race.start - base,
        stop=race.stop - base,
        edge=edge,
        occurrences=tuple(
            Occurrence(r.first.number, r.second.number, r.start, r.stop) for r in group
        ),
        severity="confirmed" if evidence else "latent",
        evidence=evidence,
        allocated=NOWHERE if block is None else block.site,
    )


def _access(trace: Trace, race: Race, *, second: bool) -> Access:
    operation = race.second if second else race.first
    writes = race.second_writes if second else race.first_writes
    return Access(
        number=operation.number,
        name=operation.name,
        kind="write" if writes else "read",
        agent=trace.agents[operation.agent].name,
        host=trace.agents[operation.host].name,
        label=race.second_label if second else race.first_label,
        site=operation.site,
    )


class _Callers(Clocks):
    """Counts calls on one event or stream by hosts that nothing orders."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(trace, every_call=True)
        self.unordered = 0
        self._last: dict[tuple[str, int], tuple[int, int]] = {}

    def _count(self, call: object) -> None:
        super()._count(call)
        operation = call.poison if isinstance(call, Free) else call
        host: int = operation.host  # type: ignore[attr-defined]
        for kind in ("event", "stream"):
            number = getattr(operation, kind, None)
            if number is not None:
                self._use(host, kind, number)
        agent = getattr(operation, "agent", host)
        if self.trace.agents[agent].kind == "stream":
            self._use(host, "stream", agent)

    def _use(self, host: int, kind: str, number: int) -> None:
        other, count = self._last.get((kind, number), (host, 0))
        self.unordered += self.now[host][other] < count
        self._last[kind, number] = (host, self.now[host][host])


def _unordered_calls(trace: Trace) -> int:
    if sum(agent.kind == "host" for agent in trace.agents) < 2:
        return 0
    callers = _Callers(trace)
    callers.read(trace.calls)
    return callers.unordered
