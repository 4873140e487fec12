"""Code written for `torch.cuda` runs on the virtual device as it is."""

from __future__ import annotations

import copy
import io
import multiprocessing
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from fencepost.core.errors import InputError
from fencepost.report.audits import audit_text
from fencepost.streams.policies import Random
from fencepost.streams.virtual import virtual_cuda


@pytest.fixture(params=["in-order", "random", "newest-first"])
def device(request):
    with virtual_cuda(policy=request.param) as made:
        yield made


def test_the_device_is_there(device):
    assert torch.cuda.is_available()
    assert torch.cuda.device_count() == 1
    assert torch.cuda.current_device() == 0
    assert torch.cuda.get_device_name() == torch.cuda.get_device_properties(0).name
    assert torch.cuda.get_device_capability() == (9, 0)
    assert torch.accelerator.current_accelerator() == torch.device("cuda")
    assert torch.get_device_module() is torch.cuda
    with torch.cuda.device(0):
        torch.cuda.set_device("cuda:0")


def test_where_tensors_are(device):
    x = torch.ones(3, device="cuda")
    assert (x.device, x.is_cuda, x.get_device()) == (torch.device("cuda:0"), True, 0)
    assert x.type() == "torch.cuda.FloatTensor"
    for made in (x + 1, x[1:], x.cpu().cuda(), x.to("cpu").to(x), torch.zeros_like(x), x.clone()):
        assert made.is_cuda
    for made in (x.cpu(), x.to("cpu"), torch.ones(3), torch.zeros_like(x, device="cpu")):
        assert made.device.type == "cpu"
    assert torch.empty(0, device="cuda").is_cuda
    with pytest.raises(TypeError, match="can't convert cuda:0"):
        x.numpy()
    with pytest.raises(RuntimeError, match="same device"):
        _ = x + torch.ones(3)


def test_printing_waits_for_the_current_stream(device):
    x = torch.ones(2, device="cuda")
    assert repr(x) == "tensor([1., 1.], device='cuda:0')"
    assert f"{x.sum()}" == "2.0"
    assert "grad_fn" in str(x.requires_grad_() * 2)
    assert repr(torch.empty(0, device="cuda")) == "tensor([], device='cuda:0')"
    assert "Parameter containing:\ntensor([0.], device='cuda:0'" in repr(
        nn.Parameter(torch.zeros(1, device="cuda"))
    )
    with torch.cuda.stream(torch.cuda.Stream()):
        y = torch.zeros(2, device="cuda")
        y.fill_(3.0)
    str(y)
    assert len(device.audit().findings) == 1


def test_default_device(device):
    torch.set_default_device("cuda")
    try:
        assert torch.ones(2).is_cuda
        assert torch.tensor([1.0]).is_cuda
    finally:
        torch.set_default_device(None)
    with torch.device("cuda"):
        assert nn.Linear(2, 2).weight.is_cuda
    assert torch.ones(2).device.type == "cpu"


def train(where: str) -> list[torch.Tensor]:
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3)).to(where)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    inputs, labels = torch.randn(5, 6).to(where), torch.tensor([0, 1, 2, 1, 0]).to(where)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimizer.step()
    return [p.detach().cpu() for p in model.parameters()]


def test_training_gives_what_the_cpu_gives():
    expected = train("cpu")
    for policy in ("in-order", "random", "newest-first"):
        with virtual_cuda(policy=policy) as device:
            found = train("cuda")
        torch.testing.assert_close(found, expected)
        assert device.audit().findings == ()


def test_gradients_cross_between_host_and_device(device):
    x = torch.ones(2, requires_grad=True)
    (x.cuda() * 3).sum().cpu().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    y = torch.ones(2, device="cuda", requires_grad=True)
    (y.cpu() * 3).sum().backward()
    assert y.grad.is_cuda


def test_a_function_of_ones_own(device):
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2 + torch.zeros(2, device="cuda")

        @staticmethod
        def backward(ctx, gradient):
            assert torch.zeros(2).device.type == "cpu"
            return gradient * torch.full((2,), 2.0, device=gradient.device)

    x = torch.ones(2, device="cuda", requires_grad=True)
    Double.apply(x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_pinned_memory(device):
    pinned = torch.arange(4.0).pin_memory()
    assert pinned.is_pinned()
    assert pinned.device.type == "cpu"
    assert torch.empty(4, pin_memory=True).is_pinned()
    assert not torch.empty(4).is_pinned()
    x = pinned.to("cuda", non_blocking=True)
    back = x.to("cpu", non_blocking=True)
    assert back.is_pinned()
    torch.cuda.synchronize()
    assert back.tolist() == [0, 1, 2, 3]


def test_events_and_time(device):
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    torch.ones(4, device="cuda").sum()
    end.record()
    end.synchronize()
    assert end.query()
    assert start.elapsed_time(end) > 0
    with pytest.raises(ValueError, match="enable_timing"):
        torch.cuda.Event().elapsed_time(torch.cuda.Event())
    event = torch.Event(device="cuda")
    event.record(torch.cuda.current_stream())
    torch.cuda.Stream().wait_event(event)
    assert torch.Stream(device="cuda") != torch.cuda.current_stream()
    assert torch.cuda.default_stream() == torch.cuda.current_stream()


def test_memory_is_counted_and_freed(device):
    before = torch.cuda.memory_allocated()
    x = torch.zeros(1 << 16, device="cuda")
    assert torch.cuda.memory_allocated() >= before + (1 << 18)
    view = x[4:]
    del x
    torch.cuda.empty_cache()
    torch.ones(1, device="cuda")
    assert torch.cuda.memory_allocated() >= before + (1 << 18)
    del view
    y = torch.ones(1, device="cuda")
    assert torch.cuda.memory_allocated() < before + (1 << 18)
    assert torch.cuda.max_memory_allocated() >= before + (1 << 18)
    assert torch.cuda.mem_get_info()[1] > 1 << 30
    del y


def test_freed_memory_is_lent_again(device):
    x = torch.zeros(100, device="cuda")
    torch.cuda.synchronize()
    address = x.data_ptr()
    del x
    assert torch.zeros(100, device="cuda").data_ptr() == address


def test_random_numbers_do_not_depend_on_the_order():
    found = []
    for policy in ("in-order", "random", "newest-first"):
        with virtual_cuda(policy=policy):
            torch.cuda.manual_seed(3)
            generator = torch.Generator(device="cuda").manual_seed(4)
            x = torch.randn(4, device="cuda")
            y = torch.nn.functional.dropout(torch.ones(64, device="cuda"))
            z = torch.empty(4, device="cuda").normal_(generator=generator)
            assert generator.device == torch.device("cuda", 0)
            state = torch.cuda.get_rng_state()
            first = torch.rand(2, device="cuda")
            torch.cuda.set_rng_state(state)
            assert torch.equal(first, torch.rand(2, device="cuda"))
            found.append([t.cpu() for t in (x, y, z)])
    torch.testing.assert_close(found[1], found[0])
    torch.testing.assert_close(found[2], found[0])


def test_autocast_inference_and_compile(device):
    model = nn.Linear(4, 4).cuda()
    x = torch.randn(2, 4, device="cuda")
    with torch.autocast("cuda", dtype=torch.bfloat16):
        assert model(x).dtype is torch.bfloat16
    with torch.inference_mode():
        y = model(x).add_(1)
    y_again = torch.compile(model, backend="eager")(x) + 1
    torch.testing.assert_close(y.cpu(), y_again.detach().cpu())


def test_copies_and_files(device):
    model = nn.Linear(2, 2).cuda()
    assert copy.deepcopy(model).weight.is_cuda
    assert copy.deepcopy(torch.ones(2, device="cuda")).is_cuda
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    model.load_state_dict(torch.load(file))


HANDOVERS = {
    "queue": lambda: (queue.Queue, "put", "get"),
    "simple queue": lambda: (queue.SimpleQueue, "put", "get"),
}


@pytest.mark.parametrize("kind", HANDOVERS)
def test_a_queue_between_threads_orders(device, kind):
    make, put, get = HANDOVERS[kind]()
    channel = make()
    found = []

    def produce():
        with torch.cuda.stream(torch.cuda.Stream()):
            x = torch.ones(4, device="cuda")
            getattr(channel, put)((x, torch.cuda.current_stream().record_event()))

    def consume():
        x, event = getattr(channel, get)()
        event.synchronize()
        found.append(x.sum().item())

    threads = [threading.Thread(target=body) for body in (consume, produce)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    torch.cuda.synchronize()
    assert found == [4.0]
    assert device.audit().findings == ()


def test_a_pool_of_threads(device):
    with ThreadPoolExecutor(2) as pool:
        futures = [
            pool.submit(lambda n: torch.full((4,), n, device="cuda").sum().item(), n)
            for n in (1.0, 2.0)
        ]
        assert [f.result() for f in futures] == [4.0, 8.0]
    assert device.audit().findings == ()


def test_a_plain_variable_orders_nothing(device):
    x = torch.zeros(4, device="cuda")
    torch.cuda.synchronize()
    ready = []

    def fill():
        with torch.cuda.stream(torch.cuda.Stream()):
            x.fill_(1.0)
            torch.cuda.current_stream().synchronize()
        ready.append(True)

    thread = threading.Thread(target=fill)
    thread.start()
    while not ready:
        pass
    x.sum()
    assert len(device.audit().findings) == 1
    thread.join()


def test_a_child_process_is_refused(device):
    torch.ones(2, device="cuda")
    ends, end = multiprocessing.Pipe()

    def body():
        try:
            torch.ones(2, device="cuda")
        except InputError as error:
            end.send(error.code)

    child = multiprocessing.get_context("fork").Process(target=body)
    child.start()
    assert ends.recv() == "F230"
    child.join()


def test_one_virtual_device_at_a_time(device):
    with pytest.raises(InputError, match="inside another"), virtual_cuda():
        pass


def test_the_report_says_what_it_does_not_cover(device):
    event = torch.cuda.Event()
    with torch.cuda.stream(torch.cuda.Stream()):
        torch.ones(2, device="cuda")
        event.record()
    while not event.query():
        pass
    thread = threading.Thread(target=lambda: torch.ones(2, device="cuda"))
    thread.start()
    thread.join()
    text = audit_text(device.audit())
    assert "2 host threads: a value handed over in a plain variable orders nothing" in text
    assert "quer" in text
    if not isinstance(device.runtime.bridge.device.policy, Random):
        assert "found work pending" in text


def test_a_policy_that_does_not_exist():
    with (
        pytest.raises(InputError, match="no policy 'fastest'") as raised,
        virtual_cuda(policy="fastest"),
    ):
        pass
    assert raised.value.code == "F227"


def test_a_hundred_and_one_streams_are_all_different(device):
    assert len({torch.cuda.Stream() for _ in range(101)}) == 101


def test_contexts_of_coroutines_end_in_any_order(device):
    one, other = torch.cuda.Stream(), torch.cuda.Stream()
    default = torch.cuda.current_stream()
    first, second, third = (torch.cuda.stream(s) for s in (one, other, one))
    first.__enter__()
    second.__enter__()
    third.__enter__()
    first.__exit__(None, None, None)
    assert torch.cuda.current_stream() == default
    second.__exit__(None, None, None)
    assert torch.cuda.current_stream() == one
    third.__exit__(None, None, None)
    assert torch.cuda.current_stream() == other


def test_streams_as_contexts_end_in_any_order(device):
    one, other = torch.cuda.Stream(), torch.cuda.Stream()
    default = torch.cuda.current_stream()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert torch.cuda.current_stream() == default
    other.__exit__(None, None, None)
    assert torch.cuda.current_stream() == one
