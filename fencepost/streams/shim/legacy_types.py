"""`torch.cuda.FloatTensor` and its like: types of tensors by the names of torch's first years."""

from __future__ import annotations

from typing import Any

import torch

NAMES = {
    "FloatTensor": torch.float32,
    "DoubleTensor": torch.float64,
    "HalfTensor": torch.float16,
    "BFloat16Tensor": torch.bfloat16,
    "ByteTensor": torch.uint8,
    "CharTensor": torch.int8,
    "ShortTensor": torch.int16,
    "IntTensor": torch.int32,
    "LongTensor": torch.int64,
    "BoolTensor": torch.bool,
}


class _Legacy(type):
    """A tensor is an instance by where it is and what its elements are."""

    dtype: torch.dtype

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, torch.Tensor) and value.is_cuda and value.dtype is cls.dtype

    def __call__(cls, *args: Any) -> torch.Tensor:
        """A tensor of sizes, or of values."""
        if len(args) == 1 and not isinstance(args[0], int | torch.Size):
            return torch.tensor(args[0], dtype=cls.dtype, device="cuda")
        return torch.empty(*(args or (0,)), dtype=cls.dtype, device="cuda")


def legacy_types() -> dict[str, Any]:
    """The names of `torch.cuda`."""
    return {
        name: _Legacy(name, (), {"dtype": dtype, "__module__": "torch.cuda"})
        for name, dtype in NAMES.items()
    }
