"""Programs whose bytes say who wrote them: a generation writes its number, a free slot is poison.

Each hands one slot from generation to generation, and returns for each generation which tags its
reader saw. When `fixed` that is the generation itself, in every legal order; otherwise a tag names
the write that came too early or too late. Like the other programs they are ordinary torch, and
`window` is called where a GPU should be slow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

Window = Callable[[], None]
Seen = list[list[float]]
SIZE = 1024
GENERATIONS = 3
POISON = -1.0


@dataclass(frozen=True)
class Tagged:
    """A pair of programs, and a pattern of what tags say where the broken one shows its fault."""

    name: str
    body: Callable[[bool, Window], Seen]
    says: str


TAGGED: list[Tagged] = []


def tagged(says: str) -> Callable[[Callable[[bool, Window], Seen]], object]:
    def register(body: Callable[[bool, Window], Seen]) -> object:
        TAGGED.append(Tagged(body.__name__, body, says))
        return body

    return register


def told(seen: Seen) -> list[str]:
    """What the tags say of reads that did not see their own generation."""
    found = []
    for own, tags in enumerate(seen, start=1):
        for tag in tags:
            if tag == POISON:
                found.append(f"reader {own} saw a slot that was free")
            elif tag < own:
                found.append(f"reader {own} saw what generation {tag:.0f} had left")
            elif tag > own:
                found.append(f"reader {own} saw what generation {tag:.0f} wrote after it")
    return found


def _seen(reads: torch.Tensor) -> Seen:
    torch.cuda.synchronize()
    return [sorted(set(row)) for row in reads.tolist()]


def _slot(tag: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A slot with a tag, and a row for each reader."""
    slot = torch.full((SIZE,), tag, device="cuda")
    reads = torch.zeros(GENERATIONS, SIZE, device="cuda")
    torch.cuda.synchronize()
    return slot, reads


@tagged("reader 1 saw what generation [23] wrote after it")
def handed_on_too_early(fixed: bool, window: Window) -> Seen:
    slot, reads = _slot(POISON)
    load, compute = torch.cuda.Stream(), torch.cuda.Stream()
    for generation in range(1, GENERATIONS + 1):
        with torch.cuda.stream(load):
            if fixed:
                load.wait_stream(compute)
            slot.fill_(generation)
        compute.wait_stream(load)
        with torch.cuda.stream(compute):
            window()
            reads[generation - 1].copy_(slot)
    return _seen(reads)


@tagged("reader 1 saw a slot that was free")
def read_before_it_is_written(fixed: bool, window: Window) -> Seen:
    slot, reads = _slot(POISON)
    load, compute = torch.cuda.Stream(), torch.cuda.Stream()
    for generation in range(1, GENERATIONS + 1):
        load.wait_stream(compute)
        with torch.cuda.stream(load):
            window()
            slot.fill_(generation)
        if fixed:
            compute.wait_stream(load)
        with torch.cuda.stream(compute):
            reads[generation - 1].copy_(slot)
    return _seen(reads)


@tagged("reader 2 saw what generation 1 had left")
def written_late_by_the_last_owner(fixed: bool, window: Window) -> Seen:
    slot, reads = _slot(POISON)
    last, owner = torch.cuda.Stream(), torch.cuda.Stream()
    with torch.cuda.stream(last):
        window()
        slot.fill_(1)
        reads[0].copy_(slot)
    with torch.cuda.stream(owner):
        if fixed:
            owner.wait_stream(last)
        slot.fill_(2)
    torch.cuda.synchronize()
    reads[1].copy_(slot)
    return _seen(reads[:2])


@tagged("reader 1 saw (a slot that was free|what generation [23] wrote after it)")
def freed_while_it_is_read(fixed: bool, window: Window) -> Seen:
    _, reads = _slot(POISON)
    side = torch.cuda.Stream()
    for generation in range(1, GENERATIONS + 1):
        slot = torch.full((SIZE,), float(generation), device="cuda")
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            window()
            reads[generation - 1].copy_(slot)
        if fixed:
            slot.record_stream(side)
        del slot
        poisoned = torch.full((SIZE,), POISON, device="cuda")
        del poisoned
    return _seen(reads)
