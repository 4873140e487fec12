"""Holds every way of taking a step against the interpreter, in every reachable state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fencepost import Model
from fencepost.core import expressions as x
from fencepost.core import trees
from fencepost.core.limits import Limits
from fencepost.core.questions import select
from fencepost.core.results import Answer, Verdict
from fencepost.core.semantics import (
    Outcome,
    Successor,
    evaluate,
    fillings,
    initial_states,
    is_final,
    perform,
)
from fencepost.core.system import LIVENESS, Design, State, System
from fencepost.core.trees import Disabled, Fault
from fencepost.engines.explore import explore_by_interpreter
from fencepost.engines.explore.exhaustive import Exhaustive
from fencepost.language import (
    FINAL,
    INITIAL,
    PropertyDeclaration,
    evaluate_plainly,
    perform_plainly,
)


@dataclass
class Compared:
    """What was met while comparing: differences, and how often each kind of thing occurred."""

    differences: list[str] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    states: int = 0


def compare(
    model: type[Model],
    properties: Sequence[PropertyDeclaration],
    system: System,
    design: Design,
) -> Compared:
    """Plain bodies, what was recorded of them, and both searches of one design."""
    compared = Compared()
    reachable = _compare_bodies(model, system, design, compared)
    _compare_conditions(model, properties, system, design, reachable, compared)
    compared.states = len(reachable)
    answer = explore_by_interpreter(system, design).answer
    counted = compared.met["successor"]
    if (answer.states, answer.transitions) != (len(reachable), counted):
        compared.differences.append(
            f"the oracle counts {answer.states} and {answer.transitions}, "
            f"breadth-first search {len(reachable)} and {counted}"
        )
    _compare_kernel(system, design, answer, compared)
    _tally_answer(answer, compared)
    return compared


def _compare_bodies(
    model: type[Model], system: System, design: Design, compared: Compared
) -> list[State]:
    """Every reachable state; in each, every step by the body itself and by its recording."""
    barriers, met = design.barriers, compared.met
    reachable = list(initial_states(system, barriers))
    met["several initial states"] += len(reachable) > 1
    known = set(reachable)
    for state in reachable:
        enabled = False
        for step in system.steps:
            recorded = perform(system, barriers, state, step)
            plainly = perform_plainly(model, system, barriers, state, step)
            if not same_outcome(recorded, plainly):
                compared.differences.append(
                    f"{system.show_step(step)} in {state}, {design.name}: "
                    f"recorded {_told(recorded)}, plain {_told(plainly)}"
                )
            enabled = enabled or not isinstance(recorded, Disabled)
            match recorded:
                case Successor(after):
                    met["successor"] += 1
                    met["self-loop"] += after == state
                    if after not in known:
                        known.add(after)
                        reachable.append(after)
                case Fault(kind):
                    met[f"fault {kind}"] += 1
                case Disabled():
                    met["disabled"] += 1
        if not enabled:
            met["final state" if is_final(system, barriers, state) else "stuck state"] += 1
    return reachable


def _compare_conditions(
    model: type[Model],
    properties: Sequence[PropertyDeclaration],
    system: System,
    design: Design,
    reachable: Sequence[State],
    compared: Compared,
) -> None:
    """In every reachable state, every condition by its function and by its recording."""
    barriers, met = design.barriers, compared.met
    asked = [
        (INITIAL, {}, system.initial, x.FALSE, None),
        (FINAL, {}, system.final, x.FALSE, None),
        *(
            (p.name, v, p.condition, p.fault, 1 if p.kind == "leads_to" else None)
            for p in system.properties
            for v in fillings(p.arguments)
        ),
        *(
            (p.name, v, p.premise, p.premise_fault, 0)
            for p in system.properties
            if p.kind == "leads_to"
            for v in fillings(p.arguments)
        ),
    ]
    for state in reachable:
        for name, values, condition, fault, part in asked:
            recorded = None
            if not evaluate(system, barriers, state, values, fault):
                recorded = bool(evaluate(system, barriers, state, values, condition))
            plainly = evaluate_plainly(
                model, properties, system, barriers, state, name, values, part
            )
            met[f"condition {recorded}"] += 1
            if (None if isinstance(plainly, Fault) else plainly) is not recorded:
                compared.differences.append(
                    f"{name} of {values} in {state}, {design.name}: "
                    f"recorded {recorded}, plain {plainly}"
                )


def same_outcome(recorded: Outcome, plainly: Outcome) -> bool:
    """The same successor; or both disabled; or the same kind of fault on the same line."""
    match recorded, plainly:
        case Successor(one), Successor(other):
            return one == other
        case Fault(one), Fault(other):
            return one == other and _line(recorded) == _line(plainly)
        case _:
            return type(recorded) is type(plainly)


def _line(outcome: Outcome) -> int | None:
    location = getattr(outcome, "location", None)
    return None if location is None else location.line


def _told(outcome: Outcome) -> str:
    return f"{outcome} at line {_line(outcome)}"


def _compare_kernel(system: System, design: Design, answer: Answer, compared: Compared) -> None:
    """The compiled search: its answer as a whole, and each of its states with its successors."""
    search = Exhaustive(system, design, select(system, None), Limits(), None)
    try:
        search.run()
        ours = search.result().answer
        for name in answer.__dataclass_fields__:
            expected, found = (getattr(_without_lassos(told), name) for told in (answer, ours))
            if expected != found:
                compared.differences.append(
                    f"{name} in {design.name}: interpreter {expected}, kernel {found}"
                )
        if not compared.differences:
            _compare_successors(system, design, search, answer.states, compared)
    finally:
        search.search.free()


def _without_lassos(answer: Answer) -> Answer:
    """The same answer, but for endless runs: each way finds one of its own, and performs it."""
    return replace(
        answer,
        findings=tuple(
            replace(f, trace=None, scope="", detail="") if f.kind in LIVENESS else f
            for f in answer.findings
        ),
    )


def _compare_successors(
    system: System, design: Design, exhaustive: Exhaustive, states: int, compared: Compared
) -> None:
    layout = exhaustive.kernel.layout
    for number in range(states):
        state = exhaustive.search.state(number)
        expected = [
            (position, outcome.state)
            for position, step in enumerate(system.steps)
            if isinstance(outcome := perform(system, design.barriers, state, step), Successor)
        ]
        found = [
            (position, layout.unpack(words))
            for position, words in exhaustive.search.successors(number)
        ]
        if sorted(found) != expected:
            compared.differences.append(
                f"successors of {state}, {design.name}: "
                f"interpreter {expected}, kernel {sorted(found)}"
            )


def _tally_answer(answer: Answer, compared: Compared) -> None:
    met = compared.met
    met["violating something"] += answer.verdict is Verdict.VIOLATED
    met["design"] += 1
    for finding in answer.findings:
        met[f"{finding.kind} {finding.verdict.name}"] += 1
        if finding.trace is not None:
            met["longest trace"] = max(met["longest trace"], len(finding.trace))
        met["unevaluable condition"] += "cannot be evaluated" in finding.detail


def constructs(system: System) -> Counter[str]:
    """How often each kind of node occurs in a system, operators and quantifiers apart."""
    found: Counter[str] = Counter()

    def expression(node: x.Expression) -> None:
        for part in x.walk(node):
            name = type(part).__name__
            if isinstance(part, x.Arithmetic):
                name = part.operator
            elif isinstance(part, x.Quantified):
                name = part.kind
                found["nested quantifier"] += any(
                    isinstance(inner, x.Quantified) for inner in x.walk(part.body)
                )
                found["quantifier over several domains"] += len(part.variables) > 1
            elif isinstance(part, x.SetUpdate):
                name = "set with" if part.present else "set without"
            found[name] += 1

    def write(written: trees.Write | trees.BulkWrite) -> None:
        found[type(written).__name__] += 1
        for index in written.indices:
            expression(index)
        expression(written.value)
        if isinstance(written, trees.BulkWrite):
            expression(written.where)
            found["bulk write of a row"] += bool(written.indices)

    for action in system.actions:
        for decision in trees.decisions(action.tree):
            found["Decide"] += 1
            found["check"] += decision.check
            expression(decision.condition)
        for leaf in trees.leaves(action.tree):
            found[type(leaf).__name__] += 1
            if isinstance(leaf, trees.Update):
                for written in leaf.writes:
                    write(written)
    for prop in system.properties:
        found[f"{prop.kind} property"] += 1
        found["property with arguments"] += bool(prop.arguments)
        expression(prop.condition)
        expression(prop.fault)
    expression(system.initial)
    expression(system.final)
    for declared in system.fields:
        found[f"{type(declared.domain).__name__} field"] += 1
        found[f"{len(declared.indices)} indices"] += 1
    return found
