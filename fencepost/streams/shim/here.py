"""What is true of the calling thread while a virtual device exists."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from fencepost.core.errors import Location
from fencepost.streams.queues import Queue

if TYPE_CHECKING:
    from fencepost.streams.shim.gradients import Nodes


class Here(threading.local):
    """The calling thread.

    `busy` counts how deep fencepost itself is at work, and `site` is then the place of the
    program's call, once it was looked up; `place` is where a factory called by torch on the
    program's behalf puts its tensor; `stream` is the current one, if not the default, and `entered`
    are the streams that a `with` made so, each with the one before it; `nodes` are those that the
    thread made for autograd.
    """

    busy = 0
    nodes: Nodes | None = None
    place: str | None = None
    site: Location | None = None

    def __init__(self) -> None:
        self.stream: Queue | None = None
        self.entered: list[tuple[Queue, Queue]] = []
