"""Results of a program on the CPU and on the device, compared."""

from __future__ import annotations

from typing import Any

import torch


def on_host(value: Any) -> Any:
    """A result with its tensors on the host."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, list | tuple):
        return [on_host(item) for item in value]
    return value


def places(value: Any) -> set[str]:
    """Where the tensors of a result are."""
    if isinstance(value, torch.Tensor):
        return {value.device.type}
    if isinstance(value, list | tuple):
        return set().union(*(places(item) for item in value))
    return set()


def assert_equal(found: Any, expected: Any) -> None:
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_equal(one, other)
    elif isinstance(expected, torch.Tensor):
        torch.testing.assert_close(found, expected, equal_nan=True)
    else:
        assert found == expected
