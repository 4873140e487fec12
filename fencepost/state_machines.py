"""A model as a test: `state_machine` makes of a design what pytest collects and Hypothesis runs."""

from __future__ import annotations

import sys
import unittest
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fencepost.core.errors import InputError, Location
from fencepost.core.results import Finding
from fencepost.core.system import Design, System
from fencepost.language import Model, PropertyDeclaration, Sized, build

NEARBY = 1024


def state_machine(
    model: type[Model] | Sized,
    *,
    design: str | None = None,
    properties: Iterable[PropertyDeclaration] | None = None,
    nearby: int = NEARBY,
) -> type[unittest.TestCase]:
    """A test of one design of a model, at sizes that are given by calling it.

    `TestSlot = state_machine(SlotLifecycle(requests=4), design="safe_reclaim")` in a test file is
    collected by pytest. Hypothesis draws enabled steps, and the test fails where a property
    `always`, `no_fault` or `no_stuck_state` is violated. Its settings, profiles and example
    database are those of any state machine of Hypothesis; `TestSlot.settings` are its own.

    Without `properties`, those of the model's file, of its file in the properties folder of the
    project, and of the calling module are asked; with them, only they and the two built-in ones.
    `design` may be left out where there is one.
    Around each state of a run the `nearby` nearest states are looked at too.
    """
    cls, sizes = _model_of(model)
    caller = sys._getframe(1).f_globals  # noqa: SLF001  # properties may be written beside the test
    found = _found(cls, caller)
    asked = found if properties is None else _given(properties)
    if not asked:
        raise InputError(
            "F161",
            f"no property of {cls.__name__} is found",
            why="a test of a model without a property would say nothing",
            write=f"`@always({cls.__name__})` above a function in the model's file, in its file in "
            "the properties folder, or in this one; or `properties=[...]`",
        )
    # Barriers and designs name properties, so all of them are recorded, whatever is asked.
    system = build(cls, dict.fromkeys((*found, *asked)), sizes)
    chosen = _chosen(system, design)

    from fencepost.core.questions import BUILT_IN, select
    from fencepost.engines.fuzz.testing import case_of

    name = "_".join([cls.__name__, *(f"{n}_{size}" for n, size in sizes.items()), chosen.name])
    return case_of(
        name,
        system,
        chosen,
        select(system, None if properties is None else [*(p.name for p in asked), *BUILT_IN]),
        nearby,
        lambda finding: story(system, chosen, finding),
    )


def _model_of(model: Any) -> tuple[type[Model], dict[str, int]]:
    if isinstance(model, Sized):
        return model.model, dict(model.sizes)
    if isinstance(model, type) and issubclass(model, Model) and model is not Model:
        return model, {}
    raise InputError(
        "F160",
        f"`state_machine` is given {type(model).__name__} {model!r}",
        why="it makes a test of a model",
        write="`state_machine(MyModel)`, or `state_machine(MyModel(requests=4))` for other sizes",
    )


def _given(properties: Iterable[Any]) -> tuple[PropertyDeclaration, ...]:
    given = tuple(properties)
    for one in given:
        if not isinstance(one, PropertyDeclaration):
            raise InputError(
                "F164",
                f"`properties` has {one!r}, which is no property",
                why="a property is a function with @always, @reachable or @always_possible",
                write="`properties=[own_bytes]`, with the function itself and not its name",
            )
    return given


def _found(model: type[Model], caller: dict[str, Any]) -> tuple[PropertyDeclaration, ...]:
    """The properties in the model's module, in its project's properties folder, and in the caller's
    module, as far as they are about this model."""
    found: dict[PropertyDeclaration, None] = {}
    module = sys.modules.get(model.__module__)
    own = vars(module) if module is not None else {}
    for value in (*own.values(), *_beside(model), *caller.values()):
        if isinstance(value, PropertyDeclaration) and issubclass(model, value.model):
            found[value] = None
    return tuple(found)


def _beside(model: type[Model]) -> tuple[PropertyDeclaration, ...]:
    """The properties in the project's folder for a model that lies in a project."""
    from fencepost.loading import load
    from fencepost.project import find_project

    named = getattr(sys.modules.get(model.__module__), "__file__", None)
    file = Path(named).resolve() if named else None
    project = find_project(file.parent) if file is not None else None
    if file is None or project is None or not project.owns(file):
        return ()
    source = load(file, project)
    if source.model is not model and source.model.__name__ == model.__name__:
        expected = project.module_name(file)
        raise InputError(
            "F163",
            f"{model.__name__} was imported as `{model.__module__}`",
            why=f"its properties are about the model in the module `{expected}`, which is another "
            "class to Python",
            write=f"`from {expected} import {model.__name__}`, with {project.root} on the path",
            at=Location(str(file), 1),
        )
    return source.properties


def _chosen(system: System, name: str | None) -> Design:
    from fencepost.project import nearest

    known = [design.name for design in system.designs]
    if name is None and len(known) == 1:
        return system.designs[0]
    if name not in known:
        what = (
            f"{system.name} has {len(known)} designs, and none is named"
            if name is None
            else f"{system.name} has no design {name!r}{nearest(name, known)}"
        )
        raise InputError(
            "F162",
            what,
            why=f"a test is of one design; there are {', '.join(known)}",
            write=f'`design="{known[0]}"`, for one',
        )
    return system.design(name)


def story(system: System, design: Design, finding: Finding) -> str:
    """A violation as the failing test shows it."""
    from fencepost.core.evidence import show_sizes
    from fencepost.core.results import count_steps
    from fencepost.report.trace_tables import starting_values, tell

    instance = f" ({finding.instance})" if finding.instance else ""
    where = f"{system.name} {design.name}{show_sizes(system)}"
    lines = [f"{finding.property}{instance} is violated in {where}"]
    said = next((p.text for p in system.properties if p.name == finding.property), "")
    lines += [f'  "{" ".join(said.split())}"'] if said else []
    lines += [f"  {finding.detail}"] if finding.detail else []
    trace = finding.trace
    if trace is not None:
        lines.append(f"a short run to it has {count_steps(len(trace))}:")
        lines += [f"  starts with {value}" for value in starting_values(system, trace.initial)]
        for line in tell(system, trace):
            actor = f"{line.actor}: " if line.actor else ""
            changed = line.fault or ", ".join(str(change) for change in line.changes)
            lines.append(f"  {line.number:>2}  {actor}{line.step}    {changed}".rstrip())
    return "\n".join(lines)
