"""Host threads of which one runs at a time, so that a schedule of threads can be chosen and tried.

Threads are real; each of their calls of the device is a place where another may go on. A thread
that waits is not chosen before what it waits for is there. (The baton of Loom and Shuttle.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from fencepost.core.errors import InputError
from fencepost.streams.device import Device
from fencepost.streams.queues import Token
from fencepost.streams.recording import Choices


class Stopped(BaseException):
    """Ends a thread of a run that is over."""


class Turn:
    """One thread: its baton, and what it waits for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.baton = threading.Semaphore(0)
        self.until: Callable[[], bool] = lambda: True
        self.over = False
        self.end: Token | None = None


class Threads:
    """The threads of one run. `device.turns` is set to it, so that every call may switch.

    `choices` decides who goes on; `preemptions` bounds the switches away from a thread that could
    have gone on (context bounding, Musuvathi and Qadeer 2007), None is no bound.
    """

    def __init__(self, device: Device, choices: Choices, preemptions: int | None = 2) -> None:
        self.device, self.choices, self.left = device, choices, preemptions
        self.here = Turn("main")
        self.all = [self.here]
        self.failed: BaseException | None = None
        device.turns = self

    def start(self, function: Callable[[], object], name: str = "") -> Turn:
        """Start a thread; its start is an edge."""
        turn = Turn(name or f"thread {len(self.all)}")
        known = self.device.send()

        def run() -> None:
            turn.baton.acquire()
            try:
                if not self.failed:
                    self.device.host(turn.name, known)
                    function()
                    turn.end = self.device.send()
            except Stopped:
                pass
            except BaseException as error:  # noqa: BLE001  # it is raised in the main thread
                self.failed = self.failed or error
            turn.over = True
            self._hand_over(self._next())

        threading.Thread(target=run, daemon=True, name=turn.name).start()
        self.all.append(turn)
        return turn

    def join(self, turn: Turn) -> None:
        """Wait for a thread; its end is an edge."""
        self.wait_until(lambda: turn.over)
        if turn.end is not None:
            self.device.receive(turn.end)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Let others go on until a condition holds; this is no edge by itself."""
        turn = self.here
        turn.until = condition
        while not condition():
            self._pass_on(self._next())
        turn.until = lambda: True

    def switch(self) -> None:
        """Perhaps let another thread go on."""
        ready = self._ready()
        if len(ready) > 1 and self.left != 0:
            ready.remove(self.here)
            chosen = self.choices.choose(1 + len(ready), f"{self.here.name} goes on")
            if chosen < len(ready):
                if self.left is not None:
                    self.left -= 1
                self._pass_on(ready[chosen])

    def finish(self) -> None:
        """Let all threads end; raises what one of them raised."""
        for turn in self.all[1:]:
            self.wait_until(lambda turn=turn: turn.over)  # type: ignore[misc]
        if self.failed is not None:
            raise self.failed

    def stop(self) -> None:
        """End threads that are still there, in a run that is given up."""
        self.failed = self.failed or Stopped()
        for turn in self.all[1:]:
            turn.baton.release()

    def _ready(self) -> list[Turn]:
        return [turn for turn in self.all if not turn.over and turn.until()]

    def _next(self) -> Turn:
        if self.failed is not None:
            return self.all[0]
        ready = self._ready()
        if not ready:
            waiting = ", ".join(turn.name for turn in self.all if not turn.over)
            self.failed = InputError(
                "F205",
                "every host thread waits",
                why=f"{waiting} wait for one another or for something that nobody does",
                write="an order in which one of them can go on",
            )
            return self.all[0]
        if len(ready) == 1:
            return ready[0]
        return ready[self.choices.choose(len(ready), "who goes on")]

    def _pass_on(self, turn: Turn) -> None:
        if turn is not self.here:
            me = self.here
            self._hand_over(turn)
            me.baton.acquire()
        if self.failed is not None:
            raise self.failed if self.here is self.all[0] else Stopped

    def _hand_over(self, turn: Turn) -> None:
        self.here = turn
        turn.baton.release()


class Lock:
    """A lock of such threads; handing it over is an edge."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._held = False
        self._known: Token | None = None

    def __enter__(self) -> None:
        self._threads.wait_until(lambda: not self._held)
        self._held = True
        if self._known is not None:
            self._threads.device.receive(self._known)

    def __exit__(self, *_: object) -> None:
        self._known = self._threads.device.send()
        self._held = False
