"""The device that a process of the cache runs on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from fencepost.streams import virtual_cuda

Memory = Literal["DRAM", "VRAM"]
"""Where its memory lies, in NIXL's words: the virtual device's is ordinary memory."""


@contextmanager
def device() -> Iterator[Memory]:
    """CUDA where there is some, else a virtual device until the end of the context."""
    if torch.cuda.is_available():
        yield "VRAM"
    else:
        with virtual_cuda():
            yield "DRAM"
