"""What z3 does that the page on warts tells of; a test that fails here is a wart less."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import z3

from fencepost.core.results import Verdict
from fencepost.engines.prove import bounded
from tests.unit.engines.prove.small_systems import EQUAL, ONLY, always, two_counters
from tests.unit.engines.prove.test_solver_limits import pigeons

ROOT = Path(__file__).resolve().parents[4]


def process(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_limit_of_memory_met_while_constraints_are_written_ends_the_process() -> None:
    code = (
        "import z3\n"
        "from tests.unit.engines.prove.test_solver_limits import pigeons\n"
        "z3.set_param('memory_max_size', 20)\n"
        "pigeons(60)\n"
    )
    assert process(code).returncode == -signal.SIGSEGV
    assert process(code.replace(", 20)", ", 0)")).returncode == 0


def test_a_limit_of_memory_once_met_changes_later_answers() -> None:
    code = (
        "import sys, z3\n"
        "from pathlib import Path\n"
        "from fencepost import build\n"
        "from fencepost.engines.prove.any_size import prove_any_size\n"
        "from fencepost.engines.prove.solver import held\n"
        "from fencepost.loading import load_model\n"
        "from tests.unit.engines.prove.test_solver_limits import pigeons\n"
        "if 'limit' in sys.argv:\n"
        "    hard = pigeons(30)\n"
        "    z3.set_param('memory_max_size', (held() >> 20) + 3)\n"
        "    assert hard.check() == z3.unknown\n"
        "    z3.set_param('memory_max_size', 0)\n"
        "source = load_model('rdma_write_completion', Path.cwd())\n"
        "system = build(source.model, source.properties, any_size=True)\n"
        "for name in ('safe', 'late_success_wins'):\n"
        "    print(prove_any_size(system, system.design(name), lemmas=()).answer)\n"
    )
    plain, after = process(code), process(code, "limit")
    assert "InductionFailure" in plain.stdout
    assert (plain.returncode, after.returncode) == (0, 0)
    assert after.stdout != plain.stdout


def test_a_limit_of_work_is_told_as_a_cancellation() -> None:
    solver = pigeons(30)
    solver.set("rlimit", 50_000)
    assert solver.check() == z3.unknown
    assert "cancel" in solver.reason_unknown()
    assert "resource" not in solver.reason_unknown()


def test_an_interrupt_is_kept_from_python() -> None:
    code = (
        "import os, signal, threading\n"
        "from tests.unit.engines.prove.test_solver_limits import pigeons\n"
        "solver = pigeons(30)\n"
        "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "print(solver.check(), 'interrupt' in solver.reason_unknown())\n"
    )
    ran = process(code)
    assert (ran.returncode, ran.stdout) == (0, "unknown True\n")


def test_an_interrupt_within_a_call_of_the_binding_becomes_another_error() -> None:
    """The binding hands every term to the solver through such a conversion of ctypes."""

    class Interrupted:
        @property
        def _as_parameter_(self) -> object:
            raise KeyboardInterrupt

    with pytest.raises(ctypes.ArgumentError, match="KeyboardInterrupt"):
        z3.z3core.Z3_inc_ref(z3.Context().ref(), Interrupted())


def test_the_text_of_a_finite_domain_solver_leaves_out_at_most() -> None:
    context = z3.Context()
    solver = z3.SolverFor("QF_FD", ctx=context)
    bools = [z3.Bool(f"b{n}", context) for n in range(4)]
    solver.add(z3.AtMost(*bools, 1), z3.Or(bools[:2]), z3.Or(bools[2:]))
    read_back = z3.Solver()
    read_back.from_string(solver.to_smt2())
    assert solver.check() == z3.unsat
    assert read_back.check() == z3.sat


def test_a_cell_of_too_many_values_is_told() -> None:
    system = two_counters(1000, always("equal", EQUAL))
    answer = bounded(system, ONLY, properties=["equal"]).answer
    assert answer.verdict is Verdict.UNDECIDED
    assert answer.stopped.startswith("`a` has 1 001 values, too many")
