"""What torch is asked for by name, before it becomes operators: which device a call concerns."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import _device

from fencepost.streams.shim.devices import OF_THE_HOST, as_device, is_virtual
from fencepost.streams.shim.handed_out import asked_by_program
from fencepost.streams.shim.runtime import DEVICE, HOST

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime

# Factories that build on the host from Python values, and copy.
TENSOR = torch.tensor
FROM_VALUES = (TENSOR, torch.as_tensor, torch.asarray, torch.Tensor.new_tensor)
# What `Tensor.new` takes for sizes, or for memory.
NOT_VALUES = (int, torch.Size, torch.Tensor, torch.UntypedStorage, torch.TypedStorage)
# What gives the program the memory of a tensor, past torch; storages tell of themselves.
HANDING_OUT = (
    torch.Tensor.data_ptr,
    torch.Tensor.storage,
)


# It reads the words that tell where a module goes, and makes nothing.
PARSE_TO = torch._C._nn._parse_to
# The CPU library's recurrent layer is one operator that keeps a workspace of no fixed size; without
# the library it is made of many, as it is elsewhere.
LSTM = torch.lstm
# It fills in the lengths of sequences, on the host, past torch.
PAD_PACKED = torch._VF._pad_packed_sequence
# CUDA's kernel takes numbers for the lengths of sequences, and torch reads a tensor of them first.
CTC_LOSS = (torch.ctc_loss, torch.nn.functional.ctc_loss)


class Functions(TorchFunctionMode):
    """Gives every call of torch its place, and takes `cuda` out of what reaches the CPU build.

    Tensors that torch's own code makes on the way (the zeros of `one_hot`, a gradient's buffer)
    belong where the call that the program made belongs; operators alone cannot tell.
    """

    def __init__(self, runtime: Runtime) -> None:
        super().__init__()
        self.runtime = runtime
        self.here = runtime.here
        self.special: dict[Any, Callable[..., Any]] = dict.fromkeys(FROM_VALUES, self._from_values)
        self.special[torch.Tensor.backward] = self._backward
        self.special[torch.Tensor.new] = self._new
        self.special[PARSE_TO] = self._plainly
        self.special[LSTM] = self._lstm
        self.special[PAD_PACKED] = self._pad_packed
        self.special.update(dict.fromkeys(CTC_LOSS, self._ctc_loss))
        self.special.update(dict.fromkeys(HANDING_OUT, self._hand_out))

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        here = self.here
        kwargs = kwargs or {}
        if here.busy or getattr(func, "__name__", "") == "__get__":
            return func(*args, **kwargs)
        special = self.special.get(func)
        if special is not None:
            return special(func, *args, **kwargs)
        place: Any = args  # which few ask for
        if kwargs or _device.CURRENT_DEVICE is not None:
            place, kwargs = self._place(func, args, kwargs)
        before, here.place = here.place, place
        try:
            return func(*args, **kwargs)
        finally:
            here.place = before

    def _place(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        device = kwargs.get("device") if kwargs else None
        if device is None and _device.CURRENT_DEVICE is not None:
            device = _device.CURRENT_DEVICE if func in _device._device_constructors() else None
        if device is not None:
            if as_device(device).type != "cuda":
                return HOST, kwargs
            return DEVICE, {**kwargs, "device": OF_THE_HOST}
        return self.runtime.place_among((*args, *kwargs.values()) if kwargs else args), kwargs

    def _from_values(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        """`torch.tensor` and its like: made on the host, then copied and waited for."""
        device = kwargs.pop("device", None)
        if device is None and func is torch.Tensor.new_tensor:
            device = args[0].device
        if device is None and _device.CURRENT_DEVICE is not None:
            device = _device.CURRENT_DEVICE
        data = args[0] if args else kwargs.get("data", kwargs.get("obj"))
        if device is None and isinstance(data, torch.Tensor) and func is not TENSOR:
            device = data.device
        if device is None or not is_virtual(device):
            if device is not None:
                kwargs["device"] = device
            return self._placed(HOST, func, args, kwargs)
        if isinstance(data, torch.Tensor) and func is not torch.Tensor.new_tensor:
            made = data.to(device, kwargs.get("dtype"), copy=func is TENSOR)
            return made.requires_grad_() if kwargs.get("requires_grad") else made
        requires_grad = kwargs.pop("requires_grad", False)
        if func is torch.Tensor.new_tensor:
            kwargs.setdefault("dtype", args[0].dtype)
            func, args = TENSOR, args[1:]
        on_host = self._placed(HOST, func, args, {**kwargs, "device": OF_THE_HOST})
        made = on_host.to(as_device(device))
        return made.requires_grad_() if requires_grad else made

    def _new(self, func: Any, tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """`Tensor.new` of torch's first years: of sizes, of a tensor or storage, or of values."""
        if len(args) == 1 and not isinstance(args[0], NOT_VALUES):
            return self._from_values(torch.Tensor.new_tensor, tensor, *args, **kwargs)
        place, kwargs = self._place(func, (tensor,), kwargs)
        return self._placed(place, func, (tensor, *args), kwargs)

    def _plainly(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    def _lstm(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        place, kwargs = self._place(func, args, kwargs)
        if place == HOST:
            return self._placed(place, func, args, kwargs)
        before = torch._C._get_mkldnn_enabled()
        torch._C._set_mkldnn_enabled(False)
        try:
            return self._placed(place, func, args, kwargs)
        finally:
            torch._C._set_mkldnn_enabled(before)

    def _ctc_loss(
        self,
        func: Any,
        log_probs: torch.Tensor,
        targets: torch.Tensor,
        input_lengths: Any,
        target_lengths: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        place, _ = self._place(func, (log_probs,), {})
        lengths = [
            each.reshape(-1).tolist() if isinstance(each, torch.Tensor) else each
            for each in (input_lengths, target_lengths)
        ]
        return self._placed(place, func, (log_probs, targets, *lengths, *args), kwargs)

    def _pad_packed(self, func: Any, data: Any, batch_sizes: Any, *args: Any) -> Any:
        """The sequences padded to one length, and their lengths, which lie on the host."""
        place, _ = self._place(func, (data,), {})
        padded, lengths = self._placed(place, func, (data, batch_sizes, *args), {})
        if place == HOST:
            return padded, lengths
        with self.runtime.quiet():
            longer = batch_sizes > torch.arange(int(batch_sizes[0]))[:, None]
            return padded, longer.sum(1)

    def _hand_out(self, func: Any, tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """The address of a tensor, or its storage."""
        if asked_by_program(func):
            self.runtime.handed_out.give(tensor, f"{func.__name__}()")
        return func(tensor, *args, **kwargs)

    def factories(self) -> dict[str, Callable[..., Any]]:
        """What stands for factories that torch's own Python code calls past a function mode."""

        def replacing(plain: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(plain)
            def made(*args: Any, **kwargs: Any) -> Any:
                if self.runtime.here.busy:
                    return plain(*args, **kwargs)
                return self._from_values(plain, *args, **kwargs)

            return made

        return {name: replacing(getattr(torch, name)) for name in ("tensor", "as_tensor")}

    def _placed(self, place: str, func: Any, args: Any, kwargs: Any) -> Any:
        here = self.runtime.here
        before, here.place = here.place, place
        try:
            return func(*args, **kwargs)
        finally:
            here.place = before

    def _backward(
        self,
        _func: Any,
        tensor: torch.Tensor,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        with self:
            torch.autograd.backward(tensor, gradient, retain_graph, create_graph, inputs=inputs)
