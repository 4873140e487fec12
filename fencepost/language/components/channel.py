"""Message channels: unordered, and first in first out; either may lose and duplicate."""

from __future__ import annotations

from typing import Any, Literal

from fencepost.language.component import Component
from fencepost.language.declarations import Array, Index, Maybe, Range, Size, Var, as_size
from fencepost.language.decorators import action
from fencepost.language.machine import Value
from fencepost.language.values import NONE
from fencepost.language.words import assign, fault, require

WhenFull = Literal["fault", "block", "drop"]


class _Lossy(Component):
    """What both channels share: what happens when full, and which mishaps they have."""

    def __init__(self, message: Any, *, loses: bool, duplicates: bool, when_full: WhenFull) -> None:
        self.Message = message
        self.when_full = when_full
        self.actor = "network"
        self.left_out = tuple(
            name for name, wanted in (("lose", loses), ("duplicate", duplicates)) if not wanted
        )

    def _has_room(self, room: Value) -> bool:
        """Whether to go on with a send; a full channel faults, blocks or drops."""
        if room:
            return True
        if self.when_full == "fault":
            fault("a message is sent to a full channel")
        require(self.when_full == "drop")
        return False


class Channel(_Lossy):
    """Messages in flight, received in any order.

    `copies` is how many equal messages may be in flight. `loses` adds the step `lose`, `duplicates`
    the step `duplicate`. Sending past `copies` is a fault unless `when_full` is "block" (the step
    is disabled) or "drop".

    Abstracts: the order of messages (any order is possible, which covers every network) and the
    number of messages under way. Safe while sending to a full channel is a fault; "block" hides
    the behaviours after the send, "drop" adds a loss.
    """

    def __init__(
        self,
        message: Any,
        *,
        copies: int | Size = 1,
        loses: bool = False,
        duplicates: bool = False,
        when_full: WhenFull = "fault",
    ) -> None:
        super().__init__(message, loses=loses, duplicates=duplicates, when_full=when_full)
        self.copies = as_size(copies)
        self.in_flight = Array(message, of=Range(0, copies), initial=0)

    def send(self, message: Value) -> None:
        """Put a message in flight."""
        if self._has_room(self.in_flight[message] < self.copies):
            self.in_flight[message] += 1

    def receive(self, message: Value) -> None:
        """Take a message out; the step is disabled unless it is in flight."""
        require(self.in_flight[message] > 0)
        self.in_flight[message] -= 1

    def holds(self, message: Value) -> Value:
        """Whether such a message is in flight."""
        return self.in_flight[message] > 0

    @action(message="Message")
    def lose(self, message: Value) -> None:
        """A message in flight is lost."""
        require(self.in_flight[message] > 0)
        self.in_flight[message] -= 1

    @action(message="Message")
    def duplicate(self, message: Value) -> None:
        """A message in flight is there once more."""
        require(self.in_flight[message] > 0 and self.in_flight[message] < self.copies)
        self.in_flight[message] += 1


class FifoChannel(_Lossy):
    """Messages in flight, received in the order of sending.

    `capacity` bounds how many are in flight. `loses` adds the step `lose` for any of them,
    `duplicates` the step `duplicate`, which puts a second copy right behind the first message.

    Abstracts: time, and the number of messages under way. Safe while sending to a full channel is
    a fault; "block" hides the behaviours after the send, "drop" adds a loss. Finite only.
    """

    def __init__(
        self,
        message: Any,
        *,
        capacity: int | Size,
        loses: bool = False,
        duplicates: bool = False,
        when_full: WhenFull = "fault",
    ) -> None:
        super().__init__(message, loses=loses, duplicates=duplicates, when_full=when_full)
        self.capacity = as_size(capacity)
        self.Place = Index(capacity, ordered=True)
        self.queue = Array(self.Place, of=Maybe(message), initial=NONE)
        self.length = Var(Range(0, capacity), initial=0)

    def send(self, message: Value) -> None:
        """Put a message behind all others."""
        if self._has_room(self.length < self.capacity):
            self.queue[self.length] = message
            self.length += 1

    def receive(self, message: Value) -> None:
        """Take out the first message; the step is disabled unless it is this one."""
        require(self.length > 0 and self.queue[0] == message)
        self._close_up(0)

    def first(self) -> Value:
        """The message to be received next, or NONE."""
        return self.queue[0]

    @action(place="Place")
    def lose(self, place: Value) -> None:
        """A message in flight is lost."""
        require(place < self.length)
        self._close_up(place)

    @action
    def duplicate(self) -> None:
        """The first message is there once more, right behind itself."""
        require(self.length > 0 and self.length < self.capacity)
        assign(self.queue, to=lambda place: self.queue[place - 1], where=lambda place: place > 0)
        self.length += 1

    def _close_up(self, gap: Value) -> None:
        """Move what is behind a place forward by one."""

        def moved(place: Value) -> Value:
            if place == self.capacity - 1:
                return NONE
            return self.queue[place + 1]

        assign(self.queue, to=moved, where=lambda place: place >= gap)
        self.length -= 1
