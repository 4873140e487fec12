"""Random programs of one or two hosts, as data: steps in the order in which the hosts took them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from fencepost.streams import Bytes, Device, Random, Region

SHARED = 1 << 50
BYTES_OF_A_BLOCK = 2


@dataclass
class Program:
    """`streams` are "default", "blocking" or "pool"; a step is a host, a verb and its arguments.

    Bytes are (where, offset): where is "shared" or the number of a tensor.
    """

    hosts: int
    streams: list[str]
    events: int
    steps: list[tuple[Any, ...]] = field(default_factory=list)


def generate(rng: random.Random, length: int) -> Program:
    kinds = ["pool", "pool", "pool", "blocking", "default"]
    program = Program(
        rng.choice([1, 1, 2]), rng.choices(kinds, k=rng.choice([2, 2, 3, 4])), rng.choice([1, 2])
    )
    if program.streams.count("default") > 1:
        program.streams = ["pool" if s == "default" else s for s in program.streams]
    Writer(rng, program).write(length)
    return program


class Writer:
    def __init__(self, rng: random.Random, program: Program) -> None:
        self.rng, self.program = rng, program
        self.live: dict[int, tuple[int, int | None]] = {}  # tensor: its host, its stream or None
        self.tensors = self.writes = self.messages = 0
        self.posted: list[tuple[int, int]] = []
        self.pending: list[tuple[int, str, int]] = []  # sent and not received: host, kind, number
        self.synchrony = rng.choice([0.3, 0.5, 0.7])

    def write(self, length: int) -> None:
        while len(self.program.steps) < length:
            host = self.rng.randrange(self.program.hosts)
            if self.rng.random() < self.synchrony:
                self.order(host)
            else:
                self.work(host)

    def put(self, *step: Any) -> None:
        self.program.steps.append(step)

    def stream(self) -> int:
        return self.rng.randrange(len(self.program.streams))

    def bytes_for(self, host: int, pinned_only: bool = False) -> list[tuple[Any, int]]:
        places: list[tuple[Any, int]] = [("shared", n) for n in range(2)]
        for tensor, (owner, stream) in self.live.items():
            if owner == host and (stream is None or not pinned_only):
                places += [(tensor, n) for n in range(BYTES_OF_A_BLOCK)] * 2
        first = self.rng.choice(places)
        if self.rng.random() < 0.3:
            return [place for place in dict.fromkeys(places) if place[0] == first[0]]
        return [first]

    def accesses(self, host: int, pinned_only: bool = False) -> tuple[Any, Any]:
        one, other = (self.bytes_for(host, pinned_only) for _ in range(2))
        return self.rng.choice([(one, []), ([], one), ([], one), (one, other), (one, one)])

    def work(self, host: int) -> None:
        match self.rng.choices(
            ["op", "host", "post", "allocate", "pinned", "free"], [8, 2, 1, 2, 1, 2]
        )[0]:
            case "op":
                self.put(host, "op", self.stream(), *self.accesses(host))
            case "host":
                self.put(host, "host", *self.accesses(host, pinned_only=True))
            case "post":
                notify = self.program.hosts > 1 and self.rng.random() < 0.4
                self.put(host, "post", self.writes, notify, *self.accesses(host))
                if notify:
                    self.pending.append((host, "landed", self.writes))
                self.posted.append((host, self.writes))
                self.writes += 1
            case "allocate" if self.tensors < 4:
                stream, tensor = self.stream(), self.tensors
                self.put(host, "allocate", tensor, stream)
                self.put(host, "op", stream, [], [(tensor, n) for n in range(BYTES_OF_A_BLOCK)])
                self.live[tensor] = (host, stream)
                self.tensors += 1
            case "pinned" if self.tensors < 4:
                tensor = self.tensors
                self.put(host, "pinned", tensor)
                self.put(host, "host", [], [(tensor, n) for n in range(BYTES_OF_A_BLOCK)])
                self.live[tensor] = (host, None)
                self.tensors += 1
            case "free":
                mine = [t for t, (owner, _) in self.live.items() if owner == host]
                if mine:
                    tensor = self.rng.choice(mine)
                    for _ in range(self.rng.choice([0, 0, 1, 1, 2])):
                        self.put(host, "record_stream", tensor, self.stream())
                    self.put(host, "free", tensor)
                    del self.live[tensor]

    def order(self, host: int) -> None:
        rng, program = self.rng, self.program
        event = rng.randrange(program.events)
        match rng.choices(
            "record wait wait_stream sync_event sync_stream sync_all query_event query_stream "
            "poll send receive".split(),
            [6, 6, 3, 1, 1, 0.3, 1, 1, 2, 2 * (program.hosts - 1), 3 * (program.hosts - 1)],
        )[0]:
            case "record":
                self.put(host, "record", event, self.stream())
            case "wait":
                self.put(host, "wait", self.stream(), event)
            case "wait_stream":
                self.put(host, "wait_stream", self.stream(), self.stream())
            case "sync_event":
                self.put(host, "sync_event", event)
            case "sync_stream":
                self.put(host, "sync_stream", self.stream())
            case "sync_all":
                self.put(host, "sync_all")
            case "query_event":
                self.put(host, "query_event", event, rng.random() < 0.6)
            case "query_stream":
                self.put(host, "query_stream", self.stream(), rng.random() < 0.6)
            case "poll":
                mine = [write for owner, write in self.posted if owner == host]
                if mine:
                    self.put(host, "poll", rng.choice(mine), rng.random() < 0.6)
            case "send":
                self.put(host, "send", self.messages)
                self.pending.append((host, "receive", self.messages))
                self.messages += 1
            case "receive":
                for message in self.pending:
                    if message[0] != host:
                        self.put(host, message[1], message[2])
                        self.pending.remove(message)
                        break


class Answers:
    """Gives the host the answers that the program has."""

    answer = True

    def choose(self, count: int, what: str) -> int:
        return int(self.answer)


@dataclass
class Performed:
    """A program performed on a device: where its tensors came to lie, what ran in which order."""

    device: Device
    addresses: list[int]
    log: list[int]


def perform(program: Program, seed: int) -> Performed:
    answers = Answers()
    device = Device(Random(seed), choices=answers)
    hosts = [device.main]
    if program.hosts > 1:
        with device.acting(device.main):
            hosts.append(device.host("second"))
    streams = [
        device.default if kind == "default" else device.stream(blocking=kind == "blocking")
        for kind in program.streams
    ]
    events = [device.event() for _ in range(program.events)]
    nic = device.nic()
    blocks: dict[int, Any] = {}
    writes: dict[int, Any] = {}
    tokens: dict[Any, Any] = {}
    done = Performed(device, [], [])

    def bytes_of(places: Any) -> tuple[Bytes, ...]:
        starts = [
            SHARED + offset if where == "shared" else blocks[where].start + offset
            for where, offset in places
        ]
        return tuple(Bytes((Region(start, 1),)) for start in starts)

    def options(reads: Any, writes_: Any) -> dict[str, Any]:
        number = device.trace.operations
        run = lambda: done.log.append(number)  # noqa: E731
        return {"reads": bytes_of(reads), "writes": bytes_of(writes_), "run": run}

    for host, verb, *rest in program.steps:
        with device.acting(hosts[host]):
            match verb, *rest:
                case "op", stream, reads, written:
                    device.submit(streams[stream], "op", **options(reads, written))
                    for tensor in {where for where, _ in [*reads, *written] if where != "shared"}:
                        if blocks[tensor].pinned:
                            device.record_stream(blocks[tensor], streams[stream], automatic=True)
                case "host", reads, written:
                    device.access("host", **options(reads, written))
                case "post", write, notify, reads, written:
                    posted, token = device.post(
                        nic, "put", notify=notify, **options(reads, written)
                    )
                    writes[write], tokens["landed", write] = posted, token
                case "allocate", tensor, stream:
                    blocks[tensor] = device.allocate(BYTES_OF_A_BLOCK, streams[stream])
                    done.addresses.append(blocks[tensor].start)
                case "pinned", tensor:
                    blocks[tensor] = device.allocate_pinned(BYTES_OF_A_BLOCK)
                    done.addresses.append(blocks[tensor].start)
                case "record_stream", tensor, stream:
                    device.record_stream(blocks[tensor], streams[stream])
                case "free", tensor:
                    device.free(blocks[tensor])
                case "record", event, stream:
                    device.record(events[event], streams[stream])
                case "wait", stream, event:
                    device.wait(streams[stream], events[event])
                case "wait_stream", stream, other:
                    device.wait_stream(streams[stream], streams[other])
                case "sync_event", event:
                    device.synchronize(events[event])
                case "sync_stream", stream:
                    device.synchronize(streams[stream])
                case ("sync_all",):
                    device.synchronize()
                case "query_event", event, answer:
                    answers.answer = answer
                    device.query(events[event])
                case "query_stream", stream, answer:
                    answers.answer = answer
                    device.query(streams[stream])
                case "poll", write, answer:
                    answers.answer = answer
                    device.poll(writes[write])
                case "send", message:
                    tokens["receive", message] = device.send()
                case ("receive" | "landed"), message:
                    device.receive(tokens[verb, message])
                case _:
                    raise AssertionError(verb)
    device.run_all()
    return done
