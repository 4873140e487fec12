"""Storages resized by hand, as sharded training frees parameters and gathers them again."""

from __future__ import annotations

import copy
import io

import pytest
import torch

from fencepost.core.errors import InputError
from fencepost.streams.virtual import virtual_cuda

SIZE = 1024


@pytest.fixture(params=["in-order", "newest-first"])
def device(request):
    with virtual_cuda(policy=request.param) as made:
        yield made


def full(value: float = 1.0) -> torch.Tensor:
    return torch.full((SIZE,), float(value), device="cuda")


def test_an_index_touches_the_bytes_where_they_lie_now(device):
    x, rows = full().view(2, -1), torch.tensor([0], device="cuda")
    x.untyped_storage().resize_(0)
    x.untyped_storage().resize_(4 * SIZE)
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream()):
        x.index_copy_(0, rows, torch.zeros(1, SIZE // 2, device="cuda"))
    x[0].sum()
    assert any("index_copy_" in str(each) for each in device.audit().findings)


class TestFreed:
    def test_its_bytes_are_free(self, device):
        x = full()
        before = torch.cuda.memory_allocated()
        storage = x.untyped_storage()
        storage.resize_(0)
        assert torch.cuda.memory_allocated() == before - 4 * SIZE
        assert (storage.nbytes(), storage.size(), len(storage)) == (0, 0, 0)
        assert (x.shape, x.is_cuda) == ((SIZE,), True)

    @pytest.mark.parametrize(
        "use",
        [
            lambda x: x + 1,
            lambda x: x.add_(1),
            lambda x: x[2:].sum(),
            lambda x: x.cpu(),
            lambda x: x.copy_(torch.ones(SIZE)),
            lambda x: torch.ones(SIZE, device="cuda").copy_(x),
            lambda x: x[5].item(),
            lambda x: x.index_select(0, torch.tensor([1], device="cuda")),
            lambda x: torch.save(x, io.BytesIO()),
            copy.deepcopy,
            lambda x: x.conj_physical().sum(),
            lambda x: torch.cat([x, x]),
        ],
    )
    def test_a_use_is_an_error_as_on_cuda(self, device, use):
        x = full()
        view = x.view(2, -1)
        x.untyped_storage().resize_(0)
        with pytest.raises(RuntimeError, match="not allocated yet"):
            use(x)
        with pytest.raises(RuntimeError, match="not allocated yet"):
            view.sum()

    def test_what_was_queued_before_still_reads_it(self, device):
        x = full()
        y = x + 1
        x.untyped_storage().resize_(0)
        assert y.sum().item() == 2 * SIZE
        assert device.audit().clean

    def test_another_stream_that_uses_it_is_found(self, device):
        for recorded in (False, True):
            x = full()
            torch.cuda.synchronize()
            with torch.cuda.stream(torch.cuda.Stream()) as _:
                x.sum()
                if recorded:
                    x.record_stream(torch.cuda.current_stream())
            x.untyped_storage().resize_(0)
            torch.cuda.synchronize()
        (finding,) = device.audit().findings
        assert len(finding.occurrences) == 1
        assert (finding.second.name, finding.edge.kind) == ("free", "record_stream")
        assert finding.second.site.file == __file__

    def test_nobody_else_is_lent_its_addresses_before_it_is_gone(self, device):
        x = full()
        address = x.data_ptr()
        x.untyped_storage().resize_(0)
        others = [full() for _ in range(4)]
        assert address not in [other.data_ptr() for other in others]
        del x
        assert full().data_ptr() == address
        assert device.audit().clean


class TestAllocatedAgain:
    def test_all_that_name_it_have_its_new_bytes(self, device):
        x = full()
        view = x[:4]
        x.untyped_storage().resize_(0)
        keep = full(7)  # may take what was freed
        x.untyped_storage().resize_(4 * SIZE)
        x.fill_(3)
        x[1] = 5
        assert view.tolist() == [3.0, 5.0, 3.0, 3.0]
        assert (x.sum().item(), keep.sum().item()) == (3 * SIZE + 2, 7 * SIZE)
        assert device.audit().clean

    def test_the_new_block_is_of_the_current_stream(self, device):
        x = full()
        side = torch.cuda.Stream()
        x.untyped_storage().resize_(0)
        with torch.cuda.stream(side):
            x.untyped_storage().resize_(4 * SIZE)
            x.fill_(3)
        assert device.audit().clean  # they share no bytes: no wait is needed
        x.sum()
        assert len(device.audit().findings) == 1

    def test_again_and_again(self, device):
        x, side = full(), torch.cuda.Stream()
        storage = x.untyped_storage()
        for n in range(5):
            storage.resize_(0)
            with torch.cuda.stream(side):
                storage.resize_(4 * SIZE)
                x.fill_(n)
            torch.cuda.current_stream().wait_stream(side)
            assert x.sum().item() == n * SIZE
            x.record_stream(torch.cuda.current_stream())
        before = torch.cuda.memory_allocated()
        del x, storage
        torch.cuda.synchronize()
        full()
        assert torch.cuda.memory_allocated() < before
        assert device.audit().clean

    def test_fewer_bytes_keep_what_they_held(self, device):
        x = full(2)
        x.untyped_storage().resize_(8)
        assert x[:2].tolist() == [2.0, 2.0]
        with pytest.raises(RuntimeError, match="not allocated yet"):
            x[:3].sum()
        x.untyped_storage().resize_(4 * SIZE)
        assert x[:2].tolist() == [2.0, 2.0]
        assert device.audit().clean

    def test_more_than_it_was_made_with_is_refused(self, device):
        with pytest.raises(InputError, match="made with 4096 bytes") as raised:
            full().untyped_storage().resize_(8 * SIZE)
        assert raised.value.code == "F220"

    def test_it_is_saved_and_copied(self, device):
        x = full()
        x.untyped_storage().resize_(0)
        x.untyped_storage().resize_(4 * SIZE)
        x.copy_(torch.arange(float(SIZE)))
        file = io.BytesIO()
        torch.save(x, file)
        file.seek(0)
        for same in (torch.load(file), copy.deepcopy(x), x.cpu(), x.clone()):
            assert same.tolist() == list(range(SIZE))

    def test_resize_of_a_tensor_gives_memory_again(self, device):
        x = full()
        x.untyped_storage().resize_(0)
        x.resize_(SIZE)
        assert x.fill_(2).sum().item() == 2 * SIZE

    def test_a_parameter_that_is_freed_between_forward_and_backward(self, device):
        weight = torch.nn.Parameter(torch.randn(4, 4, device="cuda"))
        kept, x = weight.detach().clone(), torch.randn(2, 4, device="cuda", requires_grad=True)
        y = (x @ weight).sum()
        weight.untyped_storage().resize_(0)
        weight.untyped_storage().resize_(64)
        with torch.no_grad(), torch.autograd._unsafe_preserve_version_counter(weight):
            weight.copy_(kept)
        y.backward()
        assert torch.allclose(x.grad.cpu(), kept.cpu().sum(1).expand(2, 4))
        assert device.audit().clean

    def test_its_races_are_replayed(self, device):
        x = full()
        x.untyped_storage().resize_(0)
        x.untyped_storage().resize_(4 * SIZE)
        x.fill_(1)
        with torch.cuda.stream(torch.cuda.Stream()):
            x.sum()
        (finding,) = device.audit().findings
        assert finding.severity == "confirmed"
