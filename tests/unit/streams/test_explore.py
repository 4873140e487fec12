"""Outcomes, counts of orders, paths of the host, mutants and the graph."""

from __future__ import annotations

import random
from itertools import permutations
from math import comb

import networkx as nx

from fencepost.streams import Device, whole
from fencepost.streams.calls import Operation
from fencepost.streams.explore import explore, interleavings, outcomes
from fencepost.streams.graph import happens_before
from fencepost.streams.mutate import IMPLIED, UNUSED, mutate
from fencepost.streams.placed import placed
from fencepost.streams.turns import Lock
from tests.benchmarks.streams import pipeline
from tests.unit.streams.brute_force import BruteForce
from tests.unit.streams.kinds import KINDS, device_with_memory
from tests.unit.streams.random_programs import SHARED, generate, perform


def test_the_outcomes_are_those_of_all_orders():
    """Which write each read saw and the last writers, against the interpreter of queues."""
    compared, several = 0, 0
    for seed in range(1_500):
        rng = random.Random(seed)
        program = generate(rng, rng.randrange(6, 14))
        if any(step[1] in ("allocate", "pinned") for step in program.steps):
            continue
        performed = perform(program, seed)
        found = outcomes(performed.device.trace)
        if found.races > 8:
            continue
        ours = {
            (
                frozenset((reader, a - SHARED, writer) for reader, (a, _), writer in o.saw),
                frozenset((a - SHARED, writer) for (a, _), writer in o.last),
            )
            for o in found.outcomes
        }
        assert found.complete
        assert ours == BruteForce(program, performed.addresses).all_outcomes(), (seed, program)
        compared += 1
        several += len(ours) > 1
    assert compared > 150
    assert several > 30


def test_a_trace_without_races_has_one_outcome():
    found = outcomes(pipeline(4).trace)
    assert (found.races, len(found.outcomes), found.complete) == (0, 1, True)


def test_outcomes_stop_at_a_bound():
    device = Device()
    for _ in range(6):
        device.submit(device.stream(), "write", writes=[whole(0, 1)])
    found = outcomes(device.trace, most=100)
    assert (found.races, found.complete) == (15, False)
    # Orientations of all pairs of n writes are orders of them; the last one is what remains.
    assert len(outcomes(device.trace).outcomes) == 6


class TestInterleavings:
    def test_of_independent_streams_they_are_a_binomial(self):
        device = Device()
        for _ in range(2):
            stream = device.stream()
            for _ in range(30):
                device.submit(stream, "op")
        assert interleavings(device.trace) == comb(60, 30)

    def test_of_the_pipeline(self):
        """Three chains in step are the standard Young tableaux of 3 by 4: 462 (hook lengths)."""
        device = Device()
        load, compute, back = (device.stream() for _ in range(3))
        for _ in range(4):
            device.submit(load, "load")
            device.wait_stream(compute, load)
            device.submit(compute, "compute")
            device.wait_stream(back, compute)
            device.submit(back, "write back")
        assert interleavings(device.trace) == 462
        assert interleavings(device.trace, marks=True) == 29_938_508

    def test_against_all_permutations(self):
        rng = random.Random(0)
        checked = 0
        for seed in range(150):
            program = generate(rng, rng.randrange(4, 12))
            trace = perform(program, seed).device.trace
            steps = placed(trace)
            if len(steps) > 6:
                continue
            allowed = sum(
                all(not order[a].after(order[b]) for b in range(len(order)) for a in range(b))
                for order in permutations(steps)
            )
            assert interleavings(trace) == allowed
            checked += 1
        assert checked > 40


def test_the_graph_leads_where_the_clocks_say():
    compared = 0
    for seed in range(150):
        rng = random.Random(seed)
        trace = perform(generate(rng, 20), seed).device.trace
        graph = happens_before(trace)
        assert nx.is_directed_acyclic_graph(graph)
        nodes = {}
        for node, data in graph.nodes(data=True):
            call, (_, what) = data["call"], node
            own = isinstance(call, Operation) and call.agent == call.host
            if what == "run" or (what == "call" and own):
                nodes[call.number] = (node, node)
            elif what == "free":
                place = (node[0], "place")
                nodes[call.poison.number] = (node, place if place in graph else (node[0], "call"))
        reach = {node: nx.descendants(graph, node) for node in graph}
        steps = [step for step in placed(trace) if step.operation.number in nodes]
        for late in steps:
            for early in steps:
                to, from_ = nodes[late.operation.number][0], nodes[early.operation.number][1]
                if to[0] == from_[0]:
                    continue
                assert late.after(early) == (to in reach[from_]), (seed, from_, to)
                compared += 1
    assert compared > 10_000


class TestMutants:
    def test_each_wait_of_the_pipeline_is_needed(self):
        device = pipeline(8)
        mutants = mutate(device.trace)
        assert len(mutants) > 30
        for mutant in mutants:
            assert mutant.detected or mutant.verdict in (IMPLIED, UNUSED)
        waits = [m for m in mutants if "compute.wait_event" in m.what]
        assert len(waits) == 8
        assert all(m.detected for m in waits)

    def test_what_orders_nothing_is_said_to_be_redundant(self):
        device = Device()
        one, other = device.stream("one"), device.stream("other")
        device.submit(one, "write", writes=[whole(0, 8)])
        device.wait_stream(other, one)
        device.wait_stream(other, one)
        device.submit(other, "read", reads=[whole(0, 8)])
        device.wait_stream(one, other)
        device.submit(one, "elsewhere", writes=[whole(64, 8)])
        assert [m.verdict for m in mutate(device.trace)] == [IMPLIED, IMPLIED, UNUSED]

    def test_each_dropped_call_of_the_corrected_kinds_is_judged(self):
        detected = {}
        for kind, program in KINDS.items():
            device = device_with_memory(None)
            program(device, True)
            device.run_all()
            detected[kind] = sum(m.detected for m in mutate(device.trace))
        assert all(detected.values()), detected

    def test_a_dropped_record_stream_is_detected(self):
        device = device_with_memory(None)
        KINDS["missing record_stream"](device, True)
        (mutant,) = [m for m in mutate(device.trace) if m.what.startswith("record_stream")]
        assert mutant.detected


class TestPaths:
    def test_an_error_behind_a_query_is_found(self):
        def program(device, threads):
            stream = device.stream("s")
            device.submit(stream, "write", writes=[whole(0, 8, "result")])
            if device.query(stream):
                device.access("fast path", reads=[whole(0, 8, "result")])
            else:
                device.access("slow path", reads=[whole(0, 8, "result")])

        found = explore(program)
        assert (found.paths, found.complete) == (2, True)
        ((finding, path),) = found.findings
        assert finding.second.name == "slow path"
        assert path.choices == (("query of s", 1, 2),)

    def test_a_polling_loop_ends(self):
        def program(device, threads):
            stream = device.stream("s")
            device.submit(stream, "write", writes=[whole(0, 8)])
            while not device.query(stream):
                pass
            device.access("read", reads=[whole(0, 8)])

        found = explore(program, patience=3)
        assert (found.paths, found.complete, found.findings) == (4, True, ())

    def test_turns_of_threads(self):
        """The second thread reads before or after the first one publishes; a lock is an edge."""

        def program(device, threads, locked):
            stream = device.stream("s")
            shared = {}
            lock = Lock(threads)

            def produce():
                with lock:
                    device.submit(stream, "write", writes=[whole(0, 8)])
                    event = device.event("ready")
                    device.record(event, stream)
                    shared["event"] = event

            def consume():
                other = device.stream("other")
                if locked:
                    with lock:
                        event = shared.get("event")
                else:
                    event = shared.get("event")
                if event is not None:
                    device.wait(other, event)
                    device.submit(other, "read", reads=[whole(0, 8)])
                else:
                    shared["early"] = True

            turns = [threads.start(produce), threads.start(consume)]
            for turn in turns:
                threads.join(turn)

        found = explore(lambda d, t: program(d, t, True))
        assert found.complete
        assert found.paths > 5
        assert not found.findings
        assert not found.failures

    def test_a_deadlock_is_a_failure(self):
        def program(device, threads):
            a, b = Lock(threads), Lock(threads)

            def one(first, second):
                with first:
                    device.note("between")
                    device.send()
                    with second:
                        pass

            turns = [threads.start(lambda: one(a, b)), threads.start(lambda: one(b, a))]
            for turn in turns:
                threads.join(turn)

        found = explore(program)
        assert ["F205" in message for message, _ in found.failures] == [True]
        assert found.complete

    def test_a_bound_on_paths_is_said(self):
        def program(device, threads):
            for _ in range(4):
                device.query(device.stream())

        assert explore(program, most_paths=3).complete is False
        assert explore(program).paths == 16
