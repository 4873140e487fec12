"""Kernels that wait for one another, or for memory, while they run: there is nothing to perform.

A kernel is one step of its stream here. What its blocks tell one another, or what a kernel of
another stream tells it through memory, orders nothing and would never arrive. It can be recognised
where the source of a kernel is seen, or the call that launches it; a kernel that is neither is
refused for having no emulation.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch._C._distributed_c10d import _SymmetricMemory
from torch.utils import cpp_extension

from fencepost.core.errors import InputError
from fencepost.streams.shim.errors import unknown_kernel, unsupported

WAITS = re.compile(
    r"cooperative_groups|\bthis_grid\b|\bgrid_group\b|\bgrid\.sync\b|cudaLaunchCooperative\w*"
    r"|\batomicCAS\b|\batomic_cas\b|\bnvshmem\w*|\bld\.(?:acquire|volatile)\b|__nanosleep"
    r"|\bmultimem\b|\bcuStreamWaitValue\w*"
)
"""Words of kernels that wait: for the whole grid, for a lock, for a flag, for another card."""
PEERS = ("empty_strided_p2p", "get_mempool_allocator", "rendezvous")


def refusal(name: str, source: str = "") -> InputError:
    """Why a kernel without an emulation is not performed; `source` is its text, as far as known."""
    found = WAITS.search(source)
    return unknown_kernel(name) if found is None else waits_inside(name, found.group())


def waits_inside(name: str, word: str) -> InputError:
    """A kernel that waits while it runs, as this word of its source says."""
    return InputError(
        "F241",
        f"the kernel {name} waits while it runs ({word})",
        why="a kernel is one step here: what it waits for in memory would never come",
        write="two kernels with an event between them, or an emulation that does all of it at once",
    )


def text_of(function: Callable[..., Any] | None) -> str:
    """The source of a kernel that is a Python function, where it can be read."""
    try:
        return "" if function is None else inspect.getsource(function)
    except (OSError, TypeError):
        return ""


def kernel_names() -> dict[Any, dict[str, Any]]:
    """By module, what stands for the functions of torch that compile or launch such kernels."""
    load, load_inline = cpp_extension.load, cpp_extension.load_inline

    def compiled(kernel_source: str, kernel_name: str, *_: Any, **__: Any) -> Any:
        raise refusal(kernel_name, kernel_source)

    def loaded(name: str, sources: str | Sequence[str], *args: Any, **kwargs: Any) -> Any:
        listed = [sources] if isinstance(sources, str) else list(sources)
        for file in map(Path, listed):
            if file.suffix == ".cu":
                text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
                raise refusal(f"{name} ({file.name})", text)
        return load(name, listed, *args, **kwargs)

    def loaded_inline(
        name: str, cpp_sources: Any, cuda_sources: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        if cuda_sources:
            listed = [cuda_sources] if isinstance(cuda_sources, str) else cuda_sources
            raise refusal(name, "\n".join(listed))
        return load_inline(name, cpp_sources, cuda_sources, *args, **kwargs)

    def peers(*_: Any, **__: Any) -> Any:
        raise waits_inside("of symmetric memory", "signals between cards")

    return {
        torch.cuda: {"_compile_kernel": compiled},
        cpp_extension: {"load": loaded, "load_inline": loaded_inline},
        _SymmetricMemory: dict.fromkeys(PEERS, staticmethod(peers)),
    }


class RuntimeLibrary(SimpleNamespace):
    """`torch.cuda.cudart()`: what it has, and a refusal for the rest of the CUDA runtime."""

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("cuda"):
            raise AttributeError(name)
        if WAITS.search(name):
            raise waits_inside("of a cooperative launch", name)
        raise unsupported(f"cudart().{name}", "it asks CUDA itself", "the same through torch.cuda")
