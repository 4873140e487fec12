"""Every way to copy a tensor keeps its place, its aliases and its gradient, and is seen."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch import nn

from fencepost.core.errors import InputError
from fencepost.streams.virtual import virtual_cuda


@pytest.fixture
def device():
    with virtual_cuda() as made:
        yield made


class Named(torch.Tensor):
    """A subclass with nothing of its own."""


def saved(tensor: torch.Tensor, *, zipped: bool) -> torch.Tensor:
    file = io.BytesIO()
    torch.save(tensor, file, _use_new_zipfile_serialization=zipped)
    file.seek(0)
    return torch.load(file, weights_only=False)


COPIES = {
    "deepcopy": copy.deepcopy,
    "clone": lambda t: t.detach().clone().requires_grad_(t.requires_grad),
    "pickle": lambda t: pickle.loads(pickle.dumps(t)),  # noqa: S301  # its own
    "save": lambda t: saved(t, zipped=True),
    "save as torch did once": lambda t: saved(t, zipped=False),
}
TENSORS = {
    "plain": lambda: torch.arange(6.0, device="cuda").reshape(2, 3),
    "view": lambda: torch.arange(12.0, device="cuda").reshape(4, 3)[1::2],
    "with a gradient": lambda: torch.ones(3, device="cuda", requires_grad=True),
    "conjugated": lambda: torch.tensor([1 + 2j, 3j], device="cuda").conj(),
    "odd bytes": lambda: torch.tensor([1, 2, 3], dtype=torch.uint8, device="cuda"),
    "nothing in it": lambda: torch.empty(0, 3, device="cuda"),
    "parameter": lambda: nn.Parameter(torch.arange(3.0, device="cuda")),
    "on the host": lambda: torch.arange(3.0),
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("what", TENSORS)
def test_a_copy_is_where_the_tensor_is_and_has_memory_of_its_own(device, what, how):
    tensor = TENSORS[what]()
    made = COPIES[how](tensor)
    assert made.device == tensor.device
    assert type(made) is type(tensor) or how == "clone"
    assert made.requires_grad == tensor.requires_grad
    assert made.tolist() == tensor.tolist()
    if tensor.numel():
        with torch.no_grad():
            made.zero_()
        assert tensor.any()
    assert device.audit().clean


@pytest.mark.parametrize("what", TENSORS)
def test_a_shallow_copy_is_the_same_memory(device, what):
    tensor = TENSORS[what]()
    made = copy.copy(tensor)
    assert made is not tensor
    assert (made.device, made.requires_grad) == (tensor.device, tensor.requires_grad)
    assert type(made) is type(tensor)
    with torch.no_grad():
        tensor.zero_()
    assert not made.any()
    assert made.tolist() == tensor.tolist()


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, COPIES["pickle"]])
def test_what_the_program_keeps_on_a_tensor_is_copied(device, how):
    tensor = torch.ones(2, device="cuda")
    tensor.tag = "kept"
    assert how(tensor).tag == "kept"
    assert how(tensor).is_cuda


def test_a_shallow_copy_of_a_subclass(device):
    made = copy.copy(torch.ones(2, device="cuda").as_subclass(Named))
    assert type(made) is Named
    assert made.is_cuda


def test_a_shallow_copy_keeps_the_block_and_reads_nothing(device):
    x = torch.ones(4, device="cuda")
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream()):
        x.fill_(2)
    made = copy.copy(x)
    del x
    assert device.audit().clean, "no access, and no free while the copy is there"
    made.sum()
    (finding,) = device.audit().findings
    assert (finding.first.name, finding.second.name) == ("fill_.Scalar", "sum")


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_reads_the_tensor(device, how):
    x = torch.ones(4, device="cuda")
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream()):
        x.fill_(2)
    COPIES[how](x)
    (finding,) = device.audit().findings
    assert finding.first.name == "fill_.Scalar"
    assert finding.second.site.file == __file__


def test_views_of_one_storage_are_so_in_a_copy(device):
    whole = torch.zeros(4, device="cuda")
    for deep in (copy.deepcopy, COPIES["save"]):
        made = deep({"whole": whole, "part": whole[2:]})
        made["part"].fill_(1)
        assert made["whole"].tolist() == [0, 0, 1, 1]
        assert made["whole"].untyped_storage().nbytes() == 16
    assert whole.tolist() == [0, 0, 0, 0]


def test_a_copy_has_the_gradient_and_only_leaves_have_copies(device):
    x = torch.ones(3, device="cuda", requires_grad=True)
    (x * 2).sum().backward()
    assert copy.deepcopy(x).grad.tolist() == [2, 2, 2]
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(x * 2)


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "save", "shallow"])
def test_modules_are_copied_where_they_are(device, how):
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).cuda()
    model.append(nn.Linear(2, 2).cuda())
    model[2].weight = model[0].weight
    made = {"shallow": copy.copy, **COPIES}[how](model)
    assert {t.device.type for t in made.state_dict().values()} == {"cuda"}
    assert made[2].weight is made[0].weight
    assert (made[0].weight is model[0].weight) == (how == "shallow")
    x = torch.ones(4, 2, device="cuda")
    assert torch.equal(made.eval()(x), model.eval()(x))
    assert device.audit().clean


def test_new_of_a_tensor_of_the_device(device):
    x = torch.zeros(2, dtype=torch.float16, device="cuda")
    made = {
        "sizes": x.new(2, 3),
        "size": x.new(torch.Size([2, 3])),
        "values": x.new([1, 2]),
        "tuple": x.new((1, 2)),
        "nothing": x.new(),
        "tensor": x.new(x),
    }
    assert {t.device.type for t in made.values()} == {"cuda"}
    assert {t.dtype for t in made.values()} == {torch.float16}
    assert made["sizes"].shape == made["size"].shape == (2, 3)
    assert made["values"].tolist() == made["tuple"].tolist() == [1, 2]
    assert made["tensor"].data_ptr() == x.data_ptr()
    assert torch.zeros(1).new([1, 2]).device.type == "cpu"
    assert torch.zeros(1).new(2).device.type == "cpu"


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize(
    "resized",
    [lambda t: t.untyped_storage().resize_, lambda t: t._typed_storage()._untyped_storage.resize_],
)
def test_a_storage_of_the_device_grows_no_further_than_it_was_made(resized):
    x = torch.ones(4, device="cuda")
    with pytest.raises(InputError, match=r"F220: resize_\(64\) of a storage that was made with 16"):
        resized(x)(64)
    assert resized(x)(16).nbytes() == 16
    assert x.tolist() == [1.0] * 4


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("place", ["cpu", "meta"])
def test_a_storage_elsewhere_changes_its_size(place):
    x = torch.ones(4, device=place)
    x.untyped_storage().resize_(0)
    assert x.untyped_storage().nbytes() == 0
