"""On which streams a backward pass would run: on CUDA each node where its forward operator ran."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.autograd.graph import get_gradient_edge

Ends = tuple[list[Any], bool] | None
"""Nodes at which a backward pass ends, and whether it performs them; None if it goes on to all."""
NUMBER_OF_NEXT = torch._C._autograd._get_sequence_nr


@dataclass
class Nodes:
    """The nodes that one thread has made, which it numbers in their order.

    What has to be kept are the numbers from which on another stream was the current one; None is
    for operators of the host, which run on no stream.
    """

    next: int
    """The number of the node that is made next."""
    numbers: list[int] = field(default_factory=list)
    streams: list[Any] = field(default_factory=list)

    def note(self, stream: Any) -> None:
        """The nodes that were made since this was last asked are of this stream."""
        before, self.next = self.next, NUMBER_OF_NEXT()
        if not self.streams or self.streams[-1] != stream:
            self.numbers.append(before)
            self.streams.append(stream)

    def stream_of(self, number: int) -> Any:
        """The stream of a node that this thread may have made; None if it runs on none."""
        place = bisect_right(self.numbers, number) - 1
        return self.streams[place] if place >= 0 and number < self.next else None


class Differentiated:
    """The streams of operators that autograd keeps: of each thread that makes some."""

    def __init__(self) -> None:
        self._threads: list[Nodes] = []

    def thread(self) -> Nodes:
        """What a thread keeps from here on, for itself."""
        # Its newest node was made for the operator that is at hand.
        self._threads.append(Nodes(NUMBER_OF_NEXT() - 1))
        return self._threads[-1]

    def on_device(self, node: Any) -> bool:
        """Whether a node was made by an operator of the device, on any stream."""
        number = node._sequence_nr()
        return any(nodes.stream_of(number) is not None for nodes in self._threads)

    def elsewhere(self, roots: Iterable[Any], stream: Any, ends: Ends = None) -> bool:
        """Whether a backward pass from some nodes meets an operator of another stream.

        `ends` are the nodes that it is to reach, if not all. A node does not tell which thread made
        it: where several may have, it is of the streams of all of them.
        """
        known = {each for nodes in self._threads for each in nodes.streams}
        if known <= {stream, None}:
            return False
        allowed = (stream, None)
        return any(
            nodes.stream_of(number) not in allowed
            for number in _numbers(roots, ends)
            for nodes in self._threads
        )


def ends_of(inputs: Iterable[Any], *, accumulates: bool) -> Ends:
    """The nodes at which a pass for the gradients of some inputs ends; None if there are none.

    Where it `accumulates` gradients in them, as `backward` does, torch performs these nodes, too.
    """
    edges = [
        get_gradient_edge(each) if isinstance(each, torch.Tensor) else each
        for each in inputs
        if not isinstance(each, torch.Tensor) or each.requires_grad
    ]
    return ([edge.node for edge in edges], accumulates) if edges else None


def _numbers(roots: Iterable[Any], ends: Ends) -> Iterator[int]:
    """The numbers of the nodes that a pass performs, less those that keep gradients of leaves."""
    nodes = {id(node): node for node in roots}
    before: dict[int, list[int]] = {}
    pending = list(nodes.values())
    while pending:
        node = pending.pop()
        for following, _ in node.next_functions:
            if following is None:
                continue
            before.setdefault(id(following), []).append(id(node))
            if id(following) not in nodes:
                nodes[id(following)] = following
                pending.append(following)
    performed = nodes.keys() if ends is None else _leading_to(ends, before)
    for each in performed:
        if each in nodes and nodes[each].next_functions:
            yield nodes[each]._sequence_nr()


def _leading_to(ends: tuple[list[Any], bool], before: dict[int, list[int]]) -> set[int]:
    """The nodes on the way to some ends, which are among them if they are performed."""
    nodes, performed = ends
    found = {id(node) for node in nodes} if performed else set()
    pending = [id(node) for node in nodes]
    while pending:
        for earlier in before.get(pending.pop(), ()):
            if earlier not in found:
                found.add(earlier)
                pending.append(earlier)
    return found
