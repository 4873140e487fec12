"""`fencepost prove --infer`: what it prints, and that what it prints can be pasted."""

from __future__ import annotations

import json

import pytest

from tests.unit.commands.test_prove import MODEL

BARE = MODEL.partition("@lemma")[0]
COUNTED = """
from fencepost import *

class Shared(Model):
    users = Parameter(2, low=1)
    User = Index(users)
    there = Var(bool)
    count = Var(Range(0, 3), initial=0)
    hold = Array(User, of=bool)

    @action(user=User)
    def take(self, user):
        require(not self.hold[user] and self.count < 3)
        self.hold[user] = self.there = True
        self.count += 1

    @action(user=User)
    def drop(self, user):
        require(self.hold[user] and self.count > 0)
        self.hold[user] = False
        self.count -= 1
        if self.count == 0:
            self.there = False

    counted = Design(expect=holds)

@always(Shared)
def held_is_there(m, user: Shared.User):
    return not m.hold[user] or m.there
"""


@pytest.fixture
def lock(workshop):
    workshop.project()
    workshop.write("models/lock.py", BARE)
    return workshop


def test_lemmas_are_printed_and_prove_the_design_when_pasted(lock):
    ran = lock.run("prove", "--infer", "--design", "asking")
    assert ran.code == 0
    assert "PROVED" in ran.out
    _, _, text = ran.out.partition("from fencepost import *")
    assert '@lemma(Lock, designs="asking")' in text
    body = "@lemma" + text.partition("@lemma")[2]
    lock.write("models/pasted.py", BARE + "\n\n" + body)
    again = lock.run("prove", "pasted", "--design", "asking")
    assert again.code == 0
    assert "HOLDS" in again.out


def test_a_broken_design_is_wrong_with_its_run(lock):
    ran = lock.run("prove", "--infer", "--design", "rude")
    assert ran.code == 0
    assert "WRONG" in ran.out
    assert "one_inside is wrong" in ran.out
    assert ran.out.count("enter(thread=") == 2


def test_what_no_lemma_excludes_is_shown_and_is_undecided(workshop):
    workshop.project()
    workshop.write("models/shared.py", COUNTED)
    ran = workshop.run("prove", "--infer")
    assert ran.code == 3
    assert "NOT PROVED" in ran.out
    assert "No lemma of the language excludes this state" in ran.out
    assert "count" in ran.out.partition("cell")[2]


def test_a_lemma_that_stands_there_is_the_first_candidate(workshop):
    workshop.project()
    workshop.write("models/lock.py", MODEL)
    ran = workshop.run("prove", "--infer", "--design", "asking", "--lemma", "who_is_inside_holds")
    assert ran.code == 0
    assert "the proof takes who_is_inside_holds" in ran.out
    assert "@lemma" not in ran.out


def test_the_report_holds_the_lemmas(lock):
    ran = lock.run("prove", "--infer", "--json", "-")
    report = json.loads(ran.out)
    assert report["format"] == "fencepost prove --infer"
    asking, rude = report["models"][0]["designs"]
    assert (asking["outcome"], asking["judgement"]) == ("PROVED", "as expected")
    assert asking["python"].count("@lemma") == len(asking["lemmas"]) > 0
    assert (rude["outcome"], rude["violated"]) == ("WRONG", "one_inside")


@pytest.mark.parametrize("option", [("--property", "one_inside"), ("--smtlib", "out")])
def test_options_of_other_proofs_are_refused(lock, option):
    ran = lock.run("prove", "--infer", *option)
    assert ran.code == 2
    assert "F140" in ran.err
    assert option[0] in ran.err


def test_a_limit_of_time_is_said(lock):
    ran = lock.run("prove", "--infer", "--design", "asking", "--timeout", "0.001")
    assert ran.code == 3
    assert "STOPPED" in ran.out
    assert "time limit reached" in ran.out


def test_lemmas_of_two_designs_have_names_of_their_own(lock):
    twin = BARE.replace("    rude =", "    polite = Design(asks, expect=holds)\n    rude =")
    lock.write("models/lock.py", twin)
    ran = lock.run("prove", "--infer", "--design", "asking", "--design", "polite")
    assert ran.code == 0
    texts = ran.out.split("from fencepost import *")[1:]
    bodies = ["@lemma" + text.partition("@lemma")[2].partition("\n# ")[0] for text in texts]
    assert len(bodies) == 2
    lock.write("models/pasted.py", "\n\n".join([twin, *bodies]))
    again = lock.run("prove", "pasted", "--design", "asking", "--design", "polite")
    assert again.code == 0, again.err


def test_what_is_pasted_into_the_file_of_the_model_does_not_import_it(lock):
    told = lock.run("prove", "--infer", "--design", "asking")
    assert "from models.lock" not in told.out
    model, _, properties = BARE.partition("@always")
    lock.write("models/apart.py", model)
    imports = "from fencepost import *\nfrom models.apart import Lock\n\n"
    lock.write("properties/apart.py", f"{imports}@always{properties}")
    apart = lock.run("prove", "apart", "--infer", "--design", "asking")
    assert "from models.apart import Lock" in apart.out


def test_an_initial_state_that_is_wrong_is_no_run(lock):
    lock.write(
        "models/lock.py", BARE + "\n\n@always(Lock)\ndef held(m):\n    return m.holder != NONE\n"
    )
    ran = lock.run("prove", "--infer", "--design", "asking")
    assert ran.code == 1
    assert "An initial state of Thread 2 violates it" in ran.out
    assert "A run of" not in ran.out
    assert "what changes" not in ran.out


def test_a_search_that_is_stopped_says_how_far_it_came(lock, monkeypatch):
    from fencepost.analyses.inference.obligations import Obligations

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Obligations, "open", interrupted)
    ran = lock.run("prove", "--infer", "--design", "asking")
    assert ran.code == 3
    assert "1 lemmas were tried" in ran.out


def test_what_breaks_only_a_promise_has_to_be_proved_safe_with_and_without(lock):
    """A violation of liveness excuses no property of safety that is not proved."""
    never = COUNTED.replace("expect=holds", 'expect=violates("is_taken")')
    never += """
@eventually(Shared)
def is_taken(m):
    return m.there
"""
    lock.write("models/lock.py", never)
    for options in ((), ("--infer",)):
        ran = lock.run("prove", "lock", *options)
        assert ran.code == 3, ran.out
        assert "held_is_there" in ran.out
