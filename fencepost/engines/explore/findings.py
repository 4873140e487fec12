"""From what a search found to the Answer that is reported."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fencepost.core.branches import coverage
from fencepost.core.evidence import Evidence, Way, show_sizes
from fencepost.core.questions import Question, Questions
from fencepost.core.results import Answer, Finding, Verdict, grouped
from fencepost.core.semantics import show_instance
from fencepost.core.system import LIVENESS, NO_FAULT, NO_STUCK_STATE, Design, Step, System

ENGINE = "explore"


@dataclass(frozen=True)
class Searched:
    """The bare facts of a search, before they are told as findings.

    `ways` has, for the number of a question, the way to the first state that violates it (for a
    `reachable`: that satisfies it). `undecided` has those that could not be decided although
    every state was seen, with the reason.
    """

    states: int
    expanded: int
    transitions: int
    depth: int
    complete: bool
    stopped: str
    ways: dict[int, Way]
    undecided: dict[int, str]
    fault: Way | None
    stuck: Way | None
    steps_taken: frozenset[Step]
    leaves_reached: frozenset[tuple[str, int]]
    premises: frozenset[str]
    """The `leads_to` whose premise some state raises."""


def answer(system: System, design: Design, questions: Questions, found: Searched) -> Answer:
    """The Answer for the facts found, with every trace confirmed by the interpreter."""
    teller = _Teller(system, design, found)
    findings = [teller.question(q) for q in questions.asked]
    if questions.no_fault:
        findings.append(teller.fault())
    if questions.no_stuck_state:
        findings.append(teller.stuck())
    return Answer(
        model=system.name,
        digest=system.digest,
        parameters=system.parameters,
        design=design.name,
        barriers=tuple(sorted(design.barriers)),
        engine=ENGINE,
        findings=tuple(findings),
        states=found.states,
        transitions=found.transitions,
        depth=found.depth,
        complete=found.complete,
        stopped=found.stopped,
        coverage=replace(
            coverage(system, found.steps_taken, found.leaves_reached), premises=found.premises
        ),
        expanded=found.expanded,
    )


class _Teller:
    def __init__(self, system: System, design: Design, found: Searched) -> None:
        self.evidence = Evidence(system, design)
        self.found = found
        self.everything = f"all {grouped(found.states)} states{show_sizes(system)}"
        level = f"depth {found.depth} complete" if found.depth >= 0 else "no depth complete"
        count = f"{grouped(found.expanded)} of {grouped(found.states)} states"
        self.part = f"the first {count} ({level}): {found.stopped}"

    def question(self, question: Question) -> Finding:
        prop, kind = question.property, question.property.kind
        way = self.found.ways.get(question.number)
        if way is not None and kind == "always":
            return self.evidence.violated(prop, way)
        if way is not None and kind == "reachable":
            return self.evidence.reached(question, way)
        if way is not None and kind in LIVENESS:
            return self.evidence.lasso(question, way)
        if way is not None:
            return self.evidence.hopeless(question, way)
        detail = ""
        if question.number in self.found.undecided:
            verdict, scope = Verdict.UNDECIDED, self.found.undecided[question.number]
        elif self.found.complete and kind == "reachable":
            verdict, scope = Verdict.VIOLATED, self.everything
            detail = "no reachable state satisfies it"
        elif self.found.complete:
            verdict, scope = Verdict.HOLDS, self.everything
        else:
            met = "not reached" if kind == "reachable" else "no violation"
            verdict, scope = Verdict.UNDECIDED, f"{met} in {self.part}"
            if kind not in ("always", "reachable"):
                scope = f"not decided after {self.part}"
        instance = show_instance(prop, question.values)
        return Finding(prop.name, kind, verdict, scope, instance=instance, detail=detail)

    def fault(self) -> Finding:
        way = self.found.fault
        return self.unbroken(NO_FAULT) if way is None else self.evidence.fault(way)

    def stuck(self) -> Finding:
        way = self.found.stuck
        return self.unbroken(NO_STUCK_STATE) if way is None else self.evidence.stuck(way)

    def unbroken(self, name: str) -> Finding:
        if self.found.complete:
            return Finding(name, "always", Verdict.HOLDS, self.everything)
        return Finding(name, "always", Verdict.UNDECIDED, f"no violation in {self.part}")
