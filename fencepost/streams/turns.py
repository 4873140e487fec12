"""Host threads of which one runs at a time, so that a schedule of threads can be chosen and tried.

Threads are real; each of their calls of the device is a place where another may go on. A thread
that waits is not chosen before what it waits for is there. (The baton of Loom and Shuttle.)

Two rules keep every run going. A thread that goes on and on while others could is made to let one
of them (fairness). One that makes no call for a while, because it waits for another in a way that
nobody sees, is passed over: it goes on beside the others, up to its next call.
"""

from __future__ import annotations

from _thread import allocate_lock, get_ident, start_new_thread
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import sleep

from fencepost.core.errors import InputError
from fencepost.streams.device import Device
from fencepost.streams.queues import Token
from fencepost.streams.recording import Choices

MOST_ALONE = 1_000
"""Calls of one thread in a row, while others could go on, before one of them does."""
PASSED_OVER_S = 2.0
"""Seconds that others wait for a thread that makes no call."""


class Stopped(SystemExit):
    """Ends a thread of a run that is over."""


class Turn:
    """One thread: its baton, and what it waits for.

    `until` says whether it can go on, None is always; after `timeout` seconds it can anyway, where
    nobody else can.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.baton = allocate_lock()
        self.baton.acquire()
        self.until: Callable[[], bool] | None = None
        self.timeout: float | None = None
        self.expired = False
        self.waits = False
        """Whether it waits for its baton; a thread that was passed over does not."""
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
        self.passed_over = 0
        """How often a thread was passed over, which a second run may do elsewhere."""
        self._by_number = {get_ident(): self.here}
        self._guard = allocate_lock()
        self._steps = self._alone = 0
        device.turns = self

    def start(self, function: Callable[[], object], name: str = "") -> Turn:
        """Start a thread; its start is an edge."""
        known = self.device.send()
        turn = self.new(name or f"thread {len(self.all)}")

        def run() -> None:
            try:
                self.enter(turn)
                self.device.host(turn.name, known)
                function()
                turn.end = self.device.send()
            except Stopped:
                pass
            except BaseException as error:  # noqa: BLE001  # it is raised in the main thread
                self.failed = self.failed or error
            self.leave(turn)

        start_new_thread(run, ())
        return turn

    def join(self, turn: Turn) -> None:
        """Wait for a thread; its end is an edge."""
        self.wait_until(lambda: turn.over)
        if turn.end is not None:
            self.device.receive(turn.end)

    # A thread's own calls.

    def new(self, name: str) -> Turn:
        """A thread that is started right after this, before any call."""
        turn = Turn(name)
        self.all.append(turn)
        return turn

    def enter(self, turn: Turn) -> None:
        """The calling thread begins, and waits for its first turn."""
        self._by_number[get_ident()] = turn
        self._wait_for_baton(turn)

    def leave(self, turn: Turn) -> None:
        """The calling thread ends."""
        turn.over = True
        del self._by_number[get_ident()]
        if self.here is turn:
            self._hand_over(turn, self._next())

    @contextmanager
    def taking(self, turn: Turn) -> Iterator[None]:
        """All that the calling thread does, from its begin to its end."""
        self.enter(turn)
        try:
            yield
        finally:
            self.leave(turn)

    @property
    def has_caller(self) -> bool:
        """Whether the calling thread is one of these."""
        return get_ident() in self._by_number

    def wait_until(self, condition: Callable[[], bool], timeout: float | None = None) -> bool:
        """Let others go on until a condition holds; this is no edge by itself.

        Gives whether it holds, which it may not after a timeout.
        """
        me = self._caller()
        if me is None:
            return condition()
        me.until, me.timeout, me.expired = condition, timeout, False
        try:
            while not (condition() or me.expired):
                self._pass_on(me, self._next())
        finally:
            me.until = me.timeout = None
        if me.expired and timeout is not None:
            sleep(timeout)
        return condition()

    def is_awaited(self, condition: Callable[[], bool]) -> bool:
        """Whether a thread waits for this condition."""
        return any(turn.until == condition for turn in self.all)

    def switch(self) -> None:
        """Perhaps let another thread go on."""
        me = self._caller()
        if me is None:
            return
        others = [turn for turn in self._ready() if turn is not me]
        if not others:
            return
        self._alone += 1
        if self._alone > MOST_ALONE:
            self._pass_on(me, self._after(me, others))
        elif self.left != 0:
            chosen = self.choices.choose(1 + len(others), f"{me.name} goes on")
            if chosen < len(others):
                if self.left is not None:
                    self.left -= 1
                self._pass_on(me, others[chosen])

    # The end of a run.

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
            with suppress(RuntimeError):  # it has its baton already
                turn.baton.release()

    # Who goes on.

    def _caller(self) -> Turn | None:
        """The calling thread's turn, once it is its turn."""
        me = self._by_number.get(get_ident())
        if me is not None:
            self._steps += 1
            if self.failed is not None and me is not self.all[0]:
                raise Stopped
            if self.here is not me:  # it was passed over
                self._wait_for_baton(me)
        return me

    def _ready(self) -> list[Turn]:
        return [turn for turn in self.all if not turn.over and (turn.until is None or turn.until())]

    def _next(self) -> Turn:
        if self.failed is not None:
            return self.all[0]
        ready = self._ready()
        if ready:
            chosen = self.choices.choose(len(ready), "who goes on") if len(ready) > 1 else 0
            return ready[chosen]
        return self._expiring() or self._deadlock()

    def _expiring(self) -> Turn | None:
        """The first whose time is up, where nobody can go on before."""
        timed = [turn for turn in self.all if not turn.over and turn.timeout is not None]
        if not timed:
            return None
        turn = min(timed, key=lambda turn: turn.timeout or 0.0)
        turn.expired = True
        return turn

    def _deadlock(self) -> Turn:
        waiting = ", ".join(turn.name for turn in self.all if not turn.over)
        self.failed = InputError(
            "F205",
            "every host thread waits",
            why=f"{waiting} wait for one another or for something that nobody does",
            write="an order in which one of them can go on",
        )
        return self.all[0]

    def _after(self, me: Turn, others: list[Turn]) -> Turn:
        """The next of some threads in the order of their starts, round and round."""
        place = self.all.index(me)
        return next((turn for turn in others if self.all.index(turn) > place), others[0])

    def _pass_on(self, me: Turn, turn: Turn) -> None:
        if turn is not me:
            self._hand_over(me, turn)
            self._wait_for_baton(me)
        elif self.failed is not None:
            raise self.failed

    def _hand_over(self, me: Turn, turn: Turn) -> None:
        with self._guard:
            if self.here is me:
                self._give(turn)

    def _give(self, turn: Turn) -> None:
        # Who was passed over, and given the baton before it called again, has not taken it.
        self.here.baton.acquire(blocking=False)
        self.here = turn
        self._steps += 1
        self._alone = 0
        turn.baton.release()

    def _wait_for_baton(self, me: Turn) -> None:
        me.waits = True
        steps = self._steps
        while not me.baton.acquire(timeout=PASSED_OVER_S):
            if self.failed is None and self._steps == steps:
                self._pass_over(me, steps)
            steps = self._steps
        me.waits = False
        if self.failed is not None:
            raise self.failed if me is self.all[0] else Stopped

    def _pass_over(self, me: Turn, steps: int) -> None:
        """Go on instead of a thread that makes no call, if this is the next one that can."""
        with self._guard:
            stuck = self.here
            others = [turn for turn in self._ready() if turn is not stuck and turn.waits]
            following = self._after(stuck, others) if others else self._expiring()
            if self._steps == steps and following is me:
                self.passed_over += 1
                self._give(me)


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
