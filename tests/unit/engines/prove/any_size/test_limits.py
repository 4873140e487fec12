"""A proof that is stopped says why and how far it came; nothing is claimed of what it left open."""

from __future__ import annotations

import os
import signal

import pytest
from recycling import PROPERTIES, Recycling

from fencepost import build
from fencepost.analyses.inference import infer_lemmas
from fencepost.core.limits import INTERRUPTED, MEMORY_LIMIT, TIME_LIMIT, Limits, Proving
from fencepost.core.results import Verdict
from fencepost.engines.prove.any_size import prove_any_size
from fencepost.engines.prove.solver import held

MIB = 1 << 20
SYSTEM = build(Recycling, PROPERTIES, any_size=True)
WAITING = SYSTEM.design("waiting")


@pytest.mark.parametrize(
    ("limits", "why"),
    [(Limits(seconds=0.0), TIME_LIMIT), (Limits(memory_bytes=1000), MEMORY_LIMIT)],
)
def test_a_proof_at_its_limit_is_undecided(limits: Limits, why: str):
    answer = prove_any_size(SYSTEM, WAITING, limits=limits).answer
    assert answer.stopped == why
    assert not answer.complete
    assert {f.verdict for f in answer.findings} == {Verdict.UNDECIDED}
    assert {f.scope for f in answer.findings} == {f"not proved: {why} after 0 obligations"}


def test_the_limit_of_memory_is_met_while_a_question_is_asked():
    """What solvers hold grows with the proof, which ends between its start and its end."""
    answer = prove_any_size(SYSTEM, WAITING, limits=Limits(memory_bytes=held() + MIB)).answer
    assert answer.stopped == MEMORY_LIMIT
    assert prove_any_size(SYSTEM, WAITING).answer.verdict is Verdict.HOLDS


def test_an_interrupt_keeps_how_far_the_proof_came():
    told: list[Proving] = []

    def interrupt_at_ten(progress: Proving) -> None:
        told.append(progress)
        if len(told) == 10:
            os.kill(os.getpid(), signal.SIGINT)

    answer = prove_any_size(SYSTEM, WAITING, progress=interrupt_at_ten).answer
    assert answer.stopped == INTERRUPTED
    assert len(told) == 10
    assert {f.scope for f in answer.findings} == {f"not proved: {INTERRUPTED} after 9 obligations"}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    ("limits", "why"),
    [(Limits(seconds=0.0), TIME_LIMIT), (Limits(memory_bytes=1000), MEMORY_LIMIT)],
)
def test_a_search_for_lemmas_at_its_limit_says_so(limits: Limits, why: str):
    found = infer_lemmas(SYSTEM, WAITING, limits=limits)
    assert (found.proved, found.stopped, found.lemmas) == (False, why, ())


def test_an_interrupt_ends_the_search_for_lemmas():
    def interrupt(_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    found = infer_lemmas(SYSTEM, WAITING, progress=interrupt)
    assert (found.proved, found.stopped) == (False, INTERRUPTED)
