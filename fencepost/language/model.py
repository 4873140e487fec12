"""A model is a class of declarations; called with sizes, it is the model at these sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fencepost.core.errors import InputError
from fencepost.language.machine import caller
from fencepost.language.namespace import Declaring


@dataclass(frozen=True)
class Sized:
    """A model with sizes for some of its parameters: `SlotLifecycle(requests=4)`."""

    model: type[Model]
    sizes: tuple[tuple[str, int], ...]


class Model(metaclass=Declaring):
    """Subclass this to describe a protocol: parameters, index sorts, barriers, fields, actions.

    The class body declares; methods with `@action` say what can happen. See
    `docs/reference/language.md`.
    """

    def __new__(cls, *unnamed: Any, **sizes: int) -> Sized:  # type: ignore[misc]  # no instance
        if unnamed or not sizes:
            given = "without the names of parameters" if unnamed else "without sizes"
            raise InputError(
                "F91",
                f"{cls.__name__} is called {given}",
                why="a model is a declaration and has no instances; with sizes for its parameters "
                "it is the same model at these sizes",
                write=f"`{cls.__name__}`, or `{cls.__name__}(requests=4)` for a parameter "
                "`requests`",
                at=caller(),
            )
        return Sized(cls, tuple(sizes.items()))
