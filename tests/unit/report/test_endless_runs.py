"""How an endless run is told, stored and replayed, and a premise that nothing meets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fencepost.analyses.vacuity import unused
from fencepost.core.errors import InputError
from fencepost.core.results import Finding, Verdict
from fencepost.core.system import LIVENESS, System
from fencepost.engines.explore import explore, explore_by_interpreter
from fencepost.language import build
from fencepost.loading import load_model
from fencepost.report.stored_traces import load
from fencepost.report.trace_files import as_json
from fencepost.report.trace_tables import one_line, trace_table
from fencepost.report.unused import unused_lines
from tests.conftest import Workshop

MODEL = '''
from fencepost import *


class Door(Model):
    """A door that somebody waits at; whoever is inside may go out and come back for ever."""

    lets_in = Barrier("whoever waits comes first", buys=["gets_in"])
    locks = Barrier("the door is locked after the first", buys=["gets_in"])
    waits = Var(bool, initial=False)
    inside = Var(bool, initial=True)
    locked = Var(bool, initial=False)

    @actor("guest")
    @action
    def knock(self):
        require(not self.waits and not self.locked)
        self.waits = True
        self.locked = self.locks
        self.inside = self.inside and not self.locks

    @actor("host")
    @action
    def go_out(self):
        require(self.inside and not self.locked)
        self.inside = False

    @actor("host")
    @action
    def come_back(self):
        require(not self.inside and not self.locked)
        if self.lets_in:
            require(not self.waits)
        self.inside = True

    @fair
    @actor("guest")
    @action
    def enter(self):
        require(self.waits and not self.inside and not self.locked)
        self.waits, self.inside = False, True

    @fair
    @actor("host")
    @action
    def leave_for_good(self):
        require(self.waits and self.inside and self.lets_in)
        self.inside = False

    unfair = Design(expect=violates("gets_in"))
    fair_to_guests = Design(lets_in, expect=holds)
    shut = Design(locks, lets_in, expect=(violates("gets_in"), violates("no_stuck_state")))


@leads_to(Door)
def gets_in(m):
    """Whoever knocks gets in."""
    return m.waits, not m.waits
'''
UNMET = """

@leads_to(Door)
def is_let_out(m):
    return m.locked and m.inside, not m.inside
"""


@pytest.fixture
def door(workshop: Workshop) -> Path:
    return workshop.write("door.py", MODEL)


def found(file: Path, design: str) -> tuple[System, Finding]:
    source = load_model(str(file), file.parent)
    system = build(source.model, source.properties)
    answer = explore(system, system.design(design)).answer
    [finding] = [f for f in answer.findings if f.kind in LIVENESS]
    return system, finding


def test_the_loop_is_marked_in_the_story(door: Path) -> None:
    system, finding = found(door, "unfair")
    trace = finding.trace
    assert trace is not None and trace.loop is not None and trace.loop < len(trace.steps)
    rows = [[cell.text for cell in row] for row in trace_table(system, trace).rows]
    marked = [row for row in rows if "for ever:" in row]
    assert len(marked) == 1
    assert rows.index(marked[0]) == trace.loop
    assert len(rows) == len(trace.steps) + 1
    assert "for ever: " in one_line(system, trace)
    assert (
        finding.detail == f"the run repeats steps {trace.loop + 1} to {len(trace.steps)} for ever"
    )


def test_a_run_that_stays_where_it_is_says_so(door: Path) -> None:
    system, finding = found(door, "shut")
    trace = finding.trace
    assert trace is not None and trace.loop == len(trace.steps)
    last = [cell.text for cell in trace_table(system, trace).rows[-1]]
    assert "for ever:" in last and "(nothing happens)" in last
    assert one_line(system, trace).endswith("for ever: (nothing happens)")


@pytest.mark.parametrize("design", ["unfair", "shut"])
def test_an_endless_run_is_stored_and_replayed(door: Path, workshop: Workshop, design: str) -> None:
    system, finding = found(door, design)
    assert finding.trace is not None
    content = as_json(
        system,
        finding.trace,
        source=str(door),
        property_name="gets_in",
        detail=finding.instance or finding.detail,
    )
    file = door.parent / "run.json"
    file.write_text(json.dumps(content))
    assert load(file).trace() == finding.trace
    ran = workshop.run("replay", str(file))
    assert ran.code == 0
    assert "gets_in is violated" in ran.out and "for ever" in ran.out
    for wrong in (-1, len(finding.trace.steps) + 1, "2", True):
        file.write_text(json.dumps({**content, "loop": wrong}))
        with pytest.raises(InputError, match="no whole trace"):
            load(file)


def test_a_run_that_does_not_close_is_not_confirmed(door: Path, workshop: Workshop) -> None:
    system, finding = found(door, "unfair")
    assert finding.trace is not None
    content = as_json(
        system,
        finding.trace,
        source=str(door),
        property_name="gets_in",
        detail="",
    )
    file = door.parent / "run.json"
    del content["loop"]
    file.write_text(json.dumps(content))
    assert workshop.run("replay", str(file)).code == 1
    content["loop"] = len(content["steps"])
    file.write_text(json.dumps(content))
    assert workshop.run("replay", str(file)).code == 1


def test_a_premise_that_no_state_meets_is_never_used(door: Path) -> None:
    door.write_text(MODEL + UNMET)
    source = load_model(str(door), door.parent)
    system = build(source.model, source.properties)
    for search in (explore, explore_by_interpreter):
        answers = [search(system, design).answer for design in system.designs]
        left = unused(system, answers)
        assert left is not None and left.premises == ("is_let_out",)
        assert "the premise of is_let_out is never met, so it holds for nothing" in list(
            unused_lines(system, left)
        )
        verdicts = {f.verdict for a in answers for f in a.findings if f.property == "is_let_out"}
        assert verdicts == {Verdict.HOLDS}
