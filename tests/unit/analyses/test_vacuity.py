from __future__ import annotations

from fencepost import (
    Array,
    Barrier,
    Design,
    Index,
    Model,
    Parameter,
    action,
    always,
    build,
    holds,
    require,
)
from fencepost.analyses.vacuity import unused
from fencepost.core.limits import Limits
from fencepost.engines.explore import explore
from fencepost.language.components import Channel


class Lamps(Model):
    """Lamps with a switch that is never pressed and a branch never taken."""

    lamps = Parameter(2)
    Lamp = Index(lamps)
    smash_allowed = Barrier("lamps may be smashed", buys=["fine"])
    on = Array(Lamp, of=bool)
    broken = Array(Lamp, of=bool)

    @action(lamp=Lamp)
    def press(self, lamp):
        require(lamp == 0)
        if self.broken[lamp]:
            require(False)
        self.on[lamp] = not self.on[lamp]

    @action(lamp=Lamp)
    def mend(self, lamp):
        require(self.broken[lamp])
        self.broken[lamp] = False

    @action(lamp=Lamp)
    def smash(self, lamp):
        require(self.smash_allowed and not self.broken[lamp])
        self.broken[lamp] = True

    calm = Design(expect=holds)
    wild = Design(smash_allowed, expect=holds)


@always(Lamps)
def fine(m):
    """Nothing is asked."""
    return True


def answers(system, *names, **limits):
    return [explore(system, system.design(n), limits=Limits(**limits)).answer for n in names]


def test_what_one_design_uses_is_used():
    system = build(Lamps, [fine])
    found = unused(system, answers(system, "calm", "wild"))
    assert found is not None
    assert found.actions == ()
    assert [system.show_step(step) for step in found.steps] == ["press(lamp=1)"]


def test_nothing_is_said_unless_every_design_was_searched_to_its_end():
    system = build(Lamps, [fine])
    assert unused(system, answers(system, "wild")) is None
    assert unused(system, answers(system, "calm", "wild", states=1)) is None
    assert unused(system, []) is None


def test_an_action_that_is_never_taken_is_named_once_without_its_branches():
    class Still(Lamps):
        """No design lets a lamp be smashed."""

        wild = Design(expect=holds)

    asked = always(Still)(fine.body)
    system = build(Still, [asked])
    found = unused(system, answers(system, "calm", "wild"))
    assert found is not None
    assert found.actions == ("mend", "smash")
    assert bool(found)
    body = Still.press.body.__code__.co_firstlineno
    assert {(b.location.line - body, b.outcome) for b in found.branches} == {(3, True)}


class Post(Model):
    """Letters that are sent on a channel which may lose and double them, and never does."""

    letters = Parameter(1)
    Letter = Index(letters)
    sent = Channel(Letter, loses=True, duplicates=True, copies=2)
    kept = Array(Letter, of=bool)

    @action(letter=Letter)
    def keep(self, letter):
        require(not self.kept[letter])
        self.kept[letter] = True

    only = Design(expect=holds)


@always(Post)
def letters_are_letters(m):
    return True


def test_what_components_do_unasked_is_no_reproach_but_mishaps_were_asked_for():
    from fencepost.language.components import WriteQueue

    class Queue(Post):
        writes = WriteQueue(Post.Letter, Post.Letter)

    system = build(Queue, [always(Queue)(letters_are_letters.body)])
    found = unused(system, answers(system, "only"))
    assert found is not None
    assert found.actions == ("sent.lose", "sent.duplicate")
    assert found.component_actions == ("writes.complete", "writes.show")
    assert found.steps == found.component_steps == ()
