"""Generated code for processors without 512-bit registers finds what the interpreter finds."""

from __future__ import annotations

import platform

import pytest

from fencepost.kernel import compiled, machine_code
from tests.unit.kernel.random_systems import random_system
from tests.unit.kernel.test_agreement import assert_same

pytestmark = pytest.mark.skipif(
    platform.machine() not in {"x86_64", "AMD64"}, reason="names of x86-64 processors"
)


@pytest.mark.parametrize(
    ("cpu", "features"),
    [("x86-64", ""), ("haswell", "+avx2,-avx512f"), ("skylake-avx512", "+avx512f,+avx512vl")],
)
@pytest.mark.parametrize("start", [3000, 3010])
def test_random_systems(
    monkeypatch: pytest.MonkeyPatch, cpu: str, features: str, start: int
) -> None:
    machine_code._ready()
    wide = "+avx512f" in features
    if wide and not machine_code.has_wide_registers():
        pytest.skip("this processor has no 512-bit registers")
    if "+avx2" in features and not machine_code.llvm.get_host_cpu_features().get("avx2"):
        pytest.skip("this processor has no 256-bit registers")

    def target(effort: int = machine_code.CODE_EFFORT) -> object:
        found = machine_code.llvm.Target.from_default_triple()
        return found.create_target_machine(cpu=cpu, features=features, opt=effort, jit=True)

    monkeypatch.setattr(machine_code, "host_target", target)
    monkeypatch.setattr(compiled, "has_wide_registers", lambda: wide)
    for seed in range(start, start + 10):
        assert_same(random_system(seed))
