"""Bodies whose recording and plain run are easily told apart, and must be the same."""

from __future__ import annotations

from model_texts import with_body as body

GOOD_BODIES: dict[str, str] = {
    "base": body("self.grid[a,b]=True"),
    "none index": body("self.grid[a, self.cur] = True"),
    "none index read": body("self.flag = self.grid[a, self.cur]"),
    "none assign row": body("assign(self.grid[self.owner[b]], to=True)"),
    "none set member": body("self.s.add(self.owner[b])"),
    "none in set": body("self.flag = self.owner[b] in self.s"),
    "sorted": body("x = sorted([self.cnt[0], self.cnt[1], self.clock]); self.clock = x[2]"),
    "max": body("self.clock = max(self.cnt[0], self.clock)"),
    "sum conds": body("self.clock = sum(self.phase[i] == Phase.BUSY for i in self.A)"),
    "sum conds2": body("self.clock = sum([self.flag, self.clock > 2])"),
    "tuple eq": body("self.flag = (self.clock, self.phase[a]) == (1, Phase.BUSY)"),
    "tuple lt": body("self.flag = (self.clock, self.cnt[a]) < (1, 2)"),
    "in list": body("self.flag = self.phase[a] in [Phase.IDLE, Phase.DONE]"),
    "in tuple": body("self.flag = self.clock not in (1, 2)"),
    "in range": body("self.flag = self.clock in range(1,3)"),
    "walrus": body("if (x := self.clock) > 1: self.clock = x - 1"),
    "chained": body("self.flag = 0 < self.clock <= 2 != self.cnt[a]"),
    "closure": body("""\
fs = [lambda i=i: self.cnt[i] == 0 for i in self.A]
self.flag = all(f() for f in fs)
"""),
    "for_all default lambda": body("self.flag = for_all(self.B, lambda i, a=a: self.grid[a, i])"),
    "for_all bound method": body(
        "self.flag = for_all(self.B, self.own_it)",
        methods="def own_it(self, b): return self.owner[b] != NONE",
    ),
    "match guard": body("""\
match self.phase[a]:
    case Phase.IDLE if self.flag: self.clock = 1
    case Phase.BUSY | Phase.DONE: self.clock = 2
    case x: self.flag = x == Phase.IDLE
"""),
    "match capture num": body("""\
match self.clock:
    case 0: self.flag = True
    case x if x > 2: self.clock = x - 1
    case _: pass
"""),
    "match seq": body("""\
match (self.clock, self.flag):
    case (0, f) if f: self.clock = 2
    case (x, _): self.clock = x
"""),
    "match seq on scalar": body("""\
match self.clock:
    case [x]: self.flag = True
    case _: self.flag = False
"""),
    "comp cond": body("self.clock = len([i for i in self.A if self.cnt[i] > 0])"),
    "bool arith": body("self.clock = self.flag * 2 + (self.clock > 1)"),
    "not equal": body("self.flag = not self.clock == 2"),
    "ternary": body("self.clock = 1 if self.flag else 2"),
    "lru method": body(
        "self.flag = self.h(); self.clock=0; self.flag = self.h()",
        methods="""\
@functools.lru_cache
def h(self): return self.clock > 1
""",
    ),
    "for x in tuple": body("""\
for x in (self.clock, self.cnt[a]):
    if x > 1: self.flag = True
"""),
    "slice2": body("x = [self.cnt[0], self.cnt[1]][0:1]; self.flag = x[0] == 1"),
    "aug arrays": body("self.cnt[a] += 1; self.cnt[0] -= 1"),
    "alias": body("c = self.cnt; d = self.cnt; c[a] = 1; self.clock = d[0] + 1"),
    "row alias": body("r = self.grid[a]; r[b] = True; self.flag = self.grid[0, 1]"),
    "Range quant param": body("self.flag = for_all(Range(0,1), lambda i: self.cnt[i] == 0)"),
    "Model domain quant": body("self.flag = for_all(M.B, lambda i: self.grid[a,i])"),
    "enum gap": body("self.flag = self.cnt[a] + 2 == Gap.LAST"),
    "cached_property": body(
        "if self.ok: self.flag=True",
        methods="""\
@functools.cached_property
def ok(self): return self.clock > 1
""",
    ),
    "classmethod": body(
        "if self.ok(self.clock): self.flag=True",
        methods="""\
@classmethod
def ok(cls, x): return x > 1
""",
    ),
    "staticmethod": body(
        "if self.ok(self.clock): self.flag=True",
        methods="""\
@staticmethod
def ok(x): return x > 1
""",
    ),
    "property": body(
        "if self.ok: self.flag=True",
        methods="""\
@property
def ok(self): return self.clock > 1
""",
    ),
    "neg": body("self.cnt[a] = -self.flag"),
    "set copy": body("x = self.s; self.s = EMPTY; self.t = x"),
    "set choose": body("self.t = choose(self.flag, self.s, EMPTY)"),
    "len dom": body("self.clock = len(self.A)"),
    "enumerate": body("""\
for i, x in enumerate(self.A):
  self.cnt[x] = i
"""),
    "range param": body("""\
for i in range(self.n):
  self.cnt[i] = i
"""),
    "while": body("while self.clock < 3: self.clock += 1"),
    "min key": body("self.cur = min(self.B, key=lambda b: self.owner[b] == NONE)"),
    "filter": body("self.clock = len(list(filter(lambda i: self.grid[a, i], self.B)))"),
    "any gen": body("self.flag = any(self.grid[a, i] for i in self.B)"),
    "raise assert": body("if self.clock == 3: raise AssertionError('x')"),
    "swap": body("self.cnt[a], self.cnt[0] = self.cnt[0], self.cnt[a]"),
    "reads nested": body("self.grid[a, self.cur] = self.grid[self.owner[b], b]"),
    "bulk self": body("assign(self.cnt, to=lambda i: self.cnt[0])"),
    "bulk fault where": body(
        """\
assign(
    self.grid,
    to=lambda i, j: self.grid[self.owner[j], j],
    where=lambda i, j: self.owner[j] != NONE,
)
"""
    ),
    "bulk then read": body(
        """\
assign(self.grid[a], to=True, where=lambda j: self.owner[j] == a)
self.flag = self.grid[0, b]
self.flag = for_all(self.B, lambda j: self.grid[a, j] or self.flag)
"""
    ),
    "aliasing indices": body(
        """\
self.cnt[a] = 1
self.cnt[0] = 2
if self.cnt[a] == 2 and self.cnt[1] != 1:
    self.grid[a, b] = self.cnt[0] > self.cnt[a]
    self.grid[self.owner[b], 1] = True
    self.flag = self.grid[0, b]
"""
    ),
    "require after writes": body(
        """\
self.clock = 3 - self.clock
self.cnt[a] = self.clock - 1
require(self.clock > 1 or self.flag)
self.cnt[0] += 1
require(self.cnt[a] != 2)
"""
    ),
    "fault before disabled": body(
        "self.clock += 2\nrequire(self.flag)\nassert self.cnt[a] > -2\nself.cnt[a] -= 1"
    ),
    "fault behind false": body(
        "if self.owner[b] != NONE and self.grid[self.owner[b], b]:\n    self.flag = True"
    ),
    "nested quantifiers": body(
        """\
self.flag = for_all(
    self.A,
    lambda i: self.phase[i] == Phase.IDLE
    or exists(
        self.B,
        lambda j: self.owner[j] == i and count(self.B, lambda m: self.grid[i, m]) > 1,
    ),
)
"""
    ),
    "quantifier of faults": body(
        "self.clock = count(self.B, lambda j: self.grid[self.owner[j], b] and j in (0, 2))"
    ),
    "quantifier sees writes": body(
        "self.grid[a, b] = True\nself.flag = exists(self.A, self.B, lambda i, j: self.grid[i, j])"
    ),
    "assign a row by itself": body("assign(self.grid[a], to=lambda j: self.grid[0, j] or j == b)"),
    "assign faults on a domain": body("assign(self.cnt, to=lambda i: self.cnt[i] + self.clock)"),
    "assign overlapping": body(
        """\
assign(self.grid, to=False, where=lambda i, j: i != a)
self.grid[0, b] = True
assign(self.grid[a], to=True)
self.flag = self.grid[0, 0]
self.clock = count(self.B, lambda j: self.grid[1, j])
"""
    ),
    "sets": body(
        """\
self.s.add(a)
self.t.add(self.owner[b])
self.flag = a in self.t
if self.s == self.t:
    self.s = EMPTY
    self.s.add(1)
    self.s.remove(0)
elif self.s != EMPTY:
    self.t = self.s
    self.t.remove(a)
"""
    ),
    "set emptied and filled": body("self.s = EMPTY\nself.s.add(a)\nself.flag = self.s == EMPTY"),
    "sets in choose": body("self.t = choose(a in self.s, self.s, self.t)\nself.s = self.t"),
    "choose of NONE": body(
        "self.owner[b] = choose(self.flag, NONE, a)\nself.flag = self.owner[0] == NONE"
    ),
    "maybe as number": body("self.clock = self.cur + 1"),
    "maybe in order": body("self.flag = self.cur < 2 or self.cur >= b"),
    "NONE written and counted": body("self.cur = NONE\nself.clock = self.cur + 1"),
    "barrier": body("if self.bar: self.clock = 0\nelse: self.flag = not self.bar"),
    "floor and remainder": body("self.clock = (self.clock * 3 + 1) // 2 % 4"),
    "index arithmetic": body("self.cur = b + 1\nself.flag = self.grid[a, b - 1]"),
    "index by flag": body("self.cnt[choose(self.flag, 0, a)] -= 1"),
    "rows of rows": body(
        "row = self.grid[self.owner[b]]\nself.owner[b] = NONE\nrow[b] = not row[0]"
    ),
    "loop with continue": body(
        """\
for j in self.B:
    if self.owner[j] == NONE:
        continue
    if self.grid[a, j]:
        break
    self.grid[a, j] = True
else:
    self.flag = True
"""
    ),
    "early return": body("if self.flag:\n    return\nself.flag = self.clock == 2"),
    "helper of another action": body("self.owns(a, b)\nself.counts(a)"),
    "unwritten state": body("self.clock = self.clock\nself.phase[a] = self.phase[a]"),
    "assert on the way": body(
        "assert self.cnt[a] != 1\nassert self.flag or self.clock < 3, 'late'"
    ),
    "mixed chain": body("self.flag = -1 <= self.cnt[a] < self.clock != 2"),
    "enum order": body("self.flag = self.phase[a] >= Phase.BUSY\nself.phase[a] = Phase.DONE"),
    "enum from number": body("self.phase[a] = self.clock"),
    "index equals number": body("self.flag = a == self.clock or b in (0, self.cur)"),
    "first that is free": body(
        "self.cur = next((j for j in self.B if self.owner[j] == NONE), NONE)"
    ),
    "largest by key": body("self.cnt[max(self.A, key=lambda i: self.cnt[i])] = 0"),
    "zip and unpack": body(
        "for i, j in zip(self.A, self.B):\n    first, *rest = self.cnt[i], j, self.flag\n"
        "    self.flag = first > 0 or rest[1]"
    ),
    "lambda in lambda": body(
        "pick = lambda f: lambda i: f(self.cnt[i])\n"
        "self.flag = exists(self.A, pick(lambda value: value > 1))"
    ),
    "set in a tuple": body("self.flag = self.s in (EMPTY, self.t)"),
}
