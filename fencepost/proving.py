"""Proving a model: its designs proved for any size, beside what is expected of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fencepost.analyses.expectations import Judgement
from fencepost.analyses.proofs import Proof, for_any_size, lemmas_of, nearest_safe, prove_and_judge
from fencepost.core.errors import InputError, Location
from fencepost.core.limits import INTERRUPTED, Limits, Proving
from fencepost.core.system import Design, System
from fencepost.project import Source, nearest
from fencepost.selection import pick_designs, pick_properties

Watch = Callable[[Source, Design, Proving], None]


@dataclass(frozen=True)
class Options:
    """What to prove: every design by its own lemmas, unless some are named.

    `parameters` are the sizes at which lemmas are tried; of those that size nothing, what is proved
    is about the value given.
    """

    designs: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    lemmas: tuple[str, ...] = ()
    parameters: Mapping[str, int] = field(default_factory=dict)
    limits: Limits = Limits()  # noqa: RUF009  # frozen
    smtlib: Path | None = None


@dataclass(frozen=True)
class ModelProof:
    """All that was proved of one model; `unbounded` is its recording for any size."""

    source: Source
    system: System
    unbounded: System
    proofs: tuple[Proof, ...]
    interrupted: bool = False

    @property
    def judgements(self) -> Iterator[Judgement]:
        return (proof.judged.judgement for proof in self.proofs)


def prove_model(
    source: Source, system: System, options: Options, *, watch: Watch | None = None
) -> ModelProof:
    """Prove the designs of a model one after the other; an interrupt ends with what there is."""
    designs = pick_designs(source, system, options.designs)
    asked = pick_properties(source, system, options.properties)
    known_lemmas(source, system, options.lemmas)
    unbounded = for_any_size(system)
    done: list[Proof] = []
    interrupted = False
    try:
        for design in designs:
            proof = prove_and_judge(
                system,
                design,
                properties=asked if options.properties else None,
                lemmas=options.lemmas,
                limits=options.limits,
                watch=None if watch is None else _watched(watch, source, design),
            )
            done.append(proof)
            if options.smtlib is not None:
                _write_obligations(options.smtlib / source.name, unbounded, proof, options, asked)
            interrupted = proof.result.answer.stopped == INTERRUPTED
            if interrupted:
                break
    except KeyboardInterrupt:
        interrupted = True
    return ModelProof(source, system, unbounded, tuple(done), interrupted)


def _watched(watch: Watch, source: Source, design: Design) -> Callable[[Proving], None]:
    return lambda proving: watch(source, design, proving)


def known_lemmas(source: Source, system: System, names: Sequence[str]) -> None:
    """Refuse (F136) a name that no lemma of the model has."""
    known = [lemma.name for lemma in system.lemmas]
    for name in names:
        if name not in known:
            raise InputError(
                "F136",
                f"the model {source.name} has no lemma {name!r}{nearest(name, known)}",
                why=f"it has {', '.join(known)}" if known else "it has none",
                write="one of these names" if known else "no --lemma",
                at=Location(str(source.file), 1),
            )


def _write_obligations(
    folder: Path, unbounded: System, proof: Proof, options: Options, asked: Sequence[str]
) -> None:
    """The obligations of a design in a folder of its own, one file each."""
    from fencepost.engines.prove.any_size import as_smtlib, claim

    design = proof.design
    lemmas = lemmas_of(unbounded, nearest_safe(unbounded, design), options.lemmas)
    properties = [p for p in unbounded.properties if p.kind == "always" and p.name in asked]
    claims = [*map(claim, lemmas), *map(claim, properties)]
    into = folder / design.name
    into.mkdir(parents=True, exist_ok=True)
    for name, text in as_smtlib(unbounded, design.barriers, claims):
        (into / f"{name}.smt2").write_text(text, encoding="utf-8")


def exit_code(proofs: Sequence[ModelProof]) -> int:
    """0 every proof as expected, 1 some not, 3 undecided (a limit, an interrupt)."""
    judgements = {judgement for proof in proofs for judgement in proof.judgements}
    if Judgement.NOT_AS_EXPECTED in judgements:
        return 1
    if Judgement.UNDECIDED in judgements or any(proof.interrupted for proof in proofs):
        return 3
    return 0
