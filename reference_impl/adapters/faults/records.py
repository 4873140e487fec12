"""Seeded faults of the record that ends a transfer, and of the guards that read it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from reference_impl.adapters.faults.fault import Fault, replacing
from reference_impl.decode import DecodeNode, Request
from reference_impl.prefill import PrefillNode


def _generation_before(original: Any, self: DecodeNode, request: Request) -> bool:
    slot = request.slot
    if slot is not None:
        request.slot = replace(slot, generation=slot.generation - 1)
    done: bool = original(self, request)
    if request.slot is not None:
        request.slot = slot
    return done


def _digest_of_first_chunk(original: Any, self: PrefillNode, transfer: Any, *token: Any) -> Tensor:
    tag, first, _ = original(self, transfer, *token).unbind()
    pages = self.held_pages[transfer.asked.request].pages
    return torch.stack([tag, first, self.pool.digest(pages[:1])])


RECORDS = (
    Fault(
        "generation_before_is_compared",
        "The tag of a record is compared with the generation that its slot had before.",
        "rdma_write_completion",
        "success_before_tagged_record",
        "conformance",
        replacing(DecodeNode, start=_generation_before),
    ),
    Fault(
        "digest_of_the_first_chunk",
        "The digest of a record is of the first chunk alone.",
        "rdma_write_completion",
        "safe_with_guards",
        "conformance",
        replacing(PrefillNode, _record=_digest_of_first_chunk),
        {"requests": 1, "handles": 2},
    ),
)
"""Faults of `models/rdma_write_completion.py`, in the form of `HANDOFF`."""
