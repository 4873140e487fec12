"""A fault that is put into the cache on purpose, and taken out again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from unittest.mock import patch

FoundBy = Literal["conformance", "properties", "races"]
"""Who must find a fault: a step of a model that the cache follows no more (`conformance`), a
property or a token of a run (`properties`), or the race detector alone (`races`)."""

Patch = Callable[[], AbstractContextManager[object]]
"""Puts a fault in until the end of a context."""


@dataclass(frozen=True)
class Fault:
    """A fault of the part of the cache that `model` is about.

    `design` is the one whose cache has it.
    """

    name: str
    text: str
    model: str
    design: str
    found_by: FoundBy
    apply: Patch
    sizes: Mapping[str, int] = field(default_factory=dict)
    """The sizes of the model at which it shows, where they are not the usual ones."""


class Seed(Protocol):
    """Makes faults of one model."""

    def __call__(
        self, name: str, text: str, found_by: FoundBy, apply: Patch, design: str = "", **sizes: int
    ) -> Fault: ...


def faults_of(model: str, usual: str) -> Seed:
    """What makes faults of a model, in the design that is `usual` where none is named."""

    def fault(
        name: str, text: str, found_by: FoundBy, apply: Patch, design: str = "", **sizes: int
    ) -> Fault:
        return Fault(name, text, model, design or usual, found_by, apply, sizes)

    return fault


def replacing(owner: type, **methods: Callable[..., Any]) -> Patch:
    """A patch that gives a class other methods; each is told the one it replaces, then called.

    A replacement has the parameters `(original, self, ...)`.
    """

    @contextmanager
    def apply() -> Iterator[None]:
        with ExitStack() as stack:
            for name, method in methods.items():
                stack.enter_context(
                    patch.object(owner, name, _around(getattr(owner, name), method))
                )
            yield

    return apply


def all_of(*patches: Patch) -> Patch:
    """Several patches as one."""

    @contextmanager
    def apply() -> Iterator[None]:
        with ExitStack() as stack:
            for patched in patches:
                stack.enter_context(patched())
            yield

    return apply


def _around(original: Callable[..., Any], method: Callable[..., Any]) -> Callable[..., Any]:
    def replaced(self: Any, *arguments: Any, **named: Any) -> Any:
        return method(original, self, *arguments, **named)

    return replaced
