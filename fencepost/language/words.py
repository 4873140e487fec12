"""The words of a body that Python has none for: `require`, `choose`, `assign` and quantifiers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fencepost.core.domains import Domain
from fencepost.core.errors import InputError
from fencepost.core.expressions import QuantifierKind
from fencepost.core.trees import FaultKind
from fencepost.language.machine import StepFaults, Value, caller, current
from fencepost.language.views import ArrayView, DomainView, domain_of


def require(condition: Value) -> None:
    """The step is possible only where this holds. It may stand anywhere and sees written values."""
    current("require").require(condition)


def choose(condition: Value, then: Value, otherwise: Value) -> Value:
    """`then` where the condition holds, else `otherwise`, without a branch in the recording."""
    return current("choose").choose(condition, then, otherwise)


def assign(
    target: ArrayView,
    *,
    to: Value | Callable[..., Value],
    where: Callable[..., Value] | None = None,
) -> None:
    """Write every cell of an array, or of a row such as `self.landed[request]`, in one go.

    `where` says which cells and `to` what they get; both may be functions of the indices that the
    target leaves open. All are about the state as it was when `assign` began.
    """
    machine = current("assign")
    if not isinstance(target, ArrayView):
        raise InputError(
            "F38",
            f"`assign` to {target!r}",
            why="its target is an array or a row of one",
            write="`assign(self.landed[request], to=False)`, or `=` for a single cell",
            at=caller(),
        )
    machine.write_all(target.field, target.prefix, to, where)


def for_all(*domains_and_body: Any) -> Value:
    """Whether the body holds for every value: `for_all(self.Chunk, lambda chunk: ...)`."""
    return _quantify("for_all", domains_and_body)


def exists(*domains_and_body: Any) -> Value:
    """Whether the body holds for some value: `exists(self.Chunk, lambda chunk: ...)`."""
    return _quantify("exists", domains_and_body)


def count(*domains_and_body: Any) -> Value:
    """For how many values the body holds: `count(self.Chunk, lambda chunk: ...)`."""
    return _quantify("count", domains_and_body)


def _quantify(kind: QuantifierKind, given: tuple[Any, ...]) -> Value:
    machine = current(kind)
    if len(given) < 2 or not callable(given[-1]) or isinstance(given[-1], DomainView | type):
        raise InputError(
            "F39",
            f"`{kind}` takes domains and then a function",
            why="its last argument says what is asked of each value",
            write=f"`{kind}(self.Chunk, lambda chunk: self.landed[request, chunk])`",
            at=caller(),
        )
    domains: list[Domain] = [domain_of(domain, machine) for domain in given[:-1]]
    return machine.quantify(kind, domains, given[-1])


def fault(message: str, kind: FaultKind = "component") -> None:
    """The step goes wrong here; for components that are used as they must not be."""
    current("fault")
    raise StepFaults(kind, caller(outside_components=True) or caller(), message)
