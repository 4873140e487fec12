"""Methods and properties of `torch.Tensor` that say where a tensor is, or move it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from fencepost.streams.shim.copies import copy_into, to_host
from fencepost.streams.shim.devices import THE_DEVICE, as_device
from fencepost.streams.shim.errors import sparse
from fencepost.streams.shim.handed_out import NUMPY
from fencepost.streams.shim.sharing import shared

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime

aten = torch.ops.aten
PLAIN = (torch.Tensor, torch.nn.Parameter)
NOT_NUMPY = (
    "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to "
    "host memory first."
)


class Move(torch.autograd.Function):
    """A copy between host and device that autograd knows: its gradient moves back."""

    @staticmethod
    def forward(
        ctx: Any, source: torch.Tensor, methods: TensorMethods, device: str, options: Any
    ) -> torch.Tensor:
        ctx.methods, ctx.dtype = methods, source.dtype
        ctx.back = "cuda" if methods.runtime.on_device(source) else "cpu"
        return methods.move(source, device, **options)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        back = ctx.methods.move(
            gradient,
            ctx.back,
            dtype=ctx.dtype,
            non_blocking=False,
            memory_format=torch.preserve_format,
        )
        return back, None, None, None


class TensorMethods:
    """The replacements, for one virtual device."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def replacements(self) -> dict[str, Any]:
        """What stands in for the attributes of `torch.Tensor` while the device exists."""
        runtime = self.runtime
        here = runtime.here

        def on_device(tensor: torch.Tensor) -> bool:
            """Whether the program sees it on the device; to a kernel all are plain tensors."""
            return not here.busy and runtime.on_device(tensor)

        plain = torch.Tensor
        device: Any = vars(torch._C.TensorBase)["device"].__get__
        is_cpu: Any = vars(torch._C.TensorBase)["is_cpu"].__get__
        raw: dict[str, Callable[..., Any]] = {
            name: getattr(plain, name)
            for name in (
                "to type tolist numpy __array__ is_pinned pin_memory __reduce_ex__ "
                "share_memory_ __dlpack__ new_tensor cpu __repr__"
            ).split()
        }

        def to(self: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
            if here.busy:
                return raw["to"](self, *args, **kwargs)
            return self_methods.to(raw["to"], self, args, kwargs)

        def cuda(
            self: torch.Tensor, device: Any = None, non_blocking: bool = False, **kwargs: Any
        ) -> torch.Tensor:
            return to(
                self, "cuda" if device is None else device, non_blocking=non_blocking, **kwargs
            )

        def cpu(self: torch.Tensor, **kwargs: Any) -> torch.Tensor:
            return to(self, "cpu", **kwargs) if on_device(self) else raw["cpu"](self, **kwargs)

        def tolist(self: torch.Tensor) -> Any:
            return raw["tolist"](self_methods.read_by_host(self, "tolist"))

        def numpy(self: torch.Tensor, *, force: bool = False) -> Any:
            there = on_device(self)
            if there and not force:
                raise TypeError(NOT_NUMPY)
            if not here.busy and not there:
                runtime.handed_out.give(self, NUMPY)
            return raw["numpy"](self_methods.read_by_host(self, "numpy"), force=force)

        def shown(self: torch.Tensor, *, tensor_contents: str | None = None) -> str:
            if tensor_contents is None and self.numel() and runtime.is_seen(self):
                prefix = "tensor(" if type(self) in PLAIN else f"{type(self).__name__}("
                host = self_methods.read_by_host(self, "print").detach()
                tensor_contents = torch._tensor_str._tensor_str(host, len(prefix))
            text: str = raw["__repr__"](self, tensor_contents=tensor_contents)
            return text

        def array(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            if on_device(self):
                raise TypeError(NOT_NUMPY)
            if not here.busy:
                runtime.handed_out.give(self, NUMPY)
            return raw["__array__"](self_methods.read_by_host(self, "numpy"), *args, **kwargs)

        def type_(self: torch.Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
            if here.busy:
                return raw["type"](self, dtype, non_blocking)
            return self_methods.type(raw["type"], self, dtype, non_blocking)

        def pin_memory(self: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
            return self if runtime.is_pinned(self) else aten._pin_memory.default(self)

        def record_stream(self: torch.Tensor, stream: Any) -> None:
            runtime.record_stream(self, stream)

        def reduce_ex(self: torch.Tensor, protocol: Any) -> Any:
            if not here.busy:
                with runtime.quiet():
                    runtime.pickled(self)
            return raw["__reduce_ex__"](self, protocol)

        def same_memory(self: torch.Tensor) -> torch.Tensor:
            """`copy.copy`: what pickling would make, over the same storage, which nobody reads."""
            with runtime.quiet():
                made: torch.Tensor = copy._reconstruct(  # type: ignore[attr-defined]
                    self, None, *self.__reduce_ex__(4)
                )
            return made

        self_methods = self
        return {
            "device": property(lambda t: THE_DEVICE if on_device(t) else device(t)),
            "is_cuda": property(on_device),
            "is_cpu": property(lambda t: not on_device(t) and is_cpu(t)),
            "get_device": lambda t: 0 if on_device(t) else -1,
            "to": to,
            "cuda": cuda,
            "cpu": cpu,
            "tolist": tolist,
            "numpy": numpy,
            "__array__": array,
            "__repr__": shown,
            "type": type_,
            "type_as": lambda t, other: to(t, other.device, other.dtype),
            "pin_memory": pin_memory,
            "is_pinned": lambda t, *_, **__: runtime.is_pinned(t),
            "record_stream": record_stream,
            "__reduce_ex__": reduce_ex,
            "__copy__": same_memory,
            **self._sharing(raw),
        }

    def _sharing(self, raw: dict[str, Callable[..., Any]]) -> dict[str, Any]:
        """What gives the memory of a tensor to others: refused on the device, else told of."""
        runtime = self.runtime
        interface: Any = vars(torch.Tensor)["__cuda_array_interface__"].__get__

        def cuda_array_interface(tensor: torch.Tensor) -> Any:
            found = interface(tensor)
            runtime.handed_out.give(tensor, "__cuda_array_interface__")
            return found

        return {
            "__cuda_array_interface__": property(cuda_array_interface),
            "share_memory_": shared(runtime, "Tensor.share_memory_", raw["share_memory_"]),
            "__dlpack__": shared(runtime, "Tensor.__dlpack__", raw["__dlpack__"]),
        }

    def to(
        self, raw: Callable[..., torch.Tensor], tensor: torch.Tensor, args: Any, kwargs: Any
    ) -> torch.Tensor:
        """`Tensor.to` in all its spellings."""
        device, dtype, non_blocking, copy, memory_format = _asked(args, dict(kwargs))
        named = None if device is None else as_device(device)
        there = self.runtime.on_device(tensor)
        goes_there = there if named is None else named.type == "cuda"
        if named is not None and named.type not in ("cuda", "cpu"):
            return raw(tensor, *args, **kwargs)
        if there == goes_there:
            return raw(
                tensor,
                dtype=dtype or tensor.dtype,
                non_blocking=non_blocking,
                copy=copy,
                memory_format=memory_format,
            )
        options = {
            "dtype": dtype or tensor.dtype,
            "non_blocking": non_blocking,
            "memory_format": memory_format,
        }
        target = "cuda" if goes_there else "cpu"
        if tensor.requires_grad and torch.is_grad_enabled():
            moved: torch.Tensor = Move.apply(tensor, self, target, options)
            return moved
        return self.move(tensor, target, **options)

    def move(
        self,
        tensor: torch.Tensor,
        device: str,
        *,
        dtype: torch.dtype,
        non_blocking: bool,
        memory_format: torch.memory_format,
    ) -> torch.Tensor:
        """A copy in the other place."""
        runtime = self.runtime
        if tensor.layout is not torch.strided:
            raise sparse(tensor.layout)
        with runtime.quiet():
            tensor = tensor.detach()
            if device == "cpu":
                return to_host(runtime, tensor, dtype, memory_format, non_blocking=non_blocking)
            options = {"dtype": dtype, "memory_format": memory_format}
            outline = runtime.shapes.infer(aten._to_copy.default, (tensor,), options)
            if tensor.dtype != dtype:
                if runtime.is_watched(tensor):
                    runtime.host_access("copy to device (converted)", [tensor], [])
                tensor = aten._to_copy.default(tensor, **options)
            return copy_into(runtime, runtime.allocate(outline), tensor, non_blocking)

    def read_by_host(self, tensor: torch.Tensor, name: str) -> torch.Tensor:
        """A tensor that the host may look at: waited for and copied from the device."""
        if self.runtime.here.busy:
            return tensor
        if self.runtime.on_device(tensor):
            return self.move(
                tensor.detach(),
                "cpu",
                dtype=tensor.dtype,
                non_blocking=False,
                memory_format=torch.preserve_format,
            )
        if self.runtime.is_watched(tensor):
            self.runtime.host_access(name, [tensor], [])
        return tensor

    def type(
        self, raw: Callable[..., Any], tensor: torch.Tensor, dtype: Any, non_blocking: bool
    ) -> Any:
        """`Tensor.type`: asked for, or a conversion by the name of a legacy type."""
        if dtype is None:
            name: str = raw(tensor)
            plain_name = name.replace("torch.cuda.", "torch.")
            if self.runtime.on_device(tensor):
                return plain_name.replace("torch.", "torch.cuda.")
            return plain_name
        if isinstance(dtype, torch.dtype):
            return tensor.to(dtype, non_blocking=non_blocking)
        spelled = dtype if isinstance(dtype, str) else f"{dtype.__module__}.{dtype.__name__}"
        on_cuda = spelled.startswith("torch.cuda.")
        plain = raw(torch.empty(0), spelled.replace("torch.cuda.", "torch.")).dtype
        return tensor.to("cuda" if on_cuda else "cpu", plain, non_blocking=non_blocking)


def _asked(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, bool, bool, Any]:
    """Device, type, non_blocking, copy and memory format of a call of `to`."""
    device, dtype = kwargs.pop("device", None), kwargs.pop("dtype", None)
    flags = []
    other = kwargs.pop("other", None)
    for value in args:
        if isinstance(value, torch.Tensor):
            other = value
        elif isinstance(value, torch.dtype):
            dtype = value
        elif isinstance(value, bool):
            flags.append(value)
        elif value is not None:
            device = value
    if other is not None:
        device, dtype = other.device, other.dtype
    non_blocking, copy = [*flags, False, False][:2]
    memory_format = kwargs.pop("memory_format", torch.preserve_format)
    return (
        device,
        dtype,
        bool(kwargs.pop("non_blocking", non_blocking)),
        bool(kwargs.pop("copy", copy)),
        memory_format,
    )
