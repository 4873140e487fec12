"""What `fencepost check` says of broken designs, beyond what the golden texts hold."""

from __future__ import annotations

import re

import pytest

TIMES = re.compile(r" +(time|\d+ ms|\d+\.\d\d s)$", re.MULTILINE)
TAPS = '''
from fencepost import *


class Taps(Model):
    """Taps that drip, and a cellar that floods."""

    taps = Parameter(2)
    Tap = Index(taps)
    washer = Barrier("a washer in each tap", buys=["dry"])
    dripping = Array(Tap, of=bool)
    flooded = Var(bool)
    drops = Var(Range(0, 2), initial=0)

    @action(tap=Tap)
    def drip(self, tap):
        require(not self.washer)
        self.dripping[tap] = True

    @action
    def flood(self):
        self.flooded = True

    @action
    def splash(self):
        require(self.flooded)
        self.drops += 1

    old = Design(
        expect=(
            violates("cellar_can_be_dry"), violates("dry", steps=1), violates("no_fault", steps=4)
        )
    )
    new = Design(washer, expect=(violates("no_fault"), violates("cellar_can_be_dry")))


@always(Taps)
def dry(m, tap: Taps.Tap):
    return not m.dripping[tap]


@always_possible(Taps)
def cellar_can_be_dry(m):
    return not m.flooded
'''


@pytest.fixture
def taps(workshop):
    workshop.project()
    workshop.write("models/taps.py", TAPS)
    return workshop


def test_column_story_and_expectation_have_one_order(taps):
    ran = taps.run("check", "taps", "--set", "taps=1")
    assert ran.code == 0
    old = next(line for line in ran.out.splitlines() if line.startswith("taps   old"))
    assert "VIOLATED no_fault in 4 steps and 2 more" in old
    assert "(VIOLATED no_fault in 4 steps and 2 more at default sizes)" in old
    assert "taps old: no_fault is violated in 4 steps" in ran.out
    assert "also: cellar_can_be_dry is violated in 1 step, dry is violated in 1 step" in ran.out


def test_a_named_model_is_told_as_all_are_and_a_named_design_whole(taps):
    everything, one = taps.run("check"), taps.run("check", "taps")
    assert TIMES.sub("", one.out) == TIMES.sub("", everything.out)
    assert "what changes" not in one.out
    assert taps.run("check", "--design", "old").out.count("what changes") == 3
    assert taps.run("check", "taps", "--traces").out.count("what changes") == 5


def test_other_sizes_do_not_overwrite_a_trace(taps):
    ran = taps.run("check", "--property", "dry")
    assert ".fencepost/traces/taps-old-dry.json" in ran.out
    stored = taps.folder / ".fencepost/traces/taps-old-dry.json"
    before = stored.read_text()
    ran = taps.run("check", "--property", "dry", "--set", "taps=3")
    command = ".fencepost/traces/taps-old-dry-taps=3.json"
    assert f"replay: fencepost replay {command}\n" in ran.out
    assert stored.read_text() == before
    assert taps.run("replay", command).code == 0


def test_a_mend_is_not_blamed_for_what_is_broken_anyway(taps):
    for arguments in ((), ("--property", "dry"), ("--first", "--design", "old")):
        ran = taps.run("check", *arguments)
        assert "instead" not in ran.out
    told = " ".join(taps.run("check", "--property", "dry").out.split())
    assert "mended by: washer (a washer in each tap); cellar_can_be_dry and no_fault stay" in told


def test_what_is_lost_for_good_is_told_with_what_can_still_happen(taps):
    ran = taps.run("check", "--property", "cellar_can_be_dry", "--design", "new")
    told = " ".join(ran.out.split())
    assert (
        "no state that satisfies it can be reached, whatever happens: 3 states can still be "
        "reached, and the run can go on for ever"
    ) in told


def test_what_is_unused_at_other_sizes_is_said_to_be_so(taps):
    taps.write("models/taps.py", TAPS.replace("require(self.flooded)", "require(self.taps > 1)"))
    assert "never used" not in taps.run("check").out
    ran = taps.run("check", "--set", "taps=1")
    assert "taps: never used in any design at these sizes\n    action splash" in ran.out
