"""An interpreter of queues that knows no clocks: it tries every order of hosts, streams and NIC.

The path is fixed: which record a wait binds to, the order in which work stands in a queue, which
message is received, and which answers say True (False is always possible: an answer may be old). A
tensor whose bytes rested has the choice of the allocator besides: it gets the old bytes only in
runs in which the rest is over, and fresh bytes in others.

An outcome is, for each access to each byte, the write that it found there: what a read saw, what
a write replaced. Bytes of a tensor that were not written in its life count as unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.unit.streams.random_programs import BYTES_OF_A_BLOCK, Program

NIC = "nic"
Mark = tuple[Any, int]  # a queue, and how many of its items


@dataclass
class Item:
    """What stands in a queue: how it got there, what it needs, what it touches."""

    host: int
    step: int
    needs: list[Mark]
    reads: Any = ()
    writes: Any = ()
    poisons: int | None = None


@dataclass
class Freed:
    """A free whose poison falls when all marks are reached, and on host steps: when taken."""

    tensor: int
    host: int
    step: int
    marks: list[Mark]


class BruteForce:
    def __init__(self, program: Program, addresses: list[int]) -> None:
        self.program = program
        self.queues: dict[Any, list[Item]] = {n: [] for n in range(len(program.streams))}
        self.queues[NIC] = []
        self.scripts: list[list[tuple[Any, ...]]] = [[] for _ in range(program.hosts)]
        self.freed: list[Freed] = []
        self.rests: dict[int, list[Mark]] = {}
        self.before: dict[int, int | None] = {}
        self.numbers: dict[Any, int] = {}
        """By who performs it, an operation's number in order of submission."""
        self.bind(addresses)

    def end(self, queue: Any) -> Mark:
        return queue, len(self.queues[queue])

    def barrier(self, stream: int) -> list[Mark]:
        kinds = self.program.streams
        if kinds[stream] == "default":
            return [self.end(s) for s, kind in enumerate(kinds) if kind == "blocking"]
        if kinds[stream] == "blocking":
            return [self.end(s) for s, kind in enumerate(kinds) if kind == "default"]
        return []

    def bind(self, addresses: list[int]) -> None:
        newest: dict[int, Mark] = {}
        landed: dict[int, Mark] = {}
        sent: dict[int, tuple[int, int]] = {}
        used: dict[int, set[int]] = {}
        stream_of: dict[int, int | None] = {}
        last_at: dict[int, int] = {}
        for host, verb, *rest in self.program.steps:
            script = self.scripts[host]
            step = len(script)
            needs: list[Mark] = []  # what the host waits for
            does: Any = None

            def put(queue: Any, item: Item) -> Mark:
                self.queues[queue].append(item)
                return self.end(queue)

            match verb, *rest:
                case "op", stream, reads, writes:
                    mark = put(stream, Item(host, step, self.barrier(stream), reads, writes))
                    self.numbers[stream, mark[1] - 1] = len(self.numbers)
                    for tensor, _ in [*reads, *writes]:
                        if tensor != "shared" and stream_of[tensor] is None:
                            used[tensor].add(stream)
                case "host", reads, writes:
                    does = ("access", reads, writes)
                    self.numbers["host", host, step] = len(self.numbers)
                case "post", write, _, reads, writes:
                    landed[write] = put(NIC, Item(host, step, [], reads, writes))
                    self.numbers[NIC, landed[write][1] - 1] = len(self.numbers)
                case (("allocate" | "pinned"), tensor, *stream):
                    stream_of[tensor], used[tensor] = (stream[0] if stream else None), set()
                    self.before[tensor] = last_at.get(addresses[tensor])
                    last_at[addresses[tensor]] = tensor
                    does = ("allocate", tensor)
                case "record_stream", tensor, stream:
                    used[tensor].add(stream)
                case "free", tensor:
                    self.numbers["poison", tensor] = len(self.numbers)
                    owner = stream_of[tensor]
                    marks = [
                        put(s, Item(host, step, self.barrier(s)))
                        for s in sorted(used[tensor] - {owner})
                    ]
                    self.rests[tensor] = marks
                    if owner is not None:
                        marks = [*marks, *self.barrier(owner), self.end(owner)]
                    self.freed.append(Freed(tensor, host, step, marks))
                    if owner is not None:
                        # A place in the queue that later work of the stream comes after.
                        put(owner, Item(host, step, []))
                        self.freed[-1].marks[-1] = self.end(owner)
                case "record", event, stream:
                    newest[event] = put(stream, Item(host, step, self.barrier(stream)))
                case "wait", stream, event:
                    if event in newest:
                        put(stream, Item(host, step, [newest[event], *self.barrier(stream)]))
                case "wait_stream", stream, other:
                    mark = put(other, Item(host, step, self.barrier(other)))
                    put(stream, Item(host, step, [mark, *self.barrier(stream)]))
                case "sync_event", event:
                    needs = [newest[event]] if event in newest else []
                case "sync_stream", stream:
                    needs = [self.end(stream)]
                case ("sync_all",):
                    needs = [self.end(s) for s in range(len(self.program.streams))]
                case "query_event", event, answer:
                    needs = [newest[event]] if answer and event in newest else []
                case "query_stream", stream, answer:
                    needs = [self.end(stream)] if answer else []
                case "poll", write, answer:
                    needs = [landed[write]] if answer else []
                case "send", message:
                    sent[message] = (host, step)
                case "receive", message:
                    does = ("after", *sent[message])
                case "landed", write:
                    needs = [landed[write]]
            script.append((needs, does))

    # Every order.

    def start(self) -> Any:
        return (
            (0,) * self.program.hosts,
            (0,) * len(self.queues),
            (),  # which old bytes a tensor got: pairs of a tensor and where it lies
            (),  # the last write of each byte
            frozenset(),  # bytes of tensors that were written in their life
            frozenset(),  # tensors whose poison fell
            frozenset(),  # the outcome so far
        )

    def several_outcomes(self) -> bool:
        """Whether two orders give different outcomes."""
        names = list(self.queues)
        start = self.start()
        outcome_at: dict[Any, Any] = {}
        seen = {start}
        todo = [start]
        while todo:
            state = todo.pop()
            pcs, heads, *_, outcome = state
            if outcome_at.setdefault((pcs, heads), outcome) != outcome:
                return True
            for after in self.steps(state, names):
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
        return False

    def all_outcomes(self) -> set[Any]:
        """Which write each read saw and the last writer of each byte, by numbers of operations."""
        names = list(self.queues)
        start = self.start()
        seen, todo, ends = {start}, [start], set()
        while todo:
            state = todo.pop()
            after = list(self.steps(state, names))
            if not after:
                _, _, _, last, _, _, outcome = state
                number = self.numbers.get
                ends.add(
                    (
                        frozenset(
                            (number(w), b[1], number(s)) for w, wr, b, s in outcome if not wr
                        ),
                        frozenset((byte[1], number(writer)) for byte, writer in last),
                    )
                )
            todo += [state for state in after if state not in seen]
            seen.update(after)
        return ends

    def steps(self, state: Any, names: list[Any]) -> Any:
        pcs, heads, *_ = state
        done = dict(zip(names, heads, strict=True))
        for host, pc in enumerate(pcs):
            if pc < len(self.scripts[host]):
                needs, does = self.scripts[host][pc]
                if not all(done[q] >= n for q, n in needs):
                    continue
                if does and does[0] == "after" and pcs[does[1]] <= does[2]:
                    continue
                moved = (*pcs[:host], pc + 1, *pcs[host + 1 :])
                yield self.settled((moved, *state[1:]), names, ("host", host, pc), does, done)
        for place, name in enumerate(names):
            head = heads[place]
            if head < len(self.queues[name]):
                item = self.queues[name][head]
                if pcs[item.host] > item.step and all(done[q] >= n for q, n in item.needs):
                    moved = (*heads[:place], head + 1, *heads[place + 1 :])
                    yield self.settled(
                        (pcs, moved, *state[2:]),
                        names,
                        (name, head),
                        ("access", item.reads, item.writes),
                        done,
                    )

    def settled(self, state: Any, names: list[Any], who: Any, does: Any, done: Any) -> Any:
        """The state after a step: its accesses, the choice of the allocator, poison that falls."""
        pcs, heads, lies, last, written, fallen, outcome = state
        lies, last = dict(lies), dict(last)
        written, fallen, outcome = set(written), set(fallen), set(outcome)

        def find(byte: Any, writes: bool, who: Any) -> None:
            where, offset = byte
            at = byte if where == "shared" else (lies[where], offset)
            known = where == "shared" or byte in written
            outcome.add((who, writes, byte, last.get(at) if known else "unknown"))
            if writes:
                last[at] = who
                written.add(byte)

        if does and does[0] == "access":
            for byte in does[1]:
                find(byte, False, who)
            for byte in does[2]:
                find(byte, True, who)
        if does and does[0] == "allocate":
            tensor = does[1]
            old = self.before[tensor]
            freed = next((f for f in self.freed if f.tensor == old), None)
            over = (
                freed is not None
                and pcs[freed.host] > freed.step
                and all(done[q] >= n for q, n in self.rests[freed.tensor])
            )
            lies[tensor] = lies[old] if over else tensor
        done = dict(zip(names, heads, strict=True))
        for freed in self.freed:
            if (
                freed.tensor not in fallen
                and pcs[freed.host] > freed.step
                and all(done[q] >= n for q, n in freed.marks)
            ):
                fallen.add(freed.tensor)
                for offset in range(BYTES_OF_A_BLOCK):
                    find((freed.tensor, offset), True, ("poison", freed.tensor))
        return (
            pcs,
            heads,
            tuple(sorted(lies.items())),
            tuple(sorted(last.items(), key=repr)),
            frozenset(written),
            frozenset(fallen),
            frozenset(outcome),
        )
