"""What a body runs on: a recorder, or plain integers. Words like `require` find it here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Protocol

from fencepost.core.domains import Domain
from fencepost.core.errors import InputError, Location
from fencepost.core.expressions import QuantifierKind
from fencepost.core.standard_library import is_standard_library
from fencepost.core.system import Field
from fencepost.core.trees import FaultKind

PACKAGE = str(Path(__file__).resolve().parent.parent)
COMPONENTS = str(Path(__file__).resolve().parent / "components")

Value = Any
"""What a body handles: a symbol while recording; an int, bool or set handle on a plain run."""


class StepDisabled(BaseException):
    """A `require` failed; a BaseException so that a body's own handlers let it pass."""

    def __init__(self, location: Location | None) -> None:
        super().__init__()
        self.location = location


class StepFaults(BaseException):
    """The step goes wrong here."""

    def __init__(self, kind: FaultKind, location: Location | None, message: str) -> None:
        super().__init__(message)
        self.kind: FaultKind = kind
        self.location = location
        self.message = message


class Machine(Protocol):
    """The operations a body is made of."""

    def read(self, field: Field, indices: tuple[Value, ...]) -> Value: ...

    def write(self, field: Field, indices: tuple[Value, ...], value: Value) -> None: ...

    def write_all(
        self,
        field: Field,
        indices: tuple[Value, ...],
        to: Value | Callable[..., Value],
        where: Callable[..., Value] | None,
    ) -> None: ...

    def contains(self, field: Field, indices: tuple[Value, ...], element: Value) -> Value: ...

    def update_set(
        self, field: Field, indices: tuple[Value, ...], element: Value, present: bool
    ) -> None: ...

    def barrier(self, name: str) -> Value: ...

    def size(self, text: str, value: int) -> int: ...

    def sizes(self) -> Mapping[str, int]: ...

    def elements(self, domain: Domain) -> Iterator[Value]: ...

    def require(self, condition: Value) -> None: ...

    def choose(self, condition: Value, then: Value, otherwise: Value) -> Value: ...

    def quantify(
        self, kind: QuantifierKind, domains: Sequence[Domain], body: Callable[..., Value]
    ) -> Value: ...

    def none_as_number(self) -> None:
        """`NONE` itself met arithmetic or an order: a fault on a plain run."""
        ...


_running: list[Machine] = []


@contextmanager
def running(machine: Machine) -> Iterator[None]:
    """Let words act on a machine."""
    _running.append(machine)
    try:
        yield
    finally:
        _running.pop()


def current(word: str) -> Machine:
    """The machine a body runs on now."""
    if not _running:
        raise InputError(
            "F31",
            f"`{word}` is used outside of an action, property or condition",
            why="it has a meaning only while a body runs on a state",
            write=f"move it into a method with @action, or leave `{word}` out",
            at=caller(),
        )
    return _running[-1]


_code_places: dict[tuple[int, int], tuple[CodeType, Location]] = {}
"""By the `id` of the code, which is kept: codes of two files may be equal."""


@cache
def _is_source(filename: str) -> bool:
    if filename.startswith(COMPONENTS):
        return True
    # pytest rewrites the asserts of a model in a test file into calls of its own.
    library = is_standard_library(filename) or "/_pytest/" in filename
    return not library and not filename.startswith((PACKAGE, "<frozen"))


def place(code: CodeType, instruction: int, line: int | None) -> Location:
    """The source location of an instruction, with its column."""
    key = (id(code), instruction)
    found = _code_places.get(key)
    if found is None:
        positions = list(code.co_positions())
        at = instruction // 2
        start, _, column, _ = positions[at] if at < len(positions) else (line, None, None, None)
        found = code, Location(code.co_filename, start or line or 0, (column or 0) + 1)
        _code_places[key] = found
    return found[1]


def calling_frame(*, outside_components: bool = False) -> FrameType | None:
    """The frame of the source of a model that control is in now."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if _is_source(name) and not (outside_components and name.startswith(COMPONENTS)):
            return frame
        frame = frame.f_back
    return None


def caller(*, outside_components: bool = False) -> Location | None:
    """Where, in the source of a model, control is now.

    Where no body runs, that is never inside of a component: its constructor declares for the model.
    """
    frame = calling_frame(outside_components=outside_components or not _running)
    return None if frame is None else place(frame.f_code, frame.f_lasti, frame.f_lineno)


@cache
def _lines_of(code: CodeType) -> tuple[int, int]:
    lines = [line for _, _, line in code.co_lines() if line is not None]
    return min(lines), max(lines)


def asked_at(computed: Location | None) -> Location | None:
    """Where a condition is asked: its own place if that lies in the function that asks it.

    A jump has the place of its statement, which several conditions may share. A condition that a
    helper function computes counts at each of its callers.
    """
    frame = calling_frame()
    if frame is None:
        return None
    code = frame.f_code
    if computed is not None and computed.file == code.co_filename:
        first, last = _lines_of(code)
        if first <= computed.line <= last:
            return computed
    return place(code, frame.f_lasti, frame.f_lineno)


def is_of_component(at: Location | str | None) -> bool:
    """Whether a place or file is in a component that comes with the package."""
    file = at.file if isinstance(at, Location) else at
    return file is not None and file.startswith(COMPONENTS)


def raised_at(error: BaseException) -> Location | None:
    """Where, in the source of a model, an exception was raised."""
    found = None
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if _is_source(code.co_filename):
            found = place(code, traceback.tb_lasti, traceback.tb_lineno)
        traceback = traceback.tb_next
    return found
