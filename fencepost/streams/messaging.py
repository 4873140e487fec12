"""One-sided writes of a NIC, and messages between hosts."""

from __future__ import annotations

from collections.abc import Callable

from fencepost.core.errors import Location
from fencepost.streams.calls import Accesses, Poll, Send
from fencepost.streams.queues import Queue, Token, Write
from fencepost.streams.recording import Recording
from fencepost.streams.sites import caller


class Messaging(Recording):
    """What crosses between hosts."""

    def post(
        self,
        nic: Queue,
        name: str,
        *,
        reads: Accesses = (),
        writes: Accesses = (),
        run: Callable[[], object] | None = None,
        notify: bool = False,
        site: Location | None = None,
    ) -> Write:
        """Post a one-sided write, which nothing recalls; it lands some time later.

        With `notify` a token arrives with it, which another host may receive. Raises `InputError`
        F204 for what is no NIC of this device.
        """
        with self._call() as host:
            self._is_of_kind(nic, "nic")
            made = self._operation(name, host, nic.number, reads, writes, run, None, site)
            self.trace.calls.append(made)
            self._put(nic, made)
            mark = nic.end()
            token = Token(self._next_token(), mark) if notify else None
            made.token = token.number if token else None
            self._went_on()
            return Write(made, mark, token)

    def land(self, write: Write) -> None:
        """A write lands now, and those posted before it on its queue; this orders nothing."""
        with self._call():
            while not write.landed:
                self._perform(write.mark.queue)

    def revoke(self, write: Write, *, site: Location | None = None) -> None:
        """The memory that a write names is taken away: if it has not landed, it changes nothing.

        In the trace it may have landed up to here; whoever revokes it comes after that.
        """
        self.bounce(write)
        self.complete(write, site=site)

    def bounce(self, write: Write) -> None:
        """The write fails: if it has not landed, it changes nothing when it ends. Who asks when
        that is polls it; in the trace it may have landed all the same."""
        with self._call():
            if not write.landed:
                write.operation.run = None

    def poll(self, write: Write, *, site: Location | None = None) -> bool:
        """Whether a one-sided write has landed, as its poster may see it."""
        with self._call() as host:
            answer = self._answer(write.mark, f"poll of {write.operation.name}")
            self.trace.calls.append(
                Poll(host.number, write.operation.number, answer, site or caller())
            )
            return answer

    def complete(self, write: Write, *, site: Location | None = None) -> None:
        """Poll until a one-sided write has landed."""
        with self._call() as host:
            self._drain(write.mark)
            self.trace.calls.append(
                Poll(host.number, write.operation.number, True, site or caller())
            )

    def send(self, *, site: Location | None = None) -> Token:
        """What the calling host knows now, for another: a message, a release, a start, an end."""
        with self._call() as host:
            token = Token(self._next_token())
            self.trace.calls.append(Send(host.number, token.number, site or caller()))
            return token

    def receive(self, token: Token, *, site: Location | None = None) -> None:
        """The calling host comes after what a token's sender knew."""
        with self._call():
            self._know(token, site)

    def arrived(self, token: Token) -> bool:
        """Whether a token that comes with a one-sided write is there; orders nothing by itself."""
        with self._call():
            return token.mark is None or self._answer(token.mark, "arrival")
