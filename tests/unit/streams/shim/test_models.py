"""Models, optimisers and loaders of torch run as they are, and nothing is reported of them."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

from fencepost.streams.virtual import virtual_cuda


def scaled_gradients():
    model = nn.Linear(4, 4).cuda()
    optimizer, scaler = torch.optim.SGD(model.parameters()), torch.amp.GradScaler("cuda")
    with torch.autocast("cuda", dtype=torch.float16):
        loss = model(torch.randn(2, 4, device="cuda")).float().sum()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()


def pinning_loader():
    for (batch,) in DataLoader(TensorDataset(torch.randn(8, 4)), batch_size=4, pin_memory=True):
        assert batch.is_pinned()
        assert batch.cuda(non_blocking=True).is_cuda


def transformer():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).cuda()
    inputs = torch.randn(2, 5, 8, device="cuda")
    model(inputs).sum().backward()
    with torch.no_grad():
        assert model.eval()(inputs).is_cuda


def recurrent():
    model = nn.LSTM(4, 5, batch_first=True).cuda()
    model(torch.randn(2, 3, 4, device="cuda"))[0].sum().backward()


def convolution():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout()).cuda()
    model(torch.randn(2, 3, 8, 8, device="cuda")).sum().backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)


def checkpointed():
    x = torch.randn(2, 2, device="cuda", requires_grad=True)
    checkpoint(lambda a: (a * 2).relu(), x, use_reentrant=False).sum().backward()


def prefetcher():
    side, model = torch.cuda.Stream(), nn.Linear(4, 4).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    for _ in range(4):
        with torch.cuda.stream(side):
            batch = torch.randn(2, 4).pin_memory().to("cuda", non_blocking=True)
        torch.cuda.current_stream().wait_stream(side)
        batch.record_stream(torch.cuda.current_stream())
        model(batch).sum().backward()
        optimizer.step()
        optimizer.zero_grad()


def vectorised():
    assert torch.vmap(lambda row: row * 2)(torch.ones(2, 3, device="cuda")).is_cuda


def sampled():
    torch.distributions.Normal(torch.zeros(3, device="cuda"), 1.0).sample()
    torch.multinomial(torch.ones(4, device="cuda"), 2)
    nn.functional.gumbel_softmax(torch.randn(3, device="cuda"))


@pytest.mark.parametrize("policy", ["random", "newest-first"])
@pytest.mark.parametrize(
    "program",
    [
        scaled_gradients,
        pinning_loader,
        transformer,
        recurrent,
        convolution,
        checkpointed,
        prefetcher,
        vectorised,
        sampled,
    ],
)
def test_program(program, policy: str):
    with virtual_cuda(policy=policy, seed=1) as device:
        program()
        torch.cuda.synchronize()
    assert device.audit().findings == ()


def test_a_prefetcher_without_record_stream_is_found():
    with virtual_cuda() as device:
        side = torch.cuda.Stream()
        for _ in range(2):
            with torch.cuda.stream(side):
                batch = torch.randn(2, 4).pin_memory().to("cuda", non_blocking=True)
            torch.cuda.current_stream().wait_stream(side)
            batch.sum()
        torch.cuda.synchronize()
    (finding,) = device.audit().findings
    assert finding.edge.kind == "record_stream"
    assert finding.edge.checked
