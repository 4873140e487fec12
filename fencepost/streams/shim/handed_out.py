"""Memory that kernels use and that the program may reach past torch: through a pointer or numpy.

What is done there is not seen, so the audit says where it was handed out. For pageable memory of
the host that is of interest only once a copy uses it, so who has it is remembered until then.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import torch
from torch.multiprocessing.reductions import StorageWeakRef

from fencepost.core.errors import Location
from fencepost.streams.shim.shapes import shown
from fencepost.streams.shim.sites import TORCH, site

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime

MOST_TOLD = 50
"""Places at which memory is handed out that are told one by one."""
NUMPY, POINTER = "numpy()", "data_ptr()"
_LIBRARIES = (str(Path(__file__).parents[1]), TORCH)


@dataclass(frozen=True, slots=True)
class Given:
    """Memory of the host that somebody has a second name for."""

    storage: StorageWeakRef
    label: str
    place: Location
    by: str
    from_outside: bool


class HandedOut:
    """What was handed out on one virtual device."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._told: set[tuple[str, Location, str]] = set()
        self._given: dict[tuple[int, bool], Given] = {}
        self._looked_through = 1024

    def give(self, tensor: torch.Tensor, by: str) -> None:
        """The program gets a second name for the memory of a tensor."""
        if self._runtime.bridge.children.here:
            return
        label = shown(tensor.shape, tensor.dtype)
        if self._runtime.is_seen(tensor):
            self._tell(label, site(), by)
        elif tensor.layout is torch.strided and not tensor.is_meta:
            self._remember(tensor, label, by)

    def used(self, storage: torch.UntypedStorage, label: str) -> None:
        """A copy that nobody waits for uses the memory of a storage of the host from now on."""
        address = storage.data_ptr()
        known = [self._given.get((address, numpy)) for numpy in (True, False)]
        alive = [given for given in known if given is not None and not given.storage.expired()]
        for given in alive:
            self._tell(given.label, given.place, given.by)
        if not alive and not storage.resizable():
            self._tell(label, site(), "whoever made it outside of torch")

    def registered(self, address: int) -> None:
        """Memory that the program names by its address is pinned; torch's own is seen."""
        given = self._given.get((address, True)) or self._given.get((address, False))
        if given is None or given.storage.expired():
            self._tell("registered by its address", site(), "whoever made it outside of torch")
        elif given.by == NUMPY or given.from_outside:
            self._tell(given.label, given.place, given.by)

    def _tell(self, label: str, place: Location, by: str) -> None:
        if (label, place, by) in self._told:
            return
        self._told.add((label, place, by))
        self._runtime.stalls.exposed()
        device = self._runtime.bridge.device
        if len(self._told) > MOST_TOLD:
            device.note_unseen("memory was handed out at further places, too")
            return
        device.note_unseen(
            f"memory of {label} was handed out at {place} by {by}; what is done through it is not "
            "seen"
        )

    def _remember(self, tensor: torch.Tensor, label: str, by: str) -> None:
        if len(self._given) >= self._looked_through:
            alive = {at: g for at, g in self._given.items() if not g.storage.expired()}
            self._given = alive
            self._looked_through = max(1024, 2 * len(alive))
        storage = tensor.untyped_storage()
        self._given[storage.data_ptr(), by == NUMPY] = Given(
            StorageWeakRef(storage), label, site(), by, not storage.resizable()
        )


def is_program(frame: FrameType) -> bool:
    """Whether a frame is of the program rather than of torch or fencepost."""
    return not frame.f_code.co_filename.startswith(_LIBRARIES)


def asked_by_program(func: object) -> bool:
    """Whether the program itself asks: for whoever calls this from `__torch_function__`."""
    between = 2 if func is torch.Tensor.storage else 0  # written in Python, and asks by itself
    return is_program(sys._getframe(3 + between))
