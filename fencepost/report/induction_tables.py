"""A counterexample to induction as a table of what is before a step and what after it."""

from __future__ import annotations

import re

from fencepost.core.domains import Domain, Index, Maybe, SetOf
from fencepost.core.expressions import Expression, Read, walk
from fencepost.core.results import InductionFailure
from fencepost.core.semantics import decide
from fencepost.core.sizes import at_sizes
from fencepost.core.system import Lemma, Property, Step, System
from fencepost.report.tables import Cell, Column, Table


def show_value(domain: Domain, value: int) -> str:
    """A value with members of an Index named after it: `request0`, `{slot0, slot1}`."""
    match domain:
        case Index():
            return f"{_name(domain)}{value}"
        case Maybe():
            return "NONE" if value < 0 else show_value(domain.of, value)
        case SetOf():
            inside = (i for i in range(domain.of.count) if value >> i & 1)
            return "{" + ", ".join(show_value(domain.of, i) for i in inside) + "}"
        case _:
            return domain.show(value)


def _name(domain: Index) -> str:
    last = domain.name.rpartition(".")[2]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last).lower()


def show_step(system: System, step: Step) -> str:
    """A step with its arguments named: `abort(request0)`."""
    arguments = system.action[step.action].arguments
    shown = (show_value(a.of, v) for a, v in zip(arguments, step.arguments, strict=True))
    return f"{step.action}({', '.join(shown)})"


def show_values(system: System, failure: InductionFailure) -> str:
    """For which values a claim is broken: `request0, chunk0`."""
    claimed = _claimed(system, failure.claim)
    domains = {a.name: a.of for a in claimed.arguments} if claimed is not None else {}
    return ", ".join(show_value(domains[name], value) for name, value in failure.values)


def induction_table(
    unbounded: System, barriers: frozenset[str], failure: InductionFailure
) -> tuple[Table, int]:
    """The cells that the step or the broken claim looks at, before and after; and how many cells
    are left out, since neither does."""
    system = at_sizes(unbounded, dict(failure.sizes))
    claimed = _claimed(system, failure.claim)
    looked_at = _fields(claimed.condition) if claimed is not None else set()
    if failure.step is not None:
        path, _ = decide(system, barriers, failure.before, failure.step)
        for decision, _ in path:
            looked_at |= _fields(decision.condition)
    after = failure.after if failure.after is not None else failure.before
    rows, left_out = [], 0
    for (declared, indices), old, new in zip(system.cells, failure.before, after, strict=True):
        if declared.name not in looked_at and old == new:
            left_out += 1
            continue
        inside = ", ".join(show_value(d, i) for d, i in zip(declared.indices, indices, strict=True))
        name = f"{declared.name}[{inside}]" if indices else declared.name
        shown = show_value(declared.domain, new) if failure.after is not None else ""
        changed = Cell(shown, "strong" if old != new else "dim")
        rows.append((Cell(name), Cell(show_value(declared.domain, old)), changed))
    columns = (Column("cell"), Column("before"), Column("after"))
    return Table(columns, tuple(rows)).without_empty_columns(), left_out


def _claimed(system: System, name: str) -> Lemma | Property | None:
    both: tuple[Lemma | Property, ...] = (*system.lemmas, *system.properties)
    return next((claimed for claimed in both if claimed.name == name), None)


def _fields(node: Expression) -> set[str]:
    return {n.field for n in walk(node) if isinstance(n, Read)}
