"""A recorded model as text: parameters, barriers, fields, actions, properties, designs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fencepost.analyses.expectations import show_expectation
from fencepost.core.expressions import FALSE, TRUE
from fencepost.core.system import Action, Field, Property, System
from fencepost.core.trees import leaves
from fencepost.project import shown_path
from fencepost.report.expressions import INDENT, show, show_domain, tree_lines

PACKAGE = Path(__file__).resolve().parents[1]


def system_lines(system: System) -> Iterator[str]:
    """Everything that engines read of a model, in the order of its declaration."""
    sizes = " ".join(f"{name}={value}" for name, value in system.parameters)
    yield f"{system.name}  {sizes}".rstrip()
    yield f"{INDENT}digest {system.digest}, {len(system.cells)} cells, {len(system.steps)} steps"
    yield from _section("barriers", [_barrier(system, i) for i in range(len(system.barriers))])
    yield from _section("state", [_field(field) for field in system.fields])
    if system.initial != TRUE:
        yield from _section("initial", [show(system.initial)])
    yield ""
    yield "actions"
    for action in system.actions:
        yield from _action(action)
    if system.final != FALSE:
        yield from _section("final", [show(system.final)])
    yield ""
    yield "properties"
    for prop in system.properties:
        yield from _property(prop)
    yield ""
    yield "designs"
    for design in system.designs:
        on = ", ".join(b.name for b in system.barriers if b.name in design.barriers) or "no barrier"
        bug = f" ({design.known_bug})" if design.known_bug else ""
        yield f"{INDENT}{design.name}{bug}: {on}; expect {show_expectation(design.expect)}"
    yield from _section("finite only", list(_finite_only(system)))


def _finite_only(system: System) -> Iterator[str]:
    """What ties the system to its sizes, each reason with all of its places."""
    places: dict[str, dict[str, list[int]]] = {}
    for place, why in system.finite_only:
        lines = places.setdefault(why, {}).setdefault(_source_path(place.file), [])
        if place.line not in lines:
            lines.append(place.line)
    for why in sorted(places):
        files = (
            f"{file}:{', '.join(str(line) for line in sorted(lines))}"
            for file, lines in sorted(places[why].items())
        )
        yield f"{why}: {'; '.join(files)}"


def _source_path(file: str) -> str:
    """A path as it is shown; a component of this package has its place in the package."""
    path = Path(file)
    if PACKAGE in path.parents:
        return path.relative_to(PACKAGE.parent).as_posix()
    return shown_path(file)


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
        yield from (INDENT + line for line in lines)


def _barrier(system: System, number: int) -> str:
    barrier = system.barriers[number]
    return f"{barrier.name} ({barrier.kind}, buys {', '.join(barrier.buys)}): {barrier.text}"


def _field(field: Field) -> str:
    indices = ", ".join(show_domain(index) for index in field.indices)
    name = f"{field.name}[{indices}]" if field.indices else field.name
    choices = sorted(set(field.initial))
    if len(choices) == 1:
        starts = " or ".join(field.domain.show(value) for value in choices[0][:8])
        more = " or ..." if len(choices[0]) > 8 else ""
        return f"{name}: {show_domain(field.domain)}, initially {starts}{more}"
    return f"{name}: {show_domain(field.domain)}, initially different by index"


def _signature(name: str, arguments: list[str]) -> str:
    return f"{name}({', '.join(arguments)})"


def _action(action: Action) -> Iterator[str]:
    arguments = [f"{a.name}: {show_domain(a.of)}" for a in action.arguments]
    by = f"{action.actor}: " if action.actor else ""
    count = sum(1 for _ in leaves(action.tree))
    place = f"line {action.location.line}, " if action.location else ""
    yield f"{INDENT}{by}{_signature(action.name, arguments)}  [{place}{count} leaves]"
    yield from tree_lines(action.tree, 2)


def _property(prop: Property) -> Iterator[str]:
    arguments = [f"{a.name}: {show_domain(a.of)}" for a in prop.arguments]
    yield f"{INDENT}{prop.kind} {_signature(prop.name, arguments)}"
    if prop.text:
        yield f"{INDENT * 2}{' '.join(prop.text.split())}"
    yield f"{INDENT * 2}{show(prop.condition)}"
    if prop.fault != FALSE:
        yield f"{INDENT * 2}cannot be evaluated where {show(prop.fault)}"
