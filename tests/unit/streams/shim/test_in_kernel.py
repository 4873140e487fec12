"""Kernels that wait while they run are refused, and the error says so where it can be seen."""

from __future__ import annotations

import pytest

GRID = "__global__ void k(float* x) { cooperative_groups::this_grid().sync(); }"
PLAIN = "__global__ void k(float* x) { x[threadIdx.x] = 1; }"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (f"torch.cuda._compile_kernel({GRID!r}, 'k')", "F241", "k waits while it runs (coop"),
        (f"torch.cuda._compile_kernel({PLAIN!r}, 'k')", "F221", "the kernel k has no emulation"),
        (
            (
                "from torch.utils.cpp_extension import load_inline\n"
                f"load_inline('mine', '', cuda_sources=[{GRID!r}], functions=['k'])"
            ),
            "F241",
            "the kernel mine waits while it runs (cooperative_groups)",
        ),
        (
            (
                "from torch.utils.cpp_extension import load_inline\n"
                f"load_inline('mine', '', cuda_sources={PLAIN!r}, functions=['k'])"
            ),
            "F221",
            "the kernel mine has no emulation",
        ),
        (
            (
                f"from pathlib import Path; Path('k.cu').write_text({GRID!r})\n"
                "import torch.utils.cpp_extension as c; c.load('mine', ['k.cu'])"
            ),
            "F241",
            "the kernel mine (k.cu) waits",
        ),
        (
            ("torch.cuda.cudart().cudaLaunchCooperativeKernel(0, 1, 1)"),
            "F241",
            "(cudaLaunchCooperativeKernel)",
        ),
        ("torch.cuda.cudart().cudaMemGetInfo(0)", "F220", "cudart().cudaMemGetInfo"),
        (
            ("import torch.distributed._symmetric_memory as m; m.empty(4, device='cuda')"),
            "F241",
            "symmetric memory",
        ),
        (
            (
                "torch.library.define('mine::spin', '(Tensor(a!) x) -> ()')\n"
                "torch.library.impl('mine::spin', 'CUDA')(lambda x: None)\n"
                "torch.ops.mine.spin(torch.ones(2, device='cuda'))"
            ),
            "F221",
            "the kernel mine::spin has no emulation",
        ),
    ],
)
def test_a_kernel_that_is_compiled_or_launched(workshop, text, code, said):
    workshop.write("program.py", f"import torch\n{text}\n")
    ran = workshop.run("audit", "program.py")
    assert ran.code == 2
    assert f"error {code}: " in ran.err
    assert said in ran.err


TRITON = """
import torch
import triton
import triton.language as tl


@triton.jit
def barrier(flag):
    {body}


barrier[(4,)](torch.zeros(1, dtype=torch.int32, device="cuda"))
"""
ADAPTER = 'STUBS = ("triton",)\nDECORATORS = ("triton.jit",)\n'
SPIN = "while tl.atomic_cas(flag, 4, 4) != 4: pass"


def test_a_triton_kernel_that_spins_on_a_flag(workshop):
    workshop.write("adapter.py", ADAPTER)
    workshop.write("program.py", TRITON.format(body=SPIN))
    ran = workshop.run("audit", "--adapter", "adapter.py", "program.py")
    assert ran.code == 2
    assert "error F241: the kernel __main__.barrier waits while it runs (atomic_cas)" in ran.err


def test_a_triton_kernel_that_does_not(workshop):
    workshop.write("adapter.py", ADAPTER)
    workshop.write("program.py", TRITON.format(body="tl.store(flag, 1)"))
    ran = workshop.run("audit", "--adapter", "adapter.py", "program.py")
    assert ran.code == 2
    assert "error F221: the kernel __main__.barrier has no emulation" in ran.err


def test_an_emulation_does_all_of_it_at_once(workshop):
    emulation = (
        "from fencepost.streams.shim import emulates\n"
        '@emulates("__main__.barrier", reads=["flag"], writes=["flag"])\n'
        "def barrier(flag): flag.fill_(4)\n"
    )
    workshop.write("adapter.py", ADAPTER + emulation)
    workshop.write("program.py", TRITON.format(body=SPIN))
    assert workshop.run("audit", "--adapter", "adapter.py", "program.py").code == 0
