"""Waiting that torch does not see: a host that spins on memory through numpy, a kernel that spins.

Nothing that such a loop does is a call of the device, so no stream would go on and it would never
end. A thread of fencepost's own looks now and then. Once memory was handed out and nobody has
called the device for a while, the streams go on by themselves, as those of a GPU do; that is no
edge. A loop that changes nothing, and for which nothing is left to do, is refused where it is.
"""

from __future__ import annotations

import ctypes
from _thread import get_ident, start_new_thread
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import sleep
from typing import TYPE_CHECKING, Any

from fencepost.core.errors import InputError, Location
from fencepost.streams.shim.in_kernel import waits_inside
from fencepost.streams.shim.loops import Loop
from fencepost.streams.shim.quiet import Quiet

if TYPE_CHECKING:
    from fencepost.streams.shim.bridge import Bridge

LOOK_S = 0.05
AWAY_LOOKS = 10
"""How many looks without a call of the device before its streams go on."""
STILL_LOOKS = 400
"""How many looks at a loop that changes nothing before it is refused."""


class Stalls:
    """The watch over one device.

    `is_watched` says of an address whether it is memory of the host that copies use.
    """

    def __init__(self, bridge: Bridge, is_watched: Callable[[int], bool]) -> None:
        self._bridge, self._is_watched = bridge, is_watched
        self._main = get_ident()
        self._watching = False
        self._over = False
        self._exposed = False
        self._kernel: tuple[str, int] | None = None
        self._performing = False
        self._loops: dict[int, Loop] = {}

    def exposed(self) -> None:
        """Memory that kernels use was handed out: the program may wait for it."""
        self._exposed = True
        self._watch()

    @contextmanager
    def emulating(self, name: str) -> Iterator[None]:
        """The calling thread runs the emulation of a kernel."""
        self._watch()
        before, self._kernel = self._kernel, (name, get_ident())
        try:
            yield
        finally:
            self._kernel = before

    def end(self) -> None:
        """Nobody is watched any more."""
        self._over = True

    def _watch(self) -> None:
        if not (self._watching or self._over):
            self._watching = True
            start_new_thread(self._look, ())

    def _look(self) -> None:
        calls, away = -1, 0
        kernel: tuple[str, int] | None = None
        trace = self._bridge.device.trace
        while not self._over:
            sleep(LOOK_S)
            if self._kernel is not kernel:
                kernel, self._loops = self._kernel, {}
            if kernel is not None:
                self._look_at_kernel(*kernel)
            elif len(trace.calls) != calls or self._performing:
                calls, away, self._loops = len(trace.calls), 0, {}
            elif self._exposed:
                away += 1
                if away >= AWAY_LOOKS:
                    self._look_at_hosts()

    def _loop(self, thread: int) -> Loop:
        loop = self._loops.get(thread)
        if loop is None:
            loop = self._loops[thread] = Loop(thread, self._is_exposed)
        loop.look()
        return loop

    def _look_at_kernel(self, name: str, thread: int) -> None:
        loop = self._loop(thread)
        if loop.looks >= STILL_LOOKS and loop.spins:
            self._loops = {}
            raise_in(thread, waits_inside(name, f"in a loop at {loop.place}"))

    def _look_at_hosts(self) -> None:
        device = self._bridge.device
        if device.waiting:
            self._performing = True
            start_new_thread(self._perform, (len(device.trace.calls),))
            return
        loops = {thread: self._loop(thread) for thread in device.threads}
        for thread, loop in loops.items():
            if self._is_endless(loop, loops.values()):
                self._loops = {}
                raise_in(thread, _endless(loop.place))
                return

    def _is_endless(self, loop: Loop, loops: Iterable[Loop]) -> bool:
        """Whether a thread spins on memory, and no other thread or process could set it."""
        if self._bridge.children.any or not (loop.spins and loop.waits_for_memory):
            return False
        return all(
            other.looks >= STILL_LOOKS and (other.spins or other.waits_for_thread)
            for other in loops
        )

    def _perform(self, calls: int) -> None:
        """Let the streams go on until the host makes a call, or nothing is left."""
        device = self._bridge.device
        try:
            with Quiet(self._bridge.here):
                while not self._over and len(device.trace.calls) == calls and device.go_on():
                    pass
            device.note(
                "the streams went on while the host made no call of the device, because it may "
                "wait for memory that was handed out"
            )
        except BaseException as error:  # noqa: BLE001  # it is raised where the program waits
            raise_in(self._main, error)
        finally:
            self._performing = False

    def _is_exposed(self, value: object) -> bool:
        """Whether a value is memory that copies use, by another name than a tensor."""
        if isinstance(value, ctypes.Array | ctypes._Pointer):
            return True
        if not hasattr(type(value), "__array_interface__"):
            return False
        interface: Any = getattr(value, "__array_interface__", None)
        return bool(interface) and self._is_watched(interface["data"][0])


def _endless(place: Location) -> InputError:
    return InputError(
        "F240",
        "the host waits in a loop for memory, and nothing will change it",
        why="the memory was handed out, no call was made for a while, and no stream has work left",
        write="what sets it before the loop that reads it, or an event to wait for",
        at=place,
    )


def raise_in(thread: int, error: BaseException) -> None:
    """Raise an error in another thread, at the next line of Python that it comes to."""
    kind: Any = type(error)

    def again(made: Any) -> None:
        vars(made).update(vars(error))
        made.args = error.args

    named = {"__init__": again, "__module__": kind.__module__, "__qualname__": kind.__qualname__}
    raised = type(kind.__name__, (kind,), named)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(raised))
