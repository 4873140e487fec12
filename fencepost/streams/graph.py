"""The happens-before order of a trace as a graph, edge by edge, for people and their tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fencepost.streams.calls import (
    Call,
    Free,
    Operation,
    Poll,
    Query,
    Receive,
    Record,
    RecordStream,
    Send,
    Synchronize,
    Trace,
    Wait,
    WaitStream,
)

if TYPE_CHECKING:
    import networkx as nx

Node = tuple[int, str]


def happens_before(trace: Trace) -> nx.DiGraph[Node]:
    """A graph whose nodes are the calls of a trace and what they put into queues.

    A node is the call's place in the trace and what it stands for: `call` (the host makes it),
    `run` (the operation runs), `record`, `wait` or `free`. An edge has a `kind`: `host` and
    `queue` (program order), `submit`, `event`, `default` (the legacy default stream),
    `synchronize`, `poll`, `message`, `rest`. One thing comes before another exactly if a path leads
    there. The poison of a free is `free`; later work of the stream comes after its `place`.
    """
    import networkx as nx

    builder = _Builder(trace, nx.DiGraph())
    for place, call in enumerate(trace.calls):
        builder.add(place, call)
    return builder.graph


class _Builder:
    """Remembers, for each agent, event, write and token, the node that the next one follows."""

    def __init__(self, trace: Trace, graph: nx.DiGraph[Node]) -> None:
        self.trace, self.graph = trace, graph
        self.last: dict[int, Node] = {}
        self.events: dict[int, Node] = {}
        self.writes: dict[int, Node] = {}
        self.tokens: dict[int, Node] = {}
        self.used_by: dict[int, list[int]] = {}
        self.streams = [agent for agent in trace.agents if agent.kind == "stream"]

    def add(self, place: int, call: Call) -> None:
        host = call.poison.host if isinstance(call, Free) else call.host
        made = self.chain((place, "call"), host, "host", call)
        match call:
            case Operation() if call.agent != host:
                node = self.queue(place, "run", call.agent, made, call)
                self.writes[call.number] = node
                if call.token is not None:
                    self.tokens[call.token] = node
            case Record():
                self.events[call.event] = self.queue(place, "record", call.stream, made, call)
            case Wait() if call.event in self.events:
                node = self.queue(place, "wait", call.stream, made, call)
                self.edge(self.events[call.event], node, "event")
            case WaitStream():
                record = self.queue(place, "record", call.other, made, call)
                node = self.queue(place, "wait", call.stream, made, call)
                self.edge(record, node, "event")
            case Synchronize() | Query(answer=True):
                for node in self.waited_for(call.event, call.stream):
                    self.edge(node, made, "synchronize")
            case Poll(answer=True) if call.write in self.writes:
                self.edge(self.writes[call.write], made, "poll")
            case Send():
                self.tokens[call.token] = made
            case Receive() if call.token in self.tokens:
                self.edge(self.tokens[call.token], made, "message")
            case RecordStream():
                self.used_by.setdefault(call.block, []).append(call.stream)
            case Free():
                self.free(place, call, made)
            case _:
                pass

    def free(self, place: int, call: Free, made: Node) -> None:
        agent = call.poison.agent
        poison = (place, "free")
        self.graph.add_node(poison, call=call, agent=self.trace.agents[agent].name)
        if self.trace.agents[agent].kind == "stream":
            marker = self.chain((place, "place"), agent, "queue", call)
            self.edge(made, marker, "submit")
            self.edge(marker, poison, "queue")
            self.barrier(agent, poison)
        else:
            self.edge(made, poison, "submit")
        for stream in dict.fromkeys(self.used_by.pop(call.block, ())):
            if stream != agent:
                rest = (place, f"rest {stream}")
                self.chain(rest, stream, "queue", call)
                self.edge(made, rest, "submit")
                self.barrier(stream, rest)
                self.edge(rest, poison, "rest")

    def waited_for(self, event: int | None, stream: int | None) -> list[Node]:
        if event is not None:
            return [self.events[event]] if event in self.events else []
        if stream is not None:
            return [self.last[stream]] if stream in self.last else []
        return [self.last[s.number] for s in self.streams if s.number in self.last]

    def queue(self, place: int, what: str, agent: int, made: Node, call: Call) -> Node:
        """What a call puts into a queue."""
        node = self.chain((place, what), agent, "queue", call)
        self.edge(made, node, "submit")
        self.barrier(agent, node)
        return node

    def barrier(self, agent: int, node: Node) -> None:
        """The legacy default stream and blocking ones wait for one another."""
        this = self.trace.agents[agent]
        for other in self.streams:
            if (this.default and other.blocking) or (this.blocking and other.default):
                last = self.last.get(other.number)
                if last is not None and other is not this:
                    self.edge(last, node, "default")

    def chain(self, node: Node, agent: int, kind: str, call: Call) -> Node:
        """The next thing that an agent does."""
        self.graph.add_node(node, call=call, agent=self.trace.agents[agent].name)
        if agent in self.last:
            self.edge(self.last[agent], node, kind)
        self.last[agent] = node
        return node

    def edge(self, before: Node, after: Node, kind: str) -> None:
        self.graph.add_edge(before, after, kind=kind)
