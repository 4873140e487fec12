"""Which loop a thread is in, seen from outside: frames that stay while those they call come and go.

A thread is looked at now and then. It spins where its innermost lasting frame jumps back, or is at
other places of its code each time, or calls, and no variable of it has another value.
"""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FrameType

import torch

from fencepost.core.errors import Location
from fencepost.streams.shim.sites import place_of

Holds = Callable[[object], bool]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A frame as it was once; the frame itself is not kept, because it keeps tensors alive."""

    frame: object
    code: int
    at: int
    jumps: bool
    values: int
    place: Location
    file: str
    holds: bool


class Loop:
    """One thread since it was first looked at.

    `holds` says of a value whether it is memory that a loop could wait for.
    """

    def __init__(self, thread: int, holds: Holds) -> None:
        self._thread, self._holds = thread, holds
        self._first: list[_Seen] = []
        self._moved = False
        self.looks = 0
        """How often in a row the thread was found to be in one loop that changes nothing."""

    def look(self) -> None:
        """Look at the thread once more."""
        seen = self._stack()
        depth = self._common(seen)
        if not depth or seen[depth - 1].values != self._first[depth - 1].values:
            self._first, self._moved, self.looks = seen, False, 0
            return
        inner, before = seen[depth - 1], self._first[depth - 1]
        calls = len(seen) > depth or len(self._first) > depth
        self._moved = self._moved or calls or inner.jumps or inner.at != before.at
        self._first = self._first[:depth]
        self.looks += 1

    @property
    def spins(self) -> bool:
        """Whether the thread runs round in its loop; else it stands in one call."""
        return self._moved

    @property
    def place(self) -> Location:
        """Where the loop is."""
        return self._first[-1].place

    @property
    def waits_for_thread(self) -> bool:
        """Whether the thread stands in a lock, which another thread would have to release."""
        return not self.spins and self._first[-1].file.endswith(("threading.py", "threads.py"))

    @property
    def waits_for_memory(self) -> bool:
        """Whether a variable that the loop has is memory that it could wait for."""
        return bool(self._first) and self._first[-1].holds

    def _common(self, seen: list[_Seen]) -> int:
        depth = 0
        for now, then in zip(seen, self._first, strict=False):
            if (now.frame, now.code) != (then.frame, then.code):
                break
            depth += 1
        return depth

    def _stack(self) -> list[_Seen]:
        """The frames of the thread, outermost first."""
        found = []
        frame = sys._current_frames().get(self._thread)
        while frame is not None:
            found.append(_seen(frame, self._holds))
            frame = frame.f_back
        return found[::-1]


class _Mark:
    """Stands in a frame as its trace function, which does nothing, and ends with it."""

    def __call__(self, *_: object) -> None:
        """Trace nothing."""


def _mark(frame: FrameType) -> object:
    """What tells a frame from all others: the next frame often has its address, and its `id`."""
    if frame.f_trace is None:
        frame.f_trace = _Mark()
    return frame.f_trace if isinstance(frame.f_trace, _Mark) else id(frame)


def _seen(frame: FrameType, holds: Holds) -> _Seen:
    code = frame.f_code
    variables = frame.f_locals
    values = list(variables.values())
    named = values
    if variables is frame.f_globals:
        named = [variables[name] for name in code.co_names if name in variables]
    else:
        named = values + [frame.f_globals.get(name) for name in code.co_names]
    seen = _Seen(
        _mark(frame),
        id(code),
        frame.f_lasti,
        # A loop that only computes lets other threads have their turn nowhere but at its end.
        "JUMP" in dis.opname[code.co_code[frame.f_lasti]],
        hash(tuple(map(_print, values))),
        place_of(frame),
        code.co_filename,
        any(holds(value) for value in _with_attributes(named)),
    )
    del values, named
    # Before Python 3.13 a function's variables are copied into a dictionary that its frame keeps,
    # and with it what the function lets go of.
    if code.co_flags & inspect.CO_OPTIMIZED and type(variables) is dict:
        variables.clear()
    return seen


def _print(value: object) -> object:
    """What is different of a value that was changed, as far as that can be seen quickly."""
    if isinstance(value, int | float | complex | str | bytes):
        return value
    if isinstance(value, list | dict | set | bytearray):
        return id(value), len(value)
    if isinstance(value, torch.Tensor) and value.layout is torch.strided:
        return value.untyped_storage()._cdata, value.storage_offset(), tuple(value.shape)
    return id(value), tuple(map(id, _attributes(value).values()))


def _with_attributes(values: Iterable[object]) -> Iterable[object]:
    for value in values:
        yield value
        yield from list(_attributes(value).values())


def _attributes(value: object) -> dict[str, object]:
    """The attributes of a value, without any code of its class."""
    try:
        inside = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return inside if type(inside) is dict else {}
