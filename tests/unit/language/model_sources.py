"""Models as source text: loaded as files are, and walked through on both ways to take a step."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from fencepost.core import semantics
from fencepost.core.system import State, Step, System
from fencepost.core.trees import Fault
from fencepost.language import Model, PropertyDeclaration, build, perform_plainly

_numbers = itertools.count()


def load(source: str, folder: Path) -> ModuleType:
    """The module of a model file with this text."""
    file = folder / "model.py"
    file.write_text(source)
    module = ModuleType(f"model_of_test_{next(_numbers)}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module
    exec(compile(source, str(file), "exec", dont_inherit=True), module.__dict__)
    return module


def model_in(module: ModuleType) -> type[Model]:
    """The last model that a module defines."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Model) and value is not Model
    ][-1]


def built(
    source: str, folder: Path, parameters: Mapping[str, Any] | None = None
) -> tuple[type[Model], System]:
    """The model in a text with its properties, and its system."""
    module = load(source, folder)
    model = model_in(module)
    properties = [v for v in vars(module).values() if isinstance(v, PropertyDeclaration)]
    return model, build(model, properties, parameters or {})


@dataclass
class Walk:
    """What a breadth-first walk saw."""

    states: set[State]
    pairs: int
    faults: set[tuple[str, str]]
    """Kinds of faults, by the action."""


def walk_both_ways(
    model: type[Model], system: System, designs: Iterable[frozenset[str]] = (), most: int = 600
) -> Walk:
    """Take every step from every state reached, recorded and plain, and hold the two equal."""
    seen_in_all: set[State] = set()
    pairs, faults = 0, set()
    everything = frozenset(b.name for b in system.barriers)
    for barriers in list(designs) or [frozenset(), everything]:
        seen = set(semantics.initial_states(system, barriers))
        front: list[tuple[State, Step]] = [(s, t) for s in sorted(seen) for t in system.steps]
        for state, step in front:
            outcome = semantics.perform(system, barriers, state, step)
            plain = perform_plainly(model, system, barriers, state, step)
            assert outcome == plain, (step, state, outcome, plain)
            pairs += 1
            if isinstance(outcome, Fault):
                faults.add((step.action, outcome.kind))
            elif isinstance(outcome, semantics.Successor) and outcome.state not in seen:
                if len(seen) < most:
                    front.extend((outcome.state, t) for t in system.steps)
                seen.add(outcome.state)
        seen_in_all |= seen
    return Walk(seen_in_all, pairs, faults)
