"""Names of torch that the virtual device does not answer, each with what to write instead."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed import distributed_c10d

from fencepost.core.errors import InputError
from fencepost.streams.shim.errors import unsupported

NVML = (
    "utilization memory_usage temperature power_draw clock_rate device_memory_used "
    "list_gpu_processes"
).split()
STORAGES = (
    "UntypedStorage ByteStorage DoubleStorage FloatStorage HalfStorage LongStorage IntStorage "
    "ShortStorage CharStorage BoolStorage BFloat16Storage ComplexDoubleStorage ComplexFloatStorage"
).split()


class Missing(InputError, AttributeError):
    """A name of CUDA that this build of torch lacks: an error of input, and `hasattr` is False."""


def missing(name: str) -> Any:
    """What `torch._C` answers for a name that it does not have."""
    frame = sys._getframe(1)
    module = frame.f_globals.get("__name__", "")
    if not name.startswith("_") or name.startswith("__") or not module.startswith("torch."):
        raise AttributeError(f"module 'torch._C' has no attribute {name!r}")
    public = f"{module}.{frame.f_code.co_name}"
    error = unsupported(
        public, f"it asks CUDA itself (torch._C.{name})", "the program without it, for the audit"
    )
    raise Missing(error.code, error.what, why=error.why, write=error.write)


def refused(what: str, why: str, write: str) -> Any:
    """Something that may be named, and says why it cannot be had when it is called."""

    class Refused:
        def __new__(cls, *_: Any, **__: Any) -> Any:
            raise unsupported(what, why, write)

    return Refused


def refused_names() -> dict[Any, dict[str, Any]]:
    """By module, the names that refuse."""
    sensor = {
        name: refused(f"torch.cuda.{name}", "there is no card to measure", "nothing, for the audit")
        for name in NVML
    }
    storage = {
        name: refused(f"torch.cuda.{name}", "what is done to it is not seen", "a tensor")
        for name in STORAGES
    }
    pool = refused(
        "a memory pool", "blocks come from the pools of streams here", "torch's own allocator"
    )
    pools = {"MemPool": pool, "use_mem_pool": pool}
    graph_pool = {"graph_pool_handle": refused("a CUDA graph", "it has no pool", "no graph")}
    external = refused(
        "an external stream", "a stream of another library is not seen here", "torch.cuda.Stream()"
    )
    parallel = refused(
        "nn.DataParallel", "it splits a batch over several devices", "the module itself"
    )
    nccl = {
        name: refused(
            f"torch.cuda.nccl.{name}", "NCCL has streams of its own, which are not seen", "no NCCL"
        )
        for name in "version unique_id init_rank all_reduce reduce broadcast all_gather "
        "reduce_scatter".split()
    }
    groups = {name: _without_nccl(getattr(dist, name)) for name in GROUPS}
    return {
        torch._C: {"__getattr__": missing},
        torch.cuda: {
            **sensor, **storage, **pools, **graph_pool, "get_stream_from_external": external
        },
        torch.cuda.memory: pools,
        torch.cuda.graphs: graph_pool,
        torch.cuda.streams: {"get_stream_from_external": external, "ExternalStream": external},
        torch.cuda.nccl: nccl,
        torch.nn: {"DataParallel": parallel},
        torch.nn.parallel: {"DataParallel": parallel, "data_parallel": parallel},
        torch.accelerator: {"Graph": refused("a CUDA graph", "it orders itself", "no graph")},
        dist: groups,
        distributed_c10d: groups,
    }  # fmt: skip


GROUPS = ("init_process_group", "new_group")


def _without_nccl(plain: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes a process group, unless its kernels would be those of NCCL."""
    signature = inspect.signature(plain)

    def made(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind_partial(*args, **kwargs).arguments
        if "nccl" in str(given.get("backend")).lower():
            raise unsupported(
                "torch.distributed with NCCL",
                "its kernels run on streams of their own, in several processes",
                "a program of one process, or the collective as an emulated kernel",
            )
        return plain(*args, **kwargs)

    return made
