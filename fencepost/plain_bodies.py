"""Whether a model's recording says what its bodies do, on the first states reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from math import prod
from typing import cast

from fencepost.core.errors import InputError
from fencepost.core.expressions import FALSE, Expression
from fencepost.core.semantics import (
    Barriers,
    Outcome,
    Successor,
    decide,
    evaluate,
    fillings,
    initial_states,
    perform,
    show_instance,
)
from fencepost.core.system import Design, Lemma, Property, State, Step, System
from fencepost.core.trees import Fault, Update
from fencepost.language import (
    FINAL,
    INITIAL,
    Model,
    PropertyDeclaration,
    evaluate_plainly,
    perform_plainly,
)
from fencepost.report.trace_tables import changes, show_cell

MOST_STATES = 1000
MOST_WORK = 10_000_000
"""For all designs together; looking up a case that both ways agree on is one piece of work."""
WORK_OF_A_RUN = 50


class Watched(list[int]):
    """The cells of a state, which remember those that were read before they were written."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.before = state
        self.read: dict[int, int] = {}
        self.written: set[int] = set()

    def __getitem__(self, place: int) -> int:  # type: ignore[override]  # cells are never sliced
        if place not in self.written:
            self.read[place] = self.before[place]
        return super().__getitem__(place)

    def __setitem__(self, place: int, value: int) -> None:  # type: ignore[override]  # as above
        self.written.add(place)
        super().__setitem__(place, value)


@dataclass(slots=True)
class Asked:
    """The next cell that decides what a step does, and what follows for each of its values."""

    place: int
    after: dict[int, Known] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Agreed:
    """Both ways do the same here: these cells change, or (None) the step is not taken."""

    changed: tuple[tuple[int, int], ...] | None


Known = Asked | Agreed


class WatchedBarriers(frozenset[str]):
    """The barriers of a design, which remember who asked, as if each were one more cell."""

    watched: Watched
    places: Mapping[str, int]

    def __contains__(self, name: object) -> bool:
        on = super().__contains__(name)
        self.watched.read[self.places[str(name)]] = int(on)
        return on


@dataclass(frozen=True, slots=True)
class Question:
    """A condition with its arguments filled in; where `fault` holds it cannot be evaluated."""

    name: str
    shown: str
    values: Mapping[str, int]
    condition: Expression
    fault: Expression
    part: int | None = None
    """Of a `leads_to`: 0 for the premise, 1 for the goal."""


def _questions(prop: Property | Lemma, values: Mapping[str, int]) -> Iterator[Question]:
    """What there is to compare of a property or lemma for one filling of its arguments."""
    shown = f"{prop.name}({show_instance(prop, values)})"
    part = None
    if isinstance(prop, Property) and prop.kind == "leads_to":
        part = 1
        raised = f"the premise of {shown}"
        yield Question(prop.name, raised, values, prop.premise, prop.premise_fault, 0)
    yield Question(prop.name, shown, values, prop.condition, prop.fault, part)


class Comparison:
    """Compares plain bodies with what was recorded of them, on the first states of each design.

    The two ways are independent: one runs the Python of the body on integers, the other walks the
    recorded tree or condition, so what the recording lost shows here. `MOST_WORK` is shared evenly
    by the designs; where it is used up, the states that are left are not compared.

    What a body does depends only on the cells and barriers that the two ways read, so where both
    have agreed, they agree in every state with the same values in those and in the cells that
    either writes to; such states are looked up instead, which is dozens of times cheaper.
    """

    def __init__(
        self,
        model: type[Model],
        system: System,
        designs: Sequence[Design],
        properties: Iterable[PropertyDeclaration] = (),
    ) -> None:
        self._model = model
        self._system = system
        self._properties = tuple(properties)
        self._share = MOST_WORK // max(1, len(designs))
        self._places = {b.name: len(system.cells) + n for n, b in enumerate(system.barriers)}
        starts = Question(INITIAL, INITIAL, {}, system.initial, FALSE)
        ends = Question(FINAL, FINAL, {}, system.final, FALSE)
        claims: list[Property | Lemma] = [*system.properties, *system.lemmas]
        asked = (
            question for p in claims for v in fillings(p.arguments) for question in _questions(p, v)
        )
        self._questions = (starts, ends, *asked)
        self._known: list[Known | None] = [None] * (len(self._questions) + len(system.steps))

    def first_difference(self, design: Design) -> str | None:
        """The first thing on which the two ways differ, in words; None where they agree."""
        barriers, work = design.barriers, self._share
        on = tuple(int(name in barriers) for name in self._places)
        values = (values for field in self._system.fields for values in field.initial)
        # A start that only the recorded @initial rejects is in no state reached.
        for state in islice(product(*values), MOST_STATES):
            if _look_up(self._known[0], (*state, *on)) is None:
                found = self._agree(barriers, state, 0)
                if isinstance(found, str):
                    return found
        states = list(islice(initial_states(self._system, barriers), MOST_STATES))
        seen = set(states)
        for state in states:
            cells = (*state, *on)
            for number, known in enumerate(self._known):
                agreed = _look_up(known, cells)
                if agreed is None:
                    found = self._agree(barriers, state, number)
                    if isinstance(found, str):
                        return found
                    agreed = found
                    work -= WORK_OF_A_RUN
                work -= 1
                if work < 0:
                    return None
                if agreed.changed is None or len(states) >= MOST_STATES:
                    continue
                after = list(state)
                for place, value in agreed.changed:
                    after[place] = value
                successor = tuple(after)
                if successor not in seen:
                    seen.add(successor)
                    states.append(successor)
        return None

    def agreed(self, barriers: Barriers, state: State, step: int) -> Agreed | str:
        """What both ways do at a step, by its number; or the difference in words."""
        number = len(self._questions) + step
        cells = (*state, *(int(name in barriers) for name in self._places))
        return _look_up(self._known[number], cells) or self._agree(barriers, state, number)

    def difference_in_conditions(self, barriers: Barriers, state: State) -> str | None:
        """The first condition on which the two ways differ in a state, in words."""
        cells = (*state, *(int(name in barriers) for name in self._places))
        for number in range(len(self._questions)):
            if _look_up(self._known[number], cells) is None:
                found = self._agree(barriers, state, number)
                if isinstance(found, str):
                    return found
        return None

    def _agree(self, barriers: Barriers, state: State, number: int) -> Agreed | str:
        """Go both ways and remember that they agree; or the difference in words."""
        watched = Watched(state)
        asking = WatchedBarriers(barriers)
        asking.watched, asking.places = watched, self._places
        if number < len(self._questions):
            compared = self._ask(asking, watched, self._questions[number])
        else:
            step = self._system.steps[number - len(self._questions)]
            compared = self._step(asking, watched, step)
        if isinstance(compared, Agreed):
            key = watched.read
            for place in sorted(watched.written):
                key.setdefault(place, state[place])
            self._known[number] = _remember(self._known[number], key, compared)
        return compared

    def _ask(self, barriers: Barriers, watched: Watched, question: Question) -> Agreed | str:
        """Evaluate a condition in both ways."""
        system, values, state = self._system, question.values, cast("State", watched)
        faults = evaluate(system, barriers, state, values, question.fault)
        recorded = None
        if not faults:
            recorded = bool(evaluate(system, barriers, state, values, question.condition))
        try:
            given = evaluate_plainly(
                self._model,
                self._properties,
                system,
                barriers,
                watched,
                question.name,
                values,
                question.part,
            )
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever a person's body does, it is told
            shown = f"raises {type(error).__name__}: {error}"
        else:
            if (None if isinstance(given, Fault) else given) is recorded:
                return Agreed(None)
            shown = f"faults ({given.kind})" if isinstance(given, Fault) else str(given)
        told = "cannot be evaluated" if recorded is None else str(recorded)
        return self._differ(watched.before, question.shown, told, shown)

    def _step(self, barriers: Barriers, watched: Watched, step: Step) -> Agreed | str:
        """Take a step in both ways."""
        system, state = self._system, watched.before
        shown = system.show_step(step)
        recorded = perform(system, barriers, cast("State", watched), step)
        for place in self._written(barriers, cast("State", watched), step):
            watched.read[place] = state[place]
        try:
            plain = perform_plainly(self._model, system, barriers, watched, step)
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001  # as above
            raised = f"raises {type(error).__name__}: {error}"
            return self._differ(state, shown, self._show(state, recorded), raised)
        if not _same(recorded, plain):
            told = self._show(state, recorded)
            return self._differ(state, shown, told, self._show(state, plain))
        if not isinstance(recorded, Successor):
            return Agreed(None)
        pairs = enumerate(zip(state, recorded.state, strict=True))
        return Agreed(tuple((place, after) for place, (old, after) in pairs if old != after))

    def _written(self, barriers: Barriers, state: State, step: Step) -> Iterator[int]:
        """The cells that the recorded step may write to: whole rows where it writes in bulk."""
        leaf = decide(self._system, barriers, state, step)[1]
        if not isinstance(leaf, Update):
            return
        arguments = self._system.action[step.action].arguments
        values = {a.name: v for a, v in zip(arguments, step.arguments, strict=True)}
        for write in leaf.writes:
            target = self._system.field[write.field]
            given = [evaluate(self._system, barriers, state, values, i) for i in write.indices]
            rest = target.indices[len(given) :]
            first = target.cell((*given, *(domain.low for domain in rest)))
            if first is not None:
                start = self._system.offsets[write.field] + first
                yield from range(start, start + prod(domain.size for domain in rest))

    def _differ(self, state: State, what: str, recorded: str, plain: str) -> str:
        system = self._system
        cells = ", ".join(
            f"{show_cell(system, position)} = {declared.domain.show(state[position])}"
            for position, (declared, _) in enumerate(system.cells)
        )
        return (
            f"{what} recorded: {recorded}; its body on plain values: {plain}; in the state {cells}"
        )

    def _show(self, before: State, outcome: Outcome) -> str:
        if isinstance(outcome, Successor):
            changed = ", ".join(str(c) for c in changes(self._system, before, outcome.state))
            return changed or "taken, nothing changes"
        if isinstance(outcome, Fault):
            return f"faults ({outcome.kind})"
        return "disabled"


def _look_up(known: Known | None, cells: Sequence[int]) -> Agreed | None:
    while isinstance(known, Asked):
        known = known.after.get(cells[known.place])
    return known


def _remember(known: Known | None, key: dict[int, int], agreed: Agreed) -> Known:
    """Extend what is known by one case, whose cells come in the order in which they were read.

    Which cell is read next follows from the values read before, so cases with the same beginning
    ask about the same cell. A body that does otherwise is not remembered.
    """
    root = known
    link: Asked | None = None
    value = 0
    for place, here in key.items():
        if known is None:
            known = Asked(place)
            if link is None:
                root = known
            else:
                link.after[value] = known
        if not isinstance(known, Asked) or known.place != place:
            return root if root is not None else agreed
        link, value = known, here
        known = known.after.get(here)
    if link is None:
        return agreed
    if known is None:
        link.after[value] = agreed
    return root if root is not None else agreed


def _same(recorded: Outcome, plain: Outcome) -> bool:
    if isinstance(recorded, Successor):
        return isinstance(plain, Successor) and recorded.state == plain.state
    if isinstance(recorded, Fault):
        return isinstance(plain, Fault) and recorded.kind == plain.kind
    return type(recorded) is type(plain)
