"""What uses no data of a tensor is no access to it, and is not reported."""

from __future__ import annotations

import pytest

# Said once a process, of operators that are tried here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:index_reduce"),
    pytest.mark.filterwarnings("ignore:The reduce argument of torch.scatter"),
]

PROGRAM = """
import torch
from torch.nn import functional as F

x = torch.zeros(4, 4, device="cuda")
y = torch.ones(4, 4, device="cuda")
image = torch.ones(2, 3, 4, 4, device="cuda")
norm = torch.nn.BatchNorm2d(3).cuda().eval()
host = torch.zeros(4, 4).pin_memory()
side = torch.cuda.Stream()
torch.cuda.synchronize()
with torch.cuda.stream(side):
    {here}
{there}
torch.cuda.synchronize()
"""
SIZES = (
    "torch.ones_like(x)",
    "torch.zeros_like(x)",
    "torch.empty_like(x)",
    "torch.full_like(x, 2.0)",
    "torch.rand_like(x)",
    "torch.randn_like(x)",
    "torch.randint_like(x, 5)",
    "x.new_zeros(3)",
    "x.new_ones(3)",
    "x.new_empty(3)",
    "x.new_full((3,), 1.0)",
    "x.new_tensor([1.0])",
    "x.size(), x.shape, x.stride(), x.numel(), x.dim(), x.is_contiguous(), len(x)",
    "x.detach(), x.view(16), x.t(), x.data, x[1], x.expand(2, 4, 4)",
    "x.is_same_size(y), x.is_set_to(y), x.is_pinned(), x.data_ptr()",
    "torch.empty(0, device='cuda').resize_as_(x)",
    "torch.empty(0, device='cuda').set_(x)",
    "torch.ops.aten.fill(x, 1.0)",
    "torch.addmm(x, y, y, beta=0)",
    "torch.baddbmm(x[None], y[None], y[None], beta=0)",
)
WRITE = "x.fill_(1.0)"


@pytest.fixture
def audit(workshop):
    def run(here: str, there: str):
        workshop.write("program.py", PROGRAM.format(here=here, there=there))
        return workshop.run("audit", "program.py")

    return run


@pytest.mark.parametrize("there", SIZES)
def test_sizes_are_no_data(audit, there):
    ran = audit(WRITE, there)
    assert ran.code == 0, ran.err


@pytest.mark.parametrize(
    "there", ["x + 1", "x.clone()", "x.to(torch.float64)", "torch.addmm(x, y, y)", "x.zero_()"]
)
def test_data_is(audit, there):
    assert audit(WRITE, there).code == 1


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("norm(image)", "norm(image)"),
        ("host.copy_(x, non_blocking=True)", "torch.zeros_like(host), host.new_ones(2)"),
        ("y.sum()", "torch.empty(4, 4, device='cuda').copy_(x)"),
        ("x.add_(1)", "F.mse_loss(y.requires_grad_(), y.detach()).backward()"),
    ],
)
def test_two_streams_that_only_share_what_they_read(audit, here, there):
    ran = audit(here, there)
    assert ran.code == 0, ran.err


ROW = "torch.tensor([{0}], device='cuda')"
BY_ROWS = (
    "x.take({row})",
    "x.put_({row}, y[0, :1])",
    "x.put_({row}, y[0, :1], accumulate=True)",
    "x.index_reduce_(0, {row}, y[:1], 'prod')",
    "x.scatter_(0, {row}.expand(1, 4), y[:1], reduce='add')",
    "F.embedding_bag({row}[None], x, mode='sum')",
    "F.embedding({row}, x, max_norm=0.5)",
    "torch.ops.aten._unsafe_index(x, [{row}])",
)


@pytest.mark.parametrize("call", BY_ROWS)
def test_an_index_touches_what_it_names(audit, call):
    one, other = (call.format(row=ROW.format(row)) for row in (0, 1))
    for there in (other, "x[1].fill_(1.0)"):
        ran = audit(one, there)
        assert ran.code == 0, ran.err
    assert audit(one, "x[0].fill_(1.0)").code == 1


def test_statistics_of_training_are_written(audit):
    ran = audit("norm(image)", "norm.train()(image)")
    assert ran.code == 1
    assert "native_batch_norm writes on the default stream" in ran.err


def test_a_gradient_s_beginning_reads_nothing(workshop):
    """`backward` of a scalar makes the gradient of ones from its size alone."""
    text = """
import torch

w = torch.ones(4, device="cuda", requires_grad=True)
side = torch.cuda.Stream()
loss = (w * 2).sum()
torch.cuda.synchronize()
with torch.cuda.stream(side):
    loss.detach().fill_(1.0)
loss.backward()
torch.cuda.synchronize()
"""
    workshop.write("program.py", text)
    ran = workshop.run("audit", "program.py")
    assert ran.code == 0, ran.err
