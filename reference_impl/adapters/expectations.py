"""What the matrix asks of a barrier: properties, events to favour, exceptions with reasons."""

from __future__ import annotations

from reference_impl.barriers import SpeculationMonitor

READS = frozenset(
    {
        "decode_reads_own_bytes",
        "decodes_own_kv",
        "accepts_own_kv",
        "takes_own_first_token",
        "indexer_reads_own_keys",
        "attention_reads_own_kv",
        "fork_copies_own_bytes",
        "attention_reads_its_layer",
    }
)
"""Properties whose violation is a wrong read, which a token can show."""
SAFETY = READS | {
    "write_reads_own_pages",
    "reformats_only_whole_kv",
    "announced_failure_is_final",
    "bytes_stay_in_place",
    "host_copies_are_genuine",
    "append_stays_out_of_broadcast",
    "garbled_request_is_caught",
    "looping_request_is_caught",
    "opening_is_passed_over",
    "sound_request_is_not_aborted",
    "retries_are_bounded",
}
"""Properties whose violation an observer of a run can see when it happens."""
SEEN_AT_THE_END = frozenset(
    {
        "slot_can_be_freed",
        "slot_can_be_free",
        "request_ends",
        "request_is_closed",
        "device_page_can_be_free",
        "host_page_can_be_free",
        "request_is_released",
        "collectives_match",
        "turn_can_end",
        "collective_ends",
        "turn_is_over",
        "slot_becomes_free",
    }
)
"""Properties whose violation is seen when nobody can go on: a leak, or a hang."""

_FAILING = "fail_write"
FAVOURED = {
    "failure_is_deferred": _FAILING,
    "failure_waits_for_writes": _FAILING,
    "count_outlives_room": _FAILING,
    "source_waits_for_writes": _FAILING,
    "rejection_is_reported": "reject",
    "aborts_arrive": "lose_abort",
    "abort_is_sent_again": "lose_abort",
    "answers_arrive": "lose_answer",
    "nodes_stay_reachable": "lose_node",
    "lost_node_is_fenced": "lose_node",
    "error_waits_for_siblings": _FAILING,
    "error_follows_flush": _FAILING,
    "failure_is_announced": _FAILING,
}
"""The event that a barrier is about, where it is not the cancellation of a request."""
_WORKER = "prefill.work"
LATE = dict.fromkeys(("abort_stops_chunks", "abort_leaves_queue", "lease_stops_writer"), _WORKER)
"""The loop that a barrier keeps from going on too late."""
BASES = {
    "staging_per_broadcast": "by_streams",
    "host_synchronises": "host_synchronises_always",
    "append_waits_for_send": "by_streams",
    "broadcast_names_its_rows": "append_outside_of_read_set",
}
"""Designs for barriers that no safe design needs, or that show a barrier better than the first."""
NO_ROW = {
    "event_of_one_stream": "a load has to come between a launch and its write-back, which no seed "
    "did: a test of its own has that path",
    "record_carries_digest": "it helps no design but broken ones, and in no run that was tried",
    "abort_is_answered": "without it something is no longer reachable, which no single run shows",
    "fork_waits_for_first_layer": "a design with it breaks as the same one without it, only later",
}
"""Barriers whose absence shows on no run."""
NO_RACE = {
    **dict.fromkeys(
        SpeculationMonitor.names(),
        "a monitor counts what the host has read; it touches no byte of a cache",
    ),
    "rejection_is_reported": "what is read was never written, and nobody else is about to write",
    "failed_is_sticky": "the status is a word of the host; no byte of a cache is touched",
    "communicator_is_live": "nothing is received, so nothing is written that could come too late",
}
"""Barriers that buy safety and whose absence is no race on the device."""
_COPY = "a later request of the run would have to load the bad copy: none of those tried did"
NO_TOKENS = {
    "forward_waits_for_store": _COPY,
    "page_rests_until_stored": _COPY,
    "source_waits_for_writes": "foreign rows go to a slot that nobody reads any more",
    "failed_is_sticky": "nobody who decodes reads a status that was announced before",
    "broadcast_names_its_rows": "the rows that are sent too many are not read",
}
"""Barriers that buy safety and whose absence no token shows."""
