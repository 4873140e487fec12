"""Message channels: unordered, and first in first out; either may lose and duplicate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from fencepost.core.errors import InputError
from fencepost.language.component import Component
from fencepost.language.declarations import Array, Index, Maybe, Range, Size, Var, as_size
from fencepost.language.decorators import action
from fencepost.language.machine import Value, caller
from fencepost.language.values import NONE
from fencepost.language.words import assign, fault, require

WhenFull = Literal["fault", "block", "drop"]


class _Lossy(Component):
    """What both channels share: what happens when full, and which mishaps they have."""

    def __init__(
        self,
        message: tuple[Any, ...],
        *,
        room: tuple[str, Size],
        loses: bool,
        duplicates: bool,
        when_full: WhenFull,
    ) -> None:
        if when_full not in get_args(WhenFull):
            raise InputError(
                "F123",
                f"when_full={when_full!r}",
                why="it says what a send to a full channel does, and hides nothing by accident",
                write='`when_full="fault"`, `"block"` (the step is disabled) or `"drop"`',
                at=caller(),
            )
        self.Message = message
        self.when_full = when_full
        self.actor = "network"
        self.duplicates = duplicates
        self.room_name, self.room = room
        self.left_out = tuple(
            name for name, wanted in (("lose", loses), ("duplicate", duplicates)) if not wanted
        )

    def _check_sizes(self, sizes: Mapping[str, int]) -> None:
        room = self.room.value(sizes)
        if self.duplicates and room < 2:
            name, shown = self.room_name, f"{self.room_name}={room}"
            raise InputError(
                "F121",
                f"duplicates=True needs {name}=2 or more: with {shown} a second copy never fits",
                why="no message would ever be duplicated, so whatever holds would hold for nothing",
                write=f"`{name}=2`, or leave out `duplicates=True`",
                at=self.location,
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

    A message has one part or several, each of a domain of its own: `Channel(Request, Rank)` has
    `send(request, rank)`. `copies` is how many equal messages may be in flight. `loses` adds the
    step `lose`, `duplicates` the step `duplicate`, which needs two copies or more. Sending past
    `copies` is a fault unless `when_full` is "block" (the step is disabled) or "drop".

    Abstracts: the order of messages (any order is possible, which covers every network) and the
    number of messages under way. Safe while sending to a full channel is a fault; "block" hides
    the behaviours after the send, "drop" adds a loss.
    """

    def __init__(
        self,
        *message: Any,
        copies: int | Size = 1,
        loses: bool = False,
        duplicates: bool = False,
        when_full: WhenFull = "fault",
    ) -> None:
        if not message:
            raise InputError(
                "F27",
                "a Channel without a domain of messages",
                why="it counts how many of each message are in flight",
                write="`Channel(Request)`, or `Channel(Request, Rank)` for messages of two parts",
                at=caller(),
            )
        self.copies = as_size(copies)
        super().__init__(
            message,
            room=("copies", self.copies),
            loses=loses,
            duplicates=duplicates,
            when_full=when_full,
        )
        self.in_flight = Array(*message, of=Range(0, copies), initial=0)

    def send(self, *message: Value) -> None:
        """Put a message in flight."""
        self._check_parts(message)
        if self._has_room(self.in_flight[message] < self.copies):
            self.in_flight[message] += 1

    def receive(self, *message: Value) -> None:
        """Take a message out; the step is disabled unless it is in flight."""
        self._check_parts(message)
        require(self.in_flight[message] > 0)
        self.in_flight[message] -= 1

    def holds(self, *message: Value) -> Value:
        """Whether such a message is in flight."""
        self._check_parts(message)
        return self.in_flight[message] > 0

    @action(message="Message")
    def lose(self, *message: Value) -> None:
        """A message in flight is lost."""
        require(self.in_flight[message] > 0)
        self.in_flight[message] -= 1

    @action(message="Message")
    def duplicate(self, *message: Value) -> None:
        """A message in flight is there once more."""
        require(self.in_flight[message] > 0 and self.in_flight[message] < self.copies)
        self.in_flight[message] += 1

    def _check_parts(self, message: tuple[Value, ...]) -> None:
        if len(message) != len(self.Message):
            raise InputError(
                "F28",
                f"{len(message)} arguments for a message of {len(self.Message)} parts",
                why="a message has a part for each domain that the channel was declared with",
                write="as many arguments as `Channel(...)` has domains",
                at=caller(),
            )


class FifoChannel(_Lossy):
    """Messages in flight, received in the order of sending.

    `capacity` bounds how many are in flight. `loses` adds the step `lose` for any of them,
    `duplicates` the step `duplicate`, which puts a second copy right behind the first message and
    needs a capacity of two or more.

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
        self.capacity = as_size(capacity)
        super().__init__(
            (message,),
            room=("capacity", self.capacity),
            loses=loses,
            duplicates=duplicates,
            when_full=when_full,
        )
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
