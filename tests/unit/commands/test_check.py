"""Names that only a model at fault knows are not blamed in its place."""

from __future__ import annotations

import json

import pytest

from fencepost.core.limits import WORK_LIMIT
from fencepost.engines import prove
from fencepost.running import SHARES, STEPS

MODEL = """
from fencepost import *

class Lamp(Model):
    on = Var(bool)
    size = Parameter(1)

    @action
    def switch(self):
        self.on = not self.on

    dark = Design(expect=holds)

@reachable(Lamp)
def lit(m):
    return m.on
"""


@pytest.mark.parametrize("named", [("--design", "dark"), ("--property", "lit")])
def test_a_model_at_fault_is_named_before_what_only_it_knows(workshop, named):
    workshop.project()
    workshop.write("models/lamp.py", MODEL.replace("expect=holds", "expect=4"))
    ran = workshop.run("check", "lamp", *named)
    assert ran.code == 2
    assert "a design expects 4" in ran.err
    assert "has a" not in ran.err


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (("--design", "dusk"), "has no design 'dusk'"),
        (("--property", "dim"), "has no property 'dim'"),
        (("--set", "sizes=2"), "has no parameter 'sizes'"),
    ],
)
def test_an_unknown_name_is_an_error_where_every_model_is_sound(workshop, named, said):
    workshop.project()
    workshop.write("models/lamp.py", MODEL)
    ran = workshop.run("check", *named)
    assert ran.code == 2
    assert said in ran.err


def interrupted_at(workshop, monkeypatch, number: int, *arguments: str):
    """A check that is interrupted in place of its search of that number."""
    from fencepost.engines import explore as engine

    searches = []
    search = engine.explore

    def interrupt(*values, **options):
        searches.append(values)
        if len(searches) == number:
            raise KeyboardInterrupt
        return search(*values, **options)

    monkeypatch.setattr(engine, "explore", interrupt)
    workshop.project()
    workshop.write("models/lamp.py", MODEL)
    workshop.write("models/lump.py", MODEL.replace("Lamp", "Lump"))
    return workshop.run("check", *arguments)


@pytest.mark.parametrize("arguments", [(), ("--quiet",), ("--json", "report.json")])
def test_an_interrupt_before_the_first_search_ends_says_so(workshop, monkeypatch, arguments):
    ran = interrupted_at(workshop, monkeypatch, 1, *arguments)
    assert (ran.code, ran.err) == (3, "")
    assert ran.out == "interrupted before any design was searched\n"


def test_an_interrupt_keeps_the_models_before_it_and_is_told(workshop, monkeypatch):
    ran = interrupted_at(workshop, monkeypatch, 2)
    assert (ran.code, ran.err) == (3, "")
    assert "1 design of 2 models: 1 as expected, interrupted" in ran.out


def test_an_interrupt_between_searches_keeps_the_models_before_it(workshop, monkeypatch):
    from fencepost import checking

    compare = checking.Comparison

    def interrupt(model, *values):
        if model.__name__ == "Lump":
            raise KeyboardInterrupt
        return compare(model, *values)

    monkeypatch.setattr(checking, "Comparison", interrupt)
    ran = interrupted_at(workshop, monkeypatch, 0)
    assert ran.code == 3
    assert "1 design of 2 models: 1 as expected, interrupted" in ran.out


FINITE_ONLY = """
from fencepost import *

class Looping(Model):
    Thread = Index(2)
    inside = Array(Thread, of=bool)

    @action
    def all_leave(self):
        for thread in self.Thread:
            self.inside[thread] = False

@always(Looping)
def nobody(m, thread: Looping.Thread):
    return not m.inside[thread]
"""


@pytest.mark.parametrize(
    ("engines", "code"),
    [(("--engine", "any-size"), 3), (("--engine", "explore", "--engine", "any-size"), 0)],
)
def test_what_is_finite_only_names_its_line_and_the_word_to_write(workshop, engines, code):
    """Also where another engine decides the design, so that nothing is left open."""
    workshop.project()
    workshop.write("models/looping.py", FINITE_ONLY)
    ran = workshop.run("check", *engines)
    assert ran.code == code
    line = FINITE_ONLY.splitlines().index("        for thread in self.Thread:") + 1
    told = " ".join(ran.out.split())
    assert f"a loop over Thread (models/looping.py:{line}); write `for_all`, `exists` or" in told


MANY = """
from fencepost import *

class Bits(Model):
    Bit = Index(6)
    up = Array(Bit, of=bool)
    count = Var(Range(0, 60), initial=0)

    @action(bit=Bit)
    def flip(self, bit):
        require(self.count < 60)
        self.up[bit] = not self.up[bit]
        self.count += 1

    @final
    def enough(self):
        return self.count == 60

    only = Design(expect=holds)

@always(Bits)
def bounded_count(m):
    return m.count <= 60 or m.up[0]
"""


def test_engines_beside_others_end_after_a_share_of_work_and_say_so(workshop, monkeypatch):
    """Counted work, so what they say is the same in every run."""
    monkeypatch.setitem(SHARES, "bounded", 400_000)
    workshop.project()
    workshop.write("models/bits.py", MANY)
    engines = ("--engine", "explore", "--engine", "bounded")
    first, second = (workshop.run("check", *engines, "--json", "-") for _ in range(2))
    told = [json.loads(ran.out)["models"][0]["designs"][0]["engines"][1] for ran in (first, second)]
    assert told[0]["stopped"] == WORK_LIMIT
    assert told[0]["verdicts"] == told[1]["verdicts"]
    (bound,) = {v["bound"] for v in told[0]["verdicts"] if v["property"] == "bounded_count"}
    assert 0 < bound < STEPS
    assert first.code == 0
    ran = workshop.run("check", *engines)
    shown = " ".join(ran.out.split())
    assert f"within {bound} steps" in shown
    assert "ended after a share of work, less than 20 steps deep: bounded in 1 design" in shown
    assert f"`--steps {STEPS}` looks as deep" in shown


@pytest.mark.parametrize(
    ("options", "share"),
    [
        (("--engine", "all"), SHARES["bounded"]),
        (("--engine", "all", "--steps", "2"), None),
        (("--engine", "bounded"), None),
    ],
)
def test_a_share_is_for_engines_beside_others_where_no_depth_is_asked_for(
    workshop, monkeypatch, options, share
):
    workshop.project()
    workshop.write("models/looping.py", FINITE_ONLY)
    given = []
    search = prove.bounded

    def noted(*model, **asked):
        given.append((asked["steps"], asked["share"]))
        return search(*model, **asked)

    monkeypatch.setattr(prove, "bounded", noted)
    workshop.run("check", *options)
    assert given == [(2 if "--steps" in options else STEPS, share)]


def test_bounded_search_alone_names_the_steps_of_what_holds(workshop):
    """Nothing is further away than two steps, and still it is no plain HOLDS."""
    workshop.project()
    workshop.write("models/bits.py", MANY.replace("60", "2").replace("Index(6)", "Index(1)"))
    ran = workshop.run("check", "--engine", "bounded")
    assert ran.code == 0
    (row,) = [line for line in ran.out.splitlines() if line.startswith("bits")]
    assert "HOLDS within 2 steps" in row
    ran = workshop.run("check", "--engine", "bounded", "--engine", "k-induction")
    (row,) = [line for line in ran.out.splitlines() if line.startswith("bits")]
    assert "HOLDS within" not in row.partition("yes")[0]


PROMISES = """from fencepost import *

class Shelf(Model):
    things = Parameter(1, low=1)
    Thing = Index(things)
    is_put_back = Barrier("a thing is put back", buys=["no_stuck_state"])
    taken_once = Barrier("a thing is taken from the shelf alone", buys=["once"])
    held = Array(Thing, of=bool)
    twice = Array(Thing, of=bool)

    @action(thing=Thing)
    def take(self, thing):
        if self.taken_once:
            require(not self.held[thing])
        self.twice[thing] = self.held[thing]
        self.held[thing] = True

    @action(thing=Thing)
    def put_back(self, thing):
        require(self.is_put_back and self.held[thing])
        self.held[thing] = False

    careful = Design(is_put_back, taken_once, expect=holds)
    forgetful = Design(taken_once, expect=violates("no_stuck_state", steps=1))
    greedy = Design(expect=violates("once", steps=2))

@always(Shelf)
def once(m, thing: Shelf.Thing):
    return not m.twice[thing]

@lemma(Shelf)
def taken_once_is_not_twice(m, thing: Shelf.Thing):
    return not m.taken_once or not m.twice[thing]
"""


def test_what_is_safe_is_proved_for_any_size_whether_or_not_it_gets_stuck(workshop):
    """A proof says nothing of stuck states, so one is no reason to leave it out."""
    workshop.project()
    workshop.write("models/shelf.py", PROMISES)
    engines = ("--engine", "explore", "--engine", "any-size")
    ran = workshop.run("check", *engines, "--json", "-")
    assert ran.code == 0, ran.out
    designs = json.loads(ran.out)["models"][0]["designs"]
    asked = {d["design"]: [e["engine"] for e in d["engines"]] for d in designs}
    assert asked["careful"] == asked["forgetful"] == ["explore", "any-size"]
    assert asked["greedy"] == ["explore"]
    proved = designs[1]["engines"][1]["verdicts"]
    assert {(v["property"], v["verdict"]) for v in proved} == {
        ("once", "HOLDS"),
        ("no_fault", "HOLDS"),
    }
