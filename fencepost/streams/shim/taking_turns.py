"""A torch program of which the turns of its threads are chosen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from time import monotonic, sleep
from typing import TYPE_CHECKING

from fencepost.streams.ending import Ending
from fencepost.streams.explore import failure_of
from fencepost.streams.recording import Choices
from fencepost.streams.shim.install import replaced
from fencepost.streams.turns import Threads

if TYPE_CHECKING:
    from fencepost.streams.shim.session import VirtualDevice

MOST_ENDING_S = 1.0
"""Seconds in which the threads of a run that is over may end."""


def run_in_turns(
    program: Callable[[], object],
    device: VirtualDevice,
    choices: Choices,
    preemptions: int | None,
) -> str:
    """Run a program to the end of its threads; gives how it failed, if it did."""
    native = device.runtime.bridge.device
    threads = Threads(native, choices, preemptions)
    ending = Ending()
    failure = ""
    # Threads without a name of their own are called the same on every path.
    with replaced(threading, {"_counter": count(1).__next__}), ending.watching():
        try:
            program()
            ending.finish()
        except Exception as error:  # noqa: BLE001  # a path that fails is a result
            failure = failure_of(error)
        threads.stop()
        _let_end(threads)
        native.turns = None
    for name, raised in device.failures:
        failure = failure or f"the thread {name} ended with {failure_of(raised)}"
    return failure


def _let_end(threads: Threads) -> None:
    """Daemons, and whoever is left after a failure, come to their end."""
    until = monotonic() + MOST_ENDING_S
    while not all(turn.over for turn in threads.all[1:]) and monotonic() < until:
        sleep(0.001)
