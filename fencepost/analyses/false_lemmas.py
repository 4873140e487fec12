"""Lemmas are tried at given sizes before any proof; one that is false there is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fencepost.core.errors import InputError
from fencepost.core.limits import INTERRUPTED, Limits
from fencepost.core.remembered import Remembered
from fencepost.core.results import Finding, Verdict, count_steps
from fencepost.core.system import Design, Lemma, Property, System

MOST_STATES_TRIED = 200_000
"""How many states a lemma is tried on; a lemma that is false seldom takes more."""


def refuse_false_lemmas(
    system: System, design: Design, lemmas: Sequence[Lemma], limits: Limits
) -> float:
    """Refuse a lemma (F135) that is false in a state reached at the system's own sizes, with the
    trace to it; no proof would take it, which is found out later. Gives the seconds it took."""
    from fencepost.engines.explore import explore

    if not lemmas:
        return 0.0
    names = [lemma.name for lemma in lemmas]
    few = Limits(MOST_STATES_TRIED, limits.seconds, limits.memory_bytes)
    tried = explore(_claiming(system), design, properties=names, first=True, limits=few)
    if tried.answer.stopped == INTERRUPTED:
        raise KeyboardInterrupt
    false = [f for f in tried.answer.findings if f.verdict is Verdict.VIOLATED]
    if false:
        first = min(false, key=lambda f: (len(f.trace) if f.trace else 0, names.index(f.property)))
        raise _false(system, design, lemmas, first)
    return tried.cost.search_s


def _with_lemmas_for_properties(system: System) -> System:
    return replace(
        system,
        properties=tuple(
            Property(m.name, "always", m.arguments, m.condition, m.fault, location=m.location)
            for m in system.lemmas
        ),
    )


_claiming = Remembered(_with_lemmas_for_properties)
"""The same system for all designs, so that it is compiled once."""


def _false(system: System, design: Design, lemmas: Sequence[Lemma], finding: Finding) -> InputError:
    trace = finding.trace
    steps = () if trace is None else trace.steps
    after = "initially" if not steps else f"after {count_steps(len(steps))}"
    sizes = " ".join(f"{name}={value}" for name, value in system.parameters)
    instance = f" for {finding.instance}" if finding.instance else ""
    shown = "; ".join(system.show_step(step) for step in steps)
    at = next(lemma.location for lemma in lemmas if lemma.name == finding.property)
    return InputError(
        "F135",
        f"lemma `{finding.property}` is false of {design.name} {after}{instance}"
        + (f" at {sizes}" if sizes else "")
        + (f": {shown}" if shown else ""),
        why="a proof goes by conditions that hold in every reachable state",
        write="a weaker condition; or `@lemma(..., designs=(...))` if it is of other designs",
        at=at,
    )
