"""Layers compute on the virtual device what they compute on the CPU, and go where they are sent."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fencepost.streams.virtual import virtual_cuda


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2)

    def forward(self, x):
        return self.attention(x, x, x)[0]


class Embedded(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(7, 4)

    def forward(self, x):
        return self.table((x.abs() * 3).long().clamp(max=6))


LAYERS = {
    "LSTM": lambda: nn.LSTM(4, 5),
    "two-way LSTM of two layers": lambda: nn.LSTM(4, 5, num_layers=2, bidirectional=True),
    "GRU": lambda: nn.GRU(4, 5),
    "RNN": lambda: nn.RNN(4, 5),
    "BatchNorm1d": lambda: nn.BatchNorm1d(2),
    "BatchNorm1d, evaluated": lambda: nn.BatchNorm1d(2).eval(),
    "LayerNorm": lambda: nn.LayerNorm(4),
    "GroupNorm": lambda: nn.GroupNorm(1, 2),
    "Conv1d": lambda: nn.Conv1d(2, 3, 2),
    "ConvTranspose1d": lambda: nn.ConvTranspose1d(2, 3, 2),
    "MultiheadAttention": Attention,
    "Embedding": Embedded,
}


def ran(layer, x):
    """The output, and the gradients of a sum in which no two elements count alike."""
    output = layer(x)
    output = output[0] if isinstance(output, tuple) else output
    weights = torch.arange(output.numel(), dtype=output.dtype, device=output.device)
    (output * weights.reshape(output.shape)).sum().backward()
    wanted = [*layer.parameters(), *([x] if x.grad is not None else [])]
    return [output, *(each.grad for each in wanted)]


@pytest.mark.parametrize("policy", ["in-order", "random"])
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("wants", [False, True], ids=["constant", "differentiated"])
def test_values_and_gradients_are_those_of_the_cpu(name, policy, wants):
    torch.manual_seed(0)
    plain = LAYERS[name]()
    x = torch.randn(3, 2, 4)
    with virtual_cuda(policy=policy, seed=2) as device:
        there = LAYERS[name]().cuda().train(plain.training)
        there.load_state_dict(plain.state_dict())
        sent = x.cuda().requires_grad_(wants)
        found = [value.cpu() for value in ran(there, sent)]
    assert device.audit().findings == ()
    own = x.clone().requires_grad_(wants)
    expected = ran(plain, own)
    assert len(found) == len(expected) > 1
    for value, right in zip(found, expected, strict=True):
        torch.testing.assert_close(value, right, atol=1e-4, rtol=1e-4)


def test_an_lstm_that_is_not_differentiated():
    plain, x = nn.LSTM(4, 5), torch.randn(3, 2, 4)
    with virtual_cuda(), torch.no_grad():
        there = nn.LSTM(4, 5).cuda()
        there.load_state_dict(plain.state_dict())
        found = there(x.cuda())[0].cpu()
    torch.testing.assert_close(found, plain(x)[0].detach(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "words",
    [
        {"device": "cuda"},
        {"device": "cuda", "dtype": torch.float64},
        {"device": torch.device("cuda", 0), "non_blocking": True},
    ],
)
def test_a_module_goes_where_a_keyword_says(words):
    with virtual_cuda():
        layer = nn.Linear(2, 2).to(**words)
        assert {p.device.type for p in layer.parameters()} == {"cuda"}
        assert layer.weight.dtype == words.get("dtype", torch.float32)
        assert layer(torch.ones(2, device="cuda", dtype=layer.weight.dtype)).is_cuda


def test_what_was_let_go_of_is_no_longer_allocated():
    with virtual_cuda():
        before = torch.cuda.memory_allocated()
        x = torch.zeros(300, device="cuda")
        there = torch.cuda.memory_allocated()
        del x
        assert torch.cuda.memory_allocated() == before < there
        assert torch.cuda.memory_stats()["allocated_bytes.all.current"] == before


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_tensor_of_another_device_says_how_large_one_is_made(device):
    like = torch.ones(2, 3, device=device)
    with virtual_cuda():
        for make in (torch.empty_like, torch.zeros_like, torch.ones_like, torch.randn_like):
            made = make(like, device="cuda")
            assert made.is_cuda
            assert made.shape == (2, 3)
        assert torch.ones_like(like, device="cuda").tolist() == [[1.0] * 3] * 2
        assert like.new_full((2,), 7.0, device="cuda").tolist() == [7.0, 7.0]
        with pytest.raises(RuntimeError, match="on the same device"):
            torch.ones(3, device="cuda") + torch.ones(3)


def test_a_module_without_data_is_given_some():
    with virtual_cuda():
        module = nn.Sequential(nn.Linear(4, 4, device="meta"), nn.BatchNorm1d(4, device="meta"))
        module.to_empty(device="cuda")
        assert all(p.is_cuda for p in [*module.parameters(), *module.buffers()])


@pytest.mark.parametrize("layer", [nn.GRU, nn.LSTM, nn.RNN])
def test_sequences_of_several_lengths(layer):
    """Their lengths lie on the host."""

    def run(device: str):
        torch.manual_seed(1)
        x = torch.randn(5, 3, 4).to(device).requires_grad_()
        module = layer(4, 6).to(device)
        packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5, 3, 2]))
        assert not packed.batch_sizes.is_cuda
        padded, lengths = nn.utils.rnn.pad_packed_sequence(module(packed)[0])
        assert not lengths.is_cuda
        (padded**2).sum().backward()
        gradients = (x.grad, module.weight_ih_l0.grad)
        return [padded.detach().cpu(), lengths, *(g.cpu() for g in gradients)]

    expected = run("cpu")
    with virtual_cuda():
        for there, here in zip(run("cuda"), expected, strict=True):
            assert torch.allclose(there, here, atol=1e-6)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("lengths", ["numbers", "on the host", "on the device"])
def test_losses_over_sequences_of_several_lengths(lengths, reduction):
    torch.manual_seed(1)
    scores, targets = torch.randn(12, 3, 5).log_softmax(2), torch.randint(1, 5, (3, 4))

    def run(device: str):
        x = scores.clone().to(device).requires_grad_()
        many = ([12, 10, 9], [4, 2, 3])
        if lengths != "numbers":
            there = device if lengths == "on the device" else "cpu"
            many = [torch.tensor(each, device=there) for each in many]
        loss = nn.functional.ctc_loss(x, targets.to(device), *many, reduction=reduction)
        loss.sum().backward()
        return loss.detach().cpu(), x.grad.cpu()

    expected = run("cpu")
    with virtual_cuda():
        for there, here in zip(run("cuda"), expected, strict=True):
            assert torch.allclose(there, here, atol=1e-6)


def test_the_host_waits_for_no_loss_whose_lengths_it_knows():
    with virtual_cuda() as device:
        x = torch.randn(12, 3, 5, device="cuda").log_softmax(2)
        targets = torch.ones(3, 4, dtype=torch.long, device="cuda")
        torch.cuda.synchronize()
        loss = nn.CTCLoss(reduction="none")(
            x, targets, torch.tensor([12] * 3), torch.tensor([4] * 3)
        )
        with torch.cuda.stream(torch.cuda.Stream()):
            loss.sum()
        torch.cuda.synchronize()
        (finding,) = device.audit().findings
        assert finding.second.name == "sum"


def test_a_tensor_of_the_host_takes_no_index_of_the_device():
    host = torch.arange(4.0)
    with virtual_cuda():
        index = torch.tensor([1, 2], device="cuda")
        for use in (
            lambda: host[index],
            lambda: host.index_select(0, index),
            lambda: host.__setitem__(index, 1.0),
        ):
            with pytest.raises(RuntimeError, match="on cpu or on the same device"):
                use()
        assert host.cuda()[torch.tensor([1, 2])].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
def test_lengths_of_sequences_lie_on_the_host(virtual_cuda, dtype):
    x, lengths = torch.ones(3, 2, 4), torch.tensor([3, 2], dtype=dtype)
    for data in (x, x.cuda()):
        nn.utils.rnn.pack_padded_sequence(data, lengths)
        with pytest.raises(
            RuntimeError, match="1D CPU int64 tensor, but got 1D cuda:0 Long tensor"
        ):
            nn.utils.rnn.pack_padded_sequence(data, lengths.cuda())
