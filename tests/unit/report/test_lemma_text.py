"""Lemmas as Python: what is pasted and recorded again means the same."""

import ast
import importlib.util

import numpy as np
import pytest

from fencepost import build
from fencepost.analyses.inference import infer_lemmas
from fencepost.analyses.inference.vectors import Vectors
from fencepost.core.domains import BOOL, Index, Maybe
from fencepost.core.expressions import (
    FALSE,
    And,
    Constant,
    Equal,
    Less,
    Not,
    Or,
    Quantified,
    Read,
    Variable,
)
from fencepost.core.sizes import at_sizes, sorts
from fencepost.core.system import Lemma
from fencepost.engines.prove.any_size import prove_any_size
from fencepost.report.lemma_text import as_python, lemma_as_python, lemmas_as_python
from tests.unit.analyses.inference import protocols
from tests.unit.analyses.inference.protocols import LateWrite, PrefixBlock, SlotReclaim

CASES = [
    (SlotReclaim, "own_bytes"),
    (LateWrite, "posted_write_has_a_tag"),
    (PrefixBlock, "held_is_there"),
]
A, B, C = (Read(name, (), BOOL) for name in "abc")
SLOT = Index("Slot", 3)
ONE = Variable("one", SLOT)
P, Q = (Read(name, (), Maybe(SLOT)) for name in "pq")
AT_P = Read("at", (P,), Maybe(SLOT))
NOBODY = Constant(-1, Maybe(SLOT))


def pasted(text, folder):
    file = folder / "pasted.py"
    file.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("pasted_lemmas", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("model", "name"), CASES)
def test_pasted_lemmas_are_the_inferred_ones(model, name, tmp_path):
    prop = getattr(protocols, name)
    system = build(model, [prop], any_size=True)
    design = system.design("safe")
    found = infer_lemmas(system, design)
    module_name = "tests.unit.analyses.inference.protocols"
    text = lemmas_as_python(found.lemmas, model.__name__, module_name)
    module = pasted(text, tmp_path)
    declared = [getattr(module, lemma.name) for lemma in found.lemmas]
    again = build(model, [prop, *declared], any_size=True)
    assert [m.name for m in again.lemmas] == [m.name for m in found.lemmas]
    assert all(m.designs == ("safe",) for m in again.lemmas)
    sizes = {s.name: 2 for s in sorts(system)}
    sized = at_sizes(system, sizes)
    chance = np.random.default_rng(0)
    domains = [declared.domain for declared, _ in sized.cells]
    cells = np.stack([chance.integers(d.low, d.high + 1, size=4000) for d in domains])
    vectors = Vectors(sized, design.barriers, cells, sizes)
    for mine, recorded in zip(found.lemmas, again.lemmas, strict=True):
        values = []
        for lemma in (mine, recorded):
            vectors.at({})
            node = lemma.condition
            if lemma.arguments:
                node = Quantified("for_all", lemma.arguments, node)
            values.append(np.broadcast_to(vectors.of(node), (1, 4000))[0])
        assert (values[0] == values[1]).all(), mine.name
        assert 0 < values[0].sum() < 4000, mine.name
    answer = prove_any_size(again, again.design("safe")).answer
    assert {f.verdict.value for f in answer.findings} == {"HOLDS"}


def test_lines_are_short_and_names_are_imported(tmp_path):
    system = build(SlotReclaim, [protocols.own_bytes], any_size=True)
    found = infer_lemmas(system, system.design("safe"))
    text = lemmas_as_python(found.lemmas, "SlotReclaim", "models.slot_reclaim")
    assert text.startswith("from fencepost import *\nfrom models.slot_reclaim import Phase, SlotR")
    assert all(len(line) <= 100 for line in text.splitlines())
    compile(text, str(tmp_path), "exec")


def test_what_an_alternative_may_take_for_granted_is_not_said_again(tmp_path):
    """Python comes to the second operand of `or` only where the first is false."""
    system = build(SlotReclaim, [protocols.own_bytes], any_size=True)
    found = infer_lemmas(system, system.design("safe"))
    text = lemmas_as_python(found.lemmas, "SlotReclaim", "tests.unit.analyses.inference.protocols")
    plain = "return m.slot[request] == NONE or m.owner[m.slot[request]] == request\n"
    assert plain in text
    assert "m.slot[request] == NONE or (m.slot[request] != NONE" not in " ".join(text.split())


@pytest.mark.parametrize(
    ("operands", "shown"),
    [
        ((A, And((Not(A), B))), "m.a or m.b"),
        ((Not(A), And((A, B))), "not m.a or m.b"),
        ((A, B, And((Not(B), Not(A), C))), "m.a or m.b or m.c"),
        ((Not(And((A, B))), And((A, B, C))), "not (m.a and m.b) or m.c"),
        # What comes later is not yet known to be false: it may be what keeps this from a fault.
        ((And((Not(A), B)), A), "(not m.a and m.b) or m.a"),
        ((A, Not(A)), "m.a or not m.a"),
        ((A, And((B, C))), "m.a or (m.b and m.c)"),
    ],
)
def test_alternatives(operands, shown):
    assert as_python(Or(operands)) == shown


def is_there(term):
    return Not(Equal(term, NOBODY))


@pytest.mark.parametrize(
    ("operands", "shown"),
    [
        ((is_there(P), Equal(P, ONE)), "m.p == one"),
        ((is_there(P), Equal(ONE, P)), "one == m.p"),
        ((A, is_there(P), Equal(P, ONE)), "m.a and m.p == one"),
        ((is_there(P), is_there(Q), Equal(P, Q)), "m.p != NONE and m.p == m.q"),
        # Both may be NONE, and then they are equal; or the guard keeps a read in its range.
        ((is_there(P), Equal(P, Q)), "m.p != NONE and m.p == m.q"),
        ((is_there(P), Equal(AT_P, ONE)), "m.p != NONE and m.at[m.p] == one"),
        ((is_there(P), is_there(AT_P), Equal(P, AT_P)), "m.p != NONE and m.p == m.at[m.p]"),
        ((is_there(P), Less(P, ONE)), "m.p != NONE and m.p < one"),
        ((is_there(P), A, Equal(P, ONE)), "m.p != NONE and m.a and m.p == one"),
    ],
)
def test_that_a_member_is_equal_says_that_there_is_one(operands, shown):
    assert as_python(And(operands)) == shown


LONG = [Equal(Read(f"a_field_with_a_long_name_{n}", (ONE,), Maybe(SLOT)), ONE) for n in range(5)]
FORMS = {
    "alternatives": Or((Not(LONG[0]), *LONG[1:3])),
    "nested": Or((A, And(tuple(LONG)))),
    "quantified": Or((A, Quantified("for_all", (ONE,), Or(tuple(LONG[:2]))))),
    "denied": Or((A, Not(Quantified("exists", (ONE,), And(tuple(LONG)))))),
    "alone": Quantified("for_all", (ONE,), Or(tuple(LONG))),
    "values": Or(tuple(Equal(P, Constant(n, SLOT)) for n in range(3))),
}


@pytest.mark.parametrize("form", FORMS)
def test_long_lines_are_broken_and_mean_the_same(form):
    arguments = () if form == "alone" else (ONE,)
    text = lemma_as_python(Lemma(form, arguments, FORMS[form], FALSE), "M")
    assert all(len(line) <= 100 for line in text.splitlines()), text
    (returned,) = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Return)]
    plain = ast.parse(as_python(FORMS[form]), mode="eval").body
    assert ast.dump(returned.value) == ast.dump(plain)
