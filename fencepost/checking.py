"""Checking a model: its designs explored, their verdicts beside what was expected of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fencepost.analyses.agreement import ANY_SIZE, SHORTEST, agree
from fencepost.analyses.expectations import Judged, Judgement, judge, violated
from fencepost.analyses.mending import Hint, Hints
from fencepost.analyses.proofs import is_safety
from fencepost.analyses.vacuity import Unused, unused
from fencepost.core.errors import InputError, Location
from fencepost.core.limits import INTERRUPTED, Limits, Progress
from fencepost.core.results import Answer, Cost, Finding, Result, Verdict
from fencepost.core.system import Design, System
from fencepost.language import build
from fencepost.plain_bodies import Comparison
from fencepost.project import Source
from fencepost.running import EXPLORE, SEED, Asked, engine
from fencepost.selection import parameter_names, pick_designs, pick_properties, shared

RECORDING = "recording"


@dataclass(frozen=True)
class Options:
    """What to check: everything, unless designs, properties or sizes are named."""

    designs: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    parameters: Mapping[str, int] = field(default_factory=dict)
    engines: tuple[str, ...] = (EXPLORE,)
    first: bool = False
    steps: int | None = None
    seed: int = SEED
    limits: Limits = Limits()  # noqa: RUF009  # frozen
    hints: bool = True
    compare: bool = True


@dataclass(frozen=True)
class DesignCheck:
    """One design with the result of each engine, and what they mean beside its expectation.

    `answer` is what all engines say together.
    """

    design: Design
    results: tuple[Result, ...]
    answer: Answer
    judged: Judged
    hints: tuple[Hint, ...] = ()

    @property
    def cost(self) -> Cost:
        """What the first engine took."""
        return self.results[0].cost


@dataclass(frozen=True)
class ModelCheck:
    """All that was checked of one model; `unused` is None where not everything was searched.

    `selected` are the properties that were asked for, None for all of them.
    """

    source: Source
    system: System
    selected: frozenset[str] | None
    designs: tuple[DesignCheck, ...]
    unused: Unused | None = None
    interrupted: bool = False

    @property
    def judgements(self) -> Iterator[Judgement]:
        return (check.judged.judgement for check in self.designs)


Watch = Callable[[Source, Design, Progress], None]


def prepare(source: Source, parameters: Mapping[str, int] | None = None) -> System:
    """Record a model at the given sizes; a model without properties is an error."""
    system = build(source.model, source.properties, dict(parameters or {}))
    if not system.properties:
        raise InputError(
            "F14",
            f"the model {source.name} has no property",
            why="a check without a property would say nothing",
            write=_where_properties_go(source),
            at=Location(str(source.file), 1),
        )
    return system


def prepare_all(
    sources: Sequence[Source], parameters: Mapping[str, int], errors: list[InputError]
) -> list[tuple[Source, System]]:
    """Record several models, each at those of the given sizes that it has; what is at fault is
    noted among the errors and set aside."""
    names = [(source, parameter_names(source)) for source in sources]
    if not errors:  # a model at fault may be the one that knows a name
        shared("F12", "parameter", names, list(parameters))
    systems: list[tuple[Source, System]] = []
    for source, known in names:
        sizes = {name: size for name, size in parameters.items() if name in known}
        try:
            systems.append((source, prepare(source, sizes)))
        except InputError as error:
            errors.append(error)
    return systems


def _where_properties_go(source: Source) -> str:
    name = source.model.__name__
    if source.project is not None and source.project.owns(source.file):
        folder = source.project.properties.relative_to(source.project.root)
        return f"`@always({name})` above a function in {folder}/{source.file.name}"
    return f"`@always({name})` above a function below the model"


def check(
    source: Source,
    system: System,
    options: Options = Options(),
    *,
    watch: Watch | None = None,
) -> ModelCheck:
    """Run the engines on the designs of a model, one after the other; an interrupt ends with what
    there is."""
    designs = pick_designs(source, system, options.designs)
    asked = pick_properties(source, system, options.properties)
    selected = frozenset(asked) if options.properties else None
    beside = len(options.engines) > 1
    wanted = Asked(first=options.first, steps=options.steps, seed=options.seed, beside=beside)
    engines = {name: engine(name, wanted) for name in options.engines}
    comparison = (
        Comparison(source.model, system, designs, source.properties) if options.compare else None
    )
    runs: list[list[Result]] = []
    hints: dict[str, tuple[Hint, ...]] = {}
    interrupted = False
    try:
        for design in designs:
            results: list[Result] = []
            for name, run in engines.items():
                if name == ANY_SIZE and _is_unsafe(system, results):
                    continue
                result = run(
                    system,
                    design,
                    properties=asked if options.properties else None,
                    limits=options.limits,
                    progress=None if watch is None else _watched(watch, source, design),
                )
                interrupted = result.answer.stopped == INTERRUPTED
                results.append(result)
                if len(results) == 1:
                    runs.append(results)
                    first = result
                    if comparison is not None and not interrupted:
                        # An interrupt from here on leaves this one: no verdict without it.
                        results[0] = _not_compared(result)
                if interrupted:
                    break
            if interrupted:
                break
            if comparison is not None:
                results[0] = _compared(first, comparison, design)
        if options.hints and not interrupted and EXPLORE in options.engines:
            for design, hint in _hints(system, designs, [results[0] for results in runs]):
                hints[design.name] = (*hints.get(design.name, ()), hint)
    except KeyboardInterrupt:
        interrupted = True
    done = []
    for design, results in zip(designs, runs, strict=False):
        answer = agree([result.answer for result in results])
        judged = judge(
            answer,
            design.expect,
            binding=system.at_defaults(),
            selected=selected,
            first=options.first,
            shortest=any(name in SHORTEST for name in options.engines),
        )
        hinted = hints.get(design.name, ())
        done.append(DesignCheck(design, tuple(results), answer, judged, hinted))
    never = unused(system, [check.answer for check in done])
    return ModelCheck(source, system, selected, tuple(done), never, interrupted)


def _is_unsafe(system: System, results: Sequence[Result]) -> bool:
    """Whether a property that a proof for any size may decide is known to be violated, so that no
    proof of all is to be had."""
    return any(
        is_safety(finding.property, system) and finding.verdict is Verdict.VIOLATED
        for result in results
        for finding in result.answer.findings
    )


def _watched(watch: Watch, source: Source, design: Design) -> Callable[[Progress], None]:
    return lambda progress: watch(source, design, progress)


def _hints(
    system: System, designs: Sequence[Design], results: Sequence[Result]
) -> Iterator[tuple[Design, Hint]]:
    """A hint for each violation; what is known of one design need not be tried for another."""
    from fencepost.engines.explore import explore

    trials = Hints(system, explore)
    for result in results:
        trials.remember(result.answer)
    for design, result in zip(designs, results, strict=True):
        for name in violated(result.answer, design.expect):
            yield design, trials.hint(design, result.answer, name)


def _compared(result: Result, comparison: Comparison, design: Design) -> Result:
    """The result with an ERROR where the recording is not what the body does."""
    difference = comparison.first_difference(design)
    if difference is None:
        return result
    finding = Finding(
        RECORDING,
        "always",
        Verdict.ERROR,
        "the recorded model is not what its body does",
        detail=difference,
    )
    answer = replace(result.answer, findings=(*result.answer.findings, finding))
    return replace(result, answer=answer)


def _not_compared(result: Result) -> Result:
    """The result of a design whose bodies were not compared with what was recorded of them."""
    finding = Finding(
        RECORDING,
        "always",
        Verdict.UNDECIDED,
        "interrupted before the recorded model was compared with its bodies",
    )
    findings = (*result.answer.findings, finding)
    answer = replace(result.answer, findings=findings, complete=False, stopped=INTERRUPTED)
    return replace(result, answer=answer)


def exit_code(checks: Sequence[ModelCheck]) -> int:
    """0 every verdict as expected, 1 some verdict not, 3 undecided (a limit, an interrupt)."""
    judgements = {judgement for check in checks for judgement in check.judgements}
    if Judgement.NOT_AS_EXPECTED in judgements:
        return 1
    if Judgement.UNDECIDED in judgements or any(check.interrupted for check in checks):
        return 3
    return 0
