"""Proofs beside what explores: lemmas are tried at given sizes before any proof goes by them, and
what is not proved for any size is tried at the size of what kept it from being proved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fencepost.analyses.expectations import Judged, Judgement
from fencepost.analyses.false_lemmas import refuse_false_lemmas
from fencepost.analyses.wrong import Searched, search_at
from fencepost.core.errors import NoReading
from fencepost.core.limits import Limits, Progress, ProofReport
from fencepost.core.questions import chosen, select
from fencepost.core.results import Answer, Finding, Result, Verdict, count_steps
from fencepost.core.semantics import show_instance
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, Design, Lemma, System

NOT_DECIDED = "a proof for any size does not decide it"
NO_READING = "no reading for any size"
"""Why a proof for any size ended before it began; the fact of this name says what to write."""


@dataclass(frozen=True)
class Proof:
    """A design, what its proof came to, and that beside its expectation.

    `lemmas_of` is the design whose lemmas were used: itself, or the nearest safe one. `searched`
    are the searches at the sizes of what kept a design from being proved that is expected to be.
    """

    design: Design
    lemmas_of: Design
    result: Result
    judged: Judged
    blamed: tuple[str, ...]
    searched: tuple[Searched, ...] = ()


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
    """The design itself if no violation of safety is expected of it, else the one that is expected
    to hold and differs in the fewest barriers (of several, the first); the design itself where none
    is."""
    if is_safe(design, system):
        return design
    safe = [d for d in system.designs if not d.expect.violations]
    return min(safe, key=lambda d: len(d.barriers ^ design.barriers), default=design)


def lemmas_of(system: System, design: Design, names: Sequence[str] = ()) -> tuple[Lemma, ...]:
    """The lemmas that are used for a design, or those of these names."""
    if not names:
        return tuple(lemma for lemma in system.lemmas if lemma.concerns(design.name))
    return tuple(lemma for lemma in system.lemmas if lemma.name in names)


def prove(
    system: System,
    design: Design,
    *,
    properties: Iterable[str] | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    progress: Callable[[Progress], None] | None = None,  # noqa: ARG001  # it speaks of states
) -> Result:
    """The engine "any-size" on a system at sizes: its lemmas are tried at these sizes, then its
    recording for any size is proved. What has no such recording is UNDECIDED and names the
    construct, its line and what to write in its place."""
    from fencepost.engines.prove.any_size.proving import ENGINE

    near = nearest_safe(system, design)
    asked = None if properties is None else list(properties)
    try:
        return _proved(system, design, near, lemmas_of(system, near), asked, limits, None)
    except NoReading as refused:
        return _no_reading(system, design, asked, refused, ENGINE)


def prove_at_sizes(
    system: System,
    design: Design,
    *,
    properties: Iterable[str] | None = None,
    most_k: int,
    share: int | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """The engine "k-induction", once the lemmas that are claimed of the design were tried. Those
    that a broken design shares with safe ones are not: what is left of them helps where it can."""
    from fencepost.engines.prove import k_induction

    safe = nearest_safe(system, design) is design
    claimed = [m for m in lemmas_of(system, design) if safe or m.designs]
    taken = refuse_false_lemmas(system, design, claimed, limits)
    return k_induction(
        system,
        design,
        properties=properties,
        most_k=most_k,
        share=share,
        limits=limits.after(taken),
        progress=progress,
    )


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
        limits = limits.after(refuse_false_lemmas(system, design, lemmas, limits))
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
    return replace(result, answer=_of(system, result.answer, properties))


def _of(system: System, answer: Answer, properties: Sequence[str] | None) -> Answer:
    """The answer under the digest that traces of the system carry, with what was asked of it and is
    out of reach."""
    return replace(
        answer,
        digest=system.digest,
        parameters=system.parameters,
        findings=(*answer.findings, *_out_of_reach(system, properties)),
    )


def _out_of_reach(system: System, properties: Sequence[str] | None) -> Iterator[Finding]:
    """Of properties that were chosen by name those that no proof for any size decides."""
    if properties is None:
        return
    asked = select(system, properties)
    for question in asked.asked:
        prop = question.property
        if prop.kind != "always":
            instance = show_instance(prop, question.values)
            yield Finding(prop.name, prop.kind, Verdict.UNDECIDED, NOT_DECIDED, instance=instance)
    if asked.no_stuck_state:
        yield Finding(NO_STUCK_STATE, "always", Verdict.UNDECIDED, NOT_DECIDED)


def _no_reading(
    system: System,
    design: Design,
    properties: Sequence[str] | None,
    refused: NoReading,
    engine: str,
) -> Result:
    place = f" ({refused.at})" if refused.at is not None else ""
    why = f"{refused.what}{place}; write {refused.write}"
    names = chosen(system, properties)
    findings = tuple(
        Finding(name, "always", Verdict.UNDECIDED, why) for name in names if is_safety(name, system)
    )
    return Result(
        Answer(
            model=system.name,
            digest=system.digest,
            parameters=system.parameters,
            design=design.name,
            barriers=tuple(sorted(design.barriers)),
            engine=engine,
            findings=(*findings, *_out_of_reach(system, properties)),
            stopped=NO_READING,
            facts=((NO_READING, why),),
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
    searched = _searched(system, design, result.answer, limits.after(result.cost.search_s))
    for search in searched:
        result = replace(result, answer=_violated(result.answer, search))
    by, perhaps = blamed(result.answer), not_decided(result.answer)
    binding = for_any_size(system).at_defaults()
    whole = not lemmas and asked is None and binding
    safe = is_safe(design, system)
    judged = judge_proof(
        design, result.answer, by, perhaps, safe=safe, whole=whole, binding=binding
    )
    return Proof(design, near, result, judged, by, searched)


def _searched(
    system: System, design: Design, answer: Answer, limits: Limits
) -> tuple[Searched, ...]:
    """Searches at the sizes of what keeps a design from being proved, up to a violation; none where
    a violation is expected, which other engines find."""
    if not is_safe(design, system):
        return ()
    names = [f.property for f in answer.findings if is_safety(f.property, system)]
    failures = [f.induction for f in answer.findings if f.induction is not None]
    found: list[Searched] = []
    for sizes in dict.fromkeys(failure.sizes for failure in failures):
        found.append(search_at(for_any_size(system), design, dict(sizes), names, limits))
        if found[-1].violation is not None:
            break
    return tuple(found)


def _violated(answer: Answer, search: Searched) -> Answer:
    """The answer with the violation that a search found at other sizes; its trace is of these."""
    if search.violation is None:
        return answer
    name, trace = search.violation.property, search.violation.trace
    steps = "" if trace is None else f" in {count_steps(len(trace))}"
    wrong = f"violated{steps} at {search.sizes}"
    findings = (
        replace(f, verdict=Verdict.VIOLATED, scope=wrong) if f.property == name else f
        for f in answer.findings
    )
    return replace(answer, findings=tuple(findings))


def judge_proof(
    design: Design,
    answer: Answer,
    by: tuple[str, ...],
    perhaps: tuple[str, ...] = (),
    *,
    safe: bool,
    whole: bool = True,
    binding: bool = True,
) -> Judged:
    """A safe design is expected to be proved; a broken one not, and to blame what it says. What is
    not proved is undecided, whether a limit, a solver or a lemma stood in the way: it need not be
    wrong.

    `by` are the actions that break a claim, `perhaps` those of which the solver did not tell.
    `safe`: no violation of safety is expected (of liveness it may be, which no proof decides).
    `whole`: all properties by all lemmas; where some were left out, what is to blame differs.
    `binding`: at the parameters that expectations are about; at others a proof is never too much.
    """
    if answer.stopped:
        return Judged(Judgement.UNDECIDED, (answer.stopped,))
    expected = {v.property for v in design.expect.violations}
    wrong: list[str] = []
    open_: list[str] = []
    for finding in answer.findings:
        if finding.verdict is Verdict.VIOLATED:
            wrong.append(f"{finding.property}: {finding.scope}")
        if finding.verdict is Verdict.HOLDS and finding.property in expected and binding:
            wrong.append(f"{finding.property} is proved, and a violation was expected")
        undecided = finding.verdict is Verdict.UNDECIDED
        if undecided and (finding.scope == NOT_DECIDED or safe):
            open_.append(f"{finding.property}: {finding.scope}")
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
