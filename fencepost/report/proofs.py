"""What a proof for any size came to, as a person and as a program reads it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from fencepost.analyses.expectations import Judgement, shorten_expectation
from fencepost.analyses.proofs import Proof
from fencepost.analyses.wrong import Searched
from fencepost.core.errors import InputError
from fencepost.core.results import Finding, InductionFailure, Verdict, grouped
from fencepost.core.sizes import at_sizes
from fencepost.core.system import NO_FAULT, System
from fencepost.proving import ModelProof
from fencepost.report.induction_tables import induction_table, show_step, show_values
from fencepost.report.json_report import error_as_json, versions
from fencepost.report.tables import Cell, Column, Table, seconds
from fencepost.report.terminal import Terminal
from fencepost.report.verdicts import STYLES, property_text
from fencepost.report.violations import print_violation

WIDTH = 100
INDENT = "    "
FORMAT = "fencepost prove"
FORMAT_VERSION = 1


def proof_table(models: Sequence[ModelProof]) -> Table:
    """One row a design: what was proved, by how many lemmas, and which actions are to blame."""
    columns = (
        Column("model"),
        Column("design"),
        Column("verdict"),
        Column("expected", flexible=True),
        Column("proved", right=True),
        Column("lemmas", right=True),
        Column("broken by", flexible=True),
        Column("time", right=True),
    )
    rows = tuple(_row(model, proof) for model in models for proof in model.proofs)
    return Table(columns, rows).without_empty_columns()


def _row(model: ModelProof, proof: Proof) -> tuple[Cell, ...]:
    answer, judgement = proof.result.answer, proof.judged.judgement
    proved = sum(f.verdict is Verdict.HOLDS for f in answer.findings)
    return (
        Cell(model.source.name),
        Cell(proof.design.name),
        Cell(answer.verdict.value, STYLES[judgement]),
        Cell(shorten_expectation(proof.design.expect)),
        Cell(f"{proved} of {len(answer.findings)}"),
        Cell(str(len(_names(proof, "lemmas used")))),
        Cell(", ".join(proof.blamed)),
        Cell(seconds(proof.result.cost.search_s)),
    )


def _names(proof: Proof, fact: str) -> list[str]:
    told = dict(proof.result.answer.facts).get(fact, "")
    return told.split(", ") if told else []


class ProofStories:
    """Prints what was not proved, each counterexample to induction once."""

    def __init__(self, terminal: Terminal, *, full: bool, only_unexpected: bool) -> None:
        self.terminal = terminal
        self.full = full
        self.only_unexpected = only_unexpected

    def tell(self, model: ModelProof) -> None:
        """The stories of one model."""
        for proof in model.proofs:
            expected = proof.judged.judgement is Judgement.AS_EXPECTED
            if not expected:
                self._judged(model, proof)
            if (not expected or self.full) and not (expected and self.only_unexpected):
                self._design(model, proof)

    def _judged(self, model: ModelProof, proof: Proof) -> None:
        style = STYLES[proof.judged.judgement]
        self.terminal.line()
        self.terminal.line(f"{_title(model, proof)}: {proof.judged.judgement.value}", style)
        for reason in proof.judged.reasons:
            self._wrapped(reason)

    def _design(self, model: ModelProof, proof: Proof) -> None:
        self.terminal.line()
        self.terminal.line(_title(model, proof), "strong")
        if proof.lemmas_of is not proof.design:
            self._wrapped(f"by the lemmas of {proof.lemmas_of.name}")
        scopes: dict[str, list[str]] = {}
        for finding in proof.result.answer.findings:
            scopes.setdefault(f"{finding.verdict.value}, {finding.scope}", []).append(
                finding.property
            )
        for scope, names in scopes.items():
            self._wrapped(f"{', '.join(names)}: {scope}")
        idle = _names(proof, "lemmas not used")
        if idle and not proof.blamed:
            self._wrapped(f"lemmas not used: {', '.join(idle)}")
        told: list[InductionFailure] = []
        for finding in proof.result.answer.findings:
            if finding.induction is not None and finding.induction not in told:
                told.append(finding.induction)
                self._failure(model, proof, finding.induction)
        self._searches(proof)

    def _searches(self, proof: Proof) -> None:
        """What exploring at the sizes of the counterexamples came to."""
        for searched in proof.searched:
            self.terminal.line()
            if searched.violation is not None:
                name = searched.violation.property
                self.terminal.line(f"{INDENT}{name} is wrong", "bad")
                print_violation(searched.system, searched.violation, self.terminal)
                continue
            states = f"{'all' if searched.complete else 'the first'} {grouped(searched.states)}"
            self._wrapped(
                f"No violation in {states} states at {searched.sizes}: the state above need not be "
                "reachable. A lemma that excludes it is missing, or a larger size is wrong."
            )

    def _failure(self, model: ModelProof, proof: Proof, failure: InductionFailure) -> None:
        system = at_sizes(model.unbounded, dict(failure.sizes))
        self.terminal.line()
        self._wrapped(_headline(system, failure))
        said = _claim_text(model.system, failure.claim)
        if said:
            self._wrapped(f'"{said}"')
        table, left_out = induction_table(model.unbounded, proof.design.barriers, failure)
        self.terminal.table(table, INDENT)
        if left_out:
            self._wrapped(f"({grouped(left_out)} cells that neither looks at are left out)")
        if failure.fault:
            self._wrapped(f"FAULT: {failure.fault}", "bad")

    def _wrapped(self, text: str, style: Any = "") -> None:
        for line in textwrap.wrap(
            text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False
        ):
            self.terminal.line(line, style)


def _headline(system: System, failure: InductionFailure) -> str:
    instance = f" for {show_values(system, failure)}" if failure.values else ""
    if failure.step is None:
        return f"{failure.claim} is false{instance} in this initial state:"
    step = show_step(system, failure.step)
    if failure.claim == NO_FAULT:
        return f"every lemma holds before {step}, which faults:"
    return f"every lemma holds before {step}, and {failure.claim} not after it{instance}:"


def _claim_text(system: System, name: str) -> str:
    for lemma in system.lemmas:
        if lemma.name == name:
            return " ".join(lemma.text.split())
    return property_text(system, name)


def _title(model: ModelProof, proof: Proof) -> str:
    return f"{model.source.name} {proof.design.name}"


def proofs_as_json(
    models: Sequence[ModelProof], errors: Sequence[InputError], code: int
) -> dict[str, Any]:
    """The whole report: versions, every model with its designs, inputs at fault, the exit code."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "versions": versions(),
        "exit_code": code,
        "models": [_model(model) for model in models],
        "errors": [error_as_json(error) for error in errors],
    }


def _model(model: ModelProof) -> dict[str, Any]:
    return {
        "model": model.source.name,
        "class": model.system.name,
        "file": model.source.shown_path,
        "digest": model.system.digest,
        "designs": [_proof(model, proof) for proof in model.proofs],
    }


def _proof(model: ModelProof, proof: Proof) -> dict[str, Any]:
    answer = proof.result.answer
    return {
        "design": proof.design.name,
        "lemmas_of": proof.lemmas_of.name,
        "verdict": answer.verdict.value,
        "judgement": proof.judged.judgement.value,
        "reasons": list(proof.judged.reasons),
        "stopped": answer.stopped,
        "blamed": list(proof.blamed),
        "lemmas_used": _names(proof, "lemmas used"),
        "lemmas_not_used": _names(proof, "lemmas not used"),
        "searched": [_search(searched) for searched in proof.searched],
        "findings": [_finding(model, finding) for finding in answer.findings],
        "search_s": proof.result.cost.search_s,
    }


def _finding(model: ModelProof, finding: Finding) -> dict[str, Any]:
    return {
        "property": finding.property,
        "verdict": finding.verdict.value,
        "scope": finding.scope,
        "induction": None
        if finding.induction is None
        else _failure_as_json(model, finding.induction),
    }


def _search(searched: Searched) -> dict[str, Any]:
    violation = searched.violation
    steps = () if violation is None or violation.trace is None else violation.trace.steps
    return {
        "sizes": dict(searched.system.parameters),
        "states": searched.states,
        "complete": searched.complete,
        "violated": None if violation is None else violation.property,
        "steps": [searched.system.show_step(step) for step in steps],
    }


def _failure_as_json(model: ModelProof, failure: InductionFailure) -> dict[str, Any]:
    system = at_sizes(model.unbounded, dict(failure.sizes))
    return {
        "claim": failure.claim,
        "values": dict(failure.values),
        "sizes": dict(failure.sizes),
        "step": None if failure.step is None else show_step(system, failure.step),
        "before": list(failure.before),
        "after": None if failure.after is None else list(failure.after),
        "fault": failure.fault,
    }
