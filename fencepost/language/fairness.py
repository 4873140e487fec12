"""`@fair` and `Fair`: steps that a fair run does not put off for ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, overload

from fencepost.core.errors import InputError, Location
from fencepost.core.system import Fairness
from fencepost.language.declarations import ActionDeclaration
from fencepost.language.machine import caller
from fencepost.language.values import describe_value

KINDS: tuple[Fairness, ...] = ("weak", "strong")


@overload
def fair(declared: ActionDeclaration, /) -> ActionDeclaration: ...


@overload
def fair(kind: Fairness, /) -> Callable[[Any], ActionDeclaration]: ...


def fair(given: Any, /) -> Any:
    """Each step of the action below is weakly fair, or `@fair("strong")` strongly.

    A weakly fair step that stays possible is taken in the end; a strongly fair one is even if it is
    possible only again and again.
    """
    if isinstance(given, str):
        _check_kind(given)
        return lambda declared: _made_fair(declared, given)
    return _made_fair(given, "weak")


def _made_fair(declared: Any, kind: Any) -> ActionDeclaration:
    if not isinstance(declared, ActionDeclaration):
        raise InputError(
            "F150",
            f"@fair on {describe_value(declared)}, which is not an action",
            why="decorators apply from the bottom up, and @fair says of an action that it is not "
            "put off for ever",
            write="`@fair`, on the line below it `@action`, and below that `def`",
            at=caller(),
        )
    return replace(declared, fairness=kind)


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InputError(
            "F151",
            f"@fair({kind!r})",
            why="fairness is weak (what stays possible is done) or strong (what is possible again "
            "and again is done)",
            write='`@fair` or `@fair("strong")`',
            at=caller(),
        )


class Fair:
    """Fairness of actions that are written elsewhere, such as those of a component:
    `network_delivers = Fair("channel.deliver", kind="strong")`."""

    declared_as = "fairness"

    def __init__(self, *actions: str, kind: Fairness = "weak") -> None:
        self.location: Location | None = caller()
        _check_kind(kind)
        if not actions or not all(isinstance(action, str) for action in actions):
            raise InputError(
                "F152",
                "Fair without the names of actions",
                why="it says of actions of components that they are not put off for ever; an "
                "action of the model itself has @fair above it",
                write='`delivers = Fair("channel.deliver")`',
                at=self.location,
            )
        self.actions, self.kind = actions, kind
