"""Which conflicting accesses nothing orders, and what would order them.

For each byte range the last write is remembered, and for each stream or host its last read since.
An access that is not ordered after one of those it conflicts with is a finding; accesses of the
same two places are one finding with a count.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from fencepost.core.errors import Location
from fencepost.streams.shim.queues import Operation

FREE = "free"
READS, WRITES, BOTH = "reads", "writes", "reads and writes"


@dataclass(frozen=True)
class Access:
    """One side of a finding."""

    operation: str
    actor: str
    site: Location
    does: str


@dataclass(frozen=True)
class Finding:
    """Two conflicting accesses that nothing orders.

    `nbytes` is how many bytes both touch the first time, `occurrences` how often the same two
    places do it, and `remedy` what would order them.
    """

    first: Access
    second: Access
    nbytes: int
    occurrences: int
    remedy: str


@dataclass(slots=True)
class Pair:
    """What two operations do to the bytes that both touch."""

    earlier: str = ""
    later: str = ""
    nbytes: int = 0

    def add(self, nbytes: int, *, wrote: bool, writes: bool) -> None:
        """Two accesses of these bytes are in conflict."""
        does, did = WRITES if writes else READS, WRITES if wrote else READS
        self.earlier = did if self.earlier in ("", did) else BOTH
        if self.later in ("", does):
            self.later, self.nbytes = does, self.nbytes + nbytes
        else:
            self.later = BOTH


@dataclass(slots=True)
class Segment:
    """Bytes with the same history."""

    start: int
    stop: int
    write: Operation | None = None
    reads: dict[str, Operation] = field(default_factory=dict)


class Shadow:
    """The history of every byte, as segments in order of their addresses."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._segments: list[Segment] = []

    def cover(self, start: int, stop: int) -> Iterator[Segment]:
        """The segments of a range, split and filled so that they cover exactly that."""
        self._split(start)
        self._split(stop)
        at = bisect_left(self._starts, start)
        position = start
        while position < stop:
            if at < len(self._starts) and self._starts[at] == position:
                found = self._segments[at]
            else:
                end = self._starts[at] if at < len(self._starts) else stop
                found = Segment(position, min(end, stop))
                self._starts.insert(at, position)
                self._segments.insert(at, found)
            yield found
            position = found.stop
            at += 1

    def _split(self, place: int) -> None:
        at = bisect_right(self._starts, place) - 1
        if at < 0:
            return
        found = self._segments[at]
        if not found.start < place < found.stop:
            return
        rest = Segment(place, found.stop, found.write, dict(found.reads))
        found.stop = place
        self._starts.insert(at + 1, place)
        self._segments.insert(at + 1, rest)

    def drop(self, start: int, stop: int) -> None:
        """Forget a range."""
        self._split(start)
        self._split(stop)
        first, last = bisect_left(self._starts, start), bisect_left(self._starts, stop)
        del self._starts[first:last], self._segments[first:last]


def find(operations: Sequence[Operation], records: Sequence[Operation]) -> list[Finding]:
    """All findings of a run, in the order of their second access."""
    shadow = Shadow()
    found: dict[tuple[Access, Access], list[tuple[Operation, Operation, int]]] = {}
    for operation in operations:
        if operation.forgets is not None:
            shadow.drop(*operation.forgets)
            continue
        pairs: dict[Operation, Pair] = {}
        for writes, spans in ((False, operation.reads), (True, operation.writes)):
            for span in spans:
                for start, stop in span.intervals:
                    place = span.address + start, span.address + stop
                    _look(shadow, operation, place, pairs, writes=writes)
        for earlier, pair in pairs.items():
            first = Access(earlier.name, earlier.actor, earlier.site, pair.earlier)
            second = Access(operation.name, operation.actor, operation.site, pair.later)
            found.setdefault((first, second), []).append((earlier, operation, pair.nbytes))
    return [
        Finding(first, second, pairs[0][2], len(pairs), remedy(*pairs[0][:2], records))
        for (first, second), pairs in found.items()
    ]


def _look(
    shadow: Shadow,
    operation: Operation,
    place: tuple[int, int],
    pairs: dict[Operation, Pair],
    *,
    writes: bool,
) -> None:
    """Compare an access with the history of its bytes, and add it to that."""
    for segment in shadow.cover(*place):
        before = [(segment.write, True)] if segment.write else []
        if writes:
            before += [(read, False) for read in segment.reads.values()]
        for earlier, wrote in before:
            if earlier is not operation and not earlier.before(operation):
                size = segment.stop - segment.start
                pairs.setdefault(earlier, Pair()).add(size, wrote=wrote, writes=writes)
        if writes:
            segment.write = operation
            segment.reads = {}
        else:
            segment.reads[operation.actor] = operation


def remedy(first: Operation, second: Operation, records: Sequence[Operation]) -> str:
    """What would order two operations, in the words of the program."""
    from_host, to_host = "host" in first.actor, "host" in second.actor
    if second.name == FREE and not from_host:
        return f"`record_stream` of the tensor on {first.actor}, before its last reference goes"
    if from_host and to_host:
        return "a lock, a queue or a join between the two threads"
    if from_host:
        return "a message to the thread that queues the second, sent after this access"
    covering = [
        record
        for record in records
        if record.actor == first.actor and first.before(record) and not second.before(record)
    ]
    if covering:
        event = f"the event recorded at {covering[0].site}"
        if to_host:
            return f"`synchronize()` of {event}, before the host's access"
        return f"{second.actor} waits for {event}"
    if to_host:
        return f"`synchronize()` of {first.actor}, before the host's access"
    return f"an event recorded on {first.actor} after the first, which {second.actor} waits for"
