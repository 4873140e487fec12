"""A small key/value cache for serving: ordinary torch, and the worked example to copy from.

    attention       a small model with an indexer and sparse attention
    slot_pool       paged storage: allocation, ownership, generations, deferred release
    barriers        every piece of synchronisation, one switch each, named as in `models/`
    transport       one-sided writes as an interface
    nixl_transport  these writes between two processes, over NIXL
    messages        what the two nodes of a handoff say to one another
    prefill         the node that computes a prompt and writes it into a slot of the other
    decode          the node that owns the slots, reads them, and gives them on
    hierarchical    two tiers: pages on the device, and pinned memory that they come back from
    layer_split     ranks that keep some layers each and broadcast them ahead of attention
    speculation     a monitor of the accepted drafts that `load.drafting` tells it of
    rank_group      how they reach each other, and collectives between streams of one device
    gloo_group      the same between processes, over gloo

Nothing here knows of checking; `adapters` does. It runs on CUDA, and elsewhere on the device of
`fencepost.streams.virtual_cuda()`.
"""
