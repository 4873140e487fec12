"""The event log of transfers, as `fencepost conform rdma_write_completion --log` reads it.

What the two nodes do is logged, and whose rows the decode node finds when it accepts them. When a
write lands, and when its sender has seen that, is not logged. The writes of a request count as
posted with the first of them, and no write fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reference_impl.adapters.logs.steps import Steps, after, same
from reference_impl.decode import DecodeNode, Phase, Request
from reference_impl.load.oracle import Expected
from reference_impl.prefill import PrefillNode

MODEL = "rdma_write_completion"
UNLOGGED = ("land", "complete", "land_record")


class TransferSteps:
    """Takes down the steps of two nodes; `right` is what the oracle has for each request."""

    def __init__(self, decode: DecodeNode, prefill: PrefillNode, right: Sequence[Expected]) -> None:
        self.decode, self.prefill, self.right = decode, prefill, right
        self.steps = Steps()
        self._slots: list[tuple[int, ...]] = []
        self._aborted: set[int] = set()
        self._posted: set[int] = set()
        self._ended: set[int] = set()
        self._found: list[tuple[int, dict[str, object], list[Tensor]]] = []
        after(decode, "serve", self._served)
        after(decode, "abort", self._was_aborted)
        after(decode, "start", self._started)
        after(decode, "_release", self._released)
        after(prefill, "_post", self._was_posted)
        after(prefill, "finish", self._finished)
        after(prefill, "_answer", self._answered)

    # The decode node.

    def _served(self, request: Request) -> None:
        assert request.slot is not None
        pages = request.slot.pages
        if pages not in self._slots:
            self._slots.append(pages)
        self.steps.take("allocate", request=request.number, slot=self._slots.index(pages))

    def _was_aborted(self, number: int) -> None:
        self._aborted.add(number)
        self.steps.take("abort", request=number)

    def _started(self, request: Request) -> None:
        assert request.slot is not None
        seen = self.steps.take("accept", request=request.number)
        pages = request.slot.pages[: self.decode.model.shape.pages(len(request.prompt))]
        with torch.cuda.stream(self.decode.stream):
            found = [
                torch.cat([storage[page] for page in pages], dim=1)
                for storage in (self.decode.pool.index_keys, self.decode.pool.keys_values)
            ]
        self._found.append((request.number, seen, found))

    def _released(self, request: Request, phase: Phase = Phase.ABORTED) -> None:
        if phase is Phase.FINISHED:
            self.steps.take("finish", request=request.number)
        elif request.number in self._aborted:
            self.steps.take("take_back", request=request.number)

    # The prefill node.

    def _was_posted(self, transfer: Any, _: int) -> None:
        number = transfer.asked.request
        if number not in self._posted:
            self._posted.add(number)
            self.steps.take("post", request=number)

    def _finished(self, number: int) -> None:
        if number in self.prefill.table:
            self.steps.take("reformat", request=number)
        else:
            self._ended.add(number)
            self.steps.take("succeed", request=number)

    def _answered(self, number: int) -> None:
        if number not in self._ended:
            self._ended.add(number)
            self.steps.take("fail_on_abort", request=number)

    def write(self, path: Path, design: str) -> None:
        """The log of a run that is over."""
        for number, seen, found in self._found:
            seen[f"accepted_foreign[{number}]"] = not self._is_own(number, found)
        requests = self.decode.requests.values()
        chunks = {self.decode.model.shape.pages(len(r.prompt)) for r in requests}
        self.steps.write(
            path,
            MODEL,
            design,
            sizes={"requests": len(requests), "slots": len(self._slots), "handles": max(chunks)},
            unlogged=UNLOGGED,
            first={},
            last={},
        )

    def _is_own(self, number: int, found: Sequence[Tensor]) -> bool:
        right, rows = self.right[number], len(self.decode.requests[number].prompt)
        sent = right.index_keys[:, :rows], right.keys_values[:, :rows].flip(-2)
        return all(same(a[:, :rows], b) for a, b in zip(found, sent, strict=True))
