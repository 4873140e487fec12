"""A model is a class of declarations; nobody makes an instance of it."""

from __future__ import annotations

from typing import Any

from fencepost.core.errors import InputError
from fencepost.language.machine import caller
from fencepost.language.namespace import Declaring


class Model(metaclass=Declaring):
    """Subclass this to describe a protocol: parameters, index sorts, barriers, fields, actions.

    The class body declares; methods with `@action` say what can happen. See
    `docs/reference/language.md`.
    """

    def __init__(self, *_: Any, **__: Any) -> None:
        raise InputError(
            "F91",
            f"{type(self).__name__} is called",
            why="a model is a declaration and has no instances",
            write=f"`fencepost check FILE`, or `build({type(self).__name__}, properties)`",
            at=caller(),
        )
