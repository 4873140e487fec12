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
    kinds = ["pool", "pool", "blocking", "default"]
    program = Program(
        rng.choice([1, 1, 2]), rng.choices(kinds, k=rng.choice([2, 2, 3, 4])), rng.choice([1, 2])
    )
    if program.streams.count("default") > 1:
        program.streams = ["pool" if s == "default" else s for s in program.streams]
    Writer(rng, program).write(length)
    return program


class Writer:
    """Writes steps at random; before most accesses it orders them after who used the bytes before.

    `care` is the probability of each such edge, so that one missing edge decides a program.
    """

    def __init__(self, rng: random.Random, program: Program) -> None:
        self.rng, self.program = rng, program
        self.live: dict[int, tuple[int, int | None]] = {}  # tensor: its host, its stream or None
        self.freed_of: list[int] = []
        self.tensors = self.writes = self.messages = 0
        self.posted: list[tuple[int, int]] = []
        self.pending: list[tuple[int, str, int]] = []  # sent and not received: host, kind, number
        self.synchrony = rng.choice([0.1, 0.3, 0.5])
        self.care = rng.choice([0.0, 0.85, 0.95, 0.98])
        self.users: dict[Any, dict[Any, tuple[int, bool]]] = {}
        """By byte: who used it since (a stream, a host, a posted write), for whom, and writing."""

    def write(self, length: int) -> None:
        while len(self.program.steps) < length:
            host = self.rng.randrange(self.program.hosts)
            if self.rng.random() < self.synchrony:
                self.order(host)
            else:
                self.work(host)

    def put(self, *step: Any) -> None:
        self.program.steps.append(step)

    def use(self, host: int, agent: Any, reads: Any, writes: Any) -> None:
        """Order an access after those that it conflicts with, most of the time, and remember it."""
        for byte in [*reads, *writes]:
            users = self.users.setdefault(byte, {})
            for other, (owner, writing) in list(users.items()):
                conflict = other != agent and (writing or byte in writes)
                if conflict and self.rng.random() < self.care:
                    self.edge(host, agent, other, owner)
        for byte in [*reads, *writes]:
            users = self.users[byte]
            if byte in writes and self.care:
                users.clear()
            users[agent] = (host, byte in writes or users.get(agent, (0, False))[1])

    def edge(self, host: int, agent: Any, other: Any, owner: int) -> None:
        """One of the ways in which an agent comes after another."""
        rng = self.rng
        if other[0] == "write":
            if ("landed", other[1]) in {p[1:] for p in self.pending} and owner != host:
                self.put(host, "landed", other[1])
                return
            self.put(owner, "poll", other[1], True)
        elif other[0] == "stream" and (owner != host or agent[0] != "stream"):
            event = rng.randrange(self.program.events)
            match rng.randrange(3):
                case 0:
                    self.put(owner, "sync_stream", other[1])
                case 1:
                    self.put(owner, "record", event, other[1])
                    self.put(
                        owner, *rng.choice([("sync_event", event), ("query_event", event, True)])
                    )
                case 2:
                    self.put(owner, "query_stream", other[1], True)
        elif other[0] == "stream":
            event = rng.randrange(self.program.events)
            if rng.random() < 0.4:
                self.put(host, "wait_stream", agent[1], other[1])
            else:
                self.put(host, "record", event, other[1])
                if rng.random() < 0.2:
                    self.put(host, "record", event, self.stream())
                self.put(host, "wait", agent[1], event)
        if owner != host:
            self.put(owner, "send", self.messages)
            self.put(host, "receive", self.messages)
            self.messages += 1

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
            ["op", "host", "post", "allocate", "pinned", "free"], [8, 2, 1, 3, 1.5, 4]
        )[0]:
            case "op":
                stream, accesses = self.stream(), self.accesses(host)
                self.use(host, ("stream", stream), *accesses)
                self.put(host, "op", stream, *accesses)
            case "host":
                accesses = self.accesses(host, pinned_only=True)
                self.use(host, ("host", host), *accesses)
                self.put(host, "host", *accesses)
            case "post":
                notify = self.program.hosts > 1 and self.rng.random() < 0.4
                accesses = self.accesses(host)
                self.use(host, ("write", self.writes), *accesses)
                self.put(host, "post", self.writes, notify, *accesses)
                if notify:
                    self.pending.append((host, "landed", self.writes))
                self.posted.append((host, self.writes))
                self.writes += 1
            case "allocate" if self.tensors < 5:
                stream, tensor = self.stream(), self.tensors
                if self.freed_of and self.rng.random() < 0.7:
                    stream = self.rng.choice(self.freed_of)
                self.put(host, "allocate", tensor, stream)
                everything = [(tensor, n) for n in range(BYTES_OF_A_BLOCK)]
                self.put(host, "op", stream, [], everything)
                self.use(host, ("stream", stream), [], everything)
                self.live[tensor] = (host, stream)
                self.tensors += 1
            case "pinned" if self.tensors < 5:
                tensor = self.tensors
                self.put(host, "pinned", tensor)
                everything = [(tensor, n) for n in range(BYTES_OF_A_BLOCK)]
                self.put(host, "host", [], everything)
                self.use(host, ("host", host), [], everything)
                self.live[tensor] = (host, None)
                self.tensors += 1
            case "free":
                mine = [t for t, (owner, _) in self.live.items() if owner == host]
                if mine:
                    tensor = self.rng.choice(mine)
                    self.let_go(host, tensor)
                    self.put(host, "free", tensor)
                    owner = self.live.pop(tensor)[1]
                    self.freed_of += [] if owner is None else [owner]

    def let_go(self, host: int, tensor: int) -> None:
        """What should come before a free: streams recorded, writes landed."""
        rng = self.rng
        users = (self.users.get((tensor, n), {}) for n in range(BYTES_OF_A_BLOCK))
        for other in dict.fromkeys(u for found in users for u in found):
            if other[0] == "stream" and rng.random() < self.care:
                self.put(host, "record_stream", tensor, other[1])
            elif other[0] == "write" and rng.random() < self.care:
                self.put(host, "poll", other[1], True)
        if rng.random() < 0.3:
            self.put(host, "record_stream", tensor, self.stream())
            if rng.random() < 0.5:
                self.put(host, "sync_stream", self.stream())

    def order(self, host: int) -> None:
        rng, program = self.rng, self.program
        event = rng.randrange(program.events)
        verbs = (
            "record wait wait_stream sync_event sync_stream sync_all query_event query_stream "
            "poll send receive"
        )
        match rng.choices(
            verbs.split(),
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
                    for tensor in dict.fromkeys(where for where, _ in [*reads, *written]):
                        if tensor != "shared" and blocks[tensor].pinned:
                            device.record_stream(blocks[tensor], streams[stream], automatic=True)
                case "host", reads, written:
                    device.access("host", **options(reads, written))
                case "post", write, notify, reads, written:
                    posted = device.post(nic, "put", notify=notify, **options(reads, written))
                    writes[write], tokens["landed", write] = posted, posted.token
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
                case (("receive" | "landed"), message):
                    device.receive(tokens[verb, message])
                case _:
                    raise AssertionError(verb)
    device.run_all()
    return done
