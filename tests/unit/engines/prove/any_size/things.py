"""Every kind of domain and construct that a proof for any size reads."""

from recycling import Phase

from fencepost import *


class Things(Model):
    """Every kind of domain and construct that a proof for any size reads."""

    things, places = Parameter(3, low=1), Parameter(2, low=1)
    Thing, Place = Index(things, ordered=True), Index(places)

    level = Array(Thing, of=Range(0, 3), initial=0)
    at = Array(Thing, of=Maybe(Place))
    seen = Array(Place, of=SetOf(Thing), initial=EMPTY)
    phase = Array(Thing, bool, of=Phase, initial=lambda thing, flag: Phase(int(flag)))
    best = Var(Maybe(Thing))
    choice = Array(Thing, of=Place, initial=ANY)

    @action(thing=Thing, place=Place)
    def visit(self, thing, place):
        require(self.at[thing] == NONE and self.choice[thing] == place)
        require(count(self.Thing, lambda t: self.at[t] == place) <= 1)
        self.at[thing] = place
        self.seen[place].add(thing)
        self.level[thing] = min(self.level[thing] + 1, 3)
        if self.best == NONE or self.best < thing:
            self.best = thing

    @action(thing=Thing)
    def leave(self, thing):
        require(self.at[thing] != NONE)
        place = self.at[thing]
        self.seen[place].remove(thing)
        self.at[thing] = NONE
        assign(
            self.phase[thing],
            to=Phase.DONE,
            where=lambda flag: self.phase[thing, flag] >= Phase.HELD,
        )

    @action
    def clear(self):
        require(exists(self.Place, lambda p: self.seen[p] == EMPTY))
        assign(self.level, to=0, where=lambda t: self.level[t] * 2 > 4)


@always(Things)
def at_most_two(m, place: Things.Place):
    return count(m.Thing, lambda t: m.at[t] == place) < 3


@always(Things)
def seen_are_there(m, place: Things.Place, thing: Things.Thing):
    return (thing in m.seen[place]) == (m.at[thing] == place)


@always(Things)
def best_is_greatest(m, thing: Things.Thing):
    return m.at[thing] == NONE or (m.best != NONE and not m.best < thing)


@always(Things)
def flags_differ(m, thing: Things.Thing):
    return m.phase[thing, True] in (Phase.HELD, Phase.DONE) and m.phase[thing, False] == Phase.IDLE


@always(Things)
def never_above(m, thing: Things.Thing):
    return m.level[thing] <= 3


@always(Things)
def wrong(m, thing: Things.Thing, other: Things.Thing):
    return thing == other or m.at[thing] == NONE or m.at[thing] != m.at[other]


PROPERTIES = (at_most_two, seen_are_there, best_is_greatest, flags_differ, never_above, wrong)
