"""Seeded faults of the handoff: the slot pool, the decode node and the prefill node."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from reference_impl.adapters.faults.fault import Fault, FoundBy, Patch, all_of, replacing
from reference_impl.decode import DecodeNode, Phase, Request
from reference_impl.messages import Abort, Answer
from reference_impl.prefill import PrefillNode, Room
from reference_impl.slot_pool import Slot, SlotPool

# The slot pool.


def _free_twice(original: Any, self: SlotPool, slot: Slot, after: Any = ()) -> None:
    original(self, slot, after)
    if not after:
        self._free.append(slot.pages[0])


def _unasked(original: Any, self: SlotPool, slot: Slot, after: Any = ()) -> None:
    for page in slot.pages:
        self.owner[page] = slot.owner
    original(self, slot, after)


def _keys_values_only(_: Any, self: SlotPool, page: int) -> list[Tensor]:
    return [self.keys_values[page]]


def _layers_but_the_last(_: Any, self: SlotPool, page: int) -> list[Tensor]:
    return [self.index_keys[page, :-1], self.keys_values[page, :-1]]


# The decode node.


def _release_prompt_only(original: Any, self: DecodeNode, request: Request, *phase: Phase) -> None:
    if request.slot is not None and not phase:
        pages = request.slot.pages[: self.model.shape.pages(len(request.prompt))]
        request.slot = replace(request.slot, pages=pages)
    original(self, request, *phase)


def _release_and_remember(original: Any, self: DecodeNode, request: Request, *phase: Phase) -> None:
    slot = request.slot
    original(self, request, *phase)
    request.slot = slot


def _release_at_every_abort(original: Any, self: DecodeNode, number: int) -> bool:
    request = self.requests[number]
    if request.phase is Phase.ABORTED and request.slot is not None:
        self.pool.give_back(request.slot)
    done: bool = original(self, number)
    return done


def _deadline_of_any_phase(_: Any, self: DecodeNode, number: int) -> bool:
    request = self.requests[number]
    if not self.on.release_times_out or request.slot is None:
        return False
    self._release(request)
    return True


def _old_rooms_too(original: Any, self: DecodeNode, number: int, *given: Any) -> Request:
    made: Request = original(self, number, *given)
    for room, request in self.requests.items():
        if request.prompt == made.prompt:
            self.requests[room] = made
    return made


def _ask_for_the_oldest(_: Any, self: DecodeNode, request: Request) -> bool:
    if not self.on.abort_is_sent_again or request.phase is not Phase.RECLAIMING:
        return False
    self.peers[request.peer].send(Abort(min(self.requests)))
    return True


def _flip_within_heads(_: Any, self: DecodeNode, request: Request) -> None:
    with torch.cuda.stream(self.stream):
        for page in self._received(request):
            rows = self.pool.keys_values[page]
            rows.copy_(rows.flip(-1))
    self.stream.synchronize()


def _reformat_and_go_on(_: Any, self: DecodeNode, request: Request) -> None:
    with torch.cuda.stream(self.stream):
        for page in self._received(request):
            rows = self.pool.keys_values[page]
            rows.copy_(rows.flip(-2))


def _pages_but_the_last(original: Any, self: DecodeNode, request: Request) -> tuple[int, ...]:
    pages: tuple[int, ...] = original(self, request)
    return pages[:-1]


def _decode_one_row_on(original: Any, self: DecodeNode, request: Request) -> bool:
    prompt = request.prompt
    request.prompt = (*prompt, prompt[-1])
    done: bool = original(self, request)
    request.prompt = prompt
    return done


# The prefill node.


def _next_page(original: Any, self: PrefillNode, transfer: Any, chunk: int) -> bool:
    asked = transfer.asked
    pages = (*asked.slot.pages[1:], asked.slot.pages[0])
    transfer.asked = replace(asked, slot=replace(asked.slot, pages=pages))
    done: bool = original(self, transfer, chunk)
    transfer.asked = asked
    return done


def _first_address(original: Any, self: PrefillNode, transfer: Any, chunk: int) -> bool:
    known = vars(self).setdefault("addresses", {})
    asked = transfer.asked
    transfer.asked = replace(asked, slot=known.setdefault(asked.prompt, asked.slot))
    done: bool = original(self, transfer, chunk)
    return done


def _count_popped(original: Any, self: PrefillNode, request: int) -> bool:
    done: bool = original(self, request)
    if done and request in self.under_way:
        self.under_way[request] = []
    return done


def _finish_without_the_last(original: Any, self: PrefillNode, request: int) -> bool:
    transfer = self.table.get(request)
    if transfer is None or not transfer.parts:
        return False
    parts = transfer.parts
    transfer.parts = parts | {max(parts): parts[min(parts)]}
    done: bool = original(self, request)
    transfer.parts = parts
    return done


def _answer_and_still_owe(original: Any, self: PrefillNode, request: int) -> None:
    owed = request in self.owed
    original(self, request)
    if owed and request not in vars(self).setdefault("answered", set()):
        self.answered.add(request)  # type: ignore[attr-defined]  # the fault's own
        self.owed.add(request)


def _answer_the_neighbour(_: Any, self: PrefillNode, request: int) -> None:
    self.owed.discard(request)
    self.peer.send(Answer(request ^ 1))


def _abort_of_failed_is_dropped(original: Any, self: PrefillNode, request: int) -> None:
    transfer = self.table.get(request)
    if transfer is None or transfer.room is not Room.FAILED:
        original(self, request)


def _reject_in_any_room(original: Any, self: PrefillNode, request: int) -> bool:
    transfer = self.table.get(request)
    if transfer is not None:
        transfer.room = Room.QUEUED
    done: bool = original(self, request)
    return done


def _keep_pages(_: Any, self: PrefillNode, request: int) -> None:
    pass


def _token_of_another(original: Any, self: PrefillNode, transfer: Any, token: Tensor) -> Any:
    before = vars(self).get("newest", token)
    self.newest = token  # type: ignore[attr-defined]  # the fault's own
    return original(self, transfer, before)


def _compute_elsewhere(original: Any, self: PrefillNode, transfer: Any) -> None:
    with torch.cuda.stream(torch.cuda.Stream()):
        original(self, transfer)


def _fault(
    name: str,
    text: str,
    design: str,
    found_by: FoundBy,
    apply: Patch,
    model: str = "slot_lifecycle",
    **sizes: int,
) -> Fault:
    return Fault(name, text, model, design, found_by, apply, sizes)


HANDOFF = (
    _fault(
        "slot_is_free_twice",
        "The first page of a slot that comes back is pushed onto the free list twice.",
        "published_fix",
        "conformance",
        replacing(SlotPool, give_back=_free_twice),
    ),
    _fault(
        "slot_given_on_is_released",
        "An abort that comes twice gives the slot back twice, whoever has it by now.",
        "published_fix",
        "conformance",
        all_of(
            replacing(SlotPool, give_back=_unasked),
            replacing(DecodeNode, _release=_release_and_remember, abort=_release_at_every_abort),
        ),
        chunks=2,
    ),
    _fault(
        "index_keys_are_not_sent",
        "A write carries the keys and values of a page, and not its index keys.",
        "published_fix",
        "conformance",
        replacing(SlotPool, regions=_keys_values_only),
    ),
    _fault(
        "last_layer_is_not_sent",
        "A write carries all layers of a page but the last.",
        "published_fix",
        "conformance",
        replacing(SlotPool, regions=_layers_but_the_last),
    ),
    _fault(
        "abort_skips_pages_for_tokens",
        "An abort gives back the pages of the prompt, and not those for the tokens.",
        "published_fix",
        "conformance",
        replacing(DecodeNode, _release=_release_prompt_only),
    ),
    _fault(
        "deadline_looks_at_no_phase",
        "The deadline frees the slot of a request that nobody has aborted.",
        "lease",
        "conformance",
        replacing(DecodeNode, pass_deadline=_deadline_of_any_phase),
        requests=1,
    ),
    _fault(
        "old_room_is_listened_to",
        "A retry takes what was meant for the former attempt at the same prompt.",
        "safe",
        "conformance",
        replacing(DecodeNode, submit=_old_rooms_too),
    ),
    _fault(
        "abort_of_the_oldest_request",
        "An abort that is sent again names the oldest request.",
        "safe",
        "conformance",
        replacing(DecodeNode, ask=_ask_for_the_oldest),
    ),
    _fault(
        "heads_keep_their_order",
        "What was received is turned round within each head, and not head by head.",
        "published_fix",
        "conformance",
        replacing(DecodeNode, _reformat=_flip_within_heads),
    ),
    _fault(
        "last_page_is_not_reformatted",
        "The last page that was received stays in the sender's layout.",
        "published_fix",
        "conformance",
        replacing(DecodeNode, _received=_pages_but_the_last),
    ),
    _fault(
        "token_goes_one_row_on",
        "The rows of generated tokens are written one row further than the prompt ends.",
        "published_fix",
        "properties",
        replacing(DecodeNode, decode=_decode_one_row_on),
    ),
    _fault(
        "chunk_goes_one_page_on",
        "Each chunk is written into the page after its own.",
        "published_fix",
        "conformance",
        replacing(PrefillNode, _post=_next_page),
    ),
    _fault(
        "retry_keeps_old_address",
        "A prompt that was asked for before is written to where it was wanted first.",
        "published_fix",
        "conformance",
        replacing(PrefillNode, _post=_first_address),
        slots=2,
    ),
    _fault(
        "count_is_popped",
        "When the first write of a request is over, its count of posted writes is gone.",
        "published_fix",
        "conformance",
        replacing(PrefillNode, look_at=_count_popped),
        chunks=2,
    ),
    _fault(
        "success_without_the_last_chunk",
        "Success is reported when all chunks but the last have arrived.",
        "published_fix",
        "conformance",
        replacing(PrefillNode, finish=_finish_without_the_last),
        requests=1,
        chunks=2,
    ),
    _fault(
        "answer_is_sent_twice",
        "An abort that is answered is still owed an answer, which is sent again.",
        "published_fix",
        "conformance",
        replacing(PrefillNode, _answer=_answer_and_still_owe),
    ),
    _fault(
        "answer_to_the_neighbour",
        "The answer to an abort names another request.",
        "published_fix",
        "conformance",
        replacing(PrefillNode, _answer=_answer_the_neighbour),
    ),
    _fault(
        "abort_of_failed_is_dropped",
        "An abort that finds its transfer failed is neither answered nor taken down.",
        "published_fix",
        "conformance",
        replacing(PrefillNode, _receive_abort=_abort_of_failed_is_dropped),
    ),
    _fault(
        "running_request_is_rejected",
        "Validation rejects a request whose writes are posted already.",
        "published_fix",
        "conformance",
        replacing(PrefillNode, reject=_reject_in_any_room),
    ),
    _fault(
        "source_pages_are_kept",
        "The prefill node never gives back the pages of a transfer that is over.",
        "published_fix",
        "conformance",
        replacing(PrefillNode, _free_pages=_keep_pages),
    ),
    _fault(
        "record_has_token_of_another",
        "The record carries the first token of the request that was computed before.",
        "published_fix",
        "properties",
        replacing(PrefillNode, _record=_token_of_another),
    ),
    _fault(
        "chunk_is_computed_on_another_stream",
        "The prefill node waits for its stream, and computes on another.",
        "published_fix",
        "races",
        replacing(PrefillNode, _compute=_compute_elsewhere),
    ),
    _fault(
        "reformat_is_not_waited_for",
        "The decode node goes on while its pages are still being put into its layout.",
        "published_fix",
        "races",
        replacing(DecodeNode, _reformat=_reformat_and_go_on),
    ),
)
"""Faults that are no barrier left out: in each design, all barriers do what they say."""
