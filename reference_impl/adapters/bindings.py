"""Whose work the waits of a stream are bound to, by the places that the device has for them."""

from __future__ import annotations

from collections.abc import Mapping

from fencepost.streams.queues import Mark
from reference_impl.adapters.parts import Parts


class Bindings:
    """The places at which work of requests ends, and what waits are bound to."""

    def __init__(self) -> None:
        self._ends: dict[tuple[int, int], tuple[str, int]] = {}
        self._bound: dict[str, dict[int, int]] = {}

    def end(self, mark: Mark, kind: str, request: int, recorded: Mark | None = None) -> None:
        """Work of this kind ends here; an event that was recorded behind it says the same."""
        self._ends[mark.queue.number, mark.place] = kind, request
        if recorded is not None and recorded.queue is mark.queue and recorded.place >= mark.place:
            self._ends.setdefault((recorded.queue.number, recorded.place), (kind, request))

    def bind(self, parts: Parts, since: Mark, request: int, fields: Mapping[str, str]) -> None:
        """What was queued for a request since then waits for work of kinds that are fields."""
        for mark in parts.waits(since):
            kind, other = self.behind(mark)
            if kind in fields and other is not None:
                self._bound.setdefault(fields[kind], {})[request] = other

    def behind(self, mark: Mark | None) -> tuple[str, int | None]:
        """The work that ends at a place: its kind, and the request, if any."""
        if mark is None:
            return "", None
        return self._ends.get((mark.queue.number, mark.place), ("", None))

    def of(self, field: str, requests: range) -> list[int | None]:
        """For each request, the one whose work it waits for."""
        return [self._bound.get(field, {}).get(request) for request in requests]
