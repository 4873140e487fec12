"""Seeded faults of the cache split by layers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from reference_impl.adapters.faults.fault import faults_of, replacing
from reference_impl.attention import Component
from reference_impl.layer_split import BUFFERS, Rank, Turn, _Turn
from reference_impl.rank_group import Broadcast, LocalGroup


def _owner_changes(original: Any, self: Rank, turn: Turn) -> bool:
    return bool(original(self, turn)) or (self.number == 1 and turn.step > 0)


def _flag_of_the_first_layer(original: Any, self: Rank, turn: Turn) -> Any:
    kept, turn.layer = turn.layer, 0
    try:
        return original(self, turn)
    finally:
        turn.layer = kept


def _beside(rows: Tensor) -> Tensor:
    """The same rows of the layer, or buffer, behind; of the one before where there is none."""
    first = rows.storage_offset()
    offset = first - rows.numel() if first else rows.numel()
    return rows.as_strided(rows.size(), rows.stride(), offset)


def _receive_into_the_other_buffer(original: Any, self: LocalGroup, side: Broadcast) -> None:
    side.rows = side.rows if side.sends else _beside(side.rows)
    original(self, side)


def _send_the_layer_beside(original: Any, self: LocalGroup, side: Broadcast) -> None:
    side.rows = _beside(side.rows) if side.sends else side.rows
    original(self, side)


def _wait_for_another_event(original: Any, self: Rank, turn: Turn) -> Any:
    kept = [(t, t.attended) for t in self.turns[: turn.number]]
    for earlier, attended in kept:
        if attended is not None:
            earlier.attended = self.index_loaded[0]
    try:
        return original(self, turn)
    finally:
        for earlier, attended in kept:
            earlier.attended = attended


def _load_values_for_keys(original: Any, self: Rank, layers: Tensor, rows: Tensor) -> Any:
    return original(self, layers, rows.flip(2) if rows.dim() == 5 else rows)


def _broadcast_half(original: Any, self: LocalGroup, side: Broadcast) -> None:
    side.rows = side.rows[: len(side.rows) // 2]
    original(self, side)


def _conclude_without_the_last(original: Any, self: LocalGroup, turn: int, rank: int) -> Any:
    self.ranks -= 1
    try:
        return original(self, turn, rank)
    finally:
        self.ranks += 1


def _agree_unless_all_refuse(_: Any, self: LocalGroup, turn: int, rank: int) -> bool | None:  # noqa: ARG001
    votes = self.rounds[turn]
    return None if len(votes) < self.ranks else not all(votes.values())


def _record_before_the_copy(original: Any, self: Broadcast, copy: Callable[[], object]) -> None:
    early = self.stream.record_event()
    original(self, copy)
    self.done = early


def _read_the_other_buffer(
    original: Any, self: _Turn, component: Component, layer: int, start: int, new: Tensor
) -> Tensor:
    rank, turn = self._rank, self._turn
    rows: Tensor = original(self, component, layer, start, new)
    if component is Component.INDEX_KEYS or rank.owns(turn):
        return rows
    return torch.cat([rank.buffers[(turn.number + 1) % BUFFERS, :start], new])


def _append_one_row_on(
    original: Any, self: _Turn, component: Component, layer: int, start: int, new: Tensor
) -> Tensor:
    rank = self._rank
    if component is Component.INDEX_KEYS or not rank.owns(self._turn):
        return original(self, component, layer, start, new)
    if self._waits is not None:
        rank.compute.wait_event(self._waits)
    rank.layers[layer, start + 1 : start + 1 + len(new)] = new
    return torch.cat([rank.layers[layer, :start], new])


def _newest_first(original: Any, self: LocalGroup, sides: deque[Broadcast]) -> Any:
    sides.reverse()
    try:
        return original(self, sides)
    finally:
        sides.reverse()


def _compute_on_the_load_stream(original: Any, self: Rank, turn: Turn) -> Any:
    kept = self._x
    if turn.layer and kept.numel():
        with torch.cuda.stream(self.loads):
            self._x = kept * 1
    done = original(self, turn)
    if not done:
        self._x = kept
    return done


_fault = faults_of("layer_split", "agreed_rounds")

LAYER_SPLIT = (
    _fault(
        "layer_has_two_owners",
        "In later steps a rank takes the layers of others for its own.",
        "conformance",
        replacing(Rank, owns=_owner_changes),
        turns=3,
    ),
    _fault(
        "flag_of_the_first_layer",
        "Every layer goes by the ready flag of the first.",
        "conformance",
        replacing(Rank, _load_has_ended=_flag_of_the_first_layer),
    ),
    _fault(
        "received_into_the_other_buffer",
        "A layer is received into the buffer that the next turn reads.",
        "conformance",
        replacing(LocalGroup, join=_receive_into_the_other_buffer),
    ),
    _fault(
        "waits_for_the_event_of_a_load",
        "A receive waits for an event of the loads in place of its reader's.",
        "conformance",
        replacing(Rank, _join=_wait_for_another_event),
    ),
    _fault(
        "values_are_loaded_for_keys",
        "Keys and values change places when they are loaded.",
        "conformance",
        replacing(Rank, _load=_load_values_for_keys),
    ),
    _fault(
        "broadcast_is_one_layer_off",
        "The owner sends the layer beside the one that is asked for.",
        "conformance",
        replacing(LocalGroup, join=_send_the_layer_beside),
    ),
    _fault(
        "broadcast_has_the_rows_of_before",
        "A broadcast stops at the rows that there were one step earlier.",
        "conformance",
        replacing(LocalGroup, join=_broadcast_half),
    ),
    _fault(
        "round_ends_without_the_last",
        "A round is over when all ranks but one are in it.",
        "conformance",
        replacing(LocalGroup, concluded=_conclude_without_the_last),
    ),
    _fault(
        "refusal_of_one_is_unheard",
        "A turn takes place unless all ranks refuse it.",
        "conformance",
        replacing(LocalGroup, concluded=_agree_unless_all_refuse),
        turns=1,
        layers=1,
    ),
    _fault(
        "event_before_the_copy",
        "The event behind a broadcast is recorded before its copy is queued.",
        "conformance",
        replacing(Broadcast, queue=_record_before_the_copy),
    ),
    _fault(
        "other_buffer_is_read",
        "The attention reads the buffer of the turn before.",
        "conformance",
        replacing(_Turn, append=_read_the_other_buffer),
    ),
    _fault(
        "append_goes_one_row_on",
        "The owner appends one row further than its layer ends.",
        "conformance",
        replacing(_Turn, append=_append_one_row_on),
    ),
    _fault(
        "newest_broadcast_first",
        "Of the broadcasts that a rank has joined, the newest is queued first.",
        "conformance",
        replacing(LocalGroup, _advance=_newest_first),
        "by_streams",
    ),
    _fault(
        "state_crosses_a_stream",
        "What one layer hands to the next is copied on the load stream, without a wait.",
        "properties",
        replacing(Rank, _attend=_compute_on_the_load_stream),
    ),
)
"""Faults that are no barrier left out: in each design, all barriers do what they say."""
