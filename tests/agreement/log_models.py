"""Small models whose logs meet what random ones seldom do."""

from __future__ import annotations

from fencepost import ANY, Model, Range, Var, action, always, initial, require


class Parity(Model):
    """Three values of which each two say nothing of each other, and all three do."""

    a = Var(bool, initial=ANY)
    b = Var(bool, initial=ANY)
    c = Var(bool, initial=ANY)

    @initial
    def the_third_follows(self):
        return self.c == (self.a == self.b)

    @action
    def see_an_impossible_one(self):
        require(self.a and self.b and not self.c)

    @action
    def see_a_possible_one(self):
        require(self.a and self.b and self.c)


@always(Parity)
def parity(m):
    """They are never what cannot be."""
    return not (m.a and m.b and not m.c)


class Reset(Model):
    """A step that reads nothing and writes the same for ever."""

    value = Var(bool, initial=False)

    @action
    def reset(self):
        self.value = False

    @action
    def rise(self):
        require(not self.value)
        self.value = True


@always(Reset)
def reset_anything(m):
    """Whatever."""
    return m.value or not m.value


class Switched(Model):
    """A step that may be taken in one group, and whose effect depends on what becomes known."""

    level = Var(Range(0, 2), initial=0)
    on = Var(bool, initial=False)

    @action
    def up(self):
        require(self.level == 0)
        self.level = 1

    @action
    def go(self):
        require(self.level == 1)
        if self.on:
            self.level = 2

    @action
    def switch(self):
        self.on = True

    @action
    def arrive(self):
        require(self.level == 2)


@always(Switched)
def switched_anything(m):
    """Whatever."""
    return m.level <= 2


class Meeting(Model):
    """Two groups that one step reads together, and that it changes only in the end."""

    here = Var(bool, initial=False)
    there = Var(Range(0, 2), initial=0)
    met = Var(bool, initial=False)
    first = Var(bool, initial=False)
    second = Var(bool, initial=False)

    @action
    def come(self):
        self.here = True

    @action
    def meet(self):
        require(self.here)
        if self.there == 2:
            self.met = True

    @action
    def approach(self):
        require(self.first and self.there == 0)
        self.there = 1

    @action
    def reach(self):
        require(self.second and self.there == 1)
        self.there = 2

    @action
    def allow_first(self):
        self.first = True

    @action
    def allow_second(self):
        self.second = True

    @action
    def part(self):
        require(self.met)


@always(Meeting)
def meeting_anything(m):
    """Whatever."""
    return m.there <= 2


MODELS = (
    (Parity, parity, (), ("see_a_possible_one",), True),
    (Parity, parity, (), ("see_an_impossible_one",), False),
    (Reset, reset_anything, ("reset",), ("rise", "rise"), True),
    (Reset, reset_anything, (), ("rise", "rise"), False),
    (Switched, switched_anything, ("up", "go"), ("switch", "arrive"), True),
    (Switched, switched_anything, ("up", "go"), ("arrive",), False),
    (
        Meeting,
        meeting_anything,
        ("come", "meet", "approach", "reach"),
        ("allow_first", "allow_second", "part"),
        True,
    ),
    (
        Meeting,
        meeting_anything,
        ("come", "meet", "approach", "reach"),
        ("allow_first", "part"),
        False,
    ),
)
"""A model, its property, unlogged actions, logged ones, and whether the log is a run."""
