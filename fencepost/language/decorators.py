"""`@action`, `@actor`, `@initial`, `@final`: what turns a method into a part of the model."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, overload

from fencepost.core.errors import InputError, Location
from fencepost.language.declarations import ActionDeclaration, ConditionDeclaration
from fencepost.language.machine import caller
from fencepost.language.values import describe_value

Body = Callable[..., Any]


def source_of(body: Body) -> Location:
    """Where a function starts."""
    return Location(body.__code__.co_filename, body.__code__.co_firstlineno)


def argument_names(body: Body) -> list[str]:
    """The names of a function's arguments."""
    return list(inspect.signature(body).parameters)


@overload
def action(body: Body, /) -> ActionDeclaration: ...


@overload
def action(**domains: Any) -> Callable[[Body], ActionDeclaration]: ...


def action(body: Body | None = None, /, **domains: Any) -> Any:
    """A rule of the model; keyword arguments give the domain of each argument of the method."""
    if body is None:
        return lambda method: action_of(method, domains)
    return action_of(body, {})


def action_of(body: Body, domains: dict[str, Any]) -> ActionDeclaration:
    """The declaration of an action, once its arguments are those of its body."""
    if not inspect.isfunction(body):
        raise InputError(
            "F35",
            f"@action on {describe_value(body)}, not on a method",
            why="an action is a method of a Model or Component",
            write="@actor above @action, and @action(argument=Domain) above `def`",
            at=caller(),
        )
    taken = argument_names(body)[1:]
    if set(taken) != set(domains):
        raise InputError(
            "F36",
            f"@action of `{body.__name__}` gives domains for ({', '.join(domains)}) "
            f"but the method takes ({', '.join(taken)})",
            why="each argument of an action ranges over a domain of its own",
            write=f"@action({', '.join(f'{name}=...' for name in taken)})",
            at=source_of(body),
        )
    ordered = {name: domains[name] for name in taken}
    return ActionDeclaration(body, ordered, "", source_of(body), _starred(body))


def _starred(body: Body) -> str:
    parameters = inspect.signature(body).parameters.values()
    return next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "")


def _condition(body: Body, role: Literal["initial", "final"]) -> ConditionDeclaration:
    if not inspect.isfunction(body):
        raise InputError(
            "F35",
            f"@{role} on something that is not a method",
            why="a condition is a method that returns it",
            write=f"@{role} right above `def`",
            at=caller(),
        )
    return ConditionDeclaration(body, role, source_of(body))


def actor(name: str) -> Callable[[Any], ActionDeclaration]:
    """Who performs an action; it stands above `@action`."""
    if not isinstance(name, str):
        raise InputError(
            "F37",
            "@actor without the name of an actor",
            why="it says who performs the action below it",
            write='`@actor("decode")` on the line above @action',
            at=caller(),
        )

    def decorate(declared: Any) -> ActionDeclaration:
        if not isinstance(declared, ActionDeclaration):
            raise InputError(
                "F37",
                f"@actor({name!r}) on something that is not an action",
                why="decorators apply from the bottom up, and @actor adds to @action",
                write=f"`@actor({name!r})`, on the line below it `@action`, and below that `def`",
                at=caller(),
            )
        return replace(declared, actor=name)

    return decorate


def initial(body: Body) -> ConditionDeclaration:
    """A condition that every initial state satisfies."""
    return _condition(body, "initial")


def final(body: Body) -> ConditionDeclaration:
    """Where a run may end: a state with no enabled step is stuck unless this holds."""
    return _condition(body, "final")
