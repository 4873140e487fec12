"""A search that ends early says so, keeps what it covered, and never rounds up."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fencepost.core.errors import InputError
from fencepost.core.limits import Limits, Progress
from fencepost.core.results import Verdict
from fencepost.engines.explore import exhaustive, explore, explore_by_interpreter
from fencepost.kernel.control import Slot
from fencepost.kernel.search import Search
from tests.unit.kernel.slot_protocol import slot_protocol

ROOT = Path(__file__).resolve().parents[3]
LARGE = slot_protocol(3, 2, 2)
SAFE = LARGE.design("safe")


def test_everything_is_covered_without_limits() -> None:
    answer = explore(LARGE, SAFE).answer
    assert (answer.states, answer.transitions, answer.depth) == (1_133_453, 5_091_408, 40)
    assert answer.complete
    assert answer.stopped == ""
    assert answer.verdict is Verdict.HOLDS
    assert answer.findings[0].scope == "all 1 133 453 states at requests=3 slots=2 chunks=2"


def test_a_limit_of_states_leaves_everything_undecided() -> None:
    answer = explore(LARGE, SAFE, limits=Limits(states=20_000)).answer
    assert 20_000 <= answer.states < 20_000 + 32 * len(LARGE.steps)
    assert not answer.complete
    assert answer.verdict is Verdict.UNDECIDED
    scope = answer.findings[0].scope
    assert scope.startswith("no violation in the first ")
    assert scope.endswith(f"(depth {answer.depth} complete): limit of states reached")
    kinds = {f.kind: f for f in answer.findings}
    assert kinds["always_possible"].verdict is Verdict.UNDECIDED
    assert kinds["reachable"].verdict is Verdict.HOLDS


def test_the_depth_of_a_cut_search_is_that_of_the_last_whole_level() -> None:
    cut = explore(LARGE, SAFE, limits=Limits(states=20_000)).answer
    small = slot_protocol(2, 1, 1)
    slow = explore_by_interpreter(small, small.designs[0], limits=Limits(states=40)).answer
    fast = explore(small, small.designs[0], limits=Limits(states=40)).answer
    assert 0 < cut.depth < 40
    assert slow == fast
    assert 0 <= fast.depth < 12


def test_a_limit_of_time() -> None:
    began = time.perf_counter()
    answer = explore(LARGE, SAFE, limits=Limits(seconds=0.01)).answer
    assert time.perf_counter() - began < 5
    assert answer.stopped == "time limit reached"
    assert not answer.complete


def test_time_that_runs_out_while_looking_back_leaves_only_that_undecided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check(_: object) -> None:
        raise exhaustive.OutOfTime

    monkeypatch.setattr(exhaustive.Exhaustive, "check", check)
    answer = explore(LARGE, SAFE).answer
    assert answer.complete
    assert answer.stopped == "time limit reached"
    verdicts = {f.property: f.verdict for f in answer.findings}
    assert verdicts["own_bytes"] is Verdict.HOLDS
    assert verdicts["can_free"] is Verdict.UNDECIDED


@pytest.mark.parametrize("memory", [1000, 1_000_000, 10_000_000])
def test_a_limit_of_memory_is_kept(memory: int) -> None:
    result = explore(LARGE, SAFE, limits=Limits(memory_bytes=memory))
    assert result.answer.stopped == "memory limit reached"
    assert result.answer.verdict is Verdict.UNDECIDED
    slack = 12 * 33 * len(LARGE.steps) + 4096
    assert result.cost.bytes_peak <= memory + slack


def test_memory_for_the_search_but_not_for_looking_back() -> None:
    answer = explore(LARGE, SAFE, limits=Limits(memory_bytes=31_500_000)).answer
    assert answer.complete
    assert answer.stopped == "memory limit reached"
    verdicts = {f.property: f.verdict for f in answer.findings}
    assert verdicts["own_bytes"] is Verdict.HOLDS
    assert verdicts["can_free"] is Verdict.UNDECIDED


def test_a_state_of_one_word_takes_at_most_32_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, int]] = []
    advance = Search.advance

    def watched(search: Search) -> object:
        status = advance(search)
        sizes.append((search[Slot.COUNT], search.bytes()))
        return status

    monkeypatch.setattr(Search, "advance", watched)
    for design in LARGE.designs:
        explore(LARGE, design, properties=["own_bytes"])
    assert max(count for count, _ in sizes) > 1_000_000
    assert all(taken <= 32 * count for count, taken in sizes if count > 100_000)


def test_an_interrupt_keeps_what_was_covered() -> None:
    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exhaustive, "PROGRESS_S", 0.0)
        answer = explore(LARGE, SAFE, progress=interrupt).answer
    assert answer.stopped == "interrupted"
    assert not answer.complete
    assert answer.states > 0
    assert answer.verdict is Verdict.UNDECIDED


def test_a_real_signal_ends_the_search() -> None:
    code = (
        "import signal, os, threading\n"
        "from fencepost.engines.explore import explore\n"
        "from tests.unit.kernel.slot_protocol import slot_protocol\n"
        "s = slot_protocol(4, 3, 2)\n"
        "def interrupt(p):\n"
        "    if p.states > 100000: os.kill(os.getpid(), signal.SIGINT)\n"
        "a = explore(s, s.designs[1], progress=interrupt).answer\n"
        "print(a.stopped, a.states > 100000)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.stdout == "interrupted True\n", ran.stderr


def test_the_interpreter_can_be_interrupted_too() -> None:
    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    answer = explore_by_interpreter(LARGE, SAFE, progress=interrupt).answer
    assert answer.stopped == "interrupted"
    assert answer.verdict is Verdict.UNDECIDED


def test_progress_tells_what_is_known() -> None:
    told: list[Progress] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exhaustive, "PROGRESS_S", 0.0)
        explore(LARGE, SAFE, properties=["own_bytes"], progress=told.append)
    assert told
    assert [p.states for p in told] == sorted(p.states for p in told)
    assert all(p.bytes > 0 and p.seconds > 0 and p.frontier >= 0 for p in told)


def test_first_stops_at_the_violation_with_the_same_trace() -> None:
    design = LARGE.design("as_reported")
    whole = explore(LARGE, design).answer
    first = explore(LARGE, design, first=True).answer
    assert first.stopped == "stopped at the first violation"
    assert first.states < whole.states
    assert first.findings[0] == whole.findings[0]
    assert first.findings[0].verdict is Verdict.VIOLATED


def test_selected_properties_only() -> None:
    answer = explore(LARGE, SAFE, properties=["no_fault"]).answer
    assert [f.property for f in answer.findings] == ["no_fault"]
    with pytest.raises(InputError) as caught:
        explore(LARGE, SAFE, properties=["own_byte"])
    assert caught.value.code == "F66"


def test_the_answer_is_the_same_in_every_process() -> None:
    code = (
        "from fencepost.engines.explore import explore\n"
        "from tests.unit.kernel.slot_protocol import slot_protocol\n"
        "import hashlib\n"
        "s = slot_protocol(2, 2, 1)\n"
        "def put(v):\n"
        "    return sorted(map(repr, v)) if isinstance(v, frozenset) else v\n"
        "for d in s.designs:\n"
        "    a = explore(s, d).answer\n"
        "    print(a.findings, a.states, a.transitions, put(a.coverage.steps))\n"
    )
    seen = set()
    for seed in ("0", "1", "random"):
        ran = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        seen.add(ran.stdout)
    assert len(seen) == 1


def test_a_trace_the_interpreter_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from fencepost.core import evidence

    def refuse(*_: object) -> object:
        raise evidence.NotARun(0, "disabled")

    monkeypatch.setattr(evidence, "rerun", refuse)
    with pytest.raises(evidence.Mismatch):
        explore(LARGE, SAFE, properties=["decodes"])


def test_a_system_without_initial_states_is_refused() -> None:
    from fencepost.core import expressions as x

    empty = dataclasses.replace(slot_protocol(1, 1, 1), initial=x.FALSE)
    for search in (explore, explore_by_interpreter):
        with pytest.raises(InputError) as caught:
            search(empty, empty.designs[0])
        assert caught.value.code == "F63"
