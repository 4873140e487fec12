"""Storages of the device: copied, pickled, saved and loaded as torch does it with CUDA's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import torch
from torch import serialization

from fencepost.streams.shim.devices import THE_DEVICE, is_virtual
from fencepost.streams.shim.handed_out import is_program

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime

BEFORE_TORCH_S_OWN = 0
# What gives the program a storage's bytes, past torch; its size and its like give none.
REACHING = ("data_ptr", "__getitem__", "__setitem__", "tolist", "fill_", "copy_", "byteswap")


def storage_names(runtime: Runtime) -> dict[Any, dict[str, Any]]:
    """By module or class, what replaces names about storages.

    A file says of a storage of the device that it was there, so `torch.load` and `pickle` put it
    there again.
    """
    arena, moves = runtime.arena, runtime.moves
    plain_resize = torch.UntypedStorage.resize_
    plain_nbytes: Any = torch.UntypedStorage.nbytes
    plain_clone = torch.UntypedStorage.clone
    plain_set_from_file = torch.UntypedStorage._set_from_file

    def lies_there(storage: Any) -> bool:
        return arena.base <= storage.data_ptr() < arena.middle

    def to_device(storage: torch.UntypedStorage) -> torch.UntypedStorage:
        return _flat(storage).to("cuda").untyped_storage()

    def tag(storage: Any) -> str | None:
        return str(THE_DEVICE) if lies_there(storage) else None

    def restore(storage: torch.UntypedStorage, location: str) -> Any:
        if location.split(":", maxsplit=1)[0] != "cuda" or not is_virtual(location):
            return None
        if getattr(storage, "_torch_load_uninitialized", False):
            empty = torch.empty(storage.nbytes(), dtype=torch.uint8, device=THE_DEVICE)
            return empty.untyped_storage()
        return to_device(storage)

    def cuda(storage: Any, device: Any = None, non_blocking: bool = False) -> Any:  # noqa: ARG001
        if device is not None:
            is_virtual(device)
        return to_device(storage)

    def clone(storage: torch.UntypedStorage) -> torch.UntypedStorage:
        if not lies_there(storage):
            return plain_clone(storage)
        return _flat(storage).clone().untyped_storage()

    def set_from_file(storage: torch.UntypedStorage, *args: Any) -> Any:
        if not lies_there(storage):
            return plain_set_from_file(storage, *args)
        read = torch.UntypedStorage(storage.nbytes())
        plain_set_from_file(read, *args)
        _flat(storage).copy_(_flat(read))
        return storage

    def resize_(storage: torch.UntypedStorage, size: int) -> torch.UntypedStorage:
        if storage.device.type == "meta" or not lies_there(storage):
            return plain_resize(storage, size)
        with runtime.quiet():
            moves.resize(storage, size, plain_nbytes(storage))
        return storage

    def nbytes(storage: torch.UntypedStorage) -> int:
        size: int = plain_nbytes(storage)
        if not moves.known or storage.device.type != "cpu":
            return size
        return moves.held(storage.data_ptr(), size)

    entry = (BEFORE_TORCH_S_OWN, tag, restore)
    return {
        serialization: {"_package_registry": [entry, *serialization._package_registry]},
        torch.UntypedStorage: {
            **{name: _reached(runtime, name) for name in REACHING},
            "cuda": cuda,
            "clone": clone,
            "resize_": resize_,
            "nbytes": nbytes,
            "__len__": nbytes,
            "_set_from_file": set_from_file,
        },
    }


def _reached(runtime: Runtime, name: str) -> Callable[..., Any]:
    """A method of storages by which the program reaches what is not seen."""
    plain = getattr(torch.UntypedStorage, name)

    @wraps(plain)
    def reached(storage: torch.UntypedStorage, *args: Any, **kwargs: Any) -> Any:
        asked = not runtime.here.busy and is_program(sys._getframe(1))
        if asked and storage.device.type == "cpu":
            with runtime.quiet():
                runtime.handed_out.give(_flat(storage), "untyped_storage()")
        return plain(storage, *args, **kwargs)

    return reached


def _flat(storage: torch.UntypedStorage) -> torch.Tensor:
    """The bytes of a storage as a tensor over it."""
    return torch.empty(0, dtype=torch.uint8, device="cpu").set_(storage)
