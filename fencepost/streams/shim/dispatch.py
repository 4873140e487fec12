"""The mode that sees every operator of the calling thread."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from fencepost.streams.shim.gradients import NUMBER_OF_NEXT
from fencepost.streams.shim.operators import Operators
from fencepost.streams.shim.shapes import tensors_in

TO_COPY = torch.ops.aten._to_copy.default


class Dispatch(TorchDispatchMode):
    """Hands each operator to its handler; kernels of the device pass."""

    def __init__(self, operators: Operators) -> None:
        super().__init__()
        self.operators = operators
        self.handlers = operators.handlers
        self.runtime = operators.runtime
        self.here = self.runtime.here

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: a guard against compilation around each operator costs more than the operator."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        here = self.here
        if here.busy:  # a kernel, or a question of fencepost's own
            return func(*args, **(kwargs or {}))
        nodes = here.nodes
        if nodes is None:
            nodes = here.nodes = self.runtime.differentiated.thread()
        if NUMBER_OF_NEXT() != nodes.next:
            nodes.note(self._stream(func, args, kwargs))
        handler = self.handlers.get(id(func)) or self.operators.make(func)
        with here.outermost:
            return handler(args, kwargs or {})

    def _stream(self, func: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
        """The stream that an operator runs on; None on the host."""
        tensors: list[Any] = []
        tensors_in((args, list((kwargs or {}).values())), tensors)
        there = func is TO_COPY or any(self.runtime.on_device(t) for t in tensors)
        return self.runtime.bridge.current() if there else None
