"""Libraries of CUDA that a program loads by itself: what they do on a device would not be seen."""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path
from typing import Any

from fencepost.streams.shim.errors import unsupported
from fencepost.streams.shim.sites import TORCH

OF_CUDA = re.compile(
    r"(lib)?(cuda|cudart|nccl|nvrtc|nvshmem\w*|cublas\w*|cudnn\w*|cufft|cusparse|cusolver|curand)"
    r"([.\-_\d].*)?"
)


def library_names() -> dict[Any, dict[str, Any]]:
    """By class, what replaces the loading of libraries."""
    plain: Any = ctypes.CDLL.__init__

    def load(self: Any, name: Any, *args: Any, **kwargs: Any) -> None:
        # One that is not there raises OSError, which programs that only ask expect.
        plain(self, name, *args, **kwargs)
        file = Path(str(name)).name
        if OF_CUDA.fullmatch(file) and not _asked_by_torch():
            raise unsupported(
                f"{file}, loaded by ctypes,",
                "what is launched through it is not seen",
                "the same through torch.cuda, or a kernel with an emulation",
            )

    return {ctypes.CDLL: {"__init__": load}}


def _asked_by_torch() -> bool:
    """Whether torch loads it, for whoever is called by `load`."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename == ctypes.__file__:
        frame = frame.f_back
    return frame.f_code.co_filename.startswith(TORCH)
