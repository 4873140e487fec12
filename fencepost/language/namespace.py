"""The names of a class body: each is declared once, and none hides a word that the body uses."""

from __future__ import annotations

from collections.abc import MutableMapping
from types import FunctionType
from typing import Any

from fencepost.core.errors import InputError, Location
from fencepost.language.declarations import (
    ActionDeclaration,
    Barrier,
    ConditionDeclaration,
    Declared,
    DomainDeclaration,
    FieldDeclaration,
    Size,
)
from fencepost.language.machine import caller

WORDS = frozenset(
    {"action", "actor", "initial", "final", "component_always", "holds", "violates", "one_of"}
    | {"Parameter", "Barrier", "Index", "Array", "Var", "Range", "Maybe", "SetOf", "Design"}
    | {"ANY", "NONE", "EMPTY"}
)
"""The words of the language that a class body uses, apart from names of its own."""


def kind_of(value: Any) -> str:
    """What a name of a class body stands for; empty for anything that is no declaration."""
    match value:
        case Barrier():
            return "barrier"
        case FieldDeclaration():
            return "field"
        case DomainDeclaration() | Size():
            return type(value).__name__
        case ActionDeclaration():
            return "action"
        case ConditionDeclaration():
            return f"@{value.role} condition"
        case FunctionType():
            return "method"
        case _ if getattr(type(value), "declared_as", ""):
            return type(value).__name__
        case _:
            return ""


def _with_article(kind: str) -> str:
    return f"{'an' if kind[0].lower() in 'aeiou@' else 'a'} {kind}"


class Body(dict[str, Any]):
    """The namespace of a class body while it runs."""

    def __init__(self, owner: str) -> None:
        super().__init__()
        self.owner = owner

    def __setitem__(self, name: str, value: Any) -> None:
        before = self.get(name)
        first, second = kind_of(before), kind_of(value)
        if first and before is not value:
            raise self._twice(name, before, first, second or "value")
        super().__setitem__(name, value)

    def _twice(self, name: str, before: Any, first: str, second: str) -> InputError:
        where: Location | None = getattr(before, "location", None)
        line = f" (line {where.line})" if where is not None else ""
        what = (
            f"`{name}` is defined twice in {self.owner}"
            if first == second
            else f"`{name}` is {_with_article(first)}{line} and then {_with_article(second)} in "
            f"{self.owner}"
        )
        return InputError(
            "F115",
            what,
            why="the second definition would replace the first without a word",
            write="another name",
            at=caller(),
        )

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        # Sizes, domains and barriers may be meant by their names, which are used in class bodies.
        used_by_name = isinstance(value, Declared) and not isinstance(value, FieldDeclaration)
        if name in WORDS and kind_of(value) and not used_by_name:
            raise hidden_word(name, value)
        return value


def hidden_word(name: str, value: Any) -> InputError:
    """What to say where a class body uses a word that one of its own names hides."""
    kind = kind_of(value)
    return InputError(
        "F122",
        f"`{name}` is the name of {_with_article(kind)} here",
        why=f"it hides the word `{name}` of the language in the rest of the class body",
        write=f"another name for the {kind}",
        at=caller(),
    )


class Declaring(type):
    """The type of models and components: their bodies are read as they run."""

    @classmethod
    def __prepare__(
        cls, name: str, bases: tuple[type, ...], /, **_: Any
    ) -> MutableMapping[str, object]:
        return Body(name)
