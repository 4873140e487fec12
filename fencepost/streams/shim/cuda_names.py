"""The names of `torch.cuda` and its relatives, as they answer while the virtual device exists."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch

from fencepost.streams.shim.devices import as_device
from fencepost.streams.shim.errors import unsupported
from fencepost.streams.shim.in_kernel import RuntimeLibrary
from fencepost.streams.shim.legacy_types import NAMES, legacy_types
from fencepost.streams.shim.memory_names import memory_names
from fencepost.streams.shim.refused_names import refused
from fencepost.streams.shim.stream_objects import check_device, stream_classes

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime

NAME = "fencepost virtual CUDA device"
CAPABILITY = (9, 0)
# What a program may ask, which changes nothing here.
SILENT = (
    "init _lazy_init empty_cache ipc_collect reset_peak_host_memory_stats "
    "reset_accumulated_host_memory_stats check_error set_sync_debug_mode "
    "set_per_process_memory_fraction _record_memory_history"
).split()

ACCELERATOR_MEMORY = (
    "memory_allocated max_memory_allocated memory_reserved max_memory_reserved memory_stats "
    "reset_peak_memory_stats reset_accumulated_memory_stats"
).split()


class StreamContext:
    """`with torch.cuda.stream(s):`; None leaves the current stream.

    As in torch, its end makes current what was so at its beginning, also where contexts of several
    coroutines end in another order.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.before: Any = None

    def __enter__(self) -> None:
        if self.stream is not None:
            self.before = torch.cuda.current_stream()
            torch.cuda.set_stream(self.stream)

    def __exit__(self, *_: object) -> None:
        if self.stream is not None:
            torch.cuda.set_stream(self.before)


class DeviceContext:
    """`with torch.cuda.device(0):`; there is one device."""

    def __init__(self, device: Any) -> None:
        if device not in (-1, None):
            check_device(device)

    def __enter__(self) -> None:
        """Nothing changes."""

    def __exit__(self, *_: object) -> None:
        """Nothing changed."""


def cuda_names(runtime: Runtime) -> dict[Any, dict[str, Any]]:
    """By module, the names to replace and what replaces them."""
    bridge = runtime.bridge
    stream_class, event_class = stream_classes(runtime)

    def wrap(native: Any) -> Any:
        return stream_class(stream_id=bridge.number(native))

    def current_stream(device: Any = None) -> Any:
        check_device(device)
        return wrap(bridge.current())

    def default_stream(device: Any = None) -> Any:
        check_device(device)
        return wrap(bridge.default())

    def set_stream(stream: Any) -> None:
        if stream is not None:
            bridge.set_current(stream.native)

    def synchronize(device: Any = None) -> None:
        check_device(device)
        runtime.settle()
        bridge.synchronize_device()

    plain_set_default_dtype = torch.set_default_dtype

    def set_default_dtype(dtype: Any) -> None:
        with runtime.quiet():  # what is queued computes with the one it was asked for under
            while bridge.device.go_on():
                pass
        plain_set_default_dtype(dtype)

    def manual_seed(seed: int) -> None:
        runtime.generator.manual_seed(int(seed))

    def seed() -> None:
        runtime.generator.seed()

    def get_rng_state(device: Any = "cuda") -> torch.Tensor:
        check_device(device)
        return runtime.generator.get_state()

    def set_rng_state(state: torch.Tensor, device: Any = "cuda") -> None:
        check_device(device)
        runtime.generator.set_state(state)

    def sleep(cycles: int) -> None:
        runtime.nothing("_sleep", cycles)

    def answer(value: Any) -> Any:
        def asked(device: Any = None, *_: Any, **__: Any) -> Any:
            check_device(device)
            return value

        return asked

    def device_synchronize() -> int:
        synchronize()
        return 0

    runtime_library = RuntimeLibrary(
        cudaHostRegister=lambda address, size, _flags: runtime.register(address, size),
        cudaHostUnregister=runtime.unregister,
        cudaDeviceSynchronize=device_synchronize,
        cudaProfilerStart=lambda: 0,
        cudaProfilerStop=lambda: 0,
    )
    graphs = refused(
        "a CUDA graph", "a replayed graph has an order of its own", "the same calls without a graph"
    )
    memory = memory_names(bridge.device, check_device, runtime.settle)
    properties = SimpleNamespace(
        name=NAME, major=CAPABILITY[0], minor=CAPABILITY[1], total_memory=runtime.arena.half,
        multi_processor_count=132, max_threads_per_multi_processor=2048, warp_size=32,
        regs_per_multiprocessor=65536, shared_memory_per_block=49152, L2_cache_size=50 << 20,
        gcnArchName="", is_integrated=0, is_multi_gpu_board=0, uuid="fencepost",
    )  # fmt: skip
    host_memory = {
        **{name: memory[name] for name in ACCELERATOR_MEMORY},
        "get_memory_info": memory["mem_get_info"],
        "empty_cache": lambda: None,
        "empty_host_cache": lambda: None,
    }
    silent = {name: lambda *_, **__: None for name in SILENT}
    cuda = {
        **silent,
        **memory,
        **legacy_types(),
        "get_sync_debug_mode": lambda: 0,
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "is_bf16_supported": lambda *_, **__: True,
        "is_tf32_supported": lambda: True,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "set_device": check_device,
        "device": DeviceContext,
        "device_of": lambda _tensor: contextlib.nullcontext(),
        "get_device_name": answer(NAME),
        "get_device_capability": answer(CAPABILITY),
        "get_device_properties": answer(properties),
        "can_device_access_peer": answer(False),
        "get_arch_list": lambda: ["sm_90"],
        "Stream": stream_class,
        "Event": event_class,
        "ExternalStream": refused(
            "an external stream",
            "a stream of another library is not seen here",
            "torch.cuda.Stream()",
        ),
        "StreamContext": StreamContext,
        "stream": StreamContext,
        "current_stream": current_stream,
        "default_stream": default_stream,
        "set_stream": set_stream,
        "synchronize": synchronize,
        "manual_seed": manual_seed,
        "manual_seed_all": manual_seed,
        "seed": seed,
        "seed_all": seed,
        "initial_seed": runtime.generator.initial_seed,
        "get_rng_state": get_rng_state,
        "get_rng_state_all": lambda: [get_rng_state()],
        "set_rng_state": set_rng_state,
        "set_rng_state_all": lambda states: set_rng_state(states[0]),
        "default_generators": (runtime.generator,),
        "_sleep": sleep,
        "cudart": lambda: runtime_library,
        "CUDAGraph": graphs,
        "graph": graphs,
        "make_graphed_callables": graphs,
        "is_current_stream_capturing": lambda: False,
    }
    return {
        torch.cuda: cuda,
        torch.cuda.memory: {**silent, **memory},
        torch.cuda.streams: {"Stream": stream_class, "Event": event_class},
        torch.cuda.random: {
            name: cuda[name]
            for name in (
                "current_device get_rng_state get_rng_state_all set_rng_state set_rng_state_all "
                "manual_seed manual_seed_all seed seed_all initial_seed"
            ).split()
        },
        torch.cuda.graphs: {"CUDAGraph": graphs, "graph": graphs, "make_graphed_callables": graphs},
        torch.cuda.nvtx: dict.fromkeys(
            "range_push range_pop range_start range_end mark".split(), lambda *_, **__: 0
        ),
        torch.cuda.profiler: dict.fromkeys(("start", "stop", "check_error"), lambda *_, **__: 0),
        torch: {
            "Stream": stream_class,
            "Event": event_class,
            "Generator": _generator_class(),
            "autocast": _autocast_class(torch.autocast),
            "compile": _compile,
            "set_default_dtype": set_default_dtype,
        },
        torch.cuda.amp: {"autocast": _cuda_autocast(torch.autocast)},
        torch.accelerator: {
            **host_memory,
            "is_available": lambda: True,
            "device_count": lambda: 1,
            "current_accelerator": lambda *_, **__: torch.device("cuda"),
            "current_device_index": lambda: 0,
            "current_device_idx": lambda: 0,
            "current_stream": current_stream,
            "set_stream": set_stream,
            "set_device_index": check_device,
            "set_device_idx": check_device,
            "device_index": DeviceContext,
            "get_device_capability": answer({"supported_dtypes": set(NAMES.values())}),
            "synchronize": synchronize,
        },
        torch.accelerator.memory: host_memory,
        torch._C: {"_get_accelerator": lambda *_: torch.device("cuda")},
        torch.version: {"cuda": "12.8"},
        torch.backends.cuda: {"is_built": lambda: True},
        torch.backends.cudnn: {"is_acceptable": lambda _tensor: False},
    }


_PLAIN_COMPILE = torch.compile
_PLAIN_GENERATOR = torch.Generator


class _AnyGenerator(type(torch.Generator)):  # type: ignore[misc]
    """Generators made before the device existed are generators too."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _PLAIN_GENERATOR)


def _generator_class() -> Any:
    class Generator(_PLAIN_GENERATOR, metaclass=_AnyGenerator):
        """A generator; that of the device is one of the CPU with another name."""

        _named: torch.device

        def __new__(cls, device: Any = "cpu") -> Any:
            named = as_device(device)
            plain: Any = _PLAIN_GENERATOR
            made = plain.__new__(cls, "cpu" if named.type == "cuda" else named)
            made._named = named
            return made

        @property
        def device(self) -> torch.device:  # type: ignore[override]
            return self._named

    return Generator


def _autocast_class(plain: Any) -> Any:
    class autocast(plain):  # noqa: N801  # torch's name
        """Autocast of the device is autocast of the CPU, which the kernels run on."""

        def __init__(self, device_type: str, dtype: Any = None, **kwargs: Any) -> None:
            if torch.device(device_type).type == "cuda":
                device_type, dtype = "cpu", dtype or torch.float16
            super().__init__(device_type, dtype=dtype, **kwargs)

    return autocast


def _cuda_autocast(plain: Any) -> Any:
    def autocast(
        enabled: bool = True, dtype: Any = torch.float16, cache_enabled: bool = True
    ) -> Any:
        return plain("cpu", dtype=dtype, enabled=enabled, cache_enabled=cache_enabled)

    return autocast


def _compile(model: Any = None, *, backend: Any = "inductor", **_: Any) -> Any:
    """`torch.compile(backend="eager")` is the program itself; other backends make GPU code."""
    if backend != "eager":
        raise unsupported(
            f"torch.compile(backend={backend!r})",
            "it makes kernels whose reads and writes are not known",
            'torch.compile(backend="eager") for the audit',
        )
    return (lambda found: found) if model is None else model
