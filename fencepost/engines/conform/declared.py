"""What an adapter says of itself, held against the model before anything is performed."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from fencepost.core.errors import InputError, Location
from fencepost.core.system import System
from fencepost.engines.conform.adapter import Adapter


def check_declared(system: System, adapter: type[Adapter], at: Location) -> None:
    """Refuse an adapter that names actions which the model does not have, or one action twice."""
    for kind in ("unseen", "left_out"):
        names = getattr(adapter, kind)
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise InputError(
                "F252",
                f"{adapter.__name__}.{kind} is {names!r}",
                why="it names actions of the model",
                write=f'a tuple of names, as in `{kind} = ("{system.actions[0].name}",)`',
                at=at,
            )
        for name in names:
            if name not in system.action:
                raise _unknown(adapter, kind, name, "action", list(system.action), system, at)
    both = sorted(set(adapter.unseen) & set(adapter.left_out))
    if both:
        raise InputError(
            "F252",
            f"{adapter.__name__} has {both[0]} both unseen and left out",
            why="what nobody sees is taken all the same, and what is left out never is",
            write="the name in one of the two",
            at=at,
        )


def check_sizes(adapter: type[Adapter], model: str, known: tuple[str, ...], at: Location) -> None:
    """Refuse sizes of parameters that the model does not have."""
    if not isinstance(adapter.sizes, Mapping) or not all(
        type(size) is int for size in adapter.sizes.values()
    ):
        raise InputError(
            "F252",
            f"{adapter.__name__}.sizes is {adapter.sizes!r}",
            why="it gives parameters of the model integers",
            write='a dict, as in `sizes = {"requests": 2}`',
            at=at,
        )
    for name in adapter.sizes:
        if name not in known:
            raise _unknown(adapter, "sizes", name, "parameter", list(known), model, at)


def _unknown(
    adapter: type[Adapter],
    kind: str,
    name: str,
    what: str,
    known: list[str],
    model: System | str,
    at: Location,
) -> InputError:
    close = get_close_matches(name, known, n=2, cutoff=0.5)
    meant = f" (did you mean {' or '.join(close)}?)" if close else ""
    shown = model if isinstance(model, str) else model.name
    return InputError(
        "F252",
        f"{adapter.__name__}.{kind} names {name!r}, and {shown} has no such {what}{meant}",
        why=f"it has {', '.join(known) or 'none'}",
        write=f"one of these names, or `{kind}` without it",
        at=at,
    )
