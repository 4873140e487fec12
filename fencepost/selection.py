"""Which part of what was asked concerns which model: sizes, designs, properties by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fencepost.core.errors import InputError, Location
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, Design, System
from fencepost.language import Design as DeclaredDesign
from fencepost.language import Parameter
from fencepost.project import Source, nearest


def parameter_names(source: Source) -> tuple[str, ...]:
    """The parameters that a model declares."""
    return _declared(source, Parameter)


def _declared(source: Source, kind: type) -> tuple[str, ...]:
    members: dict[str, object] = {}
    for cls in reversed(source.model.__mro__):
        members.update(vars(cls))
    return tuple(name for name, value in members.items() if isinstance(value, kind))


def design_names(system: System) -> tuple[str, ...]:
    """Every design, in the order of the model."""
    return tuple(design.name for design in system.designs)


def property_names(system: System) -> tuple[str, ...]:
    """Every property that a verdict is given on, the built-in ones last."""
    return (*(prop.name for prop in system.properties), NO_FAULT, NO_STUCK_STATE)


def pick_sizes(source: Source, given: Mapping[str, int]) -> dict[str, int]:
    """The given sizes, every one of which must be of a parameter of this model."""
    known = parameter_names(source)
    _all_known("F12", "parameter", source, known, given)
    return dict(given)


def pick_designs(source: Source, system: System, names: Sequence[str]) -> tuple[Design, ...]:
    """The designs of these names, or all of them."""
    _all_known("F10", "design", source, design_names(system), names)
    return tuple(d for d in system.designs if not names or d.name in names)


def check_designs(source: Source, names: Sequence[str]) -> None:
    """Refuse a design that a model does not declare, before it is recorded."""
    declared = _declared(source, DeclaredDesign)
    if declared:  # else it is given one when it is recorded
        _all_known("F10", "design", source, declared, names)


def pick_properties(source: Source, system: System, names: Sequence[str]) -> tuple[str, ...]:
    """The properties of these names, or all of them."""
    known = property_names(system)
    _all_known("F11", "property", source, known, names)
    return tuple(name for name in known if not names or name in names)


def pick_barriers(source: Source, system: System, names: Sequence[str]) -> tuple[str, ...]:
    """The barriers of these names, every one of which must be of this model."""
    known = tuple(barrier.name for barrier in system.barriers)
    _all_known("F168", "barrier", source, known, names)
    return tuple(name for name in known if name in names)


def _all_known(
    code: str,
    kind: str,
    source: Source,
    known: Sequence[str],
    names: Sequence[str] | Mapping[str, int],
) -> None:
    for name in names:
        if name not in known:
            raise InputError(
                code,
                f"the model {source.name} has no {kind} {name!r}{nearest(name, known)}",
                why=f"it has {', '.join(known)}" if known else "it has none",
                write="one of these names" if known else f"no --{'set' if code == 'F12' else kind}",
                at=Location(str(source.file), 1),
            )


def shared(
    code: str,
    kind: str,
    models: Sequence[tuple[Source, Sequence[str]]],
    names: Sequence[str],
) -> None:
    """Refuse a name that none of several models knows; one that some of them know is fine."""
    if len(models) == 1:
        source, known = models[0]
        _all_known(code, kind, source, known, names)
    together = dict.fromkeys(name for _, known in models for name in known)
    for name in names:
        if name not in together:
            raise InputError(
                code,
                f"no model has a {kind} {name!r}{nearest(name, together)}",
                why=f"the {len(models)} models have {', '.join(together) or 'none'}",
                write="one of these names",
            )


def concerned(
    names: Sequence[str], known: Callable[[System], tuple[str, ...]], system: System
) -> tuple[str, ...] | None:
    """Those of the names that a system knows; None where names are given and it knows none."""
    kept = tuple(name for name in names if name in known(system))
    return None if names and not kept else kept
