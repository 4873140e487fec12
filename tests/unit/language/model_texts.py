"""The texts around a piece of a model: what it may name, and the class that it stands in."""

from __future__ import annotations

from textwrap import indent

HEAD = """\
from enum import IntEnum
import functools, random
from fencepost import *


class Phase(IntEnum):
    IDLE, BUSY, DONE = range(3)


class Gap(IntEnum):
    FIRST, LAST = 1, 4


"""

FIELDS = """\
    n, k = Parameter(2), Parameter(3)
    A, B = Index(n), Index(k)
    bar = Barrier('a barrier', buys=[])
    phase = Array(A, of=Phase, initial=Phase.IDLE)
    owner = Array(B, of=Maybe(A))
    grid = Array(A, B, of=bool)
    cnt = Array(A, of=Range(-2, 3), initial=0)
    clock = Var(Range(0, 3), initial=0)
    flag = Var(bool, initial=False)
    cur = Var(Maybe(B))
    s = Var(SetOf(A))
    t = Var(SetOf(A))
"""

MOVES = """
    @action(a=A)
    def moves(self, a):
        match self.phase[a]:
            case Phase.IDLE: self.phase[a] = Phase.BUSY
            case Phase.BUSY: self.phase[a] = Phase.DONE
            case _: self.phase[a] = Phase.IDLE

    @action
    def ticks(self):
        self.clock = choose(self.clock == 3, 0, self.clock + 1)

    @action
    def toggles(self):
        self.flag = not self.flag

    @action(a=A)
    def counts(self, a):
        require(self.cnt[a] < 2)
        self.cnt[a] += 1

    @action(a=A, b=B)
    def owns(self, a, b):
        self.owner[b] = a

    @action(b=B)
    def points(self, b):
        self.cur = b

    @action(a=A)
    def joins(self, a):
        self.s.add(a)
"""

SMALL = """\
class Other(Model):
    m = Parameter(4)
    X = Index(m)
    other_barrier = Barrier('another barrier', buys=[])


class M(Model):
    n = Parameter(2)
    A = Index(n)
    bar = Barrier('a barrier', buys=[])
    v = Var(bool)
"""


def with_body(
    lines: str,
    *,
    arguments: str = "a=A, b=B",
    methods: str = "",
    before: str = "",
    moves: str = MOVES,
) -> str:
    """A model of many fields whose action `probe` does these lines."""
    names = ", ".join(part.split("=")[0].strip() for part in arguments.split(","))
    parts = [HEAD, before + "\n\n\n" if before else "", "class M(Model):\n", FIELDS, moves]
    parts += [f"\n    @action({arguments})\n    def probe(self, {names}):\n"]
    parts += [indent(lines.strip("\n"), " " * 8), "\n"]
    if methods:
        parts += ["\n", indent(methods.strip("\n"), " " * 4), "\n"]
    return "".join(parts)


def declaring(fields: str = "", *, methods: str = "", after: str = "") -> str:
    """A model of one Boolean and one action, with these fields, methods and what follows it."""
    parts = [HEAD, SMALL, indent(fields.strip("\n"), " " * 4), "\n" if fields else ""]
    parts += ["\n    @action\n    def go(self):\n        self.v = not self.v\n"]
    if methods:
        parts += ["\n", indent(methods.strip("\n"), " " * 4), "\n"]
    if after:
        parts += ["\n\n", after.strip("\n"), "\n"]
    return "".join(parts)
