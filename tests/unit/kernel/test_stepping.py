"""One state through the generated code: what it meets, and whether a step faults there."""

from __future__ import annotations

import pytest

from fencepost.core.questions import all_questions
from fencepost.core.semantics import failing_instances, initial_states, meets, perform
from fencepost.core.system import State, System
from fencepost.core.trees import Fault
from fencepost.kernel.compiled import compiled
from fencepost.kernel.stepping import Stepper
from tests.unit.kernel.random_systems import random_system


def walked(system: System, stepper: Stepper, barriers: frozenset[str]) -> list[State]:
    """States near the start of a system, none twice."""
    found = list(dict.fromkeys(initial_states(system, barriers)))[:20]
    for state in found:
        if len(found) > 60:
            break
        after = [stepper.unpack(words) for _, words in stepper.look(stepper.pack(state))]
        found += [one for one in dict.fromkeys(after) if one not in found]
    return found


@pytest.mark.parametrize("start", range(12))
def test_what_is_met_and_what_faults_is_as_the_interpreter_has_it(start: int) -> None:
    system = random_system(start)
    barriers = frozenset(b.name for n, b in enumerate(system.barriers) if (start >> n) & 1)
    stepper = Stepper(system, compiled(system), barriers)
    for state in walked(system, stepper, barriers):
        words = stepper.pack(state)
        stepper.numbered(words)
        outcomes = [perform(system, barriers, state, step) for step in system.steps]
        assert stepper.faults == any(isinstance(outcome, Fault) for outcome in outcomes)
        met = {
            q.number
            for q in all_questions(system)
            if (
                failing_instances(system, barriers, state, q.property)
                if q.property.kind == "always"
                else meets(system, barriers, state, q.property, q.values)
            )
        }
        known = {q.number for q in all_questions(system)}
        assert stepper.met(words) & known == met
