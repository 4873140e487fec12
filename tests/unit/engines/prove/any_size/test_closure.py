"""No solver: every state of a small size that the lemmas allow, reachable or not, steps to one that
they allow. It holds the recorder, the encoding and the lemmas against the interpreter at once."""

from __future__ import annotations

from itertools import product

from recycling import PROPERTIES, Recycling

from fencepost import build
from fencepost.core.semantics import failing_instances, outcomes
from fencepost.core.system import Lemma, Property, System
from fencepost.core.trees import Fault

SYSTEM = build(Recycling, PROPERTIES)


def as_property(lemma: Lemma) -> Property:
    return Property(lemma.name, "always", lemma.arguments, lemma.condition, lemma.fault)


def escapes(system: System, design: str, lemmas: list[Property]) -> tuple[int, list[str]]:
    """How many states the lemmas allow, and the names of what is false after a step."""
    barriers, allowed, broken = system.design(design).barriers, 0, []
    safe = [*lemmas, *(p for p in system.properties if p.kind == "always")]
    for state in product(*(list(f.domain.values()) for f, _ in system.cells)):
        if any(failing_instances(system, barriers, state, lemma) for lemma in lemmas):
            continue
        allowed += 1
        for step, outcome in outcomes(system, barriers, state):
            if isinstance(outcome, Fault):
                broken.append(f"no_fault {step.action}")
                continue
            broken += [
                f"{each.name} {step.action}"
                for each in safe
                if failing_instances(system, barriers, outcome.state, each)
            ]
    return allowed, broken


def test_what_was_proved_is_closed():
    allowed, broken = escapes(SYSTEM, "waiting", [as_property(m) for m in SYSTEM.lemmas])
    assert allowed > 20
    assert broken == []


def test_what_was_refused_is_not():
    _, broken = escapes(SYSTEM, "hasty", [as_property(m) for m in SYSTEM.lemmas])
    assert set(broken) == {"posted_is_held give_back"}


def test_without_a_lemma_it_is_not():
    for left_out in SYSTEM.lemmas:
        rest = [as_property(m) for m in SYSTEM.lemmas if m is not left_out]
        assert escapes(SYSTEM, "waiting", rest)[1], left_out.name
