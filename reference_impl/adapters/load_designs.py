"""What `reference_impl.load` can serve with: the designs of each protocol, and readings of the
monitor's rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from reference_impl.adapters import load_handoff, load_layer_split, load_two_tiers
from reference_impl.adapters.designs import handoff, system
from reference_impl.adapters.luck import Luck
from reference_impl.barriers import SpeculationMonitor as Switches
from reference_impl.load.running import SHIFT, Machine
from reference_impl.load.workload import OUTPUT_SCALE, Workload

RULES = "speculation_monitor"
Start = Callable[[frozenset[str], Luck, int], AbstractContextManager[Machine]]


@dataclass(frozen=True)
class Protocol:
    """How the designs of a model are served: what starts a machine with some barriers, luck and a
    seed, how requests are scaled, how many of them one machine serves, and the mean ticks between
    two of them that keep it busy."""

    start: Start
    output_scale: int = OUTPUT_SCALE
    shares_whole: bool = False
    shift: int = SHIFT
    interval: float = Workload().interval


def _handoff(model: str) -> Protocol:
    return Protocol(
        lambda barriers, luck, seed: load_handoff.nodes(handoff(model, barriers), luck, seed)
    )


PROTOCOLS: Mapping[str, Protocol] = {
    "slot_lifecycle": _handoff("slot_lifecycle"),
    "rdma_write_completion": _handoff("rdma_write_completion"),
    "async_cache_load": Protocol(
        load_two_tiers.tiers,
        load_two_tiers.OUTPUT_SCALE,
        shares_whole=True,
        interval=load_two_tiers.INTERVAL,
    ),
    # Each batch has streams of its own, which a device keeps.
    "layer_split": Protocol(
        load_layer_split.ranks, load_layer_split.OUTPUT_SCALE, shares_whole=True, shift=40
    ),
}


@dataclass(frozen=True)
class Found:
    """A design by its name, as MODEL/DESIGN."""

    model: str
    design: str
    protocol: Protocol
    barriers: frozenset[str]
    is_safe: bool

    @property
    def name(self) -> str:
        """As `find` is given it."""
        return f"{self.model}/{self.design}"

    def machine(self, luck: Luck, seed: int) -> AbstractContextManager[Machine]:
        """A machine that serves with it, until the end of the context."""
        return self.protocol.start(self.barriers, luck, seed)

    def scaled(self, workload: Workload, interval: float | None = None) -> Workload:
        """A workload as this protocol is asked for it; `interval` in place of its own, if any."""
        protocol = self.protocol
        return replace(
            workload,
            output_scale=protocol.output_scale,
            shares_whole=protocol.shares_whole,
            interval=interval or protocol.interval,
        )


def find(name: str) -> Found:
    """A design.

    Raises `LookupError` where there is none.
    """
    model, _, chosen = name.partition("/")
    if model not in PROTOCOLS:
        models = ", ".join(PROTOCOLS)
        raise LookupError(f"{name}: a design is one of {models}, a slash, and its name")
    for one in system(model).designs:
        if one.name == chosen:
            safe = not one.expect.violations
            return Found(model, chosen, PROTOCOLS[model], one.barriers, safe)
    names = ", ".join(one.name for one in system(model).designs)
    raise LookupError(f"{model} has no design {chosen!r}; it has {names}")


def reading(name: str) -> Switches:
    """The monitor's rule as a design of its model reads it.

    Raises `LookupError` where there is none.
    """
    designs = {one.name: one.barriers for one in system(RULES).designs}
    if name not in designs:
        raise LookupError(f"{RULES} has no design {name!r}; it has {', '.join(designs)}")
    return Switches.on(designs[name] & set(Switches.names()))


def listed() -> Iterator[str]:
    """The designs that can be served, and the readings of the rule, a line each."""
    for model in (*PROTOCOLS, RULES):
        for one in system(model).designs:
            violated = ", ".join(v.property for v in one.expect.violations)
            yield f"{model}/{one.name}: " + (f"violates {violated}" if violated else "safe")
