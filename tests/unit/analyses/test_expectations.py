from __future__ import annotations

from dataclasses import replace

import pytest

from fencepost.analyses.expectations import (
    Judgement,
    judge,
    shorten_expectation,
    show_expectation,
    violated,
)
from fencepost.core.results import Answer, Coverage, Finding, Verdict
from fencepost.core.system import Expectation, Step, Violation
from fencepost.core.traces import Trace

AS_EXPECTED, NOT, UNDECIDED = (
    Judgement.AS_EXPECTED,
    Judgement.NOT_AS_EXPECTED,
    Judgement.UNDECIDED,
)
HOLDS = Expectation()


def trace(length: int) -> Trace:
    return Trace("M", (), "d", (), "", (0,), (Step("a", ()),) * length)


def holds(name: str) -> Finding:
    return Finding(name, "always", Verdict.HOLDS, "all")


def broken(name: str, length: int | None) -> Finding:
    found = None if length is None else trace(length)
    return Finding(name, "always", Verdict.VIOLATED, "found", found)


def undecided(name: str) -> Finding:
    return Finding(name, "always", Verdict.UNDECIDED, "some")


def answer(*findings: Finding, depth: int = 9, stopped: str = "") -> Answer:
    nothing = Coverage(frozenset(), 0, frozenset(), frozenset())
    complete = not stopped
    return Answer(
        "M", "", (), "d", (), "explore", findings, 1, 1, depth, complete, stopped, nothing
    )


def expects(*violations: tuple[str, int | None]) -> Expectation:
    return Expectation(tuple(Violation(*violation) for violation in violations))


@pytest.mark.parametrize(
    ("findings", "expectation", "judgement", "reasons"),
    [
        ([holds("p")], HOLDS, AS_EXPECTED, ()),
        ([broken("p", 3)], expects(("p", 3)), AS_EXPECTED, ()),
        ([broken("p", 3)], expects(("p", None)), AS_EXPECTED, ()),
        (
            [broken("p", 3)],
            expects(("p", 4)),
            NOT,
            ("p is violated in 3 steps, expected in 4 steps",),
        ),
        (
            [broken("p", None)],
            expects(("p", 1)),
            NOT,
            ("p is violated in no trace, expected in 1 step",),
        ),
        ([holds("p")], expects(("p", 3)), NOT, ("p holds, and a violation was expected",)),
        ([broken("p", 1)], HOLDS, NOT, ("p is violated in 1 step, which was not expected",)),
        (
            [broken("p", 3), broken("q", None)],
            expects(("p", 3)),
            NOT,
            ("q is violated, which was not expected",),
        ),
        ([broken("p", 3), broken("q", 5)], expects(("q", 5), ("p", 3)), AS_EXPECTED, ()),
        ([undecided("p")], HOLDS, UNDECIDED, ("stopped",)),
        ([undecided("p")], expects(("p", 3)), UNDECIDED, ("stopped",)),
        ([broken("p", 3), undecided("q")], expects(("p", 3)), UNDECIDED, ("stopped",)),
        (
            [broken("p", 3), undecided("q")],
            HOLDS,
            NOT,
            ("p is violated in 3 steps, which was not expected",),
        ),
    ],
)
def test_a_verdict_beside_its_expectation(findings, expectation, judgement, reasons):
    stopped = "stopped" if any(f.verdict is Verdict.UNDECIDED for f in findings) else ""
    judged = judge(answer(*findings, stopped=stopped), expectation)
    assert (judged.judgement, judged.reasons) == (judgement, reasons)


def test_an_error_is_never_as_expected():
    finding = Finding("recording", "always", Verdict.ERROR, "scope", detail="they differ")
    judged = judge(answer(holds("p"), finding), HOLDS)
    assert (judged.judgement, judged.reasons) == (NOT, ("recording: they differ",))


@pytest.mark.parametrize(
    ("depth", "within", "judgement"),
    [(12, 12, AS_EXPECTED), (13, 12, AS_EXPECTED), (11, 12, UNDECIDED), (12, None, UNDECIDED)],
)
def test_within_accepts_no_violation_in_that_many_steps(depth, within, judgement):
    found = answer(undecided("p"), depth=depth, stopped="limit")
    assert judge(found, Expectation((), within)).judgement is judgement


@pytest.mark.parametrize(
    ("engine", "judgement"),
    [
        ("explore", AS_EXPECTED),
        ("explore, fuzz", AS_EXPECTED),
        ("walk", UNDECIDED),
        ("fuzz", UNDECIDED),
        ("fuzz, explore", UNDECIDED),
    ],
)
def test_the_length_of_random_runs_is_no_depth_that_was_covered(engine, judgement):
    found = replace(answer(undecided("p"), depth=50, stopped="limit"), engine=engine)
    assert judge(found, Expectation((), 12)).judgement is judgement


@pytest.mark.parametrize("kind", ["reachable", "always_possible"])
def test_within_covers_only_what_has_no_violation_so_far(kind):
    open_ = Finding("q", kind, Verdict.UNDECIDED, "some")
    expectation = Expectation((), 12)
    found = answer(undecided("p"), open_, depth=13, stopped="limit")
    assert judge(found, expectation).judgement is UNDECIDED
    reached = Finding("q", kind, Verdict.HOLDS, "reached")
    found = answer(undecided("p"), reached, depth=13, stopped="limit")
    assert judge(found, expectation).judgement is AS_EXPECTED


def test_within_does_not_excuse_a_violation():
    found = answer(broken("p", 14), undecided("q"), depth=13, stopped="limit")
    assert judge(found, Expectation((), 12)).judgement is NOT


@pytest.mark.parametrize(
    ("findings", "expectation", "judgement"),
    [
        ([holds("p")], expects(("p", 3)), AS_EXPECTED),
        ([broken("p", 9)], expects(("p", 3)), AS_EXPECTED),
        ([broken("p", 9)], HOLDS, NOT),
        ([undecided("p")], HOLDS, UNDECIDED),
        ([undecided("p")], expects(("p", 3)), UNDECIDED),
    ],
)
def test_at_other_sizes_only_a_violation_of_holds_contradicts(findings, expectation, judgement):
    stopped = "limit" if findings[0].verdict is Verdict.UNDECIDED else ""
    judged = judge(answer(*findings, stopped=stopped), expectation, binding=False)
    assert judged.judgement is judgement


def test_properties_that_were_not_asked_for_are_not_missed():
    expectation = expects(("p", 3), ("q", 2))
    assert judge(answer(broken("p", 3)), expectation).judgement is NOT
    judged = judge(answer(broken("p", 3)), expectation, selected=frozenset({"p"}))
    assert judged.judgement is AS_EXPECTED
    assert judge(answer(holds("r")), expectation, selected=frozenset({"r"})) == judge(
        answer(holds("r")), HOLDS
    )


def test_stopping_at_the_first_violation_is_no_limit():
    found = answer(broken("p", 3), undecided("q"), stopped="first")
    assert judge(found, expects(("p", 3)), first=True).judgement is AS_EXPECTED
    assert judge(found, HOLDS, first=True).judgement is NOT
    found = answer(undecided("p"), undecided("q"), stopped="limit of states")
    assert judge(found, HOLDS, first=True).judgement is UNDECIDED


def test_violated_gives_the_shortest_trace_of_each_property_shortest_first():
    found = answer(broken("a", None), broken("b", 5), broken("b", 2), broken("c", 3), holds("d"))
    assert list(violated(found).items()) == [("b", 2), ("c", 3), ("a", None)]


def test_expectations_in_words():
    assert show_expectation(HOLDS) == "HOLDS"
    assert show_expectation(Expectation((), 12)) == "HOLDS within 12 steps"
    two = expects(("p", 1), ("q", None))
    assert show_expectation(two) == "VIOLATED p in 1 step, q"
    assert shorten_expectation(two) == "VIOLATED p in 1 step and 1 more"
    assert shorten_expectation(HOLDS) == "HOLDS"


def test_violations_are_told_a_fault_first_then_as_expected_then_shortest_first():
    found = answer(
        broken("short", 1), broken("never", None), broken("listed", 9), broken("no_fault", 5)
    )
    assert list(violated(found)) == ["no_fault", "short", "listed", "never"]
    listed = expects(("never", None), ("listed", 9))
    assert list(violated(found, listed)) == ["no_fault", "never", "listed", "short"]


def test_an_expectation_is_told_in_the_same_order():
    expectation = expects(("listed", 9), ("no_fault", 5))
    assert show_expectation(expectation) == "VIOLATED no_fault in 5 steps, listed in 9 steps"
    assert shorten_expectation(expectation) == "VIOLATED no_fault in 5 steps and 1 more"


def within(name: str, bound: int) -> Finding:
    return Finding(name, "always", Verdict.HOLDS, "no violation", bound=bound)


@pytest.mark.parametrize(
    ("findings", "expectation", "judgement", "reasons"),
    [
        ([within("p", 20)], HOLDS, UNDECIDED, ("no violation in 20 steps",)),
        ([within("p", 20), holds("q")], HOLDS, UNDECIDED, ("no violation in 20 steps",)),
        ([within("p", 20), within("q", 9)], HOLDS, UNDECIDED, ("no violation in 9 steps",)),
        ([within("p", 20), undecided("q")], HOLDS, UNDECIDED, ("not decided",)),
        ([within("p", 20)], Expectation(within=20), AS_EXPECTED, ()),
        ([within("p", 19)], Expectation(within=20), UNDECIDED, ("no violation in 19 steps",)),
        ([within("p", 20), within("q", 9)], Expectation(within=10), UNDECIDED, None),
        ([within("p", 4)], expects(("p", 5)), UNDECIDED, ("no violation in 4 steps",)),
        ([within("p", 9)], expects(("p", None)), UNDECIDED, ("no violation in 9 steps",)),
        (
            [within("p", 5)],
            expects(("p", 5)),
            NOT,
            ("p: no violation in 5 steps, expected in 5 steps",),
        ),
        ([broken("p", 3), within("q", 9)], expects(("p", 3)), UNDECIDED, None),
        ([broken("p", 3), within("q", 9)], Expectation(within=2), NOT, None),
    ],
)
def test_what_holds_up_to_a_bound_is_open_beyond_it(
    findings: list[Finding],
    expectation: Expectation,
    judgement: Judgement,
    reasons: tuple[str, ...] | None,
) -> None:
    given = answer(*findings, depth=0)
    assert given.verdict is not Verdict.HOLDS
    judged = judge(given, expectation)
    assert judged.judgement is judgement
    assert reasons is None or judged.reasons == reasons
