"""Every piece of synchronisation of the cache: one switch each, named as the barrier of its model.

A switch that is off is not replaced by anything. What each orders, and what it buys, is said where
the model declares it; which barriers of the models are no switch, and why, in `adapters/absent.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Switches:
    """Some switches, all off unless said otherwise."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The switches that there are."""
        return tuple(switch.name for switch in fields(cls))

    @classmethod
    def on(cls, names: Iterable[str]) -> Self:
        """These switches on, and no others.

        Raises `ValueError` for a name that is no switch.
        """
        names = set(names)
        unknown = names - set(cls.names())
        if unknown:
            raise ValueError(f"no switch of {cls.__name__}: {', '.join(sorted(unknown))}")
        return cls(**dict.fromkeys(names, True))


@dataclass(frozen=True, kw_only=True)
class Handoff(Switches):
    """Between a prefill and a decode node: `models/slot_lifecycle.py`, and below the line
    `models/rdma_write_completion.py`, which looks at one transfer more closely."""

    abort_is_deferred: bool = False
    abort_is_sent: bool = False
    abort_is_sent_again: bool = False
    failure_is_deferred: bool = False
    lost_node_is_fenced: bool = False
    seen_completion_frees: bool = False
    release_times_out: bool = False
    abort_stops_chunks: bool = False
    abort_leaves_queue: bool = False
    answer_waits_for_writes: bool = False
    count_outlives_room: bool = False
    ack_target_outlives_room: bool = False
    cleared_room_answers_later: bool = False
    failure_waits_for_writes: bool = False
    source_waits_for_writes: bool = False
    rejection_is_reported: bool = False
    lease_stops_writer: bool = False

    reformat_waits_for_all_parts: bool = False
    completion_follows_visibility: bool = False
    error_follows_flush: bool = False
    success_waits_for_record: bool = False
    failed_is_sticky: bool = False
    failure_is_announced: bool = False
    abort_is_answered: bool = False
    record_carries_tag: bool = False
    record_carries_digest: bool = False


@dataclass(frozen=True, kw_only=True)
class AsyncCacheLoad(Switches):
    """Between the host, the streams and the two tiers of a cache: `models/async_cache_load.py`."""

    indexer_waits_for_load: bool = False
    attention_waits_for_load: bool = False
    fork_waits_for_first_layer: bool = False
    fork_waits_for_last_layer: bool = False
    launch_waits_for_load: bool = False
    load_waits_for_forward: bool = False
    load_waits_for_store: bool = False
    forward_waits_for_store: bool = False
    page_rests_until_computed: bool = False
    page_rests_until_stored: bool = False
    store_waits_for_forward: bool = False
    store_reads_in_stream_order: bool = False
    event_of_one_stream: bool = False
    host_page_rests_until_loaded: bool = False
    published_when_stored: bool = False
    acks_taken_every_tick: bool = False
    host_synchronises: bool = False


@dataclass(frozen=True, kw_only=True)
class LayerSplit(Switches):
    """Between ranks that each keep some layers: `models/layer_split.py`."""

    owner_waits_for_load: bool = False
    flags_have_epochs: bool = False
    send_waits_for_load: bool = False
    send_waits_for_append: bool = False
    staging_per_broadcast: bool = False
    send_waits_for_receivers: bool = False
    communicator_is_live: bool = False
    receive_waits_for_reader: bool = False
    join_waits_for_reader: bool = False
    attention_waits_for_broadcast: bool = False
    append_waits_for_send: bool = False
    broadcast_names_its_rows: bool = False
    status_comes_first: bool = False
    idle_ranks_take_part: bool = False
    refusals_are_voted: bool = False
    agreed_is_joined: bool = False


@dataclass(frozen=True, kw_only=True)
class SpeculationMonitor(Switches):
    """What a monitor of accepted drafts goes by: `models/speculation_monitor.py`."""

    low_length_aborts: bool = False
    high_rate_aborts: bool = False
    guard_covers_length: bool = False
    guard_covers_rate: bool = False
    low_length_persists: bool = False
    high_rate_persists: bool = False
    counts_start_over: bool = False
    attempt_counts_anew: bool = False
    retries_are_counted: bool = False
