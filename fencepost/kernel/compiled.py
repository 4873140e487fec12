"""A system with its generated code."""

from __future__ import annotations

import time
from dataclasses import dataclass

from fencepost.core.folding import conjunction, disjunction, negate
from fencepost.core.questions import all_questions
from fencepost.core.remembered import Remembered
from fencepost.core.semantics import fillings
from fencepost.core.system import System
from fencepost.core.trees import leaves
from fencepost.kernel.layout import Layout, lay_out
from fencepost.kernel.machine_code import Code, has_wide_registers, load
from fencepost.kernel.successors import (
    DECLARATIONS,
    ExpandWriter,
    Watch,
    lane_table,
    write_inspect,
)


@dataclass(frozen=True)
class Kernel:
    """A compiled system. Watch 0 is `final`; the others were asked for, in order."""

    layout: Layout
    text: str
    code: Code
    expand: int
    inspect: int
    watches: int
    leaves: tuple[tuple[str, int], ...]
    """For each byte of coverage, its action and the number of the leaf."""
    seconds: float


def compile_system(system: System) -> Kernel:
    """Lay the state out, write the code and load it."""
    started = time.perf_counter()
    layout = lay_out(system)
    watches = watches_of(system)
    text = generate(system, layout, watches)
    code = load(text)
    return Kernel(
        layout=layout,
        text=text,
        code=code,
        expand=code.address("expand"),
        inspect=code.address("inspect"),
        watches=len(watches),
        leaves=tuple((a.name, n) for a in system.actions for n, _ in enumerate(leaves(a.tree))),
        seconds=time.perf_counter() - started,
    )


compiled = Remembered(compile_system)
"""The kernel of a system, compiled once for all designs while the system lives."""


def generate(system: System, layout: Layout, watches: tuple[Watch, ...]) -> str:
    """The LLVM module of a system, as text."""
    wide = has_wide_registers()
    expand = ExpandWriter(system, layout, wide_registers=wide).write()
    inspect = write_inspect(system, layout, watches, wide_registers=wide)
    return f"{lane_table()}\n\n{DECLARATIONS}\n\n{expand}\n\n{inspect}\n"


def premise_watches(system: System) -> dict[int, int]:
    """The watch of the premise of each `leads_to` question, by the question's number."""
    asked = all_questions(system)
    numbers = [q.number for q in asked if q.property.kind == "leads_to"]
    return {number: 1 + len(asked) + place for place, number in enumerate(numbers)}


def watches_of(system: System) -> tuple[Watch, ...]:
    """`final`, then where each question of the system is met, in their order; then the premises of
    its `leads_to`, for one filling each.

    An `always` is met where it is violated for some filling; another property, for one filling,
    where it is satisfied.
    """
    found = [Watch(((system.final, ()),))]
    for prop in system.properties:
        fits = [tuple(values.items()) for values in fillings(prop.arguments)]
        if prop.kind == "always":
            violated = disjunction([prop.fault, negate(prop.condition)])
            found.append(Watch(tuple((violated, env) for env in fits)))
        else:
            satisfied = conjunction([negate(prop.fault), prop.condition])
            found.extend(Watch(((satisfied, env),)) for env in fits)
    for prop in system.properties:
        if prop.kind == "leads_to":
            raised = disjunction([prop.premise_fault, prop.premise])
            fillings_of = fillings(prop.arguments)
            found.extend(Watch(((raised, tuple(values.items())),)) for values in fillings_of)
    return tuple(found)
