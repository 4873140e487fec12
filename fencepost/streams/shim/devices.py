"""The name of the virtual device, in all the ways in which torch spells it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch

from fencepost.streams.shim.errors import unsupported

THE_DEVICE = torch.device("cuda", 0)
OF_THE_HOST = torch.device("cpu")


@lru_cache(maxsize=64, typed=True)  # True is no device, and 1 is one
def as_device(device: Any) -> torch.device:
    """A device as torch spells it (`"cuda:0"`, 0, a `torch.device`).

    Raises `Unsupported` for a second virtual device: there is one.
    """
    if isinstance(device, bool):
        raise TypeError(f"{device!r} is no device")
    named = torch.device("cuda", device) if isinstance(device, int) else torch.device(device)
    if named.type == "cuda" and named.index not in (None, 0):
        raise unsupported(
            f"the device {named}",
            "the virtual machine has one device",
            "one process with one device, or `CUDA_VISIBLE_DEVICES`-style code with index 0",
        )
    return THE_DEVICE if named.type == "cuda" else named


def is_virtual(device: Any) -> bool:
    """Whether this names the virtual device."""
    return as_device(device).type == "cuda"
