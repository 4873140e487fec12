"""Copies within the device, and between it and the host, with CUDA's rules about who waits.

- Within the device a copy is a kernel like any other.
- From pageable host memory the source is read at the call (CUDA stages it), whatever
  `non_blocking` says.
- From pinned memory with `non_blocking=True` the source is read when the copy runs.
- To the host, `non_blocking=True` never makes the host wait, and nothing orders a later read.
- Without `non_blocking`, the host waits for the current stream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from fencepost.streams.shim.launches import Launch, Once
from fencepost.streams.shim.shapes import Outline

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime

aten = torch.ops.aten


def to_copy(runtime: Runtime, source: torch.Tensor, kwargs: dict[str, Any]) -> torch.Tensor:
    """`aten._to_copy`: a copy in another type, layout or place."""
    there = runtime.on_device(source)
    device = kwargs.get("device")
    goes_there = there if device is None or device.type == "cpu" else True
    options = {k: v for k, v in kwargs.items() if k not in ("device", "pin_memory")}
    non_blocking = bool(options.pop("non_blocking", False))
    if not there and not goes_there:
        if runtime.is_watched(source):
            runtime.host_access("copy", [source], [])
        result: torch.Tensor = aten._to_copy.default(source, **options)
        return result
    outline = runtime.shapes.infer(aten._to_copy.default, (source,), options)
    return copy_into(runtime, runtime.allocate(outline), source, non_blocking)


def to_host(
    runtime: Runtime,
    source: torch.Tensor,
    dtype: torch.dtype | None,
    memory_format: torch.memory_format,
    *,
    non_blocking: bool,
) -> torch.Tensor:
    """A copy on the host; as in torch it is pinned when it is not waited for."""
    options = {"dtype": dtype, "memory_format": memory_format}
    outline: Outline = runtime.shapes.infer(aten._to_copy.default, (source,), options)
    if non_blocking:
        target = runtime.pinned(outline)
    else:
        target = torch.empty_strided(outline.shape, outline.stride, dtype=outline.dtype)
    return copy_into(runtime, target, source, non_blocking)


def copy_into(
    runtime: Runtime, target: torch.Tensor, source: torch.Tensor, non_blocking: bool = False
) -> torch.Tensor:
    """`target.copy_(source, non_blocking)`; gives the target."""
    to_device, from_device = runtime.on_device(target), runtime.on_device(source)
    runtime.shapes.infer(aten.copy_.default, (target, source), {})
    if to_device and from_device:
        out, value = runtime.alias(target), runtime.alias(source)
        runtime.submit(
            Launch(
                "copy",
                [runtime.bytes_of(source)],
                [runtime.bytes_of(target)],
                lambda: out.copy_(value),
            )
        )
    elif to_device:
        _to_device(runtime, target, source, non_blocking)
    elif from_device:
        _from_device(runtime, target, source, non_blocking)
    else:
        watched = [t for t in (source, target) if runtime.is_watched(t)]
        target.copy_(source)
        if watched:
            reads = [t for t in watched if t is source]
            runtime.host_access("copy", reads, [t for t in watched if t is target])
    return target


def copy_each(
    runtime: Runtime,
    together: Callable[[tuple[Any, ...], dict[str, Any]], Any],
    targets: list[torch.Tensor],
    sources: list[torch.Tensor],
    non_blocking: bool = False,
) -> None:
    """`_foreach_copy_`: `together` where all lie in one place, else one copy after the other."""
    there = set(map(runtime.on_device, (*targets, *sources)))
    if len(there) < 2:
        together((targets, sources, non_blocking), {})
        return
    for target, source in zip(targets, sources, strict=True):
        copy_into(runtime, target, source, non_blocking)


def _is_plain(target: torch.Tensor, source: torch.Tensor) -> bool:
    """Whether the copy engine can move the bytes as they lie, without a temporary."""
    return (
        target.dtype == source.dtype
        and target.shape == source.shape
        and (
            (target.is_contiguous() and source.is_contiguous())
            or target.stride() == source.stride()
        )
    )


def _to_device(
    runtime: Runtime, target: torch.Tensor, source: torch.Tensor, non_blocking: bool
) -> None:
    out = runtime.alias(target)
    if runtime.is_pinned(source) and _is_plain(target, source):
        value, reads = runtime.alias(source), [runtime.bytes_of(source)]
        runtime.hold_pinned(source)
    else:
        if runtime.is_watched(source):
            runtime.host_access("copy to device (staged)", [source], [])
        value, reads = source.detach().clone(), []
        runtime.bridge.hold(value.nbytes)
    writes = [runtime.bytes_of(target)]
    runtime.submit(Launch("copy to device", reads, writes, lambda: out.copy_(value)))
    if not non_blocking:
        runtime.synchronize_stream()


def _from_device(
    runtime: Runtime, target: torch.Tensor, source: torch.Tensor, non_blocking: bool
) -> None:
    value = runtime.alias(source)
    if runtime.is_pinned(target):
        out = runtime.alias(target)
        runtime.hold_pinned(target)
    else:
        out = target.detach()
        if non_blocking:
            runtime.watch(target)
    kernel: Callable[[], object] = lambda: out.copy_(value)  # noqa: E731
    if runtime.is_watched(target):
        writes = [runtime.bytes_of(target)]
    else:
        writes, kernel = [], Once(kernel)
    runtime.submit(Launch("copy to host", [runtime.bytes_of(source)], writes, kernel))
    if not non_blocking:
        runtime.synchronize_stream()
