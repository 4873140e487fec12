"""Whole models whose domains, arguments and nesting are unusual."""

from __future__ import annotations

from model_texts import HEAD

UNUSUAL_DOMAINS = """
class M(Model):
    A = Index(2)
    by_phase = Array(Phase, bool, of=Range(-2, 2), initial=0)
    by_offset = Array(Range(-1, 1), of=Phase, initial=Phase.BUSY)
    level = Var(Range(-3, 150), initial=100)
    members = Var(SetOf(A))
    maybe_phase = Var(Maybe(Phase))

    @action(phase=Phase, flag=bool)
    def by_names(self, phase, flag):
        self.by_phase[phase, flag] += 1
        self.by_phase[Phase.DONE, not flag] = self.by_phase[phase, True]

    @action(offset=Range(-1, 1))
    def by_numbers(self, offset):
        self.by_offset[offset] = self.by_offset[offset + 1]
        self.by_offset[-offset] = Phase.DONE

    @action(step=Range(-60, 60))
    def by_steps(self, step):
        require(self.level + step != 7)
        self.level += step
        if self.level > 120 or self.level < -1:
            self.level = 99 - self.level // 2 if self.level >= 0 else 0
        elif self.level % 7 == 3 if self.level >= 0 else False:
            self.level = self.level * self.level % 101

    @action(members=SetOf(A), other=Maybe(A))
    def by_sets(self, members, other):
        if members == self.members:
            self.members.remove(other)
        elif members != EMPTY and other != NONE:
            self.members = members
            self.members.add(other)
        self.by_phase[Phase.IDLE, other in self.members] = -1

    @action(phase=Maybe(Phase))
    def by_maybe(self, phase):
        if self.maybe_phase == phase:
            self.maybe_phase = NONE
        elif phase != NONE and self.maybe_phase == NONE:
            self.maybe_phase = phase + 1
        else:
            self.by_phase[phase, False] = 2
            self.maybe_phase = choose(phase == Phase.IDLE, NONE, phase)
"""

NESTED = """
class M(Model):
    A, B = Index(2), Index(3)
    grid = Array(A, B, of=bool)
    owner = Array(B, of=Maybe(A))
    level = Array(A, of=Range(0, 3), initial=0)

    @action(a=A)
    def quantifiers_in_bulk(self, a):
        assign(
            self.grid,
            to=lambda i, j: exists(self.B, lambda k: self.grid[i, k] and k != j),
            where=lambda i, j: count(self.B, lambda k: self.owner[k] == i) != 1,
        )
        require(exists(self.B, lambda j: self.grid[a, j]))

    @action(a=A, b=B)
    def loops_in_quantifiers(self, a, b):
        require(
            for_all(self.A, lambda i: all(self.grid[i, j] for j in self.B) or i == a)
            or exists(self.B, lambda j: any(self.owner[j] == i for i in self.A if i != a))
        )
        self.owner[b] = a

    @action(a=A)
    def faults_in_quantifiers(self, a):
        self.level[a] = count(
            self.B,
            lambda j: self.owner[j] != NONE and self.level[self.owner[j]] + 1 > self.level[a],
        )
        assert for_all(self.B, lambda j: not self.grid[a, j] or self.level[self.owner[j]] >= 0)

    @action(b=B)
    def quantified_values(self, b):
        require(exists(Phase, lambda p: p == Phase.BUSY) and exists(bool, lambda q: not q))
        require(exists(Maybe(M.A), lambda m: self.owner[b] == m))
        require(for_all(Range(-1, 1), M.B, lambda n, j: n + self.level[0] < 4))
        self.grid[1, b] = exists(self.A, self.A, lambda i, j: i != j and self.level[i] == 0)

    @action(a=A, b=B)
    def bulk_after_bulk(self, a, b):
        assign(self.owner, to=lambda j: self.owner[b])
        self.owner[0] = a
        assign(self.owner, to=NONE, where=lambda j: self.owner[j] == a and j != b)
        assign(self.level, to=lambda i: self.level[i] + count(self.B, lambda j: self.owner[j] == i))

    @action(a=A)
    def asserts_in_helpers(self, a):
        require(for_all(self.B, self.sane))
        self.grid[a, 0] = not self.sane(0)

    def sane(self, b):
        assert self.level[0] < 3
        return self.owner[b] == NONE or self.grid[self.owner[b], b]
"""

INHERITED = """
class Base(Model):
    A = Index(2)
    level = Array(A, of=Range(0, 2), initial=0)

    @action(a=A)
    def rise(self, a):
        self.raise_by(a, 1)

    @action(a=A)
    def drop(self, a):
        self.level[a] = 0

    def raise_by(self, a, amount):
        require(self.level[a] + amount <= 2)
        self.level[a] += amount


class M(Base):
    high = Var(bool)
    drop = None

    @action(a=Base.A)
    def leap(self, a):
        self.raise_by(a, 2)
        self.high = True

    def raise_by(self, a, amount):
        require(not self.high or amount == 1)
        Base.raise_by(self, a, amount)
"""

TRICKY_MODELS = {
    "unusual domains": HEAD + UNUSUAL_DOMAINS,
    "nested": HEAD + NESTED,
    "inherited": HEAD + INHERITED,
}
