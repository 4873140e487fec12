"""The compiled search and the interpreter give the same answer, whole, on every system."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from fencepost.core import expressions as x
from fencepost.core.domains import BOOL, Range
from fencepost.core.limits import Limits
from fencepost.core.results import Answer, Verdict
from fencepost.core.system import Action, Design, Expectation, Field, System
from fencepost.core.trees import BulkWrite, Decide, Fault, Update, Write, decisions, leaves
from fencepost.engines.explore import explore, explore_by_interpreter
from fencepost.kernel.layout import lay_out
from tests.unit.kernel.random_systems import random_system
from tests.unit.kernel.slot_protocol import slot_protocol

SEEDS = 200
LIMITS = Limits(states=300)


def assert_same(system: System, *, first: bool = False, limits: Limits = LIMITS) -> list[Answer]:
    """Compares field by field, so that a failure names what differs."""
    answers = []
    for design in system.designs:
        slow = explore_by_interpreter(system, design, first=first, limits=limits).answer
        fast = explore(system, design, first=first, limits=limits).answer
        for name in Answer.__dataclass_fields__:
            assert getattr(fast, name) == getattr(slow, name), (system.name, design.name, name)
        answers.append(fast)
    return answers


@pytest.mark.parametrize("start", range(0, SEEDS, 25))
def test_random_systems(start: int) -> None:
    for seed in range(start, start + 25):
        assert_same(random_system(seed))


@pytest.mark.parametrize("start", range(1000, 1060, 20))
def test_random_systems_stopped_at_the_first_violation(start: int) -> None:
    for seed in range(start, start + 20):
        assert_same(random_system(seed), first=True, limits=Limits(states=100))


@pytest.mark.parametrize("size", [(1, 1, 1), (2, 1, 1), (2, 2, 1), (1, 2, 3)])
def test_slot_protocol(size: tuple[int, int, int]) -> None:
    assert all(answer.complete for answer in assert_same(slot_protocol(*size), limits=Limits()))


def test_counts_of_a_protocol_checked_by_hand() -> None:
    system = slot_protocol(2, 1, 2)
    answer = explore(system, system.design("as_reported")).answer
    assert (answer.states, answer.transitions, answer.depth) == (1581, 4784, 19)
    finding = answer.findings[0]
    assert finding.trace is not None
    assert len(finding.trace) == 10


@pytest.mark.parametrize("words", [1, 2, 3, 9])
def test_counts_do_not_depend_on_the_words_of_a_state(words: int) -> None:
    """The table grows on the way, and holds states of one, two and more words in its own way."""
    system = slot_protocol(3, 2, 1)
    padding = Field("padding", (Range(2, words),), Range(0, 2**62), ((0,),) * (words - 1))
    if words > 1:
        system = dataclasses.replace(system, fields=(*system.fields, padding))
    assert lay_out(system).words == words
    answer = explore(system, system.design("safe")).answer
    assert (answer.states, answer.transitions, answer.depth) == (10_799, 38_592, 25)
    assert {f.verdict for f in answer.findings} == {Verdict.HOLDS}


def test_random_systems_reach_every_kind_of_node_and_outcome() -> None:
    kinds: Counter[str] = Counter()
    systems = [random_system(seed) for seed in range(60)]
    for system in systems:
        kinds.update(_node_kinds(system))
        kinds["several_initial"] += any(len(v) > 1 for f in system.fields for v in f.initial)
        kinds["several_words"] += lay_out(system).words > 1
        kinds["over_512_bits"] += lay_out(system).words > 8
        answer = explore(system, system.designs[0], limits=LIMITS).answer
        for finding in answer.findings:
            kinds[f"{finding.kind}_{finding.verdict.value}"] += 1
            kinds[f"{finding.property}_{finding.verdict.value}"] += 1
        kinds["large"] += answer.states > 50
    wanted = """
        Constant Variable BarrierOn Read Not And Or Equal Less Arithmetic Choose Contains
        SetUpdate for_all exists count + - * // % Write BulkWrite Update Disabled Fault check large
        always_VIOLATED reachable_VIOLATED always_possible_VIOLATED no_fault_VIOLATED
        no_stuck_state_VIOLATED always_HOLDS reachable_HOLDS always_possible_HOLDS
        several_initial several_words over_512_bits
    """
    assert [kind for kind in wanted.split() if kinds[kind] < 3] == []


def _node_kinds(system: System) -> Counter[str]:
    kinds: Counter[str] = Counter()
    expressions = [system.initial, system.final]
    expressions += [e for p in system.properties for e in (p.condition, p.fault)]
    for action in system.actions:
        for decision in decisions(action.tree):
            expressions.append(decision.condition)
            kinds["check"] += decision.check
        for leaf in leaves(action.tree):
            kinds[type(leaf).__name__] += 1
            for write in leaf.writes if isinstance(leaf, Update) else ():
                kinds[type(write).__name__] += 1
                expressions += [*write.indices, write.value]
                if isinstance(write, BulkWrite):
                    expressions.append(write.where)
    for expression in expressions:
        for node in x.walk(expression):
            kinds[type(node).__name__] += 1
            if isinstance(node, x.Arithmetic):
                kinds[node.operator] += 1
            if isinstance(node, x.Quantified):
                kinds[node.kind] += 1
    return kinds


def test_a_kept_bit_and_a_copied_bit_under_a_condition() -> None:
    """The shape that LLVM 22 gets wrong on AVX-512 unless the word is settled first."""
    fields = tuple(Field(name, (), BOOL, ((0, 1),)) for name in "abc")
    a, b, c = (x.Read(name, (), BOOL) for name in "abc")
    copy = Decide(b, Update((Write("c", (), a),)), Update(()))
    swap = Decide(c, Update((Write("a", (), b), Write("b", (), a))), Fault("assert"))
    system = System(
        name="Copies",
        parameters=(),
        barriers=(),
        fields=fields,
        initial=x.TRUE,
        actions=(Action("copy", "", (), copy), Action("swap", "", (), swap)),
        properties=(),
        final=x.FALSE,
        designs=(Design("only", frozenset(), Expectation()),),
    )
    assert_same(system)
