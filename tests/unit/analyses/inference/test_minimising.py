"""Lemmas that others can do without go, and what was met before tells which cannot."""

import pytest

from fencepost import *
from fencepost import build
from fencepost.analyses.inference import infer_lemmas, inferring
from fencepost.analyses.inference.candidates import Candidate
from fencepost.analyses.inference.harvest import asked_by
from fencepost.analyses.inference.houdini import Claims, Search
from fencepost.analyses.inference.minimising import Witnesses, minimise
from fencepost.core.expressions import Read
from fencepost.engines.prove.any_size import claim
from fencepost.engines.prove.any_size.sized import Sized
from tests.unit.analyses.inference.protocols import SlotReclaim, own_bytes


@pytest.fixture(scope="module")
def minimised():
    """What is to be made smaller for a slot protocol: the questions, the claims, what was met."""
    asked = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(inferring, "minimise", lambda *each: asked.append(each))
        system = build(SlotReclaim, [own_bytes], any_size=True)
        assert infer_lemmas(system, system.design("safe")).proved
    sized, claims, told, broken = asked[-1]
    claims.lemmas = claims.needed()
    return sized, claims, told, tuple(broken)


def copied(claims):
    return Claims(claims.goals, claims.no_fault, dict(claims.lemmas), dict(claims.cores))


def test_where_no_other_claim_is_false_before_a_step_the_lemma_has_to_stay(minimised):
    sized, claims, _, broken = minimised
    witnesses = Witnesses(broken, claims, sized.barriers)
    names = set(claims.names)
    needed = [name for name in claims.lemmas if witnesses.needed(name, names)]
    assert needed
    for name in needed:
        rest = [each for each in claims.all if each.name != name]
        others = [n for n in claims.names if n != name]
        assert any(sized.core(claims.formula(n), rest) is None for n in others)


def test_what_was_met_changes_nothing_but_how_much_is_asked(minimised):
    sized, claims, told, broken = minimised
    left, asked = [], []
    for known in ((), broken):
        trial, before = copied(claims), sized.queries
        minimise(sized, trial, told, known)
        left.append(list(trial.lemmas))
        asked.append(sized.queries - before)
    assert left[0] == left[1]
    assert asked[1] < asked[0]


class Steps(Model):
    """One thing after the other, and each is asked for by the next."""

    requests = Parameter(2)
    Request = Index(requests)
    started = Array(Request, of=bool)
    written = Array(Request, of=bool)
    seen = Array(Request, of=bool)
    told = Array(Request, of=bool)

    @action(request=Request)
    def start(self, request):
        self.started[request] = True

    @action(request=Request)
    def write(self, request):
        require(self.started[request])
        self.written[request] = True

    @action(request=Request)
    def see(self, request):
        require(self.written[request])
        self.seen[request] = True

    @action(request=Request)
    def tell(self, request):
        require(self.seen[request])
        self.told[request] = True


@always(Steps)
def written_when_started(m, request: Steps.Request):
    return not m.written[request] or m.started[request]


@always(Steps)
def told_when_started(m, request: Steps.Request):
    return not m.told[request] or m.started[request]


@lemma(Steps)
def told_when_written(m, request: Steps.Request):
    return not m.told[request] or m.written[request]


@lemma(Steps)
def seen_when_written(m, request: Steps.Request):
    return not m.seen[request] or m.written[request]


@lemma(Steps)
def seen_when_started(m, request: Steps.Request):
    return not m.seen[request] or m.started[request]


@lemma(Steps)
def written_when_started_too(m, request: Steps.Request):
    return not m.written[request] or m.started[request]


def closed(goal, *lemmas):
    """The search without any candidates, from these claims."""
    system = build(Steps, [goal, *lemmas], any_size=True)
    sized = Sized(system, frozenset(), {"Request": 2})
    claims = Claims({goal.name: claim(system.properties[0])}, no_fault=False)
    claims.lemmas = {
        each.name: Candidate(each.name, each.arguments, each.condition, 2) for each in system.lemmas
    }
    search = Search(system, sized, claims, lambda *_: None)
    return search, search.close()


def test_a_broken_lemma_that_nothing_goes_by_is_withdrawn():
    search, lost = closed(written_when_started, told_when_written)
    assert lost is None
    assert search.withdrawn == {"told_when_written"}
    assert not search.claims.lemmas
    assert not search.dropped
    assert search.counterexamples == 0


def test_a_lemma_that_steps_keep_is_not_withdrawn():
    search, lost = closed(told_when_started, seen_when_written, written_when_started_too)
    assert lost is None
    assert not search.withdrawn


def test_a_broken_lemma_that_a_goal_goes_by_is_not_withdrawn():
    search, lost = closed(told_when_started, seen_when_started)
    assert lost is not None
    assert lost.goal == "told_when_started"
    assert "seen_when_started" in search.dropped
    assert not search.withdrawn


class Queue(Model):
    """Work that waits for what was queued last when it was queued itself."""

    requests = Parameter(2)
    Request = Index(requests, ordered=True)
    done = Array(Request, of=bool)
    last = Var(Maybe(Request))
    waits_for = Array(Request, of=Maybe(Request))

    @action(request=Request)
    def queue(self, request):
        require(self.last == NONE or self.last < request)
        self.waits_for[request] = self.last
        self.last = request

    @action(request=Request)
    def run(self, request):
        other = self.waits_for[request]
        require(other == NONE or self.done[other])
        self.done[request] = True


def test_what_a_step_will_go_by_is_asked_of_the_place_that_it_is_copied_from():
    terms = asked_by(build(Queue, any_size=True)).terms
    nested = {
        (term.field, term.indices[0].field)
        for term in terms
        if isinstance(term, Read) and term.indices and isinstance(term.indices[0], Read)
    }
    assert nested == {("done", "waits_for"), ("done", "last")}
