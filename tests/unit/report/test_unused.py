from __future__ import annotations

from pathlib import Path

from fencepost import *
from fencepost.analyses.vacuity import Unused, unused
from fencepost.engines.explore import explore
from fencepost.report.unused import components_line, unused_lines


class Rooms(Model):
    """Rooms whose doors are never locked, with a check that two actions share."""

    rooms = Parameter(2)
    Room = Index(rooms)
    always_on = Barrier("never switched off", buys=["fine"])
    always_off = Barrier("never switched on", buys=["fine"])
    lit = Array(Room, of=bool)
    locked = Array(Room, of=bool)

    def look(self, room):
        if self.locked[room]:
            return False
        return not self.lit[room]

    @action(room=Room)
    def light(self, room):
        if self.look(room):
            self.lit[room] = True

    @action(room=Room)
    def darken(self, room):
        if self.always_on:
            require(self.lit[room] and not (self.locked[room] and self.lit[room]))
        if not self.always_off:
            require(not self.look(room))
        self.lit[room] = False

    one = Design(always_on, expect=holds)
    other = Design(always_on, expect=holds)


@always(Rooms)
def fine(m):
    return True


def test_unused_lines_quote_the_source_and_say_what_would_have_used_them(monkeypatch):
    monkeypatch.chdir(Path(__file__).parent)
    system = build(Rooms, [fine])
    found = unused(system, [explore(system, design).answer for design in system.designs])
    assert found is not None
    file, first = "test_unused.py", vars(Rooms)["look"].__code__.co_firstlineno
    assert list(unused_lines(system, found)) == [
        (
            f"{file}:{first + 1}: `if self.locked[room]:` in light, darken: "
            "the condition is never true"
        ),
        f"{file}:{first + 12}: `if self.always_on:`: no design switches always_on off",
        (
            f"{file}:{first + 13}: `require(self.lit[room] and not (self.locked[room] and sel...`: "
            "a part of the condition is never true"
        ),
        f"{file}:{first + 14}: `if not self.always_off:`: no design switches always_off on",
    ]
    assert components_line(system, found) == ""


def test_a_file_that_is_gone_is_not_quoted(monkeypatch):
    system = build(Rooms, [fine])
    found = unused(system, [explore(system, design).answer for design in system.designs])
    assert found is not None

    def gone(*_, **__):
        raise OSError

    monkeypatch.setattr(Path, "read_text", gone)
    lines = list(unused_lines(system, found))
    assert len(lines) == 4
    assert all(":" in line and "`" not in line for line in lines)


def test_what_components_can_do_is_one_line():
    system = build(Rooms, [fine])
    steps = tuple(step for step in system.steps if step.action == "light")
    line = components_line(system, Unused(component_actions=("a.b",), component_steps=steps))
    assert line == "of components: a.b, light(room=0), light(room=1)"
