"""On which streams a backward pass would run: on CUDA each node where its forward operator ran."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from fencepost.streams.shim.here import Here

NUMBER_OF_NEXT = torch._C._autograd._get_sequence_nr


class Differentiated:
    """The streams of operators that autograd keeps, by the numbers that it gives their nodes.

    A thread numbers its nodes in their order, and makes one just before its operator comes to the
    device. So what has to be kept are the numbers at which another stream became the current one.
    """

    def __init__(self, here: Here) -> None:
        self._here = here
        self._changes: dict[int, tuple[list[int], list[Any]]] = {}

    def note(self, stream: Any) -> None:
        """The nodes that the calling thread made since it was last asked are of this stream."""
        before, self._here.numbered = self._here.numbered, NUMBER_OF_NEXT()
        numbers, streams = self._changes.setdefault(threading.get_ident(), ([], []))
        if not streams or streams[-1] != stream:
            numbers.append(before if streams else self._here.numbered - 1)
            streams.append(stream)

    def elsewhere(self, roots: Iterable[torch.Tensor], stream: Any) -> bool:
        """Whether a backward pass from some tensors comes to an operator of another stream."""
        known = {each for _, streams in self._changes.values() for each in streams}
        if known <= {stream}:
            return False
        return any(each != stream for node in _graph(roots) for each in self._of(node))

    def _of(self, node: Any) -> Iterator[Any]:
        """The stream of a node: as this thread numbered it, or else as others did."""
        mine = threading.get_ident()
        for thread in sorted(self._changes, key=lambda each: each != mine):
            numbers, streams = self._changes[thread]
            place = bisect_right(numbers, node._sequence_nr()) - 1
            if place >= 0:
                yield streams[place]
                return


def _graph(roots: Iterable[torch.Tensor]) -> Iterator[Any]:
    """The nodes that a backward pass comes to, but for those that keep the gradients of leaves."""
    pending = [root.grad_fn for root in roots if root.grad_fn is not None]
    seen = {id(node): node for node in pending}
    while pending:
        node = pending.pop()
        if node.next_functions:
            yield node
        for following, _ in node.next_functions:
            if following is not None and id(following) not in seen:
                seen[id(following)] = following
                pending.append(following)
