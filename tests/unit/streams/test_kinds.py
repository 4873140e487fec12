"""Ten kinds of missing order, each found in one run under every policy; the twins are clean."""

from __future__ import annotations

import pytest

from fencepost.streams import Eager, InOrder, NewestFirst, Priorities, Random, Script
from tests.unit.streams.kinds import KINDS, device_with_memory

POLICIES = {
    "in order": InOrder,
    "eager": Eager,
    "newest first": NewestFirst,
    "load first": lambda: Priorities("load", "compute"),
    "compute first": lambda: Priorities("compute", "load"),
    "script": Script,
    **{f"random {seed}": (lambda seed=seed: Random(seed)) for seed in range(5)},
}
EXPECTED = {
    # kind of the first finding, kind of its missing edge, occurrences
    "read after write": ("read after write", "wait_stream", 1),
    "write after read": ("write after read", "wait_event", 1),
    "write after write": ("write after write", "wait_stream", 1),
    "missing record_stream": ("write after read", "record_stream", 1),
    "unrecorded event": ("read after write", "wait_stream", 1),
    "event reused": ("read after write", "wait_stream", 1),
    "wait on the wrong event": ("read after write", "wait_event", 1),
    "host overwrites a pinned buffer": ("write after read", "synchronize", 1),
    "completion polled too early": ("read after write", "poll", 1),
    "double buffer reused": ("write after read", "wait_event", 4),
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_found_in_one_run_under_every_policy(kind: str, policy: str):
    device = device_with_memory(POLICIES[policy]())
    KINDS[kind](device, False)
    found = device.audit().findings
    what, edge, occurrences = EXPECTED[kind]
    assert [(f.kind, f.edge.kind, len(f.occurrences)) for f in found[:1]] == [
        (what, edge, occurrences)
    ]
    assert len(found) == 1
    assert all(finding.edge.checked for finding in found)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("kind", KINDS)
def test_corrected_it_is_clean(kind: str, policy: str):
    device = device_with_memory(POLICIES[policy]())
    KINDS[kind](device, True)
    assert device.audit().clean
    assert all(not queue.items for queue in device.queues)


@pytest.mark.parametrize("kind", KINDS)
def test_a_replay_of_both_orders_confirms_it(kind: str):
    device = device_with_memory(InOrder())
    KINDS[kind](device, False)
    (finding,) = device.audit(replays=True).findings
    assert finding.severity == "confirmed", finding.evidence
