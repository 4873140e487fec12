"""Libraries of CUDA that a program loads by itself: what they do on a device would not be seen."""

from __future__ import annotations

import ctypes
import re
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fencepost.core.errors import Location
from fencepost.streams.shim.errors import unsupported
from fencepost.streams.shim.sites import TORCH, place_of

OF_CUDA = re.compile(
    r"(lib)?(cuda|cudart|nccl|nvrtc|nvshmem\w*|cublas\w*|cudnn\w*|cufft|cusparse|cusolver|curand)"
    r"([.\-_\d].*)?"
)


MAPPED = Path("/proc/self/maps")


class Libraries:
    """The libraries of CUDA that are there while one virtual device exists."""

    def __init__(self) -> None:
        self._known = mapped()

    def names(self) -> dict[Any, dict[str, Any]]:
        """By class or module, what replaces the loading of libraries."""
        plain: Any = ctypes.CDLL.__init__

        def load(loader: Any, name: Any, *args: Any, **kwargs: Any) -> None:
            # One that is not there raises OSError, which programs that only ask expect.
            plain(loader, name, *args, **kwargs)
            if not _asked_by_torch():
                self._refuse(name, "ctypes")

        return {ctypes.CDLL: {"__init__": load}, **self._cffi()}

    def unseen(self) -> list[str]:
        """The libraries that came in some other way, as sentences."""
        return [
            f"{Path(file).name} was loaded by the program; what is launched through it is not seen"
            for file in sorted(mapped() - self._known)
        ]

    def _cffi(self) -> dict[Any, dict[str, Any]]:
        backend: Any = import_module("_cffi_backend") if find_spec("_cffi_backend") else None
        if backend is None:
            return {}
        plain = backend.load_library

        def load(name: Any, *flags: Any) -> Any:
            made = plain(name, *flags)
            frame = sys._getframe(1)
            while frame.f_back is not None and frame.f_globals.get("__package__") == "cffi":
                frame = frame.f_back
            self._refuse(name, "cffi", place_of(frame))
            return made

        return {backend: {"load_library": load}}

    def _refuse(self, name: Any, how: str, at: Location | None = None) -> None:
        file = Path(str(name)).name
        if OF_CUDA.fullmatch(file):
            self._known |= mapped()
            raise unsupported(
                f"{file}, loaded by {how},",
                "what is launched through it is not seen",
                "the same through torch.cuda, or a kernel with an emulation",
                at,
            )


def mapped() -> frozenset[str]:
    """The libraries of CUDA in this process, where the system tells, less those beside torch."""
    if not MAPPED.exists():
        return frozenset()
    files = {line.split(maxsplit=5)[-1] for line in MAPPED.read_text().splitlines()}
    return frozenset(
        file for file in files if OF_CUDA.fullmatch(Path(file).name) and not file.startswith(TORCH)
    )


def _asked_by_torch() -> bool:
    """Whether torch loads it, for whoever is called by `load`."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename == ctypes.__file__:
        frame = frame.f_back
    return frame.f_code.co_filename.startswith(TORCH)
