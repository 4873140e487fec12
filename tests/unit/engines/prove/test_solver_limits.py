"""A solver that is stopped leaves UNDECIDED what it did not decide, and keeps what it found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
import z3

from fencepost.core.limits import MEMORY_LIMIT, TIME_LIMIT, WORK_LIMIT, Limits
from fencepost.core.results import Verdict
from fencepost.engines.prove import bounded, k_induction
from fencepost.engines.prove.solver import Bounded, GaveUp, RunEnded, Satisfied, held
from tests.unit.engines.prove.small_systems import EQUAL, ONLY, always, two_counters
from tests.unit.kernel.slot_protocol import slot_protocol

MIB = 1 << 20
ROOT = Path(__file__).resolve().parents[4]
LARGE = slot_protocol(3, 2, 2)
SAFE = LARGE.design("safe")


def pigeons(count: int) -> z3.Solver:
    """One hole too few, which takes a solver exponentially long to see."""
    context = z3.Context()
    solver = z3.SolverFor("QF_FD", ctx=context)
    sits = [
        [z3.Bool(f"{pigeon} in {hole}", context) for hole in range(count)]
        for pigeon in range(count + 1)
    ]
    solver.add([z3.Or(holes) for holes in sits])
    for hole in range(count):
        for pigeon in range(count + 1):
            solver.add([
                z3.Or(z3.Not(sits[pigeon][hole]), z3.Not(sits[other][hole]))
                for other in range(pigeon)
            ])  # fmt: skip
    return solver


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (Limits(seconds=0.3), TIME_LIMIT),
        (Limits(work=50_000), WORK_LIMIT),
    ],
)
def test_a_question_that_takes_too_long_is_given_up(limits: Limits, why: str) -> None:
    with pytest.raises(GaveUp) as given_up:
        Bounded(limits).check(pigeons(30))
    assert given_up.value.why == why


def test_a_question_that_takes_too_much_memory_is_given_up_and_the_next_is_answered() -> None:
    hard = pigeons(30)
    run = Bounded(Limits(memory_bytes=held() + 2 * MIB, seconds=100))
    with pytest.raises(GaveUp) as given_up:
        run.check(hard)
    assert given_up.value.why == MEMORY_LIMIT
    assert isinstance(given_up.value, RunEnded)
    assert Bounded(Limits()).check(pigeons(3)) is Satisfied.NO


def test_an_answer_is_the_same_whatever_ran_before_in_the_process_and_under_any_limit() -> None:
    """z3's own limits would change it: see `test_z3_warts`."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from fencepost import build\n"
        "from fencepost.core.limits import Limits\n"
        "from fencepost.engines.prove.any_size import prove_any_size\n"
        "from fencepost.engines.prove.solver import Bounded, GaveUp, held\n"
        "from fencepost.loading import load_model\n"
        "from tests.unit.engines.prove.test_solver_limits import pigeons\n"
        "if 'memory' in sys.argv:\n"
        "    try:\n"
        "        Bounded(Limits(memory_bytes=held() + (2 << 20))).check(pigeons(30))\n"
        "    except GaveUp as end:\n"
        "        assert end.why == 'memory limit reached'\n"
        "limits = Limits(seconds=1000 if 'seconds' in sys.argv else None)\n"
        "source = load_model('rdma_write_completion', Path.cwd())\n"
        "system = build(source.model, source.properties, any_size=True)\n"
        "for name in ('safe', 'late_success_wins'):\n"
        "    design = system.design(name)\n"
        "    print(prove_any_size(system, design, lemmas=(), limits=limits).answer)\n"
    )

    def answer(*words: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    plain = answer()
    assert "InductionFailure" in plain
    assert answer("memory") == plain
    assert answer("seconds") == plain


@pytest.mark.parametrize("engine", [bounded, k_induction])
@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (Limits(memory_bytes=1000), MEMORY_LIMIT),
        (Limits(seconds=0.0), TIME_LIMIT),
        (Limits(work=1), WORK_LIMIT),
    ],
)
def test_an_engine_that_is_stopped_says_so(engine, limits: Limits, why: str) -> None:
    system = two_counters(9, always("equal", EQUAL))
    answer = engine(system, ONLY, properties=["equal"], limits=limits).answer
    assert answer.stopped == why
    assert answer.verdict is Verdict.UNDECIDED
    [finding] = answer.findings
    assert why in finding.scope
    assert finding.bound is None


def test_what_was_covered_before_a_limit_is_kept() -> None:
    answer = bounded(LARGE, SAFE, steps=60, properties=["own_bytes"], limits=Limits(work=40_000))
    [finding] = answer.answer.findings
    assert answer.answer.stopped == WORK_LIMIT
    assert finding.bound is not None
    assert 0 < finding.bound < 60
    assert finding.scope.endswith(WORK_LIMIT)
    again = bounded(LARGE, SAFE, steps=60, properties=["own_bytes"], limits=Limits(work=40_000))
    assert again.answer == answer.answer


def test_what_must_hold_and_what_must_be_reached_have_a_share_of_work_each() -> None:
    """Each is looked for by a solver of its own, which ends after its share in all."""
    for share in (300_000, 600_000):
        answer = bounded(LARGE, SAFE, steps=60, share=share).answer
        assert answer.stopped == WORK_LIMIT
        assert 0 < answer.depth < 60
        bounds = {f.bound for f in answer.findings if f.verdict is Verdict.HOLDS and f.bound}
        assert bounds and max(bounds) - 1 <= answer.depth
        reached = [f for f in answer.findings if f.kind == "reachable"]
        assert reached and not any("not searched" in f.scope for f in reached)
        assert bounded(LARGE, SAFE, steps=60, share=share).answer == answer


def test_a_larger_share_reaches_further() -> None:
    depths = [
        bounded(LARGE, SAFE, steps=60, share=share, properties=["own_bytes"]).answer.depth
        for share in (100_000, 1_000_000)
    ]
    assert depths == sorted(set(depths))


def test_induction_ends_after_its_share_of_work() -> None:
    answer = k_induction(LARGE, SAFE, share=300_000, properties=["own_bytes"]).answer
    assert answer.stopped == WORK_LIMIT
    assert answer.verdict is Verdict.UNDECIDED
    again = k_induction(LARGE, SAFE, share=300_000, properties=["own_bytes"]).answer
    assert again == answer


@contextmanager
def at_work(code: str, word: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A process of Python that has said a word, and what it says from there on."""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{word}\n"
        yield process, process.stdout


def test_a_real_signal_ends_a_question() -> None:
    """The solver takes the signal for itself; without a word of ours it would be lost."""
    code = (
        "from fencepost.core.limits import Limits\n"
        "from fencepost.engines.prove.solver import Bounded\n"
        "from tests.unit.engines.prove.test_solver_limits import pigeons\n"
        "solver = pigeons(30)\n"
        "print('asked', flush=True)\n"
        "try:\n"
        "    Bounded(Limits(seconds=60)).check(solver)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    with at_work(code, "asked") as (process, output):
        time.sleep(1)
        started = time.perf_counter()
        os.kill(process.pid, signal.SIGINT)
        assert output.read() == "interrupted\n"
    assert time.perf_counter() - started < 20
    assert process.returncode == 0


def test_a_real_signal_is_not_taken_for_a_limit_of_work() -> None:
    code = (
        "from fencepost.core.limits import Limits\n"
        "from fencepost.engines.prove.solver import Bounded\n"
        "from tests.unit.engines.prove.test_solver_limits import pigeons\n"
        "solver, run = pigeons(30), Bounded(Limits(seconds=60))\n"
        "print('asked', flush=True)\n"
        "try:\n"
        "    with run.interruptible():\n"
        "        run.check(solver, work=4_000_000_000)\n"
        "except BaseException as end:\n"
        "    print(type(end).__name__, flush=True)\n"
    )
    with at_work(code, "asked") as (process, output):
        time.sleep(1)
        os.kill(process.pid, signal.SIGINT)
        assert output.read() == "KeyboardInterrupt\n"


def test_an_interrupt_after_the_last_question_is_told_at_the_end_of_the_run() -> None:
    run = Bounded(Limits())
    with pytest.raises(KeyboardInterrupt), run.interruptible():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_real_signal_leaves_what_bounded_search_found() -> None:
    code = (
        "from fencepost.engines.prove import bounded\n"
        "from tests.unit.kernel.slot_protocol import slot_protocol\n"
        "s = slot_protocol(4, 3, 3)\n"
        "class Told:\n"
        "    depth = 0\n"
        "def tell(progress):\n"
        "    if progress.depth >= 3 and not Told.depth:\n"
        "        Told.depth = progress.depth\n"
        "        print('searching', flush=True)\n"
        "answer = bounded(s, s.design('safe'), steps=90, progress=tell).answer\n"
        "print(answer.stopped, answer.findings[0].bound >= 2)\n"
    )
    with at_work(code, "searching") as (process, output):
        os.kill(process.pid, signal.SIGINT)
        assert output.read() == "interrupted True\n"
