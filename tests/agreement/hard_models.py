"""Small models, each hard to export in one way."""

from __future__ import annotations

from enum import IntEnum

from fencepost import *
from fencepost.language.components import Channel, SlotPool


class Words(IntEnum):
    skip, end, timeout = range(3)


class Others(IntEnum):
    end, begin = range(1, 3)


class ReservedWords(Model):
    """Fields, arguments, barriers, actions and members named after words of the targets."""

    put = Index(2)
    run = Barrier("a word of Promela", buys=[])
    active = Array(put, of=Words, initial=Words.skip)
    clear = Var(Others, initial=Others.begin)
    len = Var(Maybe(put), initial=NONE)
    linux = Var(bool, initial=False)
    NONE_ = Var(bool, initial=True)
    t = Var(Range(0, 1), initial=0)
    now = Var(bool, initial=False)

    @action(of=put, active=Words)
    def init(self, of, active):
        require(self.active[of] != active)
        self.active[of] = active
        if self.run:
            self.len = of

    @action
    def record(self):
        self.clear = choose(self.clear == Others.end, Others.begin, Others.end)
        self.linux, self.now, self.t = self.now, not self.linux, 1 - self.t

    @action
    def select(self):
        require(self.NONE_)
        self.NONE_ = False

    both = Design(run, expect=holds)


class Swaps(Model):
    """Writes that read what other writes of the same step change."""

    Cell = Index(3)
    value = Array(Cell, of=Range(-2, 2), initial=lambda cell: cell - 1)
    at = Array(Cell, of=Cell, initial=lambda cell: (cell + 1) % 3)
    flag = Array(Cell, of=bool, initial=lambda cell: cell == 1)

    @action(one=Cell, other=Cell)
    def swap(self, one, other):
        self.value[one], self.value[other] = self.value[other], self.value[one]

    @action(one=Cell)
    def follow(self, one):
        self.at[self.at[one]], self.at[one] = one, self.at[self.at[one]]

    @action
    def shift(self):
        assign(
            self.value,
            to=lambda cell: self.value[self.at[cell]],
            where=lambda cell: self.flag[cell],
        )
        assign(self.flag, to=lambda cell: self.flag[self.at[cell]])


class Sets(Model):
    """Whole sets: copied, compared, chosen, in arrays, with several elements put in at once."""

    Member, Row = Index(3), Index(2)
    kept = Array(Row, of=SetOf(Member))
    spare = Var(SetOf(Member), initial=ANY)

    @action(row=Row, member=Member)
    def move(self, row, member):
        require(member in self.spare)
        self.spare.remove(member)
        self.kept[row].add(member)
        self.kept[1 - row].add(self.other(member))

    def other(self, member):
        return choose(member == 0, 2, member)

    @action(row=Row)
    def copy(self, row):
        require(self.kept[row] != self.kept[1 - row])
        self.kept[row] = choose(self.spare == EMPTY, self.kept[1 - row], self.kept[row])

    @action(row=Row)
    def exchange(self, row):
        require(exists(self.Member, lambda member: member not in self.kept[row]))
        self.spare, self.kept[row] = self.kept[row].members(), self.spare.members()


class Negative(Model):
    """Index domains and members that do not start at 0, arguments that may be NONE."""

    Place = Range(-1, 1)
    Item = Index(2)
    held = Array(Place, Others, of=Maybe(Item))
    score = Var(Range(-3, 3), initial=one_of(-3, 0))

    @action(place=Place, kind=Others, item=Maybe(Item))
    def hold(self, place, kind, item):
        require(self.held[place, kind] == NONE or place == 0)
        require(place < 1)
        self.held[place, kind] = item

    @action
    def step(self):
        total = count(self.Place, Others, lambda place, kind: self.held[place, kind] != NONE)
        require(total * 2 - 3 <= self.score)
        self.score = (self.score + 4) % 4 - 3 + total // 2


class Faults(Model):
    """Steps that fault here and there: no transition, and no error of a peer either."""

    Item = Index(2)
    at = Array(Item, of=Maybe(Item))
    level = Var(Range(0, 2), initial=0)

    @action(item=Item)
    def raise_it(self, item):
        self.level += 1

    @action(item=Item, to=Item)
    def point(self, item, to):
        self.at[item] = to

    @action(item=Item)
    def clear(self, item):
        require(self.level > 0 and (self.at[item] != NONE and self.at[self.at[item]] == item))
        self.at[self.at[item]] = NONE

    @action(item=Item)
    def chase(self, item):
        assert self.level < 2
        self.level = 0
        self.at[self.at[item]] = item


class Nothing(Model):
    """No step is ever enabled."""

    done = Var(bool, initial=one_of(False, True))

    @action
    def never(self):
        require(self.done and not self.done)


class Long(Model):
    """A body whose text is longer than Spin's buffer for an inline."""

    Item = Index(2)
    Other = Index(30)
    mark = Array(Other, of=bool, initial=False)
    turn = Var(Range(0, 29), initial=0)

    @action(item=Item)
    def go(self, item):
        require(
            for_all(
                self.Other, self.Other, lambda a, b: a == b or not (self.mark[a] and self.mark[b])
            )
        )
        assign(self.mark, to=lambda other: other == self.turn and item == 1)
        self.turn = (self.turn + 1) % 30


class Parts(Model):
    """Components, whose fields and actions have a dot in their names."""

    Request, Slot = Index(2), Index(1)
    pool = SlotPool(Slot, Request)
    pool_owner = Var(bool, initial=False)
    wire = Channel(Request, loses=True, duplicates=True, copies=2)

    @action(request=Request, slot=Slot)
    def start(self, request, slot):
        require(not self.wire.holds(request))
        self.pool.take(slot, request)
        self.wire.send(request)

    @action(request=Request, slot=Slot)
    def finish(self, request, slot):
        require(self.pool.owner[slot] == request)
        self.wire.receive(request)
        self.pool.give_back(slot)
        self.pool_owner = not self.pool_owner


MODELS = [ReservedWords, Swaps, Sets, Negative, Faults, Nothing, Long, Parts]
