"""Storages that `torch.load` puts on the device."""

from __future__ import annotations

from typing import Any

import torch
from torch import serialization

from fencepost.streams.shim.devices import is_virtual

BEFORE_TORCH_S_OWN = 0


def restoring_names() -> dict[Any, dict[str, Any]]:
    """What `torch.load(..., map_location="cuda")` and `storage.cuda()` do."""

    def to_device(storage: torch.UntypedStorage) -> torch.UntypedStorage:
        flat = torch.empty(0, dtype=torch.uint8).set_(storage)
        return flat.to("cuda").untyped_storage()

    def restore(storage: torch.UntypedStorage, location: str) -> Any:
        if location.split(":", maxsplit=1)[0] != "cuda" or not is_virtual(location):
            return None
        return to_device(storage)

    def cuda(storage: Any, device: Any = None, non_blocking: bool = False) -> Any:  # noqa: ARG001
        if device is not None:
            is_virtual(device)
        return to_device(storage)

    entry = (BEFORE_TORCH_S_OWN, lambda _storage: None, restore)
    return {
        serialization: {"_package_registry": [entry, *serialization._package_registry]},
        torch.UntypedStorage: {"cuda": cuda},
    }
