"""Implementations held against models: adapter, design and the model's own verdict together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from fencepost.adapter_files import AdapterFile
from fencepost.analyses.expectations import Judged, Judgement, violated
from fencepost.checking import prepare
from fencepost.core.errors import InputError
from fencepost.core.limits import INTERRUPTED
from fencepost.core.results import Answer, Verdict
from fencepost.core.system import NO_FAULT, Design, System
from fencepost.engines.conform.declared import check_sizes
from fencepost.engines.conform.driver import Driven, conform
from fencepost.engines.conform.driving import Driving
from fencepost.engines.conform.outcomes import Claim, Conformance, Conformity
from fencepost.engines.explore import explore
from fencepost.project import Source
from fencepost.selection import check_designs, parameter_names, pick_designs, pick_sizes


@dataclass(frozen=True)
class Options:
    """What to drive: every design, unless some are named, at the sizes of the adapter."""

    designs: tuple[str, ...] = ()
    parameters: Mapping[str, int] = field(default_factory=dict)
    driving: Driving = Driving()  # noqa: RUF009  # frozen


@dataclass(frozen=True)
class Cell:
    """One design: what the model says of it, and what the implementation does.

    Where `cannot` says why the implementation cannot be of this design, neither is known.
    """

    design: Design
    model: Answer | None = None
    found: Conformance | None = None
    judged: Judged | None = None
    cannot: str = ""


@dataclass(frozen=True)
class ModelConformance:
    """An implementation at the designs of a model."""

    source: Source
    system: System
    adapter: AdapterFile
    cells: tuple[Cell, ...]
    interrupted: bool = False


Watch = Callable[[Source, Design, Driven], None]


def check_asked(source: Source, options: Options) -> None:
    """Refuse designs and parameters that a model does not have, before anything heavy is loaded."""
    pick_sizes(source, options.parameters)
    check_designs(source, options.designs)


def conform_model(
    source: Source, adapter: AdapterFile, options: Options, watch: Watch | None = None
) -> ModelConformance:
    """Drive an implementation at the designs of a model, one after the other."""
    check_sizes(adapter.adapter, source.name, parameter_names(source), adapter.at)
    sizes = {**adapter.adapter.sizes, **pick_sizes(source, options.parameters)}
    system = prepare(source, sizes)
    cells: list[Cell] = []
    interrupted = False
    for design in pick_designs(source, system, options.designs):
        try:
            cell = _cell(source, system, design, adapter, options, watch)
        except KeyboardInterrupt:  # while it is set up
            cell = Cell(design, judged=Judged(Judgement.UNDECIDED, (INTERRUPTED,)))
        ended = cell.found.stopped if cell.found is not None else ""
        interrupted = INTERRUPTED in (ended, *(cell.judged.reasons if cell.judged else ()))
        cells.append(cell)
        if interrupted:
            break
    if all(cell.cannot for cell in cells):
        raise InputError(
            "F257",
            f"{adapter.adapter.__name__} can be none of the designs of {source.name}",
            why="; ".join(f"{cell.design.name}: {cell.cannot}" for cell in cells),
            write='a `can_be` that gives "" for the designs that it can be',
            at=adapter.at,
        )
    return ModelConformance(source, system, adapter, tuple(cells), interrupted)


def _cell(
    source: Source,
    system: System,
    design: Design,
    adapter: AdapterFile,
    options: Options,
    watch: Watch | None,
) -> Cell:
    cannot = adapter.adapter.can_be(design.barriers)
    if cannot:
        return Cell(design, cannot=cannot)
    driving = options.driving
    model = explore(system, design, limits=driving.limits)
    answer = model.answer
    if answer.stopped == INTERRUPTED:
        return Cell(design, answer, judged=Judged(Judgement.UNDECIDED, (INTERRUPTED,)))
    found = conform(
        system,
        design,
        adapter.adapter,
        claims=claims_of(answer),
        driving=replace(driving, limits=driving.limits.after(model.cost.search_s)),
        at=adapter.at,
        watch=None if watch is None else lambda driven: watch(source, design, driven),
    )
    return Cell(design, answer, found, judge(answer, found))


def claims_of(answer: Answer) -> tuple[Claim, ...]:
    """What the model violates; a fault first, as other violations may follow from it."""
    claims = [
        Claim(f.property, f.kind, f.trace) for f in answer.findings if f.verdict is Verdict.VIOLATED
    ]
    return tuple(sorted(claims, key=lambda claim: claim.property != NO_FAULT))


def judge(model: Answer, found: Conformance) -> Judged:
    """Whether the implementation does what the model does, with the reasons where it does not."""
    if found.verdict is Conformity.DIFFERS:
        return Judged(Judgement.NOT_AS_EXPECTED, ("the implementation does not follow the model",))
    if found.verdict is Conformity.UNDECIDED:
        return Judged(Judgement.UNDECIDED, (found.stopped,))
    said, shown = set(violated(model)), {one.property for one in found.violated}
    if not said and model.verdict is not Verdict.HOLDS:
        return Judged(Judgement.UNDECIDED, (f"the model is not decided: {model.stopped}",))
    reasons = [
        f"the model violates {name}, and the implementation was not seen to"
        for name in sorted(said - shown - set(found.beyond))
    ]
    reasons += [
        f"the implementation violates {name}, of which the model says nothing"
        for name in sorted(shown - said)
    ]
    if reasons:
        return Judged(Judgement.NOT_AS_EXPECTED, tuple(reasons))
    return Judged(Judgement.AS_EXPECTED)


def exit_code(found: list[ModelConformance]) -> int:
    """0 every implementation does what its model does, 1 some does not, 3 undecided."""
    judgements = {c.judged.judgement for one in found for c in one.cells if c.judged is not None}
    if Judgement.NOT_AS_EXPECTED in judgements:
        return 1
    undecided = Judgement.UNDECIDED in judgements or any(one.interrupted for one in found)
    return 3 if undecided else 0
