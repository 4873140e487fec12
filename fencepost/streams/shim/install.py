"""The virtual device put under torch, and taken away again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch._dynamo
import torch.autograd

from fencepost.streams.shim.cuda_names import cuda_names
from fencepost.streams.shim.devices import THE_DEVICE
from fencepost.streams.shim.dispatch import Dispatch
from fencepost.streams.shim.extensions import guarded
from fencepost.streams.shim.functions import Functions
from fencepost.streams.shim.gradients import ends_of
from fencepost.streams.shim.in_kernel import kernel_names
from fencepost.streams.shim.operators import Operators
from fencepost.streams.shim.processes import process_names
from fencepost.streams.shim.refused_names import refused_names
from fencepost.streams.shim.runtime import DEVICE, Runtime
from fencepost.streams.shim.sharing import sharing_names, told_to_processes
from fencepost.streams.shim.storages import storage_names
from fencepost.streams.shim.tensor_methods import TensorMethods
from fencepost.streams.shim.threads import thread_names

MISSING = object()


@contextmanager
def replaced(owner: Any, names: dict[str, Any]) -> Iterator[None]:
    """Set attributes, and set them back; one that was inherited is inherited again."""
    before = {name: vars(owner).get(name, MISSING) for name in names}
    for name, value in names.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, value)


class Modes:
    """The two modes of a thread."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.operators = Operators(runtime)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Everything the calling thread asks of torch is seen."""
        with Dispatch(self.operators), Functions(self.runtime):
            yield


@contextmanager
def installed(runtime: Runtime) -> Iterator[Modes]:
    """Torch has a CUDA device until the end of the context."""
    modes = Modes(runtime)
    with ExitStack() as stack:
        for named in (
            refused_names(),
            storage_names(runtime),
            kernel_names(),
            cuda_names(runtime),
            thread_names(runtime.bridge, modes.entered),
            runtime.libraries.names(),
            process_names(runtime.bridge.children),
            sharing_names(runtime),
        ):
            for owner, names in named.items():
                stack.enter_context(replaced(owner, names))
        stack.enter_context(replaced(torch.Tensor, TensorMethods(runtime).replacements()))
        stack.enter_context(replaced(torch, Functions(runtime).factories()))
        stack.enter_context(replaced(torch.autograd, _backward_names(runtime)))
        stack.enter_context(told_to_processes(runtime))
        stack.enter_context(guarded(runtime))
        stack.enter_context(modes.entered())
        yield modes


def _backward_names(runtime: Runtime) -> dict[str, Any]:
    """What replaces names of `torch.autograd`, by which a backward pass begins."""
    plain: Any = torch.autograd._engine_run_backward  # type: ignore[attr-defined]
    plain_make: Any = torch.autograd._make_grads

    def make(outputs: Any, gradients: Any, *args: Any, **kwargs: Any) -> Any:
        """The gradients of edges: torch makes them where an edge says that it is, on the CPU."""
        return plain_make(outputs, list(map(_gradient, outputs, gradients)), *args, **kwargs)

    def _gradient(output: Any, gradient: Any) -> Any:
        if gradient is not None or isinstance(output, torch.Tensor):
            return gradient
        known = output.node._input_metadata[output.output_nr]
        if math.prod(known.shape) != 1 or not runtime.begins_on_device(output):
            return gradient
        return torch.ones(tuple(known.shape), dtype=known.dtype, device=THE_DEVICE)

    def run(
        outputs: Any,
        gradients: Any,
        retain: bool,
        create: bool,
        inputs: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        here = runtime.here
        before = here.place
        on_device = any(map(runtime.begins_on_device, outputs))
        here.place = DEVICE if on_device else before
        if on_device:
            accumulates = kwargs.get("accumulate_grad", False)
            runtime.check_backward(outputs, ends_of(inputs, accumulates=accumulates))
        try:
            with Functions(runtime):
                return plain(outputs, gradients, retain, create, inputs, *args, **kwargs)
        finally:
            here.place = before

    return {"_engine_run_backward": run, "_make_grads": make}
