"""Inferring lemmas of a model: its designs one after the other, beside what is expected of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fencepost.analyses.expectations import Judgement
from fencepost.analyses.inference import Inferred, infer_lemmas
from fencepost.analyses.proofs import for_any_size, is_safe, lemmas_of
from fencepost.core.limits import INTERRUPTED, Inferring, Limits
from fencepost.core.system import Design, System
from fencepost.project import Source
from fencepost.proving import known_lemmas
from fencepost.selection import pick_designs

Watch = Callable[[Source, Design, Inferring], None]
SECONDS = 180.0
"""How long lemmas of one design are looked for, unless something else is asked."""


@dataclass(frozen=True)
class ModelInference:
    """What was found for the designs of one model; `unbounded` is its recording for any size."""

    source: Source
    system: System
    unbounded: System
    found: tuple[Inferred, ...]
    interrupted: bool = False


def infer_model(
    source: Source,
    system: System,
    designs: Sequence[str],
    limits: Limits,
    *,
    lemmas: Sequence[str] = (),
    watch: Watch | None = None,
) -> ModelInference:
    """Infer lemmas for the designs named, or for all; an interrupt ends with what there is.

    `lemmas` are names of lemmas that stand beside the properties: the first candidates.
    """
    known_lemmas(source, system, lemmas)
    unbounded = for_any_size(system)
    seconds = SECONDS if limits.seconds is None else limits.seconds
    limits = Limits(limits.states, seconds, limits.memory_bytes)
    found: list[Inferred] = []
    for design in pick_designs(source, system, designs):
        inferred = infer_lemmas(
            unbounded,
            unbounded.design(design.name),
            first=lemmas_of(unbounded, design, lemmas) if lemmas else (),
            taken=[lemma.name for each in found for lemma in each.lemmas],
            limits=limits,
            progress=None if watch is None else _watched(watch, source, design),
        )
        found.append(inferred)
        if inferred.stopped == INTERRUPTED:
            return ModelInference(source, system, unbounded, tuple(found), True)
    return ModelInference(source, system, unbounded, tuple(found))


def _watched(watch: Watch, source: Source, design: Design) -> Callable[[Inferring], None]:
    return lambda progress: watch(source, design, progress)


def judged(system: System, inferred: Inferred) -> Judgement:
    """A safe design is expected to be proved, and a broken one not to be."""
    if is_safe(inferred.design, system):
        if inferred.proved:
            return Judgement.AS_EXPECTED
        wrong = inferred.violation is not None
        return Judgement.NOT_AS_EXPECTED if wrong else Judgement.UNDECIDED
    if inferred.proved:
        return Judgement.NOT_AS_EXPECTED
    return Judgement.UNDECIDED if inferred.stopped else Judgement.AS_EXPECTED


def exit_code(models: Sequence[ModelInference]) -> int:
    """0 every design as expected, 1 some not, 3 undecided (no proof found, a limit)."""
    judgements = {judged(m.system, each) for m in models for each in m.found}
    if Judgement.NOT_AS_EXPECTED in judgements:
        return 1
    if Judgement.UNDECIDED in judgements or any(m.interrupted for m in models):
        return 3
    return 0
