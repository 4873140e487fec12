"""What is true of the calling thread while a virtual device exists."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from fencepost.core.errors import Location
from fencepost.streams.queues import Queue
from fencepost.streams.shim.quiet import Quiet

if TYPE_CHECKING:
    from fencepost.streams.shim.gradients import Nodes


class Here(threading.local):
    """The calling thread.

    `busy` counts how deep fencepost itself is at work, and `site` is the place of the program's
    call while it is, once that was looked up; `outermost` makes a thread busy that is not; `place`
    is where a factory called by torch on the program's behalf puts its tensor, or the arguments
    that say so; `stream` is the current one, if not the default, and `entered` are the streams that
    a `with` made so, each with the one before it; `nodes` are those that the thread made for
    autograd.
    """

    busy = 0
    nodes: Nodes | None = None
    place: str | tuple[Any, ...] | None = None
    site: Location | None = None

    def __init__(self) -> None:
        self.outermost = Quiet(self)
        self.stream: Queue | None = None
        self.entered: list[tuple[Queue, Queue]] = []
