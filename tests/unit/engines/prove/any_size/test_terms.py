"""What the solver makes of a state and a step is what the interpreter makes of them."""

from __future__ import annotations

from random import Random

import pytest
import z3
from recycling import PROPERTIES, Recycling
from things import PROPERTIES as ABOUT_THINGS
from things import Things

from fencepost import build
from fencepost.core.semantics import Successor, perform
from fencepost.core.sizes import at_sizes
from fencepost.core.system import State, System
from fencepost.core.trees import Disabled, Fault
from fencepost.engines.prove.any_size import claim
from fencepost.engines.prove.any_size.counterexamples import ModelReader, holds
from fencepost.engines.prove.any_size.encoding import Encoding
from fencepost.engines.prove.any_size.values import Members, Optional

MODELS = [
    (build(Recycling, PROPERTIES, any_size=True), {"Request": 2, "Slot": 2}),
    (build(Things, ABOUT_THINGS, any_size=True), {"Thing": 3, "Place": 2}),
]


def fixed(encoding: Encoding, state: State, system: System) -> list[z3.BoolRef]:
    """That the solver's state is this one."""
    words, told, position = encoding.words, [], 0
    for declared in encoding.system.fields:
        for place in words.cells(declared) if declared.indices else [()]:
            value, cell = state[position], words.read(declared, place)
            domain = declared.domain
            if isinstance(cell, Members):
                members = words.members[domain.of.name]
                told += [cell.has(m) == bool(value >> n & 1) for n, m in enumerate(members)]
            elif isinstance(cell, Optional):
                told.append(cell.absent == (value < 0))
                if value >= 0:
                    told.append(cell.value == words.constant(domain.of, value))
            else:
                told.append(cell == words.constant(domain, value))
            position += 1
    assert position == len(state) == len(system.cells)
    return told


@pytest.mark.parametrize(("unbounded", "sizes"), MODELS)
@pytest.mark.parametrize("on", [False, True])
def test_steps_and_claims_in_random_states(unbounded: System, sizes: dict[str, int], on: bool):
    random = Random(7)
    barriers = frozenset(b.name for b in unbounded.barriers) if on else frozenset()
    encoding, system = Encoding(unbounded, barriers, sizes), at_sizes(unbounded, sizes)
    claims = [claim(each) for each in unbounded.lemmas]
    claims += [claim(each) for each in unbounded.properties if each.kind == "always"]
    taken = faulty = 0
    for _ in range(40):
        state = tuple(random.choice(list(f.domain.values())) for f, _ in system.cells)
        solver = z3.SimpleSolver(encoding.words.context)
        solver.add(*encoding.background, *fixed(encoding, state, system))
        assert solver.check() == z3.sat
        model = solver.model()
        assert ModelReader(encoding.words, model).state(system) == state
        for each in claims:
            said = z3.is_true(model.eval(encoding.formula(each), model_completion=True))
            assert said == holds(system, barriers, state, each), (state, each.name)
        step = random.choice(system.steps)
        steps = encoding.steps(step.action)
        given = zip(steps.action.arguments, step.arguments, strict=True)
        solver.add(*(steps.scope[a.name] == encoding.words.constant(a.of, v) for a, v in given))
        assert solver.check() == z3.sat
        model = solver.model()
        went = [
            n
            for n in range(len(steps.ways))
            if z3.is_true(model.eval(steps.condition(n), model_completion=True))
        ]
        outcome = perform(system, barriers, state, step)
        if isinstance(outcome, Disabled):
            assert not went
            continue
        [way] = went
        if isinstance(outcome, Fault):
            assert steps.ways[way].leaf == outcome
            faulty += 1
            continue
        after = steps.after(way)
        reader, cells = ModelReader(encoding.words, model), []
        for declared in encoding.system.fields:
            for place in encoding.words.cells(declared) if declared.indices else [()]:
                cells.append(reader.number(declared.domain, after(declared, place)))
        assert Successor(tuple(cells)) == outcome
        taken += 1
    assert taken > 5
    assert faulty or on or unbounded.name == "Things"
