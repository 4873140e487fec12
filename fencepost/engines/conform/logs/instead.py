"""Why no run explains an event, and what the model would have allowed in its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import cast

from fencepost.core import expressions as x
from fencepost.core.domains import Index
from fencepost.core.expressions import Expression
from fencepost.core.semantics import Barriers, Values, evaluate, fillings
from fencepost.core.system import State, Step, System
from fencepost.core.trees import Decide, Fault
from fencepost.engines.conform.logs.code import SMALL
from fencepost.engines.conform.logs.following import Followed
from fencepost.engines.conform.logs.possible import TooManyStates, Unknown

MOST_TRIED = 20_000
MOST_OF_AN_ACTION = 2
MOST_CONCERNED = 8
MOST_OTHERS = 4
MOST_CELLS = 12
MOST_VALUES = 6


@dataclass(frozen=True)
class Reason:
    """Why a step cannot be taken: the last decision on its way, which came out as it must not, or
    the fault that it ends in. Neither where the design alone disables it."""

    decision: Decide | None = None
    came_out: bool = False
    fault: Fault | None = None


@dataclass(frozen=True)
class Instead:
    """What there is to say of an event that no run explains.

    `cells` are those that it asks for, each with the values that it may have; `concerned` are steps
    that the model allows there and that share an argument with the event, `others` any.
    """

    reasons: tuple[Reason, ...]
    cells: tuple[tuple[int, tuple[int, ...]], ...]
    concerned: tuple[Step, ...]
    others: tuple[Step, ...]


def instead(system: System, barriers: Barriers, followed: Followed) -> Instead:
    """Look at the states before an event that no run explains."""
    found = followed.unexplained
    if found is None:
        raise ValueError("every event is explained")
    if found.seen:
        cells = []
        for name, indices, _ in found.seen:
            place = system.field[name].cell(indices)
            cells.append(system.offsets[name] + (place or 0))
        return Instead((), _with_values(followed, cells), (), ())
    if found.event is None:
        return Instead((), (), (), ())
    step = found.event.step
    reasons, asked = [], dict[int, None]()
    for number in found.leaves:
        path, leaf = followed.programs.leaf(step.action, number)
        if isinstance(leaf, Fault):
            reasons.append(Reason(fault=leaf))
        else:
            reasons.append(Reason(*path[-1]) if path else Reason())
        for decision, _ in reversed(path):
            asked.update(
                dict.fromkeys(_asked(system, barriers, followed, step, decision.condition))
            )
    concerned = _allowed(system, followed, _sharing(system, step), MOST_CONCERNED)
    others = _allowed(system, followed, _any(system), MOST_OTHERS + len(concerned))
    return Instead(
        tuple(reasons),
        _with_values(followed, list(asked)[:MOST_CELLS]),
        concerned,
        tuple(one for one in others if one not in concerned)[:MOST_OTHERS],
    )


def _asked(
    system: System, barriers: Barriers, followed: Followed, step: Step, condition: Expression
) -> list[int]:
    """The cells that a condition reads, apart from those of quantifiers over many things."""
    arguments = system.action[step.action].arguments
    given = {a.name: v for a, v in zip(arguments, step.arguments, strict=True)}
    state = cast("State", followed.states.cells)

    def cells(node: Expression, values: Values) -> Iterator[int]:
        if isinstance(node, x.Quantified):
            if prod(variable.of.size for variable in node.variables) <= SMALL:
                for filling in fillings(node.variables):
                    yield from cells(node.body, {**values, **filling})
            return
        if isinstance(node, x.Read):
            indices = tuple(evaluate(system, barriers, state, values, i) for i in node.indices)
            place = system.field[node.field].cell(indices)
            if place is not None:
                yield system.offsets[node.field] + place
        for child in x.children(node):
            yield from cells(child, values)

    def read() -> tuple[int, ...]:
        return tuple(cells(condition, given))

    try:
        results = followed.states.evaluate(read, ()).results
    except (TooManyStates, AssertionError):
        return []
    return list(dict.fromkeys(cell for result in results for cell in result))


def _with_values(followed: Followed, cells: list[int]) -> tuple[tuple[int, tuple[int, ...]], ...]:
    found = []
    for cell in cells:
        value = followed.states.cells[cell]
        known = sorted(value.group.values(cell)) if value.__class__ is Unknown else [value]
        found.append((cell, tuple(known[:MOST_VALUES])))
    return tuple(found)


def _sharing(system: System, step: Step) -> Iterator[Step]:
    """The steps that share an argument with another, those of its own action first."""
    given = zip(system.action[step.action].arguments, step.arguments, strict=True)
    wanted = [(a.of, value) for a, value in given if isinstance(a.of, Index)]
    own = system.action[step.action]
    for action in (own, *(a for a in system.actions if a is not own)):
        seen = set[tuple[int, ...]]()
        for place, argument in enumerate(action.arguments):
            for domain, value in wanted:
                if domain != argument.of:
                    continue
                ranges = [a.of.values() for a in action.arguments]
                ranges[place] = iter((value,))
                for filling in product(*ranges):
                    if filling not in seen:
                        seen.add(filling)
                        yield Step(action.name, filling)


def _any(system: System) -> Iterator[Step]:
    for action in system.actions:
        for filling in product(*(a.of.values() for a in action.arguments)):
            yield Step(action.name, filling)


def _allowed(
    system: System, followed: Followed, steps: Iterator[Step], most: int
) -> tuple[Step, ...]:
    """The first of the steps that can be taken in some state, few of each action."""
    found: list[Step] = []
    of_action = {action.name: 0 for action in system.actions}
    tried = dict.fromkeys(of_action, 0)
    for step in steps:
        if len(found) == most:
            break
        tried[step.action] += 1
        if of_action[step.action] == MOST_OF_AN_ACTION or tried[step.action] > MOST_TRIED:
            continue
        run = followed.programs.actions[step.action].run
        try:
            results = followed.states.evaluate(run, step.arguments).results
        except TooManyStates:
            continue
        if any(result.__class__ is list for result in results):
            of_action[step.action] += 1
            found.append(step)
    return tuple(found)
