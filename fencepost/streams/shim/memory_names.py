"""What `torch.cuda` and `torch.accelerator` say about the memory of the virtual device."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from fencepost.streams.device import Device

BYTES = "allocated_bytes active_bytes requested_bytes".split()
COUNTS = "allocation active".split()
# Blocks are not cut out of segments here, so there are none, and nothing is left over in them.
RESERVED = ("reserved_bytes",)
NONE = "segment inactive_split inactive_split_bytes".split()
SINGLE = (
    "num_alloc_retries num_ooms num_sync_all_streams num_device_alloc num_device_free "
    "max_split_size"
).split()


def memory_names(device: Device, check_device: Any, settle: Callable[[], None]) -> dict[str, Any]:
    """By name, the functions of `torch.cuda` that ask about memory; `settle` frees what torch has
    let go of."""
    allocator = device.allocator
    total = allocator.stop - allocator.start

    def reset_peak(device: Any = None) -> None:
        check_device(device)
        settle()
        allocator.peak = allocator.used
        allocator.most = allocator.lent - allocator.given_back

    def reset_accumulated(device: Any = None) -> None:
        check_device(device)
        settle()
        allocator.lent -= allocator.given_back
        allocator.given_back, allocator.lent_bytes = 0, allocator.used

    def asked(answer: Callable[[], Any]) -> Any:
        def ask(device: Any = None) -> Any:
            check_device(device)
            settle()
            return answer()

        return ask

    def stats() -> OrderedDict[str, int]:
        a = allocator
        lent = (a.used, a.peak, a.lent_bytes, a.lent_bytes - a.used)
        count = (a.lent - a.given_back, a.most, a.lent, a.given_back)
        found = dict.fromkeys(SINGLE, 0)
        for kinds, values in (
            (BYTES, lent),
            (COUNTS, count),
            (RESERVED, (a.reserved, a.reserved, a.reserved, 0)),
            (NONE, (0, 0, 0, 0)),
        ):
            for kind in kinds:
                found |= _metrics(f"{kind}.all", values)
                found |= _metrics(f"{kind}.large_pool", values)
                found |= _metrics(f"{kind}.small_pool", (0, 0, 0, 0))
        for kind in ("oversize_allocations", "oversize_segments"):
            found |= _metrics(kind, (0, 0, 0, 0))
        return OrderedDict(sorted(found.items()))

    reserved = asked(lambda: allocator.reserved)
    return {
        "memory_allocated": asked(lambda: allocator.used),
        "max_memory_allocated": asked(lambda: allocator.peak),
        "memory_reserved": reserved,
        "max_memory_reserved": reserved,
        "memory_cached": reserved,
        "max_memory_cached": reserved,
        "reset_peak_memory_stats": reset_peak,
        "reset_max_memory_allocated": reset_peak,
        "reset_max_memory_cached": reset_peak,
        "reset_accumulated_memory_stats": reset_accumulated,
        "mem_get_info": asked(lambda: (total - allocator.reserved, total)),
        "memory_stats": asked(stats),
        "get_allocator_backend": lambda: "native",
        "get_per_process_memory_fraction": asked(lambda: 1.0),
    }


def _metrics(name: str, values: tuple[int, int, int, int]) -> dict[str, int]:
    named = zip(("current", "peak", "allocated", "freed"), values, strict=True)
    return {f"{name}.{metric}": value for metric, value in named}
