"""On which streams a backward pass would run: on CUDA each node where its forward operator ran."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

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

    def elsewhere(self, roots: Iterable[torch.Tensor], stream: Any) -> bool:
        """Whether the graph of some tensors has an operator of another stream. A node does not tell
        which thread made it: where several may have, it is of the streams of all of them."""
        known = {each for nodes in self._threads for each in nodes.streams}
        if known <= {stream, None}:
            return False
        allowed = (stream, None)
        return any(
            nodes.stream_of(number) not in allowed
            for number in _graph(roots)
            for nodes in self._threads
        )


def _graph(roots: Iterable[torch.Tensor]) -> Iterator[int]:
    """The numbers of the nodes of a graph, but for those that keep the gradients of leaves."""
    pending = [root.grad_fn for root in roots if root.grad_fn is not None]
    seen = {id(node): node for node in pending}
    while pending:
        node = pending.pop()
        if node.next_functions:
            yield node._sequence_nr()
        for following, _ in node.next_functions:
            if following is not None and id(following) not in seen:
                seen[id(following)] = following
                pending.append(following)
