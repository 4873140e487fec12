"""Operators that are performed as others: those of torch's own composition that ask for the whole
storage of a tensor, which a kernel on the device does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

aten = torch.ops.aten
Perform = Callable[..., Any]
"""Performs an operator on the device."""


def _strided_copy(perform: Perform, tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    return perform(aten.clone.default, aten.as_strided.default(tensor, *args, **kwargs))


def _strided_scatter(
    perform: Perform, tensor: torch.Tensor, source: torch.Tensor, *args: Any, **kwargs: Any
) -> Any:
    """Places are counted from the beginning of the storage, so all of it is copied."""
    length = tensor.untyped_storage().nbytes() // tensor.element_size()
    whole = perform(aten.clone.default, aten.as_strided.default(tensor, (length,), (1,), 0))
    offset = kwargs.pop("storage_offset", args[2] if len(args) > 2 else None)
    if offset is None:
        offset = tensor.storage_offset()
    part = aten.as_strided.default(whole, *args[:2], offset, **kwargs)
    perform(aten.copy_.default, part, source)
    return aten.as_strided.default(whole, tensor.size(), tensor.stride(), tensor.storage_offset())


def _scattered(view: Any) -> Callable[..., Any]:
    """A copy of a tensor with one view of it replaced."""

    def run(
        perform: Perform, tensor: torch.Tensor, source: torch.Tensor, *args: Any, **kwargs: Any
    ) -> Any:
        made = perform(aten.clone.default, tensor)
        perform(aten.copy_.default, view(made, *args, **kwargs), source)
        return made

    return run


COMPOSED: dict[Any, Callable[..., Any]] = {
    aten.as_strided_copy.default: _strided_copy,
    aten.as_strided_scatter.default: _strided_scatter,
    aten.slice_scatter.default: _scattered(aten.slice.Tensor),
    aten.select_scatter.default: _scattered(aten.select.int),
    aten.diagonal_scatter.default: _scattered(aten.diagonal.default),
}
