"""What is remembered of the usual calls of operators is never of another call."""

from __future__ import annotations

import pytest
import torch

from fencepost.streams.shim.emulation import EmulatedKernel, emulates
from fencepost.streams.virtual import virtual_cuda


def test_values_that_are_equal_and_of_different_types_are_different_calls():
    with virtual_cuda():
        x = torch.arange(3, device="cuda")
        whole, real, truth = x + 1, x + 1.0, x + True
        assert (whole.dtype, real.dtype, truth.dtype) == (torch.int64, torch.float32, torch.int64)
        assert real.tolist() == [1.0, 2.0, 3.0]


def test_views_at_one_address_that_read_it_differently():
    with virtual_cuda():
        x = torch.tensor([1 + 2j, 3 - 4j], device="cuda")
        for _ in range(2):
            assert (x + 0).tolist() == [1 + 2j, 3 - 4j]
            assert (x.conj() + 0).tolist() == [1 - 2j, 3 + 4j]
            assert (x.imag + 0).tolist() == [2.0, -4.0]
            assert (x.conj().imag + 0).tolist() == [-2.0, 4.0]
            assert (x.view(torch.float32) + 0).tolist() == [1.0, 2.0, 3.0, -4.0]


def test_arguments_that_do_not_fit_are_refused_each_time():
    with virtual_cuda():
        x, y = torch.ones(2, device="cuda"), torch.ones(3, device="cuda")
        for _ in range(2):
            with pytest.raises(RuntimeError, match="broadcast"):
                x + y
        assert (x + x).tolist() == [2.0, 2.0]


def test_a_kernel_of_the_program_may_turn_its_argument_and_no_other_kernel_sees_that(monkeypatch):
    monkeypatch.setattr("fencepost.streams.shim.emulation.REGISTERED", registered := {})

    @emulates("mine.turning", reads=["matrix"], writes=["matrix"])
    def turning(matrix: torch.Tensor) -> None:
        matrix.t_()
        matrix[0] += 1

    with virtual_cuda() as device:
        x = torch.zeros(2, 3, device="cuda")
        x.add_(1)
        EmulatedKernel(registered["mine.turning"], device.runtime)(x)
        x.add_(1)
        assert x.tolist() == [[3.0, 2.0, 2.0], [3.0, 2.0, 2.0]]


def test_a_block_that_is_lent_again_in_another_form():
    with virtual_cuda():
        for shape in ((4, 4), (16,), (2, 8), (4, 4)):
            x = torch.ones(shape, device="cuda")
            assert (x + x).shape == shape
            assert (x * 2).sum().item() == 32.0
            del x


def test_the_default_type_of_numbers_is_that_of_the_call():
    def calls() -> list[torch.Tensor]:
        return [torch.zeros(3, device="cuda"), whole + 0.1, whole / 3, torch.add(whole, 0.1)]

    before = torch.get_default_dtype()
    try:
        with virtual_cuda(policy="newest-first"):
            whole = torch.arange(3, device="cuda")
            torch.cuda.synchronize()
            for dtype in (torch.float32, torch.float64, torch.float32):
                torch.set_default_dtype(dtype)
                made = calls()
                torch.set_default_dtype(before)
                assert [each.dtype for each in made] == [dtype] * 4
                tenth = torch.tensor(0.1, dtype=dtype)
                assert made[1].cpu()[0] == made[3].cpu()[0] == tenth
    finally:
        torch.set_default_dtype(before)


def test_factories_make_what_their_values_say():
    with virtual_cuda():
        for _ in range(2):
            filled = [torch.full((2,), value, device="cuda") for value in (True, 1, 1.0)]
            assert [each.dtype for each in filled] == [torch.bool, torch.int64, torch.float32]
            assert torch.arange(0, 5, 2, device="cuda").tolist() == [0, 2, 4]
            assert not torch.zeros(2).is_cuda
            assert torch.empty(2, pin_memory=True).is_pinned()
            strided = torch.empty_strided((2, 2), (1, 2), device="cuda", dtype=torch.int8)
            assert strided.stride() == (1, 2)
