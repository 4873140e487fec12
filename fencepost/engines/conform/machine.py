"""A Hypothesis state machine that drives an implementation: what it finds, it makes shorter."""

from __future__ import annotations

import types
from functools import cache
from typing import ClassVar

from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from fencepost.engines.conform.runs import Run, Subject
from fencepost.engines.seeded import run_machine

DEVIATES = 6
"""One step in so many is drawn among those that the model disables."""


@st.composite
def _steps(draw: st.DrawFn) -> int | None:
    """A step to try, by number; None where there is none."""
    machine: ConformMachine = draw(st.runner())
    choices = machine.current.choices()
    possible, disabled = choices.possible, choices.disabled
    if not possible or not disabled:
        either = possible or disabled
        return either[draw(_below(len(either)))] if either else None
    drawn = draw(_below(DEVIATES * len(possible)))
    if drawn % DEVIATES < DEVIATES - 1:
        return possible[drawn // DEVIATES]
    return disabled[draw(_below(len(disabled)))]


@st.composite
def _starts(draw: st.DrawFn) -> int | None:
    """Where to start, where that can be told."""
    machine: ConformMachine = draw(st.runner())
    starts = machine.subject.starts
    return starts[draw(_below(len(starts)))] if starts else None


@cache
def _below(count: int) -> st.SearchStrategy[int]:
    return st.integers(0, count - 1)


class ConformMachine(RuleBasedStateMachine):
    """Sets an implementation up, and tries one step after the other."""

    subject: ClassVar[Subject]

    def __init__(self) -> None:
        super().__init__()
        self.run: Run | None = None
        self.parted = False

    @property
    def current(self) -> Run:
        if self.run is None:
            raise AssertionError("Hypothesis begins with what is marked `initialize`")
        return self.run

    @initialize(start=_starts())
    def begin(self, start: int | None) -> None:
        """Set up a fresh implementation."""
        self.run = self.subject.begin(start)

    @rule(number=_steps())
    def attempt(self, number: int | None) -> None:
        """Try a step."""
        if number is None:
            return
        try:
            self.current.attempt(number)
        except BaseException:
            self.parted = True
            raise

    def teardown(self) -> None:
        if self.run is not None and self.parted:
            self.run.abandon()
        elif self.run is not None:
            self.run.close()


def hypothesis_runs(subject: Subject, examples: int, steps: int, seed: int) -> None:
    """So many runs that Hypothesis draws; `Differs` of the run that it shrinks a difference to.

    An implementation that does not do the same again is shrunk as far as it does.
    """
    subject.last = None
    machine: type[ConformMachine] = types.new_class(
        "DrivenImplementation",
        (ConformMachine,),
        exec_body=lambda body: body.update(__module__=__name__, subject=subject),
    )
    try:
        run_machine(
            machine,
            examples=examples,
            steps=steps + 1,
            number=seed,
            phases=(Phase.generate, Phase.shrink),
        )
    except Flaky as error:
        if subject.last is not None:
            raise subject.last from error
