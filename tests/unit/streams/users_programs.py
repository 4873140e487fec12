"""Programs as users write them: each with its synchronisation, and with one piece of it left out.

A line that ends in `#+` is only in the correct program, one that ends in `#-` only in the broken
one.
"""

from __future__ import annotations

PROGRAMS = {
    "double-buffered prefetch": """
import torch
batches = [torch.full((64,), float(n)).pin_memory() for n in range(6)]
buffers = [torch.empty(64, device="cuda") for _ in range(2)]
copy, compute = torch.cuda.Stream(), torch.cuda.current_stream()
filled = [torch.cuda.Event() for _ in range(2)]
used = [torch.cuda.Event() for _ in range(2)]
copy.wait_stream(compute)
total = torch.zeros(64, device="cuda")

def fetch(n):
    with torch.cuda.stream(copy):
        copy.wait_event(used[n % 2]) #+
        buffers[n % 2].copy_(batches[n], non_blocking=True)
        filled[n % 2].record(copy)

fetch(0)
for n in range(6):
    if n + 1 < 6:
        fetch(n + 1)
    compute.wait_event(filled[n % 2])
    total += buffers[n % 2]
    used[n % 2].record(compute)
print(total.shape)
""",
    "data_prefetcher of NVIDIA's examples": """
import torch

class DataPrefetcher:
    def __init__(self, loader):
        self.loader = iter(loader)
        self.stream = torch.cuda.Stream()
        self.mean = torch.tensor([0.5], device="cuda")
        self.stream.wait_stream(torch.cuda.current_stream())
        self.preload()

    def preload(self):
        try:
            self.next_input, self.next_target = next(self.loader)
        except StopIteration:
            self.next_input = None
            return
        with torch.cuda.stream(self.stream):
            self.next_input = self.next_input.cuda(non_blocking=True)
            self.next_target = self.next_target.cuda(non_blocking=True)
            self.next_input = self.next_input.float().sub_(self.mean)

    def next(self):
        torch.cuda.current_stream().wait_stream(self.stream)
        input, target = self.next_input, self.next_target
        if input is not None:
            target.record_stream(torch.cuda.current_stream())
            input.record_stream(torch.cuda.current_stream()) #+
        self.preload()
        return input, target

data = [(torch.ones(8, 4).pin_memory(), torch.zeros(8).pin_memory()) for _ in range(4)]
model = torch.nn.Linear(4, 1).cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
prefetcher = DataPrefetcher(data)
input, target = prefetcher.next()
while input is not None:
    loss = (model(input).squeeze(1) - target).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    input, target = prefetcher.next()
print(loss.item() >= 0)
""",
    "key/value offload with events": """
import torch
layers, tokens = 4, 16
cache = [torch.randn(tokens, 8, device="cuda") for _ in range(layers)]
host = [torch.empty(tokens, 8, pin_memory=True) for _ in range(layers)]
offload = torch.cuda.Stream()
done = [torch.cuda.Event() for _ in range(layers)]
for layer in range(layers):
    cache[layer].mul_(2)
    ready = torch.cuda.current_stream().record_event()
    offload.wait_event(ready)
    with torch.cuda.stream(offload):
        host[layer].copy_(cache[layer], non_blocking=True)
        done[layer].record()
for layer in range(layers):
    torch.cuda.current_stream().wait_event(done[layer]) #+
    cache[layer].zero_()
for event in done:
    event.synchronize()
print(sum(float(h.abs().sum()) for h in host) > 0)
""",
    "key/value load, a layer at a time": """
import torch
layers = 4
host = [torch.full((8, 4), float(n), pin_memory=True) for n in range(layers)]
cache = torch.zeros(layers, 32, 4, device="cuda")
slots = torch.tensor([3, 9, 4, 20, 7, 8, 30, 1], device="cuda")
load = torch.cuda.Stream()
load.wait_stream(torch.cuda.current_stream())
events = []
with torch.cuda.stream(load):
    for layer in range(layers):
        rows = host[layer].to("cuda", non_blocking=True)
        cache[layer].index_copy_(0, slots, rows)
        event = torch.cuda.Event()
        event.record()
        events.append(event)
out = torch.zeros(4, device="cuda")
for layer in range(layers):
    events[layer].wait() #+
    events[max(layer - 1, 0)].wait() #-
    out += cache[layer][slots].sum(0)
print(out.tolist())
""",
    "optimizer on the host": """
import torch
parameters = [torch.randn(32, device="cuda") for _ in range(3)]
master = [torch.empty(32, pin_memory=True) for _ in parameters]
gradients = [torch.empty(32, pin_memory=True) for _ in parameters]
for p, m in zip(parameters, master):
    m.copy_(p)
stream = torch.cuda.Stream()
for step in range(3):
    on_device = [p * 0.1 for p in parameters]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for g, made in zip(gradients, on_device):
            g.copy_(made, non_blocking=True)
            made.record_stream(stream)
    stream.synchronize() #+
    for m, g in zip(master, gradients):
        m.sub_(g, alpha=0.5)
    with torch.cuda.stream(stream):
        for p, m in zip(parameters, master):
            p.copy_(m, non_blocking=True)
    torch.cuda.current_stream().wait_stream(stream)
    stream.synchronize()
""",
    "ring of pinned buffers": """
import torch
ring = [torch.empty(16, pin_memory=True) for _ in range(3)]
free = [None] * 3
stream, received = torch.cuda.Stream(), []
for n in range(9):
    slot = n % 3
    if free[slot] is not None:
        free[slot].synchronize() #+
        free[slot].query() #-
    ring[slot].fill_(n)
    with torch.cuda.stream(stream):
        received.append(ring[slot].to("cuda", non_blocking=True))
        free[slot] = stream.record_event()
torch.cuda.current_stream().wait_stream(stream)
print(sum(x[0].item() for x in received))
""",
    "overlap of a tensor-parallel layer": """
import torch
ranks = 2
compute = [torch.cuda.Stream() for _ in range(ranks)]
communicate = torch.cuda.Stream()
weights = [torch.randn(8, 8, device="cuda") for _ in range(ranks)]
x = torch.randn(4, 8, device="cuda")
chunks = x.chunk(2)
main = torch.cuda.current_stream()
partial = [[None, None] for _ in range(ranks)]
results = [torch.empty(2, 8, device="cuda") for _ in chunks]
for s in (*compute, communicate):
    s.wait_stream(main)
for c, chunk in enumerate(chunks):
    for rank in range(ranks):
        with torch.cuda.stream(compute[rank]):
            partial[rank][c] = chunk @ weights[rank]
            partial[rank][c].record_stream(communicate)
        if rank == 0: #-
            communicate.wait_stream(compute[rank]) #-
        communicate.wait_stream(compute[rank]) #+
    with torch.cuda.stream(communicate):
        torch.add(partial[0][c], partial[1][c], out=results[c])
main.wait_stream(communicate)
for s in compute:
    main.wait_stream(s)
print(torch.cat(results).shape)
""",
    "timing with events": """
import torch
a = torch.randn(32, 32, device="cuda")
side = torch.cuda.Stream()
start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
side.wait_stream(torch.cuda.current_stream())
with torch.cuda.stream(side):
    start.record()
    for _ in range(5):
        b = a @ a
    end.record()
torch.cuda.current_stream().wait_event(end) #+
torch.cuda.current_stream().wait_event(start) #-
c = torch.zeros(32, 32, device="cuda")
c.copy_(b)
end.synchronize()
print(start.elapsed_time(end) > 0)
b.record_stream(torch.cuda.current_stream())
""",
    "loader that pins": """
import torch
from torch.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.arange(32.0).reshape(16, 2), torch.arange(16))
loader = DataLoader(data, batch_size=4, pin_memory=True, num_workers=0)
copy, weight = torch.cuda.Stream(), torch.randn(2, device="cuda")
torch.cuda.synchronize()
for x, y in loader:
    assert x.is_pinned()
    with torch.cuda.stream(copy):
        x = x.to("cuda", non_blocking=True)
        y = y.to("cuda", non_blocking=True)
    torch.cuda.current_stream().wait_stream(copy) #+
    loss = (x @ weight - y).sum()
    x.record_stream(torch.cuda.current_stream())
    y.record_stream(torch.cuda.current_stream())
print(loss.shape)
""",
    "all-reduce beside the backward pass": """
import torch
model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)).cuda()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
communicate = torch.cuda.Stream()
communicate.wait_stream(torch.cuda.current_stream())

def reduce(parameter):
    communicate.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(communicate):
        parameter.grad.div_(2)

for parameter in model.parameters():
    parameter.register_post_accumulate_grad_hook(reduce)
for step in range(2):
    model(torch.randn(4, 8, device="cuda")).sum().backward()
    torch.cuda.current_stream().wait_stream(communicate) #+
    optimizer.step()
    torch.cuda.current_stream().wait_stream(communicate)
    optimizer.zero_grad(set_to_none=False)
    communicate.wait_stream(torch.cuda.current_stream())
""",
    "copy to the host, read by numpy": """
import torch
x = torch.arange(8.0, device="cuda") * 2
host = x.to("cpu", non_blocking=True)
torch.cuda.current_stream().synchronize() #+
print(host.numpy().shape)
torch.cuda.synchronize()
""",
    "producer and consumer with a queue": """
import queue, threading
import torch
full, done = queue.Queue(maxsize=2), object()
produced = torch.cuda.Stream()

def produce():
    with torch.cuda.stream(produced):
        for n in range(4):
            x = torch.full((8,), float(n), device="cuda") + 1
            event = torch.cuda.Event()
            event.record()
            full.put((x, event))
        full.put(done)

thread = threading.Thread(target=produce)
thread.start()
total = 0.0
while (item := full.get()) is not done:
    x, event = item
    torch.cuda.current_stream().wait_event(event) #+
    x.record_stream(torch.cuda.current_stream())
    total += x.sum().item()
    del x, item
thread.join()
print(total)
""",
    "generator that fetches ahead": """
import torch

def batches(stream, count):
    pinned = [torch.empty(8, pin_memory=True) for _ in range(2)]
    copied = [torch.cuda.Event() for _ in range(2)]
    for n in range(count):
        copied[n % 2].synchronize() #+
        pinned[n % 2].fill_(n)
        with torch.cuda.stream(stream):
            x = pinned[n % 2].to("cuda", non_blocking=True)
            copied[n % 2].record()
        torch.cuda.current_stream().wait_stream(stream)
        x.record_stream(torch.cuda.current_stream())
        yield x

print([float(x.sum()) for x in map(lambda b: b * 2, batches(torch.cuda.Stream(), 5))][-1] >= 0)
""".replace("float(x.sum()) for x", "x.sum() for x").replace("[-1] >= 0", "[-1].shape"),
    "temporary of a side stream without record_stream": """
import torch
side = torch.cuda.Stream()
weights = torch.randn(16, 16, device="cuda")
out = torch.zeros(16, 16, device="cuda")
for _ in range(3):
    x = torch.randn(16, 16, device="cuda")
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        out += x @ weights
    x.record_stream(side) #+
    del x
torch.cuda.current_stream().wait_stream(side)
print(out.shape)
""",
    "wait on the event of another buffer": """
import torch
load, compute = torch.cuda.Stream(), torch.cuda.Stream()
source = [torch.full((8,), 1.0 + n).pin_memory() for n in range(2)]
target = [torch.empty(8, device="cuda") for _ in range(2)]
torch.cuda.synchronize()
with torch.cuda.stream(load):
    target[0].copy_(source[0], non_blocking=True)
    first = load.record_event()
    target[1].copy_(source[1], non_blocking=True)
    second = load.record_event()
with torch.cuda.stream(compute):
    second.wait() #+
    first.wait() #-
    out = target[0] + target[1]
torch.cuda.synchronize()
print(out[0].item())
""",
    "speculative draft and target": """
import torch
draft, target = torch.cuda.Stream(), torch.cuda.Stream()
tokens = torch.zeros(4, dtype=torch.int64, device="cuda")
accepted = torch.zeros((), dtype=torch.int64, device="cuda")
count = torch.zeros((), dtype=torch.int64, pin_memory=True)
torch.cuda.synchronize()
for step in range(3):
    draft.wait_stream(target)
    with torch.cuda.stream(draft):
        tokens.copy_(torch.arange(4, device="cuda") + step)
    target.wait_stream(draft)
    with torch.cuda.stream(target):
        verified = torch.arange(4, device="cuda") + step
        accepted.copy_((verified == tokens).sum())
        count.copy_(accepted, non_blocking=True)
        copied = target.record_event()
    copied.synchronize() #+
    for _ in range(int(count)):
        pass
torch.cuda.synchronize()
""",
    "executor that writes back": """
from concurrent.futures import ThreadPoolExecutor
import torch
back = torch.cuda.Stream()
cache = torch.zeros(4, 8, device="cuda")
host = torch.empty(4, 8, pin_memory=True)

def write_back(row, ready):
    with torch.cuda.stream(back):
        back.wait_event(ready)
        host[row].copy_(cache[row], non_blocking=True)
        back.synchronize() #+
    return row

with ThreadPoolExecutor(2) as pool:
    futures = []
    for row in range(4):
        cache[row].add_(row)
        futures.append(pool.submit(write_back, row, torch.cuda.current_stream().record_event()))
    print(sum(float(host[future.result()].sum()) for future in futures))
torch.cuda.synchronize()
""",
}


def correct(text: str) -> str:
    """A program with all of its synchronisation."""
    return _chosen(text, "#+", "#-")


def broken(text: str) -> str:
    """A program with one piece left out, or another in its place."""
    return _chosen(text, "#-", "#+")


def _chosen(text: str, kept: str, left_out: str) -> str:
    lines = [line for line in text.splitlines() if not line.endswith(left_out)]
    return "".join(f"{line.removesuffix(kept).rstrip()}\n" for line in lines)
