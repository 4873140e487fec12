"""Systems, steps and expressions as text, and traces on their way to a file and back."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import IntEnum
from pathlib import Path

import pytest

from fencepost import (
    ANY,
    EMPTY,
    NONE,
    Array,
    Barrier,
    Design,
    Index,
    Maybe,
    Model,
    Parameter,
    Range,
    SetOf,
    Var,
    action,
    always,
    assign,
    build,
    choose,
    count,
    exists,
    final,
    for_all,
    holds,
    initial,
    one_of,
    require,
)
from fencepost.core.errors import Location
from fencepost.core.semantics import Successor, initial_states, perform
from fencepost.core.system import System
from fencepost.core.traces import Trace
from fencepost.report.stored_traces import StoredTrace, check_fits, is_initial, load
from fencepost.report.systems import system_lines
from fencepost.report.trace_files import as_json, store
from fencepost.report.trace_tables import one_line, starting_values, tell, trace_table


class Colour(IntEnum):
    RED, GREEN, BLUE = range(3)


class Everything(Model):
    """One of each part of the language."""

    things = Parameter(2)
    Thing = Index(things)
    careful = Barrier("checks first", buys=["sound"], kind="guard")

    colour = Array(Thing, of=Colour, initial=one_of(Colour.RED, Colour.BLUE))
    link = Array(Thing, of=Maybe(Thing), initial=NONE)
    near = Array(Thing, Thing, of=bool)
    members = Var(SetOf(Thing), initial=EMPTY)
    level = Var(Range(0, 3), initial=0)
    lit = Var(bool, initial=ANY)

    @action(thing=Thing, other=Thing)
    def join(self, thing, other):
        require(thing != other and other not in self.members)
        if self.careful:
            require(self.link[thing] == NONE or self.level >= 2)
        self.members.add(other)
        self.link[thing] = other
        self.level = choose(self.level < 3, self.level + 1, 0)

    @action(thing=Thing)
    def part(self, thing):
        require(exists(self.Thing, lambda t: self.near[thing, t]) or self.lit)
        require(count(self.Thing, lambda t: self.colour[t] == Colour.RED) <= 1)
        self.members.remove(thing)
        assign(self.near[thing], to=False, where=lambda t: self.link[t] == thing)
        self.colour[thing] = Colour.GREEN

    @initial
    def start(self):
        return self.colour[0] != self.colour[1]

    @final
    def done(self):
        return not self.lit and for_all(self.Thing, lambda t: self.link[t] != NONE)

    only = Design(careful, expect=holds.within(3))


@always(Everything)
def sound(m, thing: Everything.Thing):
    """A thing has a colour."""
    return m.colour[thing] in (Colour.RED, Colour.GREEN, Colour.BLUE) or m.level * 2 > 7


@pytest.fixture(scope="module")
def system() -> System:
    return build(Everything, [sound])


@pytest.fixture(scope="module")
def trace(system: System) -> Trace:
    """A run of four steps of the only design."""
    design = system.designs[0]
    state = next(s for s in initial_states(system, design.barriers) if s[-1])
    steps, seen = [], {state}
    first = state
    while len(steps) < 4:
        for step in system.steps:
            outcome = perform(system, design.barriers, state, step)
            if isinstance(outcome, Successor) and outcome.state not in seen:
                state = outcome.state
                seen.add(state)
                steps.append(step)
                break
        else:
            break
    return Trace(
        system.name,
        system.parameters,
        design.name,
        tuple(sorted(design.barriers)),
        system.digest,
        first,
        tuple(steps),
    )


def test_every_part_of_a_system_is_shown(system):
    text = "\n".join(system_lines(system))
    for part in (
        "careful (guard, buys sound): checks first",
        "colour[Thing]: Colour, initially RED or BLUE",
        "link[Thing]: Maybe(Thing), initially NONE",
        "near[Thing, Thing]: bool, initially False",
        "members: SetOf(Thing), initially {}",
        "level: 0..3, initially 0",
        "require thing != other",
        "require other not in members",
        "if careful:",
        "members := members + {other}",
        "members := members - {thing}",
        "level := choose(level < 3, level + 1, 0)",
        "near[thing, t] := False for all t: Thing where link[t] == thing",
        "colour[thing] := GREEN",
        "count(t: Thing | colour[t] == RED)",
        "only: careful; expect HOLDS within 3 steps",
        "A thing has a colour.",
    ):
        assert part in text, part


def test_what_ties_a_system_to_its_sizes_comes_last_a_line_a_reason(system):
    here, there = "/somewhere/models/m.py", str(Path(system_lines.__code__.co_filename).parent)
    places = (
        (Location(here, 12), "a loop"),
        (Location(here, 9, 4), "index arithmetic"),
        (Location(here, 9), "a loop"),
        (Location(here, 12, 7), "a loop"),
        (Location(f"{there}/part.py", 3), "a loop"),
    )
    lines = list(system_lines(replace(system, finite_only=places)))
    assert lines[-4:] == [
        "",
        "finite only",
        "  a loop: /somewhere/models/m.py:9, 12; fencepost/report/part.py:3",
        "  index arithmetic: /somewhere/models/m.py:9",
    ]
    assert "finite only" not in list(system_lines(replace(system, finite_only=())))


def test_a_story_says_what_changed(system, trace):
    lines = tell(system, trace)
    assert [line.number for line in lines] == [1, 2, 3, 4][: len(lines)]
    first = lines[0]
    assert first.step == "join(thing=0, other=1)"
    assert [str(change) for change in first.changes] == [
        "link[0]: NONE -> 1",
        "members: {} -> {1}",
        "level: 0 -> 1",
    ]
    assert one_line(system, trace).startswith("join(thing=0, other=1); ")


def test_where_a_run_may_start_differently_the_start_is_shown(system, trace):
    shown = starting_values(system, trace.initial)
    assert [text.split(" = ")[0] for text in shown] == ["colour[0]", "colour[1]", "lit"]
    assert trace_table(system, trace).rows[0][1].text == "start"


def test_a_trace_survives_its_way_to_a_file_and_back(system, trace, tmp_path):
    path = tmp_path / ".fencepost" / "traces" / "t.json"
    content = as_json(system, trace, source="m.py", property_name="sound", detail="thing=0")
    store(content, path)
    stored = load(path)
    assert stored.trace() == trace
    assert (stored.property, stored.detail, stored.source) == ("sound", "thing=0", "m.py")
    check_fits(stored, system, path)
    assert json.loads(path.read_text())["steps"][0]["changes"][0]["cell"] == "link[0]"


def test_only_initial_states_are(system, trace):
    barriers = frozenset(trace.barriers)
    every = set(initial_states(system, barriers))
    assert trace.initial in every
    assert all(is_initial(system, barriers, state) for state in every)
    excluded = (0, 0, *trace.initial[2:])
    assert not is_initial(system, barriers, excluded)
    assert not is_initial(system, barriers, (*trace.initial[:-2], 2, 0))


def test_a_trace_too_large_to_be_one_is_not_read(tmp_path, monkeypatch):
    from fencepost.core.errors import InputError
    from fencepost.report import stored_traces

    monkeypatch.setattr(stored_traces, "MOST_BYTES", 10)
    path = Path(tmp_path / "t.json")
    path.write_text("x" * 11)
    with pytest.raises(InputError) as refused:
        load(path)
    assert refused.value.code == "F51"


def test_stored_traces_hold_everything_a_trace_has():
    assert set(Trace.__dataclass_fields__) <= set(StoredTrace.__dataclass_fields__)
