"""The meaning of a system, as a short interpreter: the oracle for every other engine.

See `docs/explanation/semantics.md` for the same in prose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import assert_never

from fencepost.core import expressions as x
from fencepost.core.domains import Domain
from fencepost.core.errors import InputError
from fencepost.core.expressions import Expression, Variable
from fencepost.core.folding import calculate
from fencepost.core.system import Fairness, Lemma, Property, State, Step, System
from fencepost.core.trees import BulkWrite, Decide, Disabled, Fault, Leaf, Update

MOST_INITIAL_CANDIDATES = 1_000_000

Barriers = frozenset[str]
Values = Mapping[str, int]


@dataclass(frozen=True)
class Successor:
    """A step was taken and led here (possibly to the same state)."""

    state: State


Outcome = Successor | Disabled | Fault


def evaluate(
    system: System, barriers: Barriers, state: State, values: Values, node: Expression
) -> int:
    """The integer an expression has in a state (Booleans are 0 and 1)."""

    def value(child: Expression) -> int:
        return evaluate(system, barriers, state, values, child)

    match node:
        case x.Constant():
            return node.value
        case x.Variable():
            return values[node.name]
        case x.BarrierOn():
            return int(node.name in barriers)
        case x.Read():
            cell = system.field[node.field].cell(tuple(value(i) for i in node.indices))
            if cell is None:
                raise AssertionError(f"unchecked index: {node}")
            return state[system.offsets[node.field] + cell]
        case x.Not():
            return 1 - value(node.operand)
        case x.And():
            return int(all(value(o) for o in node.operands))
        case x.Or():
            return int(any(value(o) for o in node.operands))
        case x.Equal():
            return int(value(node.left) == value(node.right))
        case x.Less():
            return int(value(node.left) < value(node.right))
        case x.Arithmetic():
            return calculate(node.operator, value(node.left), value(node.right))
        case x.Choose():
            return value(node.then if value(node.condition) else node.otherwise)
        case x.Contains():
            return value(node.members) >> value(node.element) & 1
        case x.SetUpdate():
            members, bit = value(node.members), 1 << value(node.element)
            return members | bit if node.present else members & ~bit
        case x.Quantified():
            results = (
                evaluate(system, barriers, state, {**values, **bound}, node.body)
                for bound in fillings(node.variables)
            )
            if node.kind == "for_all":
                return int(all(results))
            if node.kind == "exists":
                return int(any(results))
            return sum(results)
        case _:
            assert_never(node)


def fillings(variables: tuple[Variable, ...]) -> Iterator[dict[str, int]]:
    """Every way to give the variables values."""
    names = [v.name for v in variables]
    for chosen in product(*(v.of.values() for v in variables)):
        yield dict(zip(names, chosen, strict=True))


def perform(system: System, barriers: Barriers, state: State, step: Step) -> Outcome:
    """What a step does in a state."""
    action = system.action[step.action]
    values = {a.name: v for a, v in zip(action.arguments, step.arguments, strict=True)}
    leaf = decide(system, barriers, state, step)[1]
    if not isinstance(leaf, Update):
        return leaf
    after = list(state)
    for write in leaf.writes:
        field = system.field[write.field]
        bound = write.variables if isinstance(write, BulkWrite) else ()
        for filling in fillings(bound):
            inner = {**values, **filling}
            if isinstance(write, BulkWrite) and not evaluate(
                system, barriers, state, inner, write.where
            ):
                continue
            indices = [evaluate(system, barriers, state, values, i) for i in write.indices]
            cell = field.cell((*indices, *filling.values()))
            value = evaluate(system, barriers, state, inner, write.value)
            if cell is None or not field.domain.low <= value <= field.domain.high:
                raise AssertionError(f"unchecked write: {write}")
            after[system.offsets[write.field] + cell] = value
    return Successor(tuple(after))


def decide(
    system: System, barriers: Barriers, state: State, step: Step
) -> tuple[tuple[tuple[Decide, bool], ...], Leaf]:
    """The decisions a step goes through in a state, and the leaf they end in."""
    action = system.action[step.action]
    values = {a.name: v for a, v in zip(action.arguments, step.arguments, strict=True)}
    path = []
    tree = action.tree
    while isinstance(tree, Decide):
        taken = bool(evaluate(system, barriers, state, values, tree.condition))
        path.append((tree, taken))
        tree = tree.then if taken else tree.otherwise
    return tuple(path), tree


def outcomes(
    system: System, barriers: Barriers, state: State
) -> Iterator[tuple[Step, Successor | Fault]]:
    """Every step that is not disabled in a state, in the order of `System.steps`."""
    for step in system.steps:
        outcome = perform(system, barriers, state, step)
        if not isinstance(outcome, Disabled):
            yield step, outcome


def initial_states(system: System, barriers: Barriers) -> Iterator[State]:
    """Every initial state once, in lexicographic order of the cells' starting values; there is at
    least one, or it is an error."""
    candidates = [values for field in system.fields for values in field.initial]
    count = 1
    for values in candidates:
        count *= len(values)
    if count > MOST_INITIAL_CANDIDATES:
        raise InputError(
            "F47",
            f"{system.name} has {count} candidate initial states",
            why=f"more than {MOST_INITIAL_CANDIDATES} are not enumerated",
            write="smaller domains for the fields with `initial=ANY`, or an action that chooses",
        )
    found = False
    for state in _satisfying(system, barriers, candidates):
        found = True
        yield state
    if not found:
        raise InputError(
            "F63",
            f"{system.name} has no initial state",
            why="no combination of starting values satisfies its `@initial` condition, and a check "
            "of no state would say nothing",
            write="starting values (`initial=`) that satisfy it",
            at=system.initial.location,
        )


@dataclass(frozen=True)
class _Part:
    """A part of a condition, the cells that it reads, and what it was for some of their values."""

    condition: Expression
    reads: Sequence[slice]
    known: dict[tuple[State, ...], bool]


def _satisfying(
    system: System, barriers: Barriers, candidates: Sequence[Sequence[int]]
) -> Iterator[State]:
    """Every choice of a candidate for each cell that satisfies the `@initial` condition, in
    lexicographic order. Each part of the condition is decided as soon as all fields that it and the
    parts before it read are chosen, once for each choice of its own."""
    whole = system.initial
    parts = whole.operands if isinstance(whole, x.And) else (whole,)
    bounds = [*(system.offsets[f.name] for f in system.fields), len(candidates)]
    numbers = {f.name: n for n, f in enumerate(system.fields)}
    due: list[list[_Part]] = [[] for _ in bounds]
    last = 0
    for part in parts:
        reads = sorted({numbers[n.field] for n in x.walk(part) if isinstance(n, x.Read)})
        last = max([last, *(n + 1 for n in reads)])
        due[last].append(_Part(part, [slice(*bounds[n : n + 2]) for n in reads], {}))
    rest = tuple(values[0] for values in candidates)

    # So many fields are chosen at once: up to those that a part is decided by, and up to the last.
    stops = sorted({*(n for n, parts_due in enumerate(due) if parts_due), len(system.fields)})

    def extended(chosen: State, level: int) -> Iterator[State]:
        """What is chosen up to a stop, with every choice up to the end."""
        if level == len(stops):
            yield chosen
            return
        for more in product(*candidates[len(chosen) : bounds[stops[level]]]):
            state = chosen + more
            if all(holds(state, part) for part in due[stops[level]]):
                yield from extended(state, level + 1)

    def holds(chosen: State, part: _Part) -> bool:
        key = tuple(chosen[cells] for cells in part.reads)
        if key not in part.known:
            state = chosen + rest[len(chosen) :]
            part.known[key] = bool(evaluate(system, barriers, state, {}, part.condition))
        return part.known[key]

    return extended((), 0)


def is_final(system: System, barriers: Barriers, state: State) -> bool:
    """Whether a run may end here."""
    return bool(evaluate(system, barriers, state, {}, system.final))


def failing_instances(
    system: System, barriers: Barriers, state: State, prop: Property
) -> list[dict[str, int]]:
    """The fillings of a property's arguments for which its condition is false in a state."""
    return [
        values
        for values in fillings(prop.arguments)
        if evaluate(system, barriers, state, values, prop.fault)
        or not evaluate(system, barriers, state, values, prop.condition)
    ]


def show_instance(prop: Property | Lemma, values: Values) -> str:
    """A filling of a property's arguments as a person reads it: `request=1, slot=0`."""
    domains: dict[str, Domain] = {a.name: a.of for a in prop.arguments}
    return ", ".join(f"{name}={domains[name].show(value)}" for name, value in values.items())


def meets(system: System, barriers: Barriers, state: State, prop: Property, values: Values) -> bool:
    """Whether a state satisfies a property's condition, for one filling of its arguments."""
    if evaluate(system, barriers, state, values, prop.fault):
        return False
    return bool(evaluate(system, barriers, state, values, prop.condition))


def raises(
    system: System, barriers: Barriers, state: State, prop: Property, values: Values
) -> bool:
    """Whether a state satisfies the premise of a `leads_to`, for one filling of its arguments."""
    if evaluate(system, barriers, state, values, prop.premise_fault):
        return True
    return bool(evaluate(system, barriers, state, values, prop.premise))


def changes(system: System, barriers: Barriers, state: State, step: Step) -> bool:
    """Whether a step can be taken and leads to another state: what fairness asks."""
    outcome = perform(system, barriers, state, step)
    return isinstance(outcome, Successor) and outcome.state != state


def fair_steps(system: System) -> tuple[tuple[Step, Fairness], ...]:
    """Every step that is fair, with how it is."""
    found = ((step, system.action[step.action].fairness) for step in system.steps)
    return tuple((step, fairness) for step, fairness in found if fairness)


def unfair_step(
    system: System, barriers: Barriers, states: Sequence[State], steps: Sequence[Step]
) -> Step | None:
    """The first step to which a loop is unfair, or None where it is fair.

    `states[i]` is where `steps[i]` is taken; a run that stays in one state has no steps.
    """
    taken = {
        step
        for number, step in enumerate(steps)
        if states[number] != states[(number + 1) % len(states)]
    }
    for step, fairness in fair_steps(system):
        if step in taken:
            continue
        possible = (changes(system, barriers, state, step) for state in states)
        if any(possible) if fairness == "strong" else all(possible):
            return step
    return None
