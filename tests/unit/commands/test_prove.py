"""`fencepost prove`: what it prints, writes and says by its exit code."""

from __future__ import annotations

import json

import pytest

MODEL = """
from fencepost import *

class Lock(Model):
    threads = Parameter(2, low=1)
    Thread = Index(threads)
    asks = Barrier("a thread asks before it enters", buys=["one_inside"])
    inside = Array(Thread, of=bool)
    holder = Var(Maybe(Thread))

    @action(thread=Thread)
    def enter(self, thread):
        if self.asks:
            require(self.holder == NONE)
        self.inside[thread] = True
        self.holder = thread

    @action(thread=Thread)
    def leave(self, thread):
        require(self.inside[thread])
        self.inside[thread] = False
        self.holder = NONE

    asking = Design(asks, expect=holds)
    rude = asking.without(asks, expect=violates("one_inside", steps=2), blames="enter")

@always(Lock)
def one_inside(m, one: Lock.Thread, other: Lock.Thread):
    return one == other or not (m.inside[one] and m.inside[other])

@lemma(Lock)
def who_is_inside_holds(m, thread: Lock.Thread):
    "Whoever is inside holds the lock."
    return not m.inside[thread] or m.holder == thread
"""


@pytest.fixture
def lock(workshop):
    workshop.project()
    workshop.write("models/lock.py", MODEL)
    return workshop


def test_both_designs_are_as_expected(lock):
    ran = lock.run("prove")
    assert ran.code == 0
    rows = [line.split() for line in ran.out.splitlines()]
    assert rows[1][:7] == ["lock", "asking", "HOLDS", "HOLDS", "2", "of", "2"]
    assert rows[2][1:3] == ["rude", "UNDECIDED"]
    assert "enter" in rows[2]


def test_a_named_design_tells_its_counterexample(lock):
    ran = lock.run("prove", "lock", "--design", "rude")
    assert ran.code == 0
    table = [line.split() for line in ran.out.splitlines()]
    assert "lemma who_is_inside_holds is broken by enter" in ran.out
    assert "every lemma holds before enter(thread" in ran.out
    assert '"Whoever is inside holds the lock."' in ran.out
    assert ["inside[thread0]", "True", "True"] in table
    assert ["holder", "thread0", "thread1"] in table


def test_a_wrong_blame_is_exit_code_1(lock):
    lock.write("models/lock.py", MODEL.replace('blames="enter"', 'blames="leave"'))
    ran = lock.run("prove")
    assert ran.code == 1
    assert "the proof blames enter; the design leave" in ran.out


@pytest.mark.parametrize(
    "command", ["prove -q", "prove --infer --timeout 0.001", "check --engine any-size"]
)
def test_what_is_expected_and_not_proved_is_exit_code_3_everywhere(lock, command):
    """UNDECIDED, as where a limit stood in the way: nothing says that the design is wrong."""
    lock.write("models/lock.py", MODEL.replace("@lemma(Lock)", '@lemma(Lock, designs="rude")'))
    ran = lock.run(*command.split(), "--design", "asking")
    assert ran.code == 3


def test_a_design_without_its_lemma_is_told_what_breaks_it(lock):
    lock.write("models/lock.py", MODEL.replace("@lemma(Lock)", '@lemma(Lock, designs="rude")'))
    ran = lock.run("prove", "--design", "asking", "-q")
    assert ran.code == 3
    assert "lock asking: undecided" in ran.out
    assert "one_inside is broken by enter" in ran.out
    told = json.loads(lock.run("prove", "--design", "asking", "--json", "-").out)
    assert told["exit_code"] == 3
    assert told["models"][0]["designs"][0]["judgement"] == "undecided"


@pytest.mark.parametrize(
    ("before", "after", "code", "says"),
    [
        ("not m.inside[thread] or m.holder == thread", "m.holder == NONE", "F135", "after 1 step"),
        ("@lemma(Lock)", '@lemma(Lock, designs="asked")', "F131", "asked"),
        ('blames="enter"', 'blames="entre"', "F132", "entre"),
        ("self.inside[thread] = False", "self.inside[thread + 0] = False", "F130", "arithmetic"),
    ],
)
def test_bad_input_is_exit_code_2(lock, before, after, code, says):
    assert before in MODEL
    lock.write("models/lock.py", MODEL.replace(before, after))
    ran = lock.run("prove")
    assert ran.code == 2
    assert f"error {code}" in ran.err
    assert says in ran.err
    assert "models/lock.py:" in ran.err


FALSE_OF_THREE = """

@lemma(Lock)
def two_threads(m):
    return count(m.Thread, lambda t: True) < 3
"""


@pytest.mark.parametrize(
    "command",
    [
        ("prove", "--design", "asking"),
        ("check", "--engine", "any-size", "--design", "asking"),
        ("check", "--engine", "k-induction", "--design", "asking"),
    ],
)
def test_lemmas_are_tried_at_the_sizes_given(lock, command):
    lock.write("models/lock.py", MODEL + FALSE_OF_THREE)
    at_two = lock.run(*command)
    assert "F135" not in at_two.err
    at_three = lock.run(*command, "--set", "threads=3")
    assert at_three.code == 2
    assert "error F135: lemma `two_threads` is false of asking initially at threads=3" in (
        at_three.err
    )
    assert "asking" not in at_three.out


def test_sizes_of_no_model_are_refused(lock):
    ran = lock.run("prove", "--set", "thread=3")
    assert ran.code == 2
    assert "error F12" in ran.err
    ran = lock.run("prove", "--infer", "--set", "threads=3")
    assert ran.code == 2
    assert "error F140: --set" in ran.err


def test_what_is_wrong_is_shown_with_its_run(lock):
    hopeful = MODEL.replace('violates("one_inside", steps=2)', "holds")
    lock.write("models/lock.py", hopeful.replace("@lemma(Lock)", '@lemma(Lock, designs="asking")'))
    ran = lock.run("prove", "--design", "rude")
    assert ran.code == 1
    assert "VIOLATED" in ran.out
    assert "one_inside: violated in 2 steps at Thread=2" in ran.out
    _, _, run = ran.out.partition("one_inside is wrong")
    assert run.count("enter(thread=") == 2
    told = json.loads(lock.run("prove", "--design", "rude", "--json", "-").out)
    (searched,) = told["models"][0]["designs"][0]["searched"]
    assert (searched["violated"], searched["sizes"]) == ("one_inside", {"Thread": 2})
    assert len(searched["steps"]) == 2


def test_what_is_not_proved_says_where_no_violation_was_found(lock):
    lock.write("models/lock.py", MODEL.replace("@lemma(Lock)", '@lemma(Lock, designs="rude")'))
    ran = lock.run("prove", "--design", "asking")
    assert "No violation in all 3 states at Thread=2" in ran.out
    assert "UNDECIDED" in ran.out


def test_a_property_of_another_kind_is_undecided(lock):
    for command in ("prove", "check --engine any-size"):
        ran = lock.run(*command.split(), "--design", "asking", "--property", "no_stuck_state")
        assert ran.code == 3
        assert "a proof for any size does not decide it" in ran.out
        assert "ERROR" not in ran.out


def test_an_unknown_lemma_is_named(lock):
    ran = lock.run("prove", "--lemma", "who_is_inside")
    assert ran.code == 2
    assert "error F136: the model lock has no lemma 'who_is_inside'" in ran.err


def test_a_limit_is_exit_code_3(lock):
    ran = lock.run("prove", "--timeout", "0.000001")
    assert ran.code == 3
    assert "time limit reached" in ran.out


def test_json(lock):
    ran = lock.run("prove", "--json", "-")
    told = json.loads(ran.out)
    assert told["format"] == "fencepost prove"
    safe, rude = told["models"][0]["designs"]
    assert safe["verdict"] == "HOLDS"
    assert safe["lemmas_used"] == ["who_is_inside_holds"]
    assert safe["findings"][0]["scope"] == "any number of threads"
    assert rude["blamed"] == ["enter"]
    failure = rude["findings"][0]["induction"]
    assert failure["claim"] == "who_is_inside_holds"
    assert failure["sizes"] == {"Thread": 2}
    assert failure["before"] != failure["after"]


def test_obligations_are_written(lock):
    assert lock.run("prove", "--design", "asking", "--smtlib", "out").code == 0
    written = {file.name for file in (lock.folder / "out" / "lock" / "asking").iterdir()}
    assert "who_is_inside_holds-by-enter.smt2" in written
    assert "one_inside-initially.smt2" in written
    text = (lock.folder / "out/lock/asking/one_inside-by-enter.smt2").read_text()
    assert text.startswith("(set-logic ALL)")
    assert text.rstrip().endswith("(check-sat)")
    assert lock.run("prove", "--smtlib", "models/lock.py").code == 2
