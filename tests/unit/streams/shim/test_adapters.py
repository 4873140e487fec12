"""Stubs, emulations and the adapters that come with fencepost."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fencepost.core.errors import InputError
from fencepost.streams.shim import audit_emulation, emulates, load_adapter
from fencepost.streams.shim.emulation import REGISTERED, EmulatedKernel
from fencepost.streams.virtual import virtual_cuda

ROOT = Path(__file__).parents[4]
ADAPTERS = [
    f.stem for f in (ROOT / "fencepost/streams/adapters").glob("*.py") if f.stem != "__init__"
]
BYTES = torch.arange(4 * 6, dtype=torch.uint8).reshape(4, 6)
ROWS, OTHERS = torch.tensor([1, 3]), torch.tensor([0, 2])
PAGES = torch.arange(3 * 40, dtype=torch.uint8).reshape(3, 40)
GATHER = "sglang.srt.layers.attention.nsa.index_buf_accessor._get_k_triton_kernel"
# For each emulation that comes with fencepost, arguments of one call.
CALLS = {
    "sgl_kernel.kvcacheio.transfer_kv_per_layer_mla": (BYTES, BYTES.flip(0), ROWS, OTHERS, 6),
    GATHER: (PAGES, torch.tensor([2, 0]), torch.zeros(7, 8, dtype=torch.uint8), 7, 4, 40, 8),
}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_every_emulation_of_an_adapter_is_audited(adapter: str):
    known = set(REGISTERED)
    load_adapter(adapter)
    for name in {n for n in REGISTERED if n not in known or n in CALLS}:
        assert audit_emulation(name, *CALLS[name]) == [], name


def copy_rows(cache, host, rows):
    cache[rows] = host[rows]


@pytest.mark.parametrize(
    ("reads", "writes", "problem"),
    [
        (["host[rows]", "rows"], ["cache[rows]"], ""),
        (["rows"], ["cache[rows]"], "depend on bytes"),
        (["host[rows]", "rows"], ["rows"], "are written"),
        (lambda host, rows, **_: [host[1:3], rows], lambda cache, **_: [cache[1:3]], ""),
        (lambda host, rows, **_: [host[1:2], rows], lambda cache, **_: [cache[1:3]], "depend on"),
    ],
)
def test_an_audit_of_an_emulation(monkeypatch, reads, writes, problem):
    monkeypatch.setattr("fencepost.streams.shim.emulation.REGISTERED", {})
    emulates("tested.copy_rows", reads=reads, writes=writes)(copy_rows)
    cache, host = torch.zeros(5, 3), torch.rand(5, 3)
    found = audit_emulation("tested.copy_rows", cache, host, torch.tensor([1, 2]))
    assert bool(found) == bool(problem)
    assert all(problem in text for text in found[:1])
    assert cache.sum() == 0


def test_reads_name_arguments():
    with pytest.raises(InputError, match="no argument 'row'") as raised:
        emulates("tested.wrong", reads=["host[row]"], writes=[])(copy_rows)
    assert raised.value.code == "F222"


ADAPTER = """
from fencepost.streams.shim import emulates

STUBS = ("fastkernels", "jitted")
DECORATORS = ("jitted.jit", "jitted.tuned")
PROVIDED = {"fastkernels.width": lambda: 4}

@emulates("fastkernels.scale", reads=["x"], writes=["x"])
def scale(x, by):
    x.mul_(by)

@emulates("tested_module.kernel", reads=[], writes=["out"])
def kernel(out, **launch):
    out.fill_(5)
"""


@pytest.fixture
def stubbed(tmp_path):
    (tmp_path / "adapter.py").write_text(ADAPTER)
    with virtual_cuda(policy="newest-first", adapters=[str(tmp_path / "adapter.py")]) as device:
        yield device


def test_stubbed_modules(stubbed):
    import fastkernels
    import fastkernels.deep.down
    from fastkernels.deep import Config

    class Mine(Config):
        size: fastkernels.int32 | None = None

    assert Mine.size is None
    assert fastkernels.width() == 4
    with pytest.raises(InputError, match="has no emulation") as raised:
        fastkernels.deep.down.unknown(1)
    assert raised.value.code == "F221"
    x = torch.ones(3, device="cuda")
    fastkernels.scale(x, 2.0)
    assert x.tolist() == [2.0, 2.0, 2.0]


def test_stubbed_decorators(stubbed):
    import jitted

    def kernel(out): ...

    kernel.__module__, kernel.__qualname__ = "tested_module", "kernel"
    out = torch.zeros(2, device="cuda")
    jitted.tuned(configs=[], key=["n"])(jitted.jit(kernel))[(1,)](out, num_warps=4)
    assert out.tolist() == [5.0, 5.0]
    kernel.__module__ = "other_module"
    unknown = jitted.jit(kernel)[(1,)]
    with pytest.raises(InputError, match=r"other_module\.kernel"):
        unknown(out)


def test_an_emulated_kernel_is_watched(stubbed):
    import fastkernels

    x = torch.ones(3, device="cuda")
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream()):
        fastkernels.scale(x, 2.0)
    x.sum()
    torch.cuda.synchronize()
    (finding,) = stubbed.audit().findings
    assert finding.first.name == "fastkernels.scale"


def test_an_emulation_works_on_plain_tensors(monkeypatch):
    monkeypatch.setattr("fencepost.streams.shim.emulation.REGISTERED", registered := {})
    seen = []

    @emulates("tested.look", reads=["x"], writes=["x"])
    def look(x):
        seen.append((x.device.type, x.tolist(), repr(x), x.numpy().sum(), x.cpu().is_cuda))
        x += torch.ones(2, device=x.device)

    with virtual_cuda(policy="newest-first") as device:
        x = torch.ones(2, device="cuda")
        EmulatedKernel(registered["tested.look"], device.runtime)(x)
        assert x.tolist() == [2.0, 2.0]
    assert seen == [("cpu", [1.0, 1.0], "tensor([1., 1.])", 2.0, False)]


def test_stubs_are_gone_afterwards(tmp_path):
    (tmp_path / "adapter.py").write_text(ADAPTER)
    with virtual_cuda(adapters=[str(tmp_path / "adapter.py")]):
        import fastkernels

        assert fastkernels
    with pytest.raises(ModuleNotFoundError):
        import fastkernels


def test_an_operator_of_a_library_of_ones_own_is_refused():
    with torch.library._scoped_library("fencepost_tested", "DEF") as library:
        library.define("twice(Tensor x) -> Tensor")
        library.impl("twice", lambda x: x * 2, "CPU")
        with virtual_cuda():
            assert torch.ops.fencepost_tested.twice(torch.ones(1)).item() == 2.0
            with pytest.raises(InputError, match="fencepost_tested::twice"):
                torch.ops.fencepost_tested.twice(torch.ones(1, device="cuda"))


def test_an_operator_of_a_library_of_ones_own_is_emulated(monkeypatch):
    monkeypatch.setattr("fencepost.streams.shim.operators.REGISTERED", registered := {})
    monkeypatch.setattr("fencepost.streams.shim.emulation.REGISTERED", registered)
    emulates("fencepost_tested::double", reads=["x"], writes=["x"])(lambda x: x.mul_(2))
    with torch.library._scoped_library("fencepost_tested", "DEF") as library:
        library.define("double(Tensor(a!) x) -> ()")
        with virtual_cuda(policy="newest-first"):
            x = torch.ones(1, device="cuda")
            torch.ops.fencepost_tested.double(x)
            assert x.item() == 2.0


@pytest.mark.parametrize("name", ["before_the_fix.txt", "after_the_fix.txt"])
def test_the_page_on_sglang_shows_the_stored_reports(name: str):
    stored = (ROOT / "docs/how_to/sglang" / name).read_text(encoding="utf-8")
    page = (ROOT / "docs/how_to/audit_sglang.md").read_text(encoding="utf-8")
    assert f"```text\n{stored}```" in page
