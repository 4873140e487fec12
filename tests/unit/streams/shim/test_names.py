"""Every public name of `torch.cuda` and its relatives works, or is refused with a clear error."""

from __future__ import annotations

import inspect
import warnings
from types import ModuleType

import pytest
import torch
import torch.cuda.green_contexts
import torch.cuda.nccl
import torch.cuda.profiler
import torch.cuda.tunable

from fencepost.core.errors import InputError
from fencepost.streams.virtual import virtual_cuda

MODULES = (
    torch.cuda,
    torch.cuda.memory,
    torch.cuda.random,
    torch.cuda.nccl,
    torch.cuda.nvtx,
    torch.cuda.profiler,
    torch.cuda.tunable,
    torch.cuda.green_contexts,
    torch.backends.cuda,
    torch.accelerator,
    torch.accelerator.memory,
)
NOT_OF_TORCH = ("typing", "inspect", "functools", "builtins", "contextlib", "ctypes", "warnings")
# What wants arguments of a kind of its own, and what stands for errors of a library.
GIVEN_ELSEWHERE = (
    "set_stream", "set_rng_state", "set_rng_state_all", "CudaError", "AcceleratorError",
    "DeferredCudaCallError", "OutOfMemoryError",
)  # fmt: skip


def names(module: ModuleType) -> list[str]:
    found = []
    for name in dir(module):
        value = getattr(module, name)
        from_torch = getattr(value, "__module__", "") not in NOT_OF_TORCH
        if not name.startswith("_") and callable(value) and from_torch:
            found.append(name)
    return [name for name in found if name not in GIVEN_ELSEWHERE]


def fitting(function, x: torch.Tensor) -> tuple[object, ...] | None:
    """Arguments that the function may be called with, as far as its signature tells."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ()
    needed = [
        p for p in signature.parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]  # fmt: skip
    given = []
    for parameter in needed:
        if "bool" in str(parameter.annotation):
            given.append(True)
        elif parameter.name in ("tensors", "inputs", "outputs", "input"):
            given.append([x])
        else:
            given.append(0)
    return tuple(given)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_no_name_fails_raw(module: ModuleType):
    raw, answered = [], 0
    for name in names(module):
        kept = {f: getattr(torch.backends.cuda, f)() for f in FLAGS}
        with virtual_cuda(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x = torch.ones(2, device="cuda")
            function = getattr(module, name)
            try:
                function(*fitting(function, x))
                answered += 1
            except InputError as error:
                answered += error.code == "F220"
            except TypeError as error:  # an argument of another kind than 0
                if "NoneType" in str(error):
                    raw.append(f"{name}: {error}")
            except Exception as error:  # noqa: BLE001  # what is looked for
                raw.append(f"{name}: {type(error).__name__}: {error}")
        for flag, was in kept.items():
            getattr(torch.backends.cuda, SETTERS[flag])(was)
    assert raw == []
    assert answered


FLAGS = ("flash_sdp_enabled", "math_sdp_enabled", "mem_efficient_sdp_enabled", "cudnn_sdp_enabled")
SETTERS = {f: f"enable_{f.removesuffix('_enabled')}" for f in FLAGS}


def test_a_name_that_this_build_lacks_is_absent_and_says_so():
    with virtual_cuda():
        assert not hasattr(torch._C, "_cuda_memorySnapshot")
        with pytest.raises(InputError, match=r"memory\.memory_snapshot is not supported"):
            torch.cuda.memory_snapshot()
    with pytest.raises(AttributeError):
        torch._C._cuda_memorySnapshot  # noqa: B018


def test_statistics_of_memory():
    with virtual_cuda():
        x = torch.ones(1024, device="cuda")
        del x
        y = torch.ones(256, device="cuda")
        stats = torch.cuda.memory_stats()
        assert stats["allocation.all.allocated"] == 2
        assert stats["allocation.all.freed"] == stats["allocation.all.current"] == 1
        assert stats["allocated_bytes.all.current"] == torch.cuda.memory_allocated() == 1024
        assert stats["allocated_bytes.all.peak"] == torch.accelerator.max_memory_allocated() == 4096
        assert stats["allocated_bytes.all.allocated"] == 5120
        torch.cuda.reset_peak_memory_stats()
        assert torch.cuda.max_memory_allocated() == 1024
        assert "Allocated memory" in torch.cuda.memory_summary()
        assert torch.cuda.mem_get_info() == torch.accelerator.get_memory_info()
        del y


def test_legacy_types():
    with virtual_cuda():
        x = torch.cuda.FloatTensor([1.0, 2.0])
        assert x.tolist() == [1.0, 2.0]
        assert x.is_cuda
        assert isinstance(x, torch.cuda.FloatTensor)
        assert not isinstance(x, torch.cuda.LongTensor)
        assert not isinstance(torch.ones(1), torch.cuda.FloatTensor)
        assert torch.cuda.LongTensor(2, 3).shape == (2, 3)
        assert torch.ones(2).type(torch.cuda.HalfTensor).type() == "torch.cuda.HalfTensor"


PROGRAMS = {
    "memory_summary": "print(torch.cuda.memory_summary(abbreviated=True))",
    "load": """
x = torch.arange(6.0).reshape(2, 3)
torch.save({"x": x, "row": x[1]}, "x.pt")
for where in ("cuda", torch.device("cuda:0"), {"cpu": "cuda"}, lambda s, _: s.cuda()):
    made = torch.load("x.pt", map_location=where)
    assert made["x"].is_cuda
    made["row"].zero_()
    assert made["x"].tolist() == [[0, 1, 2], [0, 0, 0]]
assert not torch.load("x.pt", map_location="cpu")["x"].is_cuda
""",
    "autocast_and_scaler": """
scaler = torch.amp.GradScaler("cuda")
model = torch.nn.Linear(4, 2).cuda()
optimizer = torch.optim.SGD(model.parameters(), 0.1)
for _ in range(2):
    optimizer.zero_grad()
    with torch.autocast("cuda", torch.float16):
        loss = model(torch.randn(3, 4, device="cuda")).sum()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
""",
    "pinned_loader": """
from torch.utils.data import DataLoader, TensorDataset
loader = DataLoader(TensorDataset(torch.arange(6.0)), batch_size=2, pin_memory=True)
assert [b.cuda(non_blocking=True).sum().item() for (b,) in loader] == [1, 5, 9]
""",
    "checkpoint": """
from torch.utils.checkpoint import checkpoint
model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout(0.5)).cuda()
x = torch.randn(2, 4, device="cuda", requires_grad=True)
for reentrant in (True, False):
    checkpoint(model, x, use_reentrant=reentrant).sum().backward()
""",
    "streams": """
low, high = torch.cuda.Stream.priority_range()
s = torch.cuda.Stream(priority=high)
with torch.cuda.stream(None):
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
with torch.cuda.stream(s):
    assert torch.accelerator.current_stream() == s
with torch.accelerator.device_index(0):
    torch.accelerator.synchronize()
""",
    "properties": """
assert torch.cuda.get_device_properties("cuda").total_memory == torch.cuda.mem_get_info()[1]
with torch.cuda.nvtx.range("step"), torch.cuda.profiler.profile():
    torch.cuda.nvtx.range_end(torch.cuda.nvtx.range_start("x"))
""",
    "scatter": """
x = torch.arange(12.0, device="cuda").reshape(3, 4)[1:]
assert torch.slice_scatter(x, x[:1] * 0, 0, 1, 2).tolist() == [[4, 5, 6, 7], [0, 0, 0, 0]]
assert torch.select_scatter(x, x[0] * 0, 0, 1).sum().item() == 22
assert torch.diagonal_scatter(x, x[:, 0] * 0).tolist() == [[0, 5, 6, 7], [8, 0, 10, 11]]
assert torch.as_strided_scatter(x, x[0] * 0, (4,), (1,), 4).tolist()[0] == [0, 0, 0, 0]
assert torch.as_strided_copy(x, (2,), (1,), 6).tolist() == [6, 7]
""",
    "host_index": """
x = torch.ones(3, 4, device="cuda", requires_grad=True)
x[torch.tensor([0, 1])].sum().backward()
assert x.grad.sum().item() == 8
assert torch.unravel_index(torch.tensor([5], device="cuda"), (3, 4))[0].tolist() == [1]
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_pages_of_torch_show_runs(workshop, name):
    workshop.write("program.py", "import torch\n" + PROGRAMS[name])
    ran = workshop.run("audit", "program.py")
    assert ran.code == 0, ran.err


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("torch.nn.DataParallel(torch.nn.Linear(2, 2))", "nn.DataParallel"),
        ("torch.cuda.nccl.version()", "torch.cuda.nccl.version"),
        ("torch.distributed.init_process_group('nccl')", "torch.distributed with NCCL"),
        ("torch.distributed.init_process_group(backend='cpu:gloo,cuda:nccl')", "with NCCL"),
        (
            "import torch.cuda.comm as c; c.broadcast(torch.ones(2), [0])",
            "torch.nn.parallel.comm.broadcast",
        ),
        ("torch.cuda.MemPool()", "a memory pool"),
        ("torch.cuda.get_stream_from_external(1)", "an external stream"),
        ("torch.cuda.memory_snapshot()", "torch.cuda.memory.memory_snapshot"),
        ("torch.cuda.utilization()", "torch.cuda.utilization"),
        ("torch.ones(2, device='cuda').to_sparse()", "layout sparse_coo on the device"),
        ("torch.eye(2).to_sparse_csr().to('cuda')", "layout sparse_csr on the device"),
        ("torch.cuda.caching_allocator_alloc(8)", "torch.cuda.memory.caching_allocator_alloc"),
    ],
)
def test_what_is_not_there_is_refused(workshop, text, said):
    workshop.write("program.py", f"import torch\n{text}\n")
    ran = workshop.run("audit", "program.py")
    assert ran.code == 2
    assert "error F220" in ran.err
    assert said in ran.err
