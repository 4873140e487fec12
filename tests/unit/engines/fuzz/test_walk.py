"""Compiled walks do what the interpreter does, and say what they covered."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fencepost.core.limits import Limits, Progress
from fencepost.core.results import Verdict
from fencepost.core.semantics import Successor, initial_states, outcomes
from fencepost.core.system import State, System
from fencepost.engines.fuzz import walk, walks
from fencepost.kernel.compiled import compiled
from fencepost.kernel.walks import Walks, performed_again
from tests.unit.engines.fuzz.judging import assert_sound, known_system
from tests.unit.kernel.slot_protocol import slot_protocol

ROOT = Path(__file__).resolve().parents[4]
SLOTS = slot_protocol(2, 1, 2)


class Interpreted:
    """The moves of a system as the interpreter has them."""

    def __init__(self, system: System, barriers: frozenset[str]) -> None:
        self.system, self.barriers = system, barriers
        self.numbers = {step: number for number, step in enumerate(system.steps)}
        self.known: dict[State, list[tuple[int, State]]] = {}

    def __call__(self, state: State) -> list[tuple[int, State]]:
        if state not in self.known:
            self.known[state] = [
                (self.numbers[step], outcome.state)
                for step, outcome in outcomes(self.system, self.barriers, state)
                if isinstance(outcome, Successor)
            ]
        return self.known[state]


@pytest.mark.parametrize("start", range(0, 60, 15))
def test_a_compiled_walk_is_the_interpreters_step_by_step(start: int) -> None:
    compared = 0
    for number in range(start, start + 15):
        system, design, _ = known_system(number)
        barriers = design.barriers
        starts = list(initial_states(system, barriers))
        kernel = compiled(system)
        packed = [kernel.layout.pack(state) for state in starts]
        seed = number * 0x9E3779B97F4A7C15
        ran = Walks(system, kernel, barriers, packed, seed=seed, walks=11, length=9)
        moves = Interpreted(system, barriers)
        going = True
        while going:
            going = ran.advance(1)
            for which, at, words in ran.where():
                _, taken, state = performed_again(seed, which, at, starts, moves)
                assert len(taken) == at <= 9
                assert kernel.layout.pack(state) == words, (number, which, at)
                compared += 1
        assert ran.begun == 11
    assert compared > 300


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_no_verdict_contradicts_exhaustive_search(start: int) -> None:
    for seed in range(start, start + 20):
        system, design, whole = known_system(seed)
        if whole.complete:
            found = walk(system, design, walks=300, steps=20, seed=seed).answer
            assert_sound(system, design, found, whole)


def test_walks_of_a_small_system_meet_all_that_there_is() -> None:
    """What a complete search says can be met, many walks meet; so nothing sought is missed."""
    met = 0
    for seed in range(40):
        system, design, whole = known_system(seed)
        if not whole.complete or whole.states > 200:
            continue
        answer = walk(system, design, walks=4000, steps=40).answer
        for known, found in zip(whole.findings, answer.findings, strict=True):
            if known.trace is not None and known.kind != "always_possible":
                assert found.verdict is known.verdict, (seed, known)
                met += 1
        assert answer.coverage.steps == whole.coverage.steps
        assert answer.coverage.branches == whole.coverage.branches
    assert met > 40


def test_a_broken_design_is_found_and_a_safe_one_is_not() -> None:
    broken = walk(SLOTS, SLOTS.design("as_reported"), walks=5000).answer.findings[0]
    assert broken.verdict is Verdict.VIOLATED
    assert broken.trace is not None
    assert len(broken.trace) == 10
    safe = walk(SLOTS, SLOTS.design("safe"), walks=1000, steps=50, seed=7).answer
    assert safe.verdict is Verdict.UNDECIDED
    assert (safe.engine, safe.facts) == ("walk", (("seed", "7"), ("walks", "1000")))
    assert safe.transitions <= 50_000
    assert safe.findings[0].scope == (
        f"no violation in {safe.transitions // 1000} {safe.transitions % 1000:03} steps of "
        "1 000 random walks at requests=2 slots=1 chunks=2"
    )


def test_the_answer_does_not_depend_on_when_progress_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    design = SLOTS.design("safe")
    whole = walk(SLOTS, design, walks=300, steps=30).answer
    monkeypatch.setattr(walks, "SLICE", 7)
    assert walk(SLOTS, design, walks=300, steps=30).answer == whole


def test_an_interrupt_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "PROGRESS_S", 0.0)
    monkeypatch.setattr(walks, "SLICE", 5000)

    def interrupt(told: Progress) -> None:
        if told.transitions > 20_000:
            raise KeyboardInterrupt

    answer = walk(SLOTS, SLOTS.design("safe"), progress=interrupt).answer
    assert answer.stopped == "interrupted"
    assert {f.property: f.verdict for f in answer.findings}["decodes"] is Verdict.HOLDS
    assert 20_000 < answer.transitions < 40_000


def test_a_limit_of_time() -> None:
    answer = walk(SLOTS, SLOTS.design("safe"), walks=10**9, limits=Limits(seconds=0.1)).answer
    assert answer.stopped == "time limit reached"
    assert answer.verdict is Verdict.UNDECIDED


def test_no_walks_cover_nothing() -> None:
    answer = walk(SLOTS, SLOTS.design("as_reported"), walks=0).answer
    assert answer.transitions == 0
    assert not answer.coverage.steps
    assert {f.verdict for f in answer.findings} == {Verdict.UNDECIDED}


def test_walks_need_numba_only_once(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from fencepost.engines.fuzz import walk\n"
        "from tests.unit.kernel.slot_protocol import slot_protocol\n"
        "s = slot_protocol(2, 1, 1)\n"
        "walk(s, s.designs[1], walks=10)\n"
        "print('numba' in sys.modules, 'hypothesis' in sys.modules)\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("XDG", "NUMBA"))}
    environment |= {"FENCEPOST_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    environment["TMPDIR"] = str(tmp_path)
    for expected in ("True False\n", "False False\n"):
        ran = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.stdout == expected, ran.stderr
