"""Names tell candidates apart, and claims from what is built in."""

import pytest

from fencepost import build
from fencepost.analyses.inference import infer_lemmas
from fencepost.core.errors import InputError
from fencepost.core.limits import Limits
from fencepost.language import (
    Array,
    Index,
    Model,
    Parameter,
    Var,
    action,
    always,
    choose,
    lemma,
    require,
)


class TwoOfOneWord(Model):
    ones, others = Parameter(2), Parameter(2)
    AB, Ab = Index(ones), Index(others)
    one_set = Array(AB, of=bool)
    one_done = Array(AB, of=bool)
    other_set = Array(Ab, of=bool)
    other_done = Array(Ab, of=bool)
    bad = Var(bool)

    @action(p=AB)
    def set_one(self, p):
        require(not self.one_done[p])
        self.one_set[p] = self.one_done[p] = True

    @action(p=AB)
    def look_at_one(self, p):
        require(self.one_done[p])
        self.bad = choose(self.one_set[p], self.bad, True)

    @action(p=Ab)
    def set_other(self, p):
        require(not self.other_done[p])
        self.other_set[p] = self.other_done[p] = True

    @action(p=Ab)
    def look_at_other(self, p):
        require(self.other_done[p])
        self.bad = choose(self.other_set[p], self.bad, True)


@always(TwoOfOneWord)
def fine(m):
    return not m.bad


def test_candidates_about_two_index_domains_of_one_word_have_names_of_their_own():
    system = build(TwoOfOneWord, [fine], any_size=True)
    found = infer_lemmas(system, system.designs[0], limits=Limits(seconds=60))
    assert found.proved, found.stopped
    assert len(found.lemmas) == 2


@pytest.mark.parametrize("name", ["no_fault", "no_stuck_state", "fine"])
def test_a_lemma_has_no_name_of_a_property_built_in_or_not(name):
    """It would be assumed under that name, and what is asked of the property would be asked."""

    def said(m):
        return not m.bad

    said.__name__ = name
    with pytest.raises(InputError, match=f"named {name}"):
        build(TwoOfOneWord, [fine, lemma(TwoOfOneWord)(said)])
