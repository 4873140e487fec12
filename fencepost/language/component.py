"""A component: fields, actions and properties written once and declared as a field of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

from fencepost.core.errors import Location
from fencepost.language.declarations import ConditionDeclaration
from fencepost.language.decorators import source_of
from fencepost.language.machine import caller
from fencepost.language.namespace import Declaring


class Component(metaclass=Declaring):
    """Part of a model, declared in its class body: `channel = Channel(Message, capacity=2)`.

    A subclass declares its fields and domains as attributes in `__init__` and its actions as
    methods; both appear in the model under the name of the component: `channel.lose`. In the
    `@action(...)` of a component a domain may be the name of an attribute, since only the
    instance knows it; for an argument `*parts` the attribute is a tuple with a domain for each.
    """

    declared_as = "component"
    actor = ""
    """Who performs the component's own actions; by default the component's name."""
    left_out: tuple[str, ...] = ()
    """Names of actions that this instance does not have."""

    location: Location | None = None
    """Where the model declares it."""

    def __new__(cls, *_: Any, **__: Any) -> Self:
        made = super().__new__(cls)
        made.location = caller()
        return made

    def _check_sizes(self, sizes: Mapping[str, int]) -> None:
        """Refuse what makes no sense at these parameters."""


def component_always(body: Callable[..., Any]) -> ConditionDeclaration:
    """A condition that the component keeps in every reachable state, whatever the model does."""
    return ConditionDeclaration(body, "always", source_of(body))
