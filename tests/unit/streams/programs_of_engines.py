"""Programs in the manner of engines and training frameworks; marked as in `users_programs`."""

from __future__ import annotations

PROGRAMS = {
    "loader with workers and a pinning thread": """
import torch
from torch.utils.data import DataLoader, Dataset

class Rows(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, n):
        return torch.full((4,), float(n))

if __name__ == "__main__":
    loader = DataLoader(Rows(), batch_size=2, num_workers=1, pin_memory=True)
    copy, total = torch.cuda.Stream(), torch.zeros(4, device="cuda")
    copy.wait_stream(torch.cuda.current_stream())
    for batch in loader:
        with torch.cuda.stream(copy):
            x = batch.to("cuda", non_blocking=True)
        torch.cuda.current_stream().wait_stream(copy) #+
        total += x.sum(0)
        x.record_stream(torch.cuda.current_stream())
    print(total.tolist())
""",
    "saved tensors offloaded on a side stream": """
import torch
side = torch.cuda.Stream()

def pack(x):
    if not x.is_cuda:
        return x
    host = torch.empty(x.shape, dtype=x.dtype, pin_memory=True)
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        host.copy_(x, non_blocking=True)
    x.record_stream(side)
    return host

def unpack(host):
    with torch.cuda.stream(side):
        x = host.to("cuda", non_blocking=True)
    torch.cuda.current_stream().wait_stream(side) #+
    x.record_stream(torch.cuda.current_stream())
    return x

weight = torch.randn(8, 8, device="cuda", requires_grad=True)
with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
    loss = ((torch.randn(4, 8, device="cuda") @ weight).tanh() ** 2).sum()
loss.backward()
print(weight.grad.shape)
""",
    "shards gathered a layer ahead and freed": """
import torch
layers, size = 3, 16
shards = [torch.randn(size, device="cuda") for _ in range(layers)]
full = [torch.empty(2 * size, device="cuda") for _ in range(layers)]
gather, compute = torch.cuda.Stream(), torch.cuda.current_stream()
for flat in full:
    flat.untyped_storage().resize_(0)
gather.wait_stream(compute)

def gathered(layer):
    with torch.cuda.stream(gather):
        full[layer].untyped_storage().resize_(2 * size * 4)
        torch.cat([shards[layer], shards[layer]], out=full[layer])
        return gather.record_event()

events = [gathered(0)]
x = torch.ones(2 * size, device="cuda")
for layer in range(layers):
    if layer + 1 < layers:
        events.append(gathered(layer + 1))
    compute.wait_event(events[layer])
    x = x * full[layer]
    full[layer].record_stream(compute) #+
    full[layer].untyped_storage().resize_(0)
print(x.shape)
""",
    "lists copied by one call": """
import torch
host = [torch.full((8,), float(n), pin_memory=True) for n in range(3)]
device = [torch.empty(8, device="cuda") for _ in host]
side = torch.cuda.Stream()
side.wait_stream(torch.cuda.current_stream())
with torch.cuda.stream(side):
    torch._foreach_copy_(device, host, non_blocking=True)
    copied = side.record_event()
copied.synchronize() #+
host[1].fill_(9)
torch.cuda.current_stream().wait_stream(side)
print(torch.stack(device).sum().item() >= 0)
""",
    "coroutines with an executor": """
import asyncio
import torch
side = torch.cuda.Stream()
host = torch.empty(8, pin_memory=True)

async def offload(x):
    ready = torch.cuda.current_stream().record_event()
    loop = asyncio.get_running_loop()

    def copy():
        with torch.cuda.stream(side):
            side.wait_event(ready) #+
            host.copy_(x, non_blocking=True)
            side.synchronize()

    await loop.run_in_executor(None, copy)
    return host.sum()

async def main():
    x = torch.ones(8, device="cuda")
    for _ in range(3):
        x.mul_(2)
        print((await offload(x)).shape)

asyncio.run(main())
""",
    "pages written through a strided view": """
import torch
pool = torch.zeros(2, 16, 4, device="cuda")
host = torch.ones(2, 16, 4).pin_memory()
write, read = torch.cuda.Stream(), torch.cuda.Stream()
torch.cuda.synchronize()
with torch.cuda.stream(write):
    pool[:, 4:8].copy_(host[:, 4:8], non_blocking=True)
    done = write.record_event()
with torch.cuda.stream(read):
    before = pool[:, :4].sum()
    read.wait_event(done) #+
    now = pool[:, 5].sum()
torch.cuda.synchronize()
print(before.item(), now.item())
""",
    "two workers with a condition": """
import threading
import torch
slots, ready = torch.zeros(2, 8, device="cuda"), {}
condition = threading.Condition()
torch.cuda.synchronize()

def prefill():
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for n in range(2):
            slots[n].fill_(n + 1)
            event = stream.record_event()
            with condition:
                ready[n] = event
                condition.notify()

def decode():
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for n in range(2):
            with condition:
                condition.wait_for(lambda: n in ready)
            ready[n].wait(stream) #+
            slots[n].mul_(2)

threads = [threading.Thread(target=f) for f in (prefill, decode)]
for t in threads:
    t.start()
for t in threads:
    t.join()
torch.cuda.synchronize()
print(slots.sum().item() >= 0)
""",
    "lengths read on the host while the next are written": """
import torch
lengths = torch.zeros(4, dtype=torch.int32, device="cuda")
host = torch.zeros(2, 4, dtype=torch.int32).pin_memory()
copied = [torch.cuda.Event(), torch.cuda.Event()]
schedule = []
for step in range(4):
    lengths.add_(1)
    host[step % 2].copy_(lengths, non_blocking=True)
    copied[step % 2].record()
    if step:
        copied[(step - 1) % 2].synchronize() #+
        schedule.append(max(host[(step - 1) % 2].tolist()))
print(len(schedule))
torch.cuda.synchronize()
""",
    "tensor handed to the stream that frees it": """
import torch
a, b = torch.cuda.Stream(), torch.cuda.Stream()
with torch.cuda.stream(a):
    x = torch.ones(1024, device="cuda")
    made = a.record_event()
with torch.cuda.stream(b):
    b.wait_event(made)
    y = x + 1
    used = b.record_event()
a.wait_event(used) #+
del x
with torch.cuda.stream(a):
    z = torch.zeros(1024, device="cuda")
torch.cuda.synchronize()
print(y.sum().item() > 0, z.sum().item())
""",
    "checkpointed layer beside a copy": """
import torch
from torch.utils.checkpoint import checkpoint
layer = torch.nn.Linear(8, 8).cuda()
gradients = torch.empty(8, 8, pin_memory=True)
side = torch.cuda.Stream()
x = torch.randn(4, 8, device="cuda", requires_grad=True)
for step in range(2):
    checkpoint(lambda v: layer(v).relu(), x, use_reentrant=False).sum().backward()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        gradients.copy_(layer.weight.grad, non_blocking=True)
    torch.cuda.current_stream().wait_stream(side) #+
    layer.zero_grad(set_to_none=False)
torch.cuda.synchronize()
print(gradients.shape)
""",
    "half precision weights made on a side stream": """
import torch
model = torch.nn.Linear(16, 16).cuda()
half = [torch.empty_like(p, dtype=torch.bfloat16) for p in model.parameters()]
cast = torch.cuda.Stream()
for step in range(2):
    cast.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(cast), torch.no_grad():
        for h, p in zip(half, model.parameters()):
            h.copy_(p)
        ready = torch.cuda.Event()
        ready.record()
    torch.cuda.current_stream().wait_event(ready) #+
    y = torch.nn.functional.linear(torch.ones(2, 16, device="cuda").bfloat16(), *half)
torch.cuda.synchronize()
print(y.shape)
""",
    "weights swapped while the model runs": """
import torch
names = ["a", "b"]
store = {n: torch.randn(8, 8).pin_memory() for n in names}
live = torch.empty(8, 8, device="cuda")
swap = torch.cuda.Stream()
busy = torch.cuda.Event()
for n in names * 2:
    swap.wait_event(busy) #+
    with torch.cuda.stream(swap):
        live.copy_(store[n], non_blocking=True)
    torch.cuda.current_stream().wait_stream(swap)
    y = live @ torch.ones(8, device="cuda")
    busy.record()
torch.cuda.synchronize()
print(y.shape)
""",
}
