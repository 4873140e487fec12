"""The engine "any-size": whether lemmas prove the safety of a design for any number of things."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fencepost.core.limits import INTERRUPTED, Limits, ProofReport, Proving
from fencepost.core.questions import chosen
from fencepost.core.results import Answer, Cost, Finding, InductionFailure, Result, Verdict
from fencepost.core.sizes import sorts
from fencepost.core.system import NO_FAULT, Design, Lemma, Property, System
from fencepost.engines.prove.any_size.counterexamples import Counterexample, failing
from fencepost.engines.prove.any_size.formulas import Claim, claim
from fencepost.engines.prove.any_size.induction import INITIATION, Broken, Induction, settle
from fencepost.engines.prove.any_size.oracle import Effort, Oracle, Proved, Unknown
from fencepost.engines.prove.solver import Bounded, RunEnded

ENGINE = "any-size"
BLAMED = "broken by"
"""The fact that lists each claim that is broken, with the action that breaks it."""
OPEN = "not decided"
"""The fact that lists each claim with an action that neither keeps nor breaks it, as far as the
solver could tell."""


@dataclass(frozen=True)
class _Asked:
    lemmas: tuple[Claim, ...]
    properties: tuple[Property, ...]
    no_fault: bool


def prove_any_size(
    system: System,
    design: Design,
    *,
    properties: Iterable[str] | None = None,
    lemmas: Sequence[Lemma] | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    effort: Effort = Effort(),  # noqa: B008  # frozen
    again: bool = True,
    progress: ProofReport | None = None,
) -> Result:
    """Prove `always` properties and `no_fault` of a design for any number of members of each Index.

    `system` is recorded for any size (`build(..., any_size=True)`). `lemmas` are those claimed of
    the design, unless others are given. A finding HOLDS for every size, or is UNDECIDED and says
    which claim which action breaks, with a counterexample to induction where there is one. Never
    VIOLATED: an unreachable state may be what breaks a lemma. Other properties are not asked.
    `again`: what was proved by a lemma that another step breaks is tried without that lemma; where
    it is known that some lemma will break, trying costs more than it tells.

    The facts of the answer say which lemmas were used and which claims which actions break.
    Method: inductive invariants (Floyd, 1967; Manna and Pnueli, 1995); claims that fail are taken
    out one by one (Houdini: Flanagan and Leino, 2001).
    """
    oracle = Oracle(system, design.barriers, effort, run=Bounded(limits))
    given = system.lemmas if lemmas is None else lemmas
    names = chosen(system, properties)
    asked = _Asked(
        tuple(claim(m) for m in given if lemmas is not None or m.concerns(design.name)),
        tuple(p for p in system.properties if p.kind == "always" and p.name in names),
        NO_FAULT in names,
    )
    proof = _Proof(system, design, asked, oracle, progress, again=again)
    findings = proof.run()
    answer = Answer(
        model=system.name,
        digest=system.digest,
        parameters=system.parameters,
        design=design.name,
        barriers=tuple(sorted(design.barriers)),
        engine=ENGINE,
        findings=findings,
        complete=not proof.stopped,
        stopped=proof.stopped,
        facts=proof.facts(),
    )
    return Result(answer, Cost(search_s=oracle.run.seconds))


def scope_of(system: System) -> str:
    """What a proof covers: `any number of requests, slots, chunks`."""
    names = [_plural(sort.name) for sort in sorts(system)]
    fixed = "".join(f" {name}={value}" for name, value in system.parameters)
    return ("any number of " + ", ".join(names) if names else "all states") + (
        f" at{fixed}" if fixed else ""
    )


def _plural(name: str) -> str:
    last = name.rpartition(".")[2]
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in last).strip()
    return words if words.endswith("s") else f"{words}s"


class _Proof:
    def __init__(
        self,
        system: System,
        design: Design,
        asked: _Asked,
        oracle: Oracle,
        progress: ProofReport | None,
        *,
        again: bool,
    ) -> None:
        self.again = again
        self.system, self.design, self.asked = system, design, asked
        self.stopped = ""
        self._progress, self._decided = progress, 0
        self.actions = [action.name for action in system.actions]
        self.oracle = oracle
        self.properties = [claim(p) for p in asked.properties]
        self.claims = {claimed.name: claimed for claimed in [*asked.lemmas, *self.properties]}
        self.induction = Induction(dict(self.claims))
        self.faults: dict[str, Counterexample | Unknown] = {}
        self.follows: set[str] = set()
        """The actions that fault only because a claim that forbids it was taken out."""
        self.fault_cores: list[tuple[str, ...]] = []
        self.settled = False
        """Whether the induction came to its end, so that what is left in it is proved."""
        self.faults_settled = False

    def run(self) -> tuple[Finding, ...]:
        try:
            with self.oracle.run.interruptible():
                self._prove()
        except RunEnded as end:
            self.stopped = end.why
        except KeyboardInterrupt:
            self.stopped = INTERRUPTED
        findings = [self._finding(p) for p in self.asked.properties]
        if self.asked.no_fault:
            findings.append(self._no_fault())
        return tuple(findings)

    def _prove(self) -> None:
        settle(self.induction, self.oracle, self.actions, self._tell, again=self.again)
        self.settled = True
        if not self.asked.no_fault:
            return
        proved = tuple(self.induction.claims.values())
        for action in self.actions:
            self._tell(NO_FAULT, action)
            outcome = self.oracle.fault_free(action, proved)
            if isinstance(outcome, Proved):
                self.fault_cores.append(outcome.core)
                continue
            self.faults[action] = outcome
            if len(proved) < len(self.claims):
                whole = self.oracle.fault_free(action, self.claims.values())
                if isinstance(whole, Proved):
                    self.follows.add(action)
        self.faults_settled = True

    def _tell(self, name: str, action: str) -> None:
        if self._progress is not None:
            shown = f"{name} initially" if action == INITIATION else f"{name} by {action}"
            obligations = len(self.claims) * (1 + len(self.actions))
            obligations += len(self.actions) if self.asked.no_fault else 0
            seconds = self.oracle.run.seconds
            self._progress(Proving(min(self._decided, obligations), obligations, shown, seconds))
        self._decided += 1

    def _finding(self, prop: Property) -> Finding:
        open_ = Finding(prop.name, prop.kind, Verdict.UNDECIDED, "")
        if not self.settled:
            return replace(open_, scope=self._unsettled())
        if prop.name in self.induction.claims:
            return replace(open_, verdict=Verdict.HOLDS, scope=scope_of(self.system))
        return self._not_proved(open_, prop.name)

    def _no_fault(self) -> Finding:
        open_ = Finding(NO_FAULT, "always", Verdict.UNDECIDED, "")
        if not self.faults_settled:
            return replace(open_, scope=self._unsettled())
        if not self.faults:
            return replace(open_, verdict=Verdict.HOLDS, scope=scope_of(self.system))
        lost = [b for b in self.induction.broken if b.first and b.refuted]
        own = [action for action in self.faults if action not in self.follows]
        if lost and not own:
            return self._told(open_, lost[0])
        action = (own or list(self.faults))[0]
        why = self.faults[action]
        return self._told(open_, Broken(NO_FAULT, action, why, first=True))

    def _not_proved(self, open_: Finding, name: str) -> Finding:
        """What is said of a property that is not in the inductive set: the first lemma to fall, or
        else the property itself."""
        fallen = [b for b in self.induction.broken if b.first]
        own = [b for b in self.induction.broken if b.claim == name]
        lemmas = {claimed.name for claimed in self.asked.lemmas}
        refuted = [b for b in fallen if b.refuted and (b.claim in lemmas or b.claim == name)]
        return self._told(open_, (refuted or own or fallen)[0])

    def _told(self, open_: Finding, broken: Broken) -> Finding:
        names = {claimed.name for claimed in self.asked.lemmas}
        what = f"lemma {broken.claim}" if broken.claim in names else broken.claim
        by = f"by {broken.action}" if broken.action != INITIATION else "in an initial state"
        if isinstance(broken.why, Unknown):
            return replace(open_, scope=f"not proved: {what} {by}: {broken.why.reason}")
        evidence = self._evidence(broken, broken.why)
        verb = "is broken" if broken.claim != NO_FAULT else "is not proved: a step faults"
        return replace(open_, scope=f"not proved: {what} {verb} {by}", induction=evidence)

    def _evidence(self, broken: Broken, why: Counterexample) -> InductionFailure:
        values: dict[str, int] = {}
        fault = ""
        if why.fault is not None:
            fault = why.fault.message or why.fault.kind
        else:
            values = failing(why, self.design.barriers, self.claims[broken.claim])
        return InductionFailure(
            broken.claim,
            tuple(values.items()),
            why.sizes,
            why.before,
            why.step,
            why.after,
            fault,
        )

    def _unsettled(self) -> str:
        done = len(self.induction.cores) + len(self.induction.broken)
        return f"not proved: {self.stopped or 'nothing'} after {done} obligations"

    def facts(self) -> tuple[tuple[str, str], ...]:
        """Lemmas that the proofs took, lemmas that fell, and which actions broke what."""
        told: list[tuple[str, str]] = []
        if self.settled:
            used: set[str] = set()
            for prop in self.properties:
                if prop.name in self.induction.claims:
                    used |= self.induction.used_by(prop.name)
            for core in self.fault_cores:
                for name in core:
                    used |= self.induction.used_by(name)
            names = [c.name for c in self.asked.lemmas]
            told.append(("lemmas used", ", ".join(n for n in names if n in used)))
            idle = [n for n in names if n in self.induction.claims and n not in used]
            told.append(("lemmas not used", ", ".join(idle)))
        first = [b for b in self.induction.broken if b.first]
        first += [
            Broken(NO_FAULT, action, why, first=True)
            for action, why in self.faults.items()
            if action not in self.follows
        ]
        for fact, refuted in ((BLAMED, True), (OPEN, False)):
            listed = [
                f"{b.claim} {b.action or 'an initial state'}" for b in first if b.refuted is refuted
            ]
            if listed:
                told.append((fact, ", ".join(listed)))
        return tuple(told)


def blamed(answer: Answer) -> tuple[str, ...]:
    """The actions that break a claim, each once, in the order of the proof."""
    return _actions(answer, BLAMED)


def not_decided(answer: Answer) -> tuple[str, ...]:
    """The actions of which the solver did not tell whether they break a claim."""
    return _actions(answer, OPEN)


def _actions(answer: Answer, fact: str) -> tuple[str, ...]:
    pairs = dict(answer.facts).get(fact, "")
    return tuple(dict.fromkeys(p.partition(" ")[2] for p in pairs.split(", ") if p))
