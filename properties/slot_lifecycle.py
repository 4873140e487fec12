"""What must hold of a slot's life, and what must stay possible."""

from fencepost import *
from models.slot_lifecycle import Phase, SlotLifecycle, Write


@always(SlotLifecycle)
def decode_reads_own_bytes(m, request: SlotLifecycle.Request):
    """Attention of a decoding request reads the keys and values of that request, and no others."""
    return m.phase[request] != Phase.DECODING or for_all(
        m.Chunk, lambda chunk: m.bytes_of[m.address[request], chunk] == request
    )


@always(SlotLifecycle)
def write_reads_own_pages(m, request: SlotLifecycle.Request, chunk: SlotLifecycle.Chunk):
    """A posted write reads pages that the prefill node still holds for its request."""
    return m.write[request, chunk] != Write.POSTED or m.holds_pages[request]


@always_possible(SlotLifecycle)
def slot_can_be_freed(m, slot: SlotLifecycle.Slot):
    """No slot is lost for ever: whatever has happened, it can still become free."""
    return m.pool.is_free(slot)


@reachable(SlotLifecycle)
def request_decodes(m, request: SlotLifecycle.Request):
    """Every request can be decoded."""
    return m.phase[request] == Phase.DECODING


@reachable(SlotLifecycle)
def aborted_request_is_retried(m, request: SlotLifecycle.Request):
    """Every request can be aborted and then retried."""
    return m.phase[request] == Phase.RETRYING


@reachable(SlotLifecycle)
def slot_of_aborted_transfer_is_reused(m, slot: SlotLifecycle.Slot):
    """A slot can pass to another request while a transfer into it, aborted, is not forgotten."""
    return exists(
        m.Request,
        m.Request,
        lambda aborted, decoding: (
            m.phase[aborted] == Phase.ABORTED
            and m.address[aborted] == slot
            and exists(m.Chunk, lambda chunk: m.write[aborted, chunk] != Write.LANDED)
            and m.phase[decoding] == Phase.DECODING
            and m.address[decoding] == slot
        ),
    )


@always_possible(SlotLifecycle)
def source_pages_can_be_released(m, request: SlotLifecycle.Request):
    """The prefill node's pages of a request are not lost either: they can always be given back."""
    return not m.holds_pages[request]
