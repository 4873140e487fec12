"""The analysis of barriers against what a search of every single set says."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import pytest

from fencepost import *
from fencepost.analyses.barrier_lattice import LIVE, SAFE, SUFFICIENT, Facet, Known, facets
from fencepost.analyses.barrier_questions import questions
from fencepost.analyses.barriers import Barring
from fencepost.core import expressions as x
from fencepost.core.errors import InputError
from fencepost.core.limits import INTERRUPTED, Limits
from fencepost.core.results import Verdict
from fencepost.core.system import Design as CoreDesign
from fencepost.core.system import Expectation
from fencepost.engines.explore import explore
from tests.unit.analyses.barrier_models import slot, trap
from tests.unit.kernel.random_systems import Generator

SEEDS = (*range(40), 77, 78, 82, 85, 89, 90, 102, 121, 122, 133, 138)
MORE_SEEDS = range(200, 400)
LIMITS = Limits(states=3000)


def subsets(names):
    return [frozenset(c) for size in range(len(names) + 1) for c in combinations(names, size)]


def brute_force(system, varied, on=frozenset()):
    """For each set what a whole search says of each facet."""
    found = {}
    for barriers in subsets(varied):
        design = CoreDesign("trial", on | barriers, Expectation())
        answer = explore(system, design).answer
        assert answer.complete
        found[on | barriers] = facets(answer)
    return found


def expected(found, goal, varied):
    """Minimal sets, needed and redundant barriers, from the definitions."""
    good = [s for s, known in found.items() if all(known[f] is Known.HOLDS for f in goal)]
    minimal = {s for s in good if not any(other < s for other in good)}
    if not good:
        return set(), set(), set()
    needed = {n for n in varied if all(n in s for s in good)}
    redundant = {n for n in varied if not any(n in s for s in minimal)}
    return minimal, needed, redundant


def told(conclusions):
    assert conclusions.perhaps_minimal == ()
    assert conclusions.unsettled == ()
    return set(conclusions.minimal), set(conclusions.needed), set(conclusions.redundant)


NO_LIMITS = Limits()


def analysed(system, *, whole, limits=NO_LIMITS, **how):
    (question,) = questions(system, whole=whole, **how)
    return Barring(system, explore, limits).answer(question)


def random_system(seed):
    """The system of a seed, less the properties that break with every set of its barriers."""
    system = Generator(seed, most_barriers=5).system()
    names = tuple(b.name for b in system.barriers)
    if len(names) < 3:
        return None
    system = dataclasses.replace(system, initial=x.TRUE, final=x.TRUE)
    worth = {p.name: set() for p in system.properties}
    for barriers in subsets(names):
        answer = explore(system, CoreDesign("trial", barriers, Expectation()), limits=LIMITS).answer
        if not answer.complete:
            return None
        for finding in answer.findings:
            worth.setdefault(finding.property, set()).add(finding.verdict)
    if worth["no_fault"] == {Verdict.VIOLATED}:
        return None
    kept = tuple(p for p in system.properties if worth[p.name] != {Verdict.VIOLATED})
    return dataclasses.replace(system, properties=kept)


def equal_brute_force(seeds):
    """How many systems have several minimal sets, take less for safety, have surprises."""
    several = differ = surprising = 0
    for seed in seeds:
        system = random_system(seed)
        if system is None:
            continue
        names = tuple(b.name for b in system.barriers)
        found = brute_force(system, names)
        whole = analysed(system, whole=True)
        minimal = analysed(system, whole=False)
        assert whole.live is not None
        for goal, one in ((SUFFICIENT, whole.sufficient), (SAFE, whole.safe), (LIVE, whole.live)):
            assert told(one) == expected(found, goal, names), (seed, goal)
        assert told(minimal.sufficient) == expected(found, SUFFICIENT, names), seed
        assert told(minimal.safe) == expected(found, SAFE, names), seed
        assert {v.barriers: v.known for v in whole.verdicts} == found, seed
        for each in whole.without:
            assert each.answer is not None
            known = facets(each.answer)
            assert known == found[each.of - {each.barrier}], seed
        several += len(whole.sufficient.minimal) > 1
        differ += whole.sufficient.minimal != whole.safe.minimal
        surprising += bool(whole.surprises)
    return several, differ, surprising


def test_random_systems_equal_brute_force():
    several, differ, surprising = equal_brute_force(SEEDS)
    assert several >= 2, "some systems have several minimal sets"
    assert differ >= 1, "for some safety takes less"
    assert surprising >= 1, "for some a superset is not sufficient"


@pytest.mark.slow
def test_many_more_random_systems_equal_brute_force():
    equal_brute_force(MORE_SEEDS)


def test_few_searches_tell_of_all_sets():
    system = slot()
    searched = []

    def search(system, design, **options):
        searched.append(design.barriers)
        return explore(system, design, **options)

    (question,) = questions(system, whole=False)
    answer = Barring(system, search).answer(question)
    assert told(answer.sufficient) == told(analysed(system, whole=True).sufficient)
    assert len(searched) < 16


def test_a_superset_of_a_safe_set_is_unsafe():
    answer = analysed(trap(), whole=True)
    assert answer.sufficient.minimal == (frozenset({"guard"}),)
    [surprise] = answer.surprises
    assert (surprise.barriers, surprise.added) == (frozenset({"guard"}), "cache")
    assert [(b.property, b.kind) for b in surprise.broken] == [("low", "always")]


def test_a_barrier_buys_safety_with_liveness():
    answer = analysed(slot(), whole=True)
    assert answer.live is not None
    assert set(answer.safe.minimal) == {frozenset({"waits"})}
    assert set(answer.live.minimal) == {frozenset()}
    assert answer.sufficient.minimal == (frozenset({"waits", "answers"}),)
    without = {each.barrier: each for each in answer.without}
    assert [b.property for b in without["answers"].broken] == ["can_be_free"]
    assert [b.property for b in without["waits"].broken] == ["own"]
    assert without["waits"].broken[0].steps == 2


def test_blocking_everything_is_no_cure():
    answer = analysed(slot(), whole=True)
    blocked = {v.barriers: v for v in answer.verdicts}[frozenset({"stops"})]
    assert blocked.known[Facet.SAFETY] is Known.HOLDS
    assert blocked.known[Facet.REACHABILITY] is Known.VIOLATED
    assert not any("stops" in barriers for barriers in answer.safe.minimal)
    assert answer.sufficient.redundant == ("stops", "idle")


def test_blocking_everything_makes_nothing_live():
    """A slot that nobody takes is not lost; one in use comes back by answers alone."""
    system = slot()
    varied = ("answers", "stops")
    answer = analysed(system, whole=True, varied=varied, design=system.design("both"))
    blocked = {v.barriers: v for v in answer.verdicts}[frozenset({"waits", "stops"})]
    assert blocked.known[Facet.LIVENESS] is Known.HOLDS
    assert answer.live is not None
    assert answer.live.minimal == (frozenset({"waits", "answers"}),)


def test_an_interrupt_keeps_what_was_established():
    def interrupt(step):
        if step.minimal:
            raise KeyboardInterrupt

    (question,) = questions(trap(), whole=True)
    answer = Barring(trap(), explore, progress=interrupt).answer(question)
    assert answer.stopped == INTERRUPTED
    assert answer.sufficient.minimal == (frozenset({"guard"}),)
    assert 0 < answer.counts["open"] < answer.sets
    assert answer.without and all(each.answer is None for each in answer.without)


def test_the_shortest_trace_without_a_barrier_is_one():
    system = slot()
    answer = analysed(system, whole=False)
    without = {each.barrier: each for each in answer.without}["waits"]
    design = CoreDesign("trial", frozenset({"answers"}), Expectation())
    [finding] = [f for f in explore(system, design).answer.findings if f.property == "own"]
    assert without.of == frozenset({"waits", "answers"})
    assert without.broken[0].steps == len(finding.trace) == 2


def test_named_barriers_are_varied_around_a_design():
    system = slot()
    (question,) = questions(system, varied=("waits",), design=system.design("both"))
    assert (question.varied, question.fixed_on) == (("waits",), frozenset({"answers"}))
    answer = Barring(system, explore).answer(question)
    assert answer.sets == 2
    assert answer.sufficient.minimal == (frozenset({"waits", "answers"}),)
    assert answer.sufficient.needed == ("waits",)


def test_without_a_design_the_first_that_holds_is_taken():
    (question,) = questions(slot(), varied=("idle",))
    assert question.fixed_on == frozenset({"waits", "answers"})
    assert "as in both" in question.title


def test_the_barriers_of_a_design_are_varied_with_the_others_off():
    system = slot()
    (question,) = questions(system, design=system.design("both"))
    assert (question.varied, question.fixed_on) == (("waits", "answers"), frozenset())


def test_a_set_that_is_too_large_to_search_is_not_called_anything():
    system = build(Counter, [counted, low_enough])
    answer = analysed(system, whole=True, limits=Limits(states=50))
    assert answer.undecided > 0
    assert answer.sufficient.minimal == ()
    assert answer.sufficient.needed == ()
    assert answer.sufficient.redundant == ()
    exact = analysed(system, whole=True)
    assert exact.sufficient.minimal == (frozenset(),)


class Counter(Model):
    bound = Barrier("the count ends early", buys=["low_enough"])
    count = Var(Range(0, 5000), initial=0)

    @action
    def add(self):
        require(self.count < (3 if self.bound else 5000))
        self.count += 1

    @action
    def again(self):
        self.count = 0

    only = Design(expect=holds)


@always(Counter)
def low_enough(m):
    return m.count <= 5000


@reachable(Counter)
def counted(m):
    return m.count == 2


def test_smaller_sets_that_were_not_decided_are_said():
    system = build(Counter, [counted, low_enough])
    answer = analysed(system, whole=True, limits=Limits(states=50))
    assert answer.sufficient.perhaps_minimal == (frozenset({"bound"}),)
    assert answer.sufficient.unsettled == ("bound",)


@pytest.mark.parametrize("after", [0, 1, 3, 5])
def test_an_interrupt_leaves_what_was_established(after):
    system = slot()
    calls = []

    def search(system, design, **options):
        calls.append(design.barriers)
        if len(calls) > after:
            raise KeyboardInterrupt
        return explore(system, design, **options)

    (question,) = questions(system, whole=True)
    answer = Barring(system, search).answer(question)
    assert answer.stopped == "interrupted"
    exact = {v.barriers: v.known for v in analysed(system, whole=True).verdicts}
    assert len(calls) == after + 1, "no other search is begun"
    for each in answer.verdicts:
        for facet, known in each.known.items():
            assert known in (Known.OPEN, exact[each.barriers][facet])
    assert set(answer.sufficient.minimal) <= {frozenset({"waits", "answers"})}


def test_time_ends_an_analysis():
    system = slot()
    (question,) = questions(system, whole=True)
    answer = Barring(system, explore, Limits(seconds=1e-9)).answer(question)
    assert answer.stopped == "time limit reached"
    assert answer.counts["open"] == 16
    assert answer.sufficient.minimal == ()


class Bare(Model):
    on = Var(bool)

    @action
    def flip(self):
        self.on = not self.on

    only = Design(expect=holds)


@always(Bare)
def fine(m):
    return m.on or not m.on


def test_a_model_without_barriers_is_refused():
    with pytest.raises(InputError) as error:
        questions(build(Bare, [fine]))
    assert error.value.code == "F165"


def test_a_design_without_barriers_is_refused():
    system = slot()
    with pytest.raises(InputError) as error:
        questions(system, design=system.design("early"))
    assert error.value.code == "F166"


def test_answers_are_equal_from_run_to_run():
    one, other = (analysed(slot(), whole=False) for _ in range(2))
    assert one == other
