"""`@always`, `@reachable` and the others: what must hold of a model, in a file of its own.

And `@lemma`: what a proof for any size goes by, beside them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fencepost.core.errors import InputError, Location
from fencepost.core.system import PropertyKind
from fencepost.language import hints
from fencepost.language.decorators import source_of
from fencepost.language.machine import caller, calling_frame
from fencepost.language.model import Model
from fencepost.language.values import describe_value

DeclarationKind = PropertyKind | Literal["lemma"]


@dataclass(frozen=True)
class PropertyDeclaration:
    """A function of a state that says what must hold; extra arguments are for-all.

    `designs`: of which designs a lemma is claimed, or () for all.
    """

    kind: DeclarationKind
    model: type[Model]
    body: Callable[..., Any]
    location: Location
    designs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.body.__name__

    def arguments(self) -> dict[str, Any]:
        """The domain declared for each argument after the first."""
        try:
            parameters = list(inspect.signature(self.body, eval_str=True).parameters.values())
        except Exception as missing:  # an annotation is any expression
            hint = hints.of_domain(missing, self.model)
            raise self._needs_domains(str(missing), hint) from missing
        for parameter in parameters[1:]:
            if parameter.annotation is inspect.Parameter.empty:
                raise self._needs_domains(f"`{parameter.name}` has none")
        return {p.name: p.annotation for p in parameters[1:]}

    def _needs_domains(self, detail: str, hint: str = "") -> InputError:
        return InputError(
            "F94",
            f"property `{self.name}` has an argument without a domain: {detail}",
            why="a property holds for every value of its arguments, so each needs a domain",
            write=hint or f"`def {self.name}(m, request: {self.model.__name__}.Request):`",
            at=self.location,
        )


def _declare(
    kind: DeclarationKind, model: Any, designs: tuple[str, ...] = ()
) -> Callable[[Callable[..., Any]], PropertyDeclaration]:
    if not (isinstance(model, type) and issubclass(model, Model)):
        raise InputError(
            "F95",
            f"@{kind} is given {describe_value(model)}",
            why="a property belongs to one model",
            write=f"`@{kind}(SlotReclaim)` above `def`",
            at=caller(),
        )
    return lambda body: _declared(kind, model, body, designs)


def _declared(
    kind: DeclarationKind, model: type[Model], body: Any, designs: tuple[str, ...]
) -> PropertyDeclaration:
    if not inspect.isfunction(body) or body.__name__ == "<lambda>":
        raise InputError(
            "F95",
            f"@{kind} on something other than a function with a name",
            why="a property is reported under the name of its function",
            write=f"`@{kind}({model.__name__})` above `def`, once",
            at=caller(),
        )
    found = PropertyDeclaration(kind, model, body, source_of(body), designs)
    frame = calling_frame()
    before = None if frame is None else frame.f_locals.get(body.__name__)
    if isinstance(before, PropertyDeclaration) and before.location.line != found.location.line:
        raise InputError(
            "F106",
            f"two properties are named {body.__name__}",
            why="a verdict is reported under the name of its property, and the first would be lost",
            write="another name",
            at=found.location,
        )
    return found


def always(model: type[Model]) -> Callable[[Callable[..., Any]], PropertyDeclaration]:
    """The condition holds in every reachable state."""
    return _declare("always", model)


def reachable(model: type[Model]) -> Callable[[Callable[..., Any]], PropertyDeclaration]:
    """Some reachable state satisfies the condition, for each filling of the arguments."""
    return _declare("reachable", model)


def always_possible(model: type[Model]) -> Callable[[Callable[..., Any]], PropertyDeclaration]:
    """From every reachable state, one that satisfies the condition can still be reached."""
    return _declare("always_possible", model)


def leads_to(model: type[Model]) -> Callable[[Callable[..., Any]], PropertyDeclaration]:
    """The function returns `premise, goal`: in every fair run, each state that satisfies the
    premise is, or is followed by, one that satisfies the goal."""
    return _declare("leads_to", model)


def eventually(model: type[Model]) -> Callable[[Callable[..., Any]], PropertyDeclaration]:
    """Every fair run from the start has a state that satisfies the condition."""
    return _declare("eventually", model)


def lemma(
    model: type[Model], *, designs: str | Sequence[str] = ()
) -> Callable[[Callable[..., Any]], PropertyDeclaration]:
    """An invariant that a proof for any size goes by; of all designs, or of those named.

    It is proved with the properties and is none itself: `check` does not report it.
    """
    named = (designs,) if isinstance(designs, str) else tuple(designs)
    return _declare("lemma", model, named)
