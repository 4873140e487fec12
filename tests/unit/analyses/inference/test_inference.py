"""Lemmas are found for small serving protocols, and not found where there are none."""

import pytest

from fencepost import build
from fencepost.analyses.inference import infer_lemmas
from fencepost.core.expressions import FALSE, TRUE
from fencepost.core.limits import TIME_LIMIT, Limits
from fencepost.core.semantics import evaluate
from fencepost.core.sizes import at_sizes, formula_at_sizes
from fencepost.core.system import Lemma
from fencepost.engines.prove.any_size import prove_any_size
from tests.unit.analyses.inference.protocols import (
    Handover,
    LateWrite,
    Pair,
    PrefixBlock,
    SlotReclaim,
    always_so,
    held_is_there,
    nobody_is_alone,
    own_bytes,
    posted_write_has_a_tag,
    read_when_written,
)

PROTOCOLS = {
    SlotReclaim: own_bytes,
    LateWrite: posted_write_has_a_tag,
    PrefixBlock: held_is_there,
}


def unbounded(model):
    return build(model, [PROTOCOLS[model]], any_size=True)


@pytest.fixture(scope="module")
def inferred():
    """What is inferred for a design, once."""
    kept = {}

    def infer(model, design):
        if (model, design) not in kept:
            system = unbounded(model)
            kept[model, design] = system, infer_lemmas(system, system.design(design))
        return kept[model, design]

    return infer


@pytest.mark.parametrize("model", [SlotReclaim, LateWrite, PrefixBlock])
def test_a_safe_design_is_proved_with_lemmas_that_were_found(inferred, model):
    system, found = inferred(model, "safe")
    assert found.proved
    assert found.lemmas
    answer = prove_any_size(system, found.design, lemmas=found.lemmas).answer
    assert {f.verdict.value for f in answer.findings if f.kind == "always"} == {"HOLDS"}


def test_what_is_true_of_two_is_tried_with_one():
    """More members have not all states of fewer."""
    system = build(Pair, [nobody_is_alone], any_size=True)
    found = infer_lemmas(system, system.design("expected"))
    assert found.violation is not None
    assert [step.action for step in found.violation.trace.steps] == ["look"]


def test_a_property_that_is_constant_is_proved():
    system = build(Pair, [always_so], any_size=True)
    assert infer_lemmas(system, system.design("expected")).proved


def test_what_is_proved_stays_so_when_time_ends(monkeypatch):
    from fencepost.analyses.inference import inferring

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(inferring, "minimise", interrupted)
    system = unbounded(SlotReclaim)
    found = infer_lemmas(system, system.design("safe"))
    assert found.proved
    assert found.lemmas_tried >= len(found.lemmas) > 0


def test_a_lemma_that_somebody_named_as_candidates_were_is_not_taken_for_one():
    system = unbounded(SlotReclaim)
    first = [
        Lemma(f"request_{kind}{number}", (), TRUE, FALSE)
        for kind in ("", "box_")
        for number in range(9)
    ]
    found = infer_lemmas(system, system.design("safe"), first=first)
    assert found.proved
    assert found.kept == ()


def test_a_model_without_any_index_has_lemmas_too():
    system = build(Handover, [read_when_written], any_size=True)
    found = infer_lemmas(system, system.design("safe"))
    assert found.proved
    assert len(found.lemmas) == 1
    answer = prove_any_size(system, found.design, lemmas=found.lemmas).answer
    assert {f.verdict.value for f in answer.findings if f.kind == "always"} == {"HOLDS"}
    early = infer_lemmas(system, system.design("early"))
    assert early.violation is not None
    assert [step.action for step in early.violation.trace.steps] == ["announce", "read"]


@pytest.mark.parametrize("model", [SlotReclaim, LateWrite, PrefixBlock])
def test_no_lemma_can_be_left_out(inferred, model):
    system, found = inferred(model, "safe")
    for lemma in found.lemmas:
        rest = [other for other in found.lemmas if other is not lemma]
        answer = prove_any_size(system, found.design, lemmas=rest).answer
        assert any(f.verdict.value != "HOLDS" for f in answer.findings), lemma.name


@pytest.mark.parametrize(
    ("model", "design", "steps"),
    [(SlotReclaim, "hasty", 9), (LateWrite, "blind", 4), (PrefixBlock, "freed_by_the_first", 5)],
)
def test_a_broken_design_is_refused_with_a_run(inferred, model, design, steps):
    _, found = inferred(model, design)
    assert not found.proved
    assert found.lemmas == ()
    assert found.violation is not None
    assert found.violation.trace is not None
    assert len(found.violation.trace.steps) == steps
    assert found.obstacle is None


def test_lemmas_that_were_thought_of_come_first(inferred):
    system, found = inferred(SlotReclaim, "safe")
    again = infer_lemmas(system, found.design, first=found.lemmas)
    assert again.proved
    assert again.lemmas == ()
    assert set(again.kept) == {lemma.name for lemma in found.lemmas}
    assert again.counterexamples <= found.counterexamples


def test_a_false_lemma_among_the_first_does_no_harm(inferred):
    system, found = inferred(PrefixBlock, "safe")
    wrong = found.lemmas[0]
    from dataclasses import replace

    from fencepost.core import folding

    false = replace(wrong, name="nonsense", condition=folding.negate(wrong.condition))
    again = infer_lemmas(system, found.design, first=[false])
    assert again.proved
    assert "nonsense" not in again.kept


def test_time_ends_a_search_without_a_verdict():
    system = unbounded(SlotReclaim)
    found = infer_lemmas(system, system.design("safe"), limits=Limits(seconds=0.001))
    assert (found.proved, found.stopped) == (False, TIME_LIMIT)


def test_progress_is_told():
    system, told = unbounded(PrefixBlock), []
    infer_lemmas(system, system.design("safe"), progress=told.append)
    assert any(each.lemmas for each in told)
    assert told[-1].seconds >= told[0].seconds


def test_lemmas_hold_in_every_reachable_state(inferred):
    from fencepost.core.limits import Limits as Few
    from fencepost.engines.explore.reached import reached_states

    system, found = inferred(SlotReclaim, "safe")
    sized = at_sizes(system, {"Request": 2, "Slot": 2, "Chunk": 2})
    states = reached_states(sized, found.design, Few())
    assert states.complete
    for column in range(0, states.states, max(1, states.states // 200)):
        state = tuple(int(value) for value in states.cells[:, column])
        for lemma in found.lemmas:
            from fencepost.core.expressions import Quantified

            every = Quantified("for_all", lemma.arguments, lemma.condition)
            closed = formula_at_sizes(every, sized)
            assert evaluate(sized, found.design.barriers, state, {}, closed), lemma.name
