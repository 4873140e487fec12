"""Proofs for any size beside what explores: lemmas are tried at a small size before any proof."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from fencepost.analyses.expectations import Judged, Judgement
from fencepost.core.errors import InputError, NoReading
from fencepost.core.limits import INTERRUPTED, Limits, Progress, ProofReport
from fencepost.core.questions import chosen
from fencepost.core.results import Answer, Finding, Result, Verdict, count_steps
from fencepost.core.system import NO_FAULT, Design, Lemma, Property, System

MOST_STATES_TRIED = 200_000
"""How many states a lemma is tried on; a lemma that is false seldom takes more."""


@dataclass(frozen=True)
class Proof:
    """A design, what its proof came to, and that beside its expectation.

    `lemmas_of` is the design whose lemmas were used: itself, or the nearest safe one.
    """

    design: Design
    lemmas_of: Design
    result: Result
    judged: Judged
    blamed: tuple[str, ...]


def for_any_size(system: System) -> System:
    """The recording of a system for any size; `NoReading` where it has none."""
    if system.any_size:
        return system
    if system.record_for_any_size is None:
        raise NoReading(
            "F137",
            f"{system.name} was not recorded from a model",
            why="what was settled by its sizes cannot be told from what holds for any",
            write="`build(Model)`",
        )
    return system.record_for_any_size()


def is_safe(design: Design, system: System) -> bool:
    """Whether no violation of an `always` property, or of `no_fault`, is expected of a design."""
    return not any(is_safety(v.property, system) for v in design.expect.violations)


def is_safety(name: str, system: System) -> bool:
    """Whether a property is one that a proof for any size may decide."""
    return name == NO_FAULT or any(p.name == name and p.kind == "always" for p in system.properties)


def nearest_safe(system: System, design: Design) -> Design:
    """The design itself if it is expected to hold, else the one that is and differs in the fewest
    barriers (of several, the first); the design itself where none is."""
    if is_safe(design, system) and not design.expect.violations:
        return design
    safe = [d for d in system.designs if not d.expect.violations]
    return min(safe, key=lambda d: len(d.barriers ^ design.barriers), default=design)


def lemmas_of(system: System, design: Design, names: Sequence[str] = ()) -> tuple[Lemma, ...]:
    """The lemmas that are used for a design, or those of these names."""
    if not names:
        return tuple(lemma for lemma in system.lemmas if lemma.concerns(design.name))
    return tuple(lemma for lemma in system.lemmas if lemma.name in names)


def refuse_false_lemmas(
    system: System, design: Design, lemmas: Sequence[Lemma], limits: Limits
) -> None:
    """Refuse a lemma (F135) that is false in a state reached at the system's own sizes, with the
    trace to it; it would make a proof for any size impossible, which is found out later."""
    from fencepost.engines.explore import explore

    if not lemmas:
        return
    claimed = replace(
        system,
        properties=tuple(
            Property(m.name, "always", m.arguments, m.condition, m.fault, location=m.location)
            for m in system.lemmas
        ),
    )
    names = [lemma.name for lemma in lemmas]
    few = Limits(MOST_STATES_TRIED, limits.seconds, limits.memory_bytes)
    found = explore(claimed, design, properties=names, first=True, limits=few).answer
    if found.stopped == INTERRUPTED:
        raise KeyboardInterrupt
    false = [f for f in found.findings if f.verdict is Verdict.VIOLATED]
    if not false:
        return
    first = min(false, key=lambda f: (len(f.trace) if f.trace else 0, names.index(f.property)))
    raise _false(system, design, lemmas, first)


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


def prove(
    system: System,
    design: Design,
    *,
    properties: Iterable[str] | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    progress: Callable[[Progress], None] | None = None,  # noqa: ARG001  # it speaks of states
) -> Result:
    """The engine "any-size" on a system at sizes: its lemmas are tried at these sizes, then its
    recording for any size is proved. What has no such recording is UNDECIDED and says why."""
    from fencepost.engines.prove.any_size.proving import ENGINE

    near = nearest_safe(system, design)
    asked = None if properties is None else list(properties)
    try:
        return _proved(system, design, near, lemmas_of(system, near), asked, limits, None)
    except NoReading as refused:
        return _no_reading(system, design, asked, refused, ENGINE)


def _proved(
    system: System,
    design: Design,
    near: Design,
    lemmas: Sequence[Lemma],
    properties: Sequence[str] | None,
    limits: Limits,
    watch: ProofReport | None,
) -> Result:
    """A proof by lemmas of the system at sizes, tried first where they are of this design."""
    from fencepost.engines.prove.any_size import prove_any_size

    unbounded = for_any_size(system)
    if near is design:
        refuse_false_lemmas(system, design, lemmas, limits)
    names = [lemma.name for lemma in lemmas]
    result = prove_any_size(
        unbounded,
        design,
        properties=properties,
        lemmas=[lemma for lemma in unbounded.lemmas if lemma.name in names],
        limits=limits,
        again=near is design,
        progress=watch,
    )
    return replace(result, answer=_of(system, result.answer))


def _of(system: System, answer: Answer) -> Answer:
    """The answer under the digest that traces of the system carry."""
    return replace(answer, digest=system.digest, parameters=system.parameters)


def _no_reading(
    system: System,
    design: Design,
    properties: Sequence[str] | None,
    refused: NoReading,
    engine: str,
) -> Result:
    place = f" ({refused.at})" if refused.at is not None else ""
    names = chosen(system, properties)
    findings = tuple(
        Finding(name, "always", Verdict.UNDECIDED, f"{refused.what}{place}")
        for name in names
        if is_safety(name, system)
    )
    return Result(
        Answer(
            model=system.name,
            digest=system.digest,
            parameters=system.parameters,
            design=design.name,
            barriers=tuple(sorted(design.barriers)),
            engine=engine,
            findings=findings,
            stopped="no reading for any size",
        )
    )


def prove_and_judge(
    system: System,
    design: Design,
    *,
    properties: Iterable[str] | None = None,
    lemmas: Sequence[str] = (),
    limits: Limits = Limits(),  # noqa: B008  # frozen
    watch: ProofReport | None = None,
) -> Proof:
    """A proof beside what is expected of the design; `lemmas` are names, empty for its own."""
    from fencepost.engines.prove.any_size import blamed, not_decided

    near = nearest_safe(system, design)
    given = lemmas_of(system, near, lemmas)
    asked = None if properties is None else list(properties)
    result = _proved(system, design, near, given, asked, limits, watch)
    by, perhaps = blamed(result.answer), not_decided(result.answer)
    whole = not lemmas and asked is None
    judged = judge_proof(design, result.answer, by, perhaps, whole=whole)
    return Proof(design, near, result, judged, by)


def judge_proof(
    design: Design,
    answer: Answer,
    by: tuple[str, ...],
    perhaps: tuple[str, ...] = (),
    *,
    whole: bool = True,
) -> Judged:
    """A safe design is expected to be proved; a broken one not, and to blame what it says.

    `by` are the actions that break a claim, `perhaps` those of which the solver did not tell.
    `whole`: all properties by all lemmas; where some were left out, what is to blame differs.
    """
    if answer.stopped:
        return Judged(Judgement.UNDECIDED, (answer.stopped,))
    expected = {v.property for v in design.expect.violations}
    wrong: list[str] = []
    open_: list[str] = []
    for finding in answer.findings:
        if finding.verdict is Verdict.HOLDS and finding.property in expected:
            wrong.append(f"{finding.property} is proved, and a violation was expected")
        if finding.verdict is Verdict.UNDECIDED and not expected:
            said = wrong if finding.induction is not None else open_
            said.append(f"{finding.property}: {finding.scope}")
    if whole and design.blames:
        amiss = set(by) ^ set(design.blames)
        if amiss - set(perhaps):
            found = ", ".join(by) or "no action"
            wrong.append(f"the proof blames {found}; the design {', '.join(design.blames)}")
        elif perhaps:
            open_.append(f"not decided whether to blame {', '.join(perhaps)}")
    if wrong:
        return Judged(Judgement.NOT_AS_EXPECTED, (*wrong, *open_))
    if open_:
        return Judged(Judgement.UNDECIDED, tuple(open_))
    return Judged(Judgement.AS_EXPECTED)
